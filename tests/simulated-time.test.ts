/**
 * Time that passes and wraps: a year of camera life with visits, frames across every point at which a counter of times
 * ends, a camera that is called late, and twice at the same time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY, HOUR, MILLISECOND, SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { areGapless, checkParts, module, scenario, scene, SETTINGS, stateOf } from "./simulated-scenario.ts";

/** Where a counter that somebody could have chosen for times ends, in µs. */
const ENDS: [string, number][] = [
  ["2^31 µs", 2 ** 31],
  ["2^32 µs", 2 ** 32],
  ["2^31 ms", 2 ** 31 * MILLISECOND],
  ["2^32 ms", 2 ** 32 * MILLISECOND],
  ["2^31 s", 2 ** 31 * SECOND],
  ["2^32 s", 2 ** 32 * SECOND],
  ["2^53 ns", Math.ceil(2 ** 53 / 1000)],
  ["a hundred years", 100 * 365 * DAY],
];

for (const [name, end] of ENDS) {
  scenario(`nothing happens at ${name}`, { startAt: end - 15 * SECOND }, async (world) => {
    // One connection is idle across the end, one viewer watches, one comes later.
    const idle = world.converse().ask("/state");
    const viewer = world.watch();
    world.run(SECOND);
    const before = stateOf(world);
    world.run(20 * SECOND);
    const late = world.watch();
    world.run(2 * SECOND);
    const after = stateOf(world);
    assert.ok(before.time * SECOND < end && after.time * SECOND > end, "it was crossed");
    assert.ok(Math.abs(after.time * SECOND - world.now) < SECOND);
    assert.equal(after.restarts, 0);
    assert.ok(viewer.parts.length > 600 && areGapless(viewer.parts) && areGapless(late.parts));
    assert.ok(Math.abs(after.capture.fps - 30) < 0.5);
    assert.equal(idle.client.isOver, false);
    world.run(15 * SECOND);
    assert.equal(idle.client.isOver, true, "an idle connection's deadline holds there too");
    await checkParts(world, [viewer, late]);
  });
}

test("a year passes, and each day somebody looks", () => {
  const world = new SimulatedWorld({ module, scene, seed: 1, settings: { ...SETTINGS, fps: "1" } });
  const sequences: number[] = [];
  for (let day = 1; day <= 365; day++) {
    world.run(day * DAY - world.now);
    const steps = world.steps;
    const snapshot = world.fetch("/snapshot.jpg");
    assert.equal(snapshot.status, 200);
    sequences.push(Number(snapshot.headers.get("x-sequence")));
    assert.ok(world.now - Number(snapshot.headers.get("x-timestamp")) * SECOND < 2 * SECOND, "it is a fresh one");
    const before = world.steps;
    world.run(HOUR);
    // Capture rests when nobody wants a frame: an hour takes no more than what is left of ten seconds.
    assert.ok(world.steps - before < 400, `${world.steps - before} steps in an idle hour`);
    assert.ok(before - steps < 400);
  }
  assert.ok(sequences.every((sequence, i) => i === 0 || sequence > sequences[i - 1]));
  const { restarts, time, connections } = stateOf(world);
  assert.deepEqual([restarts, connections], [0, 1]);
  assert.ok(time > (365 * DAY) / SECOND);
});

scenario("a computer that sleeps for an hour goes on, with the newest frame", {}, (world) => {
  const viewer = world.watch();
  world.run(2 * SECOND);
  const count = viewer.parts.length;
  world.skip(HOUR); // nothing runs meanwhile, and no byte moves
  world.run(2 * SECOND);
  // The viewer was waited for long enough while nobody was there to take anything: it may come back, or go on.
  const again = world.watch();
  world.run(2 * SECOND);
  assert.ok(viewer.parts.length > count || viewer.client.isOver);
  assert.ok(again.parts.length > 50 && areGapless(again.parts));
  assert.equal(stateOf(world).restarts, 0);
});
