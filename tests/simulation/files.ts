/**
 * The files that frames become, found without the camera: the module's encoder compiled by itself, driven frame by
 * frame. What goes between it and a viewer (buffers, slots, sockets) is what the simulation examines; that the
 * encoder is right is shown by `tests/jpeg.test.ts`.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Format } from "../../host/board-table.ts";
import type { EncoderExports } from "../jpeg/encoder.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const ASC = join(ROOT, "node_modules/assemblyscript/bin/asc.js");
/** What this folder's programs make and keep. */
export const BUILD = join(ROOT, "build/simulation");
const ENCODER = join(BUILD, "encoder.wasm");

/** The encoder wants its whole window of 64 pages, and looks a little beyond. */
const PAGES = 68;
/** Behind what the encoder itself has. */
const PIXELS = 0x180000;
const FILE = 0x80000;
const FILE_END = 0x17f000;
const MORE = 0;
const DONE = 1;
/** The encoder's enum. */
const SAMPLINGS: Record<string, number> = { "4:4:4": 0, "4:2:0": 1, "4:2:2": 2 };

export type Picture = { width: number; height: number; format: Format; pixels: Uint8Array };

export class Files {
  readonly #exports: EncoderExports;
  readonly #kept = new Map<string, Buffer>();
  #keptBytes = 0;

  private constructor(exports: EncoderExports) {
    this.#exports = exports;
  }

  static async load(): Promise<Files> {
    buildEncoder();
    const { instance } = await WebAssembly.instantiate(readFileSync(ENCODER), {
      env: {
        abort: () => {
          throw new Error("the encoder gave up");
        },
      },
    });
    return new Files(instance.exports as unknown as EncoderExports);
  }

  /** The file of the picture that is called `key`. */
  file(key: string, picture: Picture, sampling: string, quality: number, restart = 0): Buffer {
    const name = `${key} ${sampling} ${quality} ${restart}`;
    const kept = this.#kept.get(name);
    if (kept) return kept;
    if (this.#keptBytes > 100_000_000) {
      this.#kept.clear();
      this.#keptBytes = 0;
    }
    const file = this.#encode(picture, sampling, quality, restart);
    this.#kept.set(name, file);
    this.#keptBytes += file.length;
    return file;
  }

  #encode({ width, height, format, pixels }: Picture, sampling: string, quality: number, restart: number): Buffer {
    const { memory, begin, slice, length } = this.#exports;
    const bytes = Buffer.from(memory.buffer);
    bytes.set(pixels, PIXELS);
    begin(PIXELS, width, height, format, SAMPLINGS[sampling], quality, restart, FILE, FILE_END);
    let progress: number;
    do progress = slice();
    while (progress === MORE);
    if (progress !== DONE) throw new Error("the encoder had no room");
    return Buffer.from(bytes.subarray(FILE, FILE + length()));
  }
}

/** The quantisation tables of a JPEG file, as they tell its quality. */
export function tablesOf(jpeg: Buffer): string {
  const at = jpeg.indexOf("\xff\xdb", 0, "latin1");
  return jpeg.toString("latin1", at, at + 69);
}

function buildEncoder(): void {
  const folder = join(ROOT, "assembly/jpeg");
  const newest = Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs));
  if ((statSync(ENCODER, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest) return;
  mkdirSync(BUILD, { recursive: true });
  const options = ["--runtime", "stub", "--optimizeLevel", "3", "--memoryBase", "32768"];
  const memory = ["--initialMemory", `${PAGES}`, "--maximumMemory", `${PAGES}`, "--config", "none.json"];
  const out = `${ENCODER}.${process.pid}`;
  execFileSync(process.execPath, [ASC, "assembly/jpeg/encoder.ts", ...options, ...memory, "--outFile", out], {
    cwd: ROOT,
    stdio: "inherit",
  });
  renameSync(out, ENCODER); // two that build it at once do not read halves
}
