/** A program that a test runs to its end. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** How a program ends, and what it writes until then. */
export async function endOf(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (data) => (out += data));
  child.stderr?.on("data", (data) => (err += data));
  const [code] = await once(child, "close");
  return { code, out, err };
}
