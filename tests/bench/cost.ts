/** What a server costs, in a process of its own, while viewers watch: processor time a delivered frame, and memory. */

import { readdirSync, readFileSync } from "node:fs";
import { type Watched, watch } from "./viewers.ts";

const SECONDS = 5;
export interface CostRow extends Watched {
  /** Processor time of the server's process a delivered frame, µs; undefined where the system does not tell. */
  cpu: number | undefined;
  /** Memory of the server's process, bytes. */
  resident: number | undefined;
}

/** Processor time that the threads of a process, those that are there, used so far, ms. */
export function cpuTime(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const threads = readdirSync(`/proc/${pid}/task`);
  // The first number of each, in ns. /proc/PID/stat counts in hundredths of a second, too coarse for one viewer.
  const times = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
  );
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

function resident(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

/** Has so many viewers watch the server at `port`, one count after another. */
export async function measure(port: number, pid: number, counts: number[]): Promise<CostRow[]> {
  const rows: CostRow[] = [];
  for (const count of counts) {
    let before: number | undefined;
    const row = await watch(port, count, SECONDS, () => (before = cpuTime(pid)));
    const after = cpuTime(pid);
    const used = before === undefined || after === undefined ? undefined : (after - before) * 1000;
    rows.push({ ...row, cpu: used && used / (row.delivered * SECONDS), resident: resident(pid) });
  }
  return rows;
}
