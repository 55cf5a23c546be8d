/**
 * The encoder's rules about memory and slices. What its pictures look like is seen with a decoder: tests/jpeg.test.ts.
 */

import { Format } from "../board";
import { Progress, Sampling, begin, length, slice } from "../jpeg/encoder";
import { JPEG_HEADROOM } from "../limits";

const WIDTH = 64;
const HEIGHT = 48;
const FRAME_BYTES: i32 = WIDTH * HEIGHT * 2;
const GUARD_BYTES: i32 = 4096;
/** A guard, the file's room with the pixels in it, and a guard. */
const room: usize = memory.data(GUARD_BYTES * 2 + <i32>JPEG_HEADROOM + FRAME_BYTES, 16);
const file: usize = room + GUARD_BYTES;
const pixels: usize = file + JPEG_HEADROOM;
const end: usize = pixels + FRAME_BYTES;
const GUARD: u8 = 0xa5;

let seed: u32 = 1;
function random(): u32 {
  seed = seed * 1664525 + 1013904223;
  return seed >>> 16;
}

function prepare(isNoise: bool): void {
  memory.fill(room, GUARD, GUARD_BYTES);
  memory.fill(end, GUARD, GUARD_BYTES);
  for (let i = 0; i < FRAME_BYTES; i += 2) store<u16>(pixels + i, isNoise ? random() : (i / 128) << 5);
}

/** Encodes to the end. @returns the last Progress */
function encode(sampling: Sampling, quality: i32, restart: i32 = 0): i32 {
  begin(pixels, WIDTH, HEIGHT, Format.RGB565, sampling, quality, restart, file, end);
  let progress: i32;
  do progress = slice();
  while (progress == Progress.MORE);
  return progress;
}

function guardsHold(): bool {
  for (let i = 0; i < GUARD_BYTES; i++) if (load<u8>(room + i) != GUARD || load<u8>(end + i) != GUARD) return false;
  return true;
}

/** The camera's memory has so many pages; the encoder checks once that what it reaches lies within. */
const PAGES: i32 = 95;

describe("the encoder", () => {
  beforeAll(() => {
    if (memory.size() < PAGES) memory.grow(PAGES - memory.size());
  });

  it("makes a file in place of the pixels, from its first marker to its last", () => {
    for (let sampling = 0; sampling < 3; sampling++) {
      prepare(false);
      expect(encode(sampling, 85)).toBe(Progress.DONE);
      expect(bswap<u16>(load<u16>(file))).toBe(0xffd8);
      expect(bswap<u16>(load<u16>(file + length() - 2))).toBe(0xffd9);
      expect(guardsHold()).toBeTruthy();
    }
  });

  it("says the restart interval and puts a marker after as many MCUs", () => {
    prepare(false);
    expect(encode(Sampling.S420, 85, 4)).toBe(Progress.DONE);
    let says = 0;
    let markers = 0;
    for (let at = file; at < file + length() - 1; at++) {
      const two = bswap<u16>(load<u16>(at));
      if (two == 0xffdd) says = bswap<u16>(load<u16>(at, 4));
      if (two == 0xffd0 + (markers & 7)) markers++;
    }
    expect(says).toBe(4);
    expect(markers).toBe((WIDTH / 16 * HEIGHT / 16) / 4 - 1);
    expect(guardsHold()).toBeTruthy();
  });

  it("makes files of Bayer pixels in place, a byte each, also of odd sizes", () => {
    for (let width = 1; width <= 35; width += 2) {
      prepare(true);
      begin(pixels, width, 17, Format.BAYER, Sampling.S422, 50, 0, file, pixels + width * 17);
      let progress: i32;
      do progress = slice();
      while (progress == Progress.MORE);
      expect(progress).toBe(Progress.DONE);
      expect(guardsHold()).toBeTruthy();
    }
  });

  it("makes the same file from the same pixels", () => {
    prepare(false);
    encode(Sampling.S420, 50);
    const bytes = length();
    let sum: u32 = 0;
    for (let i: u32 = 0; i < bytes; i++) sum = sum * 31 + load<u8>(file + i);
    prepare(false);
    encode(Sampling.S420, 50);
    expect(length()).toBe(bytes);
    let again: u32 = 0;
    for (let i: u32 = 0; i < bytes; i++) again = again * 31 + load<u8>(file + i);
    expect(again).toBe(sum);
  });

  it("takes several slices, none of more than a row of blocks", () => {
    prepare(false);
    begin(pixels, WIDTH, HEIGHT, Format.RGB565, Sampling.S444, 85, 0, file, end);
    let slices = 1;
    while (slice() == Progress.MORE) slices++;
    expect(slices).toBeGreaterThanOrEqual(HEIGHT / 8);
  });

  it("gives up what would overtake the pixels, and writes nowhere else", () => {
    prepare(true);
    expect(encode(Sampling.S444, 100)).toBe(Progress.OVERFLOW);
    expect(guardsHold()).toBeTruthy();
    prepare(true);
    expect(encode(Sampling.S420, 20)).toBe(Progress.DONE, "at a lower quality it fits");
    expect(guardsHold()).toBeTruthy();
  });

  it("makes smaller files at lower quality", () => {
    let before: u32 = u32.MAX_VALUE;
    for (let quality = 95; quality > 0; quality -= 20) {
      prepare(true);
      if (encode(Sampling.S420, quality) != Progress.DONE) continue;
      expect(length()).toBeLessThan(before);
      before = length();
    }
    expect(before).toBeLessThan(u32.MAX_VALUE);
  });

  it("traps on what is no frame", () => {
    expect(() => {
      begin(pixels, 0, 1, Format.GRAY, Sampling.S420, 85, 0, file, end);
    }).toThrow();
    expect(() => {
      begin(pixels, 7, 1, Format.YUYV, Sampling.S420, 85, 0, file, end);
    }).toThrow();
    expect(() => {
      begin(pixels, 8, 8, Format.GRAY, Sampling.S420, 101, 0, file, end);
    }).toThrow();
    expect(() => {
      begin(pixels, 8, 8, Format.GRAY, Sampling.S420, 85, 65536, file, end);
    }).toThrow();
    expect(() => {
      begin(pixels, 8, 8, Format.JPEG, Sampling.S420, 85, 0, file, end);
    }).toThrow();
  });
});
