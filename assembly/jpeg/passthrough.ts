/**
 * Looks at a JPEG file that a sensor has made: finds where it ends (DMA brings bytes behind it) and whether it is
 * whole, a slice a call. The scan is not decoded: a file whose frame is sound and whose scan ends with its marker
 * passes. Motion JPEG, as webcams make it, leaves the Huffman tables out: everybody knows them, but browsers do not.
 * {@link completeFile} puts them in.
 *
 * Markers: ITU-T T.81, B.1.1.3; what follows a start of scan, B.1.1.5: there an 0xff is followed by 0x00 or a restart
 * marker, or it is the next marker.
 */

import { Progress } from "./encoder";
import { CHROMA, HUFFMAN, HUFFMAN_AC_BYTES, HUFFMAN_DC_BYTES } from "./tables";

/** Bytes of a scan that a slice looks at. */
const SLICE_BYTES: usize = 64 * 1024;

const MARKER: u32 = 0xff;
const SOF0: u32 = 0xc0;
const SOF2: u32 = 0xc2;
const DHT: u32 = 0xc4;
const RST0: u32 = 0xd0;
const RST7: u32 = 0xd7;
const SOI: u32 = 0xd8;
const EOI: u32 = 0xd9;
const SOS: u32 = 0xda;

/** Bytes of a frame header from its length on, with one component (T.81, B.2.2). */
const FRAME_HEADER_MIN: usize = 8 + 3;
const CODES_BYTES: u32 = (CHROMA + 1) * (HUFFMAN_DC_BYTES + HUFFMAN_AC_BYTES);
/** Bytes of the segment with the standard tables: marker, length, tables. */
export const TABLES_BYTES: u32 = 2 + 2 + CODES_BYTES;

enum State {
  /** At a marker that is not in a scan. */
  MARKER,
  /** In a scan's coded data. */
  SCAN,
}

let state: State = State.MARKER;
let file: usize = 0;
let at: usize = 0;
let end: usize = 0;
let hasFrame: bool = false;
/** Whether its scan brings codes of its own. */
let hasTables: bool = false;
/** Where its first scan begins. */
let scan: usize = 0;
/** Its pixels, `width << 16 | height`. */
let size: u32 = 0;

/** Begins with the file at `address`, of `length` bytes at most. */
export function beginFile(address: usize, length: u32): void {
  file = address;
  at = address;
  end = address + length;
  state = State.MARKER;
  hasFrame = false;
  hasTables = false;
  scan = 0;
  size = 0;
}

/** Looks at the next part. To be called until it answers otherwise than MORE; OVERFLOW says that the file is broken. */
export function lookOn(): Progress {
  if (at == file) {
    if (end - file < 4 || load<u8>(at) != MARKER || load<u8>(at, 1) != SOI) return Progress.OVERFLOW;
    at += 2;
  }
  const stop = min(end, at + SLICE_BYTES);
  while (at < stop) {
    if (state == State.SCAN) {
      // to the next 0xff, a word at a time where none of its bytes is one
      while (at + 4 <= stop && !hasMarker(load<u32>(at))) at += 4;
      while (at < stop && load<u8>(at) != MARKER) at++;
      if (at >= stop) break;
      if (at + 1 >= end) return Progress.OVERFLOW;
      const code: u32 = load<u8>(at, 1);
      if (code == 0 || (code >= RST0 && code <= RST7)) at += 2;
      else if (code == MARKER) at++;
      else state = State.MARKER;
      continue;
    }
    if (at + 2 > end || load<u8>(at) != MARKER) return Progress.OVERFLOW;
    const code: u32 = load<u8>(at, 1);
    if (code == MARKER) {
      at++; // fill bytes may precede a marker
      continue;
    }
    at += 2;
    if (code == EOI) return hasFrame ? Progress.DONE : Progress.OVERFLOW;
    if (at + 2 > end) return Progress.OVERFLOW;
    const length = <usize>bswap<u16>(load<u16>(at));
    if (length < 2 || at + length > end) return Progress.OVERFLOW;
    if (code >= SOF0 && code <= SOF2) {
      if (length < FRAME_HEADER_MIN) return Progress.OVERFLOW;
      hasFrame = true;
      size = u32(bswap<u16>(load<u16>(at, 5))) << 16 | bswap<u16>(load<u16>(at, 3)); // T.81, B.2.2
    }
    if (code == DHT) hasTables = true;
    if (code == SOS) {
      state = State.SCAN;
      if (!scan) scan = at - 2;
    }
    at += length;
  }
  return at < end ? Progress.MORE : Progress.OVERFLOW;
}

/** Bytes of the file, once it was found whole. */
export function fileLength(): u32 {
  return u32(at - file);
}

/** Its pixels as the frame header says, `width << 16 | height`. */
export function fileSize(): u32 {
  return size;
}

/**
 * Puts the standard Huffman tables (ITU-T T.81, K.3) in front of the scan of a file that was found whole and has none.
 * What lies before it moves to the front: the TABLES_BYTES in front of the file have to be free.
 * @returns where the file begins now
 */
export function completeFile(): usize {
  if (hasTables || !scan) return file;
  const to = file - TABLES_BYTES;
  memory.copy(to, file, scan - file);
  const tables = scan - TABLES_BYTES;
  store<u8>(tables, MARKER);
  store<u8>(tables, DHT, 1);
  store<u16>(tables, bswap<u16>(<u16>(TABLES_BYTES - 2)), 2);
  memory.copy(tables + 4, HUFFMAN, CODES_BYTES);
  file = to;
  hasTables = true;
  return file;
}

/** Whether one of a word's bytes is 0xff: then the complement has a byte of zero. */
@inline
function hasMarker(word: u32): bool {
  return ((~word - 0x01010101) & word & 0x80808080) != 0;
}
