/**
 * The firmware on the emulated board: that it serves, that a module which fails is started afresh, and that nothing is
 * left of it. What the camera answers in detail is examined where it is faster; here it must only be the same camera.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { connect } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import { type EmulatedBoard, EmulatorError, startBoard } from "../host/emulator/board.ts";
import { Cable } from "../host/emulator/cable.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";
import { firstPicture } from "./first-picture.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const get = (board: EmulatedBoard, path: string): Promise<Response> => fetch(new URL(path, board.url));

/** Parts of the stream, as many as asked for: their headers and their bodies. */
async function parts(board: EmulatedBoard, count: number): Promise<{ headers: Map<string, string>; body: Buffer }[]> {
  const socket = connect({ port: board.port, host: "127.0.0.1" });
  try {
    socket.write("GET /stream.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let bytes = Buffer.alloc(0);
    const found: { headers: Map<string, string>; body: Buffer }[] = [];
    for await (const chunk of socket) {
      bytes = Buffer.concat([bytes, chunk as Buffer]);
      for (;;) {
        const head = bytes.indexOf("\r\n\r\n");
        if (head < 0) break;
        const lines = bytes.toString("latin1", 0, head).split("\r\n");
        const fields = lines.map((line) => line.split(": ")).filter((pair) => pair.length === 2);
        const headers = new Map(fields.map(([name, value]) => [name, value] as const));
        const length = headers.has("X-Sequence") ? Number(headers.get("Content-Length")) : 0;
        if (bytes.length < head + 4 + length) break;
        if (length > 0) found.push({ headers, body: bytes.subarray(head + 4, head + 4 + length) });
        bytes = bytes.subarray(head + 4 + length);
        if (found.length === count) return found;
      }
    }
    return assert.fail(`the stream ended after ${found.length} parts`);
  } finally {
    socket.destroy();
  }
}

describe("a board with a scene", () => {
  let board: EmulatedBoard;

  before(async () => {
    const scene = await renderScene({ scene: PATTERN, width: 160, height: 120, format: Format.RGB565 });
    board = await startBoard({ scene, settings: { size: "160x120", quality: "70" } });
    await board.answers();
    await (await firstPicture(board.url)).arrayBuffer();
  });

  after(() => board.stop());

  test("says what it is", async () => {
    const state = await (await get(board, "/state")).json();
    assert.equal(state.board, "mps2-an500");
    assert.equal(state.address, "10.0.2.15");
    assert.equal(state.restarts, 0);
    assert.equal(state.capture.width, 160);
    assert.equal(state.capture.quality, 70);
  });

  test("serves a snapshot that decodes", async () => {
    const response = await get(board, "/snapshot.jpg");
    assert.equal(response.status, 200);
    const picture = sharp(Buffer.from(await response.arrayBuffer()), { failOn: "warning" });
    const { info } = await picture.raw().toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height], [160, 120]);
  });

  test("streams whole frames, each newer than the one before", async () => {
    const frames = await parts(board, 20);
    for (const { body } of frames) await sharp(body, { failOn: "warning" }).raw().toBuffer();
    const numbers = (name: string): number[] => frames.map(({ headers }) => Number(headers.get(name)));
    for (const values of [numbers("X-Sequence"), numbers("X-Timestamp")]) {
      assert.ok(values.every((value, index) => index === 0 || value > values[index - 1]), values.join(" "));
    }
  });

  test("answers six connections at once, as a browser opens them", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => get(board, "/snapshot.jpg")));
    assert.deepEqual(answers.map(({ status }) => status), Array(6).fill(200));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  });

  test("answers a hundred connections, one after another", async () => {
    for (let n = 0; n < 100; n++) {
      const response = await fetch(new URL("/state", board.url), { headers: { connection: "close" } });
      assert.equal((await response.json()).board, "mps2-an500");
    }
  });

  test("serves others while one viewer does not read", async () => {
    const lazy = connect({ port: board.port, host: "127.0.0.1" });
    lazy.pause();
    lazy.write("GET /stream.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const frames = await parts(board, 60);
    assert.equal(frames.length, 60);
    lazy.destroy();
  });
});

describe("a board without a scene", () => {
  test("has no sensor, and says so", async () => {
    const board = await startBoard();
    try {
      await board.answers();
      const response = await get(board, "/snapshot.jpg");
      assert.equal(response.status, 503);
      assert.equal((await (await get(board, "/state")).json()).capture.published, 0);
    } finally {
      await board.stop();
    }
  });
});

/** Compiles a module of this folder for the board. */
async function compileForBoard(name: string): Promise<string> {
  await mkdir(`${ROOT}build/tests`, { recursive: true });
  const wasm = `build/tests/${name}.wasm`;
  const options = ["--config", "none", "-O3", "--runtime", "stub", "--baseDir", ROOT, "-o", wasm];
  const { error, stderr } = await asc.main([`tests/board/${name}.as.ts`, ...options]);
  assert.equal(error, null, stderr.toString());
  const aot = `build/tests/${name}.aot`;
  execFileSync("board/build.sh", ["aot", wasm, aot], { cwd: ROOT });
  return `${ROOT}${aot}`;
}

describe("a module that fails", () => {
  let board: EmulatedBoard;

  before(async () => {
    board = await startBoard({ module: await compileForBoard("falling") });
  });

  after(() => board.stop());

  test("takes its connections along, is logged, and is started afresh however it fails", async () => {
    const viewer = connect({ port: board.port, host: "127.0.0.1" }).resume();
    viewer.on("error", () => {});
    await new Promise((resolve) => viewer.on("close", resolve)); // an end or a reset: QEMU's network makes either of it
    const failures = [
      "unreachable",
      "out of bounds memory access",
      "an address outside of the module's memory",
      "native stack overflow",
      "integer divide by zero",
      "tcpClose of a handle that is not open",
    ];
    for (const [index, failure] of failures.entries()) {
      const next = `fresh start ${index + 1} in ${100 * 2 ** index} ms`;
      const text = `the module stopped: ${failure}(, in function \\d+)?; it ran for \\d+\\.\\d{6} s; ${next}`;
      await board.line(new RegExp(`^\\[ *\\d+\\.\\d{6}\\] ERROR   ${text}$`));
    }
    await board.answers();
    assert.equal((await get(board, "/")).status, 204);
    assert.equal(board.log.filter((line) => /ERROR/.test(line)).length, failures.length);
  });
});

describe("what is left", () => {
  const boards: EmulatedBoard[] = [];
  const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

  afterEach(async () => {
    while (boards.length > 0) await boards.pop()!.stop();
  });

  test("nothing, once it is stopped", async () => {
    const board = await startBoard();
    boards.push(board);
    assert.ok(isRunning(board.pid));
    const folder = readlinkSync(`/proc/${board.pid}/cwd`).replace(/ \(deleted\)$/, "");
    await board.stop();
    assert.ok(!isRunning(board.pid));
    assert.equal(await board.ended, undefined);
    assert.ok(!existsSync(folder));
    await (await Cable.listen(board.port, 1)).close(); // its port is free
  });

  test("a board that ends by itself says why", async () => {
    const board = await startBoard();
    boards.push(board);
    process.kill(board.pid, "SIGKILL");
    const error = await board.ended;
    assert.ok(error instanceof EmulatorError);
    assert.match(error.message, /^the emulated board ended \(SIGKILL\)/);
  });

  test("a board that cannot start says why", async () => {
    await assert.rejects(startBoard({ scene: Buffer.from("no scene") }), /the firmware failed: .*not a scene file/);
    await assert.rejects(startBoard({ firmware: "/nowhere.elf" }), /nowhere\.elf is not there/);
    await assert.rejects(startBoard({ settings: { motto: "a\0b" } }), /settings have a NUL/);
  });
});
