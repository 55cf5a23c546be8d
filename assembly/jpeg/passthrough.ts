/**
 * Looks at a JPEG file that a sensor has made: finds where it ends (DMA brings bytes behind it) and whether it is
 * whole, a slice a call, and puts in what it lacks. How a file is walked through is `file-walk.ts`'s.
 */

import { Progress } from "./encoder";
import { FileWalk, Walk } from "./file-walk";

const walk: FileWalk = new FileWalk();
let end: usize = 0;

/** Begins with the file at `address`, of `length` bytes at most. */
export function beginFile(address: usize, length: u32): void {
  end = address + length;
  walk.begin(address);
}

/** Looks at the next part. To be called until it answers otherwise than MORE; OVERFLOW says that the file is broken. */
export function lookOn(): Progress {
  switch (walk.goOn(end)) {
    case Walk.MORE:
      return Progress.MORE;
    case Walk.WHOLE:
      return Progress.DONE;
    default:
      return Progress.OVERFLOW;
  }
}

/** Bytes of the file, once it was found whole. */
export function fileLength(): u32 {
  return walk.length;
}

/** Its pixels as the frame header says, `width << 16 | height`. */
export function fileSize(): u32 {
  return walk.size;
}

/** As {@link FileWalk.complete}. */
export function completeFile(): usize {
  return walk.complete();
}
