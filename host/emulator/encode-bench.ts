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

/** One way to encode the picture; the numbers are as the module takes them. */
export type EncodeRun = { name: string; sampling: number; quality: number };

export type EncodeResult = {
  name: string;
  /** Of the whole picture. */
  instructions: number;
  /** Calls in which it is encoded, and the instructions of the longest. */
  slices: number;
  longestSlice: number;
  /** What each stage takes of them; the rest is calls, edges and the header. */
  stages: { colour: number; transform: number; quantisation: number; codes: number; bytes: number };
  /** The JPEG file. */
  file: Buffer;
};

const RESULT = /^([\w-]+): (\d+) instructions, (\d+) bytes, (\d+) slices, longest (\d+), stages((?: \d+)+)$/;

/** From what the module's `stages` took, by its `Stage`. */
function stagesOf(counts: number[]): EncodeResult["stages"] {
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

/**
 * Encodes a picture in each of the ways.
 * @param module the AOT file of tests/bench/encode.ts
 * @param picture the pixels, as the module expects them
 */
export async function benchEncode(module: string, picture: Buffer, runs: EncodeRun[]): Promise<EncodeResult[]> {
  const lines: string[] = [];
  const qemu = await Qemu.start({
    firmware: FIRMWARE,
    words: [
      ...runs.map(({ name, sampling, quality }) => `run=${name}:${sampling}:${quality}`),
    ],
    files: { module, picture },
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
        const [instructions, , slices, longestSlice] = match.slice(2, 6).map(Number);
        const stages = stagesOf(match[6].trim().split(" ").map(Number));
        const file = await readFile(join(qemu.folder, `${name}.jpg`));
        return { name, instructions, slices, longestSlice, stages, file };
      }),
    );
  } finally {
    await qemu.stop();
  }
}
