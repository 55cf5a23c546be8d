/**
 * From the pixels of one MCU to samples: Y, Cb, Cr as JFIF wants them (ITU-R BT.601, full range), chroma averaged over
 * 2 x 2 pixels for 4:2:0.
 *
 * Samples are 16 bits wide with FRACTION_BITS of fraction, 0 to 511, two neighbours of a row to a word, the left one in
 * the lower half; a block is four columns of such words (`memory.ts`, SAMPLES). Arithmetic is done on both halves of a
 * word at once; what comes out before it is cut needs no more than 16 bits and no sign.
 *
 * For RGB565, with r and b up to 31, g up to 63 and 8 bits of fraction, of which all but one are cut at the end:
 *
 *     Y  = 0.299 R + 0.587 G + 0.114 B  = 630 r + 608 g + 240 b, at most 65,274
 *     Cb = 128 + 0.564 (B - Y)          = 32768 + 1184 b - 72 y, where y is Y with its bit of fraction
 *     Cr = 128 + 0.713 (R - Y)          = 32768 + 1497 r - 91 y
 */

import { BLOCK_BYTES, MULTIPLIERS, SAMPLES, WINDOW, guard } from "./memory";

// What the compiler shall keep in registers, or load, but not take apart.
const MASK_5: usize = MULTIPLIERS + 16;
const MASK_6: usize = MULTIPLIERS + 20;
const MASK_9: usize = MULTIPLIERS + 24;
const Y_OF_R: usize = MULTIPLIERS + 28;
const Y_OF_G: usize = MULTIPLIERS + 32;
const Y_OF_B: usize = MULTIPLIERS + 36;
const CB_OF_B: usize = MULTIPLIERS + 40;
const CB_OF_Y: usize = MULTIPLIERS + 44;
const CR_OF_R: usize = MULTIPLIERS + 48;
const CR_OF_Y: usize = MULTIPLIERS + 52;
const CB_OF_4_B: usize = MULTIPLIERS + 56;
const CR_OF_4_R: usize = MULTIPLIERS + 60;

// Chroma's middle, 128; for 4:4:4 with half of what is cut, less what cutting y before has added. (For the mean of four
// y, both are the same.)
const MIDDLE_444: u32 = 0x80188018;
const MIDDLE_420: u32 = 0x80008000;

export function buildColours(): void {
  store<u32>(MASK_5, 0x001f001f);
  store<u32>(MASK_6, 0x003f003f);
  store<u32>(MASK_9, 0x01ff01ff);
  store<u32>(Y_OF_R, 630);
  store<u32>(Y_OF_G, 608);
  store<u32>(Y_OF_B, 240);
  store<u32>(CB_OF_B, 1184);
  store<u32>(CB_OF_Y, 72);
  store<u32>(CR_OF_R, 1497);
  store<u32>(CR_OF_Y, 91);
  store<u32>(CB_OF_4_B, 296);
  store<u32>(CR_OF_4_R, 374);
}

/** How much the sum of a block's luma is short of what it should be, since that of RGB565 is cut and not rounded. */
export const RGB565_LUMA_SHORT: i32 = 33; // the mean over all colours

// In a block of samples: from one word to the next to its right.
const COLUMN: usize = 32;
// In an MCU of 4:2:0: from one block to others.
const BLOCK_BELOW: usize = 2 * BLOCK_BYTES;
const CB: usize = 4 * BLOCK_BYTES;
const CR: usize = 5 * BLOCK_BYTES;

// --- RGB565

// @ts-ignore: decorator
@inline
function luma(pixels: u32, r: u32, b: u32, mask6: u32, mask9: u32, ofR: u32, ofG: u32, ofB: u32): u32 {
  const g = pixels >>> 5 & mask6;
  return (r * ofR + g * ofG + b * ofB) >>> 7 & mask9;
}

/** A chroma component, of as many pixels' primary as `ofPrimary` is meant for. */
// @ts-ignore: decorator
@inline
function chroma(middle: u32, primary: u32, ofPrimary: u32, y: u32, ofY: u32, mask9: u32): u32 {
  return (primary * ofPrimary + middle - y * ofY) >>> 7 & mask9;
}

/** Two pixels of 4:4:4. */
// @ts-ignore: decorator
@inline
function pair(
  from: usize,
  to: usize,
  m5: u32,
  m6: u32,
  m9: u32,
  yr: u32,
  yg: u32,
  yb: u32,
  cb: u32,
  cby: u32,
  cr: u32,
  cry: u32,
): void {
  const pixels = load<u32>(from);
  const r = pixels >>> 11 & m5;
  const b = pixels & m5;
  const y = luma(pixels, r, b, m6, m9, yr, yg, yb);
  store<u32>(to, y);
  store<u32>(to, chroma(MIDDLE_444, b, cb, y, cby, m9), BLOCK_BYTES);
  store<u32>(to, chroma(MIDDLE_444, r, cr, y, cry, m9), 2 * BLOCK_BYTES);
}

/** 8 x 8 pixels. @param stride bytes from one row of pixels to the next */
export function rgb565To444(pixels: usize, stride: usize): void {
  guard(pixels);
  const m5 = load<u32>(MASK_5);
  const m6 = load<u32>(MASK_6);
  const m9 = load<u32>(MASK_9);
  const yr = load<u32>(Y_OF_R);
  const yg = load<u32>(Y_OF_G);
  const yb = load<u32>(Y_OF_B);
  const cb = load<u32>(CB_OF_B);
  const cby = load<u32>(CB_OF_Y);
  const cr = load<u32>(CR_OF_R);
  const cry = load<u32>(CR_OF_Y);
  for (let to = SAMPLES; to < SAMPLES + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    pair(from, to, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    pair(from + 4, to + COLUMN, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    pair(from + 8, to + 2 * COLUMN, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    pair(from + 12, to + 3 * COLUMN, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    pixels = from + stride;
  }
}

/** Two words of two values: the sum of each pair. */
// @ts-ignore: decorator
@inline
function neighbours(left: u32, right: u32): u32 {
  return (left + (left >>> 16)) & 0xffff | (right + (right << 16)) & 0xffff0000;
}

/** 4 x 2 pixels of 4:2:0. */
// @ts-ignore: decorator
@inline
function quad(
  from: usize,
  below: usize,
  to: usize,
  chromaTo: usize,
  m5: u32,
  m6: u32,
  m9: u32,
  yr: u32,
  yg: u32,
  yb: u32,
  cb: u32,
  cby: u32,
  cr: u32,
  cry: u32,
): void {
  const p0 = load<u32>(from);
  const r0 = p0 >>> 11 & m5;
  const b0 = p0 & m5;
  const y0 = luma(p0, r0, b0, m6, m9, yr, yg, yb);
  store<u32>(to, y0);
  const p2 = load<u32>(below);
  const r2 = p2 >>> 11 & m5;
  const b2 = p2 & m5;
  const y2 = luma(p2, r2, b2, m6, m9, yr, yg, yb);
  store<u32>(to, y2, 4);
  const p1 = load<u32>(from, 4);
  const r1 = p1 >>> 11 & m5;
  const b1 = p1 & m5;
  const y1 = luma(p1, r1, b1, m6, m9, yr, yg, yb);
  store<u32>(to, y1, COLUMN);
  const p3 = load<u32>(below, 4);
  const r3 = p3 >>> 11 & m5;
  const b3 = p3 & m5;
  const y3 = luma(p3, r3, b3, m6, m9, yr, yg, yb);
  store<u32>(to, y3, COLUMN + 4);
  const y = neighbours(y0 + y2, y1 + y3) >>> 2 & m9;
  store<u32>(chromaTo, chroma(MIDDLE_420, neighbours(b0 + b2, b1 + b3), cb, y, cby, m9), CB);
  store<u32>(chromaTo, chroma(MIDDLE_420, neighbours(r0 + r2, r1 + r3), cr, y, cry, m9), CR);
}

/** 16 x 16 pixels. @param stride bytes from one row of pixels to the next */
export function rgb565To420(pixels: usize, stride: usize): void {
  guard(pixels);
  const m5 = load<u32>(MASK_5);
  const m6 = load<u32>(MASK_6);
  const m9 = load<u32>(MASK_9);
  const yr = load<u32>(Y_OF_R);
  const yg = load<u32>(Y_OF_G);
  const yb = load<u32>(Y_OF_B);
  const cb = load<u32>(CB_OF_4_B);
  const cby = load<u32>(CB_OF_Y);
  const cr = load<u32>(CR_OF_4_R);
  const cry = load<u32>(CR_OF_Y);
  for (let row: usize = 0; row < 8; row++) {
    const from = pixels & WINDOW;
    const below = from + stride & WINDOW;
    const to = SAMPLES + (row >> 2) * BLOCK_BELOW + (row & 3) * 8;
    const chromaTo = SAMPLES + row * 4;
    quad(from, below, to, chromaTo, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    quad(from + 8, below + 8, to + 2 * COLUMN, chromaTo + COLUMN, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    quad(from + 16, below + 16, to + BLOCK_BYTES, chromaTo + 2 * COLUMN, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    quad(from + 24, below + 24, to + BLOCK_BYTES + 2 * COLUMN, chromaTo + 3 * COLUMN, m5, m6, m9, yr, yg, yb, cb, cby, cr, cry);
    pixels = below + stride;
  }
}

// --- YUYV: nothing to compute, the bytes only take their places

const EVEN_BYTES: u32 = 0x00ff00ff;

/** Two pixels of 4:4:4, which share their chroma. */
// @ts-ignore: decorator
@inline
function yuyvPair(from: usize, to: usize): void {
  const pixels = load<u32>(from);
  store<u32>(to, (pixels & EVEN_BYTES) << 1);
  store<u32>(to, (pixels >>> 8 & 0xff) * 0x00020002, BLOCK_BYTES);
  store<u32>(to, (pixels >>> 24) * 0x00020002, 2 * BLOCK_BYTES);
}

/** 8 x 8 pixels. */
export function yuyvTo444(pixels: usize, stride: usize): void {
  guard(pixels);
  for (let to = SAMPLES; to < SAMPLES + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    yuyvPair(from, to);
    yuyvPair(from + 4, to + COLUMN);
    yuyvPair(from + 8, to + 2 * COLUMN);
    yuyvPair(from + 12, to + 3 * COLUMN);
    pixels = from + stride;
  }
}

/** 4 x 2 pixels of 4:2:0. The sum of two rows' chroma is their mean with a bit of fraction. */
// @ts-ignore: decorator
@inline
function yuyvQuad(from: usize, below: usize, to: usize, chromaTo: usize): void {
  const p0 = load<u32>(from);
  const p1 = load<u32>(from, 4);
  const p2 = load<u32>(below);
  const p3 = load<u32>(below, 4);
  store<u32>(to, (p0 & EVEN_BYTES) << 1);
  store<u32>(to, (p1 & EVEN_BYTES) << 1, COLUMN);
  store<u32>(to, (p2 & EVEN_BYTES) << 1, 4);
  store<u32>(to, (p3 & EVEN_BYTES) << 1, COLUMN + 4);
  const left = (p0 >>> 8 & EVEN_BYTES) + (p2 >>> 8 & EVEN_BYTES);
  const right = (p1 >>> 8 & EVEN_BYTES) + (p3 >>> 8 & EVEN_BYTES);
  store<u32>(chromaTo, left & 0xffff | right << 16, CB);
  store<u32>(chromaTo, left >>> 16 | right & 0xffff0000, CR);
}

/** 16 x 16 pixels. */
export function yuyvTo420(pixels: usize, stride: usize): void {
  guard(pixels);
  for (let row: usize = 0; row < 8; row++) {
    const from = pixels & WINDOW;
    const below = from + stride & WINDOW;
    const to = SAMPLES + (row >> 2) * BLOCK_BELOW + (row & 3) * 8;
    const chromaTo = SAMPLES + row * 4;
    yuyvQuad(from, below, to, chromaTo);
    yuyvQuad(from + 8, below + 8, to + 2 * COLUMN, chromaTo + COLUMN);
    yuyvQuad(from + 16, below + 16, to + BLOCK_BYTES, chromaTo + 2 * COLUMN);
    yuyvQuad(from + 24, below + 24, to + BLOCK_BYTES + 2 * COLUMN, chromaTo + 3 * COLUMN);
    pixels = below + stride;
  }
}

// --- Gray

/** Four pixels. */
// @ts-ignore: decorator
@inline
function grayFour(from: usize, to: usize): void {
  const pixels = load<u32>(from);
  const even = (pixels & EVEN_BYTES) << 1;
  const odd = (pixels >>> 8 & EVEN_BYTES) << 1;
  store<u32>(to, even & 0xffff | odd << 16);
  store<u32>(to, even >>> 16 | odd & 0xffff0000, COLUMN);
}

/** 8 x 8 pixels, whose one component is luma. */
export function grayToLuma(pixels: usize, stride: usize): void {
  guard(pixels);
  for (let to = SAMPLES; to < SAMPLES + COLUMN; to += 4) {
    const from = pixels & WINDOW;
    grayFour(from, to);
    grayFour(from + 4, to + 2 * COLUMN);
    pixels = from + stride;
  }
}
