/**
 * What the emulated board keeps: settings that were saved are there after its next start, and in the form in which Node
 * keeps them; what was not saved is forgotten, and what is said at start counts for that start.
 */

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Format } from "../host/board-table.ts";
import { type BoardOptions, type EmulatedBoard, startBoard } from "../host/emulator/board.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";
import { ADMIN_SECRET, bearer, testSettings } from "../host/simulated/secret.ts";
import { FileSettings } from "../host/settings.ts";
import { firstPicture } from "./first-picture.ts";

let folder: string;
let settingsFile: string;
let scene: Buffer;
let board: EmulatedBoard | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wasmcam settings "));
  scene = await renderScene({ scene: PATTERN, width: 64, height: 48, format: Format.GRAY });
});
after(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  // Neither a space nor quotation marks may confuse anybody.
  settingsFile = join(await mkdtemp(join(folder, "board-")), `the "kitchen" camera.json`);
});
afterEach(stop);

async function stop(): Promise<void> {
  await board?.stop();
  board = undefined;
}

/** Starts the board, in the place of the one that runs. */
async function start(options: BoardOptions): Promise<void> {
  await stop();
  board = await startBoard({ scene, ...options, settings: testSettings(options.settings ?? {}) });
  await board.answers();
}

async function post(path: string): Promise<number> {
  const response = await fetch(new URL(path, board!.url), { method: "POST", headers: bearer(ADMIN_SECRET) });
  await response.arrayBuffer();
  return response.status;
}

/** The values of all controls by their names. */
async function controls(): Promise<Map<string, unknown>> {
  const answer = (await (await fetch(new URL("/control", board!.url))).json()) as {
    controls: { name: string; value: unknown }[];
  };
  return new Map(answer.controls.map(({ name, value }) => [name, value]));
}

describe("settings on the emulated board", () => {
  test("what was saved is there after the next start, and the rest is as it was", async () => {
    await start({ settingsFile });
    const atFirst = await controls();
    assert.notEqual(atFirst.get("quality"), 40);
    assert.equal(await post("/control?quality=40&sampling=4:4:4"), 200);
    assert.equal(await post("/control/save"), 200);
    await start({ settingsFile });
    assert.deepEqual(await controls(), new Map([...atFirst, ["quality", 40], ["sampling", "4:4:4"]]));
  });

  test("what was not saved is forgotten, and no file is made for it", async () => {
    await start({ settingsFile });
    const atFirst = await controls();
    assert.equal(await post("/control?quality=40"), 200);
    await start({ settingsFile });
    assert.deepEqual(await controls(), atFirst);
    await assert.rejects(readFile(settingsFile), { code: "ENOENT" });
  });

  test("a board that loses its power right after saving has saved", async () => {
    await start({ settingsFile });
    assert.equal(await post("/control?quality=40"), 200);
    assert.equal(await post("/control/save"), 200);
    process.kill(board!.pid, "SIGKILL");
    await start({ settingsFile });
    assert.equal((await controls()).get("quality"), 40);
    assert.deepEqual(await readdir(join(settingsFile, "..")), [`the "kitchen" camera.json`]);
  });

  test("Node and the board read each other's settings", async () => {
    new FileSettings(settingsFile, []).put("quality", "41");
    await writeFile(settingsFile, (await readFile(settingsFile, "utf8")).replace("{", `{"motto": "a \\"β\\"\\n\\\\",`));
    await start({ settingsFile });
    assert.equal((await controls()).get("quality"), 41);
    assert.equal(await post("/control?fps=7"), 200);
    assert.equal(await post("/control/save"), 200);
    const kept = new FileSettings(settingsFile, []);
    assert.equal(kept.get("fps"), "7");
    assert.equal(kept.get("quality"), "41");
    assert.equal(kept.get("motto"), `a "β"\n\\`);
  });

  test("what is said at start counts for it, until something else is saved", async () => {
    new FileSettings(settingsFile, []).put("quality", "41");
    await start({ settingsFile, settings: { quality: "42" } });
    assert.equal((await controls()).get("quality"), 42);
    await start({ settingsFile });
    assert.equal((await controls()).get("quality"), 41);
    await start({ settingsFile, settings: { quality: "42" } });
    assert.equal(await post("/control/save"), 200);
    await start({ settingsFile });
    assert.equal((await controls()).get("quality"), 42);
  });

  test("the sensor shows its scene, whatever size and format are kept", async () => {
    const kept = new FileSettings(settingsFile, []);
    kept.put("size", "320x240");
    kept.put("format", "rgb565");
    await start({ settingsFile, settings: { size: "8x8" } });
    await (await firstPicture(board!.url)).arrayBuffer();
    const { capture } = await (await fetch(new URL("/state", board!.url))).json();
    assert.deepEqual([capture.width, capture.height, capture.format], [64, 48, "gray"]);
  });

  test("where nothing can be written, saving is refused, and the camera goes on", async () => {
    await start({ settingsFile: join(folder, "nowhere", "settings.json") });
    assert.equal(await post("/control?quality=40"), 200);
    assert.equal(await post("/control/save"), 507);
    assert.equal(await post("/control/save"), 507);
    assert.equal((await controls()).get("quality"), 40);
    await (await firstPicture(board!.url)).arrayBuffer();
  });

  test("without a file, saving is good for as long as the board runs", async () => {
    await start({});
    assert.equal(await post("/control?quality=40"), 200);
    assert.equal(await post("/control/save"), 200);
  });
});
