/**
 * What a delivered frame takes of the kernel, on the board `linux`: counts of its calls, as strace sees them. What they
 * take of time is printed by `make bench`.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Format } from "../host/board-table.ts";
import { startLinuxBoard } from "../host/linux/board.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";

const VIEWERS = 4;
/** As many as each viewer shall have; it is looked at closely all the while. */
const FRAMES = 60;
const PATIENCE = 60_000;

async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, otherwise);
    await sleep(20);
  }
}

test("a frame is one send, and one question whether the viewer takes it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "wasmcam-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "calls");
  // Small, so that a viewer that is late for once has room for what comes meanwhile, and nobody has to wait.
  const scene = await renderScene({ scene: PATTERN, width: 160, height: 120, format: Format.RGB565 });
  const under = ["strace", "-D", "-f", "-qq", "-s", "0", "-o", file, "-e", "trace=%network,ioctl,writev"];
  const board = await startLinuxBoard({ scene, under });
  const viewers = Array.from({ length: VIEWERS }, () => {
    const socket = connect({ port: board.port, host: "127.0.0.1" });
    const viewer = { socket, parts: 0, heads: "" };
    socket.on("data", (data) => {
      viewer.heads = viewer.heads.slice(-20) + data.toString("latin1");
      viewer.parts += viewer.heads.split("X-Sequence: ").length - 1;
      viewer.heads = viewer.heads.replaceAll("X-Sequence: ", "");
    });
    socket.write("GET /stream.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    return viewer;
  });
  try {
    await until(() => viewers.every(({ parts }) => parts >= FRAMES), `${FRAMES} frames for each viewer`);
    for (const { socket } of viewers) socket.destroy();
    await Promise.all(viewers.map(({ socket }) => socket.closed || once(socket, "close")));
  } finally {
    await board.stop();
  }

  const lines = (await readFile(file, "utf8")).split("\n");
  const count = (call: RegExp) => lines.filter((line) => call.test(line)).length;
  const parts = viewers.reduce((sum, viewer) => sum + viewer.parts, 0);
  const sends = count(/ sendto\(.*MSG_NOSIGNAL.*\) = \d+$/);
  const questions = count(/ ioctl\(\d+, TIOCOUTQ|TCP_INFO/);
  const others = count(/ (?:writev|sendmsg|sendmmsg)\(/);
  t.diagnostic(`${parts} parts: ${sends} sends, ${questions} questions`);
  // Besides parts, each viewer gets the head of its stream, and its last frame or two are on the way at the end.
  assert.ok(sends >= parts && sends <= parts * 1.1 + VIEWERS * 4, `${sends} sends for ${parts} parts`);
  assert.ok(questions <= sends * 1.1 + VIEWERS * 4, `${questions} questions for ${sends} sends`);
  assert.equal(others, 0);
});
