/**
 * A path of a certain length, as `wire.c` makes it of two network namespaces: starts that program, and tells how other
 * programs are run at either end. For benchmarks and tests alike.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("wire.c", import.meta.url));
const BUILD = fileURLToPath(new URL("../../build/bench/", import.meta.url));

/** Why there is no path on this machine, in one line. */
export class WireError extends Error {}

export interface WireOptions {
  roundTripMs: number;
  /** Bytes a second, each way; without it as many as come. */
  rate?: number;
  /** Bytes that wait in front of a link with a rate. */
  queueBytes?: number;
}

export interface End {
  address: string;
  /** What a command is put behind to run there, as the same process. */
  under: string[];
}

export interface Wire {
  near: End;
  far: End;
  stop(): Promise<void>;
}

/** @throws {WireError} where this machine allows no such path */
export async function startWire({ roundTripMs, rate, queueBytes = 0 }: WireOptions): Promise<Wire> {
  mkdirSync(BUILD, { recursive: true });
  execFileSync("cc", ["-O2", "-o", `${BUILD}wire`, SOURCE], { stdio: "inherit" });
  const args = [roundTripMs * 500, ...(rate === undefined ? [] : [rate, queueBytes])].map(String);
  const child = spawn(`${BUILD}wire`, args, { stdio: "pipe" }); // our end is its input's end
  let [said, complaint] = ["", ""];
  child.stderr.on("data", (data) => (complaint += data));
  const ended = once(child, "close");
  const isThere = new Promise<boolean>((resolve) => {
    child.stdout.on("data", (data) => {
      said += data;
      if (said.split("\n").length > 2) resolve(true);
    });
    void ended.then(() => resolve(false));
  });
  if (!(await isThere)) throw new WireError(`no path can be made on this machine (${complaint.trim()})`);
  const [near, far] = said.split("\n").map((line): End => {
    const [address, ...options] = line.split(" ");
    return { address, under: ["nsenter", ...options, "--"] };
  });
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return { near, far, stop };
}
