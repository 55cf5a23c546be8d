/** The sensor in the simulated world: it stalls, tears, is unplugged and returns, and rests when nobody watches. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Format } from "../host/board-table.ts";
import { PATTERN, renderScene, Scene } from "../host/scenes/file.ts";
import { Mood } from "../host/simulated/sensor.ts";
import { MILLISECOND, MINUTE, SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld, type Viewer } from "../host/simulated/world.ts";
import { areGapless, checkParts, module, scenario, scene, stateOf } from "./simulated-scenario.ts";

/** How many parts a viewer gets in `time` from now on. */
function partsIn(world: SimulatedWorld, viewer: Viewer, time: number): number {
  const before = viewer.parts.length;
  world.run(time);
  return viewer.parts.length - before;
}

scenario("a sensor that stalls, tears, is unplugged and returns: viewers see no damage", {}, async (world) => {
  const viewer = world.watch();
  assert.ok(partsIn(world, viewer, 2 * SECOND) > 50);

  world.sensor.mood = Mood.STALLED;
  assert.ok(partsIn(world, viewer, 3 * SECOND) <= 2);
  let { capture } = stateOf(world);
  assert.ok(capture.stalled >= 1);
  assert.equal(capture.fault, "stalled");
  world.sensor.mood = Mood.FINE;
  world.run(9 * SECOND); // the longest pause between two tries
  assert.ok(partsIn(world, viewer, 2 * SECOND) > 55);
  assert.equal(stateOf(world).capture.fault, "none");

  world.sensor.mood = Mood.TEARING;
  assert.ok(partsIn(world, viewer, 2 * SECOND) <= 2);
  ({ capture } = stateOf(world));
  assert.ok(capture.torn > 55, `${capture.torn} were torn`);
  world.sensor.mood = Mood.FINE;
  assert.ok(partsIn(world, viewer, 2 * SECOND) > 55, "the next frame was asked for at once");

  world.sensor.mood = Mood.MISSING;
  assert.ok(partsIn(world, viewer, 20 * SECOND) <= 2);
  assert.equal(stateOf(world).capture.fault, "missing");
  assert.equal(world.fetch("/").status, 200);
  world.sensor.mood = Mood.FINE;
  world.run(9 * SECOND);
  assert.ok(partsIn(world, viewer, 2 * SECOND) > 55);

  assert.ok(areGapless(viewer.parts), "what was torn or never came was not published");
  await checkParts(world, [viewer]);
  assert.equal(stateOf(world).restarts, 0);
});

scenario("a sensor with faults by chance", { faults: { stall: 0.002, tear: 0.05 } }, async (world) => {
  const viewers = [world.watch(), world.watch()];
  world.run(5 * MINUTE);
  const { capture } = stateOf(world);
  assert.ok(capture.torn > 50 && capture.stalled > 2, `${capture.torn} torn, ${capture.stalled} stalled`);
  assert.ok(capture.published > 5 * 60 * 30 * 0.6, `${capture.published} published`);
  for (const { parts } of viewers) assert.ok(areGapless(parts));
  await checkParts(world, viewers);
});

scenario("a camera without a sensor says so, and finds the one that is plugged in", {}, async (world) => {
  world.sensor.mood = Mood.MISSING;
  world.run(SECOND);
  const snapshot = world.fetch("/snapshot.jpg");
  assert.equal(snapshot.status, 503);
  assert.match(snapshot.body.toString(), /no frame yet/);
  const viewer = world.watch();
  world.run(5 * SECOND);
  assert.equal(viewer.response?.status, 200);
  assert.equal(viewer.parts.length, 0);
  world.sensor.mood = Mood.FINE;
  world.run(12 * SECOND);
  assert.ok(viewer.parts.length > 0);
  await checkParts(world, [viewer]);
});

scenario("capture rests 10 s after the last want; a viewer wakes it, then a snapshot does", {}, async (world) => {
  world.run(9 * SECOND);
  assert.ok(world.sensor.begun > 9 * 29);
  world.run(2 * SECOND);
  assert.equal(stateOf(world).capture.state, "resting");
  const rested = world.sensor.begun;
  for (let i = 0; i < 10; i++) {
    assert.equal(world.fetch("/state").status, 200);
    assert.equal(world.fetch("/").status, 200);
    world.run(SECOND);
  }
  assert.equal(world.sensor.begun, rested, "who only asks for the page or the state wants no frame");

  const wokenAt = world.now;
  const viewer = world.watch();
  world.run(SECOND);
  assert.ok(viewer.parts.length > 25);
  for (const { timestamp } of viewer.parts.slice(1)) assert.ok(timestamp > wokenAt);
  world.run(20 * SECOND);
  viewer.client.close();
  const leftAt = world.sensor.begun;
  world.run(9 * SECOND);
  assert.ok(world.sensor.begun > leftAt + 8 * 29);
  world.run(3 * SECOND);
  assert.equal(stateOf(world).capture.state, "resting");

  const askedAt = world.now;
  const snapshot = world.fetch("/snapshot.jpg");
  assert.equal(snapshot.status, 200);
  const time = Number(snapshot.headers.get("x-timestamp")!.replace(".", ""));
  assert.ok(time > askedAt, "a fresh frame, not the one from before the rest");
  assert.equal(stateOf(world).capture.state, "running");
  await checkParts(world, [viewer]);
});

scenario("a snapshot of a sensor that stalls while capture rests is the last frame, in bounded time", {}, (world) => {
  world.run(15 * SECOND);
  world.sensor.mood = Mood.STALLED;
  const askedAt = world.now;
  const snapshot = world.fetch("/snapshot.jpg");
  assert.equal(snapshot.status, 200);
  assert.ok(world.now - askedAt < 3 * SECOND);
  assert.ok(Number(snapshot.headers.get("x-timestamp")!.replace(".", "")) < askedAt);
});

scenario("the camera sleeps while nobody wants anything", {}, (world) => {
  world.run(15 * SECOND);
  const { steps } = world;
  world.run(MINUTE);
  assert.ok(world.steps - steps < 20, `${world.steps - steps} steps in an idle minute`);
});

for (const fps of [1, 7, 120]) {
  const settings = { size: "64x48", fps: String(fps) };
  scenario(`${fps} frames a second are delivered as such`, { settings }, (world) => {
    const viewer = world.watch();
    world.run(5 * SECOND);
    assert.ok(Math.abs(viewer.parts.length - 5 * fps) <= 2, `${viewer.parts.length} in 5 s`);
    const intervals = viewer.parts.slice(1).map(({ timestamp }, i) => timestamp - viewer.parts[i].timestamp);
    for (const interval of intervals) assert.equal(interval, Math.floor(SECOND / fps));
  });
}

test("a frame of one a second is with the viewer, whole, long before the next", () => {
  const world = new SimulatedWorld({ module, scene, seed: 1, settings: { size: "64x48", fps: "1" } });
  const viewer = world.watch();
  world.run(10 * SECOND);
  assert.ok(viewer.parts.length >= 9);
  // A viewer that connects between two frames begins with the newest there is.
  for (const { time, timestamp } of viewer.parts.slice(1)) assert.ok(time - timestamp < 20 * MILLISECOND);
});

test("settings that make no sense are named in the log, and the camera shows its default", async () => {
  const settings = { size: "huge", format: "film", sampling: "4:1:1", quality: "101", fps: "0" };
  const usual = new Scene(
    await renderScene({ scene: PATTERN, width: 320, height: 240, format: Format.RGB565, bytesMax: 400_000 }),
  );
  const world = new SimulatedWorld({ module, scene: usual, seed: 1, settings });
  world.run(SECOND);
  for (const name of Object.keys(settings)) {
    assert.ok(world.log.some(({ text }) => text.includes("setting ignored") && text.endsWith(name)), name);
  }
  const { capture } = stateOf(world);
  const { width, height, format, sampling, quality } = capture;
  assert.deepEqual([width, height, format, sampling, quality], [320, 240, "rgb565", "4:2:0", 85]);
  assert.ok(capture.published > 20);
});
