/** The conversations of tests/requests/ with the board `linux`: as written there, and just as Node answers them. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { LinuxBoard } from "../host/linux/board.ts";
import { tcpLine } from "./conversation-lines.ts";
import { hold, readConversations, timeless } from "./conversation.ts";
import { firstPicture } from "./first-picture.ts";
import { startLinuxCamera } from "./linux-camera.ts";
import { type LiveCamera, startLiveCamera } from "./live-camera.ts";

describe("conversations on the board linux", () => {
  let linux: LinuxBoard;
  let node: LiveCamera;
  before(async () => {
    [linux, node] = await Promise.all([startLinuxCamera(), startLiveCamera()]);
    await Promise.all([(await firstPicture(linux.url)).arrayBuffer(), node.firstFrame()]);
  });
  after(() => Promise.all([linux?.stop(), node?.stop()]));

  for (const conversation of readConversations()) {
    it(conversation.name, async () => {
      const fromLinux = await hold(conversation, await tcpLine(linux.port), [conversation.request]);
      const fromNode = await hold(conversation, await tcpLine(node.port), [conversation.request]);
      assert.deepEqual(fromLinux.map(timeless), fromNode.map(timeless));
    });
  }
});
