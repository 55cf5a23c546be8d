/**
 * Colours and transform for fine quantisation: slower than `colour.ts` and `transform.ts`, and with nothing lost.
 *
 * Two numbers in a word leave those an error of about half a sample. That drowns in quantisation but where its steps
 * are 1 or 2, at the highest qualities. Which of the two a file gets, its tables decide (`tables.ts`, isFine).
 */

import { componentOf, placeOf, tableOf } from "./components";
import { BLOCKS, PAIR_BYTES, PAIR_QUIET, PRECISE_SCALES, PRECISE_SCALES_BYTES } from "./memory";

// --- Colours: the samples of `colour.ts`, from 8-bit red, green and blue, rounded once

// In 1/65536, as in JFIF 1.02, page 3.

// @ts-ignore: decorator
@inline
function red(pixel: i32): i32 {
  return pixel >> 8 & 0xf8 | pixel >> 13;
}

// @ts-ignore: decorator
@inline
function green(pixel: i32): i32 {
  return pixel >> 3 & 0xfc | pixel >> 9 & 3;
}

// @ts-ignore: decorator
@inline
function blue(pixel: i32): i32 {
  return pixel << 3 & 0xf8 | pixel >> 2 & 7;
}

function yOf(pixel: i32): i32 {
  return red(pixel) * 19595 + green(pixel) * 38470 + blue(pixel) * 7471;
}

function cbOf(pixel: i32): i32 {
  return (128 << 16) - red(pixel) * 11058 - green(pixel) * 21710 + blue(pixel) * 32768;
}

function crOf(pixel: i32): i32 {
  return (128 << 16) + red(pixel) * 32768 - green(pixel) * 27439 - blue(pixel) * 5329;
}

/** A sample, with its bit of fraction, of a sum of 1 << countBits values. */
// @ts-ignore: decorator
@inline
function rounded(sum: i32, countBits: i32): u16 {
  return <u16>((sum + (1 << (14 + countBits))) >> (15 + countBits));
}

/** Where a sample is, from the beginning of its block. */
// @ts-ignore: decorator
@inline
function sampleAt(row: usize, column: usize): usize {
  return column * 32 + row * 4;
}

/**
 * A group of RGB565.
 * @param pixels its upper left one
 * @param stride bytes from one row of pixels to the next
 */
export function rgb565To444Precisely(pixels: usize, stride: usize): void {
  for (let row: usize = 0; row < 8; row++) {
    for (let column: usize = 0; column < 16; column++) {
      const at = BLOCKS + sampleAt(row, column & 7) + (column >> 3) * 2;
      const pixel = load<u16>(pixels + row * stride + column * 2);
      store<u16>(at, rounded(yOf(pixel), 0));
      store<u16>(at, rounded(cbOf(pixel), 0), PAIR_BYTES);
      store<u16>(at, rounded(crOf(pixel), 0), 2 * PAIR_BYTES);
    }
  }
}

export function rgb565To420Precisely(pixels: usize, stride: usize): void {
  for (let row: usize = 0; row < 16; row++) {
    for (let column: usize = 0; column < 16; column++) {
      const at = BLOCKS + (row >> 3) * PAIR_BYTES + sampleAt(row & 7, column & 7) + (column >> 3) * 2;
      store<u16>(at, rounded(yOf(load<u16>(pixels + row * stride + column * 2)), 0));
    }
  }
  for (let row: usize = 0; row < 8; row++) {
    for (let column: usize = 0; column < 8; column++) {
      const from = pixels + row * 2 * stride + column * 4;
      const p0 = load<u16>(from);
      const p1 = load<u16>(from, 2);
      const p2 = load<u16>(from + stride);
      const p3 = load<u16>(from + stride, 2);
      const at = BLOCKS + 2 * PAIR_BYTES + sampleAt(row, column);
      store<u16>(at, rounded(cbOf(p0) + cbOf(p1) + cbOf(p2) + cbOf(p3), 2));
      store<u16>(at, rounded(crOf(p0) + crOf(p1) + crOf(p2) + crOf(p3), 2), 2);
    }
  }
}

// --- The transform: the same algorithm as in `transform.ts`, one line at a time, in floating point

/** The reciprocal of what coefficients are multiplied by here, as SCALES has it. */
export const TWICE: i32 = 0x7fffffff;

/** Medium gray, with a bit of fraction. */
const MIDDLE: f32 = 256;

/** One block, half transformed: 8 rows of 8. */
const work: usize = memory.data(64 * 4, 8);

const COS_4_16: f32 = 0.70710678;
const COS_2_MINUS_6_16: f32 = 0.5411961;
const COS_2_PLUS_6_16: f32 = 1.306563;
const COS_6_16: f32 = 0.38268343;

/** Transforms the 8 numbers that are `STEP` bytes apart from `at` on, in place. */
// @ts-ignore: decorator
@inline
function line(at: usize, STEP: usize): void {
  const x0 = load<f32>(at);
  const x1 = load<f32>(at + STEP);
  const x2 = load<f32>(at + 2 * STEP);
  const x3 = load<f32>(at + 3 * STEP);
  const x4 = load<f32>(at + 4 * STEP);
  const x5 = load<f32>(at + 5 * STEP);
  const x6 = load<f32>(at + 6 * STEP);
  const x7 = load<f32>(at + 7 * STEP);

  const outer = x0 + x7 + (x3 + x4);
  const inner = x1 + x6 + (x2 + x5);
  const slope = x0 + x7 - (x3 + x4);
  const turned = (x1 + x6 - (x2 + x5) + slope) * COS_4_16;
  store<f32>(at, outer + inner);
  store<f32>(at + 2 * STEP, slope + turned);
  store<f32>(at + 4 * STEP, outer - inner);
  store<f32>(at + 6 * STEP, slope - turned);

  const d07 = x0 - x7;
  const a = x3 - x4 + (x2 - x5);
  const b = x2 - x5 + (x1 - x6);
  const c = x1 - x6 + d07;
  const middle = b * COS_4_16;
  const z = (a - c) * COS_6_16;
  const p = a * COS_2_MINUS_6_16 + z;
  const q = c * COS_2_PLUS_6_16 + z;
  store<f32>(at + STEP, d07 + middle + q);
  store<f32>(at + 3 * STEP, d07 - middle - p);
  store<f32>(at + 5 * STEP, d07 - middle + p);
  store<f32>(at + 7 * STEP, d07 + middle - q);
}

/** The nearest whole number, of less than 2^22: what is added leaves no bits of fraction. */
// @ts-ignore: decorator
@inline
function nearestWhole(value: f32): i32 {
  return reinterpret<i32>(value + 12582912.0) - 0x4b400000;
}

/**
 * Transforms and quantises a group's blocks of samples, in place. What it leaves is twice the quantised coefficient, so
 * that the common way on, times {@link TWICE}, gives just that.
 */
export function transformPrecisely(blocks: usize): void {
  for (let n: usize = 0; n < blocks; n++) {
    transformBlock(placeOf(n), PRECISE_SCALES + tableOf(componentOf(n)) * PRECISE_SCALES_BYTES);
    store<u32>(placeOf(n) & ~2, 0, PAIR_QUIET);
  }
}

function transformBlock(block: usize, scales: usize): void {
  for (let column: usize = 0; column < 8; column++) {
    const to = work + column * 4;
    for (let row: usize = 0; row < 8; row++) {
      store<f32>(to + row * 32, <f32>(<i32>load<i16>(block + sampleAt(row, column))) - MIDDLE);
    }
    line(to, 32);
  }
  for (let row: usize = 0; row < 8; row++) {
    line(work + row * 32, 4);
    for (let i = row * 32; i < row * 32 + 32; i += 4) {
      store<i16>(block + i, <i16>(2 * nearestWhole(load<f32>(work + i) * load<f32>(scales + i))));
    }
  }
}
