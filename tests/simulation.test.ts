/**
 * The simulator's share of the tests: some minutes of camera life, lives that once went wrong, and deliberate bugs,
 * which it must find; so that one knows that a run without a failure says something. LONG=1 takes all bugs and many
 * lives.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadModule, modulePath } from "../host/module.ts";
import { type Bug, BUGGY, BUGS, applyBug, buildBug } from "./simulation/bugs.ts";
import { Files, ROOT } from "./simulation/files.ts";
import { live, type Tally } from "./simulation/life.ts";
import { makePlan, type Plan } from "./simulation/plan.ts";
import { add, type Failure, Lives, runSeeds } from "./simulation/runner.ts";
import { shrink } from "./simulation/shrink.ts";

const IS_LONG = process.env.LONG !== undefined;
const SEEDS = IS_LONG ? 1000 : 30;
/** A bug that is not found in so many lives is not found. */
const BUG_SEEDS = 1000;
/** Those that plain `make test` tries. */
const QUICK = [
  "a lost wake-up: a pulse wakes one of those who wait",
  "viewers are not counted down when they are reset",
];
/** The one whose life is made shorter. */
const SHORTENED = QUICK[1];
const PLANS = join(ROOT, "tests/simulation/plans");

const module = await loadModule(modulePath("board"));
const files = await Files.load();

it(`${SEEDS} minutes of camera life`, async () => {
  const all: Tally = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation, tally } = await live(module, makePlan(seed), files);
    assert.equal(violation, undefined, `make sim SEED=${seed}: ${violation?.rule}: ${violation?.text}`);
    add(all, tally);
  }
  // A life in which nothing happens goes well too.
  const happenings = ["parts", "snapshots", "states", "trap", "restart", "sensor stalled", "stalled peers cut"];
  for (const what of happenings) {
    assert.ok(all[what] > 0, `no ${what} in all these lives`);
  }
  assert.equal(all.exams, SEEDS);
});

describe("lives that once went wrong go well", () => {
  for (const name of readdirSync(PLANS)) {
    it(name, async () => {
      const plan = JSON.parse(readFileSync(join(PLANS, name), "utf8")) as Plan;
      const { violation } = await live(module, plan, files);
      assert.equal(violation, undefined, `${violation?.rule}: ${violation?.text}`);
    });
  }
});

it("a life repeats: the same seed, the same events", async () => {
  const [one, other] = [await live(module, makePlan(7), files), await live(module, makePlan(7), files)];
  assert.deepEqual(one.tally, other.tally);
});

describe("deliberate bugs are found", () => {
  const table: string[] = [];
  let found: { path: string; failure: Failure } | undefined;
  after(() => {
    for (const line of table) console.log(line);
    rmSync(BUGGY, { recursive: true, force: true });
  });

  it("each bug's text is in the source", () => {
    for (const bug of BUGS) applyBug(bug, readFileSync(join(ROOT, "assembly", bug.file), "utf8"));
  });

  const isTried = ({ name }: Bug): boolean => IS_LONG || QUICK.includes(name);
  for (const bug of BUGS.filter(isTried)) {
    it(bug.name, async () => {
      const path = await buildBug(bug);
      const { seeds, failure } = await runSeeds(path, 1, BUG_SEEDS, 1);
      assert.ok(failure, `not found in ${seeds} lives`);
      if (bug.name === SHORTENED) found = { path, failure };
      table.push(`${String(failure.plan.seed).padStart(5)}  ${bug.name} (${failure.violation.rule})`);
    });
  }

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
    assert.equal((await live(module, plan, files)).violation, undefined);
  });
});
