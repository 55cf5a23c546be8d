/** The evil module for boards. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compileEvil } from "./compile.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** @param target as board/build.sh calls it @returns the path of the AOT file */
export async function evilForBoard(target = "cortex-m7"): Promise<string> {
  const wasm = await compileEvil();
  const aot = wasm.replace(/wasm$/, `${target}.aot`);
  await promisify(execFile)("board/build.sh", ["aot", wasm, aot, target], { cwd: ROOT });
  return aot;
}
