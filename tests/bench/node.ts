/** The camera on Node, in a process of its own, with 1, 32 and 128 viewers: what they get and what it costs. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Profile } from "../../host/module.ts";
import { type Watched, watch } from "./viewers.ts";

const MAIN = fileURLToPath(new URL("../../host/main.ts", import.meta.url));
const SECONDS = 5;
/** Linux counts processor time in hundredths of a second, on every machine that we know. */
const TICK_MS = 10;

export interface NodeRow extends Watched {
  /** Processor time of the camera's process a delivered frame, µs; undefined where the system does not tell. */
  cpu: number | undefined;
  /** Memory of the camera's process, bytes. */
  resident: number | undefined;
}

/** Processor time that the process used so far, ms. */
function cpuTime({ pid }: ChildProcess): number | undefined {
  if (process.platform !== "linux") return undefined;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function resident({ pid }: ChildProcess): number | undefined {
  if (process.platform !== "linux") return undefined;
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

/** Runs the camera on Node in a process of its own for as long as `body` takes. */
export async function withCamera<T>(
  profile: Profile,
  body: (port: number, camera: ChildProcess) => Promise<T>,
): Promise<T> {
  const args = ["--import", "tsx", MAIN, "--port", "0", "--profile", profile];
  const camera = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const end = () => camera.kill("SIGKILL");
  process.once("exit", end);
  try {
    const port = await new Promise<number>((resolve, reject) => {
      camera.once("exit", (code) => reject(new Error(`the camera ended with ${code}`)));
      createInterface(camera.stdout).on("line", (line) => {
        const match = /^http:\/\/127\.0\.0\.1:(\d+)\/$/.exec(line);
        if (match) resolve(Number(match[1]));
      });
    });
    return await body(port, camera);
  } finally {
    camera.kill("SIGTERM");
    if (camera.exitCode === null) await once(camera, "exit");
    process.off("exit", end);
  }
}

export function benchNode(counts: number[]): Promise<NodeRow[]> {
  return withCamera("server", async (port, camera) => {
    const rows: NodeRow[] = [];
    for (const count of counts) {
      let cpuBefore: number | undefined;
      const row = await watch(port, count, SECONDS, () => (cpuBefore = cpuTime(camera)));
      const cpuAfter = cpuTime(camera);
      const used = cpuBefore === undefined || cpuAfter === undefined ? undefined : (cpuAfter - cpuBefore) * 1000;
      rows.push({ ...row, cpu: used && used / (row.delivered * SECONDS), resident: resident(camera) });
    }
    return rows;
  });
}
