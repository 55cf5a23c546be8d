/**
 * Adaptive rate: chooses the quality for the next frame so that its file comes near to a number of bytes. Off unless a
 * target is set.
 *
 * How the size of a file goes with quality is much the same for all pictures; only the factor differs. So one frame
 * tells the factor, and the next can be chosen from the table below. Where a picture differs from the table, two or
 * three more frames close in on the target.
 */

import { Controls } from "./controls";

/**
 * Bytes of a file relative to quality 100's, in thousandths, for qualities 1 to 100: the mean of the project's four
 * photographs at QVGA, 4:2:0.
 */
const SIZES: StaticArray<u16> = [
  35, 35, 36, 39, 42, 45, 48, 51, 54, 56, 59, 62, 65, 67, 70, 73, 75, 77, 79, 82,
  84, 87, 89, 91, 93, 95, 97, 100, 102, 104, 105, 107, 110, 111, 113, 116, 117, 119, 121, 122,
  124, 126, 127, 130, 131, 133, 134, 136, 139, 139, 140, 142, 144, 145, 147, 149, 152, 154, 155, 157,
  160, 162, 165, 167, 170, 173, 175, 179, 182, 186, 190, 192, 197, 202, 204, 209, 216, 221, 226, 232,
  239, 246, 256, 263, 271, 284, 293, 308, 320, 340, 357, 375, 407, 446, 492, 551, 621, 708, 873, 1000,
];

/** The target in bytes a frame, or 0. */
export function targetBytes(controls: Controls, thousandthsOfFps: u32): u32 {
  const perFrame = <u32>controls.frameBytes.value;
  const perSecond = <u64>controls.byteRate.value;
  if (!perSecond) return perFrame;
  const share = u32(perSecond * 1000 / max(thousandthsOfFps, 1000));
  return perFrame ? min(perFrame, share) : share;
}

/** The quality with which a picture that took `bytes` at `quality` should come nearest to `target`. */
export function nextQuality(quality: i32, bytes: u32, target: u32): i32 {
  const factor = <u64>target * SIZES[quality - 1];
  let best = 1;
  for (let q = 1; q <= 100; q++) {
    if (<u64>bytes * SIZES[q - 1] <= factor) best = q;
  }
  // The nearest may be the one above.
  if (best < 100) {
    const below = factor - <u64>bytes * SIZES[best - 1];
    const above = <u64>bytes * SIZES[best] - factor;
    if (above < below) best++;
  }
  return best;
}
