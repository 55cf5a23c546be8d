/**
 * The module's encoder, compiled by itself and driven as the capture task drives it, for tests.
 *
 * Memory outside the file's and the pixels' ranges is filled with a pattern around each frame, and looked at
 * afterwards: an encoder that writes where it must not is found out by whichever test does it.
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { type Format, type Picture, decode, pictureOf, pixelsOf } from "./pictures.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The encoder's enums. */
export const SAMPLINGS = { "4:4:4": 0, "4:2:0": 1, "4:2:2": 2 } as const;
export type Sampling = keyof typeof SAMPLINGS;
const FORMATS: Record<Format, number> = { gray: 0, rgb565: 1, yuyv: 2, bayer: 4 };
const PROGRESS = { MORE: 0, DONE: 1, OVERFLOW: 2 };

/** Pages of 64 KB: the encoder's window is the first 64 of them, and its guard looks a little beyond. */
const PAGES = 68;
/** Where tests put pixels and files: behind what the module itself has. */
const ARENA = 0x80000;
const ARENA_END = 0x3fff00;
/** Bytes on both sides of a file or of pixels that are checked to stay as they were. */
const MARGIN = 4096;
const MARGIN_BYTE = 0xa5;
const MARGIN_BYTES = new Uint8Array(MARGIN).fill(MARGIN_BYTE);

export interface Frame {
  pixels: Uint8Array;
  width: number;
  height: number;
  format: Format;
  sampling: Sampling;
  quality: number;
  /** MCUs between restart markers; left out, there are none. */
  restart?: number;
  /** In place: bytes before the pixels where the file begins. Left out: the file has its own memory. */
  headroom?: number;
  /** Bytes that the file may have; by default ample, in place up to the pixels' end. */
  room?: number;
}

export interface Encoded {
  /** The file; undefined if it was given up. */
  file: Buffer | undefined;
  /** How many slices it took. */
  slices: number;
}

/** What the module's encoder has, compiled by itself. */
export interface EncoderExports {
  memory: WebAssembly.Memory;
  begin(
    pixels: number,
    width: number,
    height: number,
    format: number,
    sampling: number,
    quality: number,
    restart: number,
    out: number,
    outEnd: number,
  ): void;
  slice(): number;
  length(): number;
}

/** Compiles one file of the module without the project's settings, whose entries would come with it. */
export async function compile(entry: string): Promise<WebAssembly.Module> {
  const folder = mkdtempSync(join(tmpdir(), "wasmcam-asc-"));
  try {
    const out = join(folder, "out.wasm");
    const options = ["--runtime", "stub", "--optimizeLevel", "3", "--memoryBase", "32768"];
    const memory = ["--initialMemory", `${PAGES}`, "--maximumMemory", `${PAGES}`];
    const files = ["--baseDir", ROOT, "--config", join(folder, "none.json"), "--outFile", out];
    const { error, stderr } = await asc.main([entry, ...options, ...memory, ...files]);
    if (error) throw new Error(stderr.toString());
    return await WebAssembly.compile(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export class Encoder {
  private constructor(private readonly exports: EncoderExports) {}

  static async load(): Promise<Encoder> {
    const module = await compile("assembly/jpeg/encoder.ts");
    const env = {
      abort(message: number, file: number, line: number): never {
        throw new Error(`assert failed at line ${line} (${message}, ${file})`);
      },
    };
    const { exports } = await WebAssembly.instantiate(module, { env });
    return new Encoder(exports as unknown as EncoderExports);
  }

  encode({ pixels, width, height, format, sampling, quality, restart = 0, headroom, room }: Frame): Encoded {
    const { memory, begin, slice, length } = this.exports;
    const bytes = new Uint8Array(memory.buffer);
    const inPlace = headroom !== undefined;
    const file = ARENA + MARGIN;
    const pixelsAt = inPlace ? file + headroom : ARENA_END - MARGIN - pixels.length;
    const pixelsEnd = pixelsAt + pixels.length;
    const fileEnd = room !== undefined ? file + room : inPlace ? pixelsEnd : pixelsAt - 2 * MARGIN;
    const lastEnd = Math.max(fileEnd, pixelsEnd);
    assert.ok(lastEnd + MARGIN <= ARENA_END && fileEnd + MARGIN <= ARENA_END, "the frame fits the test's memory");
    const margins = [ARENA, fileEnd, pixelsEnd];
    for (const at of margins) bytes.fill(MARGIN_BYTE, at, at + MARGIN);
    bytes.set(pixels, pixelsAt);

    begin(pixelsAt, width, height, FORMATS[format], SAMPLINGS[sampling], quality, restart, file, fileEnd);
    let slices = 0;
    let progress: number;
    do {
      progress = slice();
      slices++;
      assert.ok(slices <= 10_000, "it comes to an end");
    } while (progress === PROGRESS.MORE);

    const unwritten = (at: number): boolean => Buffer.compare(bytes.subarray(at, at + MARGIN), MARGIN_BYTES) === 0;
    assert.ok(unwritten(ARENA), "nothing is written before the file");
    assert.ok(unwritten(lastEnd), "nothing is written behind file and pixels");
    if (inPlace) {
      const beyond = bytes.subarray(Math.max(fileEnd, pixelsAt), pixelsEnd);
      const there = pixels.subarray(pixels.length - beyond.length);
      assert.ok(Buffer.compare(beyond, there) === 0, "nor past its end");
    } else {
      assert.ok(unwritten(fileEnd), "nothing is written behind the file");
      assert.ok(Buffer.compare(bytes.subarray(pixelsAt, pixelsEnd), pixels) === 0, "the pixels are only read");
    }
    if (progress === PROGRESS.OVERFLOW) return { file: undefined, slices };
    assert.equal(progress, PROGRESS.DONE);
    assert.ok(length() <= fileEnd - file, "the file ends where it must");
    return { file: Buffer.from(bytes.subarray(file, file + length())), slices };
  }

  /** Encodes in place and decodes. */
  async roundTrip(
    picture: Picture,
    format: Format,
    sampling: Sampling,
    quality: number,
  ): Promise<{ source: Picture; file: Buffer; decoded: Picture }> {
    const { width, height } = picture;
    const pixels = pixelsOf(picture, format);
    const { file } = this.encode({ pixels, width, height, format, sampling, quality });
    assert.ok(file, "there is a file");
    const source = pictureOf(pixels, width, height, format);
    return { source, file, decoded: await decode(file, source) };
  }
}
