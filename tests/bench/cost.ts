/** What a server costs, in a process of its own, while viewers watch: processor time a delivered frame, and memory. */

import { readdirSync, readFileSync } from "node:fs";
import { type Watched, watch } from "./viewers.ts";

const SECONDS = 3;
/** Turns of each server at a count. */
const TURNS = 3;

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

/** Has so many viewers watch the server at `port`. */
async function measureOne(port: number, pid: number, viewers: number): Promise<CostRow> {
  let before: number | undefined;
  const row = await watch(port, viewers, SECONDS, () => (before = cpuTime(pid)));
  const after = cpuTime(pid);
  const used = before === undefined || after === undefined ? undefined : (after - before) * 1000;
  return { ...row, cpu: used && used / (row.delivered * SECONDS), resident: resident(pid) };
}

/**
 * Has viewers watch, one count of them after another, and servers in turn, so that what else the machine does meets
 * them alike. @returns the rows of each server: of the turns at each count the one that took least processor time
 */
export async function measure(servers: { port: number; pid: number }[], counts: number[]): Promise<CostRow[][]> {
  const rows: CostRow[][] = servers.map(() => []);
  for (const count of counts) {
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [n, { port, pid }] of servers.entries()) {
        const row = await measureOne(port, pid, count);
        const least = rows[n].at(-1);
        if (turn === 0) rows[n].push(row);
        else if (row.cpu! < least!.cpu!) rows[n][rows[n].length - 1] = row;
      }
    }
  }
  return rows;
}
