/**
 * What happens when the module fails: all that it held is taken back, a fresh one starts after a pause, and the pause
 * grows while it keeps failing. With the camera itself, and with small modules that fail in each way there is.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Level } from "../host/board-table.ts";
import { ClientState } from "../host/simulated/client.ts";
import { ADMIN_SECRET } from "../host/simulated/secret.ts";
import { MILLISECOND, MINUTE, SECOND } from "../host/simulated/timeline.ts";
import { Mood } from "../host/simulated/sensor.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { compileFailingModule, Way } from "./failing-module.ts";
import { areGapless, checkParts, scenario, scene, stateOf } from "./simulated-scenario.ts";

const failing = await compileFailingModule();

function failingWorld(way: Way): SimulatedWorld {
  return new SimulatedWorld({ module: failing, scene, seed: 1, settings: { way } });
}

/** When each failure was logged, and what was said of it. */
function failures(world: SimulatedWorld): { time: number; text: string }[] {
  return world.log.filter(({ level, text }) => level === Level.ERROR && text.startsWith("the module stopped: "));
}

scenario("a camera that traps: every connection is reset, and a fresh one serves on", {}, async (world) => {
  const viewers = [world.watch(), world.watch()];
  const idle = world.converse().ask("/state");
  world.run(2 * SECOND);
  const { poll } = world.sensor;
  world.sensor.poll = () => {
    world.sensor.poll = poll;
    throw new Error("the sensor answers nonsense");
  };
  world.runUntil(() => failures(world).length === 1, SECOND, "the failure");
  const { text, time } = world.log.at(-1)!;
  const reason = /^the module stopped: (the sensor answers nonsense, in function \d+ at 0x[0-9a-f]+); it ran for /;
  assert.match(text, reason);
  assert.match(text, new RegExp(`; it ran for ${(time / SECOND).toFixed(6)} s; fresh start 1 in 100 ms$`));
  assert.equal(world.board.openSockets, 0);
  assert.equal(world.memory, undefined);
  const tooEarly = world.watch();
  world.run(50 * MILLISECOND);
  for (const { client } of [...viewers, idle]) assert.equal(client.state, ClientState.RESET);
  assert.equal(tooEarly.client.state, ClientState.REFUSED);
  world.run(100 * MILLISECOND);
  const late = world.watch();
  world.run(2 * SECOND);
  assert.ok(late.parts.length > 50 && areGapless(late.parts));
  assert.ok(late.parts[0].sequence < 5, "it counts anew");
  const { restarts, crash } = stateOf(world);
  assert.equal(restarts, 1);
  assert.deepEqual(crash, { text: reason.exec(text)![1], time: time / SECOND });
  // The log outlives the module.
  const log = world.fetch("/log", { secret: ADMIN_SECRET });
  assert.equal(log.status, 200);
  assert.ok(log.body.toString().includes(`ERROR   ${text}\n`));
  await checkParts(world, viewers);
  await checkParts(world, [late]);
});

scenario("what happens is told in the log, an event a line, and not more often than it helps", {}, (world) => {
  const viewers = Array.from({ length: 8 }, () => world.watch());
  world.run(SECOND);
  for (let n = 0; n < 30; n++) {
    assert.equal(world.watch().client.isOver, false);
    world.run(SECOND);
  }
  world.sensor.mood = Mood.STALLED;
  world.run(5 * SECOND);
  world.sensor.mood = Mood.FINE;
  world.run(10 * SECOND);
  const lines = world.fetch("/log", { secret: ADMIN_SECRET }).body.toString().split("\n");
  const events = [
    "WARNING all 8 viewers' places are taken, others are put off",
    "WARNING sensor soft: stalled, trying again",
    "INFO    sensor soft: delivers frames again",
  ];
  for (const event of events) assert.equal(lines.filter((line) => line.endsWith(`] ${event}`)).length, 1, event);
  assert.equal(world.log.length, events.length);
  assert.ok(viewers.every(({ problem }) => problem === undefined));
});

/** What the log says of each way to fail. */
const WAYS: [Way, string, RegExp][] = [
  [Way.UNREACHABLE, "an unreachable place", /unreachable/],
  [Way.ASSERT, "a failed assert", /two and two make five/],
  [Way.MEMORY, "memory that is not there", /memory access out of bounds/],
  [Way.DIVISION, "a division by zero", /divide by zero/],
  [Way.RECURSION, "an endless recursion", /call stack/],
  [Way.BEGIN, "a failure before the first step", /unreachable/],
];
for (const [way, name, text] of WAYS) {
  test(`${name} is logged with its text, and tried again`, () => {
    const world = failingWorld(way);
    world.run(SECOND);
    assert.equal(failures(world).length, 4); // at 0, 0.1, 0.3 and 0.7 s
    for (const failure of failures(world)) assert.match(failure.text, text);
    assert.equal(world.board.restarts, 4);
    assert.equal(world.board.openSockets, 0);
  });
}

test("the pause doubles from 100 ms to 10 s while the module keeps failing", () => {
  const world = failingWorld(Way.UNREACHABLE);
  world.run(MINUTE);
  const times = failures(world).map(({ time }) => time);
  const pauses = times.slice(1).map((time, i) => Math.round((time - times[i]) / MILLISECOND));
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000]);
});

test("after a minute without a failure the pause is 100 ms again", () => {
  const world = failingWorld(Way.LATE);
  world.run(2 * MINUTE + 15 * SECOND);
  const pauses = failures(world).map(({ text }) => Number(/(\d+) ms$/.exec(text)![1]));
  assert.deepEqual(pauses, [100, 200, 400, 100, 100]);
});
