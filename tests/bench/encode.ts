/**
 * The module of the encoder's benchmark: encodes the QVGA RGB565 picture, without a board and without imports.
 *
 * The firmware of the benchmark loads it as it loads the camera, puts the picture's 153,600 bytes at {@link frame}
 * (anew for each encode, since the file grows over them), and counts the instructions of {@link encode}. What its
 * stages take is counted by calling them alone.
 */

import { Format } from "../../assembly/board";
import { Progress, begin, length, slice } from "../../assembly/jpeg/encoder";
import { JPEG_HEADROOM } from "../../assembly/limits";

const WIDTH: i32 = 320;
const HEIGHT: i32 = 240;
const FRAME_BYTES: i32 = WIDTH * HEIGHT * 2;

const file: usize = memory.data(<i32>JPEG_HEADROOM + FRAME_BYTES, 16);

/** Where the pixels go. */
export function frame(): usize {
  return file + JPEG_HEADROOM;
}

/** Where the file is. */
export function output(): usize {
  return file;
}

/** Begins the frame, of which {@link next} encodes a slice a call. */
export function start(sampling: i32, quality: i32): void {
  begin(frame(), WIDTH, HEIGHT, Format.RGB565, sampling, quality, file, frame() + FRAME_BYTES);
}

/** Encodes a slice, and answers a Progress. */
export function next(): i32 {
  return slice();
}

/** Encodes the whole frame, and answers the file's length, or 0 if it does not fit. */
export function encode(sampling: i32, quality: i32): i32 {
  start(sampling, quality);
  let progress: i32;
  do progress = slice();
  while (progress == Progress.MORE);
  return progress == Progress.DONE ? length() : 0;
}
