/** The simulated world itself: it repeats from its seed, and its network does what the drawing in link.ts says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Close, Fault, Ready } from "../host/board-table.ts";
import { ClientState } from "../host/simulated/client.ts";
import { CALM, type Conditions, ROUGH } from "../host/simulated/link.ts";
import { SimulatedNetwork } from "../host/simulated/network.ts";
import { Random } from "../host/simulated/random.ts";
import { SECOND, Timeline } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { module, scene, SETTINGS } from "./simulated-scenario.ts";

/** A network whose camera is the test. */
class Bench {
  readonly timeline = new Timeline();
  readonly network: SimulatedNetwork;
  readonly listener;

  constructor(seed = 1) {
    this.network = new SimulatedNetwork(this.timeline, new Random(seed), () => {});
    this.listener = this.network.listen(80)!;
  }

  run(duration: number): void {
    const end = this.timeline.now + duration;
    while (this.timeline.next <= end) this.timeline.runNext();
    this.timeline.advance(end);
  }

  /** A client that is connected, and the camera's end of it. */
  pair(conditions: Conditions = CALM) {
    const client = this.network.connect(80, conditions, "10.0.0.2");
    const chunks: Uint8Array[] = [];
    client.onBytes = (bytes) => chunks.push(bytes);
    this.run(SECOND);
    const connection = this.listener.accept();
    assert.ok(connection);
    return { client, connection, got: () => Buffer.concat(chunks) };
  }
}

function bytesUpTo(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255));
}

/** A minute in which chance has a say in everything. */
function eventfulMinute(seed: number): SimulatedWorld {
  const conditions = { ...ROUGH, resetShare: 0.0005 };
  const faults = { stall: 0.002, tear: 0.02 };
  const world = new SimulatedWorld({ module, scene, seed, settings: SETTINGS, conditions, faults });
  const viewers = [world.watch(), world.watch(), world.watch()];
  viewers[1].client.readAt(30_000);
  world.run(20 * SECOND);
  viewers[2].client.close();
  world.get("/state");
  world.run(40 * SECOND);
  return world;
}

test("the same seed gives the same minute, byte for byte; another seed another", () => {
  const worlds = [eventfulMinute(5), eventfulMinute(5), eventfulMinute(6)];
  const [one, again, other] = worlds.map(({ transcript, steps, log }) => ({ transcript, steps, log }));
  assert.deepEqual(again, one);
  assert.notEqual(other.transcript, one.transcript);
});

test("what happens at one time happens in the order in which it was planned", () => {
  const timeline = new Timeline();
  const seen: number[] = [];
  const random = new Random(9);
  const planned = Array.from({ length: 500 }, (_, i) => ({ i, time: random.between(0, 40) }));
  for (const { i, time } of planned) timeline.at(time, () => seen.push(i));
  while (timeline.next < Infinity) timeline.runNext();
  assert.deepEqual(seen, planned.sort((a, b) => a.time - b.time || a.i - b.i).map(({ i }) => i));
  assert.equal(timeline.now, Math.max(...planned.map(({ time }) => time)));
});

test("chance keeps within its bounds and uses all of them", () => {
  const random = new Random(3);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) counts[random.between(5, 9) - 5]++;
  for (const count of counts) assert.ok(count > 1800 && count < 2200, String(counts));
  let hits = 0;
  for (let i = 0; i < 10_000; i++) if (random.chance(0.25)) hits++;
  assert.ok(hits > 2300 && hits < 2700, String(hits));
});

for (const [name, conditions] of [["calm", CALM], ["rough", ROUGH]] as const) {
  test(`over a ${name} network both directions carry every byte, in order`, () => {
    const bench = new Bench();
    const { client, connection, got } = bench.pair(conditions);
    const memory = bytesUpTo(200_000);
    const received: Buffer[] = [];
    client.send(memory).end();
    for (let sent = 0; sent < memory.length || !client.isOver; bench.run(1000)) {
      const count = sent < memory.length ? connection.send(memory, sent, memory.length) : 0;
      if (count > 0) sent += count;
      if (sent === memory.length && count > 0) connection.close(Close.ORDERLY);
      const room = Buffer.alloc(5000);
      const length = sent < memory.length ? connection.receive(room, 0, 5000) : 0;
      if (length > 0) received.push(room.subarray(0, length));
      assert.ok(bench.timeline.now < 600 * SECOND, "it never ends");
    }
    assert.equal(client.state, ClientState.ENDED);
    assert.ok(got().equals(memory));
    const head = Buffer.concat(received);
    assert.ok(head.length > 0 && head.equals(memory.subarray(0, head.length)));
  });
}

test("what was sent is the network's own: changing it after changes nothing", () => {
  const bench = new Bench();
  const { connection, got } = bench.pair();
  const memory = Buffer.from("as it was");
  assert.equal(connection.send(memory, 0, memory.length), 9);
  memory.fill(0);
  bench.run(SECOND);
  assert.equal(got().toString(), "as it was");
});

test("a client that stalls lets no more through than the buffers hold, and all of it once it reads", () => {
  const bench = new Bench();
  const { client, connection, got } = bench.pair();
  client.readAt(0);
  const memory = bytesUpTo(200_000);
  let sent = 0;
  for (let i = 0; i < 1000; i++, bench.run(1000)) {
    const count = connection.send(memory, sent, memory.length);
    if (count > 0) sent += count;
  }
  assert.equal(sent, (64 + 16) * 1024);
  assert.equal(connection.send(memory, sent, memory.length), Fault.AGAIN);
  assert.equal(connection.writable, false);
  assert.equal(client.received, 0);
  client.readAt(Infinity);
  bench.run(SECOND);
  assert.ok(got().equals(memory.subarray(0, sent)));
  assert.equal(connection.writable, true);
});

test("a client reads as fast as it is told", () => {
  const bench = new Bench();
  const { client, connection } = bench.pair();
  client.readAt(10_000);
  const memory = bytesUpTo(200_000);
  let sent = 0;
  for (let i = 0; i < 5000; i++, bench.run(1000)) {
    const count = connection.send(memory, sent, memory.length);
    if (count > 0) sent += count;
  }
  assert.ok(Math.abs(client.received - 50_000) < 500, `${client.received} bytes in 5 s`);
});

test("the end of what a client sends comes after it, a reset at once", () => {
  const bench = new Bench();
  const room = Buffer.alloc(64);
  const ending = bench.pair();
  ending.client.send("last words").end();
  bench.run(SECOND);
  assert.equal(ending.connection.receive(room, 0, 64), 10);
  assert.equal(ending.connection.receive(room, 0, 64), Fault.END);
  const resetting = bench.pair();
  resetting.client.send("last words").reset();
  bench.run(SECOND);
  assert.equal(resetting.connection.receive(room, 0, 64), Fault.CLOSED);
  assert.equal(resetting.connection.send(room, 0, 64), Fault.CLOSED);
});

test("an orderly close delivers what was taken, and gives up on who does not read", () => {
  const bench = new Bench();
  const memory = bytesUpTo(10_000);
  const patient = bench.pair();
  assert.equal(patient.connection.send(memory, 0, 10_000), 10_000);
  patient.connection.close(Close.ORDERLY);
  patient.client.send("and still it talks");
  bench.run(SECOND);
  assert.equal(patient.client.state, ClientState.ENDED);
  assert.ok(patient.got().equals(memory));

  const stalled = bench.pair();
  stalled.client.readAt(0);
  const whole = bytesUpTo(100_000);
  for (let sent = 0, count = 1; count > 0; bench.run(10_000)) {
    count = stalled.connection.send(whole, sent, whole.length);
    sent += Math.max(count, 0);
  }
  stalled.connection.close(Close.ORDERLY);
  bench.run(4 * SECOND);
  assert.equal(stalled.client.state, ClientState.OPEN);
  bench.run(2 * SECOND);
  assert.equal(stalled.client.state, ClientState.RESET);
});

test("who nobody listens to is refused, and so is who comes when too many wait", () => {
  const bench = new Bench();
  const nobody = bench.network.connect(81, CALM, "10.0.0.2");
  const crowd = Array.from({ length: 20 }, () => bench.network.connect(80, CALM, "10.0.0.2"));
  bench.run(SECOND);
  assert.equal(nobody.state, ClientState.REFUSED);
  assert.equal(crowd.filter(({ state }) => state === ClientState.OPEN).length, 16);
  assert.equal(crowd.filter(({ state }) => state === ClientState.REFUSED).length, 4);
  bench.listener.close();
  bench.run(SECOND);
  assert.equal(crowd.filter(({ state }) => state === ClientState.RESET).length, 16);
});

test("a client that closes its socket resets what still comes", () => {
  const bench = new Bench();
  const { client, connection } = bench.pair();
  client.close();
  bench.run(SECOND);
  const memory = Buffer.alloc(100);
  assert.equal(connection.receive(memory, 0, 100), Fault.END);
  assert.equal(connection.send(memory, 0, 100), 100);
  bench.run(SECOND);
  assert.equal(connection.send(memory, 0, 100), Fault.CLOSED);
});

// --- Connections that the camera makes

test("a host that serves takes the camera's connection, and bytes go both ways", () => {
  const bench = new Bench();
  let got = "";
  bench.network.serve("relay", 9999, (peer) => {
    peer.onBytes = (bytes) => (got += Buffer.from(bytes).toString());
    peer.send("hello");
  });
  const connection = bench.network.dial("relay", 9999)!;
  const told: number[] = [];
  connection.onReady = (what) => told.push(what);
  const memory = Buffer.from("camera--");
  assert.equal(connection.send(memory, 0, 6), Fault.AGAIN);
  assert.equal(connection.receive(memory, 0, 6), Fault.AGAIN);
  bench.run(SECOND);
  assert.deepEqual(told, [Ready.WRITABLE, Ready.READABLE]);
  assert.equal(connection.send(memory, 0, 6), 6);
  assert.equal(connection.receive(memory, 0, 8), 5);
  assert.equal(memory.toString("latin1", 0, 5), "hello");
  bench.run(SECOND);
  assert.equal(got, "camera");
});

test("a camera's connection that does not come about says why, or nothing where nothing answers", () => {
  const bench = new Bench();
  const server = bench.network.serve("relay", 9999, () => {});
  const result = (name: string, port: number) => {
    const connection = bench.network.dial(name, port)!;
    bench.run(SECOND);
    return [connection.receive(Buffer.alloc(1), 0, 1), connection.readable, connection.writable];
  };
  assert.deepEqual(result("relay", 80), [Fault.CLOSED, true, true]);
  assert.deepEqual(result("nobody", 9999), [Fault.MISSING, true, true]);
  bench.network.outside.unanswered = 1;
  assert.deepEqual(result("relay", 9999), [Fault.AGAIN, false, false]);
  bench.network.outside = { ...bench.network.outside, unanswered: 0, refused: 1 };
  assert.deepEqual(result("relay", 9999), [Fault.CLOSED, true, true]);
  bench.network.outside.refused = 0;
  server();
  assert.deepEqual(result("relay", 9999), [Fault.CLOSED, true, true]);
});
