/**
 * From a group's coefficients to words of bits, CODED, which `bits.ts` takes to the file.
 *
 * Quantisation, the search for what is not zero, and coding are one pass over a block. It is written out, a line a
 * coefficient in the file's order, with constant places: so a coefficient that becomes zero (two of three do) costs
 * four instructions, two loads, a multiplication and a branch, which no loop comes near to.
 *
 * The others find their code by one look-up in CODES: that of their symbol (how many zeros are before, how many bits
 * the value has) with the bits of the value. Where it has none, after 16 zeros or more and for large values, it has
 * RARE, which seems too long for any word, so that looking for it costs nothing before a word is full.
 */

import { acOriginOf, componentOf, dcDifference, dcOriginOf, placeOf, scalesOf, zeroOf } from "./components";
import {
  AC_SYMBOLS,
  CODED,
  CODED_BYTES,
  CODED_MASK,
  CODES,
  CODES_MASK,
  DC_CODES,
  DC_SYMBOLS,
  DC_TABLE_CODES,
  DC_VALUE_MAX,
  PAIR_QUIET,
  PENDING_BITS,
  PENDING_ROOM,
  RUN_CODES,
  SYMBOLS,
  TABLE_CODES,
  VALUE_MAX,
  guard,
} from "./memory";
import { CODE_SHIFT, RARE, sizeOf, withValue } from "./tables";

// --- Bits

/**
 * Bits that are not a whole word yet, where the next word goes, and how many bits still fit before it does:
 *
 *      63   62..58     57..32          31..0
 *     | 0 | room - 1 | bytes in CODED | bits, the last one lowest, and rubbish above them |
 *
 * The room is at the top so that a code's length is taken off it in one instruction, and bit 63 is set if it does not
 * fit. The whole is a number rather than variables because a function can return only one.
 */
type Pending = u64;

export const ROOM_SHIFT: i32 = 26;

// @ts-ignore: decorator
@inline
function pending(bits: u32, state: u32): Pending {
  return <u64>bits | <u64>state << 32;
}

/** What is left of the upper half when a code is appended: with its upper bit set if the code does not fit. */
// @ts-ignore: decorator
@inline
function without(p: Pending, code: u32): u32 {
  return <u32>(p >> 32) - (code << ROOM_SHIFT);
}

/** Appends a code that fits. */
// @ts-ignore: decorator
@inline
function fill(p: Pending, code: u32, left: u32): Pending {
  return pending(<u32>p << (code & 31) | code >>> CODE_SHIFT, left);
}

/** Appends a code that fills the word, and maybe more, and writes the word. */
// @ts-ignore: decorator
@inline
function overflow(p: Pending, code: u32, left: u32): Pending {
  const state = <u32>(p >> 32);
  const bits = code >>> CODE_SHIFT;
  const beyond = ~(<i32>left >> ROOM_SHIFT); // bits that go to the next word
  store<u32>((<usize>state & CODED_MASK) + CODED, (<u32>p << 1 << (state >>> ROOM_SHIFT)) + (bits >>> beyond));
  return pending(bits, (left & 0x7fffffff) + 4);
}

/** Appends a code that is there. */
// @ts-ignore: decorator
@inline
function append(p: Pending, code: u32): Pending {
  const left = without(p, code);
  return <i32>left >= 0 ? fill(p, code, left) : overflow(p, code, left);
}

/** Appends the code at a place in CODES, which is that of `value` or of the outermost one before it. */
// @ts-ignore: decorator
@inline
function put(p: Pending, value: i32, place: i32): Pending {
  place &= CODES_MASK; // used twice, so that LLVM does not merge it with the shift and need a register for the mask
  const code = load<u32>((<usize>place << 2) + CODES);
  const left = without(p, code);
  if (<i32>left >= 0) return fill(p, code, left);
  if (code & RARE) return rare(p, value, place);
  return overflow(p, code, left);
}

/** Appends what CODES has no code for, by the symbol's code and the value. */
function rare(p: Pending, value: i32, place: i32): Pending {
  guard(<usize>place);
  const size = sizeOf(value);
  if (place >= DC_CODES) {
    const table = (place - DC_CODES) / DC_TABLE_CODES;
    return append(p, withValue(symbol(DC_SYMBOLS + table * 16 + size), size, value));
  }
  const symbols = AC_SYMBOLS + place / TABLE_CODES * 256;
  let zeros = place % TABLE_CODES / RUN_CODES;
  for (; zeros > 15; zeros -= 16) p = append(p, symbol(symbols + 0xf0)); // sixteen zeros have a symbol of their own
  return append(p, withValue(symbol(symbols + (zeros << 4 | size)), size, value));
}

// @ts-ignore: decorator
@inline
function symbol(n: i32): u32 {
  return load<u32>(SYMBOLS + ((<usize>n & 0x3ff) << 2));
}

// --- Coefficients

/** A coefficient divided by its step and rounded (SMMULR). */
// @ts-ignore: decorator
@inline
function quantised(coefficient: i32, reciprocal: i32): i32 {
  return <i32>((<i64>coefficient * <i64>reciprocal + 0x80000000) >> 32);
}

/** Coefficient k of a block, in the file's order, after quantisation. */
// @ts-ignore: decorator
@inline
function coefficient(block: usize, scales: usize, k: usize, row: usize, column: usize): i32 {
  return quantised(<i32>load<i16>(block + row * 32 + column * 4), load<i32>(scales + k * 4));
}

/** Appends a coefficient that is not zero. @param place of value 0 after as many zeros */
// @ts-ignore: decorator
@inline
function ac(p: Pending, value: i32, place: i32): Pending {
  return put(p, value, place + max(min(value, VALUE_MAX), -VALUE_MAX - 1));
}

/** The end of a block, which is counted as a value of 0 after no zeros. */
// @ts-ignore: decorator
@inline
function endOfBlock(p: Pending, origin: i32): Pending {
  return append(p, load<u32>((<usize>(origin + RUN_CODES & CODES_MASK) << 2) + CODES));
}

/** From one coefficient to the next, places in CODES are so much apart. */
const RUN: i32 = RUN_CODES;

/*
 * In both of the following: b is the block, s its scales, p the bits. o is the place in CODES of value 0 for a
 * coefficient number 0, if it came after the last that was not zero; that of number k is RUN * k on. t is what o is at
 * the beginning, the origin of the component's table.
 */

/** All of a block but its DC coefficient (T.81 figure A.6). */
// prettier-ignore
// @ts-ignore: decorator
@inline
function scan(p: Pending, b: usize, s: usize, t: i32): Pending {
  let o = t;
  let v: i32;
  v = coefficient(b, s, 1, 0, 1); if (v) { p = ac(p, v, o + RUN * 1); o = t - RUN * 1; }
  v = coefficient(b, s, 2, 1, 0); if (v) { p = ac(p, v, o + RUN * 2); o = t - RUN * 2; }
  v = coefficient(b, s, 3, 2, 0); if (v) { p = ac(p, v, o + RUN * 3); o = t - RUN * 3; }
  v = coefficient(b, s, 4, 1, 1); if (v) { p = ac(p, v, o + RUN * 4); o = t - RUN * 4; }
  v = coefficient(b, s, 5, 0, 2); if (v) { p = ac(p, v, o + RUN * 5); o = t - RUN * 5; }
  v = coefficient(b, s, 6, 0, 3); if (v) { p = ac(p, v, o + RUN * 6); o = t - RUN * 6; }
  v = coefficient(b, s, 7, 1, 2); if (v) { p = ac(p, v, o + RUN * 7); o = t - RUN * 7; }
  v = coefficient(b, s, 8, 2, 1); if (v) { p = ac(p, v, o + RUN * 8); o = t - RUN * 8; }
  v = coefficient(b, s, 9, 3, 0); if (v) { p = ac(p, v, o + RUN * 9); o = t - RUN * 9; }
  v = coefficient(b, s, 10, 4, 0); if (v) { p = ac(p, v, o + RUN * 10); o = t - RUN * 10; }
  v = coefficient(b, s, 11, 3, 1); if (v) { p = ac(p, v, o + RUN * 11); o = t - RUN * 11; }
  v = coefficient(b, s, 12, 2, 2); if (v) { p = ac(p, v, o + RUN * 12); o = t - RUN * 12; }
  v = coefficient(b, s, 13, 1, 3); if (v) { p = ac(p, v, o + RUN * 13); o = t - RUN * 13; }
  v = coefficient(b, s, 14, 0, 4); if (v) { p = ac(p, v, o + RUN * 14); o = t - RUN * 14; }
  v = coefficient(b, s, 15, 0, 5); if (v) { p = ac(p, v, o + RUN * 15); o = t - RUN * 15; }
  v = coefficient(b, s, 16, 1, 4); if (v) { p = ac(p, v, o + RUN * 16); o = t - RUN * 16; }
  v = coefficient(b, s, 17, 2, 3); if (v) { p = ac(p, v, o + RUN * 17); o = t - RUN * 17; }
  v = coefficient(b, s, 18, 3, 2); if (v) { p = ac(p, v, o + RUN * 18); o = t - RUN * 18; }
  v = coefficient(b, s, 19, 4, 1); if (v) { p = ac(p, v, o + RUN * 19); o = t - RUN * 19; }
  v = coefficient(b, s, 20, 5, 0); if (v) { p = ac(p, v, o + RUN * 20); o = t - RUN * 20; }
  v = coefficient(b, s, 21, 6, 0); if (v) { p = ac(p, v, o + RUN * 21); o = t - RUN * 21; }
  v = coefficient(b, s, 22, 5, 1); if (v) { p = ac(p, v, o + RUN * 22); o = t - RUN * 22; }
  v = coefficient(b, s, 23, 4, 2); if (v) { p = ac(p, v, o + RUN * 23); o = t - RUN * 23; }
  v = coefficient(b, s, 24, 3, 3); if (v) { p = ac(p, v, o + RUN * 24); o = t - RUN * 24; }
  v = coefficient(b, s, 25, 2, 4); if (v) { p = ac(p, v, o + RUN * 25); o = t - RUN * 25; }
  v = coefficient(b, s, 26, 1, 5); if (v) { p = ac(p, v, o + RUN * 26); o = t - RUN * 26; }
  v = coefficient(b, s, 27, 0, 6); if (v) { p = ac(p, v, o + RUN * 27); o = t - RUN * 27; }
  v = coefficient(b, s, 28, 0, 7); if (v) { p = ac(p, v, o + RUN * 28); o = t - RUN * 28; }
  v = coefficient(b, s, 29, 1, 6); if (v) { p = ac(p, v, o + RUN * 29); o = t - RUN * 29; }
  v = coefficient(b, s, 30, 2, 5); if (v) { p = ac(p, v, o + RUN * 30); o = t - RUN * 30; }
  v = coefficient(b, s, 31, 3, 4); if (v) { p = ac(p, v, o + RUN * 31); o = t - RUN * 31; }
  v = coefficient(b, s, 32, 4, 3); if (v) { p = ac(p, v, o + RUN * 32); o = t - RUN * 32; }
  v = coefficient(b, s, 33, 5, 2); if (v) { p = ac(p, v, o + RUN * 33); o = t - RUN * 33; }
  v = coefficient(b, s, 34, 6, 1); if (v) { p = ac(p, v, o + RUN * 34); o = t - RUN * 34; }
  v = coefficient(b, s, 35, 7, 0); if (v) { p = ac(p, v, o + RUN * 35); o = t - RUN * 35; }
  v = coefficient(b, s, 36, 7, 1); if (v) { p = ac(p, v, o + RUN * 36); o = t - RUN * 36; }
  v = coefficient(b, s, 37, 6, 2); if (v) { p = ac(p, v, o + RUN * 37); o = t - RUN * 37; }
  v = coefficient(b, s, 38, 5, 3); if (v) { p = ac(p, v, o + RUN * 38); o = t - RUN * 38; }
  v = coefficient(b, s, 39, 4, 4); if (v) { p = ac(p, v, o + RUN * 39); o = t - RUN * 39; }
  v = coefficient(b, s, 40, 3, 5); if (v) { p = ac(p, v, o + RUN * 40); o = t - RUN * 40; }
  v = coefficient(b, s, 41, 2, 6); if (v) { p = ac(p, v, o + RUN * 41); o = t - RUN * 41; }
  v = coefficient(b, s, 42, 1, 7); if (v) { p = ac(p, v, o + RUN * 42); o = t - RUN * 42; }
  v = coefficient(b, s, 43, 2, 7); if (v) { p = ac(p, v, o + RUN * 43); o = t - RUN * 43; }
  v = coefficient(b, s, 44, 3, 6); if (v) { p = ac(p, v, o + RUN * 44); o = t - RUN * 44; }
  v = coefficient(b, s, 45, 4, 5); if (v) { p = ac(p, v, o + RUN * 45); o = t - RUN * 45; }
  v = coefficient(b, s, 46, 5, 4); if (v) { p = ac(p, v, o + RUN * 46); o = t - RUN * 46; }
  v = coefficient(b, s, 47, 6, 3); if (v) { p = ac(p, v, o + RUN * 47); o = t - RUN * 47; }
  v = coefficient(b, s, 48, 7, 2); if (v) { p = ac(p, v, o + RUN * 48); o = t - RUN * 48; }
  v = coefficient(b, s, 49, 7, 3); if (v) { p = ac(p, v, o + RUN * 49); o = t - RUN * 49; }
  v = coefficient(b, s, 50, 6, 4); if (v) { p = ac(p, v, o + RUN * 50); o = t - RUN * 50; }
  v = coefficient(b, s, 51, 5, 5); if (v) { p = ac(p, v, o + RUN * 51); o = t - RUN * 51; }
  v = coefficient(b, s, 52, 4, 6); if (v) { p = ac(p, v, o + RUN * 52); o = t - RUN * 52; }
  v = coefficient(b, s, 53, 3, 7); if (v) { p = ac(p, v, o + RUN * 53); o = t - RUN * 53; }
  v = coefficient(b, s, 54, 4, 7); if (v) { p = ac(p, v, o + RUN * 54); o = t - RUN * 54; }
  v = coefficient(b, s, 55, 5, 6); if (v) { p = ac(p, v, o + RUN * 55); o = t - RUN * 55; }
  v = coefficient(b, s, 56, 6, 5); if (v) { p = ac(p, v, o + RUN * 56); o = t - RUN * 56; }
  v = coefficient(b, s, 57, 7, 4); if (v) { p = ac(p, v, o + RUN * 57); o = t - RUN * 57; }
  v = coefficient(b, s, 58, 7, 5); if (v) { p = ac(p, v, o + RUN * 58); o = t - RUN * 58; }
  v = coefficient(b, s, 59, 6, 6); if (v) { p = ac(p, v, o + RUN * 59); o = t - RUN * 59; }
  v = coefficient(b, s, 60, 5, 7); if (v) { p = ac(p, v, o + RUN * 60); o = t - RUN * 60; }
  v = coefficient(b, s, 61, 6, 7); if (v) { p = ac(p, v, o + RUN * 61); o = t - RUN * 61; }
  v = coefficient(b, s, 62, 7, 6); if (v) { p = ac(p, v, o + RUN * 62); o = t - RUN * 62; }
  v = coefficient(b, s, 63, 7, 7); if (v) { p = ac(p, v, o + RUN * 63); o = t - RUN * 63; }
  return o == t - RUN * 63 ? p : endOfBlock(p, t);
}

/** The same where rows 4 to 7 are zero. */
// prettier-ignore
// @ts-ignore: decorator
@inline
function scanUpperHalf(p: Pending, b: usize, s: usize, t: i32): Pending {
  let o = t;
  let v: i32;
  v = coefficient(b, s, 1, 0, 1); if (v) { p = ac(p, v, o + RUN * 1); o = t - RUN * 1; }
  v = coefficient(b, s, 2, 1, 0); if (v) { p = ac(p, v, o + RUN * 2); o = t - RUN * 2; }
  v = coefficient(b, s, 3, 2, 0); if (v) { p = ac(p, v, o + RUN * 3); o = t - RUN * 3; }
  v = coefficient(b, s, 4, 1, 1); if (v) { p = ac(p, v, o + RUN * 4); o = t - RUN * 4; }
  v = coefficient(b, s, 5, 0, 2); if (v) { p = ac(p, v, o + RUN * 5); o = t - RUN * 5; }
  v = coefficient(b, s, 6, 0, 3); if (v) { p = ac(p, v, o + RUN * 6); o = t - RUN * 6; }
  v = coefficient(b, s, 7, 1, 2); if (v) { p = ac(p, v, o + RUN * 7); o = t - RUN * 7; }
  v = coefficient(b, s, 8, 2, 1); if (v) { p = ac(p, v, o + RUN * 8); o = t - RUN * 8; }
  v = coefficient(b, s, 9, 3, 0); if (v) { p = ac(p, v, o + RUN * 9); o = t - RUN * 9; }
  v = coefficient(b, s, 11, 3, 1); if (v) { p = ac(p, v, o + RUN * 11); o = t - RUN * 11; }
  v = coefficient(b, s, 12, 2, 2); if (v) { p = ac(p, v, o + RUN * 12); o = t - RUN * 12; }
  v = coefficient(b, s, 13, 1, 3); if (v) { p = ac(p, v, o + RUN * 13); o = t - RUN * 13; }
  v = coefficient(b, s, 14, 0, 4); if (v) { p = ac(p, v, o + RUN * 14); o = t - RUN * 14; }
  v = coefficient(b, s, 15, 0, 5); if (v) { p = ac(p, v, o + RUN * 15); o = t - RUN * 15; }
  v = coefficient(b, s, 16, 1, 4); if (v) { p = ac(p, v, o + RUN * 16); o = t - RUN * 16; }
  v = coefficient(b, s, 17, 2, 3); if (v) { p = ac(p, v, o + RUN * 17); o = t - RUN * 17; }
  v = coefficient(b, s, 18, 3, 2); if (v) { p = ac(p, v, o + RUN * 18); o = t - RUN * 18; }
  v = coefficient(b, s, 24, 3, 3); if (v) { p = ac(p, v, o + RUN * 24); o = t - RUN * 24; }
  v = coefficient(b, s, 25, 2, 4); if (v) { p = ac(p, v, o + RUN * 25); o = t - RUN * 25; }
  v = coefficient(b, s, 26, 1, 5); if (v) { p = ac(p, v, o + RUN * 26); o = t - RUN * 26; }
  v = coefficient(b, s, 27, 0, 6); if (v) { p = ac(p, v, o + RUN * 27); o = t - RUN * 27; }
  v = coefficient(b, s, 28, 0, 7); if (v) { p = ac(p, v, o + RUN * 28); o = t - RUN * 28; }
  v = coefficient(b, s, 29, 1, 6); if (v) { p = ac(p, v, o + RUN * 29); o = t - RUN * 29; }
  v = coefficient(b, s, 30, 2, 5); if (v) { p = ac(p, v, o + RUN * 30); o = t - RUN * 30; }
  v = coefficient(b, s, 31, 3, 4); if (v) { p = ac(p, v, o + RUN * 31); o = t - RUN * 31; }
  v = coefficient(b, s, 40, 3, 5); if (v) { p = ac(p, v, o + RUN * 40); o = t - RUN * 40; }
  v = coefficient(b, s, 41, 2, 6); if (v) { p = ac(p, v, o + RUN * 41); o = t - RUN * 41; }
  v = coefficient(b, s, 42, 1, 7); if (v) { p = ac(p, v, o + RUN * 42); o = t - RUN * 42; }
  v = coefficient(b, s, 43, 2, 7); if (v) { p = ac(p, v, o + RUN * 43); o = t - RUN * 43; }
  v = coefficient(b, s, 44, 3, 6); if (v) { p = ac(p, v, o + RUN * 44); o = t - RUN * 44; }
  v = coefficient(b, s, 53, 3, 7); if (v) { p = ac(p, v, o + RUN * 53); o = t - RUN * 53; }
  return endOfBlock(p, t);
}

/** Encodes a group's blocks from number `first` to before `end`. */
export function encode(first: usize, end: usize): void {
  guard(end);
  let p = pending(load<u32>(PENDING_BITS), load<u32>(PENDING_ROOM));
  for (let n = first; n < end; n++) {
    const block = placeOf(n);
    const component = componentOf(n);
    const scales = scalesOf(component);
    const dc = quantised(<i32>load<i16>(block) - zeroOf(component), load<i32>(scales));
    const difference = dcDifference(component, dc);
    p = put(p, difference, dcOriginOf(component) + max(min(difference, DC_VALUE_MAX), -DC_VALUE_MAX - 1));
    const origin = acOriginOf(component);
    const quiet = load<u32>(block & ~2, PAIR_QUIET);
    p = quiet ? scanUpperHalf(p, block, scales, origin) : scan(p, block, scales, origin);
  }
  const state = <u32>(p >> 32);
  store<u32>(PENDING_BITS, <u32>p);
  store<u32>(PENDING_ROOM, state & (31 << ROOM_SHIFT));
  store<usize>(CODED_BYTES, <usize>state & CODED_MASK);
}
