/** Conversions between RGB pictures (three bytes a pixel) and the formats that a sensor delivers. */

import { Format } from "../board-table.ts";

/** A picture of three bytes a pixel: red, green, blue. */
export type Rgb = { readonly width: number; readonly height: number; readonly bytes: Uint8Array };

export function bytesPerPixel(format: Format): 1 | 2 {
  return format === Format.GRAY || format === Format.BAYER ? 1 : 2;
}

/** A picture as a sensor delivers it; of a YUYV picture the width is even. */
export function toFormat(picture: Rgb, format: Format): Uint8Array {
  const pixels = picture.width * picture.height;
  const out = new Uint8Array(pixels * bytesPerPixel(format));
  switch (format) {
    case Format.GRAY:
      grayFromRgb(picture.bytes, out);
      break;
    case Format.RGB565:
      rgb565FromRgb(picture.bytes, out);
      break;
    case Format.YUYV:
      yuyvFromRgb(picture.bytes, out);
      break;
    case Format.BAYER:
      bayerFromRgb(picture, out);
      break;
  }
  return out;
}

/** What a perfect decoder would show of a sensor's frame: the source that JPEG files are measured against. */
export function fromFormat(pixels: Uint8Array, width: number, height: number, format: Format): Rgb {
  const bytes = new Uint8Array(width * height * 3);
  switch (format) {
    case Format.GRAY:
      for (let i = 0; i < pixels.length; i++) bytes.fill(pixels[i], i * 3, i * 3 + 3);
      break;
    case Format.RGB565:
      for (let i = 0, at = 0; i < pixels.length; i += 2, at += 3) {
        const word = pixels[i] | (pixels[i + 1] << 8);
        const red = word >> 11;
        const green = (word >> 5) & 63;
        const blue = word & 31;
        bytes[at] = (red << 3) | (red >> 2);
        bytes[at + 1] = (green << 2) | (green >> 4);
        bytes[at + 2] = (blue << 3) | (blue >> 2);
      }
      break;
    case Format.YUYV:
      for (let i = 0, at = 0; i < pixels.length; i += 4, at += 6) {
        rgbFromYcc(bytes, at, pixels[i], pixels[i + 1], pixels[i + 3]);
        rgbFromYcc(bytes, at + 3, pixels[i + 2], pixels[i + 1], pixels[i + 3]);
      }
      break;
    case Format.BAYER:
      for (let y = 0, at = 0; y < height; y++) {
        for (let x = 0; x < width; x++, at += 3) bytes.set(bayerColours(pixels, width, height, x, y), at);
      }
      break;
  }
  return { width, height, bytes };
}

// The weights of JFIF 1.02, page 3.

function luma(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : Math.round(value);
}

function grayFromRgb(rgb: Uint8Array, out: Uint8Array): void {
  for (let i = 0, at = 0; at < out.length; i += 3, at++) out[at] = clamp(luma(rgb[i], rgb[i + 1], rgb[i + 2]));
}

function rgb565FromRgb(rgb: Uint8Array, out: Uint8Array): void {
  for (let i = 0, at = 0; at < out.length; i += 3, at += 2) {
    const word = ((rgb[i] >> 3) << 11) | ((rgb[i + 1] >> 2) << 5) | (rgb[i + 2] >> 3);
    out[at] = word & 255;
    out[at + 1] = word >> 8;
  }
}

/** Both pixels of a pair share the chroma of their mean. */
function yuyvFromRgb(rgb: Uint8Array, out: Uint8Array): void {
  for (let i = 0, at = 0; at < out.length; i += 6, at += 4) {
    const red = (rgb[i] + rgb[i + 3]) / 2;
    const green = (rgb[i + 1] + rgb[i + 4]) / 2;
    const blue = (rgb[i + 2] + rgb[i + 5]) / 2;
    const mean = luma(red, green, blue);
    out[at] = clamp(luma(rgb[i], rgb[i + 1], rgb[i + 2]));
    out[at + 1] = clamp(128 + (blue - mean) / 1.772);
    out[at + 2] = clamp(luma(rgb[i + 3], rgb[i + 4], rgb[i + 5]));
    out[at + 3] = clamp(128 + (red - mean) / 1.402);
  }
}

/** Which of red, green and blue (0, 1, 2) a Bayer pixel has: blue and green in even rows, green and red in odd ones. */
export function bayerChannel(x: number, y: number): 0 | 1 | 2 {
  return (2 - (x & 1) - (y & 1)) as 0 | 1 | 2;
}

function bayerFromRgb({ width, bytes }: Rgb, out: Uint8Array): void {
  for (let i = 0; i < out.length; i++) out[i] = bytes[i * 3 + bayerChannel(i % width, Math.floor(i / width))];
}

/** A Bayer pixel's colours: those that it lacks are the mean of its nearest neighbours', mirrored at the edges. */
export function bayerColours(pixels: Uint8Array, width: number, height: number, x: number, y: number): number[] {
  const sums = [0, 0, 0];
  const counts = [0, 0, 0];
  for (let v = y - 1; v <= y + 1; v++) {
    for (let u = x - 1; u <= x + 1; u++) {
      const channel = bayerChannel(u, v);
      const isOwn = u === x && v === y;
      if (channel === bayerChannel(x, y) && !isOwn) continue;
      sums[channel] += pixels[mirrored(v, height) * width + mirrored(u, width)];
      counts[channel]++;
    }
  }
  return sums.map((sum, channel) => clamp(sum / counts[channel]));
}

/** A place up to one beyond either end; a single one is its own neighbour. */
function mirrored(at: number, size: number): number {
  if (size === 1) return 0;
  return at < 0 ? -at : at < size ? at : 2 * size - 2 - at;
}

function rgbFromYcc(out: Uint8Array, at: number, y: number, cb: number, cr: number): void {
  out[at] = clamp(y + 1.402 * (cr - 128));
  out[at + 1] = clamp(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128));
  out[at + 2] = clamp(y + 1.772 * (cb - 128));
}
