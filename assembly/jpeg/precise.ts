/**
 * Colours and transform for fine quantisation: slower than `colour.ts` and `transform.ts`, and with nothing lost.
 *
 * Two numbers in a word leave those an error of about half a sample. That drowns in quantisation but where its steps
 * are 1 or 2, at the highest qualities. Which of the two a file gets, its tables decide (`tables.ts`, isFine).
 */

import { componentOf, placeOf, tableOf } from "./components";
import {
  BLOCKS,
  PAIR_BYTES,
  PAIR_QUIET,
  PRECISE_SCALES,
  PRECISE_SCALES_BYTES,
  WIDE_PIXELS,
  WINDOW,
  guard,
} from "./memory";

// --- Pixels: red << 20 | green << 10 | blue, each in quarters of 1/255, so that means of four are whole numbers

export type WidePixel = u32;

// @ts-ignore: decorator
@inline
export function wide(red: u32, green: u32, blue: u32): WidePixel {
  return red << 20 | green << 10 | blue;
}

/** Widens by repeating the upper bits. */
// @ts-ignore: decorator
@inline
function wideOfRgb565(pixel: u32): WidePixel {
  const red = pixel >> 8 & 0xf8 | pixel >> 13;
  const green = pixel >> 3 & 0xfc | pixel >> 9 & 3;
  const blue = pixel << 3 & 0xf8 | pixel >> 2 & 7;
  return wide(red, green, blue) << 2;
}

/** Pixels of a group across. */
export const ACROSS: usize = 16;

/** Where the pixels of a row of a group are, masked. */
// @ts-ignore: decorator
@inline
export function wideRow(row: usize): usize {
  return WIDE_PIXELS + row * ACROSS * 4 & WINDOW;
}

/**
 * Widens a group's pixels, and repeats the last column and row for those that are not there.
 * @param pixels its upper left one
 * @param stride bytes from one row of pixels to the next
 * @param across how many columns there are, at least 1
 * @param down how many rows there are, at least 1
 * @param rows that the group has
 */
export function widenRgb565(pixels: usize, stride: usize, across: i32, down: i32, rows: i32): void {
  guard(pixels);
  for (let row = 0; row < rows; row++) {
    const from = pixels + <usize>min(row, down - 1) * stride & WINDOW;
    const to = wideRow(row);
    for (let column: usize = 0; column < ACROSS; column++) {
      const there = <usize>min(<i32>column, across - 1) & (ACROSS - 1);
      store<u32>(to + column * 4, wideOfRgb565(load<u16>(from + there * 2)));
    }
  }
}

// --- Colours: the samples of `colour.ts`, rounded once. Weights in 1/65536, as in JFIF 1.02, page 3

// @ts-ignore: decorator
@inline
function red(pixel: WidePixel): i32 {
  return pixel >>> 20;
}

// @ts-ignore: decorator
@inline
function green(pixel: WidePixel): i32 {
  return pixel >>> 10 & 0x3ff;
}

// @ts-ignore: decorator
@inline
function blue(pixel: WidePixel): i32 {
  return pixel & 0x3ff;
}

function yOf(pixel: WidePixel): i32 {
  return red(pixel) * 19595 + green(pixel) * 38470 + blue(pixel) * 7471;
}

function cbOf(pixel: WidePixel): i32 {
  return (128 << 18) - red(pixel) * 11058 - green(pixel) * 21710 + blue(pixel) * 32768;
}

function crOf(pixel: WidePixel): i32 {
  return (128 << 18) + red(pixel) * 32768 - green(pixel) * 27439 - blue(pixel) * 5329;
}

/** A sample, with its bit of fraction, of a sum of 1 << countBits values. */
// @ts-ignore: decorator
@inline
function rounded(sum: i32, countBits: i32): u16 {
  return <u16>((sum + (1 << (16 + countBits))) >> (17 + countBits));
}

/** Where a group's column of samples is, from the beginning of its pair of blocks. */
// @ts-ignore: decorator
@inline
function columnAt(column: usize): usize {
  return sampleAt(0, column & 7) + (column >> 3) * 2;
}

/** Where a sample is, from the beginning of its block. */
// @ts-ignore: decorator
@inline
function sampleAt(row: usize, column: usize): usize {
  return column * 32 + row * 4;
}

/**
 * Makes samples of a group's widened pixels.
 * @param acrossBits 1 if two neighbours share their chroma
 * @param downBits 1 if those of the row below do as well
 */
export function sampleWide(acrossBits: i32, downBits: i32): void {
  if (downBits) sample(1, 1);
  else if (acrossBits) sample(1, 0);
  else sample(0, 0);
}

/** The same, compiled for each sampling: that halves its time. */
// @ts-ignore: decorator
@inline
function sample(acrossBits: i32, downBits: i32): void {
  guard(acrossBits);
  for (let row: usize = 0; row < <usize>(8 << downBits); row++) {
    const from = wideRow(row);
    const to = BLOCKS + (row >> 3) * PAIR_BYTES + (row & 7) * 4;
    for (let column: usize = 0; column < ACROSS; column++) {
      store<u16>(to + columnAt(column), rounded(yOf(load<u32>(from + column * 4)), 0));
    }
  }
  // Chroma that is not shared has as many columns as luma, and a pair of blocks for each component.
  const cbAt = BLOCKS + PAIR_BYTES * (1 + downBits);
  const crAt = acrossBits ? cbAt + 2 : cbAt + PAIR_BYTES;
  for (let row: usize = 0; row < 8; row++) {
    const from = wideRow(row << downBits);
    for (let column: usize = 0; column < ACROSS >> acrossBits; column++) {
      const first = from + (column << acrossBits) * 4;
      let pixel = load<u32>(first);
      let cb = cbOf(pixel);
      let cr = crOf(pixel);
      if (acrossBits) {
        pixel = load<u32>(first, 4);
        cb += cbOf(pixel);
        cr += crOf(pixel);
      }
      if (downBits) {
        pixel = load<u32>(first, ACROSS * 4);
        cb += cbOf(pixel);
        cr += crOf(pixel);
        pixel = load<u32>(first, ACROSS * 4 + 4);
        cb += cbOf(pixel);
        cr += crOf(pixel);
      }
      const to = row * 4 + columnAt(column);
      store<u16>(cbAt + to, rounded(cb, acrossBits + downBits));
      store<u16>(crAt + to, rounded(cr, acrossBits + downBits));
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
