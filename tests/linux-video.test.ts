/**
 * Cameras of Linux' on the board `linux`, through a faked device (tests/video/): each format as a picture, what is
 * listed and chosen, what it has to set, damaged pictures, a camera that is unplugged, and what is none. No real camera
 * was here.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, test } from "node:test";
import sharp from "sharp";
import { Format } from "../host/board-table.ts";
import { COMMAND, type LinuxBoard, type LinuxOptions, PROCESSOR, startLinuxBoard } from "../host/linux/board.ts";
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
  const [command, ...all] = [...COMMAND, ...args];
  const child = spawn(command, all, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  stopping.push(async () => void child.kill("SIGKILL"));
  return endOf(child);
}

const stateOf = async (board: LinuxBoard) => (await (await fetch(`${board.url}state`)).json()).capture;
const controlOf = async (board: LinuxBoard, name: string) => {
  const { controls } = await (await fetch(`${board.url}control`)).json();
  return controls.find((control: { name: string }) => control.name === name);
};

const post = async (board: LinuxBoard, form: string, path = "control") => {
  const headers = { ...bearer(ADMIN_SECRET), "Content-Type": "application/x-www-form-urlencoded" };
  const response = await fetch(`${board.url}${path}`, { method: "POST", headers, body: form });
  return [response.status, await response.text()] as const;
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
    const [status, text] = await post(board, "size=1920x1080&format=yuyv");
    assert.deepEqual([status, text], [400, "the camera has yuyv in these sizes only: 160x120 640x480 1280x960\n"]);
    assert.equal((await post(board, "size=320x240"))[0], 400);
    assert.equal((await post(board, `size=${SIZE}&format=yuyv`))[0], 200);
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

describe("what a camera has to set", () => {
  /** Its numbers as in linux/v4l2-controls.h; of white balance and exposure the camera takes care itself, at first. */
  const BRIGHTNESS = "0x980900";
  const CONTRAST = "0x980901";
  const WHITE_BALANCE = "0x98090c";
  const TEMPERATURE = "0x98091a";
  const POWER_LINE = "0x980918";
  const AUTO_EXPOSURE = "0x9a0901";
  const EXPOSURE = "0x9a0902";
  const scenario = [
    "format MJPG",
    `size ${SIZE} 60`,
    `control ${BRIGHTNESS} integer -64 64 1 0`,
    `control ${CONTRAST} integer 0 100 5 50`,
    "coarse 10",
    `control ${WHITE_BALANCE} boolean 0 1 1 1`,
    "control 0x980914 integer 0 1 1 0",
    `control ${POWER_LINE} menu 0 2 1 1`,
    "item 0 Disabled",
    "item 1 50 Hz",
    "item 2 60 Hz",
    `control ${TEMPERATURE} integer 2800 6500 1 4600`,
    `active ${WHITE_BALANCE} 0`,
    "control 0x98091b integer 0 10 1 5 4", // read-only
    `control ${AUTO_EXPOSURE} menu 0 3 1 3`,
    "item 1 Manual Mode",
    "item 3 Aperture Priority Mode",
    `control ${EXPOSURE} integer 3 2047 1 250`,
    `active ${AUTO_EXPOSURE} 1`,
    "control 0x9a0917 numbers 0 1 1 1",
    "item 0 100",
    "item 1 400",
    "control 0x9a0904 integer -10 10 1 0", // none that the camera's controls have
  ];
  const camera = async (lines = scenario) => fake(lines, { MJPG: [await jpeg()] });

  async function comesTo(board: LinuxBoard, values: Record<string, string | number | boolean>): Promise<void> {
    for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(20)) {
      const is: Record<string, unknown> = {};
      for (const name of Object.keys(values)) is[name] = (await controlOf(board, name)).value;
      if (JSON.stringify(is) === JSON.stringify(values)) return;
      const told = `${JSON.stringify(is)} never became ${JSON.stringify(values)}; ${board.log.join("\n")}`;
      assert.ok(performance.now() < deadline, told);
    }
  }

  /** Waits until the camera was set to these, one after another. */
  async function wasSet(camera: FakeCamera, expected: string[]): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (camera.sets.length < expected.length && performance.now() < deadline) await sleep(20);
    assert.deepEqual(camera.sets, expected);
  }

  test("becomes the controls, and is left as it is", async () => {
    const device = await camera();
    const board = await start(device);
    await firstPicture(board.url);
    const { controls } = await (await fetch(`${board.url}control`)).json();
    const shown = controls.map(({ name }: { name: string }) => name);
    assert.ok(shown.indexOf("power_line_frequency") < shown.indexOf("quality"), "the encoder's come last");
    const own = ["size", "format", "fps", "quality", "sampling", "restart_interval", "frame_bytes", "byte_rate"];
    const others = controls.filter(({ name }: { name: string }) => !own.includes(name));
    const number = (name: string, min: number, max: number, value: number, unit?: string) => {
      return { name, kind: "number", min, max, ...(unit ? { unit } : {}), default: value, value };
    };
    const choice = (name: string, choices: string[], value: string) => {
      return { name, kind: "choice", choices, default: value, value };
    };
    const toggle = (name: string, value: boolean) => ({ name, kind: "switch", default: value, value });
    assert.deepEqual(others, [
      toggle("mirror", false),
      toggle("auto_exposure", true),
      number("exposure", 300, 204_700, 25_000, "us"),
      choice("white_balance", ["auto", "manual"], "auto"),
      number("brightness", -64, 64, 0),
      number("contrast", 0, 100, 50),
      number("white_balance_temperature", 2800, 6500, 4600, "K"),
      choice("power_line_frequency", ["disabled", "50_hz", "60_hz"], "50_hz"),
      choice("iso", ["100", "400"], "400"),
    ]);
    assert.equal((await post(board, "quality=50"))[0], 200);
    const { published } = await stateOf(board);
    await until(board, "pictures after it", (capture) => capture.published > published + 3);
    assert.deepEqual(device.sets, []);
  });

  test("is set, and read back as the camera rounds it, while pictures come", async () => {
    const device = await camera();
    const board = await start(device);
    await firstPicture(board.url);
    assert.equal((await post(board, "brightness=-12&contrast=74&power_line_frequency=60_hz&mirror=on"))[0], 200);
    await comesTo(board, { brightness: -12, contrast: 70, power_line_frequency: "60_hz", mirror: true });
    // The steps are five, as the camera tells; that it goes by ten it does not.
    const expected = [`${BRIGHTNESS} -12`, `${CONTRAST} 75`, `${POWER_LINE} 2`, "0x980914 1"];
    await wasSet(device, expected);
    const [status, text] = await post(board, "brightness=3&contrast=101");
    assert.deepEqual([status, text], [400, "contrast can't be 101: it is a whole number from 0 to 100\n"]);
    assert.deepEqual(await post(board, "power_line_frequency=70_hz"), [
      400,
      "power_line_frequency can't be 70_hz: it is one of disabled, 50_hz, 60_hz\n",
    ]);
    const { published } = await stateOf(board);
    const capture = await until(board, "more pictures", (capture) => capture.published > published + 3);
    assert.equal(capture.fault, "none");
    await wasSet(device, expected);
    await comesTo(board, { brightness: -12, contrast: 70 });
    assert.equal(board.log.filter((line) => /x\d+ jpeg, \d+ frames/.test(line)).length, 1, "the stream went on");
  });

  test("counts where the camera does not choose it itself, from then on", async () => {
    const device = await camera();
    const board = await start(device);
    await firstPicture(board.url);
    await post(board, "exposure=10000&white_balance_temperature=3000");
    await post(board, "brightness=1");
    await wasSet(device, [`${BRIGHTNESS} 1`]);
    await comesTo(board, { exposure: 10_000, white_balance_temperature: 3000 });
    await post(board, "auto_exposure=off");
    await wasSet(device, [`${BRIGHTNESS} 1`, `${AUTO_EXPOSURE} 1`, `${EXPOSURE} 100`]);
    await post(board, "white_balance_temperature=3500&white_balance=manual&exposure=20030");
    const last = [`${WHITE_BALANCE} 0`, `${EXPOSURE} 200`, `${TEMPERATURE} 3500`];
    await wasSet(device, [`${BRIGHTNESS} 1`, `${AUTO_EXPOSURE} 1`, `${EXPOSURE} 100`, ...last]);
    await comesTo(board, { auto_exposure: false, exposure: 20_000, white_balance: "manual" });
    await post(board, "auto_exposure=on");
    await comesTo(board, { auto_exposure: true, exposure: 20_000 });
    assert.equal(device.sets.at(-1), `${AUTO_EXPOSURE} 3`);
    assert.ok(!board.log.some((line) => line.includes("can't be")), board.log.join("\n"));
  });

  test("stays where the camera refuses, which the log says, and pictures come", async () => {
    const device = await camera();
    const board = await start(device);
    await firstPicture(board.url);
    await post(board, "brightness=5");
    await comesTo(board, { brightness: 5 });
    device.set("grabbed", true);
    await post(board, "brightness=30");
    await board.line(/WARNING camera .*: brightness can't be 30 now, and stays 5: the camera is busy$/);
    await comesTo(board, { brightness: 5 });
    const { published } = await stateOf(board);
    await until(board, "more pictures", (capture) => capture.published > published + 3);
    device.set("grabbed", false);
    await post(board, "brightness=30");
    await comesTo(board, { brightness: 30 });
    await wasSet(device, [`${BRIGHTNESS} 5`, `${BRIGHTNESS} 30`]);
    assert.equal((await (await fetch(`${board.url}state`)).json()).restarts, 0);
  });

  test("is set again after the camera was unplugged, and after a restart where it was saved", async () => {
    const device = await camera();
    const settingsFile = join(await mkdtemp(join(tmpdir(), "wasmcam-")), "settings.json");
    stopping.push(() => rm(dirname(settingsFile), { recursive: true, force: true }));
    const board = await start(device, { settingsFile });
    await firstPicture(board.url);
    await post(board, "brightness=20&auto_exposure=off&exposure=5000");
    const expected = [`${AUTO_EXPOSURE} 1`, `${EXPOSURE} 50`, `${BRIGHTNESS} 20`];
    await wasSet(device, expected);
    assert.deepEqual(await post(board, "", "control/save"), [200, "kept\n"]);
    device.set("unplugged", true);
    await until(board, "missing", ({ fault }) => fault === "missing");
    await post(board, "contrast=20"); // for when it is back
    device.set("unplugged", false);
    await until(board, "pictures again", ({ fault }) => fault === "none");
    const { [1]: exposure, [2]: brightness } = expected;
    await wasSet(device, [...expected, expected[0], exposure, brightness, `${CONTRAST} 20`]);
    await comesTo(board, { auto_exposure: false, exposure: 5000, brightness: 20, contrast: 20 });
    await board.stop();
    const other = await camera();
    const second = await start(other, { settingsFile });
    await firstPicture(second.url);
    await wasSet(other, expected);
    await comesTo(second, { auto_exposure: false, exposure: 5000, brightness: 20, contrast: 50 });
  });

  test("has bounds: what there is no room for is left out, and named", async () => {
    const sizes = Array.from({ length: 64 }, (_, n) => `size ${1000 + n}x1000 30`);
    const menu = (id: string) => {
      const items = Array.from({ length: 8 }, (_, n) => `item ${n} A rather long name, ${n}`);
      return [`control ${id} menu 0 7 1 0`, ...items];
    };
    const hex = (id: number) => `0x${id.toString(16)}`;
    const numbers = [0, 1, 2, 3, 14, 15, 16, 19, 26, 27, 28].map((n) => hex(0x980900 + n));
    const others = [2, 8, 9, 10, 13, 17].map((n) => hex(0x9a0900 + n));
    const wide = (id: string) => `control ${id} integer -1000000000 2000000000 1 -1000000000`;
    const lines = ["format MJPG", `size ${SIZE} 30`, ...sizes, ...numbers.map(wide), ...menu("0x98091f")];
    lines.push(...others.map(wide), ...menu("0x9a0914"), ...menu("0x9a0919"), ...menu("0x9a091a"));
    const board = await start(await camera(lines));
    await board.line(/WARNING no room for the camera's control \w+$/);
    const response = await fetch(`${board.url}control`);
    const { controls } = (await response.json()) as { controls: { name: string; choices: string[] }[] };
    const named = controls.map(({ name }) => name);
    assert.ok(["white_balance", "exposure", "gain", "brightness"].every((name) => named.includes(name)));
    assert.ok(named.length < 8 + 21 && named.length > 8 + 12, named.join());
    assert.equal((await (await fetch(`${board.url}state`)).json()).restarts, 0);
  });

  test("is listed beside sizes and formats", async () => {
    const { out } = await run(["--list-cameras", `--camera=${DEVICE}`], (await camera()).env);
    const [, , , ...words] = out.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
    assert.deepEqual(words, [
      ["device", "control", "can be", "default", "now"],
      [DEVICE, "auto_exposure", "on off", "on", "on"],
      [DEVICE, "white_balance", "auto manual", "auto", "auto"],
      [DEVICE, "exposure", "300 to 204700 us", "25000", "25000"],
      [DEVICE, "white_balance_temperature", "2800 to 6500 K", "4600", "4600"],
      [DEVICE, "brightness", "-64 to 64", "0", "0"],
      [DEVICE, "contrast", "0 to 100", "50", "50"],
      [DEVICE, "power_line_frequency", "disabled 50_hz 60_hz", "50_hz", "50_hz"],
      [DEVICE, "mirror", "on off", "off", "off"],
      [DEVICE, "iso", "100 400", "400", "400"],
    ]);
  });
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
    ["/dev", /^error: camera \/dev: no video device\n$/],
    ["README.md", /^error: camera README\.md: no video device\n$/],
    ["/dev/null", /^error: camera \/dev\/null: no video device\n$/],
  ];
  // QEMU hands no question about cameras on: of what can be opened its programs don't learn what it is.
  for (const [path, line] of PROCESSOR === "native" ? wrong : wrong.slice(0, 1)) {
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
