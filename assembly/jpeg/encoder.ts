/**
 * The JPEG encoder: one frame at a time, in place over its pixels, a slice a call.
 *
 * Baseline JFIF from gray, RGB565 and YUYV pixels of any size up to limits.ts's, at qualities of 1 to 100. A slice takes
 * at most one row of MCUs (the smallest part of a picture that JPEG knows: 8 x 8 or 16 x 16 pixels). Where things are:
 * `memory.ts`. How an MCU goes: `window.ts` finds its pixels, `colour.ts` makes samples of them, `transform.ts`
 * coefficients, `entropy.ts` the file's bits; the last two meet in `mcu.ts`. This file knows how far it is, and that the
 * file stays where it may.
 *
 * In place, the file grows from before the pixels over those that were read. It is shorter than they are, so that it
 * falls behind; only near the beginning, and in noise, it catches up with the row of MCUs that is being read. Then that
 * row's pixels are copied out of its way first. What would reach into the next row is given up.
 */

import { Format } from "../board";
import { HEIGHT_MAX, WIDTH_MAX } from "../limits";
import {
  RGB565_LUMA_SHORT,
  buildColours,
  grayToLuma,
  rgb565To420,
  rgb565To444,
  yuyvTo420,
  yuyvTo444,
} from "./colour";
import { flush, startBits } from "./entropy";
import { writeHeader, writeTrailer } from "./header";
import { encodeMcu, setComponent } from "./mcu";
import { AC_CODES, OUT_AT, OVERFLOW_AREA, OVERFLOW_BYTES, PATCH, STRIP, WINDOW } from "./memory";
import { rgb565Precisely } from "./precise";
import { CHROMA, LUMA, buildCodes, buildScales, isFine } from "./tables";
import { FRACTION_BITS, buildMultipliers } from "./transform";
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
  /** The next MCU is that at `column`, `row`. */
  ENCODING,
}

/** Bytes of an MCU of six blocks at most: each with 22 bits of DC and 63 x 26 of AC, and a zero after every byte. */
const MCU_BYTES_MAX: usize = 6 * 2 * ((22 + 63 * 26 + 7) / 8) + 8;
/** Blocks that a slice encodes: the row of QVGA. */
const SLICE_BLOCKS: i32 = 120;

if (MCU_BYTES_MAX > OVERFLOW_BYTES) ERROR("an MCU must fit the area that it goes to when it may not fit the file");
if (AC_CODES > WINDOW || STRIP > WINDOW || OVERFLOW_AREA > WINDOW) ERROR("the encoder's memory must be in its window");

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

/** Pixels of an MCU across and down, and how many MCUs and blocks of them there are. */
let mcuSize: i32 = 0;
let mcuColumns: i32 = 0;
let mcuRows: i32 = 0;
let mcuBlocks: i32 = 0;
let components: i32 = 0;
/** The next MCU. */
let column: i32 = 0;
let row: i32 = 0;
/** Where the pixels of its row are: in the frame, or in STRIP. */
let rowPixels: usize = 0;

let file: usize = 0;
let fileEnd: usize = 0;
let fileBytes: u32 = 0;
/** Whether the file grows over the pixels. */
let inPlace: bool = false;
/** The first byte that the file must not reach for now. */
let limit: usize = 0;

/**
 * Begins a frame; one that was not finished is forgotten.
 *
 * The file goes from `out` to `outEnd` at most, no byte beyond. Both memories are apart, or `out` is at or before
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
  out: usize,
  outEnd: usize,
): void {
  assert(width_ > 0 && width_ <= <i32>WIDTH_MAX && height_ > 0 && height_ <= <i32>HEIGHT_MAX, "size of a frame");
  assert(format_ == Format.GRAY || format_ == Format.RGB565 || format_ == Format.YUYV, "format of a frame");
  assert(format_ != Format.YUYV || !(width_ & 1), "width of a YUYV frame");
  assert(quality >= 1 && quality <= 100, "quality");
  const pixelsEnd = pixels_ + <usize>(width_ * height_) * pixelBytes(format_);
  assert(pixelsEnd <= WINDOW && outEnd <= WINDOW && out <= outEnd, "frame and file are in the encoder's window");
  inPlace = pixels_ < outEnd && out < pixelsEnd;
  assert(!inPlace || out <= pixels_, "the file begins behind the first pixel");

  pixels = pixels_;
  width = width_;
  height = height_;
  format = format_;
  sampling = sampling_;
  stride = <usize>width_ * pixelBytes(format_);
  file = out;
  fileEnd = outEnd;

  const gray = format_ == Format.GRAY;
  const quarterChroma = !gray && sampling_ == Sampling.S420;
  mcuSize = quarterChroma ? 16 : 8;
  mcuColumns = (width_ + mcuSize - 1) / mcuSize;
  mcuRows = (height_ + mcuSize - 1) / mcuSize;
  mcuBlocks = gray ? 1 : quarterChroma ? 6 : 3;
  components = gray ? 1 : 3;

  setTables(quality);
  const zero = (128 * 64) << FRACTION_BITS;
  setComponent(0, quarterChroma ? 4 : 1, LUMA, format_ == Format.RGB565 && !precise ? zero - RGB565_LUMA_SHORT : zero);
  setComponent(1, 1, CHROMA, zero);
  setComponent(2, 1, CHROMA, zero);

  state = State.ENCODING;
  row = 0;
  beginRow();
  const end = writeHeader(OVERFLOW_AREA, width, height, components, quarterChroma ? 0x22 : 0x11, quality);
  startBits(file);
  if (!append(end - OVERFLOW_AREA)) state = State.IDLE;
}

/** Does the next part of the work. To be called until it answers otherwise than MORE. */
export function slice(): i32 {
  if (state == State.IDLE) return Progress.OVERFLOW;
  const end = min(column + SLICE_BLOCKS / mcuBlocks, mcuColumns);
  for (; column < end; column++) {
    if (!encodeNext()) {
      state = State.IDLE;
      return Progress.OVERFLOW;
    }
  }
  if (column < mcuColumns) return Progress.MORE;
  row++;
  if (row < mcuRows) {
    beginRow();
    return Progress.MORE;
  }
  state = State.IDLE;
  return finish() ? Progress.DONE : Progress.OVERFLOW;
}

/** Bytes of the finished file. */
export function length(): u32 {
  return fileBytes;
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
  column = 0;
  rowPixels = pixels + <usize>(row * mcuSize) * stride;
  limit = inPlace ? min(rowPixels, fileEnd) : fileEnd;
}

/** How many rows of pixels the row of MCUs has. */
function rowsThere(): i32 {
  return min(mcuSize, height - row * mcuSize);
}

/** Copies the pixels of this row of MCUs out of the file's way, if they are in it. Answers whether it did. */
function makeRoom(): bool {
  if (!inPlace || rowPixels == STRIP) return false;
  const bytes = <usize>rowsThere() * stride;
  evacuate(rowPixels, bytes);
  limit = row + 1 < mcuRows ? min(rowPixels + bytes, fileEnd) : fileEnd;
  rowPixels = STRIP;
  return true;
}

/** Encodes the MCU at `column`. Answers whether it fitted. */
function encodeNext(): bool {
  convert();
  const at = load<usize>(OUT_AT);
  if (limit - at >= MCU_BYTES_MAX) {
    encodeMcu(<usize>components, precise);
    return true;
  }
  store<usize>(OUT_AT, OVERFLOW_AREA);
  encodeMcu(<usize>components, precise);
  const bytes = load<usize>(OUT_AT) - OVERFLOW_AREA;
  store<usize>(OUT_AT, at);
  return append(bytes);
}

/** Appends bytes of OVERFLOW_AREA to the file. Answers whether they fitted. */
function append(bytes: usize): bool {
  const at = load<usize>(OUT_AT);
  if (bytes > limit - at && !(makeRoom() && bytes <= limit - at)) return false;
  memory.copy(at, OVERFLOW_AREA, bytes);
  store<usize>(OUT_AT, at + bytes);
  return true;
}

/** Makes samples of the pixels of the MCU at `column`. */
function convert(): void {
  const x = column * mcuSize;
  let from = rowPixels + <usize>x * pixelBytes(format);
  let fromStride = stride;
  const across = min(mcuSize, width - x);
  const down = rowsThere();
  if (across < mcuSize || down < mcuSize) {
    patch(from, stride, across, down, mcuSize, format);
    from = PATCH;
    fromStride = <usize>mcuSize * pixelBytes(format);
  }
  if (format == Format.GRAY) grayToLuma(from, fromStride);
  else if (format == Format.RGB565) {
    if (precise) rgb565Precisely(from, fromStride, sampling == Sampling.S420 ? 1 : 0);
    else if (sampling == Sampling.S420) rgb565To420(from, fromStride);
    else rgb565To444(from, fromStride);
  } else {
    if (sampling == Sampling.S420) yuyvTo420(from, fromStride);
    else yuyvTo444(from, fromStride);
  }
}

/** Writes the last bits and the end of the file. Answers whether they fitted. */
function finish(): bool {
  const at = load<usize>(OUT_AT);
  store<usize>(OUT_AT, OVERFLOW_AREA);
  flush();
  const bytes = writeTrailer(load<usize>(OUT_AT)) - OVERFLOW_AREA;
  store<usize>(OUT_AT, at);
  if (!append(bytes)) return false;
  fileBytes = <u32>(load<usize>(OUT_AT) - file);
  return true;
}
