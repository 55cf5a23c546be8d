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
import { resetComponent, setBlock, setComponent } from "./components";
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

/** From which pixels to which samples. The precise ones are for fine quantisation. */
enum Conversion {
  GRAY,
  RGB565_444,
  RGB565_420,
  RGB565_444_PRECISE,
  RGB565_420_PRECISE,
  YUYV_444,
  YUYV_420,
}

enum State {
  /** No frame is being encoded. */
  IDLE,
  /** The next group is that at `x`, `y`. */
  ENCODING,
}

/** Pixels of a group across. */
const GROUP_WIDTH: i32 = 16;
/** Blocks that a slice encodes: a row of QVGA at 4:2:0. The precise way takes longer, most of all for noise. */
const SLICE_BLOCKS: i32 = 120;
const SLICE_BLOCKS_PRECISE: i32 = 60;

if (CODES > WINDOW || STRIP > WINDOW || CODED > WINDOW) ERROR("the encoder's memory must be in its window");

let state: State = State.IDLE;

// What a frame shares with others of the same settings: see configure.

let width: i32 = 0;
let height: i32 = 0;
let format: i32 = 0;
let sampling: i32 = 0;
/** 0 before the first frame. */
let quality: i32 = 0;
/** Whether the tables are those of the precise transform. */
let precise: bool = false;
let conversion: Conversion = Conversion.GRAY;
/** Bytes of a pixel, and from one row of pixels to the next. */
let pixelSize: usize = 0;
let stride: usize = 0;
let components: i32 = 0;
/** Rows of pixels that a group has, which an MCU has across and down. */
let mcuSize: i32 = 0;
/** Blocks of a group. */
let groupBlocks: usize = 0;
/** Bytes of the file's header, in HEADER. */
let headerBytes: usize = 0;

// Where we are in the frame.

let pixels: usize = 0;
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
 * `pixels_`, best by JPEG_HEADROOM bytes; then the pixels are lost. All lies in the first 4 MB of memory.
 * @param width_ pixels a row, 1 to WIDTH_MAX; even for YUYV
 * @param height_ rows, 1 to HEIGHT_MAX
 * @param format_ a {@link Format}
 * @param sampling_ a {@link Sampling}
 * @param quality_ 1 to 100
 */
export function begin(
  pixels_: usize,
  width_: i32,
  height_: i32,
  format_: i32,
  sampling_: i32,
  quality_: i32,
  out_: usize,
  outEnd: usize,
): void {
  if (width_ != width || height_ != height || format_ != format || sampling_ != sampling || quality_ != quality) {
    configure(width_, height_, format_, sampling_, quality_);
  }
  const pixelsEnd = pixels_ + <usize>height * stride;
  assert(pixelsEnd <= WINDOW && outEnd <= WINDOW && out_ <= outEnd, "frame and file are in the encoder's window");
  inPlace = pixels_ < outEnd && out_ < pixelsEnd;
  assert(!inPlace || out_ <= pixels_, "the file begins behind the first pixel");
  pixels = pixels_;
  file = out_;
  out = out_;
  fileEnd = outEnd;
  for (let n = 0; n < components; n++) resetComponent(n);
  startBits();
  y = 0;
  beginRow();
  if (fits(headerBytes)) {
    memory.copy(out, HEADER, headerBytes);
    out += headerBytes;
    state = State.ENCODING;
  } else {
    state = State.IDLE;
  }
}

/** Makes what depends on the settings alone. */
function configure(width_: i32, height_: i32, format_: i32, sampling_: i32, quality_: i32): void {
  assert(width_ > 0 && width_ <= <i32>WIDTH_MAX && height_ > 0 && height_ <= <i32>HEIGHT_MAX, "size of a frame");
  assert(format_ == Format.GRAY || format_ == Format.RGB565 || format_ == Format.YUYV, "format of a frame");
  assert(format_ != Format.YUYV || !(width_ & 1), "width of a YUYV frame");
  assert(sampling_ == Sampling.S444 || sampling_ == Sampling.S420, "sampling");
  assert(quality_ >= 1 && quality_ <= 100, "quality");
  width = width_;
  height = height_;
  format = format_;
  sampling = sampling_;
  if (quality == 0) {
    buildCodes();
    buildMultipliers();
    buildColours();
  }
  if (quality != quality_) buildScales(quality_, FRACTION_BITS);
  quality = quality_;
  precise = isFine(quality_);

  const gray = format_ == Format.GRAY;
  const quarterChroma = !gray && sampling_ == Sampling.S420;
  if (gray) conversion = Conversion.GRAY;
  else if (format_ == Format.YUYV) conversion = quarterChroma ? Conversion.YUYV_420 : Conversion.YUYV_444;
  else if (precise) conversion = quarterChroma ? Conversion.RGB565_420_PRECISE : Conversion.RGB565_444_PRECISE;
  else conversion = quarterChroma ? Conversion.RGB565_420 : Conversion.RGB565_444;
  pixelSize = pixelBytes(format_);
  stride = <usize>width_ * pixelSize;

  components = gray ? 1 : 3;
  mcuSize = quarterChroma ? 16 : 8;
  groupBlocks = gray ? 2 : 6;
  const zero = precise ? 0 : (128 * 64) << FRACTION_BITS;
  const cut = format_ == Format.RGB565 && !precise;
  setComponent(0, LUMA, cut ? zero - RGB565_LUMA_SHORT : zero);
  setComponent(1, CHROMA, zero);
  setComponent(2, CHROMA, zero);
  if (quarterChroma) for (let n = 0; n < 6; n++) setBlock(n, max(n - 3, 0), n >> 1, (n & 1) != 0);
  else for (let n = 0; n < components * 2; n++) setBlock(n, n % components, n % components, n >= components);
  headerBytes = writeHeader(HEADER, width, height, components, quarterChroma ? 0x22 : 0x11, quality) - HEADER;
}

/** Does the next part of the work. To be called until it answers otherwise than MORE. */
export function slice(): i32 {
  if (state == State.IDLE) return Progress.OVERFLOW;
  const sliceBlocks = precise ? SLICE_BLOCKS_PRECISE : SLICE_BLOCKS;
  const end = min(x + sliceBlocks / <i32>groupBlocks * GROUP_WIDTH, width);
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

function beginRow(): void {
  x = 0;
  rowPixels = pixels + <usize>y * stride;
  limit = inPlace ? min(rowPixels, fileEnd) : fileEnd;
}

/** Copies the pixels of this row of MCUs out of the file's way, if they are in it. Answers whether it did. */
function makeRoom(): bool {
  if (!inPlace || rowPixels == STRIP) return false;
  const bytes = <usize>min(mcuSize, height - y) * stride;
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
  const from = rowPixels + <usize>x * pixelSize;
  const across = width - x;
  const down = height - y;
  if (across >= GROUP_WIDTH && down >= mcuSize) {
    convertWhole(from, stride);
  } else {
    patch(from, stride, min(across, GROUP_WIDTH), min(down, mcuSize), GROUP_WIDTH, mcuSize, format);
    convertWhole(PATCH, <usize>GROUP_WIDTH * pixelSize);
  }
}

// @ts-ignore: decorator
@inline
function convertWhole(from: usize, fromStride: usize): void {
  switch (conversion) {
    case Conversion.GRAY:
      return grayToLuma(from, fromStride);
    case Conversion.RGB565_444:
      return rgb565To444(from, fromStride);
    case Conversion.RGB565_420:
      return rgb565To420(from, fromStride);
    case Conversion.RGB565_444_PRECISE:
      return rgb565To444Precisely(from, fromStride);
    case Conversion.RGB565_420_PRECISE:
      return rgb565To420Precisely(from, fromStride);
    case Conversion.YUYV_444:
      return yuyvTo444(from, fromStride);
    case Conversion.YUYV_420:
      return yuyvTo420(from, fromStride);
    default:
      unreachable();
  }
}

/** Writes the last bits and the end of the file. Answers whether they fitted. */
function finish(): bool {
  const bytes = endBits();
  if (!fits(stuffedBytes(bytes) + TRAILER_BYTES)) return false;
  out = writeTrailer(appendBytes(out, load<u32>(CODED), bytes));
  return true;
}
