/**
 * Controls at run time and sensors on the bus, with the whole module in the simulated world: what is set is seen in the
 * pictures, a stream goes on through it, and a chip that fails is named, tried again, and back without a restart.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import { loadModule, modulePath } from "../host/module.ts";
import { PHOTOS_FOLDER, renderScene, Scene } from "../host/scenes/file.ts";
import { BusSensor } from "../host/sensors/bus-sensor.ts";
import { busSensor, SENSORS } from "../host/sensors/models.ts";
import type { View } from "../host/sensors/model.ts";
import { SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld, type Viewer } from "../host/simulated/world.ts";

const module = await loadModule(modulePath("board"));
const photographs = await renderScene({ scene: PHOTOS_FOLDER, width: 320, height: 240, format: Format.RGB565 });
/** What the board's soft sensor has; where a chip is on the bus, nobody asks it. */
const scene = new Scene(photographs);

async function chipWorld(name: string, settings: Record<string, string> = {}): Promise<[SimulatedWorld, BusSensor]> {
  const sensor = await busSensor(name, PHOTOS_FOLDER);
  return [new SimulatedWorld({ module, scene, seed: 1, settings, busSensor: sensor }), sensor];
}

type State = { restarts: number; capture: Record<string, number | string> };
type ControlJson = { name: string; choices?: string[]; value: unknown; default: unknown };

function state(world: SimulatedWorld): State {
  return JSON.parse(world.fetch("/state").body.toString());
}

function controls(world: SimulatedWorld): Map<string, ControlJson> {
  const { controls: list } = JSON.parse(world.fetch("/control").body.toString()) as { controls: ControlJson[] };
  return new Map(list.map((control) => [control.name, control]));
}

function post(world: SimulatedWorld, query: string) {
  return world.fetch(`/control?${query}`, { method: "POST" });
}

/** Pixels of the newest part. */
async function newest(viewer: Viewer): Promise<string> {
  const { width, height } = await sharp(viewer.parts.at(-1)!.jpeg, { failOn: "warning" }).metadata();
  return `${width}x${height}`;
}

function checkStream(viewer: Viewer): void {
  assert.equal(viewer.problem, undefined);
  assert(!viewer.client.isOver, "the stream ended");
  for (let i = 1; i < viewer.parts.length; i++) assert(viewer.parts[i].sequence > viewer.parts[i - 1].sequence);
}

for (const name of SENSORS) {
  describe(`${name} on the bus`, () => {
    it("is found, and a stream goes on through every size and format that it has", async () => {
      const [world] = await chipWorld(name);
      const viewer = world.watch();
      world.runUntil(() => viewer.parts.length > 2, 5 * SECOND, "a frame");
      assert.equal(state(world).capture.sensor, name);
      const { choices: sizes } = controls(world).get("size")!;
      const { choices: formats } = controls(world).get("format")!;
      for (const size of sizes!) {
        for (const format of formats!) {
          // Large files of the models' making take long: one of them will do.
          const [width] = size.split("x").map(Number);
          if (format === "jpeg" && width > 352 && size !== sizes!.at(-1)) continue;
          const answer = post(world, `size=${size}&format=${format}`);
          if (answer.status === 400) continue; // not every size in every format: said, and nothing applied
          assert.equal(answer.status, 200, answer.body.toString());
          const frames = viewer.parts.length;
          world.runUntil(() => viewer.parts.length > frames + 3, 10 * SECOND, `frames of ${size} in ${format}`);
          assert.equal(await newest(viewer), size, `in ${format}`);
          const { capture } = state(world);
          assert.deepEqual([`${capture.width}x${capture.height}`, capture.format], [size, format]);
        }
      }
      checkStream(viewer);
      assert.equal(state(world).restarts, 0);
    });

    it("unplugged is missing, and back by itself when it is plugged in", async () => {
      const [world, sensor] = await chipWorld(name, { size: "160x120" });
      const viewer = world.watch();
      world.runUntil(() => viewer.parts.length > 2, 5 * SECOND, "a frame");
      sensor.plug(false, world.now);
      world.run(5 * SECOND);
      const { capture } = state(world);
      assert.deepEqual([capture.state, capture.fault], ["failed", "missing"]);
      sensor.plug(true, world.now);
      const frames = viewer.parts.length;
      world.runUntil(() => viewer.parts.length > frames + 5, 20 * SECOND, "frames");
      assert.equal(state(world).capture.fault, "none");
      assert.equal(await newest(viewer), "160x120", "as it was set");
      checkStream(viewer);
      assert.equal(state(world).restarts, 0);
    });

    it("that delivers nothing has stalled, and is started again until it does", async () => {
      const [world, sensor] = await chipWorld(name);
      const viewer = world.watch();
      world.runUntil(() => viewer.parts.length > 2, 5 * SECOND, "a frame");
      sensor.isStuck = true;
      world.run(6 * SECOND);
      const { capture } = state(world);
      assert.equal(capture.fault, "stalled");
      assert(Number(capture.stalled) >= 2, "it was tried again");
      sensor.isStuck = false;
      const frames = viewer.parts.length;
      world.runUntil(() => viewer.parts.length > frames + 5, 20 * SECOND, "frames");
      assert.equal(state(world).capture.fault, "none");
      checkStream(viewer);
    });

    it("that is another chip is named so", async () => {
      const [world, sensor] = await chipWorld(name);
      const { model } = sensor;
      const read = model.read.bind(model);
      model.read = (length, now) => read(length, now)?.map((byte) => byte ^ 0x55);
      world.run(3 * SECOND);
      const { capture } = state(world);
      assert.deepEqual([capture.state, capture.fault, capture.published], ["failed", "another chip", 0]);
      model.read = read;
      world.run(10 * SECOND);
      assert.equal(state(world).capture.fault, "none");
    });

    it("wrote nothing that its documents do not have", async () => {
      const [world, sensor] = await chipWorld(name);
      const viewer = world.watch();
      world.run(2 * SECOND);
      for (const { name: control, choices, default: initial } of controls(world).values()) {
        const other = choices ? choices[0] : typeof initial === "boolean" ? (initial ? "off" : "on") : String(initial);
        assert.equal(post(world, `${control}=${encodeURIComponent(other)}`).status, 200, control);
        world.run(SECOND / 2);
      }
      assert.deepEqual(sensor.model.unknownWrites, []);
      checkStream(viewer);
    });
  });
}

describe("setting controls", () => {
  it("applies all of a request or nothing", async () => {
    const [world] = await chipWorld("ov5640");
    world.run(2 * SECOND);
    const before = JSON.stringify([...controls(world)]);
    const answer = post(world, "quality=30&mirror=on&size=111x222");
    assert.equal(answer.status, 400);
    assert.match(answer.body.toString(), /^size can't be 111x222: it is one of 160x120, .*\n$/);
    assert.equal(JSON.stringify([...controls(world)]), before);
  });

  it("applies nothing where values don't go together", async () => {
    const [world] = await chipWorld("ov2640");
    world.run(2 * SECOND);
    const before = JSON.stringify([...controls(world)]);
    const answer = post(world, "size=1600x1200&format=rgb565");
    assert.deepEqual([answer.status, answer.body.toString()], [400, "frames of this size come as jpeg only\n"]);
    assert.equal(JSON.stringify([...controls(world)]), before);
    assert.equal(post(world, "size=1600x1200&format=jpeg&quality=40").status, 200);
  });

  it("leaves what was set while the sensor is looked for", async () => {
    const [world, sensor] = await chipWorld("ov2640", { quality: "20", size: "160x120" });
    sensor.plug(false, world.now);
    world.run(2 * SECOND);
    assert.equal(controls(world).get("quality")!.value, 20);
    assert.equal(post(world, "quality=33").status, 200);
    sensor.plug(true, world.now);
    world.run(10 * SECOND);
    assert.equal(controls(world).get("quality")!.value, 33);
    assert.equal(controls(world).get("size")!.value, "160x120");
  });

  it("keeps them over a restart, of the module and of the board", async () => {
    const [world] = await chipWorld("ov2640");
    world.run(2 * SECOND);
    assert.equal(post(world, "size=160x120&mirror=on&quality=33").status, 200);
    const kept = world.fetch("/control/save", { method: "POST" });
    assert.equal(kept.status, 200);
    const names = ["size", "mirror", "quality", "fps"];
    const settings = Object.fromEntries(names.map((name) => [name, world.settings.get(name)]));
    assert.deepEqual(settings, { size: "160x120", mirror: "on", quality: "33", fps: undefined });

    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    const [again] = await chipWorld("ov2640", given as Record<string, string>);
    again.run(2 * SECOND);
    const values = names.map((name) => controls(again).get(name)!.value);
    assert.deepEqual(values, ["160x120", true, 33, controls(world).get("fps")!.value]);
  });

  it("takes a setting that makes no sense for none, and says so in the log", async () => {
    const [world] = await chipWorld("hm01b0", { size: "huge", quality: "0" });
    world.run(2 * SECOND);
    assert.equal(controls(world).get("quality")!.value, 85);
    const lines = world.log.map(({ text }) => text).filter((text) => text.startsWith("setting ignored"));
    assert.equal(lines.length, 2, lines.join("; "));
  });
});

describe("what a camera of the board's has to set", () => {
  it("becomes controls where it makes sense, goes to the board, and is read from there again", () => {
    const settings: Record<string, string> = {
      "control.brightness": "-5",
      "control.sharpness": "99", // more than there may be: the default
      "control.tint": "green",
      contrast: "7", // what was kept
    };
    const descriptions = [
      "brightness number -64 64 0",
      "exposure number 300 204700 25000 us",
      "auto_exposure switch on",
      "sharpness number 0 10 3",
      "tint choice red red green",
      "contrast number 0 10 5",
      "quality number 0 10 5", // the module's own
      "saturation switch on", // a number, else
      "gamma number 5 10 1", // each of these makes no sense
      "hue number 5 a 1",
      "pan number 5",
      "flavour choice sour sweet salty",
      "mirror",
      "zoom dial 1",
      "x".repeat(300),
      `${"x".repeat(60)} switch on`,
      "flip switch off",
    ];
    for (const [n, description] of descriptions.entries()) settings[`control.${n}`] = description;
    const world = new SimulatedWorld({ module, scene, seed: 1, settings });
    const viewer = world.watch();
    world.run(2 * SECOND);
    const found = new Map([...controls(world)].map(([name, { value }]) => [name, value]));
    for (const name of ["size", "format", "fps", "sampling", "restart_interval", "frame_bytes", "byte_rate"]) {
      assert.ok(found.delete(name), name);
    }
    assert.deepEqual(Object.fromEntries(found), {
      flip: false,
      auto_exposure: true,
      exposure: 25_000,
      brightness: -5,
      contrast: 7,
      sharpness: 3,
      tint: "green",
      quality: 85,
    });
    assert.equal(world.settings.get("control.contrast"), "7", "the camera is brought to what was kept");
    assert.equal(post(world, "brightness=65").status, 400);
    const { settings: board } = world;
    const put = board.put.bind(board);
    // The camera makes something else of it.
    board.put = (name, value) => put(name, name === "control.brightness" && value === "64" ? "60" : value);
    assert.equal(post(world, "brightness=64&tint=red&auto_exposure=off&exposure=300").status, 200);
    const frames = viewer.parts.length;
    world.runUntil(() => viewer.parts.length > frames + 3, SECOND, "frames");
    const names = ["brightness", "tint", "auto_exposure", "exposure"];
    const told = names.map((name) => board.get(`control.${name}`));
    assert.deepEqual(told, ["60", "red", "off", "300"]);
    assert.equal(controls(world).get("brightness")!.value, 60);
    checkStream(viewer);
    assert.equal(state(world).restarts, 0);
  });
});

describe("files that the sensor makes", () => {
  it("pass as they are, cut at their end; a broken one is dropped and counted", async () => {
    const [world, sensor] = await chipWorld("ov2640", { format: "jpeg", size: "320x240" });
    const frame = sensor.model.frame.bind(sensor.model);
    const made: Buffer[] = [];
    let broken = 0;
    sensor.model.frame = (view: View, time: number) => {
      const bytes = frame(view, time);
      const end = Buffer.from(bytes).lastIndexOf(Buffer.from([0xff, 0xd9])) + 2;
      if (made.length % 5 === 4) {
        broken++;
        made.push(Buffer.alloc(0));
        return bytes.subarray(0, end >> 1);
      }
      made.push(Buffer.from(bytes.subarray(0, end)));
      return Buffer.concat([bytes.subarray(0, end), Buffer.from([0, 0xff, 0xd8, 0xff, 1, 2, 3])]);
    };
    const viewer = world.watch();
    world.run(3 * SECOND);
    assert(viewer.parts.length > 20);
    const whole = made.filter((file) => file.length > 0);
    for (const { jpeg } of viewer.parts) assert(whole.some((file) => file.equals(jpeg)), "not a file of the sensor's");
    const { capture } = state(world);
    assert(broken > 2);
    assert(Math.abs(Number(capture.torn) - broken) <= 1, `${capture.torn} of ${broken}`);
    await newest(viewer);
  });
});

describe("adaptive rate", () => {
  for (const [query, target] of [
    ["frame_bytes=9000", 9000],
    ["frame_bytes=25000", 25000],
    ["byte_rate=360000", 12000],
  ] as const) {
    it(`${query} is reached within 10 frames of a change of scene and held within 10 %`, () => {
      const world = new SimulatedWorld({ module, scene, seed: 1 });
      const viewer = world.watch();
      world.run(3 * SECOND); // the rate a second needs to know how many frames there are
      assert.equal(post(world, query).status, 200);
      const from = viewer.parts.length;
      let since = 0;
      let picture = -1;
      let checked = 0;
      world.run(30 * SECOND);
      for (const part of viewer.parts.slice(from + 1)) {
        const { frame } = world.sensor.captures.find(({ time }) => time === part.timestamp)!;
        const shown = scene.pictureOf(frame);
        if (shown !== picture) since = 0;
        picture = shown;
        if (since++ < 10) continue;
        checked++;
        const off = part.jpeg.length / target - 1;
        assert(Math.abs(off) <= 0.1, `${part.jpeg.length} bytes, ${since} frames after the change`);
      }
      assert(checked > 300, `${checked} frames`);
    });
  }

  it("is off by default", () => {
    const world = new SimulatedWorld({ module, scene, seed: 1 });
    world.run(3 * SECOND);
    assert.equal(state(world).capture.quality, 85);
  });
});
