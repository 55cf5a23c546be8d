/**
 * Viewers by WebSocket in the simulated world: how old their pictures are over lines of every kind, what they are told
 * when they do not keep to the rules, and that nobody else notices. Frames of single kinds, byte by byte, are looked at
 * in `assembly/__tests__/websocket.spec.ts`, the handshake in `tests/requests/websocket.md`.
 */

import assert from "node:assert/strict";
import { ClientState } from "../host/simulated/client.ts";
import { CALM, type Conditions, ROUGH } from "../host/simulated/link.ts";
import { Random } from "../host/simulated/random.ts";
import { ADMIN_SECRET } from "../host/simulated/secret.ts";
import { MILLISECOND, SECOND } from "../host/simulated/timeline.ts";
import type { SimulatedWorld, WebSocketViewer } from "../host/simulated/world.ts";
import { clientFrame, closeFrame, Opcode } from "../host/simulated/websocket.ts";
import { areGapless, checkParts, heapEnd, scenario, stateOf } from "./simulated-scenario.ts";

/** As much as Linux may keep of a connection, on either side. */
const DEEP = { sendBytes: 4 << 20, receiveBytes: 4 << 20 };
const SHALLOW = { sendBytes: 2000, receiveBytes: 2000 };

/** Frames are ten times as small here as usual ones, and so are the pieces in which they travel. */
function line(bytesPerSecond: number, roundTrip: number): Conditions {
  return { ...CALM, delay: [roundTrip / 2, roundTrip / 2 + 100], chunk: [146, 146], bytesPerSecond };
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** A median's worth of a viewer's parts from `from` on: bytes, age, age beside sending and half a round trip, rate. */
function figures({ parts }: { parts: WebSocketViewer["parts"] }, from: number, until: number) {
  const seen = parts.filter(({ time }) => time > from);
  assert.ok(seen.length > 2, "nothing was seen");
  const ages = seen.map(({ time, timestamp }) => time - timestamp);
  const bytes = median(seen.map(({ jpeg }) => jpeg.length));
  return { bytes, age: median(ages), oldest: Math.max(...ages), fps: (seen.length * SECOND) / (until - from) };
}

/** Bytes a second, the round trip, and how much of what the line carries is to be used at least. Frames: some 2 KB. */
const LINES: [name: string, bytesPerSecond: number, roundTrip: number, share: number][] = [
  ["near and fast", 1_250_000, MILLISECOND, 1],
  ["as fast, 40 ms away", 1_250_000, 40 * MILLISECOND, 1],
  ["as fast, 200 ms away", 1_250_000, 200 * MILLISECOND, 1],
  ["as fast, 400 ms away", 1_250_000, 400 * MILLISECOND, 1],
  ["hardly fast enough, 40 ms away", 80_000, 40 * MILLISECOND, 1],
  ["half as fast, near", 25_000, 2 * MILLISECOND, 0.75],
  ["half as fast, 40 ms away", 25_000, 40 * MILLISECOND, 0.75],
  ["half as fast, 200 ms away", 25_000, 200 * MILLISECOND, 0.75],
  ["slow, near", 8_000, 2 * MILLISECOND, 0.75],
  ["slow, 40 ms away", 8_000, 40 * MILLISECOND, 0.75],
  ["slow, 200 ms away", 8_000, 200 * MILLISECOND, 0.4],
];

for (const [name, rate, roundTrip, share] of LINES) {
  scenario(`pictures are young, whatever buffers lie between: a line that is ${name}`, {}, async (world) => {
    const viewer = world.watchByWebSocket(line(rate, roundTrip), DEEP);
    world.run(20 * SECOND);
    const { bytes, oldest, fps } = figures(viewer, 5 * SECOND, world.now);
    const own = (bytes / rate) * SECOND + roundTrip / 2;
    assert.ok(oldest - own < 0.3 * SECOND, `one was ${oldest} µs old, of which ${own} were its way`);
    const most = Math.min(30, rate / (bytes + 120));
    assert.ok(fps >= share * most * 0.99, `${fps} frames a second, of ${most}`);
    assert.equal(viewer.problem, undefined);
    await checkParts(world, [viewer]);
  });
}

scenario("by the other way the same line shows the past: so much do the buffers hold", {}, (world) => {
  const viewer = world.watch("/stream.jpg", line(8_000, 2 * MILLISECOND), DEEP);
  world.run(30 * SECOND);
  const { age } = figures(viewer, 25 * SECOND, world.now);
  assert.ok(age > 10 * SECOND, `${age} µs`);
});

scenario("a program that reads slowly sees what is young, behind buffers of any size", {}, async (world) => {
  const viewer = world.watchByWebSocket(CALM, DEEP);
  world.run(5 * SECOND);
  assert.ok(areGapless(viewer.parts));
  viewer.client.readAt(8_000);
  world.run(25 * SECOND);
  const { bytes, oldest } = figures(viewer, 10 * SECOND, world.now);
  assert.ok(oldest < (bytes / 8_000) * SECOND + 0.3 * SECOND, `one was ${oldest} µs old`);
  const [{ age }] = stateOf(world).viewers;
  assert.ok(age > bytes / 8_000 && age < 1, `the camera says ${age}`);
  viewer.client.readAt(Infinity);
  world.run(5 * SECOND);
  const after = viewer.parts.filter(({ time }) => time > 33 * SECOND);
  assert.ok(areGapless(after) && after.length > 55, "all of them again");
  await checkParts(world, [viewer]);
});

scenario("over bad wireless it misses little more than by the other way", { conditions: ROUGH }, async (world) => {
  const viewer = world.watchByWebSocket();
  const other = world.watch();
  world.run(60 * SECOND);
  assert.ok(viewer.parts.length > 0.8 * other.parts.length, `${viewer.parts.length} of ${other.parts.length}`);
  await checkParts(world, [viewer]);
});

scenario("eight viewers by both ways; the ninth is put off; slow ones are nobody's business", {}, async (world) => {
  const fast = [world.watchByWebSocket(), world.watchByWebSocket(undefined, SHALLOW)];
  const others = [world.watch(), world.watch()];
  const slow = Array.from({ length: 4 }, () => world.watchByWebSocket(line(6_000, 5 * MILLISECOND), DEEP));
  world.run(SECOND);
  const ninth = world.watchByWebSocket();
  world.run(20 * SECOND);
  assert.equal(ninth.socket.status, 503);
  for (const viewer of [...fast, ...others]) assert.ok(areGapless(viewer.parts) && viewer.parts.length > 590);
  for (const viewer of slow) assert.ok(viewer.parts.length > 20 && !areGapless(viewer.parts));
  const { viewers } = stateOf(world);
  assert.equal(viewers.length, 8);
  const sent = viewers.map((viewer: { sent: number }) => viewer.sent).sort((a: number, b: number) => a - b);
  assert.ok(sent[4] >= 619, `sent: ${sent}`);
  await checkParts(world, [...fast, ...others, ...slow]);
});

scenario("who acknowledges nothing is cut after 10 s, though it answers pings and sends some", {}, (world) => {
  const silent = world.watchByWebSocket(CALM, DEEP);
  silent.socket.acknowledges = false;
  const pinging = world.watchByWebSocket(CALM, DEEP);
  pinging.socket.acknowledges = false;
  const late = world.watchByWebSocket(CALM, DEEP);
  late.socket.acknowledges = false;
  const steady = world.watchByWebSocket();
  for (let second = 0; second < 9; second++) {
    world.run(SECOND);
    pinging.client.send(clientFrame(Opcode.PING, String(second)));
  }
  late.socket.acknowledge(late.parts[0].sequence);
  world.run(0.5 * SECOND);
  assert.equal(silent.client.state, ClientState.OPEN);
  assert.equal(silent.parts.length, 1, "one frame, as long as nothing is known");
  world.run(2 * SECOND);
  assert.deepEqual(
    [silent, pinging, late].map(({ client }) => client.state),
    [ClientState.RESET, ClientState.RESET, ClientState.OPEN],
  );
  assert.deepEqual(pinging.socket.pongs, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
  world.run(10 * SECOND);
  assert.equal(late.client.state, ClientState.RESET);
  assert.ok(areGapless(steady.parts));
  assert.equal(stateOf(world).viewers.length, 1);
});

scenario("who takes a frame by drops is not cut while some of it is taken", {}, (world) => {
  const viewer = world.watchByWebSocket(CALM, { sendBytes: 500, receiveBytes: 500 });
  viewer.client.readAt(100);
  world.run(70 * SECOND);
  assert.equal(viewer.client.state, ClientState.OPEN);
  assert.ok(viewer.parts.length >= 2);
  viewer.client.readAt(0);
  world.run(12 * SECOND);
  assert.equal(viewer.client.state, ClientState.RESET);
});

scenario("a viewer that answers no ping has one frame after the other, and no more at once", {}, async (world) => {
  const viewer = world.watchByWebSocket(line(1_250_000, 100 * MILLISECOND), DEEP);
  viewer.socket.answersPings = false;
  world.run(10 * SECOND);
  assert.equal(viewer.socket.pings, 1);
  assert.ok(viewer.parts.length > 85, `${viewer.parts.length} parts`);
  await checkParts(world, [viewer]);
});

/** What a viewer says, and what the camera closes with. */
const WRONGS: [what: string, said: Buffer, code: number][] = [
  ["closes for no reason", closeFrame(), 1005],
  ["closes as is usual", closeFrame(1000, "bye"), 1000],
  ["goes away", closeFrame(1001), 1001],
  ["closes for a reason of its own", closeFrame(4711), 4711],
  ["closes with a code that is never sent", closeFrame(1006), 1002],
  ["does not mask", Buffer.from([0x81, 1, 0x31]), 1002],
  ["sends a binary message", clientFrame(Opcode.BINARY, "1"), 1003],
  ["sends what is no number", clientFrame(Opcode.TEXT, "1a"), 1007],
  ["sends nothing", clientFrame(Opcode.TEXT), 1007],
  ["sends a number that is too large", clientFrame(Opcode.TEXT, "4294967297"), 1007],
  ["sends a longer one", clientFrame(Opcode.TEXT, "18446744073709551617"), 1007],
  ["sends what is not UTF-8", clientFrame(Opcode.TEXT, Buffer.from([0xff])), 1007],
  ["acknowledges what it was not sent", clientFrame(Opcode.TEXT, "4294967295"), 1008],
  ["acknowledges no frame", clientFrame(Opcode.TEXT, "0"), 1008],
  ["sends a long message", clientFrame(Opcode.TEXT, "1".repeat(65)), 1009],
  ["announces a gigantic message", Buffer.from("81ff7fffffffffffffff", "hex"), 1009],
];

scenario("who does not keep to the rules is told so and closed; nobody else notices", {}, async (world) => {
  const steady = world.watchByWebSocket();
  const random = new Random(world.seed);
  for (const [what, said, code] of WRONGS) {
    for (const isCut of [false, true]) {
      const viewer = world.watchByWebSocket(CALM, random.chance(0.5) ? SHALLOW : undefined);
      world.run(random.between(300, 700) * MILLISECOND);
      viewer.socket.acknowledges = viewer.socket.answersPings = false; // or it would say that between the pieces
      for (let at = 0; at < said.length; ) {
        const length = isCut ? random.between(1, 3) : said.length;
        viewer.client.send(said.subarray(at, at + length));
        at += length;
        if (isCut) world.run(random.between(0, 20) * MILLISECOND);
      }
      world.run(SECOND);
      assert.equal(viewer.socket.closed?.code, code, `who ${what}`);
      assert.equal(viewer.problem, undefined, `who ${what}`);
      assert.equal(viewer.client.state, ClientState.ENDED, `who ${what}`);
      assert.ok(viewer.parts.length >= 8 && areGapless(viewer.parts));
      await checkParts(world, [viewer]);
    }
  }
  assert.ok(areGapless(steady.parts));
  assert.deepEqual([stateOf(world).viewers.length, world.board.openSockets], [1, 2]);
});

scenario("the close waits for the end of the frame that is under way", {}, (world) => {
  const viewer = world.watchByWebSocket(line(1_000, MILLISECOND), SHALLOW);
  world.runUntil(() => viewer.socket.status === 101, SECOND);
  world.run(SECOND);
  assert.equal(viewer.parts.length, 0, "it is in the middle of the first");
  viewer.client.send(clientFrame(Opcode.PING, "one")).send(clientFrame(Opcode.PING, "two")).send(closeFrame(1000));
  world.runUntil(() => viewer.client.isOver, 10 * SECOND);
  assert.equal(viewer.parts.length, 1);
  assert.deepEqual([viewer.socket.closed?.code, viewer.problem], [1000, undefined]);
});

scenario("only the last of many pings needs its pong: nothing piles up", {}, (world) => {
  const viewer = world.watchByWebSocket(CALM, { sendBytes: 500, receiveBytes: 500 });
  viewer.socket.acknowledges = false;
  viewer.client.readAt(500);
  world.run(SECOND);
  for (let n = 0; n < 100; n++) viewer.client.send(clientFrame(Opcode.PING, `${n}`.padStart(125, "-")));
  world.run(5 * SECOND);
  const { pongs } = viewer.socket;
  assert.ok(pongs.length >= 1 && pongs.length <= 3, `${pongs.length} pongs`);
  assert.equal(pongs.at(-1), "99".padStart(125, "-"));
  assert.equal(viewer.problem, undefined);
});

scenario("a viewer that half closes, or resets, or is gone, leaves nothing behind", {}, (world) => {
  world.watchByWebSocket();
  world.run(SECOND);
  const heap = heapEnd(world);
  const random = new Random(world.seed);
  for (let n = 0; n < 200; n++) {
    const viewer = world.watchByWebSocket(random.chance(0.5) ? CALM : ROUGH, random.chance(0.5) ? SHALLOW : DEEP);
    world.run(random.between(0, 200) * MILLISECOND);
    if (random.chance(0.3)) viewer.client.end();
    else if (random.chance(0.5)) viewer.client.reset();
    else if (random.chance(0.5)) viewer.client.send(closeFrame(1001)).close();
    else viewer.client.close();
  }
  world.run(12 * SECOND);
  assert.deepEqual([stateOf(world).viewers.length, world.board.openSockets], [1, 2]);
  assert.equal(heapEnd(world), heap, "the heap stands still");
  assert.equal(world.board.restarts, 0);
});

scenario("the viewer secret is asked for, and a new one ends what runs", {}, (world) => {
  const open = world.watchByWebSocket();
  world.run(SECOND);
  assert.equal(open.socket.status, 101);
  world.fetch("/secret", { method: "POST", body: "viewer=only+friends" });
  world.run(SECOND);
  assert.equal(open.client.state, ClientState.RESET);
  const asks = (authorization?: string): WebSocketViewer => {
    const fields = authorization === undefined ? undefined : { Authorization: authorization };
    const viewer = world.watchByWebSocket(undefined, undefined, fields);
    world.run(2 * SECOND);
    return viewer;
  };
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  const stranger = asks();
  assert.equal(stranger.socket.status, 401);
  assert.match(stranger.socket.head, /WWW-Authenticate: Basic/);
  assert.equal(asks(basic("me:nonsense")).socket.status, 401);
  for (const right of [basic("me:only friends"), "Bearer only friends", `Bearer ${ADMIN_SECRET}`]) {
    const friend = asks(right);
    assert.ok(friend.parts.length > 20, right);
    friend.client.close();
  }
  assert.ok(world.log.every(({ text }) => !text.includes("only friends")));
});

scenario("a page that is listed may open one, another may not", { settings: { size: "64x48" } }, (world) => {
  const from = (origin: string): number => {
    const viewer = world.watchByWebSocket(undefined, undefined, { Origin: origin });
    world.run(SECOND);
    viewer.client.reset();
    return viewer.socket.status;
  };
  const page = "http://dashboard.lan:8123";
  assert.deepEqual([from("http://camera"), from("https://camera"), from(page)], [101, 101, 403]);
  world.fetch("/access", { method: "POST", body: `origins=${encodeURIComponent(page)}` });
  assert.deepEqual([from(page), from("http://evil.example"), from("null")], [101, 403, 403]);
});

/** Frames by chance: mostly good ones, some with a wrong bit, and in the end maybe anything. */
function nearlyFrames(random: Random): Buffer {
  const frames: Buffer[] = [];
  for (let n = random.between(1, 6); n > 0; n--) {
    const { PING, PONG, TEXT, CONTINUATION, CLOSE } = Opcode;
    const opcodes = [PING, PONG, PING, PONG, TEXT, CONTINUATION, CLOSE];
    const payload = new Uint8Array(random.chance(0.2) ? random.between(60, 130) : random.between(0, 4));
    random.fill(payload);
    const frame = clientFrame(opcodes[random.between(0, opcodes.length - 1)], payload, random.chance(0.9));
    if (random.chance(0.2)) frame[random.between(0, 5)] ^= 1 << random.between(0, 7);
    frames.push(frame);
  }
  return Buffer.concat(frames);
}

/** How the camera ends a WebSocket on which that is said, cut into pieces or whole. */
function endingOf(world: SimulatedWorld, said: Buffer, isCut: boolean): number | undefined {
  const viewer = world.watchByWebSocket();
  viewer.socket.answersPings = false;
  viewer.socket.acknowledges = false;
  world.run(100 * MILLISECOND);
  if (isCut) for (const byte of said) viewer.client.send(Uint8Array.of(byte));
  else viewer.client.send(said);
  world.run(200 * MILLISECOND);
  assert.equal(viewer.problem, undefined, said.toString("hex"));
  viewer.client.reset();
  world.run(10 * MILLISECOND);
  return viewer.socket.closed?.code;
}

scenario("frames by chance end the same whole and byte by byte, and never in a trap", {}, (world) => {
  const random = new Random(world.seed + 100);
  const codes = new Set<number | undefined>();
  for (let n = 0; n < (process.env.LONG ? 2000 : 150); n++) {
    const said = nearlyFrames(random);
    const code = endingOf(world, said, false);
    assert.equal(endingOf(world, said, true), code, said.toString("hex"));
    codes.add(code);
  }
  assert.equal(world.board.restarts, 0);
  assert.ok([undefined, 1002, 1007, 1009].every((code) => codes.has(code)), [...codes].join());
});
