/**
 * Which pixels a group of MCUs is made of, where they do not simply lie in the frame: at the right and lower edge,
 * where the last column and row are repeated, and where the file is about to grow over them.
 */

import { Format } from "../board";
import { PATCH } from "./memory";

/** Bytes of a pixel. */
export function pixelBytes(format: i32): usize {
  return format == Format.GRAY || format == Format.BAYER ? 1 : 2;
}

/** Copies pixels out of the file's way. */
export function copy(to: usize, from: usize, bytes: usize): void {
  const whole = bytes & ~31;
  for (let i: usize = 0; i < whole; i += 32) {
    store<u64>(to + i, load<u64>(from + i), 0);
    store<u64>(to + i, load<u64>(from + i, 8), 8);
    store<u64>(to + i, load<u64>(from + i, 16), 16);
    store<u64>(to + i, load<u64>(from + i, 24), 24);
  }
  for (let i = whole; i < bytes; i++) store<u8>(to + i, load<u8>(from + i));
}

/**
 * Copies a group's pixels to PATCH, row after row, and repeats the last column and row for those that are not there.
 * @param from its upper left pixel
 * @param stride bytes from one row of pixels to the next
 * @param across how many columns there are, at least 1
 * @param down how many rows there are, at least 1
 * @param width pixels that PATCH gets across
 * @param height and down
 */
export function patch(
  from: usize,
  stride: usize,
  across: i32,
  down: i32,
  width: i32,
  height: i32,
  format: i32,
): void {
  let to = PATCH;
  for (let row = 0; row < height; row++) {
    const line = from + <usize>min(row, down - 1) * stride;
    for (let column = 0; column < width; column++) {
      const there = <usize>min(column, across - 1);
      switch (format) {
        case Format.GRAY: {
          store<u8>(to, load<u8>(line + there));
          to += 1;
          break;
        }
        case Format.RGB565: {
          store<u16>(to, load<u16>(line + there * 2));
          to += 2;
          break;
        }
        case Format.YUYV: {
          // Chroma, in the second byte, is Cb in even columns and Cr in odd ones.
          const chroma = (there & ~1) | (<usize>column & 1);
          store<u8>(to, load<u8>(line + there * 2));
          store<u8>(to, load<u8>(line + chroma * 2, 1), 1);
          to += 2;
          break;
        }
        default:
          unreachable();
      }
    }
  }
}
