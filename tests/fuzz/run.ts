/**
 * `make fuzz`: builds each target (or the one that TARGET names) and runs it under libFuzzer for SECONDS (60).
 *
 * The target `glue` is Rust (board/fuzz/), whose branches its compiler counts. For the others the module is translated
 * to C by wasm2c, so that clang counts the branches that an input reaches. The fuzzer keeps the inputs that reach new
 * ones, in build/fuzz/, for the next run as well. What it finds wrong is left there too, with the command that replays
 * it; an input that was put right belongs to tests/fuzz/kept/, under a name that says what it did. The tests replay
 * those, and mutate them from a seed, without these tools (tests/fuzz.test.ts).
 */

import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildGlue, GLUE_FUZZER } from "./glue-board.ts";
import { keptInputs, seedInputs, type Target, TARGETS } from "./inputs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = `${ROOT}tests/fuzz/`;
const BUILD = `${ROOT}build/fuzz/`;
const SECONDS = Number(process.env.SECONDS ?? 60);
/** Other versions of wasm2c give what they write other names. */
const WASM2C = "1.0.32";
/** Longer than any head that is taken. */
const LENGTH_MAX: Record<Target, number> = {
  server: 9000,
  control: 1100,
  relay: 9000,
  passthrough: 140_000,
  glue: 2048,
};
/** An input that takes longer hangs, s. */
const HANGS = 10;

function run(program: string, args: string[]): void {
  execFileSync(program, args, { cwd: ROOT, stdio: "inherit" });
}

/** Has `make` write `file` where it is older than one of `sources`. */
function renew(file: string, sources: string[], make: () => void): void {
  const time = (path: string) => (existsSync(path) ? statSync(path).mtimeMs : 0);
  if (time(file) <= Math.max(...sources.map(time))) make();
}

/** Translates `wasm` to C and compiles that, with its branches counted. @returns the object */
function translate(wasm: string, name: string): string {
  const [c, object] = [`${BUILD}${name}.c`, `${BUILD}${name}.o`];
  renew(object, [wasm], () => {
    console.log(`== ${name}: from WebAssembly to C, and compiled`);
    run("wasm2c", [wasm, "-o", c]);
    // No warnings: the code is a machine's. Checked accesses in place of a guard page: libFuzzer has the signal.
    run("clang", ["-O1", "-w", ...RUNTIME, "-fsanitize=fuzzer-no-link", "-c", c, "-o", object]);
  });
  return object;
}

const RUNTIME = ["-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0"];

async function build(target: Target): Promise<string> {
  if (target === "glue") {
    await buildGlue("fuzzed");
    return GLUE_FUZZER;
  }
  const program = `${BUILD}fuzz-${target}`;
  const isAlone = target === "passthrough";
  let wasm = `${ROOT}build/wasmcam.wasm`;
  if (isAlone) {
    wasm = `${BUILD}passthrough.wasm`;
    const entry = "assembly/jpeg/passthrough.ts";
    const asc = ["node_modules/assemblyscript/bin/asc.js", entry, "--config", "none", "--baseDir", ROOT];
    const memory = ["--memoryBase", "32768", "--initialMemory", "8", "--maximumMemory", "8"];
    const options = ["-O3", "--runtime", "stub", "--use", "abort=", ...memory];
    renew(wasm, [`${ROOT}${entry}`], () => run(process.execPath, [...asc, "--outFile", wasm, ...options]));
  }
  const object = translate(wasm, isAlone ? "passthrough" : "wasmcam");
  const sources = isAlone ? ["passthrough.c", "runtime.c"] : [`${target}.c`, "board.c", "runtime.c"];
  const paths = sources.map((source) => SOURCE + source);
  renew(program, [object, ...paths, `${SOURCE}board.h`, `${SOURCE}runtime.h`], () => {
    const options = ["-O2", "-g", "-Wall", "-Wextra", "-Werror", ...RUNTIME, "-fsanitize=fuzzer", `-I${BUILD}`];
    run("clang", [...options, ...paths, object, "-lm", "-o", program]);
  });
  return program;
}

interface Figures {
  target: Target;
  seconds: number;
  executions: number;
  perSecond: number;
  /** Branches of module and harness that inputs reach, of those that there are. */
  covered: number;
  branches: number;
  /** Inputs that each reach something that no other does. */
  corpus: number;
  found: number;
}

async function fuzz(target: Target): Promise<Figures> {
  const program = await build(target);
  const corpus = `${BUILD}corpus-${target}/`;
  const seeds = `${BUILD}seeds-${target}/`;
  for (const folder of [corpus, seeds]) mkdirSync(folder, { recursive: true });
  for (const input of [...seedInputs(target), ...keptInputs(target).values()]) {
    writeFileSync(seeds + createHash("sha256").update(input).digest("hex").slice(0, 16), input);
  }
  const isFound = (name: string) => name.startsWith(`found-${target}-`);
  const before = readdirSync(BUILD).filter(isFound);
  console.log(`== ${target}: ${SECONDS} s`);
  const options = [
    `-max_total_time=${SECONDS}`,
    `-max_len=${LENGTH_MAX[target]}`,
    `-timeout=${HANGS}`,
    ...(target === "glue" ? [] : [`-dict=${SOURCE}${target === "server" ? "http" : target}.dict`]),
    `-artifact_prefix=${BUILD}found-${target}-`,
    "-use_value_profile=1",
    "-print_final_stats=1",
  ];
  const child = spawn(program, [...options, corpus, seeds], { stdio: ["ignore", "inherit", "pipe"] });
  const none = { executions: 0, perSecond: 0, covered: 0, branches: 0, corpus: 0, found: 0 };
  const figures: Figures = { target, seconds: SECONDS, ...none };
  for await (const line of createInterface(child.stderr)) {
    figures.branches ||= Number(/\((\d+) inline 8-bit counters\)/.exec(line)?.[1] ?? 0);
    figures.covered = Number(/ cov: (\d+)/.exec(line)?.[1] ?? figures.covered);
    figures.corpus = Number(/ corp: (\d+)/.exec(line)?.[1] ?? figures.corpus);
    figures.executions = Number(/^stat::number_of_executed_units: (\d+)/.exec(line)?.[1] ?? figures.executions);
    figures.perSecond = Number(/^stat::average_exec_per_sec: +(\d+)/.exec(line)?.[1] ?? figures.perSecond);
    if (/FOUND|ERROR|SUMMARY|DONE|INITED/.test(line)) console.log(line);
  }
  const found = readdirSync(BUILD).filter((name) => isFound(name) && !before.includes(name));
  for (const name of found) console.log(`found something: SHOW=1 ${program} ${BUILD}${name} shows it again`);
  return { ...figures, found: found.length };
}

function chosen(name: string | undefined): readonly Target[] {
  if (!name) return TARGETS;
  const target = TARGETS.find((known) => known === name);
  if (!target) throw new Error(`there is no target "${name}". There are: ${TARGETS.join(", ")}`);
  return [target];
}

const version = execFileSync("wasm2c", ["--version"], { encoding: "utf8" }).trim();
if (!version.startsWith(WASM2C)) throw new Error(`make fuzz needs wasm2c ${WASM2C}, as in Debian 12, not ${version}`);
mkdirSync(BUILD, { recursive: true });
const rows: Figures[] = [];
for (const target of chosen(process.env.TARGET)) rows.push(await fuzz(target));
console.table(Object.fromEntries(rows.map(({ target, ...figures }) => [target, figures])));
process.exitCode = rows.some(({ found }) => found > 0) ? 1 : 0;
