/**
 * The cosine transform of a block, after Arai, Agui and Nakajima: 5 multiplications for 8 values, because a factor of
 * each coefficient is left to quantisation (`tables.ts`, GAINS).
 *
 * Two columns, and then two rows, are transformed at once: a word holds a value of each in its halves. It is taken for
 * the number `upper * 65536 + lower`, both signed, so that words add and subtract like two pairs of numbers. Only a
 * multiplication takes the halves apart, and ARM has instructions for just that.
 *
 * 16 bits must hold 64 samples' sum: 255 * 64 leaves room for one more bit of fraction, FRACTION_BITS.
 */

import { COEFFICIENTS, COLUMNS, MULTIPLIERS, ROW_LIMITS } from "./memory";

/** Bits of fraction that samples have. */
export const FRACTION_BITS: i32 = 1;

// Multipliers in 1/65536.
const COS_4_16: usize = MULTIPLIERS;
const COS_2_MINUS_6_16: usize = MULTIPLIERS + 4;
const COS_2_PLUS_6_16: usize = MULTIPLIERS + 8;
const COS_6_16: usize = MULTIPLIERS + 12;

export function buildMultipliers(): void {
  store<i32>(COS_4_16, 46341);
  store<i32>(COS_2_MINUS_6_16, 35468);
  store<i32>(COS_2_PLUS_6_16, 85627);
  store<i32>(COS_6_16, 25080);
}

/** The lower half times c / 65536 (SMULWB). */
// @ts-ignore: decorator
@inline
function lower(c: i32, x: i32): i32 {
  return <i32>((<i64>c * <i64>(<i32>(<i16>x))) >> 16);
}

/** The upper half times c / 65536 (SMMULR, where the lower half is but a fraction). */
// @ts-ignore: decorator
@inline
function upper(c: i32, x: i32): i32 {
  return <i32>((<i64>c * <i64>x + 0x80000000) >> 32);
}

// @ts-ignore: decorator
@inline
function both(low: i32, high: i32): i32 {
  return low + (high << 16);
}

/** Coefficients 0, 2, 4 and 6 of two lines, to every second word from `to`, of the sums of what mirrors in the middle. */
// @ts-ignore: decorator
@inline
function even(to: usize, s07: i32, s16: i32, s25: i32, s34: i32): void {
  const c4 = load<i32>(COS_4_16);
  const outer = s07 + s34;
  const inner = s16 + s25;
  const slope = s07 - s34;
  const turn = s16 - s25 + slope;
  const turned = both(lower(c4, turn), upper(c4, turn));
  store<i32>(to, outer + inner, 0);
  store<i32>(to, slope + turned, 8);
  store<i32>(to, outer - inner, 16);
  store<i32>(to, slope - turned, 24);
}

/** Coefficients 1, 3, 5 and 7, of the differences. */
// @ts-ignore: decorator
@inline
function odd(to: usize, d07: i32, d16: i32, d25: i32, d34: i32): void {
  const c4 = load<i32>(COS_4_16);
  const minus = load<i32>(COS_2_MINUS_6_16);
  const plus = load<i32>(COS_2_PLUS_6_16);
  const c6 = load<i32>(COS_6_16);
  const a = d34 + d25;
  const b = d25 + d16;
  const c = d16 + d07;
  const middle = both(lower(c4, b), upper(c4, b));
  const sum = d07 + middle;
  const difference = d07 - middle;
  const z = a - c;
  const lowerZ = lower(c6, z);
  const upperZ = upper(c6, z);
  const p = both(lower(minus, a) + lowerZ, upper(minus, a) + upperZ);
  const q = both(lower(plus, c) + lowerZ, upper(plus, c) + upperZ);
  store<i32>(to, sum + q, 4);
  store<i32>(to, difference - p, 12);
  store<i32>(to, difference + p, 20);
  store<i32>(to, sum - q, 28);
}

/** Two columns: eight words to eight words. */
// @ts-ignore: decorator
@inline
function columns(from: usize, to: usize): void {
  even(
    to,
    load<i32>(from, 0) + load<i32>(from, 28),
    load<i32>(from, 4) + load<i32>(from, 24),
    load<i32>(from, 8) + load<i32>(from, 20),
    load<i32>(from, 12) + load<i32>(from, 16),
  );
  odd(
    to,
    load<i32>(from, 0) - load<i32>(from, 28),
    load<i32>(from, 4) - load<i32>(from, 24),
    load<i32>(from, 8) - load<i32>(from, 20),
    load<i32>(from, 12) - load<i32>(from, 16),
  );
}

/** The left ones of two columns, of two rows. */
// @ts-ignore: decorator
@inline
function left(from: usize): i32 {
  return load<i32>(from) & 0xffff | load<i32>(from, 4) << 16;
}

// @ts-ignore: decorator
@inline
function right(from: usize): i32 {
  return load<i32>(from) >>> 16 | load<i32>(from, 4) & 0xffff0000;
}

/** Two rows, turned from words of two columns to words of two rows on the way in. */
// @ts-ignore: decorator
@inline
function rows(from: usize, to: usize): void {
  const x0 = left(from);
  const x1 = right(from);
  const x2 = left(from + 32);
  const x3 = right(from + 32);
  const x4 = left(from + 64);
  const x5 = right(from + 64);
  const x6 = left(from + 96);
  const x7 = right(from + 96);
  even(to, x0 + x7, x1 + x6, x2 + x5, x3 + x4);
  odd(to, x0 - x7, x1 - x6, x2 - x5, x3 - x4);
}

// @ts-ignore: decorator
@inline
function squares(word: i32): i32 {
  const low = <i32>(<i16>word);
  const high = word >> 16;
  return low * low + high * high;
}

/** Whether everything in a row is sure to be quantised to zero: its length bounds each of its coefficients. */
// @ts-ignore: decorator
@inline
function quiet(row: usize, limit: i32): bool {
  return (
    squares(load<i32>(row)) + squares(load<i32>(row, 32)) + squares(load<i32>(row, 64)) + squares(load<i32>(row, 96)) <=
    limit
  );
}

/**
 * The first pass: the samples of a block to COLUMNS. The samples of a column are eight words apart.
 * @param samples masked; {@link guard} has been called
 */
// @ts-ignore: decorator
@inline
export function transformColumns(samples: usize): void {
  columns(samples, COLUMNS);
  columns(samples + 32, COLUMNS + 32);
  columns(samples + 64, COLUMNS + 64);
  columns(samples + 96, COLUMNS + 96);
}

/** After the first pass: whether the lower half of the block's coefficients are sure to be quantised to zero. */
// @ts-ignore: decorator
@inline
export function lowerHalfIsQuiet(scales: usize): bool {
  return (
    quiet(COLUMNS + 16, load<i32>(scales, ROW_LIMITS)) &&
    quiet(COLUMNS + 20, load<i32>(scales, ROW_LIMITS + 4)) &&
    quiet(COLUMNS + 24, load<i32>(scales, ROW_LIMITS + 8)) &&
    quiet(COLUMNS + 28, load<i32>(scales, ROW_LIMITS + 12))
  );
}

/** The second pass, rows 0 to 3: COLUMNS to COEFFICIENTS. */
// @ts-ignore: decorator
@inline
export function transformUpperRows(): void {
  rows(COLUMNS, COEFFICIENTS);
  rows(COLUMNS + 8, COEFFICIENTS + 32);
}

/** Rows 4 to 7. */
// @ts-ignore: decorator
@inline
export function transformLowerRows(): void {
  rows(COLUMNS + 16, COEFFICIENTS + 64);
  rows(COLUMNS + 24, COEFFICIENTS + 96);
}
