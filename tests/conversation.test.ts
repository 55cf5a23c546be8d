/**
 * The conversations of tests/requests/ on Node, in the simulated world and in the live one: whole, byte by byte and in
 * seeded random pieces. The emulated board holds the same ones in conversation-board.test.ts.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Random } from "../host/simulated/random.ts";
import { SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { loadModule, modulePath } from "../host/module.ts";
import { PATTERN, renderScene, Scene } from "../host/scenes/file.ts";
import { simulatedLine, tcpLine } from "./conversation-lines.ts";
import { hold, readConversations } from "./conversation.ts";
import { type LiveCamera, startLiveCamera } from "./live-camera.ts";

const conversations = readConversations();

function cut(bytes: Buffer, lengthOf: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = lengthOf();
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** The ways in which a request is sent. */
function waysOf(request: Buffer, seed: number, randomWays: number): Buffer[][] {
  const random = new Random(seed);
  const ways = [[request], cut(request, () => 1)];
  for (let n = 0; n < randomWays; n++) ways.push(cut(request, () => random.between(1, 40)));
  return ways;
}

describe("conversations in the simulated world", async () => {
  const module = await loadModule(modulePath("board"));
  const scene = new Scene(await renderScene({ scene: PATTERN, width: 64, height: 48, format: 1, bytesMax: 1_000_000 }));
  for (const [i, conversation] of conversations.entries()) {
    it(conversation.name, async () => {
      for (const pieces of waysOf(conversation.request, i, 3)) {
        const world = new SimulatedWorld({ module, scene, seed: i, settings: { size: "64x48" } });
        world.run(SECOND);
        await hold(conversation, simulatedLine(world), pieces);
      }
    });
  }
});

describe("conversations on Node", () => {
  let camera: LiveCamera;
  before(async () => {
    camera = await startLiveCamera();
    await camera.firstFrame();
  });
  after(() => camera.stop());

  for (const [i, conversation] of conversations.entries()) {
    it(conversation.name, async () => {
      for (const pieces of waysOf(conversation.request, i, 1)) {
        await hold(conversation, await tcpLine(camera.port), pieces);
      }
    });
  }
});

describe("the reader of conversations", () => {
  it("finds that an answer is not as expected", async () => {
    const camera = await startLiveCamera();
    await camera.firstFrame();
    const wrong = structuredClone(conversations.find(({ name }) => name.includes("A wrong path"))!);
    wrong.answers[0].body = "something else\n";
    await assert.rejects(async () => hold(wrong, await tcpLine(camera.port), [wrong.request]), /body of answer 1/);
    await camera.stop();
  });
});
