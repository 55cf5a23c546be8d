/** What benchmarks of servers show: a JPEG file, 30 times a second; and the C program that only sends as many bytes. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { PHOTOS_FOLDER } from "../../host/scenes/file.ts";
import { withParent } from "../../host/with-parent.ts";

const BUILD = fileURLToPath(new URL("../../build/bench/", import.meta.url));
const FLOOR_SOURCE = fileURLToPath(new URL("floor.c", import.meta.url));
/** That of files of 25 KB and 77 KB, as cameras make them. */
const QUALITY = 93;
export const FPS = "30";

export type Size = { width: number; height: number; name: string };
export const QVGA: Size = { width: 320, height: 240, name: "320x240" };
export const VGA: Size = { width: 640, height: 480, name: "640x480" };

/** A folder with one photograph as a JPEG file, and how long that is. */
export async function folderOf({ width, height, name }: Size): Promise<{ folder: string; bytes: number }> {
  const folder = `${BUILD}files-${name}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = sharp(`${PHOTOS_FOLDER}/cat.jpg`).resize(width, height).jpeg({ quality: QUALITY });
  const { size } = await file.toFile(`${folder}/1.jpg`);
  return { folder, bytes: size };
}

/**
 * Has the C program send `bytes` as a frame for as long as `body` takes.
 * @param end the address on which it listens, and what becomes the program, such as `nsenter` with its options
 */
export async function withFloor<T>(
  bytes: number,
  body: (floor: { port: number; pid: number }) => Promise<T>,
  { address, under }: { address: string; under: string[] } = { address: "127.0.0.1", under: [] },
): Promise<T> {
  const program = `${BUILD}floor`;
  execFileSync("cc", ["-O2", "-o", program, FLOOR_SOURCE], { stdio: "inherit" });
  const [command, ...args] = withParent([...under, program, String(bytes), address]);
  const floor = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] }); // our end is its input's end
  try {
    const [port] = await once(floor.stdout, "data");
    return await body({ port: Number(port), pid: floor.pid! });
  } finally {
    floor.stdin.end();
    // It may be in the midst of a send that nobody takes any more.
    floor.kill("SIGTERM");
    if (floor.exitCode === null && floor.signalCode === null) await once(floor, "exit");
  }
}
