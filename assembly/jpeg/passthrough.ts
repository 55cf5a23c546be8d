/**
 * Looks at a JPEG file that a sensor has made: finds where it ends (DMA brings bytes behind it) and whether it is
 * whole, a slice a call. The scan is not decoded: a file whose frame is sound and whose scan ends with its marker
 * passes.
 *
 * Markers: ITU-T T.81, B.1.1.3; what follows a start of scan, B.1.1.5: there an 0xff is followed by 0x00 or a restart
 * marker, or it is the next marker.
 */

import { Progress } from "./encoder";

/** Bytes of a scan that a slice looks at. */
const SLICE_BYTES: usize = 64 * 1024;

const MARKER: u32 = 0xff;
const SOF0: u32 = 0xc0;
const SOF2: u32 = 0xc2;
const RST0: u32 = 0xd0;
const RST7: u32 = 0xd7;
const SOI: u32 = 0xd8;
const EOI: u32 = 0xd9;
const SOS: u32 = 0xda;

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

/** Begins with the file at `address`, of `length` bytes at most. */
export function beginFile(address: usize, length: u32): void {
  file = address;
  at = address;
  end = address + length;
  state = State.MARKER;
  hasFrame = false;
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
    if (code >= SOF0 && code <= SOF2) hasFrame = true;
    if (code == SOS) state = State.SCAN;
    at += length;
  }
  return at < end ? Progress.MORE : Progress.OVERFLOW;
}

/** Bytes of the file, once it was found whole. */
export function fileLength(): u32 {
  return u32(at - file);
}

/** Whether one of a word's bytes is 0xff: then the complement has a byte of zero. */
@inline
function hasMarker(word: u32): bool {
  return ((~word - 0x01010101) & word & 0x80808080) != 0;
}
