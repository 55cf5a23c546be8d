/**
 * The relay's pull side, and the pusher, over real sockets: cameras of ours, a web server as cameras have them, and
 * relays on Node. Frames are held, byte for byte, against those of the camera itself.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import sharp from "sharp";
import { testHash } from "../host/simulated/secret.ts";
import { type LiveOptions, startLiveCamera } from "./live-camera.ts";
import { pushPort, watch as watchPort } from "./stream-client.ts";
import { until } from "./watching.ts";

const stopping: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  while (stopping.length > 0) await stopping.pop()!();
});

async function start(options: LiveOptions = {}) {
  const camera = await startLiveCamera({ width: 160, height: 120, ...options });
  stopping.push(() => camera.stop());
  return camera;
}

const pull = (source: string) => start({ settings: { source } });

function watch(port: number, fields?: string) {
  const client = watchPort(port, fields);
  stopping.push(() => void client.socket.destroy());
  return client;
}

test("what our camera sends, viewers of our relay get, byte for byte, and the camera has one viewer", async () => {
  const camera = await start();
  await camera.firstFrame();
  const relay = await pull(`http://127.0.0.1:${camera.port}/stream.jpg`);
  const direct = watch(camera.port);
  await direct.frames(1);
  const viewers = [watch(relay.port), watch(relay.port), watch(relay.port)];
  for (const viewer of viewers) await viewer.frames(30);
  await direct.frames(40);
  const all = new Set(direct.parts.map(({ jpeg }) => Buffer.from(jpeg).toString("base64")));
  const first = direct.parts[0].timestamp;
  for (const { parts } of viewers) {
    const strangers = parts.slice(0, 30).filter(({ jpeg }) => !all.has(Buffer.from(jpeg).toString("base64")));
    // The relay may have had a frame from before the direct viewer came.
    assert.ok(strangers.length <= 2, `${strangers.length} that the camera did not send, since ${first}`);
  }
  const state = await (await fetch(`http://127.0.0.1:${camera.port}/state`)).json();
  assert.equal(state.viewers.length, 2, "the direct one, and the relay");
});

test("a camera with a secret is watched with it, and a wrong one is named", async () => {
  const camera = await start({ settings: { viewer_secret: testHash("look at me") } });
  const relay = await pull(`http://me:look%20at%20me@127.0.0.1:${camera.port}/stream.jpg`);
  await watch(relay.port).frames(5);
  const wrong = await pull(`http://me:look%20away@127.0.0.1:${camera.port}/stream.jpg`);
  await until(async () => wrong.log.length > 0, "a line");
  const [line] = wrong.log;
  assert.equal(line, `source 127.0.0.1:${camera.port}: 401, the user name or the password is wrong, trying again`);
  assert.ok(![...relay.log, ...wrong.log].some((said) => said.includes("look")));
});

test("a web server of another kind is understood, with lengths and chunks and without", async () => {
  const picture = { create: { width: 64, height: 48, channels: 3, background: "teal" } } as const;
  const file = await sharp(picture).jpeg().toBuffer();
  const part = (end: string, hasLength: boolean) => {
    const length = hasLength ? `Content-Length: ${file.length}${end}` : "";
    const head = `--x${end}Content-Type: image/jpeg${end}${length}${end}`;
    return Buffer.concat([Buffer.from(head), file, Buffer.from(end)]);
  };
  const dialect = (end: string, hasLength: boolean, isChunked: boolean): RequestListener => (_request, response) => {
    response.useChunkedEncodingByDefault = isChunked;
    response.setHeader("Content-Type", "multipart/x-mixed-replace; boundary=x");
    const timer = setInterval(() => response.write(part(end, hasLength)), 40);
    response.on("close", () => clearInterval(timer));
  };
  const dialects = new Map([
    ["/lengths", dialect("\r\n", true, false)],
    ["/chunks", dialect("\r\n", false, true)],
    ["/lines?end=lf&lengths", dialect("\n", true, true)],
    ["/lines?end=lf", dialect("\n", false, false)],
  ]);
  const server = createServer((request, response) => dialects.get(request.url!)?.(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stopping.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  for (const path of dialects.keys()) {
    const relay = await pull(`http://localhost:${port}${path}`);
    const viewer = watch(relay.port);
    const parts = await viewer.frames(10);
    assert.ok(parts.every(({ jpeg }) => file.equals(jpeg)), path);
    viewer.socket.destroy();
    await relay.stop();
    stopping.splice(stopping.length - 2, 1);
  }
});

test("a camera that cannot be reached is waited for", async () => {
  const gone = await startLiveCamera();
  await gone.stop();
  const relay = await pull(`http://127.0.0.1:${gone.port}/stream.jpg`);
  await until(async () => relay.log.length > 0, "a line");
  assert.match(relay.log[0], /can't be reached, trying again$/);
  const lost = await pull("http://nobody.invalid/");
  await until(async () => lost.log.length > 0, "a line");
  assert.equal(lost.log[0], "source nobody.invalid:80: no such host, trying again");
});

test("a camera pushes to a relay, from which another relay pulls: what it made comes out at the end", async () => {
  const middle = await start({ settings: { source: "push" } });
  const camera = await start({ settings: { push: `127.0.0.1:${middle.pushPort}` } });
  const end = await pull(`http://127.0.0.1:${middle.port}/stream.jpg`);
  const [first, last] = [watch(camera.port), watch(end.port)];
  await last.frames(30);
  await first.frames(30);
  const made = new Set(first.parts.map(({ jpeg }) => Buffer.from(jpeg).toString("base64")));
  const arrived = last.parts.filter(({ jpeg }) => made.has(Buffer.from(jpeg).toString("base64")));
  assert.ok(arrived.length >= 20, `${arrived.length} frames`);
  const state = await (await fetch(`http://127.0.0.1:${middle.port}/state`)).json();
  assert.equal(state.capture.broken + state.capture.oversized + state.capture.foreign, 0);
});

test("a camera pushes its stream, and does so again when the connection is cut", async () => {
  const sink = await pushPort();
  stopping.push(sink.stop);
  const camera = await start({ settings: { push: `localhost:${sink.port}` } });
  const viewer = watch(camera.port);
  const first = await sink.next();
  await first.frames(20);
  first.socket.resetAndDestroy();
  const second = await sink.next();
  await second.frames(20);
  await viewer.frames(20);
  const shown = new Map(viewer.parts.map(({ sequence, jpeg }) => [sequence, jpeg]));
  const both = [...first.parts, ...second.parts].filter(({ sequence }) => shown.has(sequence));
  assert.ok(both.length > 20, `${both.length} frames`);
  assert.ok(both.every(({ sequence, jpeg }) => Buffer.from(shown.get(sequence)!).equals(jpeg)));
  assert.ok(camera.log.some((line) => line === `push to localhost:${sink.port}: ended the connection, trying again`));
});
