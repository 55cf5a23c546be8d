/**
 * JPEG files that a sensor or a webcam has made, on their way through: those that leave the standard Huffman tables out
 * (Motion JPEG) are given them, all others stay as they are. That broken ones are found is examined in fuzz.test.ts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { compilePassthrough } from "./jpeg/passthrough.ts";

const DHT = 0xc4;
const SOS = 0xda;
/** The file's segments before the scan: marker and bytes. */
function segments(file: Buffer): { marker: number; bytes: Buffer; at: number }[] {
  const found = [];
  for (let at = 2; ; ) {
    const marker = file[at + 1];
    const end = at + 2 + file.readUInt16BE(at + 2);
    found.push({ marker, bytes: file.subarray(at, end), at });
    if (marker === SOS) return found;
    at = end;
  }
}

/** As webcams leave it. */
function withoutTables(file: Buffer): Buffer {
  const parts = segments(file);
  const kept = parts.filter(({ marker }) => marker !== DHT && marker !== SOS).map(({ bytes }) => bytes);
  return Buffer.concat([file.subarray(0, 2), ...kept, file.subarray(parts.at(-1)!.at)]);
}

const photograph = new URL("../host/scenes/photos/cat.jpg", import.meta.url).pathname;
/** With the standard's tables, or with tables made for the picture. */
const picture = (optimiseCoding: boolean, gray = false) =>
  sharp(photograph).resize(200, 120).grayscale(gray).jpeg({ quality: 80, optimiseCoding }).toBuffer();
const pixels = (file: Buffer) => sharp(file, { failOn: "warning" }).raw().toBuffer();

for (const gray of [false, true]) {
  test(`a file without tables is given them, ${gray ? "gray" : "in colour"}`, async () => {
    const { look, complete } = await compilePassthrough();
    const original = await picture(false, gray);
    const bare = withoutTables(original);
    assert.equal(bare.length < original.length && segments(bare).every(({ marker }) => marker !== DHT), true);
    assert.equal(look(Buffer.concat([bare, Buffer.alloc(64)])), bare.length);
    const completed = complete();
    assert.equal(completed.length, bare.length + 420);
    assert.deepEqual(await pixels(completed), await pixels(original));
    assert.deepEqual(withoutTables(completed), bare, "nothing else has changed");
    assert.equal(look(completed), completed.length, "it is a whole file");
    assert.deepEqual(complete(), completed, "which needs nothing more");
  });
}

test("a file with tables of its own stays as it is", async () => {
  const { look, complete } = await compilePassthrough();
  for (const file of [await picture(true), await picture(false)]) {
    assert.equal(look(file), file.length);
    assert.deepEqual(complete(), file);
  }
});
