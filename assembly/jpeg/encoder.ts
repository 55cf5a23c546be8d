/**
 * The JPEG encoder: one frame at a time, in place over its pixels, a slice a call.
 *
 * Baseline JFIF from gray, RGB565 and YUYV pixels of any size up to limits.ts's, at qualities of 1 to 100. A slice
 * takes at most one row of MCUs (the smallest part of a picture that JPEG knows: 8 x 8 or 16 x 16 pixels); work goes
 * by groups of them, 16 pixels across: one MCU of 4:2:0 or two others. Where things are: `memory.ts`. How a group
 * goes: `window.ts` finds its pixels, `colour.ts` makes samples of them, `transform.ts` coefficients, `entropy.ts`
 * words of bits, `bits.ts` the file's bytes. This file knows how far it is, and that the file stays where it may.
 *
 * In place, the file grows from before the pixels over those that were read. It is shorter than they are, so that it
 * falls behind; only near the beginning, and in noise, it catches up with the row of MCUs that is being read. Then that
 * row's pixels are copied out of its way first. What would reach into the next row is given up.
 */

import { Format } from "../board";
import { HEIGHT_MAX, WIDTH_MAX } from "../limits";
import { append, appendBytes, endBits, startBits, stuffedBytes } from "./bits";
import {
  RGB565_LUMA_SHORT,
  buildColours,
  grayToLuma,
  rgb565To420,
  rgb565To444,
  yuyvTo420,
  yuyvTo444,
} from "./colour";
import { setBlock, setComponent } from "./components";
import { encode } from "./entropy";
import { TRAILER_BYTES, writeHeader, writeTrailer } from "./header";
import { CODED, CODED_BYTES, CODES, HEADER, PATCH, STRIP, WINDOW } from "./memory";
import { rgb565To420Precisely, rgb565To444Precisely, transformPrecisely } from "./precise";
import { CHROMA, LUMA, buildCodes, buildScales, isFine } from "./tables";
import { FRACTION_BITS, buildMultipliers, transform } from "./transform";
import { evacuate, patch, pixelBytes } from "./window";

/** How chroma is sampled. (Gray has none.) */
export enum Sampling {
  /** For each pixel. */
  S444 = 0,
  /** For each 2 x 2 pixels. */
  S420 = 1,
}

/** What {@link slice} answers. */
export enum Progress {
  /** There is more to do. */
  MORE,
  /** The file is whole. */
  DONE,
  /** The file would have grown over pixels that were not read, or past its end: there is none. */
  OVERFLOW,
}

enum State {
  /** No frame is being encoded. */
  IDLE,
  /** The next group is that at `x`, `y`. */
  ENCODING,
}

/** Pixels of a group across. */
const GROUP_WIDTH: i32 = 16;
/** Blocks that a slice encodes: the row of QVGA. */
const SLICE_BLOCKS: i32 = 120;

if (CODES > WINDOW || STRIP > WINDOW || CODED > WINDOW) ERROR("the encoder's memory must be in its window");

let state: State = State.IDLE;
/** What the tables are made for, or 0; and whether for the precise transform. */
let tablesQuality: i32 = 0;
let precise: bool = false;

let pixels: usize = 0;
let width: i32 = 0;
let height: i32 = 0;
let format: i32 = 0;
let sampling: i32 = 0;
/** Bytes from one row of pixels to the next. */
let stride: usize = 0;

let components: i32 = 0;
/** Rows of pixels that a group has, which an MCU has across and down. */
let mcuSize: i32 = 0;
/** Blocks of a group. */
let groupBlocks: usize = 0;
/** The next group's upper left pixel. */
let x: i32 = 0;
let y: i32 = 0;
/** Where the pixels of its row are: in the frame, or in STRIP. */
let rowPixels: usize = 0;

let file: usize = 0;
/** Where its next bytes go. */
let out: usize = 0;
let fileEnd: usize = 0;
/** Whether the file grows over the pixels. */
let inPlace: bool = false;
/** The first byte that the file must not reach for now. */
let limit: usize = 0;

/**
 * Begins a frame; one that was not finished is forgotten.
 *
 * The file goes from `out_` to `outEnd` at most, no byte beyond. Both memories are apart, or `out_` is at or before
 * `pixels`, best by JPEG_HEADROOM bytes; then the pixels are lost. All lies in the first 4 MB of memory.
 * @param width_ pixels a row, 1 to WIDTH_MAX; even for YUYV
 * @param height_ rows, 1 to HEIGHT_MAX
 * @param format_ a {@link Format}
 * @param sampling_ a {@link Sampling}
 * @param quality 1 to 100
 */
export function begin(
  pixels_: usize,
  width_: i32,
  height_: i32,
  format_: i32,
  sampling_: i32,
  quality: i32,
  out_: usize,
  outEnd: usize,
): void {
  assert(width_ > 0 && width_ <= <i32>WIDTH_MAX && height_ > 0 && height_ <= <i32>HEIGHT_MAX, "size of a frame");
  assert(format_ == Format.GRAY || format_ == Format.RGB565 || format_ == Format.YUYV, "format of a frame");
  assert(format_ != Format.YUYV || !(width_ & 1), "width of a YUYV frame");
  assert(quality >= 1 && quality <= 100, "quality");
  const pixelsEnd = pixels_ + <usize>(width_ * height_) * pixelBytes(format_);
  assert(pixelsEnd <= WINDOW && outEnd <= WINDOW && out_ <= outEnd, "frame and file are in the encoder's window");
  inPlace = pixels_ < outEnd && out_ < pixelsEnd;
  assert(!inPlace || out_ <= pixels_, "the file begins behind the first pixel");

  pixels = pixels_;
  width = width_;
  height = height_;
  format = format_;
  sampling = sampling_;
  stride = <usize>width_ * pixelBytes(format_);
  file = out_;
  out = out_;
  fileEnd = outEnd;

  const gray = format_ == Format.GRAY;
  const quarterChroma = !gray && sampling_ == Sampling.S420;
  mcuSize = quarterChroma ? 16 : 8;
  groupBlocks = gray ? 2 : 6;
  components = gray ? 1 : 3;

  setTables(quality);
  const zero = precise ? 0 : (128 * 64) << FRACTION_BITS;
  const cut = format_ == Format.RGB565 && !precise;
  setComponent(0, LUMA, cut ? zero - RGB565_LUMA_SHORT : zero);
  setComponent(1, CHROMA, zero);
  setComponent(2, CHROMA, zero);
  if (quarterChroma) for (let n = 0; n < 6; n++) setBlock(n, max(n - 3, 0), n >> 1, (n & 1) != 0);
  else for (let n = 0; n < components * 2; n++) setBlock(n, n % components, n % components, n >= components);

  state = State.ENCODING;
  y = 0;
  beginRow();
  startBits();
  const header = writeHeader(HEADER, width, height, components, quarterChroma ? 0x22 : 0x11, quality) - HEADER;
  if (fits(header)) {
    memory.copy(out, HEADER, header);
    out += header;
  } else {
    state = State.IDLE;
  }
}

/** Does the next part of the work. To be called until it answers otherwise than MORE. */
export function slice(): i32 {
  if (state == State.IDLE) return Progress.OVERFLOW;
  const end = min(x + SLICE_BLOCKS / <i32>groupBlocks * GROUP_WIDTH, width);
  for (; x < end; x += GROUP_WIDTH) {
    if (!encodeNext()) {
      state = State.IDLE;
      return Progress.OVERFLOW;
    }
  }
  if (x < width) return Progress.MORE;
  y += mcuSize;
  if (y < height) {
    beginRow();
    return Progress.MORE;
  }
  state = State.IDLE;
  return finish() ? Progress.DONE : Progress.OVERFLOW;
}

/** Bytes of the finished file. */
export function length(): u32 {
  return <u32>(out - file);
}

function setTables(quality: i32): void {
  if (tablesQuality == 0) {
    buildCodes();
    buildMultipliers();
    buildColours();
  }
  if (tablesQuality != quality) {
    buildScales(quality, FRACTION_BITS);
    tablesQuality = quality;
    precise = isFine(quality);
  }
}

function beginRow(): void {
  x = 0;
  rowPixels = pixels + <usize>y * stride;
  limit = inPlace ? min(rowPixels, fileEnd) : fileEnd;
}

/** How many rows of pixels the row of MCUs has. */
function rowsThere(): i32 {
  return min(mcuSize, height - y);
}

/** Copies the pixels of this row of MCUs out of the file's way, if they are in it. Answers whether it did. */
function makeRoom(): bool {
  if (!inPlace || rowPixels == STRIP) return false;
  const bytes = <usize>rowsThere() * stride;
  evacuate(rowPixels, bytes);
  limit = y + mcuSize < height ? min(rowPixels + bytes, fileEnd) : fileEnd;
  rowPixels = STRIP;
  return true;
}

/** Whether so many more bytes of the file fit, after making room if need be. */
function fits(bytes: usize): bool {
  return bytes <= limit - out || (makeRoom() && bytes <= limit - out);
}

/** Encodes the group at `x`. Answers whether it fitted. */
function encodeNext(): bool {
  convert();
  // The second MCU of a group may lie beyond the right edge.
  const blocks = mcuSize == GROUP_WIDTH || width - x > mcuSize ? groupBlocks : groupBlocks / 2;
  if (precise) transformPrecisely(blocks);
  else transform(groupBlocks / 2);
  encode(blocks);
  const bytes = load<usize>(CODED_BYTES);
  // At worst each byte has a zero behind it; only where that would not fit they are counted.
  if (bytes * 2 > limit - out && !fits(stuffedBytes(bytes))) return false;
  out = append(out);
  return true;
}

/** Makes samples of the pixels of the group at `x`. */
function convert(): void {
  let from = rowPixels + <usize>x * pixelBytes(format);
  let fromStride = stride;
  const across = min(GROUP_WIDTH, width - x);
  const down = rowsThere();
  if (across < GROUP_WIDTH || down < mcuSize) {
    patch(from, stride, across, down, GROUP_WIDTH, mcuSize, format);
    from = PATCH;
    fromStride = <usize>GROUP_WIDTH * pixelBytes(format);
  }
  if (format == Format.GRAY) grayToLuma(from, fromStride);
  else if (format == Format.RGB565) {
    if (sampling == Sampling.S420) {
      if (precise) rgb565To420Precisely(from, fromStride);
      else rgb565To420(from, fromStride);
    } else {
      if (precise) rgb565To444Precisely(from, fromStride);
      else rgb565To444(from, fromStride);
    }
  } else {
    if (sampling == Sampling.S420) yuyvTo420(from, fromStride);
    else yuyvTo444(from, fromStride);
  }
}

/** Writes the last bits and the end of the file. Answers whether they fitted. */
function finish(): bool {
  const bytes = endBits();
  if (!fits(stuffedBytes(bytes) + TRAILER_BYTES)) return false;
  out = writeTrailer(appendBytes(out, load<u32>(CODED), bytes));
  return true;
}
