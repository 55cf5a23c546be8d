/**
 * The cosine transform, after Arai, Agui and Nakajima: 5 multiplications for 8 values, because a factor of each
 * coefficient is left to quantisation (`tables.ts`, GAINS).
 *
 * Two blocks are transformed at once: a word holds a value of each in its halves. It is taken for the number
 * `upper * 65536 + lower`, both signed, so that words add and subtract like two pairs of numbers. Only a multiplication
 * takes the halves apart, and ARM has instructions for just that.
 *
 * 16 bits must hold 64 samples' sum: 255 * 64 leaves room for one more bit of fraction, FRACTION_BITS.
 */

import {
  BLOCKS,
  BLOCKS_AT,
  COLUMNS,
  COLUMNS_AT,
  LOW,
  MULTIPLIERS,
  PAIR_BYTES,
  PAIR_QUIET,
  PAIR_SCALES,
  ROW_LIMITS,
  guard,
} from "./memory";

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
  store<usize>(COLUMNS_AT, COLUMNS);
  store<usize>(BLOCKS_AT, BLOCKS);
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

/** Eight words that are FROM bytes apart to eight that are TO bytes apart. */
// @ts-ignore: decorator
@inline
function line(from: usize, FROM: usize, to: usize, TO: usize): void {
  const c4 = load<i32>(COS_4_16);
  const minus = load<i32>(COS_2_MINUS_6_16);
  const plus = load<i32>(COS_2_PLUS_6_16);
  const c6 = load<i32>(COS_6_16);
  const x0 = load<i32>(from);
  const x1 = load<i32>(from + FROM);
  const x2 = load<i32>(from + 2 * FROM);
  const x3 = load<i32>(from + 3 * FROM);
  const x4 = load<i32>(from + 4 * FROM);
  const x5 = load<i32>(from + 5 * FROM);
  const x6 = load<i32>(from + 6 * FROM);
  const x7 = load<i32>(from + 7 * FROM);

  const outer = x0 + x7 + (x3 + x4);
  const inner = x1 + x6 + (x2 + x5);
  const slope = x0 + x7 - (x3 + x4);
  const turn = x1 + x6 - (x2 + x5) + slope;
  const turned = both(lower(c4, turn), upper(c4, turn));
  store<i32>(to, outer + inner);
  store<i32>(to + 2 * TO, slope + turned);
  store<i32>(to + 4 * TO, outer - inner);
  store<i32>(to + 6 * TO, slope - turned);

  const d07 = x0 - x7;
  const a = x3 - x4 + (x2 - x5);
  const b = x2 - x5 + (x1 - x6);
  const c = x1 - x6 + d07;
  const middle = both(lower(c4, b), upper(c4, b));
  const sum = d07 + middle;
  const difference = d07 - middle;
  const z = a - c;
  const lowerZ = lower(c6, z);
  const upperZ = upper(c6, z);
  const p = both(lower(minus, a) + lowerZ, upper(minus, a) + upperZ);
  const q = both(lower(plus, c) + lowerZ, upper(plus, c) + upperZ);
  store<i32>(to + TO, sum + q);
  store<i32>(to + 3 * TO, difference - p);
  store<i32>(to + 5 * TO, difference + p);
  store<i32>(to + 7 * TO, sum - q);
}

// Between the passes, values of a row are next to each other.
const COLUMN_STEP: usize = 4;
const ROW_STEP: usize = 32;

// @ts-ignore: decorator
@inline
function square(at: usize): i32 {
  const value = <i32>load<i16>(at);
  return value * value;
}

/** The sum of a row's squares, in one block. */
// @ts-ignore: decorator
@inline
function squares(row: usize): i32 {
  return (
    square(row) +
    square(row + COLUMN_STEP) +
    square(row + 2 * COLUMN_STEP) +
    square(row + 3 * COLUMN_STEP) +
    square(row + 4 * COLUMN_STEP) +
    square(row + 5 * COLUMN_STEP) +
    square(row + 6 * COLUMN_STEP) +
    square(row + 7 * COLUMN_STEP)
  );
}

/** Whether everything in a row is sure to be quantised to zero: its length bounds each of its coefficients. */
// @ts-ignore: decorator
@inline
function quiet(row: usize, limit: i32): bool {
  return squares(row) <= limit && squares(row + 2) <= limit;
}

/** Whether the lower halves of the blocks are sure to be quantised to zero, seen between the passes. */
// @ts-ignore: decorator
@inline
function lowerHalvesAreQuiet(columns: usize, scales: usize): bool {
  return (
    quiet(columns + 4 * ROW_STEP, load<i32>(scales, ROW_LIMITS)) &&
    quiet(columns + 5 * ROW_STEP, load<i32>(scales, ROW_LIMITS + 4)) &&
    quiet(columns + 6 * ROW_STEP, load<i32>(scales, ROW_LIMITS + 8)) &&
    quiet(columns + 7 * ROW_STEP, load<i32>(scales, ROW_LIMITS + 12))
  );
}

/**
 * Transforms pairs of blocks from samples to coefficients, in place.
 *
 * The addresses that are loaded are constants, which LLVM shall not know: it would keep what the first pass stores for
 * the second one, in far more registers than there are, and take apart addresses that it sees to be multiples of 8.
 */
export function transform(pairs: usize): void {
  guard(pairs);
  let at = load<usize>(BLOCKS_AT);
  for (let n: usize = 0; n < pairs; n++) {
    const pair = at & LOW;
    at += PAIR_BYTES;
    line(pair, 4, COLUMNS, ROW_STEP);
    line(pair + 32, 4, COLUMNS + COLUMN_STEP, ROW_STEP);
    line(pair + 64, 4, COLUMNS + 2 * COLUMN_STEP, ROW_STEP);
    line(pair + 96, 4, COLUMNS + 3 * COLUMN_STEP, ROW_STEP);
    line(pair + 128, 4, COLUMNS + 4 * COLUMN_STEP, ROW_STEP);
    line(pair + 160, 4, COLUMNS + 5 * COLUMN_STEP, ROW_STEP);
    line(pair + 192, 4, COLUMNS + 6 * COLUMN_STEP, ROW_STEP);
    line(pair + 224, 4, COLUMNS + 7 * COLUMN_STEP, ROW_STEP);
    const columns = load<usize>(COLUMNS_AT) & LOW;
    line(columns, COLUMN_STEP, pair, 4);
    line(columns + ROW_STEP, COLUMN_STEP, pair + 32, 4);
    line(columns + 2 * ROW_STEP, COLUMN_STEP, pair + 64, 4);
    line(columns + 3 * ROW_STEP, COLUMN_STEP, pair + 96, 4);
    const quiet = lowerHalvesAreQuiet(columns, load<usize>(pair, PAIR_SCALES) & LOW);
    store<u32>(pair, quiet, PAIR_QUIET);
    if (quiet) continue;
    line(columns + 4 * ROW_STEP, COLUMN_STEP, pair + 128, 4);
    line(columns + 5 * ROW_STEP, COLUMN_STEP, pair + 160, 4);
    line(columns + 6 * ROW_STEP, COLUMN_STEP, pair + 192, 4);
    line(columns + 7 * ROW_STEP, COLUMN_STEP, pair + 224, 4);
  }
}
