/**
 * A firmware that hangs, outside of any module: a debugger puts the processor of the emulated board into an endless
 * loop. The watchdog resets the board, which is the same camera as before then, and tells where it was.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Format } from "../host/board-table.ts";
import { type EmulatedBoard, startBoard } from "../host/emulator/board.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";
import { ALONE, firstPicture } from "./first-picture.ts";
import { ADMIN_SECRET, bearer, testSettings } from "../host/simulated/secret.ts";

/** The last words of PSRAM, which nobody uses, and an instruction that jumps to itself. */
const PLACE = 0x60fffff0;
const JUMP_TO_ITSELF = "fee7";
/** The program counter's number to GDB. */
const PC = "f";

const folder = await mkdtemp(join(tmpdir(), "wasmcam-hang-"));
let board: EmulatedBoard | undefined;
after(async () => {
  await board?.stop();
  await rm(folder, { recursive: true });
});

/** Sends a packet of GDB's remote protocol, and waits for its answer. */
async function order(socket: Socket, text: string, answered: string): Promise<void> {
  const sum = Buffer.from(text).reduce((sum, byte) => (sum + byte) & 255, 0);
  socket.write(`+$${text}#${sum.toString(16).padStart(2, "0")}`);
  for (let answer = ""; !answer.includes(`$${answered}`); answer += (await once(socket, "data"))[0]) {
    assert.ok(!/\$(E\d\d)?#/.test(answer), `${text}: ${answer}`);
  }
}

/** Has the board's processor go on at the endless loop. */
async function hang(board: EmulatedBoard): Promise<void> {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, "close");
  await board.monitor(`gdbserver tcp:127.0.0.1:${port}`);
  const debuggerSocket = connect(port, "127.0.0.1");
  await once(debuggerSocket, "connect");
  const place = Buffer.alloc(4);
  place.writeUInt32LE(PLACE);
  // It lets registers be set one by one only for those who know which there are.
  await order(debuggerSocket, "qXfer:features:read:target.xml:0,ff", "l");
  await order(debuggerSocket, `M${PLACE.toString(16)},2:${JUMP_TO_ITSELF}`, "OK");
  await order(debuggerSocket, `P${PC}=${place.toString("hex")}`, "OK");
  await order(debuggerSocket, "D", "OK"); // the debugger leaves, and the board goes on
  debuggerSocket.destroy();
}

test("a firmware that hangs is reset, with its scene and what it kept, and says where it hung", async () => {
  const scene = await renderScene({ scene: PATTERN, width: 64, height: 48, format: Format.RGB565 });
  const headers = { ...bearer(ADMIN_SECRET), ...ALONE };
  const settingsFile = join(folder, "settings.json");
  board = await startBoard({ scene, settings: testSettings({ size: "64x48" }), settingsFile });
  await board.answers();
  await (await firstPicture(board.url)).arrayBuffer();

  for (const path of ["/control?quality=40", "/control/save"]) {
    assert.equal((await fetch(new URL(path, board.url), { method: "POST", headers })).status, 200);
  }

  await hang(board);
  await board.line(/ERROR {3}the firmware hung at 0x60fffff0, the watchdog reset the board$/);
  await board.answers();
  const picture = await firstPicture(board.url);
  assert.equal(picture.status, 200);
  const state = await (await fetch(new URL("/state", board.url))).json();
  assert.equal(state.restarts, 0, "it is the board that was started afresh");
  assert.equal(state.crash.text, "the firmware hung at 0x60fffff0, the watchdog reset the board");
  assert.deepEqual([state.capture.width, state.capture.quality], [64, 40]);
});
