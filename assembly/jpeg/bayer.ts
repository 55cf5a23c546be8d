/**
 * Bayer pixels: a row of MCUs of them with what is around it, and from there to samples.
 *
 * A pixel has one byte, of one colour; even rows are blue, green, blue ..., odd ones green, red, green ... Of the
 * other two colours it takes the mean of the two or four nearest pixels that have them. At the edges those beyond are
 * as far within: they have the same colour. (A frame of a single row or column is its own neighbour.)
 *
 * So a row of MCUs wants a row of pixels above, over which the file may have grown, and one below. Its pixels are
 * always copied out of the frame, {@link takeBayerRows}, which is about a twentieth of the whole work.
 */

import { WIDTH_MAX } from "../limits";
import {
  CB_444,
  CB_OF_Y,
  CHROMA_420,
  CHROMA_422,
  COLUMN,
  CR_444,
  CR_OF_Y,
  EVEN_BYTES,
  LOWER_420,
  MASK_9,
  lowers,
  uppers,
} from "./colour";
import { BLOCKS, MULTIPLIERS, STRIP, STRIP_BYTES, WINDOW, guard } from "./memory";
import { ACROSS, WidePixel, wide, wideRow } from "./precise";
import { copy } from "./window";

// --- The strip: 1 + 16 + 1 rows at most, each with a column at either side

/** Bytes of the strip before a row's first pixel, which is at a multiple of 16, and behind its last one. */
const MARGIN: usize = 16;
/** From one row of the strip to the next. */
const STRIDE: usize = 2 * MARGIN + WIDTH_MAX;
if (<i32>STRIDE * 18 > STRIP_BYTES) ERROR("the strip is too small for Bayer pixels");

/** Where the first pixel of the row of MCUs is. */
export const BAYER_PIXELS: usize = STRIP + STRIDE + MARGIN;

/** Where a row of the strip begins, from the one above the row of MCUs, -1, to the one below. */
function rowAt(row: i32): usize {
  return BAYER_PIXELS + <usize>row * STRIDE;
}

/** Copies a row of pixels to the strip, and what is beyond its ends. */
function takeRow(row: i32, from: usize, width: usize): void {
  const to = rowAt(row);
  copy(to, from, width);
  store<u8>(to - 1, load<u8>(width > 1 ? to + 1 : to));
  store<u8>(to + width, load<u8>(width > 1 ? to + width - 2 : to));
}

/** Copies a row of the strip to another, with both ends. */
function repeatRow(row: i32, from: i32, width: usize): void {
  copy(rowAt(row) - 1, rowAt(from) - 1, width + 2);
}

/**
 * Copies a row of MCUs, and the rows of pixels above and below it, out of the frame. Rows of MCUs are to be taken one
 * after another.
 * @param from the first pixel of it
 * @param width pixels a row
 * @param isTop whether nothing is above it
 * @param rows of pixels that an MCU has
 * @param left rows that the frame has from there on
 */
export function takeBayerRows(from: usize, width: usize, isTop: bool, rows: i32, left: i32): void {
  if (isTop) takeRow(-1, left > 1 ? from + width : from, width);
  else repeatRow(-1, rows - 1, width);
  const count = min(rows + 1, left);
  for (let row = 0; row < count; row++) takeRow(row, from + <usize>row * width, width);
  if (count <= rows) repeatRow(count, count - 2, width);
}

// --- Pixel by pixel, exact: where steps are fine, and at the edges

/** The colours of the pixel at `at` in the strip, in that row and column. */
// @ts-ignore: decorator
@inline
function pixelAt(at: usize, row: i32, column: i32): WidePixel {
  const first = at - STRIDE - 1 & WINDOW; // of the 3 x 3 pixels around it
  const own = <u32>load<u8>(first, STRIDE + 1);
  const beside = <u32>load<u8>(first, STRIDE) + load<u8>(first, STRIDE + 2);
  const above = <u32>load<u8>(first, 1) + load<u8>(first, 2 * STRIDE + 1);
  const upperCorners = <u32>load<u8>(first) + load<u8>(first, 2);
  const corners = upperCorners + load<u8>(first, 2 * STRIDE) + load<u8>(first, 2 * STRIDE + 2);
  if (row & 1) {
    return column & 1 ? wide(own * 4, beside + above, corners) : wide(beside * 2, own * 4, above * 2);
  }
  return column & 1 ? wide(above * 2, own * 4, beside * 2) : wide(corners, beside + above, own * 4);
}

/** Widens a group's pixels: as `precise.ts`, widenRgb565. */
export function widenBayer(pixels: usize, across: i32, down: i32, rows: i32): void {
  guard(pixels);
  for (let row = 0; row < rows; row++) {
    const y = min(row, down - 1);
    const from = pixels + <usize>y * STRIDE;
    const to = wideRow(row);
    for (let column = 0; column < <i32>ACROSS; column++) {
      const x = min(column, across - 1);
      store<u32>(to + column * 4, pixelAt(from + x, y, x));
    }
  }
}

// --- Groups: 4 x 2 pixels at once, two of them in a word, those in columns 0 and 2 or 1 and 3

const Y_OF_RED: usize = MULTIPLIERS + 72;
const Y_OF_GREEN: usize = MULTIPLIERS + 76;
const Y_OF_BLUE: usize = MULTIPLIERS + 80;

/** Y = 0.299 R + 0.587 G + 0.114 B, with 8 bits of fraction. */
export function buildBayer(): void {
  store<u32>(Y_OF_RED, 77);
  store<u32>(Y_OF_GREEN, 150);
  store<u32>(Y_OF_BLUE, 29);
}

// @ts-ignore: decorator
@inline
function meanOf2(sum: u32): u32 {
  return (sum + 0x00010001) >>> 1 & EVEN_BYTES;
}

// @ts-ignore: decorator
@inline
function meanOf4(sum: u32): u32 {
  return (sum + 0x00020002) >>> 2 & EVEN_BYTES;
}

// @ts-ignore: decorator
@inline
function luma(red: u32, green: u32, blue: u32, m9: u32, yr: u32, yg: u32, yb: u32): u32 {
  return (red * yr + green * yg + blue * yb + 0x00400040) >>> 7 & m9;
}

/**
 * Cb or Cr, of blue or red and luma with a bit of fraction each: see `colour.ts`. The difference may be negative, and
 * borrows from the upper half then; the sum gives that back.
 */
// @ts-ignore: decorator
@inline
function chroma(primary: u32, y: u32, ofDifference: u32, m9: u32): u32 {
  return ((primary - y) * ofDifference + 0x80408040) >>> 7 & m9;
}

/** Stores two samples of a block, two columns apart. */
// @ts-ignore: decorator
@inline
function spread(to: usize, samples: u32): void {
  store<u16>(to, <u16>samples);
  store<u16>(to, <u16>(samples >>> 16), 2 * COLUMN);
}

/** Stores Cb and Cr of two neighbours. */
// @ts-ignore: decorator
@inline
function pairUp(to: usize, cb: u32, cr: u32): void {
  store<u32>(to, lowers(cb, cr));
  store<u32>(to, uppers(cb, cr), COLUMN);
}

/**
 * Converts 4 x 2 pixels.
 * @param at the pixel two columns to the left of the first, in the row above
 * @param to where luma goes, and chroma of 4:4:4
 * @param chromaTo where chroma goes otherwise
 * @param ACROSS_BITS 1 if two neighbours share their chroma
 * @param DOWN_BITS 1 if those of the row below do as well
 */
// @ts-ignore: decorator
@inline
function eight(at: usize, to: usize, chromaTo: usize, ACROSS_BITS: i32, DOWN_BITS: i32): void {
  const m9 = load<u32>(MASK_9);
  const yr = load<u32>(Y_OF_RED);
  const yg = load<u32>(Y_OF_GREEN);
  const yb = load<u32>(Y_OF_BLUE);
  const ofB = load<u32>(CB_OF_Y);
  const ofR = load<u32>(CR_OF_Y);

  // Of each row: the pixels in columns 0 and 2 (Even), 1 and 3 (Odd), -1 and 1 (West), 2 and 4 (East).
  const above = load<u32>(at, 2);
  const aboveEven = above & EVEN_BYTES;
  const aboveOdd = above >>> 8 & EVEN_BYTES;
  const aboveWest = load<u32>(at) >>> 8 & EVEN_BYTES;
  const upper = load<u32>(at, STRIDE + 2);
  const upperEven = upper & EVEN_BYTES;
  const upperOdd = upper >>> 8 & EVEN_BYTES;
  const upperWest = load<u32>(at, STRIDE) >>> 8 & EVEN_BYTES;
  const upperEast = load<u32>(at, STRIDE + 4) & EVEN_BYTES;
  const lower = load<u32>(at, 2 * STRIDE + 2);
  const lowerEven = lower & EVEN_BYTES;
  const lowerOdd = lower >>> 8 & EVEN_BYTES;
  const lowerWest = load<u32>(at, 2 * STRIDE) >>> 8 & EVEN_BYTES;
  const lowerEast = load<u32>(at, 2 * STRIDE + 4) & EVEN_BYTES;
  const below = load<u32>(at, 3 * STRIDE + 2);
  const belowEven = below & EVEN_BYTES;
  const belowOdd = below >>> 8 & EVEN_BYTES;
  const belowEast = load<u32>(at, 3 * STRIDE + 4) & EVEN_BYTES;

  const r0 = meanOf4(aboveWest + aboveOdd + lowerWest + lowerOdd);
  const g0 = meanOf4(aboveEven + upperWest + upperOdd + lowerEven);
  const b0 = upperEven;
  const r1 = meanOf2(aboveOdd + lowerOdd);
  const g1 = upperOdd;
  const b1 = meanOf2(upperEven + upperEast);
  const y0 = luma(r0, g0, b0, m9, yr, yg, yb);
  spread(to, y0);
  const y1 = luma(r1, g1, b1, m9, yr, yg, yb);
  spread(to + COLUMN, y1);

  const r2 = meanOf2(lowerWest + lowerOdd);
  const g2 = lowerEven;
  const b2 = meanOf2(upperEven + belowEven);
  const r3 = lowerOdd;
  const g3 = meanOf4(lowerEven + lowerEast + upperOdd + belowOdd);
  const b3 = meanOf4(upperEven + upperEast + belowEven + belowEast);
  const y2 = luma(r2, g2, b2, m9, yr, yg, yb);
  spread(to + 4, y2);
  const y3 = luma(r3, g3, b3, m9, yr, yg, yb);
  spread(to + COLUMN + 4, y3);

  if (DOWN_BITS) {
    const y = (y0 + y1 + y2 + y3) >>> 2 & m9;
    const cb = chroma((b0 + b1 + b2 + b3) >>> 1 & m9, y, ofB, m9);
    const cr = chroma((r0 + r1 + r2 + r3) >>> 1 & m9, y, ofR, m9);
    pairUp(chromaTo + CHROMA_420, cb, cr);
  } else if (ACROSS_BITS) {
    const upperY = (y0 + y1) >>> 1 & m9;
    pairUp(chromaTo + CHROMA_422, chroma(b0 + b1, upperY, ofB, m9), chroma(r0 + r1, upperY, ofR, m9));
    const lowerY = (y2 + y3) >>> 1 & m9;
    pairUp(chromaTo + CHROMA_422 + 4, chroma(b2 + b3, lowerY, ofB, m9), chroma(r2 + r3, lowerY, ofR, m9));
  } else {
    spread(to + CB_444, chroma(b0 << 1, y0, ofB, m9));
    spread(to + CR_444, chroma(r0 << 1, y0, ofR, m9));
    spread(to + CB_444 + COLUMN, chroma(b1 << 1, y1, ofB, m9));
    spread(to + CR_444 + COLUMN, chroma(r1 << 1, y1, ofR, m9));
    spread(to + CB_444 + 4, chroma(b2 << 1, y2, ofB, m9));
    spread(to + CR_444 + 4, chroma(r2 << 1, y2, ofR, m9));
    spread(to + CB_444 + COLUMN + 4, chroma(b3 << 1, y3, ofB, m9));
    spread(to + CR_444 + COLUMN + 4, chroma(r3 << 1, y3, ofR, m9));
  }
}

/** 16 pixels of each of 8 rows, or of 16 of 4:2:0. @param pixels in the strip */
// @ts-ignore: decorator
@inline
function group(pixels: usize, ACROSS_BITS: i32, DOWN_BITS: i32): void {
  guard(pixels);
  let at = pixels - STRIDE - 2;
  for (let pair: usize = 0; pair < 4 << DOWN_BITS; pair++) {
    at &= WINDOW;
    const to = BLOCKS + (pair >> 2) * LOWER_420 + (pair & 3) * 8;
    const chromaTo = BLOCKS + pair * (8 >> DOWN_BITS);
    for (let n: usize = 0; n < 4; n++) {
      const left = (n & 1) * 4 * COLUMN + (n >> 1) * 2;
      eight((at + n * 4) & WINDOW, to + left, chromaTo + n * 2 * COLUMN, ACROSS_BITS, DOWN_BITS);
    }
    at += 2 * STRIDE;
  }
}

export function bayerTo444(pixels: usize): void {
  group(pixels, 0, 0);
}

export function bayerTo422(pixels: usize): void {
  group(pixels, 1, 0);
}

export function bayerTo420(pixels: usize): void {
  group(pixels, 1, 1);
}
