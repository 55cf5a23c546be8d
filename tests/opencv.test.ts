/**
 * The stream as OpenCV reads it (cv2.VideoCapture): the camera on Node, on both boards, and behind a relay. Sizes,
 * colours, and that time goes on.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readCounter } from "../host/scenes/pattern.ts";
import { startEmulatedCamera } from "./emulated-camera.ts";
import { startLinuxCamera } from "./linux-camera.ts";
import { startLiveCamera } from "./live-camera.ts";

const SCRIPT = fileURLToPath(new URL("opencv.py", import.meta.url));
const PYTHON = process.env.OPENCV_PYTHON ?? "python3";
const FRAMES = 20;
/** What OpenCV may take for all of them, ms. */
const PATIENCE = 120_000;
const [WIDTH, HEIGHT] = [320, 240];

/** Where the test scene always looks the same: a column and a row, and blue, green and red there. */
const POINTS: [number, number, number[]][] = [
  [20, 30, [191, 191, 191]],
  [60, 30, [0, 191, 191]],
  [100, 30, [191, 191, 0]],
  [140, 30, [0, 191, 0]],
  [32, 225, [26, 26, 26]],
  [160, 225, [128, 128, 128]],
  [288, 225, [230, 230, 230]],
];
/** JPEG changes them by this at most. */
const TOLERANCE = 24;

const stopping: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (stopping.length > 0) await stopping.pop()!();
});

type Camera = { port: number; stop(): Promise<unknown> };

async function begun<Kind extends Camera>(starting: Promise<Kind>): Promise<Kind> {
  const camera = await starting;
  stopping.push(() => camera.stop());
  return camera;
}

/** Frames as OpenCV reads them. */
async function read({ port }: Camera): Promise<{ size: string; frames: Buffer[] }> {
  const args = [SCRIPT, `http://127.0.0.1:${port}/stream.jpg`, String(FRAMES)];
  const child = spawn(PYTHON, args, { stdio: ["ignore", "pipe", "pipe"], timeout: PATIENCE });
  const pieces: Buffer[] = [];
  let complaint = "";
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  child.stderr.on("data", (piece: Buffer) => (complaint += piece));
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  assert.deepEqual([complaint, code], ["", 0]);
  const out = Buffer.concat(pieces);
  const start = out.indexOf("\n") + 1;
  const bytes = (out.length - start) / FRAMES;
  const frames = Array.from({ length: FRAMES }, (_, n) => out.subarray(start + n * bytes, start + (n + 1) * bytes));
  return { size: out.toString("latin1", 0, start - 1), frames };
}

const startRelay = async (): Promise<Camera> => {
  const camera = await begun(startLiveCamera({ width: WIDTH, height: HEIGHT }));
  return startLiveCamera({ settings: { source: `http://127.0.0.1:${camera.port}/stream.jpg` } });
};

for (const [where, startCamera] of [
  ["Node", startLiveCamera],
  ["the board linux", startLinuxCamera],
  ["the emulated board", startEmulatedCamera],
  ["a relay", startRelay],
] as const) {
  test(`OpenCV watches ${where}`, async () => {
    const { size, frames } = await read(await begun<Camera>(startCamera({ width: WIDTH, height: HEIGHT })));
    assert.equal(size, `${WIDTH}x${HEIGHT}x3`);
    for (const frame of frames) {
      assert.equal(frame.length, WIDTH * HEIGHT * 3);
      for (const [x, y, colour] of POINTS) {
        const at = (y * WIDTH + x) * 3;
        const seen = [...frame.subarray(at, at + 3)];
        const isRight = seen.every((value, i) => Math.abs(value - colour[i]) <= TOLERANCE);
        assert.ok(isRight, `${x}, ${y} is ${seen}, not ${colour}`);
      }
    }
    const counters = frames.map((frame) => readCounter(frame, WIDTH, HEIGHT));
    assert.ok(!counters.includes(undefined), `a damaged frame: ${counters}`);
    // The scene is a loop, which may begin anew meanwhile.
    const falls = counters.filter((counter, i) => i > 0 && counter! <= counters[i - 1]!);
    assert.ok(falls.length <= 1, `frames ${counters}`);
  });
}
