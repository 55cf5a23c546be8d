/** What a server costs, in a process of its own, while viewers watch: processor time a delivered frame, and memory. */

import { readFileSync } from "node:fs";
import { type Watched, watch } from "./viewers.ts";

const SECONDS = 5;
/** Linux counts processor time in hundredths of a second, on every machine that we know. */
const TICK_MS = 10;

export interface CostRow extends Watched {
  /** Processor time of the server's process a delivered frame, µs; undefined where the system does not tell. */
  cpu: number | undefined;
  /** Memory of the server's process, bytes. */
  resident: number | undefined;
}

/** Processor time that the process used so far, ms. */
export function cpuTime(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
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
