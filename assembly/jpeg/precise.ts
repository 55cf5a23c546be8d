/**
 * Colours and transform for fine quantisation: slower than `colour.ts` and `transform.ts`, and with nothing lost.
 *
 * Two numbers in a word leave those an error of about half a sample. That drowns in quantisation but where its steps are
 * 1 or 2, at the highest qualities. Which of the two a file gets, its tables decide (`tables.ts`, isFine).
 */

import { BLOCK_BYTES, COEFFICIENTS, PRECISE_SCALES, PRECISE_SCALES_BYTES, SAMPLES } from "./memory";

// --- Colours: the samples of `colour.ts`, from 8-bit red, green and blue, rounded once

// In 1/65536, as in JFIF 1.02, page 3. With a bit of fraction, samples are shifted by 15 in the end.
const Y_OF_R: i32 = 19595;
const Y_OF_G: i32 = 38470;
const Y_OF_B: i32 = 7471;
const CB_OF_R: i32 = -11058;
const CB_OF_G: i32 = -21710;
const CR_OF_G: i32 = -27439;
const CR_OF_B: i32 = -5329;
const HALF: i32 = 32768;
const SHIFT: i32 = 15;

/** @param count a power of 2, of values whose sum is given */
// @ts-ignore: decorator
@inline
function rounded(sum: i32, countBits: i32): u16 {
  return <u16>((sum + (1 << (SHIFT - 1 + countBits))) >> (SHIFT + countBits));
}

/** Where a sample is, from the beginning of its block. */
// @ts-ignore: decorator
@inline
function sampleAt(row: usize, column: usize): usize {
  return (column >> 1) * (BLOCK_BYTES / 4) + row * 4 + (column & 1) * 2;
}

/**
 * One MCU of RGB565.
 * @param pixels its upper left one
 * @param stride bytes from one row of pixels to the next
 * @param chromaBits 0 where chroma is for each pixel, 1 where it is for 2 x 2
 */
export function rgb565Precisely(pixels: usize, stride: usize, chromaBits: usize): void {
  const cb = SAMPLES + (BLOCK_BYTES << (2 * chromaBits));
  for (let row: usize = 0; row < 8; row++) {
    for (let column: usize = 0; column < 8; column++) {
      let sumCb = 0;
      let sumCr = 0;
      for (let n: usize = 0; n < 1 << (2 * chromaBits); n++) {
        const x = (column << chromaBits) + (n & 1);
        const y = (row << chromaBits) + (n >> 1);
        const pixel = <i32>load<u16>(pixels + y * stride + x * 2);
        const r = pixel >> 8 & 0xf8 | pixel >> 13;
        const g = pixel >> 3 & 0xfc | pixel >> 9 & 3;
        const b = pixel << 3 & 0xf8 | pixel >> 2 & 7;
        const block = SAMPLES + ((y >> 3) * 2 + (x >> 3)) * BLOCK_BYTES;
        store<u16>(block + sampleAt(y & 7, x & 7), rounded(r * Y_OF_R + g * Y_OF_G + b * Y_OF_B, 0));
        sumCb += r * CB_OF_R + g * CB_OF_G + b * HALF + (128 << 16);
        sumCr += r * HALF + g * CR_OF_G + b * CR_OF_B + (128 << 16);
      }
      store<u16>(cb + sampleAt(row, column), rounded(sumCb, <i32>(2 * chromaBits)));
      store<u16>(cb + sampleAt(row, column), rounded(sumCr, <i32>(2 * chromaBits)), BLOCK_BYTES);
    }
  }
}

// --- The transform: the same algorithm as in `transform.ts`, one line at a time, in floating point

/** The reciprocal of what coefficients are multiplied by here, as SCALES has it. */
export const TWICE: i32 = 0x7fffffff;

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
 * Transforms and quantises a block of samples. What it leaves in COEFFICIENTS is twice the quantised coefficient, so that
 * the common way on, times {@link TWICE}, gives just that.
 * @param table LUMA or CHROMA
 * @param zero the DC coefficient of medium gray
 */
export function transformPrecisely(samples: usize, table: i32, zero: i32): void {
  const middle = <f32>zero * (1.0 / 64.0);
  for (let column: usize = 0; column < 8; column++) {
    const from = samples + sampleAt(0, column);
    const to = work + column * 4;
    for (let row: usize = 0; row < 8; row++) {
      store<f32>(to + row * 32, <f32>(<i32>load<i16>(from + row * 4)) - middle);
    }
    line(to, 32);
  }
  for (let row: usize = 0; row < 8; row++) {
    const from = work + row * 32;
    const to = COEFFICIENTS + (row >> 1) * 32 + (row & 1) * 2;
    const scales = PRECISE_SCALES + <usize>table * PRECISE_SCALES_BYTES + row * 32;
    line(from, 4);
    for (let column: usize = 0; column < 8; column++) {
      const value = nearestWhole(load<f32>(from + column * 4) * load<f32>(scales + column * 4));
      store<i16>(to + column * 4, <i16>(2 * value));
    }
  }
}
