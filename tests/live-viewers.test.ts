/** The camera on Node, live: viewers over real sockets, visits through fetch, and a module that fails. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import { openServer } from "../host/live/network.ts";
import { LiveWorld } from "../host/live/world.ts";
import { MemorySettings } from "../host/settings.ts";
import { SoftSensor } from "../host/soft-sensor.ts";
import { PATTERN, PHOTOS_FOLDER, renderScene, Scene } from "../host/scenes/file.ts";
import { readCounter } from "../host/scenes/pattern.ts";
import { compileFailingModule, Way } from "./failing-module.ts";
import { type LiveCamera, startLiveCamera } from "./live-camera.ts";
import { watch as watchPort } from "./stream-client.ts";

/** How long anything may take that is waited for, ms. */
const PATIENCE = 60_000;

let camera: LiveCamera;
before(async () => {
  camera = await startLiveCamera({ profile: "server" });
  await camera.firstFrame();
});
after(() => camera.stop());

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await isSo())) {
    if (performance.now() > deadline) assert.fail(`waited in vain for ${what}`);
    await sleep(10);
  }
}

const get = (path: string, { port } = camera) => fetch(`http://127.0.0.1:${port}${path}`);
const state = async (of = camera) => (await get("/state", of)).json();

/** A viewer on a raw socket, which keeps the parts that it gets. */
const watch = ({ port } = camera) => watchPort(port);

test("32 viewers at once see whole frames, the same ones, in order", async () => {
  const viewers = Array.from({ length: 32 }, () => watch());
  await until(() => viewers.every(({ parts }) => parts.length >= 20), "20 frames for each");
  const files = new Map<number, Buffer>();
  for (const { socket, reader, parts } of viewers) {
    socket.destroy();
    assert.equal(reader.problem, undefined);
    assert.equal(reader.responses[0].status, 200);
    parts.forEach(({ sequence, jpeg }, i) => {
      assert.ok(i === 0 || sequence > parts[i - 1].sequence);
      assert.ok((files.get(sequence) ?? jpeg).equals(jpeg), `frame ${sequence} differs from one viewer to another`);
      files.set(sequence, jpeg);
    });
  }
  const counters = new Set<number | undefined>();
  for (const jpeg of files.values()) {
    const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
    counters.add(readCounter(data, info.width, info.height));
  }
  assert.ok(!counters.has(undefined), "every frame shows a counter");
  assert.ok(counters.size >= 20);
  await until(async () => (await state()).viewers.length === 0, "the camera to notice that they left");
});

test("a viewer that does not read costs the others nothing, and then goes on with the newest", async (t) => {
  // The lazy one is behind only when its kernel's buffer is full: large frames fill it soon.
  const large = await startLiveCamera({ scene: PHOTOS_FOLDER, width: 800, height: 600, settings: { quality: "95" } });
  t.after(() => large.stop());
  const [steady, lazy] = [watch(large), watch(large)];
  lazy.socket.pause();
  await until(async () => {
    const sent: number[] = (await state(large)).viewers.map((viewer: { sent: number }) => viewer.sent);
    return Math.max(...sent) - Math.min(...sent) > 20;
  }, "the lazy one to fall behind");
  const before = lazy.parts.length;
  lazy.socket.resume();
  const newest = steady.parts.at(-1)!.sequence;
  await until(() => (lazy.parts.at(-1)?.sequence ?? 0) > newest, "the newest frame");
  assert.ok(lazy.parts.length > before);
  assert.ok(lazy.parts.some(({ sequence }, i) => i > 0 && sequence > lazy.parts[i - 1].sequence + 1), "it missed some");
  for (const { socket, reader, parts } of [steady, lazy]) {
    socket.destroy();
    assert.equal(reader.problem, undefined);
    assert.ok(parts.every(({ sequence }, i) => i === 0 || sequence > parts[i - 1].sequence));
  }
});

test("200 visits leave nothing behind", async () => {
  for (let visit = 0; visit < 200; visit++) {
    const path = ["/", "/state", "/snapshot.jpg", "/nowhere"][visit % 4];
    const response = await get(path);
    assert.equal(response.status, path === "/nowhere" ? 404 : 200);
    const body = Buffer.from(await response.arrayBuffer());
    if (path === "/snapshot.jpg") assert.equal((await sharp(body).metadata()).format, "jpeg");
    if (visit % 10 === 0) watch().socket.resetAndDestroy();
  }
  await until(async () => {
    const { connections, viewers } = await state();
    return connections <= 5 && viewers.length === 0; // fetch keeps a connection or two
  }, "the connections to be free");
});

test("the server profile has room for many", async () => {
  const { limits, board } = await state();
  assert.ok(limits.viewers >= 128 && limits.connections > limits.viewers, JSON.stringify(limits));
  assert.equal(board, "node");
});

test("a module that fails is started afresh, and the port stays", async () => {
  const server = await openServer("127.0.0.1", 0);
  const { port } = server.address() as AddressInfo;
  const log: string[] = [];
  const world = new LiveWorld({
    module: await compileFailingModule(),
    server,
    sensor: new SoftSensor(new Scene(await renderScene({ scene: PATTERN, width: 8, height: 8, format: Format.GRAY }))),
    settings: new MemorySettings([["way", Way.ACCEPT]]),
    log: (_level, text) => log.push(text),
  });
  try {
    for (const pause of [100, 200]) {
      await until(async () => {
        const peer = connect(port, "127.0.0.1");
        await new Promise((resolve) => peer.once("error", resolve).once("close", resolve));
        return log.some((line) => /^the module stopped: unreachable, /.test(line) && line.endsWith(` in ${pause} ms`));
      }, "the failure");
    }
    assert.equal(world.board.restarts, 2);
  } finally {
    await world.stop();
  }
  const peer = connect(port, "127.0.0.1");
  const [error] = await once(peer, "error");
  assert.equal(error.code, "ECONNREFUSED", "after the end the port is free");
});
