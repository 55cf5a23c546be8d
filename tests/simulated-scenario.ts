/**
 * What the tests in the simulated world have in common: scenarios that run under several seeds, and the record of what
 * the camera should have published, against which every delivered part is held.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import { loadModule, modulePath } from "../host/module.ts";
import { PATTERN, renderScene, Scene } from "../host/scenes/file.ts";
import { readCounter } from "../host/scenes/pattern.ts";
import { fromFormat } from "../host/scenes/pixels.ts";
import type { Part } from "../host/simulated/http.ts";
import { SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld, type Simulation, type Viewer } from "../host/simulated/world.ts";

/** Small frames: their way is the same as that of large ones, and a minute of it takes half a second. */
export const WIDTH = 64;
export const HEIGHT = 48;
export const SETTINGS = { size: `${WIDTH}x${HEIGHT}`, fps: "30" };

export const module = await loadModule(modulePath("board"));
/** The test scene: each frame has its number in it. */
export const scene = new Scene(
  await renderScene({ scene: PATTERN, width: WIDTH, height: HEIGHT, format: Format.RGB565, bytesMax: 2_000_000 }),
);

/** The seeds under which a scenario runs: SEED=n names the one, LONG=1 takes more. */
const SEEDS =
  process.env.SEED === undefined
    ? Array.from({ length: process.env.LONG ? 12 : 3 }, (_, i) => i + 1)
    : [Number(process.env.SEED)];

/** A test that runs in a fresh world under each seed. When it fails it says under which. */
export function scenario(
  name: string,
  simulation: Partial<Simulation>,
  body: (world: SimulatedWorld) => void | Promise<void>,
): void {
  for (const seed of SEEDS) {
    test(`${name} (seed ${seed})`, async () => {
      const world = new SimulatedWorld({ module, scene, settings: SETTINGS, ...simulation, seed });
      try {
        await body(world);
      } catch (error) {
        const log = world.log.map(({ time, text }) => `\n  ${time / SECOND} s: ${text}`).join("");
        console.error(`failed at ${world.now / SECOND} s; SEED=${seed} runs it again. The log:${log || " empty"}`);
        throw error;
      }
    });
  }
}

/** The file that each frame of the scene becomes, by its number. */
let files: Promise<Map<number, Buffer>> | undefined;

/**
 * Files as a camera makes them to which nothing happens: one viewer, no faults. That they are the scene's frames and
 * nothing else is seen from their pixels and from the counter in them; so the record owes nothing to the runs that are
 * held against it, in which everything goes wrong.
 */
export function expectedFiles(): Promise<Map<number, Buffer>> {
  return (files ??= (async () => {
    const world = new SimulatedWorld({ module, scene, settings: SETTINGS, seed: 0 });
    const viewer = world.watch();
    world.run((scene.frames / 30 + 1) * SECOND);
    assert.equal(viewer.problem, undefined);
    const frames = new Map(world.sensor.captures.map(({ time, frame }) => [time, frame % scene.frames]));
    const expected = new Map<number, Buffer>();
    for (const { timestamp, jpeg } of viewer.parts) {
      const frame = frames.get(timestamp);
      assert.ok(frame !== undefined, `a part has the time ${timestamp}, at which nothing was captured`);
      const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height, info.channels], [WIDTH, HEIGHT, 3]);
      assert.equal(readCounter(data, WIDTH, HEIGHT), frame, "the file shows the frame that was captured at its time");
      assert.ok(psnr(fromFormat(scene.frame(frame), WIDTH, HEIGHT, Format.RGB565).bytes, data) > 24);
      expected.set(frame, jpeg);
    }
    assert.equal(expected.size, scene.frames);
    return expected;
  })());
}

/** Holds every part that viewers got against what was captured: whole, unmixed, in order. @returns how many parts */
export async function checkParts(
  world: SimulatedWorld,
  viewers: Pick<Viewer, "parts" | "problem">[],
): Promise<number> {
  const expected = await expectedFiles();
  const frames = new Map(world.sensor.captures.map(({ time, frame }) => [time, frame % scene.frames]));
  const times = new Map<number, number>();
  let count = 0;
  for (const { parts, problem } of viewers) {
    assert.equal(problem === "the connection ended in the middle" ? undefined : problem, undefined);
    let before: Part | undefined;
    for (const part of parts) {
      const { sequence, timestamp, jpeg } = part;
      const frame = frames.get(timestamp);
      assert.ok(frame !== undefined, `part ${sequence} has the time ${timestamp}, at which nothing was captured`);
      assert.ok(expected.get(frame)!.equals(jpeg), `part ${sequence} is not, byte for byte, frame ${frame}`);
      assert.equal(times.get(sequence) ?? timestamp, timestamp, `two frames are called ${sequence}`);
      times.set(sequence, timestamp);
      assert.ok(!before || (sequence > before.sequence && timestamp > before.timestamp), `${sequence} comes too late`);
      before = part;
      count++;
    }
  }
  return count;
}

/** Whether these are all the frames that were published from the first of them to the last. */
export function areGapless(parts: Part[]): boolean {
  return parts.length > 0 && parts.at(-1)!.sequence - parts[0].sequence === parts.length - 1;
}

/** What the camera says of itself. */
export function stateOf(world: SimulatedWorld) {
  return JSON.parse(world.fetch("/state").body.toString());
}

/**
 * How far the module's heap reaches: the last byte of its memory that is not zero. It only ever allocates upwards and
 * zeros nothing above, so any allocation moves this.
 */
export function heapEnd(world: SimulatedWorld): number {
  const bytes = new Uint8Array(world.memory!.buffer);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

function psnr(one: Uint8Array, other: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] - other[i]) ** 2;
  return 10 * Math.log10((255 * 255 * one.length) / sum);
}
