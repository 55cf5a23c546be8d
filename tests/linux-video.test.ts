/**
 * Cameras of Linux' on the board `linux`, through a faked device (tests/video/): each format as a picture, what is
 * listed and chosen, damaged pictures, a camera that is unplugged, and what is none. No real camera was here.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, test } from "node:test";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import { type LinuxBoard, type LinuxOptions, PROGRAM, startLinuxBoard } from "../host/linux/board.ts";
import { loadPhoto, PHOTOS_FOLDER } from "../host/scenes/photos.ts";
import { toFormat } from "../host/scenes/pixels.ts";
import { ADMIN_SECRET, bearer, testSettings } from "../host/simulated/secret.ts";
import { endOf } from "./program.ts";
import { firstPicture } from "./first-picture.ts";
import { DEVICE, FakeCamera } from "./video/fake-camera.ts";

const [WIDTH, HEIGHT] = [160, 120];
const SIZE = `${WIDTH}x${HEIGHT}`;
const PATIENCE_MS = 60_000;

const stopping: (() => Promise<void>)[] = [];
afterEach(async () => {
  while (stopping.length > 0) await stopping.pop()!();
});

const photo = loadPhoto(`${PHOTOS_FOLDER}/cat.jpg`, WIDTH, HEIGHT);
const jpeg = async (options: { quality?: number; optimiseCoding?: boolean } = {}) => {
  const { bytes } = await photo;
  return sharp(bytes, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } }).jpeg(options).toBuffer();
};

async function fake(scenario: string[], pictures: Record<string, Uint8Array[]>): Promise<FakeCamera> {
  const camera = await FakeCamera.make(scenario, pictures);
  stopping.push(() => camera.remove());
  return camera;
}

async function start(camera: FakeCamera, options: LinuxOptions = {}): Promise<LinuxBoard> {
  const settings = testSettings({ quality: "95", sampling: "4:4:4", ...options.settings });
  const board = await startLinuxBoard({ camera: DEVICE, env: camera.env, ...options, settings });
  stopping.push(() => board.stop());
  return board;
}

/** How the program ends by itself. */
function run(args: string[], env: Record<string, string> = {}): ReturnType<typeof endOf> {
  const child = spawn(PROGRAM, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  stopping.push(async () => void child.kill("SIGKILL"));
  return endOf(child);
}

const stateOf = async (board: LinuxBoard) => (await (await fetch(`${board.url}state`)).json()).capture;
const controlOf = async (board: LinuxBoard, name: string) => {
  const { controls } = await (await fetch(`${board.url}control`)).json();
  return controls.find((control: { name: string }) => control.name === name);
};

/** What is of interest in the state of capture. */
type Told = {
  state: string;
  fault: string;
  format: string;
  width: number;
  height: number;
  published: number;
  torn: number;
};

/** Asks for the state, and with it for pictures, until it is as wanted. */
async function until(board: LinuxBoard, what: string, isSo: (capture: Told) => boolean): Promise<Told> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    await (await fetch(`${board.url}snapshot.jpg`)).arrayBuffer();
    const capture = await stateOf(board);
    if (isSo(capture)) return capture;
    assert.ok(performance.now() < deadline, `waited in vain: ${what}; ${JSON.stringify(capture)}`);
  }
}

/** The mean difference of two pictures' samples. */
async function distance(file: Buffer, from: Uint8Array): Promise<number> {
  const decoded = sharp(file, { failOn: "warning" }).toColourspace("srgb").raw();
  const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [WIDTH, HEIGHT]);
  const step = info.channels;
  let sum = 0;
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    for (let c = 0; c < 3; c++) sum += Math.abs(data[i * step + (step === 3 ? c : 0)] - from[i * 3 + c]);
  }
  return sum / (3 * WIDTH * HEIGHT);
}

/** Pixels with a gap behind each row. */
function withGap(pixels: Uint8Array, row: number, gap: number): Buffer {
  const rows = Array.from({ length: pixels.length / row }, (_, y) => pixels.subarray(y * row, (y + 1) * row));
  return Buffer.concat(rows.flatMap((bytes) => [bytes, Buffer.alloc(gap, 0xa5)]));
}

/** YUYV with the levels of video: luma from 16 to 235, chroma from 16 to 240. */
function ofVideo(yuyv: Uint8Array): Uint8Array {
  return yuyv.map((level, i) =>
    Math.round(i % 2 === 0 ? 16 + (level * 219) / 255 : 128 + ((level - 128) * 224) / 255),
  );
}

describe("pictures of a camera", () => {
  const pixels = async (format: Format) => toFormat(await photo, format);
  const gray = async () => {
    const luma = await pixels(Format.GRAY);
    return Uint8Array.from({ length: luma.length * 3 }, (_, i) => luma[Math.floor(i / 3)]);
  };
  const rgb = async () => (await photo).bytes;
  const yuyv = () => pixels(Format.YUYV);
  const video = async () => ofVideo(await yuyv());
  const gapped = async () => withGap(await yuyv(), 2 * WIDTH, 32);
  const grayGapped = async () => withGap(await pixels(Format.GRAY), WIDTH, 16);
  /** What it is, its code, what the device gives and says, the format's name, what is to be seen, how near. */
  type Case = [string, string, () => Promise<Uint8Array>, string[], string, () => Promise<Uint8Array>, number];
  const cases: Case[] = [
    ["yuyv, of all levels", "YUYV", yuyv, ["quantization 1"], "yuyv", rgb, 4],
    ["yuyv, of the levels of video", "YUYV", video, ["colorspace 8"], "yuyv", rgb, 4],
    ["yuyv, of JPEG's colours", "YUYV", yuyv, ["colorspace 7"], "yuyv", rgb, 4],
    ["yuyv, with gaps behind its rows", "YUYV", gapped, ["gap 32", "quantization 1"], "yuyv", rgb, 4],
    ["rgb565", "RGBP", () => pixels(Format.RGB565), [], "rgb565", rgb, 4],
    ["gray, with gaps behind its rows", "GREY", grayGapped, ["gap 16"], "gray", gray, 2],
    ["bayer", "BA81", () => pixels(Format.BAYER), [], "bayer", rgb, 12],
  ];
  for (const [name, code, bytes, scenario, format, expected, most] of cases) {
    test(name, async () => {
      const camera = await fake([`format ${code}`, `size ${SIZE} 30`, ...scenario], { [code]: [await bytes()] });
      const board = await start(camera);
      const file = Buffer.from(await (await firstPicture(board.url)).arrayBuffer());
      const away = await distance(file, await expected());
      assert.ok(away < most, `each sample is ${away} away`);
      const capture = await stateOf(board);
      assert.deepEqual([capture.format, capture.width, capture.height], [format, WIDTH, HEIGHT]);
    });
  }

  test("jpeg, passed through as it came, one after another", async () => {
    const files = [await jpeg({ quality: 60 }), await jpeg({ quality: 90 })];
    const camera = await fake(["format MJPG", `size ${SIZE} 30`], { MJPG: files });
    const board = await start(camera);
    const seen = new Set<number>();
    for (const deadline = performance.now() + PATIENCE_MS; seen.size < 2; ) {
      const file = Buffer.from(await (await firstPicture(board.url)).arrayBuffer());
      const which = files.findIndex((known) => known.equals(file));
      assert.ok(which >= 0 && performance.now() < deadline, "every picture is one of the camera's");
      seen.add(which);
    }
  });

  test("jpeg without Huffman tables, which it is given", async () => {
    const file = await jpeg({ quality: 90, optimiseCoding: false });
    const parts: Buffer[] = [file.subarray(0, 2)];
    let at = 2;
    for (; file[at + 1] !== 0xda; at += 2 + file.readUInt16BE(at + 2)) {
      if (file[at + 1] !== 0xc4) parts.push(file.subarray(at, at + 2 + file.readUInt16BE(at + 2)));
    }
    const bare = Buffer.concat([...parts, file.subarray(at)]);
    assert.ok(bare.length + 400 < file.length, "the tables were there, and are not");
    const board = await start(await fake(["format MJPG", `size ${SIZE} 30`], { MJPG: [bare] }));
    const shown = Buffer.from(await (await firstPicture(board.url)).arrayBuffer());
    const pixelsOf = (jpeg: Buffer) => sharp(jpeg, { failOn: "warning" }).raw().toBuffer();
    assert.deepEqual(await pixelsOf(shown), await pixelsOf(file));
  });

  test("damaged ones are dropped and counted", async () => {
    const files = [await jpeg()];
    const board = await start(await fake(["format MJPG", `size ${SIZE} 60`, "damaged 3"], { MJPG: files }));
    const capture = await until(board, "torn pictures", ({ torn, published }) => torn >= 3 && published >= 6);
    assert.ok(capture.torn <= capture.published, "not the good ones");
    const short = { YUYV: [(await pixels(Format.YUYV)).subarray(0, 1000)] };
    const cut = await start(await fake(["format YUYV", `size ${SIZE} 60`], short));
    await until(cut, "pictures that are too short", ({ torn }) => torn >= 3);
    assert.equal((await stateOf(cut)).published, 0);
  });
});

describe("what a camera offers", () => {
  const scenario = [
    "format YUYV",
    `size ${SIZE} 30 15`,
    "size 640x480 30",
    "size 1280x960 5",
    "format MJPG",
    `size ${SIZE} 60 30`,
    "size 640x480 30",
    "size 1920x1080 15",
    "format H264",
    "size 640x480 30",
  ];
  const pictures = async () => ({ MJPG: [await jpeg()], YUYV: [toFormat(await photo, Format.YUYV)] });

  test("is listed in one table", async () => {
    const camera = await fake(scenario, await pictures());
    const { code, out, err } = await run(["--list-cameras", `--camera=${DEVICE}`], camera.env);
    assert.deepEqual([code, err], [0, ""]);
    const words = out.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
    const row = (...cells: string[]) => [DEVICE, "Webcam of the tests", ...cells];
    assert.deepEqual(words, [
      ["device", "camera", "size", "format", "frames a second"],
      row("640x480", "jpeg", "30"), // its own choice
      row("160x120", "jpeg", "60 30"),
      row("1920x1080", "jpeg", "15"),
      row("160x120", "yuyv", "30 15"),
      row("640x480", "yuyv", "30"),
      row("1280x960", "yuyv", "5"),
    ]);
  });

  test("is listed also where sizes are a range", async () => {
    const camera = await fake(["format YUYV", "stepwise 32x32 700x500 16"], await pictures());
    const { out } = await run(["--list-cameras", `--camera=${DEVICE}`], camera.env);
    const sizes = out.trimEnd().split("\n").slice(1).map((line) => line.split(/ {2,}/)[2]);
    assert.deepEqual(sizes, ["640x480", "320x240"]); // 160x120 and so on are no whole number of steps away
  });

  test("becomes the controls; what it has not is refused, with what it has", async () => {
    const board = await start(await fake(scenario, await pictures()));
    await firstPicture(board.url);
    const size = await controlOf(board, "size");
    assert.deepEqual(size.choices, ["640x480", "160x120", "1920x1080", "1280x960"]);
    assert.deepEqual([size.default, size.value], ["640x480", "640x480"]);
    assert.deepEqual((await controlOf(board, "format")).choices, ["jpeg", "yuyv"]);
    const post = async (form: string) => {
      const headers = { ...bearer(ADMIN_SECRET), "Content-Type": "application/x-www-form-urlencoded" };
      const response = await fetch(`${board.url}control`, { method: "POST", headers, body: form });
      return [response.status, await response.text()] as const;
    };
    const [status, text] = await post("size=1920x1080&format=yuyv");
    assert.deepEqual([status, text], [400, "the camera has yuyv in these sizes only: 160x120 640x480 1280x960\n"]);
    assert.equal((await post("size=320x240"))[0], 400);
    assert.equal((await post(`size=${SIZE}&format=yuyv`))[0], 200);
    const isThere = ({ format, state }: Told) => format === "yuyv" && state === "running";
    const capture = await until(board, "the other format", isThere);
    assert.deepEqual([capture.width, capture.height], [WIDTH, HEIGHT]);
  });

  const choices: [Record<string, string>, string, RegExp | undefined][] = [
    [{ size: SIZE }, `${SIZE} jpeg`, undefined],
    [{ size: "200x100" }, `${SIZE} jpeg`, /it has no 200x100; the nearest is 160x120 jpeg$/],
    [{ size: "1300x1000", format: "yuyv" }, "1280x960 yuyv", /it has no 1300x1000 yuyv; the nearest is 1280x960 yuyv$/],
    [{ size: SIZE, fps: "50" }, `${SIZE} jpeg`, /160x120 jpeg, 60 frames a second, the nearest to 50$/],
    [{ size: SIZE, format: "yuyv", fps: "15" }, `${SIZE} yuyv`, /160x120 yuyv, 15 frames a second, levels of video$/],
  ];
  for (const [settings, expected, line] of choices) {
    test(`is taken as near as it comes to ${JSON.stringify(settings)}`, async () => {
      const board = await start(await fake(scenario, await pictures()), { settings });
      if (line) await board.line(line);
      else assert.ok(!board.log.some((text) => text.includes("nearest")));
      await board.line(new RegExp(`camera ${DEVICE}: ${expected}, `));
      const [size, format] = [await controlOf(board, "size"), await controlOf(board, "format")];
      assert.equal(`${size.value} ${format.value}`, expected);
    });
  }
});

describe("a camera that comes and goes", () => {
  const scenario = ["format MJPG", `size ${SIZE} 60`];

  test("is missing while it is unplugged, and comes back by itself", async () => {
    const camera = await fake(scenario, { MJPG: [await jpeg()] });
    const board = await start(camera);
    await firstPicture(board.url);
    for (let times = 0; times < 2; times++) {
      camera.set("unplugged", true);
      const { published } = await until(board, "missing", ({ fault }) => fault === "missing");
      await board.line(/not plugged in$/);
      camera.set("unplugged", false);
      await until(board, "pictures again", (capture) => capture.fault === "none" && capture.published > published + 5);
    }
    assert.equal((await (await fetch(`${board.url}state`)).json()).restarts, 0);
  });

  test("is waited for where it is not there at the start", async () => {
    const camera = await fake(scenario, { MJPG: [await jpeg()] });
    camera.set("unplugged", true);
    const board = await start(camera);
    await board.line(/not plugged in; waiting for it$/);
    assert.equal((await fetch(`${board.url}snapshot.jpg`)).status, 503);
    camera.set("unplugged", false);
    await firstPicture(board.url);
    assert.deepEqual((await controlOf(board, "size")).choices, [SIZE]);
  });

  test("is waited for while another program uses it", async () => {
    const camera = await fake(scenario, { MJPG: [await jpeg()] });
    camera.set("busy", true);
    const board = await start(camera);
    await board.line(/in use by another program$/);
    camera.set("busy", false);
    await firstPicture(board.url);
  });

  test("keeps no viewer waiting: the server answers while there is no camera", async () => {
    const camera = await fake(scenario, { MJPG: [await jpeg()] });
    camera.set("unplugged", true);
    const board = await start(camera);
    for (let n = 0; n < 20; n++) assert.equal((await fetch(`${board.url}state`)).status, 200);
  });
});

describe("what is no camera", () => {
  const wrong: [string, RegExp][] = [
    ["README.md", /^error: camera README\.md: no video device\n$/],
    ["/dev/null", /^error: camera \/dev\/null: no video device\n$/],
    ["/dev", /^error: camera \/dev: no video device\n$/],
  ];
  for (const [path, line] of wrong) {
    test(`is refused: ${path}`, async () => {
      const { code, err } = await run(["--port=0", `--camera=${path}`]);
      assert.match(err, line);
      assert.equal(code, 1);
    });
  }

  test("is refused: one that this user may not open, takes no pictures, or has other formats", async () => {
    const denied = await fake(["format MJPG", `size ${SIZE} 30`], {});
    denied.set("denied", true);
    const output = await fake(["output", "format MJPG", `size ${SIZE} 30`], {});
    const other = await fake(["format H264", `size ${SIZE} 30`], {});
    for (const [camera, why] of [
      [denied, "this user may not open it; on most systems members of the group video may"],
      [output, "it takes no pictures"],
      [other, "none of its formats is understood: H264"],
    ] as const) {
      const { code, err } = await run(["--port=0", `--camera=${DEVICE}`], camera.env);
      assert.deepEqual([code, err], [1, `error: camera ${DEVICE}: ${why}\n`]);
      const { out } = await run(["--list-cameras", `--camera=${DEVICE}`], camera.env);
      assert.equal(out.split("\n")[1], `${DEVICE}  (${why})`);
    }
  });
});
