/**
 * What it costs to send frames to many viewers: the board `linux` and Node, beside a C program that does nothing but
 * send as many bytes; and how old the pictures of slow viewers are.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Format } from "../../host/board-table.ts";
import { startLinuxBoard } from "../../host/linux/board.ts";
import { PHOTOS_FOLDER, renderScene } from "../../host/scenes/file.ts";
import { type CostRow, measure } from "./cost.ts";
import { withCamera } from "./node.ts";
import { type Ages, watchWithSlow } from "./viewers.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const VIEWERS = [1, 8, 32, 128];
/** Of profile `server`. */
const VIEWERS_MAX = 256;
const SCENE_BYTES_MAX = 32_000_000;

/** As long as a viewer of 100 KB/s has its picture on the way. */
const SLOW = { fast: 8, slow: 2, rate: 100_000, seconds: 15 };

export interface FanOutRow extends CostRow {
  server: string;
  /** The same without what is done once a frame, however many watch: what a further viewer adds, µs a frame. */
  cpuFurther: number | undefined;
}

/** Tells apart what a frame costs (a server with one viewer, nearly) and what a further viewer adds to it. */
function named(server: string, rows: CostRow[]): FanOutRow[] {
  const [one] = rows;
  return rows.map((row) => {
    const known = row !== one && row.cpu !== undefined && one.cpu !== undefined;
    const cpuFurther = known ? (row.cpu! * row.viewers - one.cpu!) / (row.viewers - 1) : undefined;
    return { server, ...row, cpuFurther };
  });
}

async function benchFloor(server: string, bytes: number): Promise<FanOutRow[]> {
  const program = `${ROOT}build/bench/floor`;
  mkdirSync(`${ROOT}build/bench`, { recursive: true });
  execFileSync("cc", ["-O2", "-o", program, `${ROOT}tests/bench/floor.c`], { stdio: "inherit" });
  const floor = spawn(program, [String(bytes)], { stdio: ["pipe", "pipe", "inherit"] }); // our end is its input's end
  try {
    const [port] = await once(floor.stdout, "data");
    return named(server, await measure(Number(port), floor.pid!, VIEWERS));
  } finally {
    floor.stdin.end();
    if (floor.exitCode === null) await once(floor, "exit");
  }
}

/** The same viewers by both ways. */
async function benchAges(port: number): Promise<Ages[]> {
  return [...(await watchWithSlow(port, "stream", SLOW)), ...(await watchWithSlow(port, "WebSocket", SLOW))];
}

/** The board linux in one size: what it costs, the least for frames as large, and the ages with slow viewers. */
async function benchLinux(width: number, height: number): Promise<{ rows: FanOutRow[]; ages: Ages[] }> {
  const wish = { scene: PHOTOS_FOLDER, width, height, format: Format.RGB565, bytesMax: SCENE_BYTES_MAX };
  const board = await startLinuxBoard({ profile: "server", scene: await renderScene(wish) });
  try {
    const size = `${width}x${height}`;
    const rows = named(`linux, ${size}`, await measure(board.port, board.pid, [...VIEWERS, VIEWERS_MAX]));
    const ages = await benchAges(board.port);
    const floor = await benchFloor(`C that only sends, ${size}`, Math.round(rows.at(-1)!.bytes));
    return { rows: [...rows, ...floor], ages: ages.map((row) => ({ server: `linux, ${size}`, ...row })) };
  } finally {
    await board.stop();
  }
}

export async function benchFanOut(): Promise<{ rows: FanOutRow[]; ages: Ages[] }> {
  const [small, large] = [await benchLinux(320, 240), await benchLinux(640, 480)];
  const node = await withCamera("server", async (port, camera) => ({
    rows: named("Node, 320x240", await measure(port, camera.pid!, VIEWERS)),
    ages: (await benchAges(port)).map((row) => ({ server: "Node, 320x240", ...row })),
  }));
  return {
    rows: [small, large, node].flatMap(({ rows }) => rows),
    ages: [small, large, node].flatMap(({ ages }) => ages),
  };
}
