/** Lines for the board's log, written without allocating. */

import { Level, log } from "./board";
import { Writer } from "./writer";

const LINE_BYTES: i32 = 240;
const line = memory.data(LINE_BYTES);
/** Made by the first line, since a failed assert may want it before this file's globals are there. */
let writer: Writer | null = null;

/** Begins a line; what is written to the result goes out with {@link endLine}. */
export function beginLine(): Writer {
  if (!writer) writer = new Writer();
  return writer!.begin(line, LINE_BYTES);
}

export function endLine(level: Level): void {
  log(level, line, writer!.length);
}

/** A line of fixed text. */
export function say(level: Level, text: string): void {
  beginLine().text(text);
  endLine(level);
}
