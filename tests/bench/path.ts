/**
 * What becomes of a stream on its way: frames a second and ages of pictures, over paths of several lengths and over
 * slow links (`wire.c`), by the stream and by WebSocket. The board `linux` and Node show the same JPEG file 30 times a
 * second; a C program that does nothing but send as many bytes tells what the path itself carries.
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startLinuxBoard } from "../../host/linux/board.ts";
import { sceneOfFiles } from "../../host/scenes/file.ts";
import { withParent } from "../../host/with-parent.ts";
import type { FarWatch, FarWatched } from "./far-viewers.ts";
import { withCamera } from "./node.ts";
import { FPS, folderOf, QVGA, type Size, VGA, withFloor } from "./played.ts";
import type { Way } from "./viewers.ts";
import { type End, startWire, WireError, type WireOptions } from "./wire.ts";

const FAR_VIEWERS = fileURLToPath(new URL("far-viewers.ts", import.meta.url));
const WAYS: Way[] = ["stream", "WebSocket"];
const SECONDS = 5;
/** Over a slow link fewer frames come. */
const SECONDS_SLOW = 12;
/** What waits in front of a slow link, as in a router at home. */
const QUEUE_BYTES = 64_000;

/** Paths that carry as much as comes; 0: the loopback device. */
const ROUND_TRIPS_MS = [0, 20, 40, 100];
const SLOW_LINKS = [100_000, 1_000_000].map((rate) => ({ roundTripMs: 40, rate, queueBytes: QUEUE_BYTES }));
const ON_NODE = [{ roundTripMs: 40 }, SLOW_LINKS[0]];

export interface PathRow extends FarWatched {
  server: string;
  path: string;
  viewers: string;
}

/** One server at the near end. */
interface Served {
  name: string;
  port: number;
  /** Whether it is a camera, or only sends bytes. */
  isCamera: boolean;
}

/** Runs far-viewers.ts at one end of a path. @returns what it printed */
async function at<T>(end: End, job: string, what: string): Promise<T> {
  const program = [process.execPath, "--import", "tsx", FAR_VIEWERS, job, what];
  const [command, ...args] = withParent([...end.under, ...program]);
  return JSON.parse((await promisify(execFile)(command, args)).stdout);
}

/** Has as many viewers as each of `counts` says watch a server, by every way. */
async function watchOver(
  path: WireOptions,
  counts: number[],
  serve: (near: End, body: (served: Served) => Promise<void>) => Promise<void>,
): Promise<PathRow[]> {
  const { roundTripMs, rate } = path;
  const rows: PathRow[] = [];
  const wire = await startWire(path);
  try {
    await serve(wire.near, async ({ name, port, isCamera }) => {
      const far = roundTripMs > 0 ? wire.far : wire.near;
      const host = roundTripMs > 0 ? wire.near.address : "127.0.0.1";
      // Asked at the near end, so that what the path adds is not taken for the clock's.
      const offset = isCamera ? await at<number>(wire.near, "clock", String(port)) : 0;
      const seconds = rate === undefined ? SECONDS : SECONDS_SLOW;
      for (const viewers of counts) {
        for (const way of isCamera ? WAYS : WAYS.slice(0, 1)) {
          const watch: FarWatch = { host, port, way, viewers, seconds, offset };
          const watched = await at<FarWatched>(far, "watch", JSON.stringify(watch));
          const limit = rate === undefined ? "" : `, ${rate / 1000} KB/s`;
          rows.push({ server: name, path: `${roundTripMs} ms${limit}`, viewers: `${viewers}, ${way}`, ...watched });
        }
      }
    });
  } finally {
    await wire.stop();
  }
  return rows;
}

async function benchLinux(size: Size, path: WireOptions, counts: number[]): Promise<PathRow[]> {
  const { folder } = await folderOf(size);
  const scene = await sceneOfFiles(folder);
  return watchOver(path, counts, async (near, body) => {
    const settings = { fps: FPS };
    const board = await startLinuxBoard({ profile: "server", host: "0.0.0.0", scene, settings, under: near.under });
    try {
      await body({ name: `linux, ${size.name}`, port: board.port, isCamera: true });
    } finally {
      await board.stop();
    }
  });
}

async function benchNode(size: Size, path: WireOptions): Promise<PathRow[]> {
  const { folder } = await folderOf(size);
  const options = ["--host", "0.0.0.0", "--files", folder, "--fps", FPS];
  return watchOver(path, [1], (near, body) =>
    withCamera(
      "server",
      (port) => body({ name: `Node, ${size.name}`, port, isCamera: true }),
      options,
      near.under,
    ),
  );
}

async function benchFloor(size: Size, path: WireOptions): Promise<PathRow[]> {
  const { bytes } = await folderOf(size);
  return watchOver(path, [1], ({ under }, body) => {
    const name = `C that only sends, ${size.name}`;
    return withFloor(bytes, ({ port }) => body({ name, port, isCamera: false }), { address: "0.0.0.0", under });
  });
}

/** @returns the rows, or why this machine can't have such paths, in one line */
export async function benchPath(): Promise<PathRow[] | string> {
  const rows: PathRow[] = [];
  try {
    for (const size of [QVGA, VGA]) {
      // Eight of the smaller ones are less for path and machine than eight of the larger.
      const counts = size === VGA ? [1, 8] : [1];
      for (const roundTripMs of ROUND_TRIPS_MS) rows.push(...(await benchLinux(size, { roundTripMs }, counts)));
      for (const link of SLOW_LINKS) rows.push(...(await benchLinux(size, link, [1])));
      for (const path of ON_NODE) rows.push(...(await benchNode(size, path)));
    }
    for (const roundTripMs of ROUND_TRIPS_MS) rows.push(...(await benchFloor(VGA, { roundTripMs })));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return `not measured here: ${error.message}`;
  }
  return rows;
}
