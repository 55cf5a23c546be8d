/**
 * Sensors that are noisy: on the bus nobody acknowledges at random, what is read has wrong bits, frames come torn, the
 * chip stands still or is unplugged for a while. The camera goes on, or comes back by itself when the noise ends, and
 * viewers get whole pictures only.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { Fault } from "../host/board-table.ts";
import { busSensor, SENSORS } from "../host/sensors/models.ts";
import { Random } from "../host/simulated/random.ts";
import { MILLISECOND, SECOND } from "../host/simulated/timeline.ts";
import { PATTERN } from "../host/scenes/file.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { module, scene, stateOf } from "./simulated-scenario.ts";

/** The shares of transfers and frames that go wrong while there is noise. */
const REFUSED = 0.01;
const WRONG_BITS = 0.02;
const TORN = 0.2;
/** How long noise lasts; and how long a camera may take after it: the longest pause between two tries, and a start. */
const NOISE = 20 * SECOND;
const COME_BACK = 12 * SECOND;

type BusSensor = Awaited<ReturnType<typeof busSensor>>;

/** Has chance stand between the board and the sensor. @returns what ends that */
function disturb(sensor: BusSensor, random: Random, now: () => number): () => void {
  const { transfer, poll } = sensor;
  sensor.transfer = (device, write, read, time) => {
    if (random.chance(REFUSED)) return Fault.MISSING;
    const result = transfer.call(sensor, device, write, read, time);
    if (read.length > 0 && random.chance(WRONG_BITS)) read[0] ^= 1 << random.between(0, 7);
    return result;
  };
  sensor.poll = (time) => {
    const result = poll.call(sensor, time);
    return result >= 0 && random.chance(TORN) ? Fault.TORN : result;
  };
  return () => {
    sensor.transfer = transfer;
    sensor.poll = poll;
    sensor.isStuck = false;
    if (!sensor.isPlugged) sensor.plug(true, now());
  };
}

const { SEED, LONG } = process.env;
const SEEDS = SEED === undefined ? (LONG ? [1, 2, 3, 4, 5] : [1]) : [Number(SEED)];

for (const [name, seed] of SENSORS.flatMap((name) => SEEDS.map((seed) => [name, seed] as const))) {
  test(`a noisy ${name} (seed ${seed})`, async () => {
    const sensor = await busSensor(name, PATTERN);
    const world = new SimulatedWorld({ module, scene, seed, settings: { size: "320x240" }, busSensor: sensor });
    const random = new Random(seed + 100);
    const viewer = world.watch();
    world.run(2 * SECOND);
    assert.ok(viewer.parts.length > 10, "it begins well");

    const quieten = disturb(sensor, random, () => world.now);
    for (const end = world.now + NOISE; world.now < end; ) {
      world.run(random.between(500, 2000) * MILLISECOND);
      sensor.isStuck = random.chance(0.2);
      const isPlugged = !random.chance(0.2);
      if (isPlugged !== sensor.isPlugged) sensor.plug(isPlugged, world.now);
      assert.equal(world.fetch("/").status, 200, "the server takes no notice");
    }
    const during = stateOf(world).capture;
    assert.ok(during.torn > 0, "there was noise");
    quieten();
    world.run(COME_BACK);

    const count = viewer.parts.length;
    world.run(2 * SECOND);
    assert.ok(viewer.parts.length > count + 10, "frames come again");
    const { capture, restarts } = stateOf(world);
    assert.deepEqual([capture.state, capture.fault, capture.sensor, restarts], ["running", "none", name, 0]);
    assert.equal(viewer.problem, undefined);
    for (const { jpeg } of viewer.parts) {
      const { info } = await sharp(jpeg, { failOn: "warning" }).raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height], [320, 240]);
    }
  });
}
