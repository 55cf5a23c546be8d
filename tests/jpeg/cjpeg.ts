/** libjpeg-turbo's program cjpeg (Debian: libjpeg-turbo-progs), for what its library's users do not let one ask for. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";
import type { Picture } from "./pictures.ts";

/** Encodes a picture in colour. */
export async function cjpeg({ width, height, data }: Picture, options: string[]): Promise<Buffer> {
  const child = spawn("cjpeg", [...options, "-baseline", "-dct", "int"], { stdio: ["pipe", "pipe", "inherit"] });
  const code = new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  child.stdin.write(`P6 ${width} ${height} 255\n`);
  child.stdin.end(data);
  const [file, status] = await Promise.all([buffer(child.stdout), code]);
  assert.equal(status, 0, "cjpeg (libjpeg-turbo-progs) encodes it");
  return file;
}
