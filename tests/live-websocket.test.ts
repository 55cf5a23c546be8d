/** The camera on Node, watched by WebSocket with the client that most programs on Node use: the package `ws`. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { testHash } from "../host/simulated/secret.ts";
import { attempt } from "./attempt.ts";
import { type LiveCamera, type LiveOptions, startLiveCamera } from "./live-camera.ts";

interface Message {
  sequence: number;
  /** When it was captured, in seconds on the camera's clock. */
  time: number;
  jpeg: Buffer;
}

function read(data: Buffer): Message {
  const end = data.indexOf("\r\n\r\n");
  const head = data.toString("latin1", 0, end);
  const field = (name: string) => Number(new RegExp(`^${name}: ([\\d.]+)\r?$`, "m").exec(head)?.[1]);
  const jpeg = data.subarray(end + 4);
  assert.equal(jpeg.length, field("Content-Length"));
  assert.deepEqual([jpeg.readUInt16BE(0), jpeg.readUInt16BE(jpeg.length - 2)], [0xffd8, 0xffd9]);
  return { sequence: field("X-Sequence"), time: field("X-Timestamp"), jpeg };
}

/** Ends when so many messages have come, each of which is acknowledged. */
async function watch(socket: WebSocket, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  await new Promise<void>((done, fail) => {
    const take = (data: Buffer): void => {
      const message = read(data);
      messages.push(message);
      socket.send(String(message.sequence));
      if (messages.length < count) return;
      socket.off("message", take);
      done();
    };
    socket.on("message", take).once("error", fail).once("close", (code) => fail(new Error(`closed with ${code}`)));
  });
  return messages;
}

async function withCamera(options: LiveOptions, body: (camera: LiveCamera, url: string) => Promise<void>) {
  const camera = await startLiveCamera(options);
  try {
    // Until the module listens, connections are reset.
    while (!(await attempt(`http://127.0.0.1:${camera.port}/state`))) await sleep(20);
    await body(camera, `ws://127.0.0.1:${camera.port}/ws`);
  } finally {
    await camera.stop();
  }
}

/** What the handshake was refused with. */
async function refusal(socket: WebSocket): Promise<number> {
  const [, response] = await once(socket, "unexpected-response");
  response.resume();
  return response.statusCode;
}

describe("the package ws as a viewer", () => {
  it("gets whole frames in order, pongs, and its own code when it closes", () =>
    withCamera({}, async (_camera, url) => {
      const socket = new WebSocket(url); // offers to compress messages, which the camera passes over
      const messages = await watch(socket, 40);
      assert.equal(socket.extensions, "");
      for (const [i, { sequence, time }] of messages.entries()) {
        if (i > 0) assert.ok(sequence > messages[i - 1].sequence && time > messages[i - 1].time);
      }
      const pong = once(socket, "pong");
      socket.ping("are you there?");
      assert.equal(String((await pong)[0]), "are you there?");
      const closed = once(socket, "close");
      socket.close(4000, "seen enough");
      assert.equal((await closed)[0], 4000);
    }));

  it("is told why it is closed", () =>
    withCamera({}, async (_camera, url) => {
      const wrongs: [said: string | Buffer, code: number][] = [
        [Buffer.from("1"), 1003],
        ["one", 1007],
        ["4000000000", 1008],
        ["1".repeat(99), 1009],
      ];
      for (const [said, code] of wrongs) {
        const socket = new WebSocket(url);
        const closed = once(socket, "close");
        await once(socket, "open");
        socket.send(said);
        assert.equal((await closed)[0], code);
      }
    }));

  it("shows the viewer secret in the handshake, and an origin that is ours", () =>
    withCamera({}, async ({ port }, url) => {
      assert.equal(await refusal(new WebSocket(url, { origin: "http://evil.example" })), 403);
      await watch(new WebSocket(url, { origin: `http://127.0.0.1:${port}` }), 1);
      await withCamera({ settings: { viewer_secret: testHash("only friends") } }, async (_camera, locked) => {
        assert.equal(await refusal(new WebSocket(locked)), 401);
        assert.equal(await refusal(new WebSocket(locked, { auth: "me:nonsense" })), 401);
        await watch(new WebSocket(locked, { auth: "me:only friends" }), 3);
        await watch(new WebSocket(locked, { headers: { Authorization: "Bearer only friends" } }), 3);
      });
    }));

  it("has nothing old before it when it reads again, whatever the kernel would hold", () =>
    withCamera({}, async (camera, url) => {
      const socket = new WebSocket(url);
      const [first] = (await watch(socket, 30)).slice(-1);
      socket.pause();
      await sleep(3000); // in which some 90 frames are made
      const { time } = (await (await fetch(`http://127.0.0.1:${camera.port}/state`)).json()) as { time: number };
      socket.resume();
      const messages = await watch(socket, 40);
      const old = messages.filter((message) => message.time < time);
      assert.ok(old.length <= 8, `${old.length} frames had been waiting`);
      assert.ok(messages.at(-1)!.sequence - first.sequence > 40, "and those between are left out");
      socket.terminate();
    }));
});
