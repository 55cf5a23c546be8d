/**
 * From a block's coefficients to the file's bits, in two steps.
 *
 * {@link scan} quantises the coefficients in the file's order, which is written out as 63 calls with constant places:
 * a coefficient that becomes zero (two of three do) then costs four instructions, two loads, a multiplication and a
 * branch, and no loop could have its addresses folded so. The others go to a list, NONZERO.
 *
 * {@link pack} then turns the list into codes and the codes into words. One look-up gives a coefficient's whole code with
 * the bits of its value. The few that it lacks (16 zeros or more before them, values beyond -31..30) take a slower way.
 *
 * An entry of the list is `k << 6 | value + 32`, k being the coefficient's number and the value cut to -32..31.
 */

import {
  AC_CODES,
  AC_CODES_BYTES,
  AC_SYMBOLS,
  AC_SYMBOLS_BYTES,
  BITS,
  BITS_FREE,
  COEFFICIENTS,
  DC_CODES,
  LOW,
  NONZERO,
  OUT_AT,
  WINDOW,
  guard,
} from "./memory";
import { ZIGZAG, sizeOf, withValue } from "./tables";

// --- Quantisation

/** Where a coefficient lies: see COEFFICIENTS. */
// @ts-ignore: decorator
@inline
function at(row: usize, column: usize): usize {
  return COEFFICIENTS + (row >> 1) * 32 + column * 4 + (row & 1) * 2;
}

/** A coefficient divided by its step and rounded (SMMULR). */
// @ts-ignore: decorator
@inline
function quantised(coefficient: i32, reciprocal: i32): i32 {
  return <i32>((<i64>coefficient * <i64>reciprocal + 0x80000000) >> 32);
}

/** The quantised first coefficient. @param zero what is taken off before */
// @ts-ignore: decorator
@inline
export function quantisedDc(scales: usize, zero: i32): i32 {
  return quantised(<i32>load<i16>(at(0, 0)) - zero, load<i32>(scales));
}

/** Quantises coefficient k, appends it to the list if it is not zero, and returns the list's end. */
// @ts-ignore: decorator
@inline
function ac(list: usize, scales: usize, k: usize, row: usize, column: usize): usize {
  const value = quantised(<i32>load<i16>(at(row, column)), load<i32>(scales + k * 4));
  if (value == 0) return list;
  store<u16>(list, <u16>(max(min(value, 31), -32) + <i32>(k * 64 + 32)));
  return list + 2;
}

/** All of a block but the first; the diagonals of T.81 figure A.6. Returns the list's end. */
// @ts-ignore: decorator
@inline
export function scan(s: usize): usize {
  let l = NONZERO;
  l = ac(l, s, 1, 0, 1); l = ac(l, s, 2, 1, 0);
  l = ac(l, s, 3, 2, 0); l = ac(l, s, 4, 1, 1); l = ac(l, s, 5, 0, 2);
  l = ac(l, s, 6, 0, 3); l = ac(l, s, 7, 1, 2); l = ac(l, s, 8, 2, 1); l = ac(l, s, 9, 3, 0);
  l = ac(l, s, 10, 4, 0); l = ac(l, s, 11, 3, 1); l = ac(l, s, 12, 2, 2); l = ac(l, s, 13, 1, 3); l = ac(l, s, 14, 0, 4);
  l = ac(l, s, 15, 0, 5); l = ac(l, s, 16, 1, 4); l = ac(l, s, 17, 2, 3); l = ac(l, s, 18, 3, 2); l = ac(l, s, 19, 4, 1);
  l = ac(l, s, 20, 5, 0);
  l = ac(l, s, 21, 6, 0); l = ac(l, s, 22, 5, 1); l = ac(l, s, 23, 4, 2); l = ac(l, s, 24, 3, 3); l = ac(l, s, 25, 2, 4);
  l = ac(l, s, 26, 1, 5); l = ac(l, s, 27, 0, 6);
  l = ac(l, s, 28, 0, 7); l = ac(l, s, 29, 1, 6); l = ac(l, s, 30, 2, 5); l = ac(l, s, 31, 3, 4); l = ac(l, s, 32, 4, 3);
  l = ac(l, s, 33, 5, 2); l = ac(l, s, 34, 6, 1); l = ac(l, s, 35, 7, 0);
  l = ac(l, s, 36, 7, 1); l = ac(l, s, 37, 6, 2); l = ac(l, s, 38, 5, 3); l = ac(l, s, 39, 4, 4); l = ac(l, s, 40, 3, 5);
  l = ac(l, s, 41, 2, 6); l = ac(l, s, 42, 1, 7);
  l = ac(l, s, 43, 2, 7); l = ac(l, s, 44, 3, 6); l = ac(l, s, 45, 4, 5); l = ac(l, s, 46, 5, 4); l = ac(l, s, 47, 6, 3);
  l = ac(l, s, 48, 7, 2);
  l = ac(l, s, 49, 7, 3); l = ac(l, s, 50, 6, 4); l = ac(l, s, 51, 5, 5); l = ac(l, s, 52, 4, 6); l = ac(l, s, 53, 3, 7);
  l = ac(l, s, 54, 4, 7); l = ac(l, s, 55, 5, 6); l = ac(l, s, 56, 6, 5); l = ac(l, s, 57, 7, 4);
  l = ac(l, s, 58, 7, 5); l = ac(l, s, 59, 6, 6); l = ac(l, s, 60, 5, 7);
  l = ac(l, s, 61, 6, 7); l = ac(l, s, 62, 7, 6);
  l = ac(l, s, 63, 7, 7);
  return l;
}

/** The same where rows 4 to 7 are zero. */
// @ts-ignore: decorator
@inline
export function scanUpperHalf(s: usize): usize {
  let l = NONZERO;
  l = ac(l, s, 1, 0, 1); l = ac(l, s, 2, 1, 0);
  l = ac(l, s, 3, 2, 0); l = ac(l, s, 4, 1, 1); l = ac(l, s, 5, 0, 2);
  l = ac(l, s, 6, 0, 3); l = ac(l, s, 7, 1, 2); l = ac(l, s, 8, 2, 1); l = ac(l, s, 9, 3, 0);
  l = ac(l, s, 11, 3, 1); l = ac(l, s, 12, 2, 2); l = ac(l, s, 13, 1, 3); l = ac(l, s, 14, 0, 4);
  l = ac(l, s, 15, 0, 5); l = ac(l, s, 16, 1, 4); l = ac(l, s, 17, 2, 3); l = ac(l, s, 18, 3, 2);
  l = ac(l, s, 24, 3, 3); l = ac(l, s, 25, 2, 4); l = ac(l, s, 26, 1, 5); l = ac(l, s, 27, 0, 6);
  l = ac(l, s, 28, 0, 7); l = ac(l, s, 29, 1, 6); l = ac(l, s, 30, 2, 5); l = ac(l, s, 31, 3, 4);
  l = ac(l, s, 40, 3, 5); l = ac(l, s, 41, 2, 6); l = ac(l, s, 42, 1, 7);
  l = ac(l, s, 43, 2, 7); l = ac(l, s, 44, 3, 6);
  l = ac(l, s, 53, 3, 7);
  return l;
}

// --- Bits

/** The bits that are not a whole word yet (lower 32), and how many more fit (upper 32), 0 to 32. */
type Pending = u64;

// @ts-ignore: decorator
@inline
function pending(bits: u32, free: i32): Pending {
  return <u64>bits | <u64>(<u32>free) << 32;
}

// @ts-ignore: decorator
@inline
function loadPending(): Pending {
  return pending(load<u32>(BITS), load<i32>(BITS_FREE));
}

// @ts-ignore: decorator
@inline
function storePending(state: Pending): void {
  store<u32>(BITS, <u32>state);
  store<i32>(BITS_FREE, <i32>(state >> 32));
}

/** Appends a code; writes a word when it is full. */
// @ts-ignore: decorator
@inline
function put(state: Pending, code: u32): Pending {
  const length = <i32>(code & 31);
  const bits = <u32>state;
  const free = <i32>(state >> 32);
  const left = free - length;
  if (left >= 0) return pending(bits << length | code >>> 5, left);
  const word = (bits << free) + (code >>> 5 >>> -left);
  const out = load<usize>(OUT_AT) & WINDOW;
  store<u32>(out, bswap<u32>(word));
  store<usize>(OUT_AT, out + 4);
  if ((0xfefefefe - word) & word & 0x80808080) coldStuff(out);
  return pending(code >>> 5, left + 32);
}

/** The word just written may have a byte 0xff: writes it again with a zero after each such (T.81 B.1.1.5). */
export function coldStuff(word: usize): void {
  guard(word);
  let out = word;
  let bytes = load<u32>(out & WINDOW);
  for (let i = 0; i < 4; i++, bytes >>= 8) {
    store<u8>(out++ & WINDOW, <u8>bytes);
    if ((bytes & 0xff) == 0xff) store<u8>(out++ & WINDOW, 0);
  }
  store<usize>(OUT_AT, out);
}

/**
 * The slower way for a coefficient that AC_CODES lacks.
 * @param entry of the list
 * @param before the entry before it, or 0
 */
export function coldAc(entry: usize, before: usize, scales: usize, codes: usize): void {
  guard(entry);
  const k = entry >> 6;
  const place = <usize>load<u8>(ZIGZAG + (k & 63));
  const value = quantised(<i32>load<i16>(at(place >> 3, place & 7)), load<i32>((scales & LOW) + k * 4));
  const symbols = codes / (AC_CODES_BYTES / AC_SYMBOLS_BYTES) + AC_SYMBOLS;
  let state = loadPending();
  let zeros = (entry >> 6) - (before >> 6) - 1;
  for (; zeros > 15; zeros -= 16) state = put(state, load<u32>(symbols + (0xf0 << 2)));
  const size = sizeOf(value);
  state = put(state, withValue(load<u32>(symbols + ((zeros << 4 | <usize>size) << 2)), size, value));
  storePending(state);
}

/**
 * Writes a block: the DC coefficient's difference from the block before, the list, and the end of the block.
 * @param end of the list
 * @param scales the component's table in SCALES
 * @param codes where the component's table in AC_CODES begins
 */
// @ts-ignore: decorator
@inline
export function pack(difference: i32, end: usize, scales: usize, codes: usize): void {
  let state = loadPending();
  const size = sizeOf(difference);
  state = put(state, withValue(load<u32>(scales + DC_CODES + (<usize>size << 2)), size, difference));
  let before: usize = 0;
  for (let l = NONZERO; l < end; l += 2) {
    const entry = <usize>load<u16>(l & LOW);
    // 64 more than the place in the table, since runs of zeros are counted from the coefficient after the last one
    const place = entry - (before & ~63);
    const code = load<u32>(((place << 2) & 0x3fff) + codes + (AC_CODES - 256));
    if (code != 0) {
      state = put(state, code);
    } else {
      storePending(state);
      coldAc(entry, before, scales, codes);
      state = loadPending();
    }
    before = entry;
  }
  if (before < 63 << 6) state = put(state, load<u32>(codes + (AC_CODES + (32 << 2))));
  storePending(state);
}

/** Begins a file's bits, at `out`. */
export function startBits(out: usize): void {
  store<usize>(OUT_AT, out);
  store<u32>(BITS, 0);
  store<i32>(BITS_FREE, 32);
}

/** Fills the last byte with ones and writes what is pending. */
export function flush(): void {
  const free = load<i32>(BITS_FREE);
  let word = load<u32>(BITS) << free | ((1 << free) - 1);
  let out = load<usize>(OUT_AT);
  for (let bits = 32 - free; bits > 0; bits -= 8, word <<= 8) {
    store<u8>(out++, <u8>(word >>> 24));
    if (word >>> 24 == 0xff) store<u8>(out++, 0);
  }
  startBits(out);
}
