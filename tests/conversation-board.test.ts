/** The conversations of tests/requests/ with the emulated board: as written there, and just as Node answers them. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { tcpLine } from "./conversation-lines.ts";
import { hold, readConversations, timeless } from "./conversation.ts";
import { type EmulatedCamera, startEmulatedCamera } from "./emulated-camera.ts";
import { type LiveCamera, startLiveCamera } from "./live-camera.ts";

describe("conversations on the emulated board", () => {
  let board: EmulatedCamera;
  let node: LiveCamera;
  before(async () => {
    [board, node] = await Promise.all([startEmulatedCamera(), startLiveCamera()]);
    await node.firstFrame();
  });
  after(() => Promise.all([board?.stop(), node?.stop()]));

  for (const conversation of readConversations()) {
    it(conversation.name, async () => {
      const fromBoard = await hold(conversation, await tcpLine(board.port), [conversation.request]);
      const fromNode = await hold(conversation, await tcpLine(node.port), [conversation.request]);
      assert.deepEqual(fromBoard.map(timeless), fromNode.map(timeless));
    });
  }
});
