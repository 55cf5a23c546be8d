/**
 * Deliberate bugs, which the simulator must find; so that one knows that a run of it without a failure says something.
 * LONG=1 takes all of them.
 */

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadModule, modulePath } from "../host/module.ts";
import { applyBug, type Bug, BUGGY, BUGS, buildBug } from "./simulation/bugs.ts";
import { Files, ROOT } from "./simulation/files.ts";
import { live } from "./simulation/life.ts";
import type { Plan } from "./simulation/plan.ts";
import { type Failure, Lives, runSeeds } from "./simulation/runner.ts";
import { shrink } from "./simulation/shrink.ts";

const IS_LONG = process.env.LONG !== undefined;
/** A bug that is not found in so many lives is not found. */
const LIVES_MAX = 300;
/** Those that plain `make test` tries. */
const QUICK = [
  "a lost wake-up: a pulse wakes one of those who wait",
  "viewers are not counted down when they are reset",
];
/** The one whose life is made shorter. */
const SHORTENED = QUICK[1];
/** While the lives of one are lived through, in a process of their own, the next is compiled. */
const AT_ONCE = 2;

const PLANS = join(ROOT, "tests/simulation/plans");

const table: string[] = [];
let found: { path: string; failure: Failure } | undefined;

after(() => {
  for (const line of table.sort()) console.log(line);
  rmSync(BUGGY, { recursive: true, force: true });
});

it("each bug's text is in the source", () => {
  for (const bug of BUGS) applyBug(bug, readFileSync(join(ROOT, "assembly", bug.file), "utf8"));
});

/** That a plan which was made for a bug still meets it. */
async function assertShown(path: string, plan: string): Promise<void> {
  const lives = await Lives.start(path);
  const { violation } = await lives.live(JSON.parse(readFileSync(join(PLANS, plan), "utf8")));
  lives.stop();
  assert.ok(violation, `${plan} goes well with the bug that it was made for`);
}

describe("deliberate bugs are found", { concurrency: AT_ONCE }, () => {
  const isTried = ({ name }: Bug): boolean => IS_LONG || QUICK.includes(name);
  for (const bug of BUGS.filter(isTried)) {
    it(bug.name, async () => {
      const path = await buildBug(bug);
      if (bug.plan) await assertShown(path, bug.plan);
      if (bug.isRare) return;
      const { seeds, failure } = await runSeeds(path, 1, LIVES_MAX, 1);
      assert.ok(failure, `not found in ${seeds} lives`);
      if (bug.name === SHORTENED) found = { path, failure };
      table.push(`${String(failure.plan.seed).padStart(5)}  ${bug.name} (${failure.violation.rule})`);
    });
  }
});

it("what it takes to find one is made short", async () => {
  const { path, failure } = found ?? assert.fail("none was found");
  const lives = await Lives.start(path);
  const attempt = async (plan: Plan) => (await lives.live(plan)).violation;
  const { plan, violation } = await shrink(failure.plan, failure.violation, attempt, 60_000);
  lives.stop();
  assert.equal(violation.rule, failure.violation.rule);
  // One viewer that is reset is enough, or none: the exam has some.
  assert.ok(plan.actions.length <= 2, `${plan.actions.length} actions are left: ${JSON.stringify(plan)}`);
  // The camera without the bug goes through the same life well.
  const [module, files] = [await loadModule(modulePath("board")), await Files.load()];
  assert.equal((await live(module, plan, files)).violation, undefined);
});
