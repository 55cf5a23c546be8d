/**
 * The scene: pictures, and the path on which a soft sensor's window moves over them. Written once here; Node's soft
 * sensor and the emulated board play the same bytes, so neither computes anything but where a frame begins.
 *
 * All numbers little-endian:
 *
 *     "WCSC" · u8 version = 1 · u8 format · u16 width · u16 height            the sensor's frame
 *     u16 pictureWidth · u16 pictureHeight · u16 pictures · u32 frames        each side at least the frame's
 *     frames x { u16 picture · u16 x · u16 y }                                frame n shows the window at n % frames
 *     zeros up to a multiple of 4
 *     pictures x pixels, row by row without gaps
 *
 * Of JPEG files, which are played untouched, the window is the picture, and behind the zeros come
 *
 *     pictures x u32 end · pictures x file       where each file ends, counted from where the first one begins
 */

import { Format } from "../board-table.ts";
import { COUNTER_END, drawPattern } from "./pattern.ts";
import { findPhotos, loadPhoto, PHOTOS_FOLDER, readFiles } from "./photos.ts";
import { bytesPerPixel, toFormat } from "./pixels.ts";
import { SceneError } from "./scene-error.ts";

export { PHOTOS_FOLDER, SceneError };

/** The scene that is drawn, not photographed. */
export const PATTERN = "pattern";

/** The largest frame that a camera takes. */
export const WIDTH_MAX = 1280;
export const HEIGHT_MAX = 960;

/** What the emulated board has memory for. */
export const BOARD_SCENE_BYTES_MAX = 7_000_000;

const MAGIC = "WCSC";
const VERSION = 1;
const HEADER_BYTES = 20;
const STEP_BYTES = 6;

/** Frames for which the window stays on one photograph; its path ends where it began. */
const PHOTO_FRAMES = 240;
/** How much larger than the frame a photograph is made, the widest that leaves room for two of them. */
const MARGINS = [1 / 4, 1 / 8, 1 / 16];
/** Frames of the test scene before it starts anew. */
const PATTERN_FRAMES_MAX = 3600;

export type SceneWish = {
  /** A folder of photographs, or {@link PATTERN}. */
  scene: string;
  /** Pixels, 1 to {@link WIDTH_MAX}; even for YUYV. */
  width: number;
  /** Rows, 1 to {@link HEIGHT_MAX}. */
  height: number;
  format: Format;
  /** The whole scene's bytes at most. */
  bytesMax?: number;
};

/** Where the window is in one frame. */
type Step = { picture: number; x: number; y: number };

/** Checks a frame's size. @returns what is wrong with it, or undefined */
export function sizeProblem(width: number, height: number, format: Format): string | undefined {
  const sides = Number.isInteger(width) && Number.isInteger(height);
  if (!sides || width < 1 || height < 1 || width > WIDTH_MAX || height > HEIGHT_MAX) {
    return `the size ${width}x${height} is not within 1x1 and ${WIDTH_MAX}x${HEIGHT_MAX}`;
  }
  if (format === Format.YUYV && width % 2 !== 0) return `the width ${width} is odd, which yuyv can't be`;
  return undefined;
}

/** Makes a scene's bytes. @throws SceneError */
export async function renderScene(wish: SceneWish): Promise<Buffer> {
  const problem = sizeProblem(wish.width, wish.height, wish.format);
  if (problem) throw new SceneError(problem);
  return wish.scene === PATTERN ? renderPattern(wish) : renderPhotos(wish);
}

function renderPattern({ width, height, format, bytesMax = BOARD_SCENE_BYTES_MAX }: SceneWish): Buffer {
  const frameBytes = width * height * bytesPerPixel(format);
  const room = Math.floor((bytesMax - HEADER_BYTES - 3) / (frameBytes + STEP_BYTES));
  const frames = Math.max(1, Math.min(room, PATTERN_FRAMES_MAX, COUNTER_END));
  const path: Step[] = [];
  const pictures: Uint8Array[] = [];
  for (let n = 0; n < frames; n++) {
    path.push({ picture: n, x: 0, y: 0 });
    pictures.push(toFormat(drawPattern(width, height, n, frames), format));
  }
  return writeScene({ width, height, format, pictureWidth: width, pictureHeight: height, path, pictures });
}

async function renderPhotos({ scene, width, height, format, bytesMax }: SceneWish): Promise<Buffer> {
  const files = await findPhotos(scene);
  const { pictureWidth, pictureHeight, count } = photoPlan(
    width,
    height,
    format,
    files.length,
    bytesMax ?? BOARD_SCENE_BYTES_MAX,
  );
  const path: Step[] = [];
  const pictures: Uint8Array[] = [];
  for (let picture = 0; picture < count; picture++) {
    pictures.push(toFormat(await loadPhoto(files[picture], pictureWidth, pictureHeight), format));
    for (let n = 0; n < PHOTO_FRAMES; n++) {
      path.push({ picture, ...windowAt(n / PHOTO_FRAMES, pictureWidth - width, pictureHeight - height, format) });
    }
  }
  return writeScene({ width, height, format, pictureWidth, pictureHeight, path, pictures });
}

/** How large photographs are made, and how many fit: as large as lets two of them in, then as many as can be. */
function photoPlan(width: number, height: number, format: Format, files: number, bytesMax: number) {
  for (const margin of MARGINS) {
    const pictureWidth = Math.ceil((width * (1 + margin)) / 2) * 2;
    const pictureHeight = Math.ceil(height * (1 + margin));
    const bytes = pictureWidth * pictureHeight * bytesPerPixel(format) + PHOTO_FRAMES * STEP_BYTES;
    const count = Math.min(files, Math.floor((bytesMax - HEADER_BYTES - 3) / bytes));
    if (count >= Math.min(files, 2)) return { pictureWidth, pictureHeight, count };
  }
  throw new SceneError(`photographs of ${width}x${height} do not fit ${bytesMax} bytes`);
}

/** The window's place at `turn` (0 to 1) of its round: a smooth closed figure that touches all sides of the margin. */
function windowAt(turn: number, marginX: number, marginY: number, format: Format): { x: number; y: number } {
  const x = Math.round((marginX * (1 - Math.cos(2 * Math.PI * turn))) / 2);
  const y = Math.round((marginY * (1 - Math.cos(4 * Math.PI * turn))) / 2);
  // Pairs of YUYV pixels, and the 2 x 2 of Bayer, stay together.
  if (format === Format.YUYV) return { x: x & ~1, y };
  return format === Format.BAYER ? { x: x & ~1, y: y & ~1 } : { x, y };
}

/** Makes a scene of a folder's JPEG files, one after another, untouched. @throws SceneError */
export async function sceneOfFiles(folder: string, bytesMax = BOARD_SCENE_BYTES_MAX): Promise<Buffer> {
  const { width, height, files } = await readFiles(folder);
  const problem = sizeProblem(width, height, Format.JPEG);
  if (problem) throw new SceneError(`${folder}: ${problem}`);
  let end = 0;
  const ends = Buffer.concat(
    files.map((file) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE((end += file.length));
      return bytes;
    }),
  );
  const path = files.map((_, picture) => ({ picture, x: 0, y: 0 }));
  const parts = { width, height, format: Format.JPEG, pictureWidth: width, pictureHeight: height, path };
  const scene = writeScene({ ...parts, pictures: files }, ends);
  if (scene.length > bytesMax) throw new SceneError(`the files in ${folder} are more than ${bytesMax} bytes`);
  return scene;
}

/** Makes a scene of one frame, which stands still. */
export function sceneOfFrame(pixels: Uint8Array, width: number, height: number, format: Format): Buffer {
  const path = [{ picture: 0, x: 0, y: 0 }];
  return writeScene({ width, height, format, pictureWidth: width, pictureHeight: height, path, pictures: [pixels] });
}

type SceneParts = {
  width: number;
  height: number;
  format: Format;
  pictureWidth: number;
  pictureHeight: number;
  path: Step[];
  pictures: Uint8Array[];
};

function writeScene(parts: SceneParts, beforePictures = Buffer.alloc(0)): Buffer {
  const pathEnd = HEADER_BYTES + parts.path.length * STEP_BYTES;
  const head = Buffer.alloc(pathEnd + (-pathEnd & 3));
  head.write(MAGIC, 0, "latin1");
  head.writeUInt8(VERSION, 4);
  head.writeUInt8(parts.format, 5);
  head.writeUInt16LE(parts.width, 6);
  head.writeUInt16LE(parts.height, 8);
  head.writeUInt16LE(parts.pictureWidth, 10);
  head.writeUInt16LE(parts.pictureHeight, 12);
  head.writeUInt16LE(parts.pictures.length, 14);
  head.writeUInt32LE(parts.path.length, 16);
  parts.path.forEach(({ picture, x, y }, n) => {
    const at = HEADER_BYTES + n * STEP_BYTES;
    head.writeUInt16LE(picture, at);
    head.writeUInt16LE(x, at + 2);
    head.writeUInt16LE(y, at + 4);
  });
  return Buffer.concat([head, beforePictures, ...parts.pictures]);
}

/** A scene that can be played. */
export class Scene {
  readonly format: Format;
  readonly width: number;
  readonly height: number;
  /** Frames before it starts anew. */
  readonly frames: number;
  /** A frame's bytes; of JPEG files the most. */
  readonly frameBytes: number;
  readonly #bytes: Buffer;
  readonly #pixelsAt: number;
  readonly #pictureRowBytes: number;
  readonly #pictureBytes: number;
  /** Of JPEG files: where each begins, and the last ends. */
  readonly #files: number[] = [];

  /** @param bytes as {@link renderScene} makes them @throws SceneError */
  constructor(bytes: Buffer) {
    if (bytes.length < HEADER_BYTES || bytes.toString("latin1", 0, 4) !== MAGIC || bytes.readUInt8(4) !== VERSION) {
      throw new SceneError("this is not a scene");
    }
    this.format = bytes.readUInt8(5);
    this.width = bytes.readUInt16LE(6);
    this.height = bytes.readUInt16LE(8);
    this.frames = bytes.readUInt32LE(16);
    this.#bytes = bytes;
    if (this.format === Format.JPEG) {
      const pictures = bytes.readUInt16LE(14);
      const endsAt = (HEADER_BYTES + this.frames * STEP_BYTES + 3) & ~3;
      this.#pixelsAt = endsAt + 4 * pictures;
      const ends = Array.from({ length: pictures }, (_, n) => this.#pixelsAt + bytes.readUInt32LE(endsAt + 4 * n));
      this.#files = [this.#pixelsAt, ...ends];
      this.#pictureRowBytes = this.#pictureBytes = 0;
      if (this.#files.at(-1) !== bytes.length) throw new SceneError("the scene is cut short");
      this.frameBytes = Math.max(...ends.map((end, n) => end - this.#files[n]));
      return;
    }
    this.frameBytes = this.width * this.height * bytesPerPixel(this.format);
    this.#pictureRowBytes = bytes.readUInt16LE(10) * bytesPerPixel(this.format);
    this.#pictureBytes = this.#pictureRowBytes * bytes.readUInt16LE(12);
    const pathEnd = HEADER_BYTES + this.frames * STEP_BYTES;
    this.#pixelsAt = pathEnd + (-pathEnd & 3);
    if (bytes.length !== this.#pixelsAt + bytes.readUInt16LE(14) * this.#pictureBytes) {
      throw new SceneError("the scene is cut short");
    }
  }

  /** Bytes of frame `n`. */
  bytesOf(n: number): number {
    if (this.format !== Format.JPEG) return this.frameBytes;
    const picture = this.pictureOf(n);
    return this.#files[picture + 1] - this.#files[picture];
  }

  /** Writes frame `n`, counted without end from 0, to `target` from byte `start` on. */
  copyFrame(n: number, target: Uint8Array, start: number): void {
    if (this.format === Format.JPEG) {
      const picture = this.pictureOf(n);
      this.#bytes.copy(target, start, this.#files[picture], this.#files[picture + 1]);
      return;
    }
    const step = HEADER_BYTES + (n % this.frames) * STEP_BYTES;
    const rowBytes = this.width * bytesPerPixel(this.format);
    let from =
      this.#pixelsAt +
      this.#bytes.readUInt16LE(step) * this.#pictureBytes +
      this.#bytes.readUInt16LE(step + 4) * this.#pictureRowBytes +
      this.#bytes.readUInt16LE(step + 2) * bytesPerPixel(this.format);
    for (let row = 0; row < this.height; row++) {
      this.#bytes.copy(target, start, from, from + rowBytes);
      from += this.#pictureRowBytes;
      start += rowBytes;
    }
  }

  /** Which picture frame `n` is a window of. */
  pictureOf(n: number): number {
    return this.#bytes.readUInt16LE(HEADER_BYTES + (n % this.frames) * STEP_BYTES);
  }

  /** Frame `n` by itself. */
  frame(n: number): Uint8Array {
    const pixels = new Uint8Array(this.bytesOf(n));
    this.copyFrame(n, pixels, 0);
    return pixels;
  }
}
