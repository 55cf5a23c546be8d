/**
 * The board `linux` over a path of 40 ms, made of two network namespaces (`bench/wire.c`): frames come whole, in order,
 * and as often as the path carries them, not one a round trip. What they look like over other paths is `make bench`'s.
 *
 * For `make test-long` alone: it needs /dev/net/tun and network namespaces (root, or unprivileged user namespaces),
 * which not every container has. Without them it fails, with what is not allowed.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import sharp from "sharp";
import { startLinuxBoard } from "../host/linux/board.ts";
import { PHOTOS_FOLDER, sceneOfFiles } from "../host/scenes/file.ts";
import { type Part, ResponseReader } from "../host/simulated/http.ts";
import { WebSocketClient } from "../host/simulated/websocket.ts";
import { withParent } from "../host/with-parent.ts";
import { type End, startWire } from "./bench/wire.ts";

const ROUND_TRIP_MS = 40;
const [WIDTH, HEIGHT] = [640, 480];
/** Of some 50 KB each, so that 30 a second are 60 KB a round trip. */
const FILES = 3;
/** Frames that the camera captures while a viewer's rate rises, and then while it is counted what comes. */
const [SETTLES, COUNTED] = [90, 300];
/** A camera that sent when all before had been acknowledged would send every other one of them. */
const SHARE_MIN = 2 / 3;
/** How long (ms) all may take: far longer than it does. */
const PATIENCE = 120_000;

/** Connects, at one end of a path, its standard input and output with an address. */
const CONNECTS = `const [host, port] = process.argv.slice(1);
const socket = require("node:net").connect({ host, port });
process.stdin.pipe(socket).pipe(process.stdout);`;

const stopping: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (stopping.length > 0) await stopping.pop()!();
});

/** Photographs as files of the camera. */
async function files(): Promise<{ folder: string; jpegs: Buffer[] }> {
  const folder = await mkdtemp(join(tmpdir(), "wasmcam-"));
  stopping.push(() => rm(folder, { recursive: true }));
  const photos = (await readdir(PHOTOS_FOLDER)).filter((name) => name.endsWith(".jpg")).sort().slice(0, FILES);
  assert.equal(photos.length, FILES);
  const jpegs: Buffer[] = [];
  for (const [index, photo] of photos.entries()) {
    const path = join(folder, `${index}.jpg`);
    await sharp(join(PHOTOS_FOLDER, photo)).resize(WIDTH, HEIGHT).jpeg({ quality: 85 }).toFile(path);
    jpegs.push(await readFile(path));
  }
  return { folder, jpegs };
}

/** The board at the near end, and what connects with it at the far one. */
async function overThePath(folder: string): Promise<ChildProcess> {
  const wire = await startWire({ roundTripMs: ROUND_TRIP_MS });
  stopping.push(() => wire.stop());
  const scene = await sceneOfFiles(folder);
  const { near, far } = wire;
  const board = await startLinuxBoard({ host: near.address, scene, settings: { fps: "30" }, under: near.under });
  stopping.push(() => board.stop());
  return connects(far, near.address, board.port);
}

function connects({ under }: End, address: string, port: number): ChildProcess {
  const [command, ...args] = withParent([...under, process.execPath, "-e", CONNECTS, address, String(port)]);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  stopping.push(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  return child;
}

interface Watching {
  onPart: (part: Part) => void;
  push(bytes: Uint8Array, time: number): void;
  problem: string | undefined;
}

const WAYS: Record<string, (send: (bytes: Uint8Array) => void) => Watching> = {
  "the stream": (send) => {
    const reader = new ResponseReader();
    reader.expect("GET");
    send(Buffer.from("GET /stream.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    return reader;
  },
  "a WebSocket": (send) => new WebSocketClient(send, { Host: "localhost" }),
};

for (const [way, watch] of Object.entries(WAYS)) {
  test(`a path of ${ROUND_TRIP_MS} ms carries every frame at VGA, by ${way}`, { timeout: PATIENCE }, async () => {
    const { folder, jpegs } = await files();
    const { stdin, stdout } = await overThePath(folder);
    const watching = watch((bytes) => stdin!.write(bytes));
    const parts: Part[] = [];
    watching.onPart = (part) => parts.push(part);
    const captured = () => (parts.length > 0 ? parts.at(-1)!.sequence - parts[0].sequence : 0);
    for await (const bytes of stdout!) {
      watching.push(bytes, 0);
      if (watching.problem || captured() >= SETTLES + COUNTED) break;
    }
    assert.equal(watching.problem, undefined);
    assert.ok(captured() >= SETTLES + COUNTED, `the connection ended after ${parts.length} frames`);
    for (const [index, { sequence, jpeg }] of parts.entries()) {
      if (index > 0) assert.ok(sequence > parts[index - 1].sequence, `${sequence} after ${parts[index - 1].sequence}`);
      assert.ok(jpegs.some((file) => file.equals(jpeg)), `frame ${sequence} is none of the files`);
    }
    const settled = parts.filter(({ sequence }) => sequence - parts[0].sequence >= SETTLES);
    const share = settled.length / (settled.at(-1)!.sequence - settled[0].sequence + 1);
    assert.ok(share >= SHARE_MIN, `${settled.length} frames came, ${share.toFixed(2)} of what was captured`);
  });
}
