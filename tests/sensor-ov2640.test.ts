/**
 * The OV2640: its driver against its model, in every mode. What is looked at is the picture, of a view with landmarks;
 * and the model alone, on the bus and with single registers set wrong, to see that it is not blind.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import jpeg from "jpeg-js";
import { Fault } from "../host/board-table.ts";
import type { View } from "../host/sensors/model.ts";
import { Ov2640Model } from "../host/sensors/ov2640.ts";
import { StillView } from "../host/sensors/view.ts";
import { Driver, compileDriver } from "./sensors/harness.ts";

type Rgb = [red: number, green: number, blue: number];

const SECOND = 1_000_000;
const WRITES_MAX = 16;

/** Values that the chip's gamma curve gives back as they are, near enough. */
const GREY: Rgb = [176, 176, 176];
const RED: Rgb = [255, 0, 0];
const GREEN: Rgb = [0, 255, 0];
const BLUE: Rgb = [0, 0, 255];
const YELLOW: Rgb = [255, 255, 0];
const WHITE: Rgb = [255, 255, 255];
const TOLERANCE = 14;

/** In the array's shape: a grey field, a colour in each corner, and a white square in the middle, a quarter as high. */
const WIDTH = 800;
const HEIGHT = 600;
const LANDMARKS = picture((x, y) => {
  const isTop = y < 90;
  const isLeft = x < 90;
  if ((isTop || y >= HEIGHT - 90) && (isLeft || x >= WIDTH - 90)) {
    return isTop ? (isLeft ? RED : GREEN) : isLeft ? BLUE : YELLOW;
  }
  return Math.abs(x - WIDTH / 2) < 75 && Math.abs(y - HEIGHT / 2) < 75 ? WHITE : GREY;
});
const GREY_FIELD = picture(() => GREY);

const FORMATS = ["rgb565", "yuyv", "jpeg"] as const;
type Format = (typeof FORMATS)[number];
const PIXEL_SIZES = ["160x120", "320x240", "352x288", "640x480", "800x600", "1024x768", "1280x960"];
const FILE_SIZES = [...PIXEL_SIZES, "1280x1024", "1600x1200"];
/** Neutral, and as bright as the view. */
const BY_HAND = { auto_exposure: 0, exposure: 10_000, auto_gain: 0, gain: 100, white_balance: "sunny" };

const module = await compileDriver("ov2640");

function picture(colour: (x: number, y: number) => Rgb): StillView {
  const rgb = new Uint8Array(3 * WIDTH * HEIGHT);
  for (let at = 0; at < WIDTH * HEIGHT; at++) rgb.set(colour(at % WIDTH, Math.floor(at / WIDTH)), 3 * at);
  return new StillView({ width: WIDTH, height: HEIGHT, rgb });
}

function camera(view: View = LANDMARKS): { driver: Driver; model: Ov2640Model } {
  const model = new Ov2640Model();
  const driver = new Driver(module, model, view);
  return { driver, model };
}

/** A camera that runs, with these controls set. */
function running(values: Record<string, number | string> = {}, view: View = LANDMARKS) {
  const both = camera(view);
  assert.equal(both.driver.start(), 0);
  assert.equal(both.driver.set({ ...BY_HAND, ...values }), 0);
  return both;
}

type Frame = { width: number; height: number; at: (x: number, y: number) => Rgb };

/** Reads a frame's bytes; their number must be the size's. */
function read(bytes: Uint8Array, size: string, format: Format): Frame {
  const [width, height] = size.split("x").map(Number);
  if (format === "jpeg") {
    const decoded = jpeg.decode(bytes, { useTArray: true, maxMemoryUsageInMB: 1024 });
    assert.deepEqual([decoded.width, decoded.height], [width, height]);
    const at = (x: number, y: number) => {
      const pixel = 4 * (y * width + x);
      return [decoded.data[pixel], decoded.data[pixel + 1], decoded.data[pixel + 2]] as Rgb;
    };
    return { width, height, at };
  }
  assert.equal(bytes.length, 2 * width * height);
  if (format === "rgb565") {
    const at = (x: number, y: number): Rgb => {
      const pixel = bytes[2 * (y * width + x)] | (bytes[2 * (y * width + x) + 1] << 8);
      return [((pixel >> 11) * 255) / 31, (((pixel >> 5) & 63) * 255) / 63, ((pixel & 31) * 255) / 31];
    };
    return { width, height, at };
  }
  const at = (x: number, y: number): Rgb => {
    const pair = 2 * (y * width + (x & ~1));
    const [luma, cb, cr] = [bytes[pair + 2 * (x & 1)], bytes[pair + 1] - 128, bytes[pair + 3] - 128];
    return [luma + 1.402 * cr, luma - 0.344 * cb - 0.714 * cr, luma + 1.772 * cb];
  };
  return { width, height, at };
}

function assertColour(actual: Rgb, expected: Rgb, where: string): void {
  const isNear = actual.every((value, i) => Math.abs(value - expected[i]) <= TOLERANCE);
  assert(isNear, `${where}: ${actual.map(Math.round).join(" ")} instead of ${expected.join(" ")}`);
}

/** The corners' colours: top left, top right, bottom left, bottom right. */
function assertCorners({ at, width, height }: Frame, colours: Rgb[], what: string): void {
  const [x, y] = [Math.round(width * 0.03), Math.round(height * 0.03)];
  assertColour(at(x, y), colours[0], `${what}, top left`);
  assertColour(at(width - 1 - x, y), colours[1], `${what}, top right`);
  assertColour(at(x, height - 1 - y), colours[2], `${what}, bottom left`);
  assertColour(at(width - 1 - x, height - 1 - y), colours[3], `${what}, bottom right`);
  assertColour(at(Math.round(width / 4), height >> 1), GREY, `${what}, between`);
}

/** The driver's interval is the chip's. */
function assertInterval(driver: Driver, model: Ov2640Model): void {
  const interval = model.frameInterval();
  assert(Math.abs(driver.interval - interval) <= 1, `the driver reckons ${driver.interval} µs, the chip ${interval}`);
}

/** The luma in the middle of what stands left of the middle: the grey field. */
function fieldLuma(driver: Driver): number {
  const [r, g, b] = read(driver.capture(), "320x240", "rgb565").at(80, 120);
  return 0.299 * r + 0.587 * g + 0.114 * b;
}

// --- Finding it

test("it is found, by either revision's id, with few transfers a run and no write that nobody knows", () => {
  for (const revision of [0x41, 0x42]) {
    const { driver, model } = camera();
    keepId(model, 0x0b, revision);
    assert.equal(driver.start(), 0);
    assert(driver.transfersInRun > 0 && driver.transfersInRun <= WRITES_MAX, `${driver.transfersInRun} in a run`);
    assert.deepEqual(model.unknownWrites, []);
    assert.equal(driver.capture().length, 320 * 240 * 2);
  }
});

/** A chip that says another id: it survives every reset. */
function keepId(model: Ov2640Model, address: number, value: number): void {
  const lines = model.lines.bind(model);
  model.lines = (...args) => {
    lines(...args);
    model.poke("array", address, value);
  };
}

test("another chip in its place is refused, whichever byte of the id tells", () => {
  for (const [address, value] of [[0x0a, 0x56], [0x0b, 0x40], [0x1c, 0x00], [0x1d, 0xa3]]) {
    const { driver, model } = camera();
    keepId(model, address, value);
    assert.equal(driver.start(), Fault.REFUSED, `id register ${address} = ${value}`);
  }
});

test("without a cable it is missing; plugged in, it is found at the next start", () => {
  const { driver } = camera();
  driver.sensor.plug(false, 0);
  assert.equal(driver.start(), Fault.MISSING);
  driver.sensor.plug(true, driver.now);
  assert.equal(driver.start(), 0);
  assert.equal(driver.capture().length, 320 * 240 * 2);
});

test("a cable pulled while it is set up or runs is noticed, and what was lost comes back", () => {
  const { driver, model } = running({ size: "640x480", format: "yuyv" });
  driver.sensor.plug(false, driver.now);
  assert.equal(driver.set({ brightness: 1 }), Fault.MISSING);
  driver.sensor.plug(true, driver.now);
  assert.equal(driver.start(), 0);
  assertCorners(read(driver.capture(), "640x480", "yuyv"), [RED, GREEN, BLUE, YELLOW].map(brighter), "after the cable");
  assert.deepEqual(model.unknownWrites, []);

  // In the midst of being set up: it hears only so many transfers.
  const { transfers } = running().driver;
  for (const after of [0, 3, 10, 100, transfers >> 1]) {
    const { driver, model } = camera();
    const write = model.write.bind(model);
    let left = after;
    model.write = (bytes, now) => left-- > 0 && write(bytes, now);
    assert.equal(driver.start(), Fault.MISSING, `pulled after ${after}`);
    left = Infinity;
    assert.equal(driver.start(), 0);
    assert.equal(driver.capture().length, 320 * 240 * 2);
  }
});

/** What a step of brightness makes of a colour, as far as white allows. */
function brighter(colour: Rgb): Rgb {
  return colour.map((value) => Math.min(255, value + 16)) as Rgb;
}

// --- Sizes, formats, geometry

for (const format of FORMATS) {
  for (const size of format === "jpeg" ? FILE_SIZES : PIXEL_SIZES) {
    test(`${size} ${format}: bytes, corners, colours, and squares stay square`, () => {
      const { driver, model } = running({ size, format, quality: 95 });
      const frame = read(driver.capture(), size, format);
      assertCorners(frame, [RED, GREEN, BLUE, YELLOW], size);
      const isWhite = (x: number, y: number) => frame.at(x, y).every((value) => value > 220);
      const { width, height } = frame;
      const squareWidth = Array.from({ length: width }, (_, x) => isWhite(x, height >> 1)).filter(Boolean).length;
      const squareHeight = Array.from({ length: height }, (_, y) => isWhite(width >> 1, y)).filter(Boolean).length;
      assert(Math.abs(squareWidth - squareHeight) <= 2 + height / 100, `${squareWidth} x ${squareHeight}`);
      assert(Math.abs(squareHeight - height / 4) <= 2 + height / 50, `${squareHeight} of ${height}`);
      assert.deepEqual(model.unknownWrites, []);
      assert(driver.transfersInRun <= WRITES_MAX, `${driver.transfersInRun} in a run`);
      assertInterval(driver, model);
    });
  }
}

test("one camera goes through sizes and formats, back and forth", () => {
  const { driver, model } = running();
  for (const [size, format] of [
    ["1280x960", "rgb565"], ["160x120", "jpeg"], ["800x600", "yuyv"], ["1600x1200", "jpeg"], ["320x240", "rgb565"],
  ] as [string, Format][]) {
    assert.equal(driver.set({ size, format }), 0);
    assertCorners(read(driver.capture(), size, format), [RED, GREEN, BLUE, YELLOW], `${size} ${format}`);
  }
  assert.deepEqual(model.unknownWrites, []);
});

test("pixels of more than 1280x960 are refused, and what it had goes on", () => {
  const { driver } = running({ size: "640x480" });
  for (const size of ["1280x1024", "1600x1200"]) {
    const transfers = driver.transfers;
    assert.equal(driver.set({ size }), Fault.REFUSED);
    assert.equal(driver.transfers, transfers, "the chip was not touched");
    assert.equal(driver.capture().length, 640 * 480 * 2);
  }
  assert.equal(driver.set({ size: "640x480" }), 0);
});

test("a change while an earlier one is being written begins again, wherever that was", () => {
  const before = { size: "320x240", format: "rgb565", mirror: 0, flip: 0, brightness: 0 };
  for (let runs = 0; runs < 8; runs++) {
    const { driver, model } = running(before);
    driver.setPartly({ size: "1280x960", format: "yuyv", mirror: 1, brightness: 2 }, runs);
    assert.equal(driver.set(before), 0);
    assertCorners(read(driver.capture(), "320x240", "rgb565"), [RED, GREEN, BLUE, YELLOW], `after ${runs} runs`);
    driver.setPartly({ mirror: 1 }, runs);
    assert.equal(driver.set({ flip: 1 }), 0);
    assertCorners(read(driver.capture(), "320x240", "rgb565"), [YELLOW, BLUE, GREEN, RED], `turned, ${runs} runs`);
    assertInterval(driver, model);
    assert.deepEqual(model.unknownWrites, []);

    // While the chip finds its exposure, the register that turns the picture is only written when that has changed.
    const byItself = running({ ...before, auto_exposure: 1 });
    byItself.driver.setPartly({ mirror: 1 }, runs);
    assert.equal(byItself.driver.set({ contrast: 1 }), 0);
    assert.equal(byItself.model.peek("array", 0x04) & 0xc0, 0x80, `mirrored after ${runs} runs`);
  }
});

test("what can't be done is refused again after a start, and not taken for another chip", () => {
  const { driver } = running({ size: "640x480" });
  assert.equal(driver.set({ size: "1600x1200" }), Fault.REFUSED);
  assert.equal(driver.start(), 0);
  assert.equal(driver.set({}), Fault.REFUSED);
  assert.equal(driver.set({ format: "jpeg" }), 0);
  read(driver.capture(), "1600x1200", "jpeg");
});

test("a wide view is cut to the array's shape", () => {
  const { driver } = running({}, { width: 2 * WIDTH, height: HEIGHT, sample: wide });
  assertCorners(read(driver.capture(), "320x240", "rgb565"), [RED, GREEN, BLUE, YELLOW], "the middle half");
});

/** The landmarks in the middle half of a view twice as wide. */
function wide(xs: Float64Array, ys: Float64Array, time: number, to: Uint8Array): void {
  LANDMARKS.sample(xs.map((x) => 2 * x - 0.5), ys, time, to);
}

test("mirror and flip turn the picture and leave its colours", () => {
  const { driver, model } = running();
  for (const [values, corners] of [
    [{ mirror: 1, flip: 0 }, [GREEN, RED, YELLOW, BLUE]],
    [{ mirror: 0, flip: 1 }, [BLUE, YELLOW, RED, GREEN]],
    [{ mirror: 1, flip: 1 }, [YELLOW, BLUE, GREEN, RED]],
    [{ mirror: 0, flip: 0 }, [RED, GREEN, BLUE, YELLOW]],
  ] as [Record<string, number>, Rgb[]][]) {
    assert.equal(driver.set(values), 0);
    assertCorners(read(driver.capture(), "320x240", "rgb565"), corners, JSON.stringify(values));
  }
  assert.deepEqual(model.unknownWrites, []);
});

// --- JPEG files

test("files end with zeros behind their end, and grow with quality", () => {
  const waves = picture((x, y) => [128 + 90 * Math.sin(x / 3), 128 + 90 * Math.sin(y / 4), 128 + 90 * Math.sin(x * y)]);
  const { driver } = running({ format: "jpeg", size: "320x240" }, waves);
  let last = 0;
  for (const quality of [20, 50, 75, 85, 95, 100]) {
    assert.equal(driver.set({ quality }), 0);
    const bytes = driver.capture();
    const end = Buffer.from(bytes).lastIndexOf(Buffer.from([0xff, 0xd9])) + 2;
    const hasZerosBehind = end > 2 && end < bytes.length && bytes.subarray(end).every((byte) => byte === 0);
    assert(hasZerosBehind, `the file ends at ${end} of ${bytes.length}`);
    assert(end > last, `${end} bytes at ${quality}, ${last} below it`);
    last = end;
  }
});

// --- Light

/** Light is what gamma made the value of: about 2 is about 2. */
function light(value: number): number {
  return Math.pow(value / 255, 2.2);
}

test("exposure and gain make it brighter, by as much as they say", () => {
  const dim = picture(() => [137, 137, 137]); // a quarter of the light
  for (const [name, values] of [
    ["exposure", [10_000, 15_000, 20_000, 30_000]], ["gain", [100, 150, 200, 300]],
  ] as [string, number[]][]) {
    const { driver } = running({}, dim);
    const reference = light(fieldLuma(driver)) / (name === "gain" ? 100 : 10_000);
    for (const value of values) {
      assert.equal(driver.set({ [name]: value }), 0);
      const share = light(fieldLuma(driver)) / (reference * value);
      assert(share > 0.85 && share < 1.15, `${name} ${value}: ${share.toFixed(2)} of what is expected`);
    }
  }
});

test("every gain up to 31 is within a sixteenth of what was asked", () => {
  const { driver, model } = running();
  for (let gain = 100; gain <= 3_100; gain += 37) {
    assert.equal(driver.set({ gain }), 0);
    const register = model.peek("array", 0x00);
    let actual = 100 * (1 + (register & 15) / 16);
    for (let bits = register >> 4; bits > 0; bits >>= 1) if (bits & 1) actual *= 2;
    assert(Math.abs(actual / gain - 1) < 1 / 16, `${gain}: ${actual}`);
  }
});

test("by itself it finds an exposure for dark and bright views; by hand it stays as it is", () => {
  for (const value of [30, 100, 176, 255]) {
    const { driver, model } = running({ auto_exposure: 1, auto_gain: 1 }, picture(() => [value, value, value]));
    const luma = fieldLuma(driver);
    driver.capture();
    assert(luma > 110 && luma < 165, `${value}: luma ${luma}`);
    // Turning another control leaves alone what it has found.
    const found = [0x00, 0x04, 0x10, 0x45].map((address) => model.peek("array", address));
    assert.equal(driver.set({ brightness: 1, white_balance: "cloudy" }), 0);
    assert.deepEqual([0x00, 0x04, 0x10, 0x45].map((address) => model.peek("array", address)), found);
    assert.equal(driver.set({ auto_exposure: 0, auto_gain: 0, exposure: 3_000, gain: 100 }), 0);
    fieldLuma(driver);
    assert.equal((model.peek("array", 0x10) << 2) | (model.peek("array", 0x04) & 3), Math.floor(3_000 / 49.583));
    assert.deepEqual(model.unknownWrites, []);
  }
});

test("a low frame rate lets automatic exposure collect more light before gain has to help", () => {
  const dark = picture(() => [40, 40, 40]);
  const gains = [30, 5].map((fps) => {
    const { driver, model } = running({ auto_exposure: 1, auto_gain: 1, fps }, dark);
    const luma = fieldLuma(driver);
    assert(luma > 110 && luma < 165, `${fps}/s: luma ${luma}`);
    return model.peek("array", 0x00);
  });
  assert(gains[1] < gains[0], `gain registers ${gains.join(", ")}`);
});

test("an exposure longer than a frame makes frames longer", () => {
  const { driver, model } = running({ exposure: 200_000 });
  assert(driver.interval >= 199_900 && driver.interval < 201_000, `${driver.interval}`);
  assertInterval(driver, model);
  assert.equal(driver.set({ exposure: 10_000 }), 0);
  assert(driver.interval < 34_000, `${driver.interval} µs a frame`);
});

// --- Rate

test("frames come as often as asked, or as the mode can, and the driver knows it", () => {
  const { driver, model } = running();
  for (const [size, format, most] of [["320x240", "rgb565", 30], ["1280x960", "yuyv", 15], ["1600x1200", "jpeg", 15]]) {
    for (const fps of [1, 5, 12, 15, 24, 30]) {
      assert.equal(driver.set({ size, format, fps }), 0);
      const rate = SECOND / driver.interval;
      const wanted = Math.min(fps, Number(most));
      assert(rate <= wanted * 1.001 && rate > wanted * 0.99, `${size} at ${fps}: ${rate}`);
      assertInterval(driver, model);
    }
  }
  driver.set({ size: "160x120", fps: 10, format: "rgb565" });
  driver.capture();
  const before = driver.now;
  driver.capture();
  const frames = (driver.now - before) / driver.interval;
  assert(Math.abs(frames - Math.round(frames)) < 0.01 && frames > 0.9, `${frames} intervals`);
});

// --- Colour

test("white balance: in the sun grey is grey, with lamps' settings blue; by itself it finds lamps", () => {
  const tint = (values: Record<string, number | string>, view: View) => {
    const { driver, model } = running(values, view);
    const [r, g, b] = read(driver.capture(), "320x240", "rgb565").at(80, 120);
    assert.deepEqual(model.unknownWrites, []);
    return { red: r - g, blue: b - g };
  };
  const dim = { exposure: 5_000 };
  for (const value of Object.values(tint({ ...dim }, GREY_FIELD))) assert(Math.abs(value) < 10, `${value} off`);
  const home = tint({ ...dim, white_balance: "home" }, GREY_FIELD);
  assert(home.red < -10 && home.blue > 10, JSON.stringify(home));
  const cloudy = tint({ ...dim, white_balance: "cloudy" }, GREY_FIELD);
  assert(cloudy.red > home.red && cloudy.blue < home.blue, JSON.stringify(cloudy));
  const office = tint({ ...dim, white_balance: "office" }, GREY_FIELD);
  assert(office.red < 0 && office.red > home.red && office.blue > 0 && office.blue < home.blue, JSON.stringify(office));

  const lamps = picture(() => [188, 170, 150]);
  const uncorrected = tint(dim, lamps);
  const corrected = tint({ ...dim, white_balance: "auto" }, lamps);
  assert(uncorrected.red > 8 && uncorrected.blue < -8, JSON.stringify(uncorrected));
  assert(Math.abs(corrected.red) < 9 && Math.abs(corrected.blue) < 9, JSON.stringify(corrected));
});

test("brightness, contrast and saturation do what they say, together too", () => {
  const bands = picture((x) => (x < WIDTH / 2 ? [137, 137, 137] : [200, 200, 200]));
  const { driver, model } = running({}, bands);
  const lumas = () => {
    const frame = read(driver.capture(), "320x240", "rgb565");
    return [frame.at(80, 120)[1], frame.at(240, 120)[1]];
  };
  const plain = lumas();
  for (const brightness of [-2, -1, 1, 2]) {
    assert.equal(driver.set({ brightness, contrast: 0 }), 0);
    lumas().forEach((luma, i) => assert(Math.abs(luma - plain[i] - 16 * brightness) < 8, `${brightness}: ${luma}`));
    for (const contrast of [-2, -1, 1, 2]) {
      assert.equal(driver.set({ contrast }), 0);
      const expected = plain.map((luma) => Math.min(255, 112 + (luma - 112) * (1 + contrast / 8) + 16 * brightness));
      lumas().forEach((luma, i) => assert(Math.abs(luma - expected[i]) < 8, `${brightness}, ${contrast}: ${luma}`));
    }
  }
  assert.equal(driver.set({ brightness: 0, contrast: 0 }), 0);
  assert.deepEqual(lumas(), plain);

  const colour = running({ format: "yuyv" }, picture(() => [200, 150, 150]));
  const chroma = [-2, -1, 0, 1, 2].map((saturation) => {
    assert.equal(colour.driver.set({ saturation }), 0);
    const [r, g] = read(colour.driver.capture(), "320x240", "yuyv").at(80, 120);
    return r - g;
  });
  chroma.forEach((value, i) => assert(i === 0 || value > chroma[i - 1], chroma.join(", ")));
  assert.deepEqual([...model.unknownWrites, ...colour.model.unknownWrites], []);
});

test("what is only light or colour is set without holding the port", () => {
  const { driver, model } = running();
  const transfers = driver.transfers;
  const write = model.write.bind(model);
  let isHeld = false;
  model.write = (bytes, now) => {
    isHeld ||= model.frameInterval() === 0;
    return write(bytes, now);
  };
  assert.equal(driver.set({ brightness: 1, mirror: 1, exposure: 5_000, white_balance: "auto", quality: 50 }), 0);
  const count = driver.transfers - transfers;
  assert(count > 0 && count <= 2 * WRITES_MAX, `${count} transfers`);
  assert.equal(isHeld, false);
});

// --- The model is not blind

test("a single wrong register gives another picture, other bytes or another rate", () => {
  const wrong: [string, "dsp" | "array", number, number, Record<string, string>?][] = [
    ["GAIN", "array", 0x00, 0x10],
    ["COM1: window's rows", "array", 0x03, 0x0b],
    ["REG04: mirror", "array", 0x04, 0xa8],
    ["REG04: flip without the row", "array", 0x04, 0x68],
    ["REG04: the row without flip", "array", 0x04, 0x38],
    ["COM2: standby", "array", 0x09, 0x12],
    ["AEC", "array", 0x10, 0x10],
    ["CLKRC", "array", 0x11, 0x01],
    ["COM7: mode", "array", 0x12, 0x00],
    ["COM7: colour bars", "array", 0x12, 0x42],
    ["COM8: automatic exposure", "array", 0x13, 0xc5],
    ["HREFST", "array", 0x17, 0x21],
    ["HREFEND", "array", 0x18, 0x33],
    ["VSTRT", "array", 0x19, 0x10],
    ["VEND", "array", 0x1a, 0x3b],
    ["FRARL", "array", 0x2b, 0x40],
    ["REG32", "array", 0x32, 0x38],
    ["REG45", "array", 0x45, 0x01],
    ["FLH", "array", 0x47, 0x01],
    ["R_BYPASS", "dsp", 0x05, 0x01],
    ["CTRLI", "dsp", 0x50, 0x92],
    ["HSIZE", "dsp", 0x51, 0x64],
    ["VSIZE", "dsp", 0x52, 0x4b],
    ["XOFFL", "dsp", 0x53, 0x40],
    ["YOFFL", "dsp", 0x54, 0x40],
    ["VHYX", "dsp", 0x55, 0x01],
    ["ZMOW", "dsp", 0x5a, 0x28],
    ["ZMOH", "dsp", 0x5b, 0x1e],
    ["ZMHH", "dsp", 0x5c, 0x01],
    ["CTRL2: no scaling", "dsp", 0x86, 0x1d],
    ["SIZEL", "dsp", 0x8c, 0x40],
    ["HSIZE8", "dsp", 0xc0, 0x32],
    ["VSIZE8", "dsp", 0xc1, 0x20],
    ["CTRL0: no RGB", "dsp", 0xc2, 0x0c],
    ["CTRL0: Cr first", "dsp", 0xc2, 0x1e, { format: "yuyv" }],
    ["CTRL0: no YUV", "dsp", 0xc2, 0x02, { format: "yuyv" }],
    ["CTRL1: no gains", "dsp", 0xc3, 0xfb],
    ["CTRL1: no gamma", "dsp", 0xc3, 0xdf],
    ["AWB mode", "dsp", 0xc7, 0x10],
    ["red gain", "dsp", 0xcc, 0x40],
    ["green gain", "dsp", 0xcd, 0x30],
    ["blue gain", "dsp", 0xce, 0x40],
    ["R_DVP_SP", "dsp", 0xd3, 0x20],
    ["IMAGE_MODE: byte order", "dsp", 0xda, 0x08],
    ["IMAGE_MODE: byte order", "dsp", 0xda, 0x01, { format: "yuyv" }],
    ["IMAGE_MODE: format", "dsp", 0xda, 0x00],
    ["IMAGE_MODE: raw", "dsp", 0xda, 0x04],
    ["RESET: port", "dsp", 0xe0, 0x04],
    ["RESET: encoder", "dsp", 0xe0, 0x10, { format: "jpeg" }],
    ["Qs", "dsp", 0x44, 0x3f, { format: "jpeg" }],
  ];
  for (const [name, bank, address, value, values] of wrong) {
    const { model } = running(values);
    const [right, interval] = [Buffer.from(model.frame(LANDMARKS, 0)), model.frameInterval()];
    const was = model.peek(bank, address);
    assert.notEqual(was, value, `${name} already is ${value}`);
    model.poke(bank, address, value);
    const isSeen = model.frameInterval() !== interval || !right.equals(model.frame(LANDMARKS, 0));
    assert(isSeen, `${name} = ${value} instead of ${was} changes nothing`);
  }
});

// --- The model on its bus

const CLOCK = 24_000_000;

function poweredModel(): Ov2640Model {
  const model = new Ov2640Model();
  model.lines(true, true, CLOCK, 0);
  model.lines(true, false, CLOCK, 0);
  return model;
}

const register = (model: Ov2640Model, bank: number, address: number, now = SECOND): number | undefined => {
  if (!model.write(Uint8Array.of(0xff, bank), now) || !model.write(Uint8Array.of(address), now)) return undefined;
  return model.read(1, now)?.[0];
};

test("the model acknowledges only with power and clock, out of reset, and when that has settled", () => {
  const id = Uint8Array.of(0x0a);
  const model = new Ov2640Model();
  assert.equal(model.write(id, 0), false);
  model.lines(true, true, CLOCK, 10);
  assert.equal(model.write(id, 5_000), false);
  model.lines(true, false, CLOCK, 10_000);
  assert.equal(model.write(id, 10_500), false);
  assert.equal(model.write(id, 11_000), true);
  assert.deepEqual(model.read(1, 11_000), Uint8Array.of(0x26));
  model.lines(true, false, 0, 12_000);
  assert.equal(model.write(id, 20_000), false);
  assert.equal(model.read(1, 20_000), undefined);
  model.lines(true, false, CLOCK, 30_000);
  assert.equal(model.write(id, 31_000), true);
  model.lines(false, false, CLOCK, 40_000);
  assert.equal(model.write(id, 50_000), false);
});

test("the model has ids, reset values, two banks, read-back and auto-increment, and forgets at each reset", () => {
  const model = poweredModel();
  const ids = [0x0a, 0x0b, 0x1c, 0x1d].map((address) => register(model, 1, address));
  assert.deepEqual(ids, [0x26, 0x42, 0x7f, 0xa2]);
  assert.deepEqual([register(model, 0, 0x44), register(model, 0, 0xe0), register(model, 1, 0x13)], [0x0c, 0x04, 0xc7]);
  assert.equal(model.frameInterval(), 0, "the port wakes up in reset");

  // 0x50 is CTRLI in one bank and BD60 in the other.
  for (const [bank, value] of [[0, 0x80], [1, 0x9c]]) {
    model.write(Uint8Array.of(0xff, bank), SECOND);
    model.write(Uint8Array.of(0x50, value), SECOND);
  }
  assert.deepEqual([register(model, 0, 0x50), register(model, 1, 0x50)], [0x80, 0x9c]);

  model.write(Uint8Array.of(0xff, 0), SECOND);
  model.write(Uint8Array.of(0xf8, 0x21), SECOND); // SS_CTRL: addresses increase
  model.write(Uint8Array.of(0x51, 1, 2, 3), SECOND);
  model.write(Uint8Array.of(0x51), SECOND);
  assert.deepEqual(model.read(3, SECOND), Uint8Array.of(1, 2, 3));
  assert.deepEqual(model.unknownWrites, []);

  model.write(Uint8Array.of(0xff, 1), SECOND);
  model.write(Uint8Array.of(0x12, 0x80), SECOND);
  assert(!model.write(Uint8Array.of(0x0a), SECOND + 500), "silent while it resets itself");
  const after = SECOND + 2_000;
  assert.deepEqual([register(model, 0, 0x50, after), register(model, 0, 0x51, after)], [0x00, 0x40]);
  assert.equal(register(model, 1, 0x50, after), 0xa8);
});

test("the model reports what no document has", () => {
  const reports = (bank: number, address: number, value: number) => {
    const model = poweredModel();
    model.write(Uint8Array.of(0xff, bank), SECOND);
    model.write(Uint8Array.of(address, value), SECOND);
    return model.unknownWrites.length;
  };
  assert.equal(reports(0, 0x41, 0x24), 0, "the manufacturer's value");
  assert.equal(reports(0, 0x41, 0x25), 1, "a value that nobody writes");
  assert.equal(reports(1, 0x1e, 0x00), 1, "a register that nobody has");
  assert.equal(reports(1, 0x13, 0xe5), 0, "COM8 as drivers write it");
  assert.equal(reports(1, 0x13, 0x05), 1, "reserved bits of COM8");
  assert.equal(reports(1, 0x0a, 0x26), 1, "an id");
});
