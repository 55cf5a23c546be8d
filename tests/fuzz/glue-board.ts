/** What tries programs of calls on the board `linux` (board/fuzz/): builds it, and has it tell what was answered. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compileGlue, type Trace } from "./glue.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** By itself, and built for libFuzzer with sanitizers. */
export const GLUE_PROGRAM = `${ROOT}build/fuzz/glue`;
export const GLUE_FUZZER = `${ROOT}build/fuzz/fuzz-glue`;

/** Builds what tries programs; "fuzzed": for libFuzzer. */
export async function buildGlue(...kind: "fuzzed"[]): Promise<void> {
  compileGlue();
  await promisify(execFile)("board/build.sh", ["glue", ...kind], { cwd: ROOT, maxBuffer: 1 << 24 });
}

/** Has programs be tried. @param env added to the environment of `program` */
export async function tracePrograms(
  seed: number,
  programs: number,
  program = GLUE_PROGRAM,
  env: Record<string, string> = {},
): Promise<Trace[]> {
  const args = ["--seed", String(seed), "--programs", String(programs), "--trace"];
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 28 };
  const { stdout } = await promisify(execFile)(program, args, options);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Trace);
}
