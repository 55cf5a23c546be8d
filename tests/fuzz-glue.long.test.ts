/**
 * What is between a module and the board linux (WAMR, the table of imports, sockets, settings, the log), given programs
 * of calls that no module of ours would make: by chance, with libFuzzer and sanitizers, and the same on Node, which has
 * to answer alike. And that what looks for mistakes there finds some. SEED=n tries others.
 *
 * For `make test-long` alone: all of it is compiled several times over.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildMistaken, MISTAKEN_PROGRAM, MISTAKES } from "./fuzz/glue-mistakes.ts";
import { buildGlue, GLUE_FUZZER, GLUE_PROGRAM, tracePrograms } from "./fuzz/glue-board.ts";
import { GLUE_WASM, glueSensor, performOnNode, type Trace } from "./fuzz/glue.ts";
import { declaredImports } from "./import-tables.ts";

const SEED = Number(process.env.SEED ?? 1);
const PROGRAMS = 5000;
/** What Node is asked, too. */
const TRACED = 2000;
/** A mistake that is not found by so many programs is not found. */
const PROGRAMS_MAX = 10_000;
/** How long libFuzzer looks, s. */
const SECONDS = 30;
/** Imports for which nothing that a module gives is a mistake. */
const FORGIVING = ["tcpListen", "sensorLines", "captureStop"];

type Outcome = { code: number; said: string };

async function run(program: string, args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 28 };
  try {
    const { stderr } = await promisify(execFile)(program, args, options);
    return { code: 0, said: stderr };
  } catch (error) {
    const { code, signal, stderr } = error as { code: number | null; signal: string | null; stderr: string };
    return { code: code || 1, said: stderr + (signal ?? "") };
  }
}

const programs = (seed: number, count: number) => ["--seed", `${seed}`, "--programs", `${count}`];

/** Differences between both hosts in what they answer to the same. */
function compare(traces: Trace[]): { compared: number; differences: string[] } {
  const module = new WebAssembly.Module(readFileSync(GLUE_WASM));
  const sensor = glueSensor();
  const results = traces.map((trace) => performOnNode(module, sensor, trace));
  const differences = results.flatMap(({ difference }) => difference ?? []);
  return { compared: results.reduce((sum, { compared }) => sum + compared, 0), differences };
}

describe("programs of calls on the board linux", () => {
  before(() => buildGlue());

  it("are answered as the contract says, and each import does, refuses and stops", async () => {
    const { code, said } = await run(GLUE_PROGRAM, programs(SEED, PROGRAMS));
    assert.equal(code, 0, said);
    const contract = readFileSync(new URL("../assembly/board.ts", import.meta.url), "utf8");
    for (const name of declaredImports(contract).keys()) {
      const [done, mistakes] = new RegExp(`^${name}: (\\d+) done, \\d+ faults, (\\d+) mistakes$`, "m")
        .exec(said)
        ?.slice(1)
        .map(Number) ?? [0, 0];
      assert.ok(done > 0, `${name} did what it was asked: ${said}`);
      assert.equal(mistakes > 0, !FORGIVING.includes(name), `${name} stopped the module: ${said}`);
    }
  });

  it("are answered by Node as by the board linux", async () => {
    const traces = await tracePrograms(SEED, TRACED);
    const { compared, differences } = compare(traces);
    assert.deepEqual(differences, []);
    assert.equal(compared, traces.reduce((sum, { calls }) => sum + calls.length, 0), "all calls");
    assert.ok(compared > 5 * TRACED, `${compared} calls`);
  });
});

describe("a mistake there is found", () => {
  before(buildMistaken);

  it("none is made: nothing is found", async () => {
    const { code, said } = await run(MISTAKEN_PROGRAM, programs(SEED, 500));
    assert.equal(code, 0, said);
  });

  for (const [number, { name, found }] of MISTAKES.entries()) {
    it(name, async () => {
      const env = { MISTAKE: `${number}` };
      if (!found) {
        const traces = await tracePrograms(SEED, TRACED, MISTAKEN_PROGRAM, env);
        assert.notDeepEqual(compare(traces).differences, []);
        return;
      }
      const { code, said } = await run(MISTAKEN_PROGRAM, programs(SEED, PROGRAMS_MAX), env);
      assert.equal(code, 1, `not found: ${said}`);
      assert.match(said, found);
      // What shows it was made short: a line for each operation.
      const lines = said.split("\n").filter((line) => line.startsWith("  "));
      assert.ok(lines.length <= 8, said);
    });
  }
});

describe("libFuzzer and sanitizers", () => {
  const folder = fileURLToPath(new URL("../build/fuzz/", import.meta.url));
  /** For inputs of this run alone. */
  let own: string;

  before(async () => {
    await buildGlue("fuzzed");
    own = mkdtempSync(`${folder}run-`);
  });
  after(() => rmSync(own, { recursive: true }));

  it("find nothing", async () => {
    const options = [`-max_total_time=${SECONDS}`, "-max_len=2048", "-timeout=20", `-seed=${SEED}`];
    const { code, said } = await run(GLUE_FUZZER, [...options, `-artifact_prefix=${folder}found-glue-`, own]);
    assert.equal(code, 0, said.slice(-10_000));
    const covered = [...said.matchAll(/ cov: (\d+)/g)].at(-1)?.[1];
    assert.ok(Number(covered) > 2000, `${covered} branches are reached`);
  });

  for (const [mistake, report] of [["past-rust", "stack-buffer-overflow"], ["after-free", "heap-use-after-free"]]) {
    it(`find a mistake: ${mistake}`, async () => {
      const args = ["-runs=10", `-artifact_prefix=${own}/`];
      const { code, said } = await run(GLUE_FUZZER, args, { WASMCAM_MISTAKE: mistake });
      assert.notEqual(code, 0);
      assert.match(said, new RegExp(`AddressSanitizer: ${report}`));
    });
  }
});
