/**
 * What stands in a file around the picture's bits: JFIF 1.01, baseline, one scan (ITU-T T.81 annex B).
 * What the tables hold is `tables.ts`; the bits are `entropy.ts`.
 */

import { CHROMA, HUFFMAN, HUFFMAN_AC_BYTES, HUFFMAN_DC_BYTES, LUMA, ZIGZAG, quantisationStep } from "./tables";

/** Bytes of the longest header. */
const HEADER_BYTES_MAX: usize = 629;
/** Bytes of the end. */
export const TRAILER_BYTES: usize = 2;
/** Bytes of a marker within the picture's bits. */
export const RESTART_BYTES: usize = 2;

// Markers.
const SOI: u32 = 0xffd8;
const APP0: u32 = 0xffe0;
const DQT: u32 = 0xffdb;
const SOF0: u32 = 0xffc0;
const DHT: u32 = 0xffc4;
const SOS: u32 = 0xffda;
const DRI: u32 = 0xffdd;
const RST0: u32 = 0xffd0;
const EOI: u32 = 0xffd9;

let out: usize = 0;

function byte(value: u32): void {
  store<u8>(out++, <u8>value);
}

function two(value: u32): void {
  byte(value >>> 8);
  byte(value);
}

/**
 * Writes the header to `at`, where HEADER_BYTES_MAX are free.
 * @param components 1 for gray, 3 for colour
 * @param lumaBlocks how many blocks of luma an MCU has across << 4 | down
 * @param restart MCUs between restart markers; 0: there are none
 * @returns its end
 */
export function writeHeader(
  at: usize,
  width: i32,
  height: i32,
  components: i32,
  lumaBlocks: i32,
  quality: i32,
  restart: i32,
): usize {
  out = at;
  const tables = components > 1 ? 2 : 1;
  two(SOI);

  two(APP0);
  two(16);
  two(0x4a46); // "JF"
  two(0x4946); // "IF"
  byte(0);
  two(0x0101); // version
  byte(0); // the density is an aspect ratio,
  two(1); // 1
  two(1); // to 1
  two(0); // no thumbnail

  for (let table = LUMA; table < tables; table++) {
    two(DQT);
    two(2 + 1 + 64);
    byte(table);
    for (let k: usize = 0; k < 64; k++) byte(quantisationStep(table, load<u8>(ZIGZAG + k), quality));
  }

  two(SOF0);
  two(8 + 3 * components);
  byte(8); // bits a sample
  two(height);
  two(width);
  byte(components);
  for (let n = 0; n < components; n++) {
    byte(n + 1);
    byte(n == 0 ? lumaBlocks : 0x11);
    byte(n == 0 ? LUMA : CHROMA);
  }

  const codeBytes = tables * (HUFFMAN_DC_BYTES + HUFFMAN_AC_BYTES);
  two(DHT);
  two(2 + codeBytes);
  memory.copy(out, HUFFMAN, codeBytes);
  out += codeBytes;

  if (restart) {
    two(DRI);
    two(4);
    two(restart);
  }

  two(SOS);
  two(6 + 2 * components);
  byte(components);
  for (let n = 0; n < components; n++) {
    byte(n + 1);
    byte(n == 0 ? 0x00 : 0x11); // DC and AC table
  }
  two(0x003f); // all coefficients
  byte(0);
  return out;
}

/**
 * Writes a restart marker to `at`, where RESTART_BYTES are free; returns its end.
 * @param n how many are before it: their numbers go from 0 to 7 again and again
 */
export function writeRestart(at: usize, n: i32): usize {
  out = at;
  two(RST0 + (n & 7));
  return out;
}

/** Writes the end to `at`, where TRAILER_BYTES are free; returns its end. */
export function writeTrailer(at: usize): usize {
  out = at;
  two(EOI);
  return out;
}
