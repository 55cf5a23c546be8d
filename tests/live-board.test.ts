/**
 * The live world's table of imports, called as the module would call it, against real sockets of this machine:
 * readiness told once, handles, backpressure both ways, how connections end, and what is a mistake of the module's
 * own.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { Board } from "../host/board.ts";
import { BoardTrap, Close, Fault, Format, Identity, Level, Ready } from "../host/board-table.ts";
import { LiveNetwork, openServer } from "../host/live/network.ts";
import { addressBytes } from "../host/network.ts";
import { PATTERN, renderScene, Scene } from "../host/scenes/file.ts";
import { MemorySettings } from "../host/settings.ts";
import { SoftSensor } from "../host/soft-sensor.ts";

const PAGE = 65536;
/** Where a test's bytes cross, and how many at most. */
const AT = 1024;
const ROOM = 32 * PAGE - AT;
/** What is taken at most for a peer that reads nothing: what its kernel buffers, and little more where bounded. */
const UNREAD_MAX = ["linux", "darwin"].includes(process.platform) ? 1_500_000 : 50_000_000;
/** How long anything may take that is waited for, ms. */
const PATIENCE = 30_000;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  while (closing.length > 0) await closing.pop()!();
});

/** A board whose module is the test. Time stands where the test puts it. */
class Bench {
  readonly memory: Buffer;
  readonly board: Board;
  readonly log: string[] = [];
  now = 0;
  wakes = 0;
  readonly port: number;

  private constructor(network: LiveNetwork, port: number, scene: Scene) {
    this.port = port;
    this.board = new Board({
      kind: "bench",
      address: () => `127.0.0.1:${port}`,
      now: () => this.now,
      network,
      sensor: new SoftSensor(scene),
      settings: new MemorySettings([["size", "8x8"], ["motto", "größer"]]),
      random: (bytes) => void bytes.fill(7),
      log: (level, text) => this.log.push(`${Level[level]} ${text}`),
      wake: () => this.wakes++,
    });
    const memory = new WebAssembly.Memory({ initial: 32, maximum: 32 });
    this.memory = Buffer.from(memory.buffer);
    this.board.attach(memory);
  }

  static async open(): Promise<Bench> {
    const server = await openServer("127.0.0.1", 0);
    const network = new LiveNetwork(server, 80);
    const scene = new Scene(await renderScene({ scene: PATTERN, width: 8, height: 8, format: Format.GRAY }));
    const bench = new Bench(network, (server.address() as AddressInfo).port, scene);
    closing.push(async () => {
      bench.board.abortAll();
      await network.close();
    });
    return bench;
  }

  get table() {
    return this.board.table;
  }

  /** What `events` tells, as [handle, Ready bits]. */
  events(room = 64): [number, number][] {
    const count = this.table.events(AT, room);
    return Array.from({ length: count }, (_, i) => {
      const word = this.memory.readUInt32LE(AT + i * 4);
      return [word >>> 8, word & 255];
    });
  }

  /** Waits until `events` tells something. */
  async toldEvents(): Promise<[number, number][]> {
    await until(() => this.board.pending(this.now), "an event");
    return this.events();
  }

  receive(socket: number, length = ROOM): string | number {
    const count = this.table.tcpReceive(socket, AT, length);
    return count < 0 ? count : this.memory.toString("latin1", AT, AT + count);
  }

  send(socket: number, text: string): number {
    return this.table.tcpSend(socket, AT, this.memory.write(text, AT, "latin1"));
  }

  /** A peer that is connected, and its handle on the board. */
  async peer(listener: number): Promise<{ peer: Socket; socket: number }> {
    const peer = connect({ port: this.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    peer.on("error", () => {});
    await once(peer, "connect");
    let socket = Fault.AGAIN as number;
    await until(() => (socket = this.table.tcpAccept(listener)) >= 0, "the connection");
    this.events(); // that it came
    return { peer, socket };
  }

  dial(name: string, port: number): number {
    return this.table.tcpConnect(AT, this.memory.write(name, AT), port);
  }

  text(what: number, room = 64): string | number {
    const length = this.table.identify(what, AT, room);
    return length < 0 ? length : this.memory.toString("utf8", AT, AT + length);
  }

  setting(name: string, room = 64): string | number {
    const nameLength = this.memory.write(name, AT);
    const length = this.table.settingGet(AT, nameLength, AT + 256, room);
    return length < 0 ? length : this.memory.toString("utf8", AT + 256, AT + 256 + length);
  }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!isSo()) {
    if (performance.now() > deadline) assert.fail(`waited in vain for ${what}`);
    await sleep(1);
  }
}

/** Everything that a peer reads until the end. */
async function readAll(peer: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of peer) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

test("a connection is told once, after accepting answered AGAIN", async () => {
  const bench = await Bench.open();
  const listener = bench.table.tcpListen(80);
  assert.equal(bench.table.tcpAccept(listener), Fault.AGAIN);
  const peer = connect(bench.port, "127.0.0.1");
  assert.deepEqual(await bench.toldEvents(), [[listener, Ready.READABLE]]);
  assert.deepEqual(bench.events(), []);
  const socket = bench.table.tcpAccept(listener);
  assert.equal(socket, listener + 1);
  assert.equal(bench.table.tcpAccept(listener), Fault.AGAIN);
  assert.ok(bench.wakes > 0, "the world was woken");
  peer.destroy();
});

test("a peer has an address, in as many bytes as its kind has", async () => {
  const bench = await Bench.open();
  const { socket, peer } = await bench.peer(bench.table.tcpListen(80));
  assert.equal(bench.table.tcpPeer(socket, AT, 16), 4);
  assert.deepEqual([...bench.memory.subarray(AT, AT + 5)], [127, 0, 0, 1, 0]);
  assert.equal(bench.table.tcpPeer(socket, AT, 3), Fault.REFUSED);
  peer.destroy();
  for (const [text, bytes] of [
    ["192.168.1.7", "c0a80107"],
    ["::ffff:10.0.0.2", "0a000002"],
    ["::1", `${"00".repeat(15)}01`],
    ["::", "00".repeat(16)],
    ["2001:db8::a0:1", "20010db8000000000000000000a00001"],
    ["fe80::1:2%eth0", "fe800000000000000000000000010002"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
  ]) {
    assert.equal(Buffer.from(addressBytes(text)).toString("hex"), bytes, text);
  }
});

test("a connection that the module asks for stands some time later, and carries bytes", async () => {
  const bench = await Bench.open();
  const listener = bench.table.tcpListen(80);
  for (const name of ["127.0.0.1", "localhost"]) {
    const socket = bench.dial(name, bench.port);
    assert.ok(socket > listener);
    assert.equal(bench.receive(socket), Fault.AGAIN);
    assert.equal(bench.send(socket, "hello"), Fault.AGAIN);
    assert.equal(bench.table.tcpPeer(socket, AT, 16), Fault.CLOSED);
    const isTold = ([who, what]: number[]) => who === socket && what === Ready.WRITABLE;
    await until(() => bench.events().some(isTold), "the connection");
    assert.equal(bench.table.tcpPeer(socket, AT, 16), 4);
    assert.equal(bench.send(socket, "hello"), 5);
    let accepted = Fault.AGAIN as number;
    await until(() => (accepted = bench.table.tcpAccept(listener)) >= 0, "its other end");
    await until(() => bench.receive(accepted) === "hello", "the bytes");
    assert.equal(bench.send(accepted, "you"), 3);
    await until(() => bench.receive(socket) === "you", "the answer");
    bench.table.tcpClose(socket, Close.ORDERLY);
    await until(() => bench.receive(accepted) === Fault.END, "the end");
    bench.table.tcpClose(accepted, Close.ORDERLY);
    bench.events();
  }
});

test("why a connection does not come about is told, and whoever waits for it can give up", async () => {
  const bench = await Bench.open();
  const refusing = await openServer("127.0.0.1", 0);
  const { port } = refusing.address() as AddressInfo;
  await new Promise((resolve) => refusing.close(resolve));
  for (const [name, why] of [["127.0.0.1", Fault.CLOSED], ["nobody.invalid", Fault.MISSING]] as const) {
    const socket = bench.dial(name, port);
    assert.equal(bench.receive(socket), Fault.AGAIN);
    assert.equal(bench.send(socket, "hello"), Fault.AGAIN);
    assert.deepEqual(await bench.toldEvents(), [[socket, Ready.READABLE | Ready.WRITABLE]]);
    assert.equal(bench.receive(socket), why, name);
    assert.equal(bench.send(socket, "hello"), why, name);
    bench.table.tcpClose(socket, Close.ORDERLY);
  }
  for (const how of [Close.ORDERLY, Close.ABORT]) bench.table.tcpClose(bench.dial("127.0.0.1", port), how);
  for (const wrong of [0, -1, 65_536]) assert.equal(bench.dial("127.0.0.1", wrong), Fault.REFUSED);
  for (let i = 0; i < 10; i++) await turn();
  assert.deepEqual(bench.events(), []);
});

test("chance fills the bytes that were asked for", async () => {
  const { table, memory } = await Bench.open();
  assert.equal(table.random(AT, 4), 0);
  assert.deepEqual([...memory.subarray(AT - 1, AT + 5)], [0, 7, 7, 7, 7, 0]);
});

test("bytes are told once, after receiving answered AGAIN or less than asked for", async () => {
  const bench = await Bench.open();
  const { peer, socket } = await bench.peer(bench.table.tcpListen(80));
  assert.equal(bench.receive(socket), Fault.AGAIN);
  peer.write("abcdef");
  assert.deepEqual(await bench.toldEvents(), [[socket, Ready.READABLE]]);
  assert.equal(bench.receive(socket, 4), "abcd"); // all that was asked for: there may be more, nothing is told of it
  peer.write("gh");
  await until(() => peer.bytesWritten === 8, "the writing");
  for (let i = 0; i < 10; i++) await turn();
  assert.deepEqual(bench.events(), []);
  assert.equal(bench.receive(socket, 100), "efgh");
  peer.write("ij");
  assert.deepEqual(await bench.toldEvents(), [[socket, Ready.READABLE]]);
  assert.equal(bench.receive(socket, 2), "ij");
  assert.equal(bench.receive(socket, 2), Fault.AGAIN);
});

test("an end comes after the bytes before it, and the peer can still be answered", async () => {
  const bench = await Bench.open();
  const { peer, socket } = await bench.peer(bench.table.tcpListen(80));
  assert.equal(bench.receive(socket), Fault.AGAIN);
  peer.end("last words");
  await bench.toldEvents();
  let words = "";
  await until(() => {
    const got = bench.receive(socket);
    if (typeof got === "string") words += got;
    return got === Fault.END;
  }, "the end");
  assert.equal(words, "last words");
  assert.equal(bench.receive(socket), Fault.END);
  assert.equal(bench.send(socket, "an answer"), 9);
  bench.table.tcpClose(socket, Close.ORDERLY);
  assert.equal(await readAll(peer), "an answer");
});

test("a reset is told, and receiving and sending answer CLOSED", async () => {
  const bench = await Bench.open();
  const { peer, socket } = await bench.peer(bench.table.tcpListen(80));
  assert.equal(bench.receive(socket), Fault.AGAIN);
  peer.resetAndDestroy();
  assert.deepEqual(await bench.toldEvents(), [[socket, Ready.READABLE]]); // sending was not asked for in vain
  assert.equal(bench.receive(socket), Fault.CLOSED);
  assert.equal(bench.send(socket, "x"), Fault.CLOSED);
  bench.table.tcpClose(socket, Close.ORDERLY);
});

test("a peer that does not read is soon not writable, and told of when it reads again; no byte is lost", async () => {
  const bench = await Bench.open();
  const { peer, socket } = await bench.peer(bench.table.tcpListen(80));
  peer.pause();
  const length = 1_000_000;
  for (let i = 0; i < length; i++) bench.memory[AT + i] = (i * 7) & 255;
  let sent = 0;
  let taken = 0;
  while ((taken = bench.table.tcpSend(socket, AT + (sent % length), length - (sent % length))) > 0) {
    sent += taken;
    assert.ok(sent < UNREAD_MAX, "the peer reads nothing, and still all is taken");
  }
  assert.equal(taken, Fault.AGAIN);
  assert.deepEqual(bench.events(), []);
  const inTransit = bench.memory.subarray(AT, AT + length).toString("latin1");
  bench.memory.fill(0, AT); // what was taken is the board's own
  const expected = inTransit.repeat(Math.ceil(sent / length)).slice(0, sent);
  const read = readAll(peer);
  assert.deepEqual(await bench.toldEvents(), [[socket, Ready.WRITABLE]]);
  bench.table.tcpClose(socket, Close.ORDERLY);
  assert.ok((await read) === expected, "the peer read what was taken");
});

test("what a peer sends without being read is held back, not piled up", async () => {
  const bench = await Bench.open();
  const { peer, socket } = await bench.peer(bench.table.tcpListen(80));
  const flood = Buffer.alloc(64 * 1024 * 1024, "flood ");
  peer.write(flood);
  await until(() => bench.receive(socket, 6) === "flood ", "the first bytes");
  let held = -1;
  await until(() => {
    const before = held;
    held = peer.writableLength;
    return held === before;
  }, "the peer to be held back");
  assert.ok(peer.writableLength > 0, "all 64 MB were taken while nobody read");
  let received = 6;
  await until(() => {
    for (;;) {
      const count = bench.table.tcpReceive(socket, AT, ROOM);
      if (count < 0) return received === flood.length;
      const at = received % 6;
      assert.equal(bench.memory.toString("latin1", AT, AT + 1), "flood "[at]);
      received += count;
    }
  }, "all the rest");
});

test("an orderly close delivers what was taken, though the peer still sends", async () => {
  const bench = await Bench.open();
  const { peer, socket } = await bench.peer(bench.table.tcpListen(80));
  peer.write("unread ".repeat(100_000));
  const answer = "answer ".repeat(5000);
  assert.equal(bench.send(socket, answer), answer.length);
  bench.table.tcpClose(socket, Close.ORDERLY);
  assert.equal(await readAll(peer), answer);
  peer.end();
});

test("an abort is seen as a reset", async () => {
  const bench = await Bench.open();
  const { peer, socket } = await bench.peer(bench.table.tcpListen(80));
  const seen = new Promise<NodeJS.ErrnoException>((resolve) => peer.once("error", resolve));
  bench.table.tcpClose(socket, Close.ABORT);
  assert.equal((await seen).code, "ECONNRESET");
});

test("handles are the lowest that are free, and nothing is told of a socket that had one before", async () => {
  const bench = await Bench.open();
  const listener = bench.table.tcpListen(80);
  const peers = [await bench.peer(listener), await bench.peer(listener), await bench.peer(listener)];
  assert.deepEqual([listener, ...peers.map(({ socket }) => socket)], [1, 2, 3, 4]);
  assert.equal(bench.receive(3), Fault.AGAIN);
  peers[1].peer.write("too late");
  await until(() => bench.board.pending(0), "the bytes");
  bench.table.tcpClose(3, Close.ABORT);
  assert.deepEqual(bench.events(), []);
  assert.equal((await bench.peer(listener)).socket, 3);
  assert.equal((await bench.peer(listener)).socket, 5);
  assert.equal(bench.board.openSockets, 5);
});

test("the camera has one port, once; without a listener connections are reset", async () => {
  const bench = await Bench.open();
  const early = connect(bench.port, "127.0.0.1");
  await assert.rejects(once(early, "data"), { code: "ECONNRESET" });
  assert.equal(bench.table.tcpListen(81), Fault.REFUSED);
  const listener = bench.table.tcpListen(80);
  assert.equal(bench.table.tcpListen(80), Fault.REFUSED);
  const { peer } = await bench.peer(listener);
  assert.equal(bench.table.tcpAccept(listener), Fault.AGAIN);
  const waiting = connect(bench.port, "127.0.0.1");
  const resets = [
    new Promise((resolve) => peer.once("close", resolve)),
    assert.rejects(once(waiting, "data"), { code: "ECONNRESET" }),
  ];
  await bench.toldEvents();
  bench.board.abortAll();
  await Promise.all(resets);
  assert.equal(bench.board.openSockets, 0);
  assert.deepEqual(bench.events(), []);
  assert.equal(bench.table.tcpListen(80), 1, "a new module can listen again");
});

test("events that do not fit are told at the next call", async () => {
  const bench = await Bench.open();
  const listener = bench.table.tcpListen(80);
  const peers = [await bench.peer(listener), await bench.peer(listener), await bench.peer(listener)];
  for (const { peer, socket } of peers) {
    assert.equal(bench.receive(socket), Fault.AGAIN);
    peer.write("x");
  }
  const told: [number, number][] = [];
  await until(() => {
    const some = bench.events(4 + 3); // room for one word
    assert.ok(some.length <= 1);
    told.push(...some);
    return told.length === 3;
  }, "all three");
  assert.deepEqual(told.map(([handle]) => handle).sort(), [2, 3, 4]);
});

test("the soft sensor delivers the frame that is being exposed, told once, when its time has come", async () => {
  const bench = await Bench.open();
  const { table } = bench;
  assert.equal(table.captureStart(AT, 64), Fault.REFUSED); // not set yet
  assert.equal(table.softSensorSet(9, 8, Format.GRAY, 1000), Fault.REFUSED);
  assert.equal(table.softSensorSet(8, 8, Format.RGB565, 1000), Fault.REFUSED);
  bench.now = 500;
  assert.equal(table.softSensorSet(8, 8, Format.GRAY, 1000), 0);
  assert.equal(table.captureStart(AT, 63), Fault.REFUSED);
  bench.now = 1700;
  assert.equal(table.captureStart(AT + 64, 64), 0);
  assert.equal(bench.board.pendingAt, 2500);
  bench.now = 2499;
  assert.equal(table.capturePoll(AT, 8), Fault.AGAIN);
  assert.deepEqual(bench.events(), []);
  bench.now = 2510;
  assert.deepEqual(bench.events(), [[0, Ready.READABLE]]);
  assert.deepEqual(bench.events(), []);
  assert.equal(table.capturePoll(AT, 8), 64);
  assert.equal(bench.memory.readBigInt64LE(AT), 2500n);
  const scene = new Scene(await renderScene({ scene: PATTERN, width: 8, height: 8, format: Format.GRAY }));
  assert.deepEqual(new Uint8Array(bench.memory.subarray(AT + 64, AT + 128)), scene.frame(1));
  assert.throws(() => table.capturePoll(AT, 8), BoardTrap);
});

test("a capture that was stopped writes nothing and tells nothing", async () => {
  const bench = await Bench.open();
  bench.table.softSensorSet(8, 8, Format.GRAY, 1000);
  bench.table.captureStart(AT, 64);
  bench.now = 5000;
  assert.ok(bench.board.pending(bench.now));
  bench.table.captureStop();
  bench.table.captureStop();
  assert.deepEqual(bench.events(), []);
  assert.equal(bench.board.pendingAt, Infinity);
  assert.ok(bench.memory.subarray(AT + 4, AT + 64).every((byte) => byte === 0));
});

test("settings and identity are text in UTF-8, or a fault", async () => {
  const bench = await Bench.open();
  assert.equal(bench.setting("size"), "8x8");
  assert.equal(bench.setting("motto", 8), "größer");
  assert.equal(bench.setting("motto", 7), Fault.REFUSED);
  assert.equal(bench.setting("colour"), Fault.MISSING);
  assert.equal(bench.text(Identity.BOARD), "bench");
  assert.equal(bench.text(Identity.ADDRESS), `127.0.0.1:${bench.port}`);
  assert.equal(bench.text(Identity.RESTARTS), "0");
  assert.equal(bench.text(Identity.BOARD, 4), Fault.REFUSED);
  bench.table.log(Level.WARNING, AT, bench.memory.write("größer", AT));
  assert.deepEqual(bench.log, ["WARNING größer"]);
});

test("every mistake of the module's own is a trap", async () => {
  const { table, board } = await Bench.open();
  const listener = table.tcpListen(80);
  const end = 32 * PAGE;
  const mistakes: [string, () => unknown][] = [
    ["memory's end passed by one", () => table.events(end - 3, 4)],
    ["an address beyond the memory", () => table.identify(Identity.BOARD, end + 1, 0)],
    ["an address that is high and unsigned", () => table.log(Level.INFO, -4, 8)],
    ["a length that is high and unsigned", () => table.captureStart(0, -1)],
    ["a name outside", () => table.settingGet(end, 1, 0, 4)],
    ["a value outside", () => table.settingGet(0, 1, end, 1)],
    ["a frame's time outside", () => table.capturePoll(end - 7, 8)],
    ["a frame's time of another length", () => table.capturePoll(0, 4)],
    ["no such socket", () => table.tcpReceive(9, 0, 1)],
    ["the sensor taken for a socket", () => table.tcpClose(0, Close.ABORT)],
    ["a handle below zero", () => table.tcpSend(-1, 0, 1)],
    ["bytes from a listener", () => table.tcpReceive(listener, 0, 1)],
    ["bytes to a listener", () => table.tcpSend(listener, 0, 1)],
    ["a transfer of nothing", () => table.tcpSend(listener, 0, 0)],
    ["no such way to close", () => table.tcpClose(listener, 2)],
    ["no such format", () => table.softSensorSet(8, 8, 5, 1000)],
    ["no such question", () => table.identify(5, 0, 8)],
    ["no such level", () => table.log(4, 0, 8)],
    ["a frame outside", () => table.frameOut(end, 1, 1, 0, 0)],
    ["a camera outside", () => table.cameraAt(0, end, 1)],
    ["a camera's name outside", () => table.cameraFile(end, 1, 0, 1)],
    ["a camera's file outside", () => table.cameraFile(0, 1, end, 1)],
    ["chance outside", () => table.random(end, 1)],
    ["a host's name outside", () => table.tcpConnect(end - 3, 4, 80)],
    ["a listener's peer", () => table.tcpPeer(listener, 0, 16)],
  ];
  for (const [name, make] of mistakes) assert.throws(make, BoardTrap, name);
  assert.equal(table.events(end, 0), 0, "nothing at the very end is within");
  table.tcpClose(listener, Close.ORDERLY);
  assert.throws(() => table.tcpAccept(listener), BoardTrap, "a handle that was closed");
  assert.equal(board.openSockets, 0);
});
