/** Viewers in the simulated world: fast, slow, stalled, coming and going. What one does, the others do not notice. */

import assert from "node:assert/strict";
import { ClientState } from "../host/simulated/client.ts";
import { CALM, type Conditions, ROUGH } from "../host/simulated/link.ts";
import { Random } from "../host/simulated/random.ts";
import { MILLISECOND, MINUTE, SECOND } from "../host/simulated/timeline.ts";
import type { Viewer } from "../host/simulated/world.ts";
import { checkParts, heapEnd, areGapless, scenario, stateOf } from "./simulated-scenario.ts";

/** A network that cuts what it carries into pieces of every size, but holds nothing up. */
const CHOPPY: Conditions = { ...CALM, delay: [500, 5_000], chunk: [1, 1460] };

scenario(
  "8 viewers, of whom 3 stall for ever and 2 read at a trickle: the other 3 miss nothing",
  { conditions: CHOPPY },
  async (world) => {
    const fast = [world.watch(), world.watch(), world.watch()];
    const slow = [world.watch(), world.watch("/video_feed")];
    const stalled = [world.watch(), world.watch(), world.watch()];
    slow[0].client.readAt(20_000);
    slow[1].client.readAt(3_000);
    stalled[0].client.readAt(0);
    world.run(2 * SECOND);
    stalled[1].client.readAt(0);
    world.run(777 * MILLISECOND);
    stalled[2].client.readAt(0);
    world.run(2 * SECOND);
    assert.equal(stateOf(world).viewers.length, 8);
    world.run(MINUTE);

    for (const viewer of fast) {
      assert.ok(areGapless(viewer.parts));
      assert.ok(viewer.parts[0].sequence <= 2 && viewer.parts.length > 64 * 30);
    }
    for (const viewer of slow) {
      assert.equal(viewer.client.state, ClientState.OPEN);
      assert.ok(viewer.parts.length > 30 && !areGapless(viewer.parts), `${viewer.parts.length} parts`);
    }
    for (const { client } of stalled) assert.equal(client.state, ClientState.RESET, "a peer that takes nothing is cut");
    const { capture, viewers, connections } = stateOf(world);
    assert.equal(viewers.length, 5);
    assert.equal(connections, 6, "the five, and the one that asks");
    assert.equal(capture.published, capture.sequence);
    assert.ok(world.sensor.captures.length - capture.published <= 2, "capture waited for nobody");
    assert.ok((await checkParts(world, [...fast, ...slow, ...stalled])) > 3 * 64 * 30);
  },
);

scenario("viewers come and go 1,000 times: one who stays misses nothing, nothing is left", {}, async (world) => {
  const random = new Random(world.seed);
  const steady = world.watch();
  const gone: Viewer[] = [];
  let viewers: Viewer[] = [];
  world.run(SECOND);
  const before = { heap: heapEnd(world), memory: world.memory!.buffer.byteLength };
  const leave = [
    (viewer: Viewer) => viewer.client.close(),
    (viewer: Viewer) => viewer.client.reset(),
    (viewer: Viewer) => viewer.client.end(),
    (viewer: Viewer) => viewer.client.readAt(0), // its cable was pulled
  ];
  for (let came = 0; came < 1000; came++) {
    const viewer = world.watch("/stream.jpg", random.chance(0.5) ? CALM : ROUGH);
    gone.push(viewer);
    viewers.push(viewer);
    if (random.chance(0.05)) viewer.client.close(); // before it was even let in
    world.run(random.between(0, 400 * MILLISECOND));
    while (viewers.length > random.between(0, 6)) {
      const [leaver] = viewers.splice(random.between(0, viewers.length - 1), 1);
      leave[random.between(0, random.chance(0.1) ? 3 : 2)](leaver);
    }
    viewers = viewers.filter(({ client }) => !client.isOver);
  }
  for (const { client } of viewers) client.reset();
  world.run(30 * SECOND);

  assert.ok(areGapless(steady.parts) && steady.parts[0].sequence <= 2);
  const { connections, viewers: watching, restarts } = stateOf(world);
  assert.deepEqual([connections, watching.length, restarts], [2, 1, 0]);
  assert.equal(world.board.openSockets, 2, "the listener and the steady viewer");
  const watched = gone.filter(({ parts }) => parts.length > 0);
  assert.ok(watched.length > 500, `${watched.length} of them saw something`);
  assert.ok((await checkParts(world, [steady, ...gone])) > 5000);
  assert.deepEqual({ heap: heapEnd(world), memory: world.memory!.buffer.byteLength }, before);
});

scenario("the heap stands still over 10,000 frames and 1,000 connections", {}, (world) => {
  const viewer = world.watch();
  let frames = 0;
  viewer.onPart = () => frames++;
  for (const path of ["/", "/state", "/snapshot.jpg", "/nowhere"]) world.fetch(path);
  const before = { heap: heapEnd(world), memory: world.memory!.buffer.byteLength };
  let answers = 0;
  while (frames < 10_000 || answers < 1000) {
    const path = ["/", "/state", "/snapshot.jpg", "/nowhere", "/stream.jpg"][answers % 5];
    if (path === "/stream.jpg") {
      const passing = world.watch();
      world.runUntil(() => passing.parts.length >= 2, 10 * SECOND, "two frames for a passing viewer");
      passing.client.close();
    } else {
      assert.equal(world.fetch(path).status, path === "/nowhere" ? 404 : 200);
    }
    answers++;
    world.run(300 * MILLISECOND);
  }
  assert.equal(viewer.problem, undefined);
  assert.deepEqual({ heap: heapEnd(world), memory: world.memory!.buffer.byteLength }, before);
  assert.equal(stateOf(world).restarts, 0);
});

scenario("a slow viewer's pictures are no older than what its buffers hold", {}, async (world) => {
  const rate = 20_000;
  const viewer = world.watch();
  viewer.client.readAt(rate);
  world.run(MINUTE);
  const buffers = 64 * 1024 + 16 * 1024;
  const longest = Math.max(...viewer.parts.map(({ jpeg }) => jpeg.length));
  for (const { time, timestamp, sequence } of viewer.parts) {
    const age = time - timestamp;
    assert.ok(age <= ((buffers + 2 * longest) / rate) * SECOND, `frame ${sequence} is ${age} µs old`);
  }
  await checkParts(world, [viewer]);
});

scenario("a viewer that stalls and reads again goes on with the newest", { conditions: CHOPPY }, async (world) => {
  const viewer = world.watch();
  world.run(2 * SECOND);
  viewer.client.readAt(0);
  world.run(9 * SECOND);
  const resumedAt = world.now;
  viewer.client.readAt(Infinity);
  world.run(3 * SECOND);
  assert.equal(viewer.client.state, ClientState.OPEN);
  const fresh = viewer.parts.filter(({ timestamp }) => timestamp > resumedAt);
  assert.ok(fresh.length >= 85, `${fresh.length} fresh frames in 3 s`);
  assert.ok(areGapless(fresh));
  assert.ok(!areGapless(viewer.parts));
  await checkParts(world, [viewer]);
});

scenario("the ninth viewer is put off, and let in once another has left", {}, async (world) => {
  const viewers = Array.from({ length: 8 }, () => world.watch());
  world.run(SECOND);
  const ninth = world.fetch("/stream.jpg");
  assert.equal(ninth.status, 503);
  assert.ok(ninth.headers.has("retry-after"));
  assert.equal(world.fetch("/").status, 200, "the page is there for it");
  viewers[3].client.close();
  world.run(SECOND);
  const late = world.watch();
  world.run(SECOND);
  assert.ok(areGapless(late.parts) && late.parts.length > 25);
  for (const viewer of viewers) assert.ok(areGapless(viewer.parts));
  await checkParts(world, [...viewers, late]);
});

scenario("a crowd of 60 connections: each is answered or turned away, viewers do not notice", {}, async (world) => {
  const viewers = [world.watch(), world.watch()];
  world.run(SECOND);
  const crowd = Array.from({ length: 60 }, () => world.get("/state"));
  world.run(40 * SECOND);
  const answered = crowd.filter(({ response }) => response?.status === 200).length;
  assert.ok(answered >= 14, `${answered} were answered`);
  for (const { client, problem } of crowd) {
    assert.ok(client.isOver);
    assert.equal(problem, undefined);
  }
  for (const viewer of viewers) assert.ok(areGapless(viewer.parts));
  await checkParts(world, viewers);
  assert.equal(stateOf(world).connections, 3);
});

scenario(
  "a network that stalls and resets: viewers who come back see only whole frames",
  { conditions: { ...ROUGH, resetShare: 0.001 } },
  async (world) => {
    const steady = world.watch("/stream.jpg", CALM);
    const all = [steady];
    const watching = Array.from({ length: 6 }, () => world.watch());
    all.push(...watching);
    for (let second = 0; second < 60; second++) {
      world.run(SECOND);
      watching.forEach(({ client }, i) => {
        if (client.isOver) all.push((watching[i] = world.watch()));
      });
    }
    assert.ok(all.length > 20, `${all.length} viewers in all`);
    assert.ok(areGapless(steady.parts));
    assert.ok((await checkParts(world, all)) > 5000);
    assert.equal(stateOf(world).restarts, 0);
  },
);
