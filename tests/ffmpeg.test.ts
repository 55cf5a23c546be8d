/**
 * The stream as ffmpeg reads it, a demuxer and decoder by others: from the camera on Node and on both boards,
 * every picture whole, of the right size, and later than the one before it.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, it } from "node:test";
import { readCounter } from "../host/scenes/pattern.ts";
import { startEmulatedCamera } from "./emulated-camera.ts";
import { startLinuxCamera } from "./linux-camera.ts";
import { startLiveCamera } from "./live-camera.ts";

const PICTURES = 5;
/** What ffmpeg may take for all of them, ms. */
const PATIENCE = 60_000;

/**
 * Has ffmpeg decode the first pictures of a stream; any complaint of its is an error.
 * @returns their planes as the JPEG has them: luma, then both of chroma
 */
async function decode(url: string): Promise<Buffer> {
  const input = ["-f", "mpjpeg", "-i", url];
  const output = ["-frames:v", String(PICTURES), "-f", "rawvideo", "-"];
  const child = spawn("ffmpeg", ["-nostdin", "-loglevel", "error", "-xerror", ...input, ...output], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE,
  });
  const planes: Buffer[] = [];
  let complaint = "";
  child.stdout.on("data", (piece: Buffer) => planes.push(piece));
  child.stderr.on("data", (piece: Buffer) => (complaint += piece));
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  assert.equal(complaint, "");
  assert.equal(code, 0);
  return Buffer.concat(planes);
}

for (const [name, start] of [
  ["Node", startLiveCamera],
  ["the emulated board", startEmulatedCamera],
  ["the board linux", startLinuxCamera],
] as const) {
  describe(`ffmpeg decodes the stream of ${name}`, () => {
    for (const { width, height, sampling, samples } of [
      { width: 320, height: 240, sampling: "4:2:0", samples: 1.5 },
      { width: 200, height: 120, sampling: "4:4:4", samples: 3 },
      { width: 200, height: 120, sampling: "4:2:2", samples: 2 },
    ]) {
      it(`${width}x${height}, ${sampling}`, async () => {
        const camera = await start({ width, height, settings: { sampling } });
        try {
          const planes = await decode(`http://127.0.0.1:${camera.port}/stream.jpg`);
          const pixels = width * height;
          assert.equal(planes.length, PICTURES * pixels * samples);
          const counters = Array.from({ length: PICTURES }, (_, n) => {
            const at = n * pixels * samples;
            return readCounter(planes.subarray(at, at + pixels), width, height);
          });
          for (let n = 1; n < PICTURES; n++) {
            assert.ok(Number(counters[n]) > Number(counters[n - 1]), `frames ${counters.join(", ")}`);
          }
        } finally {
          await camera.stop();
        }
      });
    }
  });
}
