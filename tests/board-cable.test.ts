/**
 * The emulated board's cable, with a server of the test's own in the board's place: everything that a TCP connection
 * says goes through it, in both directions, and no connection suffers from another.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { Cable } from "../host/emulator/cable.ts";

let board: Server;
/** The board's ends of the connections, in the order in which they came. */
let atBoard: Socket[];
let cable: Cable;
let viewers: Socket[];

beforeEach(async () => {
  atBoard = [];
  viewers = [];
  board = createServer({ allowHalfOpen: true }, (socket) => {
    atBoard.push(socket);
    socket.on("error", () => {});
    board.emit("arrived");
  });
  board.listen(0, "127.0.0.1");
  await once(board, "listening");
  cable = await Cable.listen(0, (board.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const socket of [...viewers, ...atBoard]) socket.destroy();
  await cable.close();
  board.close();
});

/** Connects through the cable. */
function plug(): Socket {
  const viewer = connect({ port: cable.port, host: "127.0.0.1", allowHalfOpen: true });
  viewer.on("error", () => {});
  viewers.push(viewer);
  return viewer;
}

/** A viewer with its other end. */
async function pair(): Promise<[Socket, Socket]> {
  const viewer = plug();
  await once(board, "arrived");
  return [viewer, atBoard.at(-1)!];
}

/** Everything that comes until the end. (`for await` would close the other half too.) */
function all(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => (text += chunk));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

/** Whether it closes with an error. */
function closed(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => (socket.closed ? resolve(socket.errored !== null) : socket.on("close", resolve)));
}

test("bytes go both ways, whole and in order", async () => {
  const [viewer, end] = await pair();
  const much = "0123456789".repeat(300_000);
  viewer.end(much);
  end.end(much);
  const [up, down] = await Promise.all([all(end), all(viewer)]);
  assert.ok(up === much && down === much);
});

test("the viewer may end its half and still be answered", async () => {
  const [viewer, end] = await pair();
  viewer.end("request");
  assert.equal(await all(end), "request");
  end.end("answer");
  assert.equal(await all(viewer), "answer");
});

test("the board may end its half and still be told", async () => {
  const [viewer, end] = await pair();
  end.end("goodbye");
  assert.equal(await all(viewer), "goodbye");
  viewer.end("well then");
  assert.equal(await all(end), "well then");
});

test("a reset goes through, from either side", async () => {
  const [viewer, end] = await pair();
  viewer.resetAndDestroy();
  const [error] = await once(end, "error");
  assert.equal(error.code, "ECONNRESET");
  const [other, otherEnd] = await pair();
  otherEnd.resetAndDestroy();
  const [otherError] = await once(other, "error");
  assert.equal(otherError.code, "ECONNRESET");
});

test("what leaves at once keeps nobody", async () => {
  const viewer = plug();
  await once(viewer, "connect");
  viewer.destroy();
  const next = plug();
  next.end("hello");
  const greetings: string[] = [];
  board.on("arrived", () => {
    const end = atBoard.at(-1)!;
    void all(end).then((text) => {
      greetings.push(text);
      end.end("welcome");
    });
  });
  assert.equal(await all(next), "welcome");
  assert.deepEqual(greetings.filter(Boolean), ["hello"]);
});

test("many at once are all let in", async () => {
  const burst = Array.from({ length: 40 }, plug);
  for (const [index, viewer] of burst.entries()) viewer.end(String(index));
  while (atBoard.length < burst.length) await once(board, "arrived");
  const said = await Promise.all(atBoard.map(all));
  assert.deepEqual(
    said.map(Number).sort((a, b) => a - b),
    burst.map((_, index) => index),
  );
});

test("a viewer that does not read holds up the board's side, and nobody else", async () => {
  const [lazy, end] = await pair();
  lazy.pause();
  const chunk = Buffer.alloc(64 * 1024);
  // Far more than the operating system keeps for two connections.
  let left = 256 * 1024 * 1024;
  const held = new Promise<void>((resolve) => {
    const write = (): void => {
      while (left > 0) {
        left -= chunk.length;
        if (!end.write(chunk)) return;
      }
    };
    end.on("drain", write);
    let before = -1;
    const watch = setInterval(() => {
      if (left === before) {
        clearInterval(watch);
        resolve();
      }
      before = left;
    }, 500);
    write();
  });
  await held;
  assert.ok(left > 0, "the board could send all of it to a viewer that reads nothing");
  const [other, otherEnd] = await pair();
  otherEnd.end("a frame");
  assert.equal(await all(other), "a frame");
});

test("a board that refuses is a connection that is reset", async () => {
  board.close();
  const viewer = plug();
  viewer.resume();
  assert.equal(await closed(viewer), true);
});

test("pulled out, nothing is left", async () => {
  const [viewer, end] = await pair();
  const { port } = cable;
  await cable.close();
  viewer.resume();
  end.resume();
  viewer.end();
  end.end();
  await Promise.all([closed(viewer), closed(end)]);
  const late = connect({ port, host: "127.0.0.1" });
  const [error] = await once(late, "error");
  assert.equal(error.code, "ECONNREFUSED");
  cable = await Cable.listen(0, 1); // for the end of this test to pull
});
