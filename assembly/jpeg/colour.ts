/**
 * From the pixels of one group of MCUs to samples: Y, Cb, Cr as JFIF wants them (ITU-R BT.601, full range), chroma
 * averaged over 2 x 2 pixels for 4:2:0 and over two neighbours for 4:2:2. Bayer pixels have `bayer.ts`.
 *
 * Samples are 16 bits wide with FRACTION_BITS of fraction, 0 to 511. A word has one of each of two blocks
 * (`memory.ts`, BLOCKS): luma's left and right one, the Cb and Cr that they share in 4:2:0 and 4:2:2, or two MCUs'
 * blocks of the same component in 4:4:4.
 * Arithmetic is done on both halves of a word at once; what comes out before it is cut needs no more than 16 bits and
 * no sign.
 *
 * For RGB565, with r and b up to 31, g up to 63 and 8 bits of fraction, of which all but one are cut at the end:
 *
 *     Y  = 0.299 R + 0.587 G + 0.114 B  = 630 r + 608 g + 240 b, at most 65,274
 *     Cb = 128 + 0.564 (B - Y)          = 32768 + 1184 b - 72 y, where y is Y with its bit of fraction
 *     Cr = 128 + 0.713 (R - Y)          = 32768 + 1497 r - 91 y
 */

import { BLOCKS, MULTIPLIERS, PAIR_BYTES, WINDOW, guard } from "./memory";

// What the compiler shall keep in registers, or load, but not take apart. The functions below get them as arguments
// (m5, m9, yp, yr, yb, cb, cby, cr, cry), loaded once for a group: between stores, LLVM would load them again each
// time.
const MASK_5: usize = MULTIPLIERS + 16;
export const MASK_9: usize = MULTIPLIERS + 20;
const Y_OF_R: usize = MULTIPLIERS + 24;
const Y_OF_PIXEL: usize = MULTIPLIERS + 28;
const Y_OF_B: usize = MULTIPLIERS + 32;
const CB_OF_B: usize = MULTIPLIERS + 36;
export const CB_OF_Y: usize = MULTIPLIERS + 40;
const CR_OF_R: usize = MULTIPLIERS + 44;
export const CR_OF_Y: usize = MULTIPLIERS + 48;
const CB_OF_4_B: usize = MULTIPLIERS + 52;
const CR_OF_4_R: usize = MULTIPLIERS + 56;
const CB_OF_2_B: usize = MULTIPLIERS + 60;
const CR_OF_2_R: usize = MULTIPLIERS + 64;

/** Chroma's 128. What cutting takes off, and what y, cut before, adds, are about the same. */
const MIDDLE: u32 = 0x80008000;

export function buildColours(): void {
  store<u32>(MASK_5, 0x001f001f);
  store<u32>(MASK_9, 0x01ff01ff);
  store<u32>(Y_OF_PIXEL, 19);
  store<u32>(Y_OF_R, 19 * 2048 - 630);
  store<u32>(Y_OF_B, 240 - 19);
  store<u32>(CB_OF_B, 1184);
  store<u32>(CB_OF_Y, 72);
  store<u32>(CR_OF_R, 1497);
  store<u32>(CR_OF_Y, 91);
  store<u32>(CB_OF_4_B, 296);
  store<u32>(CR_OF_4_R, 374);
  store<u32>(CB_OF_2_B, 592);
  store<u32>(CR_OF_2_R, 748);
}

/** How much the sum of a block's luma is short of what it should be, since that of RGB565 is cut and not rounded. */
export const RGB565_LUMA_SHORT: i32 = 33; // the mean over all colours

// In a pair of blocks: from one word to the next to its right.
export const COLUMN: usize = 32;
// In a group of 4:2:0: from the pair of the upper blocks of luma to that of the lower ones, and to that of chroma.
export const LOWER_420: usize = PAIR_BYTES;
export const CHROMA_420: usize = 2 * PAIR_BYTES;
// In a group of 4:2:2: from the pair of luma to that of chroma.
export const CHROMA_422: usize = PAIR_BYTES;
// In a group of 4:4:4: from the pair of luma to those of chroma.
export const CB_444: usize = PAIR_BYTES;
export const CR_444: usize = 2 * PAIR_BYTES;

/** The lower halves of two words. */
// @ts-ignore: decorator
@inline
export function lowers(a: u32, b: u32): u32 {
  return a & 0xffff | b << 16;
}

/** The upper halves. */
// @ts-ignore: decorator
@inline
export function uppers(a: u32, b: u32): u32 {
  return a >>> 16 | b & 0xffff0000;
}

// --- RGB565

/**
 * Luma of two pixels. Green is not taken out: a pixel is 2048 r + 32 g + b, and 19 of it have the right share of green.
 */
// @ts-ignore: decorator
@inline
function luma(pixels: u32, r: u32, b: u32, mask9: u32, ofPixel: u32, ofR: u32, ofB: u32): u32 {
  return (pixels * ofPixel - r * ofR + b * ofB) >>> 7 & mask9;
}

/** A chroma component, of as many pixels' primary as `ofPrimary` is meant for. */
// @ts-ignore: decorator
@inline
function chroma(primary: u32, ofPrimary: u32, y: u32, ofY: u32, mask9: u32): u32 {
  return (primary * ofPrimary + MIDDLE - y * ofY) >>> 7 & mask9;
}

/** A pixel of each of two MCUs of 4:4:4. */
// @ts-ignore: decorator
@inline
function one(
  pixels: u32,
  to: usize,
  m5: u32,
  m9: u32,
  yp: u32,
  yr: u32,
  yb: u32,
  cb: u32,
  cby: u32,
  cr: u32,
  cry: u32,
): void {
  const r = pixels >>> 11 & m5;
  const b = pixels & m5;
  const y = luma(pixels, r, b, m9, yp, yr, yb);
  store<u32>(to, y);
  store<u32>(to, chroma(b, cb, y, cby, m9), CB_444);
  store<u32>(to, chroma(r, cr, y, cry, m9), CR_444);
}

/** Two pixels of each of two MCUs of 4:4:4. */
// @ts-ignore: decorator
@inline
function two(
  from: usize,
  to: usize,
  m5: u32,
  m9: u32,
  yp: u32,
  yr: u32,
  yb: u32,
  cb: u32,
  cby: u32,
  cr: u32,
  cry: u32,
): void {
  const left = load<u32>(from);
  const right = load<u32>(from, 16);
  one(lowers(left, right), to, m5, m9, yp, yr, yb, cb, cby, cr, cry);
  one(uppers(left, right), to + COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
}

/** 16 x 8 pixels. @param stride bytes from one row of pixels to the next */
export function rgb565To444(pixels: usize, stride: usize): void {
  guard(pixels);
  const m5 = load<u32>(MASK_5);
  const m9 = load<u32>(MASK_9);
  const yp = load<u32>(Y_OF_PIXEL);
  const yr = load<u32>(Y_OF_R);
  const yb = load<u32>(Y_OF_B);
  const cb = load<u32>(CB_OF_B);
  const cby = load<u32>(CB_OF_Y);
  const cr = load<u32>(CR_OF_R);
  const cry = load<u32>(CR_OF_Y);
  for (let to = BLOCKS; to < BLOCKS + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    two(from, to, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    two(from + 4, to + 2 * COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    two(from + 8, to + 4 * COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    two(from + 12, to + 6 * COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    pixels = from + stride;
  }
}

/** Two pixels of each of the left and the right block of 4:2:2. */
// @ts-ignore: decorator
@inline
function twoShared(
  from: usize,
  to: usize,
  chromaTo: usize,
  m5: u32,
  m9: u32,
  yp: u32,
  yr: u32,
  yb: u32,
  cb: u32,
  cby: u32,
  cr: u32,
  cry: u32,
): void {
  const left = load<u32>(from);
  const right = load<u32>(from, 16);
  const p0 = lowers(left, right);
  const r0 = p0 >>> 11 & m5;
  const b0 = p0 & m5;
  const y0 = luma(p0, r0, b0, m9, yp, yr, yb);
  store<u32>(to, y0);
  const p1 = uppers(left, right);
  const r1 = p1 >>> 11 & m5;
  const b1 = p1 & m5;
  const y1 = luma(p1, r1, b1, m9, yp, yr, yb);
  store<u32>(to, y1, COLUMN);
  const y = (y0 + y1) >>> 1 & m9;
  const blue = chroma(b0 + b1, cb, y, cby, m9);
  const red = chroma(r0 + r1, cr, y, cry, m9);
  store<u32>(chromaTo, lowers(blue, red), CHROMA_422);
  store<u32>(chromaTo, uppers(blue, red), CHROMA_422 + 4 * COLUMN);
}

/** 16 x 8 pixels. @param stride bytes from one row of pixels to the next */
export function rgb565To422(pixels: usize, stride: usize): void {
  guard(pixels);
  const m5 = load<u32>(MASK_5);
  const m9 = load<u32>(MASK_9);
  const yp = load<u32>(Y_OF_PIXEL);
  const yr = load<u32>(Y_OF_R);
  const yb = load<u32>(Y_OF_B);
  const cb = load<u32>(CB_OF_2_B);
  const cby = load<u32>(CB_OF_Y);
  const cr = load<u32>(CR_OF_2_R);
  const cry = load<u32>(CR_OF_Y);
  for (let to = BLOCKS; to < BLOCKS + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    twoShared(from, to, to, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    twoShared(from + 4, to + 2 * COLUMN, to + COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    twoShared(from + 8, to + 4 * COLUMN, to + 2 * COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    twoShared(from + 12, to + 6 * COLUMN, to + 3 * COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    pixels = from + stride;
  }
}

/** 2 x 2 pixels of each of the left and the right blocks of 4:2:0. */
// @ts-ignore: decorator
@inline
function four(
  from: usize,
  below: usize,
  to: usize,
  chromaTo: usize,
  m5: u32,
  m9: u32,
  yp: u32,
  yr: u32,
  yb: u32,
  cb: u32,
  cby: u32,
  cr: u32,
  cry: u32,
): void {
  // The lower row first, blue before red: of the orders tried, the one in which LLVM spills fewest registers.
  const lowerLeft = load<u32>(below);
  const lowerRight = load<u32>(below, 16);
  const p2 = lowers(lowerLeft, lowerRight);
  const r2 = p2 >>> 11 & m5;
  const b2 = p2 & m5;
  const y2 = luma(p2, r2, b2, m9, yp, yr, yb);
  store<u32>(to, y2, 4);
  const p3 = uppers(lowerLeft, lowerRight);
  const r3 = p3 >>> 11 & m5;
  const b3 = p3 & m5;
  const y3 = luma(p3, r3, b3, m9, yp, yr, yb);
  store<u32>(to, y3, COLUMN + 4);
  const left = load<u32>(from);
  const right = load<u32>(from, 16);
  const p0 = lowers(left, right);
  const r0 = p0 >>> 11 & m5;
  const b0 = p0 & m5;
  const y0 = luma(p0, r0, b0, m9, yp, yr, yb);
  store<u32>(to, y0);
  const p1 = uppers(left, right);
  const r1 = p1 >>> 11 & m5;
  const b1 = p1 & m5;
  const y1 = luma(p1, r1, b1, m9, yp, yr, yb);
  store<u32>(to, y1, COLUMN);
  const y = (y0 + y1 + y2 + y3) >>> 2 & m9;
  const blue = chroma(b0 + b1 + b2 + b3, cb, y, cby, m9);
  const red = chroma(r0 + r1 + r2 + r3, cr, y, cry, m9);
  store<u32>(chromaTo, lowers(blue, red), CHROMA_420);
  store<u32>(chromaTo, uppers(blue, red), CHROMA_420 + 4 * COLUMN);
}

/** 16 x 16 pixels. @param stride bytes from one row of pixels to the next */
export function rgb565To420(pixels: usize, stride: usize): void {
  guard(pixels);
  const m5 = load<u32>(MASK_5);
  const m9 = load<u32>(MASK_9);
  const yp = load<u32>(Y_OF_PIXEL);
  const yr = load<u32>(Y_OF_R);
  const yb = load<u32>(Y_OF_B);
  const cb = load<u32>(CB_OF_4_B);
  const cby = load<u32>(CB_OF_Y);
  const cr = load<u32>(CR_OF_4_R);
  const cry = load<u32>(CR_OF_Y);
  for (let row: usize = 0; row < 8; row++) {
    const from = pixels & WINDOW;
    const below = from + stride & WINDOW;
    const to = BLOCKS + (row >> 2) * LOWER_420 + (row & 3) * 8;
    const chromaTo = BLOCKS + row * 4;
    four(from, below, to, chromaTo, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    four(from + 4, below + 4, to + 2 * COLUMN, chromaTo + COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    four(from + 8, below + 8, to + 4 * COLUMN, chromaTo + 2 * COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    four(from + 12, below + 12, to + 6 * COLUMN, chromaTo + 3 * COLUMN, m5, m9, yp, yr, yb, cb, cby, cr, cry);
    pixels = below + stride;
  }
}

// --- YUYV: nothing to compute, the bytes only take their places

export const EVEN_BYTES: u32 = 0x00ff00ff;

/** Two pixels, which share their chroma, of each of two MCUs of 4:4:4. */
// @ts-ignore: decorator
@inline
function yuyvTwo(from: usize, to: usize): void {
  const left = load<u32>(from);
  const right = load<u32>(from, 16);
  const leftY = (left & EVEN_BYTES) << 1;
  const rightY = (right & EVEN_BYTES) << 1;
  store<u32>(to, lowers(leftY, rightY));
  store<u32>(to, uppers(leftY, rightY), COLUMN);
  const leftC = (left >>> 8 & EVEN_BYTES) << 1;
  const rightC = (right >>> 8 & EVEN_BYTES) << 1;
  const cb = lowers(leftC, rightC);
  const cr = uppers(leftC, rightC);
  store<u32>(to, cb, CB_444);
  store<u32>(to, cb, CB_444 + COLUMN);
  store<u32>(to, cr, CR_444);
  store<u32>(to, cr, CR_444 + COLUMN);
}

/** 16 x 8 pixels. */
export function yuyvTo444(pixels: usize, stride: usize): void {
  guard(pixels);
  for (let to = BLOCKS; to < BLOCKS + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    yuyvTwo(from, to);
    yuyvTwo(from + 4, to + 2 * COLUMN);
    yuyvTwo(from + 8, to + 4 * COLUMN);
    yuyvTwo(from + 12, to + 6 * COLUMN);
    pixels = from + stride;
  }
}

/** Two pixels of each of the left and the right block of 4:2:2, whose chroma is as YUYV has it. */
// @ts-ignore: decorator
@inline
function yuyvTwoShared(from: usize, to: usize, chromaTo: usize): void {
  const left = load<u32>(from);
  const right = load<u32>(from, 16);
  const y0 = (left & EVEN_BYTES) << 1;
  const y1 = (right & EVEN_BYTES) << 1;
  store<u32>(to, lowers(y0, y1));
  store<u32>(to, uppers(y0, y1), COLUMN);
  store<u32>(chromaTo, (left >>> 8 & EVEN_BYTES) << 1, CHROMA_422);
  store<u32>(chromaTo, (right >>> 8 & EVEN_BYTES) << 1, CHROMA_422 + 4 * COLUMN);
}

/** 16 x 8 pixels. */
export function yuyvTo422(pixels: usize, stride: usize): void {
  guard(pixels);
  for (let to = BLOCKS; to < BLOCKS + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    yuyvTwoShared(from, to, to);
    yuyvTwoShared(from + 4, to + 2 * COLUMN, to + COLUMN);
    yuyvTwoShared(from + 8, to + 4 * COLUMN, to + 2 * COLUMN);
    yuyvTwoShared(from + 12, to + 6 * COLUMN, to + 3 * COLUMN);
    pixels = from + stride;
  }
}

/** 2 x 2 pixels of each of the left and the right blocks of 4:2:0. Two rows' chroma, added, has its bit of fraction. */
// @ts-ignore: decorator
@inline
function yuyvFour(from: usize, below: usize, to: usize, chromaTo: usize): void {
  const left = load<u32>(from);
  const right = load<u32>(from, 16);
  const lowerLeft = load<u32>(below);
  const lowerRight = load<u32>(below, 16);
  const y0 = (left & EVEN_BYTES) << 1;
  const y1 = (right & EVEN_BYTES) << 1;
  const y2 = (lowerLeft & EVEN_BYTES) << 1;
  const y3 = (lowerRight & EVEN_BYTES) << 1;
  store<u32>(to, lowers(y0, y1));
  store<u32>(to, uppers(y0, y1), COLUMN);
  store<u32>(to, lowers(y2, y3), 4);
  store<u32>(to, uppers(y2, y3), COLUMN + 4);
  store<u32>(chromaTo, (left >>> 8 & EVEN_BYTES) + (lowerLeft >>> 8 & EVEN_BYTES), CHROMA_420);
  store<u32>(chromaTo, (right >>> 8 & EVEN_BYTES) + (lowerRight >>> 8 & EVEN_BYTES), CHROMA_420 + 4 * COLUMN);
}

/** 16 x 16 pixels. */
export function yuyvTo420(pixels: usize, stride: usize): void {
  guard(pixels);
  for (let row: usize = 0; row < 8; row++) {
    const from = pixels & WINDOW;
    const below = from + stride & WINDOW;
    const to = BLOCKS + (row >> 2) * LOWER_420 + (row & 3) * 8;
    const chromaTo = BLOCKS + row * 4;
    yuyvFour(from, below, to, chromaTo);
    yuyvFour(from + 4, below + 4, to + 2 * COLUMN, chromaTo + COLUMN);
    yuyvFour(from + 8, below + 8, to + 4 * COLUMN, chromaTo + 2 * COLUMN);
    yuyvFour(from + 12, below + 12, to + 6 * COLUMN, chromaTo + 3 * COLUMN);
    pixels = below + stride;
  }
}

// --- Gray

/** Four pixels of each of two blocks. */
// @ts-ignore: decorator
@inline
function grayFour(from: usize, to: usize): void {
  const left = load<u32>(from);
  const right = load<u32>(from, 8);
  const leftEven = (left & EVEN_BYTES) << 1;
  const rightEven = (right & EVEN_BYTES) << 1;
  const leftOdd = (left >>> 8 & EVEN_BYTES) << 1;
  const rightOdd = (right >>> 8 & EVEN_BYTES) << 1;
  store<u32>(to, lowers(leftEven, rightEven));
  store<u32>(to, lowers(leftOdd, rightOdd), COLUMN);
  store<u32>(to, uppers(leftEven, rightEven), 2 * COLUMN);
  store<u32>(to, uppers(leftOdd, rightOdd), 3 * COLUMN);
}

/** 16 x 8 pixels, whose one component is luma. */
export function grayToLuma(pixels: usize, stride: usize): void {
  guard(pixels);
  for (let to = BLOCKS; to < BLOCKS + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    grayFour(from, to);
    grayFour(from + 4, to + 4 * COLUMN);
    pixels = from + stride;
  }
}
