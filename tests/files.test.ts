/** A folder of JPEG files as a camera: shown one after another and untouched, on Node and on the board `linux`. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import { Scene, SceneError, sceneOfFiles } from "../host/scenes/file.ts";
import { firstPicture } from "./first-picture.ts";
import { endOf } from "./program.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** In this order: numbers count as numbers. */
const NAMES = ["1.jpg", "2.jpeg", "10.JPG"];

let folder: string;
let files: Buffer[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wasmcam files "));
  files = await Promise.all(
    NAMES.map((_, n) => {
      const background = { r: 60 * n, g: 200 - 60 * n, b: 100 };
      return sharp({ create: { width: 48, height: 32, channels: 3, background } }).jpeg({ quality: 90 - n }).toBuffer();
    }),
  );
  for (const [n, name] of NAMES.entries()) await writeFile(join(folder, name), files[n]);
  await writeFile(join(folder, "notes.txt"), "no picture");
});
after(() => rm(folder, { recursive: true }));

test("a scene of files has their bytes, in the order of their names", async () => {
  const scene = new Scene(await sceneOfFiles(folder));
  assert.deepEqual([scene.width, scene.height, scene.format, scene.frames], [48, 32, Format.JPEG, NAMES.length]);
  for (let n = 0; n < 2 * NAMES.length; n++) {
    assert.deepEqual(Buffer.from(scene.frame(n)), files[n % NAMES.length]);
  }
});

test("files that do not fit, or are none, are refused", async () => {
  await assert.rejects(sceneOfFiles(folder, files[0].length), SceneError);
  await assert.rejects(sceneOfFiles(join(ROOT, "tests/requests")), SceneError);
  await assert.rejects(sceneOfFiles(join(ROOT, "nowhere")), SceneError);
});

describe("a camera that shows files", () => {
  for (const main of ["host/main.ts", "host/linux/main.ts"]) {
    test(`${main}: gives each of them as it is`, async () => {
      const args = ["--import", "tsx", main, "--port", "0", "--files", folder, "--fps", "20"];
      const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
      try {
        const [line] = await once(child.stdout, "data");
        const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(String(line))![0];
        const seen = new Set<number>();
        for (const deadline = performance.now() + 30_000; seen.size < files.length; ) {
          const file = Buffer.from(await (await firstPicture(url)).arrayBuffer());
          const which = files.findIndex((known) => known.equals(file));
          assert.ok(which >= 0, "every picture is one of the files");
          seen.add(which);
          assert.ok(performance.now() < deadline, `only ${seen.size} of the files were seen`);
        }
        const { capture } = await (await fetch(`${url}state`)).json();
        assert.deepEqual([capture.format, capture.width, capture.height], ["jpeg", 48, 32]);
      } finally {
        child.kill("SIGTERM");
        if (child.exitCode === null) await once(child, "exit");
      }
    });
  }

  test("is told of options that files leave no room for", async () => {
    const args = ["--import", "tsx", "host/main.ts", "--files", folder, "--size", "64x48"];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
    const { code, err } = await endOf(child);
    assert.match(err, /^error: [^\n]*--files[^\n]*--size[^\n]*\n$/);
    assert.equal(code, 2);
  });
});
