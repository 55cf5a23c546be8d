/**
 * The test scene: colour bars, a ball that rolls across them, and a frame counter that people read as digits and
 * programs as blocks of black and white, which survive any JPEG that still shows a picture.
 *
 *     ┌───────────────────────────────┐
 *     │  colour bars, ball  [ 12345 ] │  upper half
 *     ├───────────────────────────────┤
 *     │ 15  14  13  12  11  10   9  8 │
 *     │  7   6   5   4   3   2   1  0 │  the counter's bits, the highest first: white is 1
 *     │  check: see checkOf           │
 *     ├───────────────────────────────┤
 *     │  grey ramp                    │
 *     └───────────────────────────────┘
 */

import type { Rgb } from "./pixels.ts";

/** Sides below which a picture has no room for the counter: 8 blocks of 4 pixels. */
export const COUNTER_SIDE_MIN = 32;

/** Counters wrap here. */
export const COUNTER_END = 65536;

const COLUMNS = 8;
/** Rows of blocks in a picture's height: the counter has rows 4, 5 and 6. */
const ROWS = 8;
const COUNTER_ROW = 4;

/** 75 % bars as ITU-R BT.801 orders them. */
const BARS = [
  [191, 191, 191],
  [191, 191, 0],
  [0, 191, 191],
  [0, 191, 0],
  [191, 0, 191],
  [191, 0, 0],
  [0, 0, 191],
  [16, 16, 16],
];

/** Digits of 3 x 5 pixels, a row in three bits, the top row in the highest. */
const DIGITS = [
  0b111_101_101_101_111, 0b010_110_010_010_111, 0b111_001_111_100_111, 0b111_001_111_001_111, 0b101_101_111_001_001,
  0b111_100_111_001_111, 0b111_100_111_101_111, 0b111_001_010_010_010, 0b111_101_111_101_111, 0b111_101_111_001_111,
];

/** Eight bits that a misread counter hardly ever has: of 0 not 0, so that neither black nor grey reads as a counter. */
function checkOf(counter: number): number {
  return (((counter * 0x9e37) >>> 3) ^ 0xa5) & 255;
}

/** Frame `counter` of a loop of `loop` frames. */
export function drawPattern(width: number, height: number, counter: number, loop: number): Rgb {
  const bytes = new Uint8Array(width * height * 3);
  const picture = { width, height, bytes };
  const middle = Math.ceil((height * COUNTER_ROW) / ROWS);
  for (let x = 0; x < width; x++) {
    const [red, green, blue] = BARS[Math.floor((x * BARS.length) / width)];
    const ramp = width > 1 ? Math.round((x * 255) / (width - 1)) : 128;
    for (let y = 0; y < height; y++) {
      const at = (y * width + x) * 3;
      bytes[at] = y < middle ? red : ramp;
      bytes[at + 1] = y < middle ? green : ramp;
      bytes[at + 2] = y < middle ? blue : ramp;
    }
  }
  drawBall(picture, middle, (counter % loop) / loop);
  if (width >= COUNTER_SIDE_MIN && height >= COUNTER_SIDE_MIN) {
    drawDigits(picture, middle, counter % COUNTER_END);
    drawBits(picture, counter % COUNTER_END);
  }
  return picture;
}

/**
 * Reads the counter of a decoded picture of the test scene.
 * @param pixels row by row, 1, 3 or 4 bytes a pixel
 * @returns undefined where there is no counter, or a damaged one
 */
export function readCounter(pixels: Uint8Array, width: number, height: number): number | undefined {
  if (width < COUNTER_SIDE_MIN || height < COUNTER_SIDE_MIN) return undefined;
  const channels = pixels.length / (width * height);
  let bits = 0;
  for (let block = 0; block < 3 * COLUMNS; block++) {
    const { left, top, right, bottom } = blockAt(width, height, block);
    // The middle half of each side, away from what the neighbours ring.
    const insetX = (right - left) >> 2;
    const insetY = (bottom - top) >> 2;
    let sum = 0;
    let count = 0;
    for (let y = top + insetY; y < bottom - insetY; y++) {
      for (let x = left + insetX; x < right - insetX; x++, count++) {
        const at = (y * width + x) * channels;
        sum += channels === 1 ? pixels[at] : (pixels[at] + pixels[at + 1] + pixels[at + 2]) / 3;
      }
    }
    bits = (bits << 1) | (sum / count > 127 ? 1 : 0);
  }
  const counter = (bits >> 8) & 0xffff;
  return (bits & 255) === checkOf(counter) ? counter : undefined;
}

function blockAt(width: number, height: number, block: number) {
  const column = block % COLUMNS;
  const row = COUNTER_ROW + Math.floor(block / COLUMNS);
  return {
    left: Math.floor((column * width) / COLUMNS),
    right: Math.floor(((column + 1) * width) / COLUMNS),
    top: Math.floor((row * height) / ROWS),
    bottom: Math.floor(((row + 1) * height) / ROWS),
  };
}

function drawBits(picture: Rgb, counter: number): void {
  const bits = (counter << 8) | checkOf(counter);
  for (let block = 0; block < 3 * COLUMNS; block++) {
    const { left, top, right, bottom } = blockAt(picture.width, picture.height, block);
    const white = (bits >>> (3 * COLUMNS - 1 - block)) & 1;
    fill(picture, left, top, right, bottom, white ? 255 : 0);
  }
}

function drawBall({ width, height, bytes }: Rgb, bottom: number, turn: number): void {
  const radius = Math.min(width, height) / 8;
  const centreX = turn * width;
  const centreY = bottom - radius;
  for (let y = Math.max(0, Math.floor(centreY - radius)); y < bottom; y++) {
    const half = Math.sqrt(Math.max(0, radius * radius - (y + 0.5 - centreY) ** 2));
    for (let x = Math.ceil(centreX - half); x < centreX + half; x++) {
      const at = (y * width + ((x + width) % width)) * 3; // what leaves on one side enters on the other
      bytes.fill(255, at, at + 3);
    }
  }
}

function drawDigits(picture: Rgb, bottom: number, counter: number): void {
  const text = String(counter).padStart(5, "0");
  const dot = Math.max(1, Math.floor(Math.min(picture.width / 40, bottom / 12)));
  const left = picture.width - (text.length * 4 + 1) * dot;
  fill(picture, left, 0, picture.width, 7 * dot, 0);
  [...text].forEach((digit, place) => {
    for (let row = 0; row < 5; row++) {
      for (let column = 0; column < 3; column++) {
        if (!((DIGITS[Number(digit)] >> (14 - row * 3 - column)) & 1)) continue;
        const x = left + (place * 4 + 1 + column) * dot;
        fill(picture, x, (row + 1) * dot, x + dot, (row + 2) * dot, 255);
      }
    }
  });
}

function fill({ width, bytes }: Rgb, left: number, top: number, right: number, bottom: number, value: number): void {
  for (let y = top; y < bottom; y++) bytes.fill(value, (y * width + left) * 3, (y * width + right) * 3);
}
