/**
 * The last 16 KB of the board's log, for the module to show: in memory that outlives the module, and, where it is
 * shared between threads, the thread that ran it.
 */

import { Level, LOG_BYTES } from "./board-table.ts";

const LINE_FEED = 0x0a;
/** Two numbers before the bytes: where the next one goes, and how many there are. */
const HEAD_BYTES = 8;

/** As much of a text as `most` bytes of UTF-8 have, without cutting a character in two. */
export function cutText(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** A line of the log as the board writes it. @param now µs */
export function logLine(now: number, level: number, text: string): string {
  const seconds = `${Math.floor(now / 1e6)}.${String(now % 1e6).padStart(6, "0")}`;
  // What a viewer sent may be in it; a line stays one line.
  const oneLine = text.replaceAll(/\p{Cc}/gu, "?");
  return `[${seconds.padStart(12)}] ${(Level[level] ?? "?").padEnd(7)} ${oneLine}\n`;
}

export class LogRing {
  /** All of it; to be given to whoever shall write to the same ring. */
  readonly memory: SharedArrayBuffer;
  /** [where the next byte goes, how many there are] */
  readonly #head: Uint32Array;
  readonly #bytes: Uint8Array;

  constructor(memory = new SharedArrayBuffer(HEAD_BYTES + LOG_BYTES)) {
    this.memory = memory;
    this.#head = new Uint32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  /** Adds a line, over the oldest where there is no more room, but no secret. One thread writes at a time. */
  write(now: number, level: number, text: string): void {
    if (level === Level.CONSOLE) return;
    const line = Buffer.from(logLine(now, level, text)).subarray(-LOG_BYTES);
    const at = this.#head[0];
    const first = line.subarray(0, LOG_BYTES - at);
    this.#bytes.set(first, at);
    this.#bytes.set(line.subarray(first.length), 0);
    this.#head[0] = (at + line.length) % LOG_BYTES;
    this.#head[1] = Math.min(this.#head[1] + line.length, LOG_BYTES);
  }

  /** Reads the last whole lines that fit `memory` from `start` to before `end`. @returns how many bytes */
  read(memory: Uint8Array, start: number, end: number): number {
    const [next, count] = this.#head;
    const all = Buffer.alloc(count);
    const oldest = (next + LOG_BYTES - count) % LOG_BYTES;
    const first = this.#bytes.subarray(oldest, oldest + count);
    all.set(first);
    all.set(this.#bytes.subarray(0, count - first.length), first.length);
    const room = Math.min(end - start, count);
    let from = count - room;
    // The first byte of all may be in the middle of a line that was written over.
    const isWhole = from === 0 ? count < LOG_BYTES : all[from - 1] === LINE_FEED;
    if (!isWhole) from = (all.indexOf(LINE_FEED, from) + 1) || count;
    memory.set(all.subarray(from), start);
    return count - from;
  }
}
