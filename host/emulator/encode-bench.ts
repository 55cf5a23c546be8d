/**
 * Counts the instructions that the JPEG encoder takes on the emulated board, for `make bench`. What is encoded, and
 * what becomes of the figures, is the caller's business.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EmulatorError, Qemu } from "./qemu.ts";

/** Where board/build.sh puts the benchmark's firmware. */
const FIRMWARE = fileURLToPath(new URL("../../build/bench-mps2-an500.elf", import.meta.url));

/** One way to encode a picture; the numbers are as the module takes them. */
export type EncodeRun = {
  name: string;
  pixels: Uint8Array;
  width: number;
  height: number;
  format: number;
  sampling: number;
  quality: number;
  /** Whether to count each stage, which the module does for QVGA RGB565 alone. */
  withStages?: boolean;
};

export type EncodeResult = {
  name: string;
  /** Of the whole picture. */
  instructions: number;
  /** Calls in which it is encoded, and the instructions of the longest. */
  slices: number;
  longestSlice: number;
  /** What each stage takes of them, where that is asked for; the rest is calls, edges and the header. */
  stages?: { colour: number; transform: number; quantisation: number; codes: number; bytes: number };
  /** The JPEG file; undefined if it did not fit its pixels' place. */
  file: Buffer | undefined;
};

const RESULT = /^([\w-]+): (\d+) instructions, (\d+) bytes, (\d+) slices, longest (\d+), stages((?: \d+)*)$/;

/** From what the module's `stages` took, by its `Stage`. */
function stagesOf(counts: number[]): Required<EncodeResult>["stages"] {
  const [none, colour, transformed, cleared, clearedAndEncoded, encoded, appended] = counts;
  const quantisation = clearedAndEncoded - cleared;
  return {
    colour: colour - none,
    transform: transformed - colour,
    quantisation,
    codes: encoded - transformed - quantisation,
    bytes: appended - encoded,
  };
}

/** @param module the AOT file of tests/bench/encode.ts */
export async function benchEncode(module: string, runs: EncodeRun[]): Promise<EncodeResult[]> {
  const lines: string[] = [];
  const words = runs.map(({ name, width, height, format, sampling, quality, withStages }) => {
    const numbers = [width, height, format, sampling, quality].join(":");
    return `run=${name}:pixels-${name}:${numbers}${withStages ? ":stages" : ""}`;
  });
  const pictures = runs.map(({ name, pixels }) => [`pixels-${name}`, Buffer.from(pixels)] as const);
  const qemu = await Qemu.start({
    firmware: FIRMWARE,
    words,
    files: { module, ...Object.fromEntries(pictures) },
    countInstructions: true,
    onLine: (line) => lines.push(line),
  });
  try {
    const { code, complaint } = await qemu.ended;
    if (code !== 0) throw new EmulatorError(`the benchmark ended (${code}): ${lines.at(-1) ?? complaint}`);
    return await Promise.all(
      runs.map(async ({ name }) => {
        const match = lines.map((line) => RESULT.exec(line)).find((found) => found?.[1] === name);
        if (!match) throw new EmulatorError(`the benchmark says nothing of ${name}`);
        const [instructions, bytes, slices, longestSlice] = match.slice(2, 6).map(Number);
        const stages = match[6] ? stagesOf(match[6].trim().split(" ").map(Number)) : undefined;
        const file = bytes > 0 ? await readFile(join(qemu.folder, `${name}.jpg`)) : undefined;
        return { name, instructions, slices, longestSlice, stages, file };
      }),
    );
  } finally {
    await qemu.stop();
  }
}
