/**
 * The emulated board's cable is pulled and plugged in again: a viewer of before goes on where it was, a new one is
 * served, and nobody had to do anything about it. That another network gives another address is shown where a network
 * can be made up (board/src/net/tests.rs).
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Format } from "../host/board-table.ts";
import { type EmulatedBoard, startBoard } from "../host/emulator/board.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";
import { firstPicture } from "./first-picture.ts";

let board: EmulatedBoard;

before(async () => {
  const scene = await renderScene({ scene: PATTERN, width: 64, height: 48, format: Format.RGB565 });
  board = await startBoard({ scene, settings: { size: "64x48" } });
  await board.answers();
  await (await firstPicture(board.url)).arrayBuffer();
});

after(() => board.stop());

/** Lines of the board's log about its cable. */
function plugs(): string[] {
  return board.log.flatMap((line) => / network: the cable is (in|out)$/.exec(line)?.slice(1) ?? []);
}

async function noticed(count: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; plugs().length < count; await sleep(50)) {
    assert.ok(Date.now() < deadline, `the board did not notice: ${board.log.join("\n")}`);
  }
}

test("a cable that was out is in again, and everything goes on", async () => {
  const viewer = connect(board.port, "127.0.0.1");
  let bytes = 0;
  viewer.on("data", (data) => (bytes += data.length));
  viewer.on("error", () => {});
  viewer.write("GET /stream.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (bytes < 20_000) await sleep(50);

  await board.plug(false);
  await noticed(1);
  await sleep(1000);
  const before = bytes;
  await sleep(1000);
  assert.equal(bytes, before, "nothing comes through");
  await board.plug(true);
  await noticed(2);
  assert.deepEqual(plugs(), ["out", "in"]);

  for (const deadline = Date.now() + 30_000; bytes < before + 20_000; await sleep(50)) {
    assert.ok(Date.now() < deadline, "the viewer of before gets no more");
  }
  const state = await (await fetch(new URL("/state", board.url))).json();
  assert.equal(state.restarts, 0);
  assert.equal(state.address, "10.0.2.15");
  assert.equal(state.viewers.length, 1);
  viewer.destroy();
});
