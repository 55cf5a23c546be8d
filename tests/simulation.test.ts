/**
 * The simulator's share of the tests: some minutes of camera life, and lives that once went wrong. LONG=1 takes many
 * lives. That it would find something is shown by `simulation-bugs.test.ts`.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadModule, modulePath } from "../host/module.ts";
import { Files, ROOT } from "./simulation/files.ts";
import { live, type Tally } from "./simulation/life.ts";
import { makePlan, type Plan } from "./simulation/plan.ts";
import { add } from "./simulation/runner.ts";

const SEEDS = process.env.LONG === undefined ? 30 : 1000;
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
  const happenings = [
    ...["parts", "snapshots", "states", "trap", "restart", "sensor stalled", "stalled peers cut"],
    ...["messages", "last words by WebSocket", "upstreams"],
    ...["files pulled", "pulls failed", "parts pushed", "pushes failed"],
  ];
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
