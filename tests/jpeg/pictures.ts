/**
 * Pictures for the encoder's tests: where they come from, their pixels in the sensor's formats, and what those pixels
 * mean in 8-bit red, green and blue, which is what decoded files are compared with.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { bayerChannel, bayerColours } from "../../host/scenes/pixels.ts";
import type { Random } from "../../host/simulated/random.ts";

export type Format = "gray" | "rgb565" | "yuyv" | "bayer";
export const FORMATS: Format[] = ["gray", "rgb565", "yuyv", "bayer"];

/** 8 bits a channel, row by row: three channels, or one of gray. */
export interface Picture {
  width: number;
  height: number;
  channels: 1 | 3;
  data: Uint8Array;
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const PHOTOGRAPHS = ["astronaut", "cat", "coffee", "rocket"];

export async function photograph(name: string): Promise<Picture> {
  const { data, info } = await sharp(file(`../../host/scenes/photos/${name}.jpg`))
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 3, data };
}

/** The picture of the benchmark, as the sensor would give it. */
export function benchPixels(): Uint8Array {
  return readFileSync(file("../media/bench-320x240.rgb565"));
}

function draw(width: number, height: number, colour: (x: number, y: number) => number[]): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i += 3) data.set(colour(x, y), i);
  return { width, height, channels: 3, data };
}

export function noise(width: number, height: number, random: Random): Picture {
  return draw(width, height, () => [random.between(0, 255), random.between(0, 255), random.between(0, 255)]);
}

/** Soft colours with some grain: as much detail as photographs have, in any size. */
export function gradient(width: number, height: number, random: Random): Picture {
  const phase = [random.between(0, 99), random.between(0, 99), random.between(0, 99)];
  const wave = (x: number, y: number, p: number, n: number): number =>
    Math.round(128 + 100 * Math.sin((x * (n + 1) + p) / 17) * Math.cos((y - p) / 23));
  return draw(width, height, (x, y) => phase.map((p, n) => wave(x, y, p, n) + random.between(0, 7)));
}

export function flat(width: number, height: number, colour: number[]): Picture {
  return draw(width, height, () => colour);
}

/** Rows of a letter a digit and a sign of 5 x 7 dots, the leftmost in bit 4. */
const GLYPHS = [
  [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
  [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
  [0b00001, 0b00010, 0b00100, 0b00100, 0b01000, 0b10000, 0b00000],
];

/** Text, black on white, red on yellow on every third line. */
export function text(width: number, height: number): Picture {
  return draw(width, height, (x, y) => {
    const line = Math.floor(y / 9);
    const glyph = GLYPHS[(Math.floor(x / 6) + line) % GLYPHS.length];
    const isInk = x % 6 < 5 && y % 9 < 7 && ((glyph[y % 9] >> (4 - (x % 6))) & 1) === 1;
    if (line % 3 === 2) return isInk ? [200, 0, 0] : [255, 240, 120];
    return isInk ? [0, 0, 0] : [255, 255, 255];
  });
}

/** A picture in another size. */
export async function resized({ width, height, channels, data }: Picture, w: number, h: number): Promise<Picture> {
  const scaled = sharp(data, { raw: { width, height, channels } }).resize(w, h, { fit: "fill" });
  return { width: w, height: h, channels, data: await scaled.raw().toBuffer() };
}

/** A part of a picture. */
export function crop({ width, channels, data }: Picture, w: number, h: number, x = 0, y = 0): Picture {
  const part = new Uint8Array(w * h * channels);
  for (let row = 0; row < h; row++) {
    const from = ((y + row) * width + x) * channels;
    part.set(data.subarray(from, from + w * channels), row * w * channels);
  }
  return { width: w, height: h, channels, data: part };
}

const byte = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));
const luma = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

/** The pixels of a picture as a sensor delivers them. The width must be even for YUYV. */
export function pixelsOf({ width, height, data }: Picture, format: Format): Uint8Array {
  const count = width * height;
  const out = new Uint8Array(format === "gray" || format === "bayer" ? count : count * 2);
  for (let i = 0; i < count; i++) {
    const [r, g, b] = data.subarray(i * 3, i * 3 + 3);
    if (format === "gray") out[i] = byte(luma(r, g, b));
    else if (format === "bayer") out[i] = data[i * 3 + bayerChannel(i % width, Math.floor(i / width))];
    else if (format === "rgb565") {
      const word = ((r >> 3) << 11) | ((g >> 2) << 5) | (b >> 3);
      out[2 * i] = word & 255;
      out[2 * i + 1] = word >> 8;
    } else {
      out[2 * i] = byte(luma(r, g, b));
      const first = (i & ~1) * 3;
      const [r2, g2, b2] = [0, 1, 2].map((n) => (data[first + n] + data[first + 3 + n]) / 2);
      const y = luma(r2, g2, b2);
      out[2 * i + 1] = byte(128 + (i & 1 ? (r2 - y) / 1.402 : (b2 - y) / 1.772));
    }
  }
  return out;
}

/** What pixels mean. RGB565 is widened by repeating its upper bits. */
export function pictureOf(pixels: Uint8Array, width: number, height: number, format: Format): Picture {
  const count = width * height;
  if (format === "gray") return { width, height, channels: 1, data: pixels };
  const data = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    if (format === "rgb565") {
      const word = pixels[2 * i] | (pixels[2 * i + 1] << 8);
      const [r, g, b] = [word >> 11, (word >> 5) & 63, word & 31];
      data.set([(r << 3) | (r >> 2), (g << 2) | (g >> 4), (b << 3) | (b >> 2)], i * 3);
    } else if (format === "bayer") {
      data.set(bayerColours(pixels, width, height, i % width, Math.floor(i / width)), i * 3);
    } else {
      const first = (i & ~1) * 2;
      const [y, cb, cr] = [pixels[2 * i], pixels[first + 1] - 128, pixels[first + 3] - 128];
      data.set([byte(y + 1.402 * cr), byte(y - 0.344136 * cb - 0.714136 * cr), byte(y + 1.772 * cb)], i * 3);
    }
  }
  return { width, height, channels: 3, data };
}

/** Decodes a file with libjpeg-turbo, to which a warning is a failure, and checks its geometry. */
export async function decode(jpeg: Buffer, { width, height, channels }: Picture): Promise<Picture> {
  const { data, info } = await sharp(jpeg, { failOn: "warning" })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.width !== width || info.height !== height || info.channels !== channels) {
    throw new Error(`decoded ${info.width}x${info.height}x${info.channels}, not ${width}x${height}x${channels}`);
  }
  return { width, height, channels, data };
}

/** What libjpeg-turbo's own encoder makes of a picture with the standard tables. It has no 4:2:2. */
export function reference(picture: Picture, quality: number, sampling: string): Promise<Buffer> {
  const { width, height, channels, data } = picture;
  return sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .jpeg({
      quality,
      chromaSubsampling: sampling,
      mozjpeg: false,
      optimiseCoding: false,
      trellisQuantisation: false,
      overshootDeringing: false,
      quantisationTable: 0,
    })
    .toBuffer();
}

/** Peak signal-to-noise ratio over all channels, in decibels. */
export function psnr(a: Picture, b: Picture): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] - b.data[i]) ** 2;
  return sum === 0 ? Infinity : 10 * Math.log10((255 * 255 * a.data.length) / sum);
}
