/**
 * The module of the encoder's benchmark: encodes pictures, without a board and without imports.
 *
 * The firmware of the benchmark loads it as it loads the camera, puts a picture's pixels at {@link frame} (anew for
 * each encode, since the file grows over them), and counts the instructions of {@link encode}. What a stage takes of
 * the QVGA RGB565 picture is the difference between two calls of {@link stages}.
 */

import { Format } from "../../assembly/board";
import { append } from "../../assembly/jpeg/bits";
import { rgb565To420, rgb565To422, rgb565To444 } from "../../assembly/jpeg/colour";
import { Progress, Sampling, begin, length, slice } from "../../assembly/jpeg/encoder";
import { encode as encodeBlocks } from "../../assembly/jpeg/entropy";
import { BLOCKS, PAIR_BYTES, PAIR_SCALES } from "../../assembly/jpeg/memory";
import { transform } from "../../assembly/jpeg/transform";
import { FRAME_BYTES_MAX, JPEG_HEADROOM } from "../../assembly/limits";

const WIDTH: i32 = 320;
const HEIGHT: i32 = 240;

const file: usize = memory.data(<i32>(JPEG_HEADROOM + FRAME_BYTES_MAX), 16);

/** Where the pixels go. */
export function frame(): usize {
  return file + JPEG_HEADROOM;
}

/** Where the file is. */
export function output(): usize {
  return file;
}

/** Begins the frame, of which {@link next} encodes a slice a call. */
export function start(width: i32, height: i32, format: i32, sampling: i32, quality: i32): void {
  const bytesAPixel = format == Format.GRAY || format == Format.BAYER ? 1 : 2;
  begin(frame(), width, height, format, sampling, quality, 0, file, frame() + width * height * bytesAPixel);
}

/** Encodes a slice, and answers a Progress. */
export function next(): i32 {
  return slice();
}

/** Encodes the whole frame, and answers the file's length, or 0 if it does not fit. */
export function encode(width: i32, height: i32, format: i32, sampling: i32, quality: i32): i32 {
  start(width, height, format, sampling, quality);
  let progress: i32;
  do progress = slice();
  while (progress == Progress.MORE);
  return progress == Progress.DONE ? length() : 0;
}

/** How far {@link stages} takes each group of the frame. `host/emulator/encode-bench.ts` has these numbers too. */
enum Stage {
  /** Nothing but the way over the groups. */
  NONE,
  COLOUR,
  TRANSFORM,
  /** The coefficients are then made zero. */
  CLEARED,
  /** These zeros then go through the pass that quantises and codes. What that takes more is quantisation. */
  CLEARED_AND_ENCODED,
  /** In place of the last two: the coefficients as they are go through that pass. What that takes more is coding. */
  ENCODED,
  /** The words of bits then become the file's bytes. */
  APPENDED,
}

/** Takes every group of the QVGA frame up to a {@link Stage}. The pixels stay as they are, but for the last one. */
export function stages(sampling: i32, quality: i32, last: i32): void {
  start(WIDTH, HEIGHT, Format.RGB565, sampling, quality);
  const rows = sampling == Sampling.S420 ? 16 : 8;
  for (let y = 0; y < HEIGHT; y += rows) {
    for (let x = 0; x < WIDTH; x += 16) {
      if (last == Stage.NONE) continue;
      const from = frame() + <usize>(y * WIDTH + x) * 2;
      if (sampling == Sampling.S420) rgb565To420(from, WIDTH * 2);
      else if (sampling == Sampling.S422) rgb565To422(from, WIDTH * 2);
      else rgb565To444(from, WIDTH * 2);
      const blocks = sampling == Sampling.S422 ? 4 : 6;
      if (last >= Stage.TRANSFORM) transform(blocks / 2);
      if (last == Stage.CLEARED || last == Stage.CLEARED_AND_ENCODED) clear();
      if (last >= Stage.CLEARED_AND_ENCODED) encodeBlocks(0, blocks);
      if (last == Stage.APPENDED) append(file);
    }
  }
}

/** Makes all coefficients of a group zero; which blocks are quiet stays known. */
function clear(): void {
  for (let pair: usize = 0; pair < 3; pair++) memory.fill(BLOCKS + pair * PAIR_BYTES, 0, PAIR_SCALES);
}
