/**
 * The module's exports. A host instantiates it, calls `begin` (asc's start function) once, and then `step` whenever the
 * time that the last one answered has come, or the board has an event.
 */

import { Level } from "./board";
import { beginLine, endLine } from "./journal";
import { start } from "./main";
import { runReady } from "./scheduler";
import { takeEvents } from "./sockets";

start();
beginLine(); // what it needs is made now: nothing is allocated after the start

/**
 * Does what there is to do, a bounded piece of it.
 * @param now µs since the board's start, never less than in the call before
 * @returns when to be called next, in the same terms: `now` or earlier for at once, i64's largest for only on an event
 */
export function step(now: i64): i64 {
  takeEvents();
  return runReady(now);
}

/** The end of a failed assert (asc calls it by `--use`): says where in the log and traps; the host starts afresh. */
export function abort(message: string | null, file: string | null, row: u32, column: u32): void {
  const line = beginLine();
  if (file) line.text(file).text(":").number(row).text(":").number(column).text(": ");
  if (message) line.text(message);
  endLine(Level.ERROR);
  unreachable();
}
