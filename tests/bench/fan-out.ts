/**
 * What it costs to send frames to many viewers: the board `linux` and Node, beside a C program that does nothing but
 * send as many bytes; and how old the pictures of slow viewers are. All show the same JPEG file 30 times a second, so
 * that encoding is not in it, nor what is in the picture; what that adds has a row of its own.
 */

import { Format } from "../../host/board-table.ts";
import { type LinuxBoard, startLinuxBoard } from "../../host/linux/board.ts";
import { PHOTOS_FOLDER, renderScene, sceneOfFiles } from "../../host/scenes/file.ts";
import { type CostRow, measure } from "./cost.ts";
import { withCamera } from "./node.ts";
import { FPS, folderOf, QVGA, type Size, VGA, withFloor } from "./played.ts";
import { type Ages, watch, watchWithSlow } from "./viewers.ts";

const VIEWERS = [1, 8, 32, 128];
/** Of profile `server`. */
const VIEWERS_MAX = 256;
const SCENE_BYTES_MAX = 32_000_000;

/** As long as a viewer of 100 KB/s has its picture on the way. */
const SLOW = { fast: 8, slow: 2, rate: 100_000, seconds: 15 };

export interface FanOutRow extends CostRow {
  server: string;
  /** Its processor time over the C program's, at as many viewers. */
  timesFloor?: number;
}

const named = (server: string, rows: CostRow[]): FanOutRow[] => rows.map((row) => ({ server, ...row }));

/** The same viewers by both ways. */
async function benchAges(port: number): Promise<Ages[]> {
  return [...(await watchWithSlow(port, "stream", SLOW)), ...(await watchWithSlow(port, "WebSocket", SLOW))];
}

async function withLinux<T>(scene: Buffer, body: (board: LinuxBoard) => Promise<T>): Promise<T> {
  const board = await startLinuxBoard({ profile: "server", scene, settings: { fps: FPS } });
  try {
    return await body(board);
  } finally {
    await board.stop();
  }
}

/** The board linux in one size: what it costs, beside the least for frames as large, and the ages with slow viewers. */
async function benchLinux(size: Size): Promise<{ rows: FanOutRow[]; ages: Ages[] }> {
  const { width, height, name } = size;
  const { folder } = await folderOf(size);
  const played = await withLinux(await sceneOfFiles(folder), async (board) => {
    const { bytes } = await watch(board.port, 1, 1);
    const [rows, floor] = await withFloor(Math.round(bytes), (floor) => measure([board, floor], VIEWERS));
    const compared = rows.map((row, n) => ({ ...row, timesFloor: row.cpu! / floor[n].cpu! }));
    const [crowd] = await measure([board], [VIEWERS_MAX]);
    return {
      rows: [...named(`linux, ${name}`, [...compared, ...crowd]), ...named(`C that only sends, ${name}`, floor)],
      ages: await benchAges(board.port),
    };
  });
  const wish = { scene: PHOTOS_FOLDER, width, height, format: Format.RGB565, bytesMax: SCENE_BYTES_MAX };
  const [encoding] = await withLinux(await renderScene(wish), (board) => measure([board], [1]));
  return {
    rows: [...played.rows, ...named(`linux that encodes, ${name}`, encoding)],
    ages: played.ages.map((row) => ({ server: `linux, ${name}`, ...row })),
  };
}

async function benchNode(size: Size): Promise<{ rows: FanOutRow[]; ages: Ages[] }> {
  const server = `Node, ${size.name}`;
  const bench = async (port: number, pid: number) => ({
    rows: named(server, (await measure([{ port, pid }], VIEWERS))[0]),
    ages: (await benchAges(port)).map((row) => ({ server, ...row })),
  });
  const { folder } = await folderOf(size);
  const options = ["--files", folder, "--fps", FPS];
  return withCamera("server", (port, camera) => bench(port, camera.pid!), options);
}

export async function benchFanOut(): Promise<{ rows: FanOutRow[]; ages: Ages[] }> {
  const all = [await benchLinux(QVGA), await benchLinux(VGA), await benchNode(QVGA)];
  return { rows: all.flatMap(({ rows }) => rows), ages: all.flatMap(({ ages }) => ages) };
}
