/** The evil module, compiled. */

import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OPTIONS = ["--config", "none", "-O3", "--runtime", "stub", "--initialMemory", "2", "--maximumMemory", "2"];

/** The ways to be evil, each a value of the setting `way`. */
export enum Way {
  /** Traps in the first step. */
  TRAP = "T",
  /** Traps in the first step of every life. */
  ALWAYS = "A",
  /** Does not return from the first step: loops without any call. */
  LOOP = "L",
  /** Nor from its start function. */
  LOOP_IN_BEGIN = "B",
  /** Nor from the first step: calls an import again and again. */
  LOOP_OF_CALLS = "I",
  /** Nor from the first step: fills its memory again and again, which is the runtime's own code. */
  LOOP_OF_FILLS = "F",
  /** Nor from the first step: before, it puts another way, which is none. Without that it traps in later lives. */
  LOOP_AFTER_PUT = "K",
  /** Calls itself without end. */
  RECURSION = "R",
  /** Asks for more memory and writes to where that would be. */
  GROW = "G",
  /** Gives each import each kind of range that is not within its memory: one in each life. */
  WILD = "W",
}

/** What a board stops by itself: the way, what the module does then, and the reason that the log tells. */
export const STOPPED_BY_BOARD = [
  [Way.TRAP, "traps", "unreachable"],
  [Way.RECURSION, "recurses without end", "native stack overflow"],
  [Way.GROW, "asks for memory that it may not have", "out of bounds memory access"],
  [Way.LOOP, "loops for ever", "the step did not return"],
  [Way.LOOP_IN_BEGIN, "loops for ever before its first step", "the step did not return"],
  [Way.LOOP_OF_CALLS, "calls an import for ever", "the step did not return"],
  [Way.LOOP_OF_FILLS, "has the runtime fill its memory for ever", "the step did not return"],
] as const;

/** How many lives {@link Way.WILD} takes. */
export const WILD_CASES = 5 * 18;

/** Compiles `tests/evil/evil.as.ts`. asc runs as a program of its own: inside of tsx it takes ten times as long. */
export async function compileEvil(): Promise<string> {
  await mkdir(`${ROOT}build/tests`, { recursive: true });
  const path = `${ROOT}build/tests/evil.wasm`;
  const asc = `${ROOT}node_modules/assemblyscript/bin/asc.js`;
  await promisify(execFile)(process.execPath, [asc, `${ROOT}tests/evil/evil.as.ts`, ...OPTIONS, "-o", path]);
  return path;
}

export async function evilModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(await compileEvil()));
}
