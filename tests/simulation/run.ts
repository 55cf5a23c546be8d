/**
 * The simulator's command line, `make sim`:
 *
 *     SEEDS=1000 FROM=1 JOBS=1   so many minutes of camera life, from that seed on, in so many processes
 *     SEED=7                     one of them
 *     PLAN=file                  one that was written down
 *     MODULE=file                with another module than the one in build/
 *
 * The first life that goes wrong ends the run. Its plan is made shorter, written down, and said how to play again.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { modulePath } from "../../host/module.ts";
import { BUILD, ROOT } from "./files.ts";
import type { Tally, Violation } from "./life.ts";
import type { Plan } from "./plan.ts";
import { Lives, type Run, runSeeds } from "./runner.ts";
import { shrink } from "./shrink.ts";

const PROGRESS_EVERY_MS = 5_000;
/** How long a plan may be made shorter. */
const SHRINK_MS = 90_000;

const { SEEDS = "1000", FROM = "1", JOBS = "1", SEED, PLAN, MODULE = modulePath("board") } = process.env;

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name}=${text} is not a whole number`);
  return value;
}

function say({ rule, text, time, log }: Violation): void {
  console.log(`\nBROKEN: ${rule}\n  ${text}\n  at ${(time / 1e6).toFixed(6)} s of its life. The camera's log:`);
  for (const line of log.slice(-8)) console.log(`    ${line}`);
}

async function playPlan(file: string): Promise<boolean> {
  const plan = JSON.parse(readFileSync(file, "utf8")) as Plan;
  const lives = await Lives.start(MODULE);
  const { violation, tally } = await lives.live(plan);
  lives.stop();
  if (violation) say(violation);
  else summarise(tally);
  return !violation;
}

async function playSeeds(from: number, count: number): Promise<boolean> {
  let saidAt = performance.now();
  const progress = ({ seeds, ms }: Run): void => {
    if (performance.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = performance.now();
    const rate = (1000 * seeds) / ms;
    console.log(`  ${seeds} of ${count} seeds, ${rate.toFixed(1)} a second, ${Math.round(rate * 3600)} an hour`);
  };
  const run = await runSeeds(MODULE, from, count, number("JOBS", JOBS), progress);
  const { failure, tally, seeds, ms, cpu } = run;
  summarise(tally);
  const rates = [ms, cpu].map((time) => Math.round((3600 * 1000 * seeds) / time));
  const [hour, core] = rates;
  console.log(`${seeds} seeds from ${from} on in ${(ms / 1000).toFixed(0)} s: ${hour} an hour, ${core} for one core's`);
  if (!failure) return true;

  const { plan, violation } = failure;
  say(violation);
  console.log(`\nagain:   make sim SEED=${plan.seed}\nlooking for a shorter one …`);
  const lives = await Lives.start(MODULE);
  const attempt = async (shorter: Plan): Promise<Violation | undefined> => (await lives.live(shorter)).violation;
  const shrunk = await shrink(plan, violation, attempt, SHRINK_MS);
  lives.stop();
  mkdirSync(BUILD, { recursive: true });
  const file = join(BUILD, `seed-${plan.seed}.json`);
  const text = JSON.stringify(shrunk.plan, null, 2);
  writeFileSync(file, `${text}\n`);
  const before = `${plan.actions.length} actions in ${plan.seconds} s`;
  const after = `${shrunk.plan.actions.length} in ${shrunk.plan.seconds} s`;
  console.log(`${text}\n${before} became ${after} in ${shrunk.tries} tries`);
  console.log(`shorter: make sim PLAN=${relative(ROOT, file)}`);
  say(shrunk.violation);
  return false;
}

/** What was lived through, so that one sees that it was something. */
function summarise(tally: Tally): void {
  console.log();
  for (const [what, count] of Object.entries(tally).sort(([one], [other]) => (one < other ? -1 : 1))) {
    console.log(`  ${String(count).padStart(12)}  ${/^\d{3}$/.test(what) ? `answers ${what}` : what}`);
  }
  console.log();
}

const isGood =
  PLAN !== undefined
    ? await playPlan(PLAN)
    : SEED !== undefined
      ? await playSeeds(number("SEED", SEED), 1)
      : await playSeeds(number("FROM", FROM), number("SEEDS", SEEDS));
process.exitCode = isGood ? 0 : 1;
