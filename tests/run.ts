/**
 * Runs the suites of tests one after the other, shows what each writes, and ends with one line that counts them all.
 *
 *     tsx tests/run.ts          every suite: what `make test` passes
 *     tsx tests/run.ts alone    only what needs nothing but Node: what `npm test` passes
 *     tsx tests/run.ts long     every suite at length, then the simulated world under SEEDS (20) new seeds
 *
 * Building and setting up is the caller's part. A suite that fails does not keep the others from running; one in which
 * nothing ran, or that ended badly without a failed test, counts as a failure of its own.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { type Count, longSuites, type Suite, SUITES } from "./suites.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function run(suite: Suite): Promise<Count> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = suite.command;
    const env = { ...process.env, ...suite.env };
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      process.stdout.write(text);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const count = suite.count(stripVTControlCharacters(output));
      if (count.failed === 0 && (code !== 0 || count.passed === 0)) count.failed = 1;
      resolve(count);
    });
  });
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

const suites = chosen(process.argv[2]);
const total: Count = { passed: 0, failed: 0 };
const summary: string[] = [];
for (const [index, suite] of suites.entries()) {
  console.log(`\n=== ${index + 1} of ${suites.length}: ${suite.name}`);
  const startedAt = performance.now();
  const { passed, failed } = await run(suite);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  total.passed += passed;
  total.failed += failed;
  summary.push(`  ${suite.name}: ${passed} passed, ${failed} failed (${seconds} s)`);
}
console.log(`\n${summary.join("\n")}\n\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
