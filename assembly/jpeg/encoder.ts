/**
 * The JPEG encoder: one frame at a time, in place over its pixels, a slice a call.
 *
 * Baseline JFIF from gray, RGB565, YUYV and Bayer pixels of any size up to limits.ts's, at qualities of 1 to 100. A
 * slice takes at most one row of MCUs (the smallest part of a picture that JPEG knows: 8 x 8, 16 x 8 or 16 x 16
 * pixels); work goes by groups of them, 16 pixels across: one MCU where chroma is shared, or two. Where things are:
 * `memory.ts`. How a group goes: `window.ts` finds its pixels, `colour.ts` makes samples of them (of Bayer pixels
 * `bayer.ts` does both), `transform.ts` coefficients, `entropy.ts` words of bits, `bits.ts` the file's bytes. This file
 * knows how far it is, and that the file stays where it may.
 *
 * In place, the file grows from before the pixels over those that were read. It is shorter than they are, so that it
 * falls behind; only near the beginning, and in noise, it catches up with the row of MCUs that is being read. Then that
 * row's pixels are copied out of its way first. What would reach into the next row is given up.
 *
 * Restart markers let a decoder that lost bytes go on at the next of them: there the bits end on a byte, and DC
 * coefficients count from 0 again.
 */

import { Format } from "../board";
import { HEIGHT_MAX, WIDTH_MAX } from "../limits";
import { BAYER_PIXELS, bayerTo420, bayerTo422, bayerTo444, buildBayer, takeBayerRows, widenBayer } from "./bayer";
import { append, appendBytes, endBits, startBits, stuffedBytes } from "./bits";
import {
  RGB565_LUMA_SHORT,
  buildColours,
  grayToLuma,
  rgb565To420,
  rgb565To422,
  rgb565To444,
  yuyvTo420,
  yuyvTo422,
  yuyvTo444,
} from "./colour";
import { resetComponent, setBlock, setComponent } from "./components";
import { encode } from "./entropy";
import { RESTART_BYTES, TRAILER_BYTES, writeHeader, writeRestart, writeTrailer } from "./header";
import { CODED, CODED_BYTES, CODES, HEADER, PATCH, STRIP, WINDOW } from "./memory";
import { sampleWide, transformPrecisely, widenRgb565 } from "./precise";
import { CHROMA, LUMA, buildCodes, buildScales, isFine } from "./tables";
import { FRACTION_BITS, buildMultipliers, transform } from "./transform";
import { copy, patch, pixelBytes } from "./window";

/** How chroma is sampled. (Gray has none.) */
export enum Sampling {
  /** For each pixel. */
  S444 = 0,
  /** For each 2 x 2 pixels. */
  S420 = 1,
  /** For two neighbours in a row. */
  S422 = 2,
}

/** MCUs between restart markers at most: what the file has room to say. */
export const RESTART_MAX: i32 = 65535;

/** What {@link slice} answers. */
export enum Progress {
  /** There is more to do. */
  MORE,
  /** The file is whole. */
  DONE,
  /** The file would have grown over pixels that were not read, or past its end: there is none. */
  OVERFLOW,
}

/** From which pixels to which samples. */
enum Conversion {
  GRAY,
  RGB565_444,
  RGB565_420,
  RGB565_422,
  YUYV_444,
  YUYV_420,
  YUYV_422,
  BAYER_444,
  BAYER_420,
  BAYER_422,
}

/** The conversion of a format, but gray, to 4:4:4. Those to other samplings are as much further as their numbers. */
function conversionTo444(format: i32): Conversion {
  if (format == Format.YUYV) return Conversion.YUYV_444;
  return format == Format.BAYER ? Conversion.BAYER_444 : Conversion.RGB565_444;
}

enum State {
  /** No frame is being encoded. */
  IDLE,
  /** The next group is that at `x`, `y`. */
  ENCODING,
}

/** Pixels of a group across. */
const GROUP_WIDTH: i32 = 16;
/** Blocks that a slice encodes at most: a row of QVGA at 4:2:0. The precise way takes longer, most of all for noise. */
const SLICE_BLOCKS: i32 = 120;
const SLICE_BLOCKS_PRECISE: i32 = 60;

if (CODES > WINDOW || STRIP > WINDOW || CODED > WINDOW) ERROR("the encoder's memory must be in its window");

let state: State = State.IDLE;

// What a frame shares with others of the same settings: see configure.

let width: i32 = 0;
let height: i32 = 0;
let format: i32 = 0;
let sampling: i32 = 0;
/** MCUs between restart markers; 0: there are none. */
let restart: i32 = 0;
/** 0 before the first frame. */
let quality: i32 = 0;
/** Whether the tables are those of the precise transform. */
let precise: bool = false;
/** Whether colours are converted precisely as well. (The others of YUYV and gray are precise.) */
let isWide: bool = false;
let conversion: Conversion = Conversion.GRAY;
/** Bytes of a pixel, and from one row of pixels to the next. */
let pixelSize: usize = 0;
let stride: usize = 0;
let components: i32 = 0;
/** 1 if two neighbours share their chroma, and if those of the row below do as well. */
let acrossBits: i32 = 0;
let downBits: i32 = 0;
/** Pixels of an MCU. */
let mcuWidth: i32 = 0;
let mcuHeight: i32 = 0;
/** Blocks of an MCU, and of a group. */
let mcuBlocks: usize = 0;
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
/** Whether they are out of the file's way. */
let isRowSafe: bool = false;
/** MCUs until the next restart marker, and how many there were. */
let untilRestart: i32 = 0;
let restarts: i32 = 0;
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
 * @param restart_ MCUs between restart markers, 1 to RESTART_MAX; 0: there are none
 */
export function begin(
  pixels_: usize,
  width_: i32,
  height_: i32,
  format_: i32,
  sampling_: i32,
  quality_: i32,
  restart_: i32,
  out_: usize,
  outEnd: usize,
): void {
  const isSameFrame = width_ == width && height_ == height && format_ == format;
  if (!isSameFrame || sampling_ != sampling || quality_ != quality || restart_ != restart) {
    configure(width_, height_, format_, sampling_, quality_, restart_);
  }
  const pixelsEnd = pixels_ + <usize>height * stride;
  assert(pixelsEnd <= WINDOW && outEnd <= WINDOW && out_ <= outEnd, "frame and file are in the encoder's window");
  inPlace = pixels_ < outEnd && out_ < pixelsEnd;
  assert(!inPlace || out_ <= pixels_, "the file begins behind the first pixel");
  pixels = pixels_;
  file = out_;
  out = out_;
  fileEnd = outEnd;
  restarts = 0;
  beginInterval();
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
function configure(
  width_: i32,
  height_: i32,
  format_: i32,
  sampling_: i32,
  quality_: i32,
  restart_: i32,
): void {
  assert(width_ > 0 && width_ <= <i32>WIDTH_MAX && height_ > 0 && height_ <= <i32>HEIGHT_MAX, "size of a frame");
  const isColour = format_ == Format.RGB565 || format_ == Format.YUYV || format_ == Format.BAYER;
  assert(isColour || format_ == Format.GRAY, "format of a frame");
  assert(format_ != Format.YUYV || !(width_ & 1), "width of a YUYV frame");
  assert(sampling_ >= Sampling.S444 && sampling_ <= Sampling.S422, "sampling");
  assert(quality_ >= 1 && quality_ <= 100, "quality");
  assert(restart_ >= 0 && restart_ <= RESTART_MAX, "restart interval");
  width = width_;
  height = height_;
  format = format_;
  sampling = sampling_;
  restart = restart_;
  if (quality == 0) {
    buildCodes();
    buildMultipliers();
    buildColours();
    buildBayer();
  }
  if (quality != quality_) buildScales(quality_, FRACTION_BITS);
  quality = quality_;
  precise = isFine(quality_);

  conversion = isColour ? conversionTo444(format_) + sampling_ : Conversion.GRAY;
  isWide = precise && (format_ == Format.RGB565 || format_ == Format.BAYER);
  pixelSize = pixelBytes(format_);
  stride = <usize>width_ * pixelSize;

  components = isColour ? 3 : 1;
  acrossBits = <i32>(isColour && sampling_ != Sampling.S444);
  downBits = <i32>(isColour && sampling_ == Sampling.S420);
  mcuWidth = 8 << acrossBits;
  mcuHeight = 8 << downBits;
  const lumaBlocks = 1 << (acrossBits + downBits);
  mcuBlocks = lumaBlocks + components - 1;
  groupBlocks = mcuBlocks * (GROUP_WIDTH / mcuWidth);
  const zero = precise ? 0 : (128 * 64) << FRACTION_BITS;
  const cut = format_ == Format.RGB565 && !precise;
  setComponent(0, LUMA, cut ? zero - RGB565_LUMA_SHORT : zero);
  setComponent(1, CHROMA, zero);
  setComponent(2, CHROMA, zero);
  for (let n = 0; n < <i32>groupBlocks; n++) {
    // Both halves of a pair belong to the one MCU of a group, or each to one of the two.
    if (acrossBits) setBlock(n, max(n - lumaBlocks + 1, 0), n >> 1, (n & 1) != 0);
    else setBlock(n, n % components, n % components, n >= components);
  }
  const lumaShape = 1 << acrossBits << 4 | 1 << downBits;
  headerBytes = writeHeader(HEADER, width, height, components, lumaShape, quality, restart) - HEADER;
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
  y += mcuHeight;
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
  isRowSafe = !inPlace;
  if (format == Format.BAYER) {
    takeBayerRows(rowPixels, stride, y == 0, mcuHeight, height - y);
    rowPixels = BAYER_PIXELS;
    isRowSafe = true;
  }
  limit = isRowSafe ? limitBelow() : min(rowPixels, fileEnd);
}

/** The limit where the pixels of this row of MCUs need not be kept. */
function limitBelow(): usize {
  const below = y + mcuHeight;
  return inPlace && below < height ? min(pixels + <usize>below * stride, fileEnd) : fileEnd;
}

/** Copies the pixels of this row of MCUs out of the file's way, if they are in it. Answers whether it did. */
function makeRoom(): bool {
  if (isRowSafe) return false;
  copy(STRIP, rowPixels, <usize>min(mcuHeight, height - y) * stride);
  rowPixels = STRIP;
  isRowSafe = true;
  limit = limitBelow();
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
  const blocks = width - x > mcuWidth ? groupBlocks : mcuBlocks;
  if (precise) transformPrecisely(blocks);
  else transform(groupBlocks / 2);
  if (restart == 0) return encodeBlocks(0, blocks);
  for (let first: usize = 0; first < blocks; first += mcuBlocks) {
    if (untilRestart == 0 && !endInterval()) return false;
    untilRestart--;
    if (!encodeBlocks(first, first + mcuBlocks)) return false;
  }
  return true;
}

/** Encodes the group's blocks from number `first` to before `end`. Answers whether they fitted. */
// @ts-ignore: decorator
@inline
function encodeBlocks(first: usize, end: usize): bool {
  encode(first, end);
  const bytes = load<usize>(CODED_BYTES);
  // At worst each byte has a zero behind it; only where that would not fit they are counted.
  if (bytes * 2 > limit - out && !fits(stuffedBytes(bytes))) return false;
  out = append(out);
  return true;
}

/** Begins what can be decoded without what is before it. */
function beginInterval(): void {
  untilRestart = restart;
  for (let n = 0; n < components; n++) resetComponent(n);
  startBits();
}

/** Writes the last bits of an interval, leaving room for a marker of so many bytes. Answers whether they fitted. */
function writeLastBits(markerBytes: usize): bool {
  const bytes = endBits();
  if (!fits(stuffedBytes(bytes) + markerBytes)) return false;
  out = appendBytes(out, load<u32>(CODED), bytes);
  return true;
}

/** Ends an interval with a restart marker and begins the next. Answers whether that fitted. */
function endInterval(): bool {
  if (!writeLastBits(RESTART_BYTES)) return false;
  out = writeRestart(out, restarts++);
  beginInterval();
  return true;
}

/** Makes samples of the pixels of the group at `x`. */
function convert(): void {
  const from = rowPixels + <usize>x * pixelSize;
  const isWhole = width - x >= GROUP_WIDTH && height - y >= mcuHeight;
  if (isWhole && !isWide) return convertWhole(from, stride);
  const across = min(width - x, GROUP_WIDTH);
  const down = min(height - y, mcuHeight);
  if (format == Format.BAYER) {
    widenBayer(from, across, down, mcuHeight);
    sampleWide(acrossBits, downBits);
  } else if (isWide) {
    widenRgb565(from, stride, across, down, mcuHeight);
    sampleWide(acrossBits, downBits);
  } else {
    patch(from, stride, across, down, GROUP_WIDTH, mcuHeight, format);
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
    case Conversion.RGB565_422:
      return rgb565To422(from, fromStride);
    case Conversion.YUYV_444:
      return yuyvTo444(from, fromStride);
    case Conversion.YUYV_420:
      return yuyvTo420(from, fromStride);
    case Conversion.YUYV_422:
      return yuyvTo422(from, fromStride);
    case Conversion.BAYER_444:
      return bayerTo444(from);
    case Conversion.BAYER_420:
      return bayerTo420(from);
    case Conversion.BAYER_422:
      return bayerTo422(from);
    default:
      unreachable();
  }
}

/** Writes the last bits and the end of the file. Answers whether they fitted. */
function finish(): bool {
  if (!writeLastBits(TRAILER_BYTES)) return false;
  out = writeTrailer(out);
  return true;
}
