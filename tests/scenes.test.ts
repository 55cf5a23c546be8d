/** The scenes that soft sensors play: pictures, the path over them, the test scene's counter, and what can be wrong. */

import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import {
  BOARD_SCENE_BYTES_MAX,
  PATTERN,
  PHOTOS_FOLDER,
  renderScene,
  Scene,
  SceneError,
} from "../host/scenes/file.ts";
import { drawPattern, readCounter } from "../host/scenes/pattern.ts";
import { loadPhoto } from "../host/scenes/photos.ts";
import { fromFormat, type Rgb, toFormat } from "../host/scenes/pixels.ts";

const FORMATS = [Format.GRAY, Format.RGB565, Format.YUYV, Format.BAYER];
/** The least that the formats with colour keep of a photograph, dB. A Bayer pixel has one of three colours. */
const leastPsnr = (format: Format): number => (format === Format.BAYER ? 33 : 39);

const folder = await mkdtemp(join(tmpdir(), "wasmcam-scenes-"));
after(() => rm(folder, { recursive: true }));

function psnr(one: Uint8Array, other: Uint8Array): number {
  assert.equal(one.length, other.length);
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] - other[i]) ** 2;
  return 10 * Math.log10((255 * 255 * one.length) / sum);
}

function jpegOf({ width, height, bytes }: Rgb, quality: number): Promise<Buffer> {
  return sharp(bytes, { raw: { width, height, channels: 3 } }).jpeg({ quality }).toBuffer();
}

for (const format of FORMATS) {
  test(`${Format[format]} keeps a photograph`, async () => {
    const photo = await loadPhoto(join(PHOTOS_FOLDER, "cat.jpg"), 320, 240);
    const shown = fromFormat(toFormat(photo, format), 320, 240, format);
    // A grey picture's luma is itself; the others are measured in colour.
    if (format === Format.GRAY) assert.deepEqual(toFormat(shown, format), toFormat(photo, format));
    else assert.ok(psnr(photo.bytes, shown.bytes) > leastPsnr(format), `${psnr(photo.bytes, shown.bytes)} dB`);
  });

  test(`${Format[format]} is laid out as the board's interface says`, () => {
    const colours = { width: 2, height: 1, bytes: Uint8Array.of(255, 0, 0, 0, 0, 255) };
    const expected: Partial<Record<Format, number[]>> = {
      [Format.GRAY]: [76, 29],
      [Format.RGB565]: [0x00, 0xf8, 0x1f, 0x00],
      // Chroma of the mean, (127.5, 0, 127.5): luma 52.7, Cb 128 + 74.8 / 1.772, Cr 128 + 74.8 / 1.402.
      [Format.YUYV]: [76, 170, 29, 181],
      [Format.BAYER]: [0, 0],
    };
    assert.deepEqual([...toFormat(colours, format)], expected[format]);
  });
}

test("BAYER takes blue and green from even rows, green and red from odd ones", () => {
  const bytes = Uint8Array.from({ length: 3 * 3 * 2 }, (_, i) => i);
  assert.deepEqual([...toFormat({ width: 3, height: 2, bytes }, Format.BAYER)], [2, 4, 8, 10, 12, 16]);
});

for (const [width, height] of [[1, 1], [2, 1], [7, 5], [32, 32], [320, 240], [640, 480], [1280, 960]]) {
  for (const scene of [PHOTOS_FOLDER, PATTERN]) {
    const name = scene === PATTERN ? "the test scene" : "photographs";
    for (const format of FORMATS) {
      if (format === Format.YUYV && width % 2 !== 0) continue;
      test(`${name} at ${width}x${height} ${Format[format]} fit a board and can be played`, async () => {
        const bytes = await renderScene({ scene, width, height, format });
        assert.ok(bytes.length <= BOARD_SCENE_BYTES_MAX);
        const played = new Scene(bytes);
        const isOneByte = format === Format.GRAY || format === Format.BAYER;
        assert.equal(played.frameBytes, width * height * (isOneByte ? 1 : 2));
        const first = played.frame(0);
        assert.deepEqual(played.frame(played.frames), first, "the scene begins anew after its last frame");
        assert.deepEqual([played.width, played.height, played.format], [width, height, format]);
      });
    }
  }
}

test("a scene's file is laid out as its drawing says", async () => {
  const bytes = await renderScene({ scene: PHOTOS_FOLDER, width: 6, height: 4, format: Format.YUYV });
  assert.equal(bytes.toString("latin1", 0, 4), "WCSC");
  assert.deepEqual([...bytes.subarray(4, 6)], [1, Format.YUYV]);
  const [width, height, pictureWidth, pictureHeight, pictures] = [6, 8, 10, 12, 14].map((at) => bytes.readUInt16LE(at));
  const frames = bytes.readUInt32LE(16);
  assert.deepEqual([width, height, pictureWidth, pictureHeight, pictures], [6, 4, 8, 5, 4]);
  const pixels = (20 + frames * 6 + 3) & ~3;
  assert.equal(bytes.length, pixels + pictures * pictureWidth * pictureHeight * 2);
  const scene = new Scene(bytes);
  let [left, right] = [Infinity, -Infinity];
  for (let n = 0; n < frames; n++) {
    const [picture, x, y] = [0, 2, 4].map((at) => bytes.readUInt16LE(20 + n * 6 + at));
    assert.ok(picture < pictures && x % 2 === 0 && x + width <= pictureWidth && y + height <= pictureHeight);
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    const rows = Array.from({ length: height }, (_, row) => {
      const at = pixels + ((picture * pictureHeight + y + row) * pictureWidth + x) * 2;
      return bytes.subarray(at, at + width * 2);
    });
    assert.deepEqual(Buffer.from(scene.frame(n)), Buffer.concat(rows));
  }
  assert.deepEqual([left, right], [0, 2], "the window uses the whole margin");
});

test("photographs pan smoothly, and come back to where they began", async () => {
  const bytes = await renderScene({ scene: PHOTOS_FOLDER, width: 320, height: 240, format: Format.RGB565 });
  const frames = bytes.readUInt32LE(16);
  const stepAt = (n: number) => [0, 2, 4].map((at) => bytes.readUInt16LE(20 + (n % frames) * 6 + at));
  const moved = new Set<string>();
  for (let n = 0; n < frames; n++) {
    const [picture, x, y] = stepAt(n);
    const [nextPicture, nextX, nextY] = stepAt(n + 1);
    moved.add(`${x},${y}`);
    if (picture === nextPicture) {
      assert.ok(Math.abs(nextX - x) <= 2 && Math.abs(nextY - y) <= 2, `a leap at frame ${n}`);
    } else {
      assert.deepEqual([nextX, nextY], [0, 0]);
      assert.ok(x <= 2 && y <= 2, `picture ${picture} ends where it began`);
    }
  }
  assert.ok(moved.size > 100);
});

test("the test scene's counter survives JPEG at quality 50, in every size that has one", async () => {
  for (const [width, height] of [[32, 32], [48, 32], [64, 48], [160, 120], [320, 240], [641, 479]]) {
    for (const counter of [0, 1, 255, 256, 12345, 65535]) {
      const jpeg = await jpegOf(drawPattern(width, height, counter, 100), 50);
      const { data } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
      assert.equal(readCounter(data, width, height), counter, `${counter} at ${width}x${height}`);
    }
  }
});

test("the counter reads from grey, RGB and RGBA, and from nothing else than a counter", () => {
  const { bytes } = drawPattern(64, 48, 4711, 100);
  assert.equal(readCounter(bytes, 64, 48), 4711);
  assert.equal(readCounter(bytes.filter((_, i) => i % 3 === 0), 64, 48), 4711);
  const rgba = new Uint8Array(64 * 48 * 4);
  for (let i = 0; i < 64 * 48; i++) rgba.set([...bytes.subarray(i * 3, i * 3 + 3), 255], i * 4);
  assert.equal(readCounter(rgba, 64, 48), 4711);
  for (const value of [0, 127, 255]) assert.equal(readCounter(new Uint8Array(64 * 48).fill(value), 64, 48), undefined);
  assert.equal(readCounter(new Uint8Array(31 * 31 * 3), 31, 31), undefined, "too small for one");
  const torn = Uint8Array.from(bytes);
  torn.set(drawPattern(64, 48, 4712, 100).bytes.subarray(bytes.length * 0.7), bytes.length * 0.7);
  assert.equal(readCounter(torn, 64, 48), undefined, "the upper half of one frame and the lower of the next");
});

test("every frame of the test scene is another", async () => {
  const scene = new Scene(await renderScene({ scene: PATTERN, width: 64, height: 48, format: Format.GRAY }));
  for (let n = 0; n < scene.frames; n += 7) assert.equal(readCounter(scene.frame(n), 64, 48), n);
});

test("a folder's pictures are those with a picture's name, JPEG and PNG, in any shape", async () => {
  const mixed = join(folder, "mixed");
  await cp(PHOTOS_FOLDER, mixed, { recursive: true });
  const tall = { width: 3, height: 50, channels: 4, background: { r: 9, g: 200, b: 9, alpha: 0.5 } } as const;
  await sharp({ create: tall }).png().toFile(join(mixed, "a tall one.PNG"));
  const bytes = await renderScene({ scene: mixed, width: 16, height: 16, format: Format.RGB565 });
  assert.equal(bytes.readUInt16LE(14), 5);
});

/** What somebody may ask for in vain, and the one line that says why. */
const WRONG: [string, Partial<Parameters<typeof renderScene>[0]>, RegExp][] = [
  ["no such folder", { scene: join(folder, "nowhere") }, /^there is no folder .*nowhere$/],
  ["a folder without pictures", { scene: folder }, /^no pictures \(.*\) in /],
  ["a size of nothing", { width: 0 }, /^the size 0x8 is not within 1x1 and 1280x960$/],
  ["a size above the largest", { width: 1281 }, /^the size 1281x8 is not within/],
  ["a size that is no whole number", { height: 1.5 }, /^the size 8x1.5 is not within/],
  ["an odd width of pairs", { width: 7, format: Format.YUYV }, /^the width 7 is odd/],
];
for (const [name, wish, line] of WRONG) {
  test(`refused: ${name}`, async () => {
    const whole = { scene: PATTERN, width: 8, height: 8, format: Format.GRAY, ...wish };
    await assert.rejects(renderScene(whole), (error: unknown) => {
      assert.ok(error instanceof SceneError);
      assert.match(error.message, line);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  });
}

test("refused: a file that is not an image, by its name", async () => {
  const broken = join(folder, "broken");
  await cp(PHOTOS_FOLDER, broken, { recursive: true });
  await writeFile(join(broken, "b-lunch.jpg"), "Tuesday: soup");
  await assert.rejects(renderScene({ scene: broken, width: 8, height: 8, format: Format.GRAY }), (error: unknown) => {
    assert.ok(error instanceof SceneError);
    assert.match(error.message, /^.*b-lunch\.jpg is not a picture that can be read: .+$/);
    return true;
  });
});

test("refused: a scene that is cut short, or none at all", async () => {
  const bytes = await renderScene({ scene: PATTERN, width: 8, height: 8, format: Format.GRAY });
  assert.throws(() => new Scene(bytes.subarray(0, bytes.length - 1)), SceneError);
  assert.throws(() => new Scene(Buffer.from("WCSC")), SceneError);
  assert.throws(() => new Scene(Buffer.alloc(64)), SceneError);
});
