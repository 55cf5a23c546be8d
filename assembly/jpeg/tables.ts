/**
 * The tables that every file uses: quantisation at a quality, Huffman codes, and the order of coefficients.
 *
 * All numbers are those of ITU-T T.81 (the JPEG standard), Annex K, which every camera and library has; a quality from
 * 1 to 100 scales the quantisation as the Independent JPEG Group's library does. What the encoder works with is
 * derived from them here, in the form in which `transform.ts` and `entropy.ts` look it up.
 */

import {
  AC_CODES,
  AC_SYMBOLS,
  CODES,
  CODES_COUNT,
  DC_CODES,
  DC_SYMBOLS,
  DC_TABLE_CODES,
  DC_VALUE_MAX,
  PRECISE_SCALES,
  PRECISE_SCALES_BYTES,
  ROW_LIMITS,
  RUN_CODES,
  SCALES,
  SCALES_BYTES,
  SYMBOLS,
  TABLE_CODES,
  VALUE_MAX,
} from "./memory";
import { TWICE } from "./precise";

export const LUMA: i32 = 0;
export const CHROMA: i32 = 1;

/** T.81 figure A.6: the place in the block (row * 8 + column) of each coefficient in the file's order. */
// prettier-ignore
export const ZIGZAG: usize = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
  58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]);

/** T.81 tables K.1 and K.2: quantisation steps at quality 50, luma then chroma, row by row. */
// prettier-ignore
const STEPS: usize = memory.data<u8>([
  16, 11, 10, 16, 24, 40, 51, 61,
  12, 12, 14, 19, 26, 58, 60, 55,
  14, 13, 16, 24, 40, 57, 69, 56,
  14, 17, 22, 29, 51, 87, 80, 62,
  18, 22, 37, 56, 68, 109, 103, 77,
  24, 35, 55, 64, 81, 104, 113, 92,
  49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,

  17, 18, 24, 47, 99, 99, 99, 99,
  18, 21, 26, 66, 99, 99, 99, 99,
  24, 26, 56, 99, 99, 99, 99, 99,
  47, 66, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99,
]);

/**
 * The Huffman tables as the file has them: class (0 DC, 1 AC) << 4 | number, how many codes there are of each length
 * from 1 to 16, and the symbols in the order of their codes. T.81 tables K.3, K.5, K.4 and K.6.
 */
// prettier-ignore
export const HUFFMAN: usize = memory.data<u8>([
  0x00, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,

  0x10, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125,
  0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
  0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
  0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
  0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
  0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
  0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
  0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
  0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
  0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
  0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
  0xf9, 0xfa,

  0x01, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,

  0x11, 0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119,
  0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
  0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
  0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
  0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
  0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
  0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
  0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
  0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
  0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
  0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
  0xf9, 0xfa,
]);
/** Bytes of a table of HUFFMAN's: luma DC and AC, chroma DC and AC, in that order. */
export const HUFFMAN_DC_BYTES: i32 = 17 + 12;
export const HUFFMAN_AC_BYTES: i32 = 17 + 162;


/** The quantisation step of the coefficient at a place (row * 8 + column) at a quality of 1 to 100. */
export function quantisationStep(table: i32, place: i32, quality: i32): i32 {
  const percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  const step = (<i32>load<u8>(STEPS + <usize>(table * 64 + place)) * percent + 50) / 100;
  return min(max(step, 1), 255); // baseline JPEG has no larger ones
}

/**
 * How much larger the transform of `transform.ts` makes row or column n than an orthonormal one does, 8 of which are
 * taken off for both together: 1, and sqrt(2) * cos(n * pi / 16) for the others.
 */
// prettier-ignore
const GAINS: usize = memory.data<f64>([
  1.0, 1.387039845322148, 1.306562964876377, 1.175875602419359,
  1.0, 0.785694958387102, 0.541196100146197, 0.275899379282943,
]);

function gain(n: i32): f64 {
  return load<f64>(GAINS + (<usize>n << 3));
}

/** Whether steps are so fine that the precise transform is worth its time: from quality 94 on. */
export function isFine(quality: i32): bool {
  return quantisationStep(LUMA, 0, quality) + quantisationStep(LUMA, 1, quality) < 4;
}

/**
 * Fills the tables for a quality: reciprocals of the steps and limits of rows, for the transform that {@link isFine}
 * says.
 * @param fractionBits of the samples
 */
export function buildScales(quality: i32, fractionBits: i32): void {
  const fine = isFine(quality);
  const unit = f64(8 << fractionBits);
  for (let table = LUMA; table <= CHROMA; table++) {
    const at = SCALES + <usize>table * SCALES_BYTES;
    for (let k = 0; k < 64; k++) {
      const place = <i32>load<u8>(ZIGZAG + <usize>k);
      const size = unit * gain(place >> 3) * gain(place & 7) * <f64>quantisationStep(table, place, quality);
      store<i32>(at + (<usize>k << 2), fine ? TWICE : <i32>(4294967296.0 / size + 0.5));
      store<f32>(PRECISE_SCALES + <usize>table * PRECISE_SCALES_BYTES + (<usize>place << 2), <f32>(1.0 / size));
    }
    for (let row = 4; row < 8; row++) {
      let least = 255;
      for (let column = 0; column < 8; column++) least = min(least, quantisationStep(table, row * 8 + column, quality));
      // Half a step, as large as a row's values are between the two passes: sqrt(8) of the gain of both.
      const half = 0.5 * <f64>least * Math.SQRT2 * 2.0 * gain(row) * f64(1 << fractionBits);
      store<i32>(at + ROW_LIMITS + (<usize>(row - 4) << 2), <i32>(half * half));
    }
  }
}

// --- Codes

/** A code is a u32: its bits, from here on; and how many they are, 1 to 26, below. */
export const CODE_SHIFT: i32 = 6;
/** What CODES has where there is no code: it looks like 32 bits, which no word has room for. */
export const RARE: u32 = 32;

/** A symbol's code followed by the `size` bits that say which value of that size it is (T.81 F.1.2.1.1). */
// @ts-ignore: decorator
@inline
export function withValue(code: u32, size: i32, value: i32): u32 {
  const bits = (value + (value >> 31)) & ((1 << size) - 1);
  return ((code >>> CODE_SHIFT) << size | bits) << CODE_SHIFT | ((code & 31) + size);
}

/** Bits that a value takes: 0 for 0, 1 for 1 and -1, 2 for 2, 3, -2, -3 ... */
// @ts-ignore: decorator
@inline
export function sizeOf(value: i32): i32 {
  return 32 - <i32>clz<u32>(abs(value));
}

/** Fills the tables of codes, once for all frames. */
export function buildCodes(): void {
  for (let place = 0; place < CODES_COUNT; place++) store<u32>(CODES + (<usize>place << 2), RARE);
  let at = HUFFMAN;
  for (let table = LUMA; table <= CHROMA; table++) {
    const dcSymbols = SYMBOLS + (<usize>(DC_SYMBOLS + table * 16) << 2);
    at = buildSymbols(at, dcSymbols);
    for (let value = -DC_VALUE_MAX; value < DC_VALUE_MAX; value++) {
      const size = sizeOf(value);
      const place = DC_CODES + table * DC_TABLE_CODES + DC_VALUE_MAX + 1 + value;
      store<u32>(CODES + (<usize>place << 2), withValue(load<u32>(dcSymbols + (<usize>size << 2)), size, value));
    }

    const acSymbols = SYMBOLS + (<usize>(AC_SYMBOLS + table * 256) << 2);
    at = buildSymbols(at, acSymbols);
    for (let zeros = 0; zeros < 16; zeros++) {
      for (let value = -VALUE_MAX; value < VALUE_MAX; value++) {
        const size = sizeOf(value);
        const symbol = load<u32>(acSymbols + (<usize>(zeros << 4 | size) << 2));
        const place = AC_CODES + table * TABLE_CODES + zeros * RUN_CODES + VALUE_MAX + 1 + value;
        // Of value 0 there is only the end of the block, which is counted as the symbol of no zeros and size 0.
        if (value != 0 || zeros == 0) store<u32>(CODES + (<usize>place << 2), withValue(symbol, size, value));
      }
    }
  }
}

/** Numbers a table's codes as T.81 annex C says. Returns the table's end. */
function buildSymbols(table: usize, symbols: usize): usize {
  let symbol = table + 17;
  for (let length = 1, code = 0; length <= 16; length++, code <<= 1) {
    for (let n = <i32>load<u8>(table + <usize>length); n > 0; n--, code++, symbol++) {
      store<u32>(symbols + (<usize>load<u8>(symbol) << 2), <u32>(code << CODE_SHIFT | length));
    }
  }
  return symbol;
}
