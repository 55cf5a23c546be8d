/** What a JPEG file's segments and markers say, for tests. */

import assert from "node:assert/strict";
import type { Frame, Sampling } from "./encoder.ts";

/** Pixels of an MCU, across and down. */
export const MCU: Record<Sampling, [number, number]> = { "4:4:4": [8, 8], "4:2:2": [16, 8], "4:2:0": [16, 16] };

/** How many MCUs a frame has. */
export function mcusOf({ width, height, format, sampling }: Frame): number {
  const [across, down] = MCU[format === "gray" ? "4:4:4" : sampling];
  return Math.ceil(width / across) * Math.ceil(height / down);
}

/** Where the segment of a marker begins, or -1. */
function segmentAt(file: Buffer, marker: number): number {
  for (let at = 2; ; at += 2 + file.readUInt16BE(at + 2)) {
    if (file.readUInt16BE(at) === marker) return at;
    if (file.readUInt16BE(at) === 0xffda) return -1;
  }
}

/** The restart interval that a file says, in MCUs; 0: none. */
export function intervalOf(file: Buffer): number {
  const at = segmentAt(file, 0xffdd);
  return at < 0 ? 0 : file.readUInt16BE(at + 4);
}

/** The coded bytes of each interval; the markers between them must count from 0 to 7 again and again. */
export function intervalsOf(file: Buffer): Buffer[] {
  const scan = segmentAt(file, 0xffda);
  let from = scan + 2 + file.readUInt16BE(scan + 2);
  const intervals: Buffer[] = [];
  for (let at = from; ; at++) {
    if (file[at] !== 0xff || file[at + 1] === 0) continue;
    intervals.push(file.subarray(from, at));
    if (file[at + 1] === 0xd9) break;
    assert.equal(file[at + 1], 0xd0 + ((intervals.length - 1) & 7), "restart markers are in order");
    from = at + 2;
    at++;
  }
  assert.equal(file.length, file.lastIndexOf(Buffer.from([0xff, 0xd9])) + 2, "nothing is behind the end");
  return intervals;
}

export function assertRestarts(file: Buffer, mcus: number, interval: number, what: string): void {
  assert.equal(intervalOf(file), interval, what);
  assert.equal(intervalsOf(file).length, Math.ceil(mcus / interval), what);
}

/** The quantisation tables of a file, with their numbers. */
export function quantisationTables(file: Buffer): string[] {
  const tables: string[] = [];
  for (let at = 2; file.readUInt16BE(at) !== 0xffda; at += 2 + file.readUInt16BE(at + 2)) {
    if (file.readUInt16BE(at) !== 0xffdb) continue;
    const end = at + 2 + file.readUInt16BE(at + 2);
    for (let table = at + 4; table < end; table += 65) tables.push(file.subarray(table, table + 65).toString("hex"));
  }
  return tables;
}
