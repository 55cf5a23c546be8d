/**
 * Walks through a JPEG file from marker to marker, as its bytes come: finds where it ends, and whether it is whole. The
 * scan is not decoded: a file whose frame is sound and whose scan ends with its marker passes. Where the bytes come
 * from (a sensor, a network) and where they lie is the caller's business. Motion JPEG, as webcams make it, leaves the
 * Huffman tables out: everybody knows them, but browsers do not. {@link FileWalk.complete} puts them in.
 *
 * Markers: ITU-T T.81, B.1.1.3; what follows a start of scan, B.1.1.5: there an 0xff is followed by 0x00 or a restart
 * marker, or it is the next marker.
 */

import { CHROMA, HUFFMAN, HUFFMAN_AC_BYTES, HUFFMAN_DC_BYTES } from "./tables";

/** What a look at a file came to. */
export enum Walk {
  /** A slice is done, and there is more to look at. */
  MORE,
  /** All that is there was looked at, and the file goes on. */
  UNFINISHED,
  /** The file is whole: it ends before `at`. */
  WHOLE,
  /** It is no whole file, which shows at `at`. */
  BROKEN,
}

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
/** Bytes of a frame header, with its marker, for one component (T.81, B.2.2). */
const FRAME_HEADER_MIN: usize = 2 + 8 + 3;

const CODES_BYTES: u32 = (CHROMA + 1) * (HUFFMAN_DC_BYTES + HUFFMAN_AC_BYTES);
/** Bytes of the segment with the standard tables: marker, length, tables. */
export const TABLES_BYTES: u32 = 2 + 2 + CODES_BYTES;

enum State {
  /** At the file's first marker. */
  START,
  /** At a marker that is not in a scan. */
  MARKER,
  /** In a scan's coded data. */
  SCAN,
}

export class FileWalk {
  /** How far it has come. */
  at: usize = 0;
  /** Pixels of the frame, `width << 16 | height`, once its segment was seen; 0 before. */
  size: u32 = 0;
  private state: State = State.START;
  /** Where the file begins, and its first scan; that at 0 before it was seen. */
  private file: usize = 0;
  private scan: usize = 0;
  /** Whether the scan brings codes of its own. */
  private hasTables: bool = false;

  /** Begins with the file at `address`. */
  begin(address: usize): void {
    this.file = address;
    this.at = address;
    this.size = 0;
    this.state = State.START;
    this.scan = 0;
    this.hasTables = false;
  }

  /** Bytes of the file, once it was found whole. */
  get length(): u32 {
    return u32(this.at - this.file);
  }

  /** Looks at a slice of what there is before `end`. To be called again with more after UNFINISHED. */
  goOn(end: usize): Walk {
    let at = this.at;
    const stop = min(end, at + SLICE_BYTES);
    while (at < stop) {
      if (this.state == State.SCAN) {
        // to the next 0xff, a word at a time where none of its bytes is one
        while (at + 4 <= stop && !hasMarker(load<u32>(at))) at += 4;
        while (at < stop && load<u8>(at) != MARKER) at++;
        if (at >= stop) break;
        if (at + 1 >= end) return this.stay(at);
        const code: u32 = load<u8>(at, 1);
        if (code == 0 || (code >= RST0 && code <= RST7)) at += 2;
        else if (code == MARKER) at++;
        else this.state = State.MARKER;
        continue;
      }
      if (load<u8>(at) != MARKER) return this.fail(at);
      if (at + 2 > end) return this.stay(at);
      const code: u32 = load<u8>(at, 1);
      if (this.state == State.START) {
        if (code != SOI) return this.fail(at);
        this.state = State.MARKER;
        at += 2;
        continue;
      }
      if (code == MARKER) {
        at++; // fill bytes may precede a marker
        continue;
      }
      if (code == EOI) {
        this.at = at + 2;
        return this.scan && this.size ? Walk.WHOLE : Walk.BROKEN;
      }
      // Among others another file's beginning: this one was cut short.
      if (code < SOF0 || (code >= RST0 && code <= SOI)) return this.fail(at);
      if (at + 4 > end) return this.stay(at);
      const length = <usize>bswap<u16>(load<u16>(at, 2));
      if (length < 2) return this.fail(at);
      if (code >= SOF0 && code <= SOF2) {
        if (length + 2 < FRAME_HEADER_MIN) return this.fail(at);
        if (at + FRAME_HEADER_MIN > end) return this.stay(at);
        const height: u32 = bswap<u16>(load<u16>(at, 5));
        const width: u32 = bswap<u16>(load<u16>(at, 7));
        if (width == 0 || height == 0) return this.fail(at);
        this.size = width << 16 | height;
      }
      if (code == DHT) this.hasTables = true;
      if (code == SOS) {
        this.state = State.SCAN;
        if (!this.scan) this.scan = at;
      }
      at += 2 + length;
    }
    this.at = at;
    return at < end ? Walk.MORE : Walk.UNFINISHED;
  }

  /**
   * Puts the standard Huffman tables (ITU-T T.81, K.3) before the scan of a file that was found whole and has none.
   * What lies before it moves to the front: the TABLES_BYTES in front of the file have to be free.
   * @returns where the file begins now
   */
  complete(): usize {
    if (this.hasTables) return this.file;
    const to = this.file - TABLES_BYTES;
    memory.copy(to, this.file, this.scan - this.file);
    const tables = this.scan - TABLES_BYTES;
    store<u8>(tables, MARKER);
    store<u8>(tables, DHT, 1);
    store<u16>(tables, bswap<u16>(<u16>(TABLES_BYTES - 2)), 2);
    memory.copy(tables + 4, HUFFMAN, CODES_BYTES);
    this.file = to;
    this.hasTables = true;
    return to;
  }

  private stay(at: usize): Walk {
    this.at = at;
    return Walk.UNFINISHED;
  }

  private fail(at: usize): Walk {
    this.at = at;
    return Walk.BROKEN;
  }
}

/** Whether one of a word's bytes is 0xff: then the complement has a byte of zero. */
@inline
function hasMarker(word: u32): bool {
  return ((~word - 0x01010101) & word & 0x80808080) != 0;
}
