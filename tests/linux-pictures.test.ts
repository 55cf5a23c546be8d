/**
 * What the board `linux` shows of a frame is, byte for byte, what Node shows of it: the module's arithmetic does not
 * depend on the processor that it was compiled for. What makes a good picture is examined in jpeg.test.ts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Format } from "../host/board-table.ts";
import { startLinuxBoard } from "../host/linux/board.ts";
import { loadModule, modulePath } from "../host/module.ts";
import { Scene, sceneOfFrame } from "../host/scenes/file.ts";
import { loadPhoto, PHOTOS_FOLDER } from "../host/scenes/photos.ts";
import { toFormat } from "../host/scenes/pixels.ts";
import { testSettings } from "../host/simulated/secret.ts";
import { SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { firstPicture } from "./first-picture.ts";

const module = await loadModule(modulePath("board"));

const CASES: [format: Format, width: number, height: number, settings: Record<string, string>][] = [
  [Format.RGB565, 320, 240, { sampling: "4:2:0", quality: "85" }],
  [Format.RGB565, 161, 119, { sampling: "4:2:0", quality: "10" }],
  [Format.RGB565, 640, 480, { sampling: "4:2:2", quality: "70" }],
  [Format.RGB565, 161, 119, { sampling: "4:4:4", quality: "95", restart_interval: "3" }],
  [Format.YUYV, 162, 119, { sampling: "4:2:0", quality: "85" }],
  [Format.YUYV, 320, 240, { sampling: "4:2:2", quality: "95" }],
  [Format.GRAY, 161, 119, { quality: "85" }],
  [Format.BAYER, 320, 240, { sampling: "4:2:0", quality: "85" }],
  [Format.BAYER, 161, 119, { sampling: "4:4:4", quality: "50" }],
];

/** What Node makes of a frame that stands still. */
function fileOnNode(scene: Scene, settings: Record<string, string>): Buffer {
  const { width, height, format } = scene;
  const all = { ...settings, size: `${width}x${height}`, format: Format[format].toLowerCase() };
  const world = new SimulatedWorld({ module, scene, seed: 1, settings: all });
  const { parts } = world.watch();
  world.run(SECOND);
  assert.ok(parts.length > 1 && parts.every(({ jpeg }) => jpeg.equals(parts[0].jpeg)), `${parts.length} parts`);
  return parts[0].jpeg;
}

for (const [format, width, height, settings] of CASES) {
  const how = Object.entries(settings).map((setting) => setting.join(" "));
  test(`a photograph, ${[Format[format], `${width}x${height}`, ...how].join(", ")}`, async () => {
    const photo = await loadPhoto(`${PHOTOS_FOLDER}/cat.jpg`, width, height);
    const scene = sceneOfFrame(toFormat(photo, format), width, height, format);
    const expected = fileOnNode(new Scene(scene), settings);
    const board = await startLinuxBoard({ scene, settings: testSettings(settings) });
    try {
      const file = Buffer.from(await (await firstPicture(board.url)).arrayBuffer());
      assert.ok(file.equals(expected), `${file.length} bytes, on Node ${expected.length}`);
    } finally {
      await board.stop();
    }
  });
}
