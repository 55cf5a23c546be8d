/**
 * Boards that connect to others: the board linux fetches a stream and pushes one, the emulated board pushes one, by
 * address and by name. At the end of the chain ffmpeg, a reader by others, takes every picture without a complaint.
 * And what a camera is to show to another one, no camera shows to anybody else.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { afterEach, test } from "node:test";
import { ADMIN_SECRET, bearer } from "../host/simulated/secret.ts";
import { startEmulatedCamera } from "./emulated-camera.ts";
import { startLinuxCamera } from "./linux-camera.ts";
import { startLiveCamera } from "./live-camera.ts";
import { pushPort, type StreamClient, watch } from "./stream-client.ts";
import { stateOf, until } from "./watching.ts";

const SIZE = { width: 160, height: 120 };
/** How QEMU's network calls this computer, from the board's side. */
const THIS_COMPUTER = "10.0.2.2";
const PATIENCE = 60_000;

const stopping: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  while (stopping.length > 0) await stopping.pop()!();
});

async function begun<Camera extends { stop(): Promise<void> }>(starting: Promise<Camera>): Promise<Camera> {
  const camera = await starting;
  stopping.push(() => camera.stop());
  return camera;
}

/** Has ffmpeg decode some pictures of a stream. @returns its complaints */
async function ffmpeg(port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}/stream.jpg`;
  const args = ["-nostdin", "-loglevel", "error", "-xerror", "-f", "mpjpeg", "-i", url, "-frames:v", "10"];
  const child = spawn("ffmpeg", [...args, "-f", "null", "-"], {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: PATIENCE,
  });
  let complaint = "";
  child.stderr.on("data", (piece: Buffer) => (complaint += piece));
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  return code === 0 ? complaint : `${complaint} (${code})`;
}

/** Frames of both by their numbers are the same. @returns how many both have */
function compare(pushed: StreamClient, direct: StreamClient): number {
  const shown = new Map(direct.parts.map(({ sequence, jpeg }) => [sequence, jpeg]));
  const both = pushed.parts.filter(({ sequence }) => shown.has(sequence));
  for (const { sequence, jpeg } of both) assert.ok(Buffer.from(shown.get(sequence)!).equals(jpeg), `frame ${sequence}`);
  return both.length;
}

test("the board linux shows what a camera streams, by its name, and ffmpeg reads it", async () => {
  const camera = await begun(startLiveCamera(SIZE));
  await camera.firstFrame();
  const source = `http://localhost:${camera.port}/stream.jpg`;
  const relay = await begun(startLinuxCamera({ ...SIZE, settings: { source } }));
  const [direct, relayed] = [watch(camera.port), watch(relay.port)];
  await relayed.frames(30);
  await direct.frames(30);
  const files = new Set(direct.parts.map(({ jpeg }) => Buffer.from(jpeg).toString("base64")));
  const known = relayed.parts.filter(({ jpeg }) => files.has(Buffer.from(jpeg).toString("base64")));
  assert.ok(known.length >= 20, `${known.length} frames`);
  assert.equal(await ffmpeg(relay.port), "");
  for (const { socket } of [direct, relayed]) socket.destroy();
});

test("the board linux names what it can't reach, and goes on", async () => {
  const gone = await startLiveCamera(SIZE);
  await gone.stop();
  for (const [source, why] of [
    [`http://127.0.0.1:${gone.port}/`, "can't be reached"],
    [`http://localhost:${gone.port}/`, "can't be reached"],
    ["http://nobody.invalid/", "no such host"],
  ]) {
    const relay = await begun(startLinuxCamera({ ...SIZE, settings: { source } }));
    await relay.line(new RegExp(`: ${why}, trying again$`));
    assert.equal((await stateOf(`http://127.0.0.1:${relay.port}`)).capture.upstream.trouble, why);
  }
});

test("the board linux pushes its stream, again after a cut, and viewers see the same", async () => {
  const sink = await pushPort();
  stopping.push(sink.stop);
  const camera = await begun(startLinuxCamera({ ...SIZE, settings: { push: `localhost:${sink.port}` } }));
  const first = await sink.next();
  await first.frames(5);
  first.socket.resetAndDestroy();
  const second = await sink.next();
  const direct = watch(camera.port);
  await direct.frames(20);
  await until(async () => compare(second, direct) >= 10, "frames that both have");
  const { push } = await stateOf(`http://127.0.0.1:${camera.port}`);
  assert.equal(push.state, "pushing");
  assert.ok(push.sent >= 10);
  assert.equal(second.reader.problem, undefined);
  direct.socket.destroy();
});

test("the emulated board pushes its stream to a relay on Node, whose viewers see the board's frames", async () => {
  const relay = await begun(startLiveCamera({ ...SIZE, settings: { source: "push" } }));
  const push = `${THIS_COMPUTER}:${relay.pushPort}`;
  const camera = await begun(startEmulatedCamera({ ...SIZE, settings: { push } }));
  const [direct, relayed] = [watch(camera.port), watch(relay.port)];
  await direct.frames(30);
  await relayed.frames(30);
  const made = new Set(direct.parts.map(({ jpeg }) => Buffer.from(jpeg).toString("base64")));
  const arrived = relayed.parts.filter(({ jpeg }) => made.has(Buffer.from(jpeg).toString("base64")));
  assert.ok(arrived.length >= 10, `${arrived.length} frames`);
  assert.equal((await stateOf(`http://127.0.0.1:${camera.port}`)).push.state, "pushing");
  assert.equal(await ffmpeg(relay.port), "");
  for (const { socket } of [direct, relayed]) socket.destroy();
});

for (const [where, startCamera] of [
  ["Node", startLiveCamera],
  ["the board linux", startLinuxCamera],
  ["the emulated board", startEmulatedCamera],
] as const) {
  test(`what others are shown, user name and password, is nowhere to be seen on ${where}`, async () => {
    const settings = { source: "http://bob:hunter2@127.0.0.1:1/stream?key=hunter3", push: "bob:hunter2@relay:9999" };
    const { port } = await begun<{ port: number; stop(): Promise<void> }>(startCamera({ ...SIZE, settings }));
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await fetch(`${url}/snapshot.jpg`)).status, 503); // it has tried, then
    const state = await (await fetch(`${url}/state`)).text();
    assert.equal(JSON.parse(state).capture.upstream.address, "127.0.0.1:1");
    const log = await (await fetch(`${url}/log`, { headers: bearer(ADMIN_SECRET) })).text();
    assert.match(log, /setting ignored, it is no host:port: push/);
    assert.doesNotMatch(state + log, /hunter|bob/);
  });
}
