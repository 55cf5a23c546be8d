/**
 * Viewers in a process of their own, so that they can be at the other end of a path (see `wire.ts`): has them watch and
 * prints what they saw, as JSON; or prints the camera's clock less this machine's, asked from where the camera is.
 *
 *     tsx far-viewers.ts clock PORT
 *     tsx far-viewers.ts watch '{"host": …, …}'       a FarWatch
 */

import { setTimeout as sleep } from "node:timers/promises";
import { clockOffset, machineTime, oldness, Viewer, type Way } from "./viewers.ts";

export interface FarWatch {
  host: string;
  port: number;
  way: Way;
  viewers: number;
  /** How long they are watched when they have settled. */
  seconds: number;
  /** The camera's clock less the machine's, s. */
  offset: number;
}

export interface FarWatched {
  /** Frames that a viewer got in the first second after it connected, in the second, and then each second. */
  first: number;
  second: number;
  fps: number;
  /** How old pictures are from then on when they are there, s; null where the server does not tell. */
  median: number | null;
  p99: number | null;
}

/** When all has settled, s after the viewers connected. */
const SETTLED_AT = 3;

async function watch({ host, port, way, viewers, seconds, offset }: FarWatch): Promise<FarWatched> {
  const startedAt = machineTime();
  const counts = [0, 0];
  const ages: number[] = [];
  const all = Array.from({ length: viewers }, () => {
    const onPart = (timestamp: number) => {
      const since = machineTime() - startedAt;
      if (since < counts.length) counts[Math.floor(since)]++;
      if (since >= SETTLED_AT && since < SETTLED_AT + seconds) ages.push(startedAt + since + offset - timestamp);
    };
    return new Viewer(port, way, Infinity, onPart, host);
  });
  await sleep((SETTLED_AT + seconds) * 1000);
  for (const { socket } of all) socket.destroy();
  const [first, second] = counts.map((count) => count / viewers);
  return { first, second, fps: ages.length / viewers / seconds, ...oldness(ages) };
}

const [job, what] = process.argv.slice(2);
console.log(JSON.stringify(job === "clock" ? await clockOffset(Number(what)) : await watch(JSON.parse(what))));
