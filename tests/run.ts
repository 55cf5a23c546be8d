/**
 * Runs the suites of tests, and ends with one line that counts them all.
 *
 *     tsx tests/run.ts          every suite: what `make test` passes
 *     tsx tests/run.ts alone    only what needs nothing but Node: what `npm test` passes
 *     tsx tests/run.ts long     every suite at length, then the simulated world under SEEDS (20) new seeds
 *
 * Those that meet the machine's own clock run one after the other; meanwhile the others do, one after the other too,
 * in the processor time that is left. What each writes is shown as if all had run in their order.
 *
 * Building and setting up is the caller's part. A suite that fails does not keep the others from running; one in which
 * nothing ran, or that ended badly without a failed test, counts as a failure of its own.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { type Count, longSuites, type Suite, SUITES } from "./suites.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A suite that runs, or is to run. */
class Run {
  /** What it wrote so far. */
  output = "";
  seconds = 0;
  /** undefined until it has ended. */
  count: Count | undefined;
  readonly suite: Suite;

  constructor(suite: Suite) {
    this.suite = suite;
  }

  /** Starts it, and waits for its end. */
  async perform(): Promise<void> {
    const { command, env, inRealTime, count } = this.suite;
    const [program, ...args] = inRealTime ? command : ["nice", "-n", "19", ...command];
    const startedAt = performance.now();
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let result = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (result += text));
    for (const stream of [child.stdout, child.stderr.setEncoding("utf8")]) {
      stream.on("data", (text: string) => {
        this.output += text;
        show();
      });
    }
    const [code] = await once(child, "close");
    const counted = count(stripVTControlCharacters(result));
    if (counted.failed === 0 && (code !== 0 || counted.passed === 0)) counted.failed = 1;
    this.seconds = (performance.now() - startedAt) / 1000;
    this.count = counted;
    show();
  }
}

function chosen(which: string | undefined): Suite[] {
  switch (which) {
    case undefined:
      return SUITES;
    case "alone":
      return SUITES.filter((suite) => suite.alone);
    case "long": {
      const first = Math.floor(Date.now() / 1000); // each run tries others; a failure says which
      return longSuites(Array.from({ length: Number(process.env.SEEDS ?? 20) }, (_, index) => first + index));
    }
    default:
      throw new Error(`there is no choice of suites "${which}"`);
  }
}

const runs = chosen(process.argv[2]).map((suite) => new Run(suite));

/** Which one is shown, and how much of what it wrote; -1: not even its name. */
let [current, shown] = [0, -1];

/** Shows what there is of the first that was not shown to its end, and of those behind it as far as they have ended. */
function show(): void {
  for (; current < runs.length; current++, shown = -1) {
    const { suite, output, count } = runs[current];
    if (shown < 0) console.log(`\n=== ${current + 1} of ${runs.length}: ${suite.name}`);
    process.stdout.write(output.slice(Math.max(shown, 0)));
    shown = output.length;
    if (!count) return;
  }
}

async function performAll(some: Run[]): Promise<void> {
  for (const run of some) await run.perform();
}

await Promise.all([true, false].map((is) => performAll(runs.filter(({ suite }) => suite.inRealTime === is))));
const total: Count = { passed: 0, failed: 0 };
console.log();
for (const { suite, count, seconds } of runs) {
  const { passed, failed } = count!;
  total.passed += passed;
  total.failed += failed;
  console.log(`  ${suite.name}: ${passed} passed, ${failed} failed (${seconds.toFixed(0)} s)`);
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
