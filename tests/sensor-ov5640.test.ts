/**
 * The OV5640's driver against the model of its chip: it is found, brought to what the controls say in every size and
 * format, and gives the picture in front of it. And the model by itself: a wrong register gives a wrong picture.
 */

import assert from "node:assert/strict";
import { before, test } from "node:test";
import jpeg from "jpeg-js";
import { Fault } from "../host/board-table.ts";
import { Ov5640Model } from "../host/sensors/ov5640.ts";
import { type Picture, StillView } from "../host/sensors/view.ts";
import { Driver, compileDriver } from "./sensors/harness.ts";

const SIZES = ["160x120", "320x240", "640x480", "800x600", "1024x768", "1280x720", "1280x960"];
const FORMATS = ["rgb565", "yuyv", "gray", "jpeg", "bayer"];
/** Every eighth pixel of the array, each way. */
const WIDTH = 324;
const HEIGHT = 243;

type Rgb = readonly [red: number, green: number, blue: number];
const RED: Rgb = [255, 0, 0];
const GREEN: Rgb = [0, 255, 0];
const BLUE: Rgb = [0, 0, 255];
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const GRAY: Rgb = [128, 128, 128];

/** A picture whose pixel at a share of its width and height has the colour that `paint` says. */
function picture(paint: (x: number, y: number) => Rgb): Picture {
  const rgb = new Uint8Array(3 * WIDTH * HEIGHT);
  for (let at = 0; at < rgb.length; at += 3) {
    const pixel = at / 3;
    rgb.set(paint(((pixel % WIDTH) + 0.5) / WIDTH, (Math.floor(pixel / WIDTH) + 0.5) / HEIGHT), at);
  }
  return { width: WIDTH, height: HEIGHT, rgb };
}

/** Side of the black square in the middle, as a share of the height. */
const SQUARE = 0.25;

/** Gray; red and green at the sides of the upper half, blue and white of the lower; a black square in the middle. */
const LANDMARKS = new StillView(
  picture((x, y) => {
    const side = SQUARE / 2;
    if (Math.abs(x - 0.5) < (side * HEIGHT) / WIDTH && Math.abs(y - 0.5) < side) return BLACK;
    if (x > 0.3 && x < 0.7) return GRAY;
    if (y < 0.5) return x < 0.5 ? RED : GREEN;
    return x < 0.5 ? BLUE : WHITE;
  }),
);
const GRAY_CARD = new StillView(picture(() => GRAY));

let module: WebAssembly.Module;
before(async () => {
  module = await compileDriver("ov5640");
});

function found(view = LANDMARKS): Driver {
  const driver = new Driver(module, new Ov5640Model(), view);
  assert.equal(driver.start(), 0);
  return driver;
}

/** A frame as red, green and blue of any pixel. */
class Frame {
  constructor(
    readonly width: number,
    readonly height: number,
    readonly at: (x: number, y: number) => Rgb,
  ) {}

  /** The colour at shares of width and height. */
  near(x: number, y: number): Rgb {
    return this.at(Math.floor(x * this.width), Math.floor(y * this.height));
  }

  get mean(): number {
    let sum = 0;
    for (let y = 0; y < this.height; y += 4) for (let x = 0; x < this.width; x += 4) sum += luma(this.at(x, y));
    return sum / (Math.ceil(this.height / 4) * Math.ceil(this.width / 4));
  }
}

function luma([red, green, blue]: Rgb): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

function fromYuv(y: number, u: number, v: number): Rgb {
  const byte = (value: number) => Math.min(255, Math.max(0, Math.round(value)));
  return [byte(y + 1.402 * (v - 128)), byte(y - 0.344 * (u - 128) - 0.714 * (v - 128)), byte(y + 1.772 * (u - 128))];
}

/** Reads a frame as the camera's formats are defined (`board.ts`); its bytes must be as many as they ought. */
function read(bytes: Uint8Array, size: string, format: string): Frame {
  const [width, height] = size.split("x").map(Number);
  switch (format) {
    case "rgb565":
      assert.equal(bytes.length, 2 * width * height);
      return new Frame(width, height, (x, y) => {
        const place = 2 * (y * width + x);
        const word = bytes[place] | (bytes[place + 1] << 8);
        return [((word >> 11) * 255) / 31, (((word >> 5) & 63) * 255) / 63, ((word & 31) * 255) / 31];
      });
    case "yuyv":
      assert.equal(bytes.length, 2 * width * height);
      return new Frame(width, height, (x, y) => {
        const place = 2 * (y * width + (x & ~1));
        return fromYuv(bytes[place + 2 * (x & 1)], bytes[place + 1], bytes[place + 3]);
      });
    case "gray":
      assert.equal(bytes.length, width * height);
      return new Frame(width, height, (x, y) => [bytes[y * width + x], bytes[y * width + x], bytes[y * width + x]]);
    case "bayer": // blue, green; green, red
      assert.equal(bytes.length, width * height);
      return new Frame(width, height, (x, y) => {
        const place = (y & ~1) * width + (x & ~1);
        return [bytes[place + width + 1], (bytes[place + 1] + bytes[place + width]) / 2, bytes[place]];
      });
    default: {
      const file = jpeg.decode(bytes.subarray(0, endOfJpeg(bytes)), { useTArray: true });
      assert.deepEqual([file.width, file.height], [width, height]);
      return new Frame(width, height, (x, y) => {
        const place = 4 * (y * width + x);
        return [file.data[place], file.data[place + 1], file.data[place + 2]];
      });
    }
  }
}

/** Where a JPEG file ends in what the port gave. */
function endOfJpeg(bytes: Uint8Array): number {
  assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xd8]);
  let end = bytes.length;
  while (end > 2 && !(bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9)) end--;
  assert(bytes.length - end < 4, "at most the rest of a word behind the file's end");
  return end;
}

function shoot(driver: Driver, size = "320x240", format = "rgb565"): Frame {
  return read(driver.capture(), size, format);
}

/** Sets controls, the size being QVGA and the format RGB565 unless they say otherwise, and takes a frame. */
function shootWith(driver: Driver, values: Record<string, number | string>): Frame {
  const { size, format } = { size: "320x240", format: "rgb565", ...values } as Record<string, string>;
  assert.equal(driver.set({ ...values, size, format }), 0);
  return shoot(driver, size, format);
}

/** Names a colour by the components that dominate. */
function nameOf([red, green, blue]: Rgb): string {
  const least = Math.min(red, green, blue);
  const most = Math.max(red, green, blue);
  if (most - least < 48) return most < 64 ? "black" : most > 160 ? "white" : "gray";
  const names = { red, green, blue };
  return Object.entries(names)
    .filter(([, value]) => value > (least + most) / 2)
    .map(([name]) => name)
    .join(" and ");
}

/** The colours of the four patches, row by row, and of the middle. */
function landmarks(frame: Frame): string[] {
  const places = [[0.15, 0.25], [0.85, 0.25], [0.15, 0.75], [0.85, 0.75], [0.5, 0.5]];
  return places.map(([x, y]) => nameOf(frame.near(x, y)));
}

const UPRIGHT = ["red", "green", "blue", "white", "black"];

/** Landmarks as they look in a format: without colours, red and blue are dark, in the vendor's weights. */
function lookIn(format: string, colours: string[]): string[] {
  if (format !== "gray") return colours;
  const grays: Record<string, string> = { red: "black", blue: "black", green: "gray" };
  return colours.map((colour) => grays[colour] ?? colour);
}

function assertNear(actual: number, expected: number, tolerance: number, what: string): void {
  assert(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, not ${expected} ± ${tolerance}`);
}

function poke(driver: Driver, register: number, ...values: number[]): void {
  const bytes = Uint8Array.from([register >> 8, register & 0xff, ...values]);
  assert.equal(driver.sensor.transfer(0x3c, bytes, new Uint8Array(0), driver.now), 0);
}

function peek(driver: Driver, register: number, length = 1): number {
  const bytes = new Uint8Array(length);
  const address = Uint8Array.of(register >> 8, register & 0xff);
  assert.equal(driver.sensor.transfer(0x3c, address, bytes, driver.now), 0);
  return bytes.reduce((value, byte) => (value << 8) | byte, 0);
}

function assertKnown(driver: Driver): void {
  assert.deepEqual(driver.sensor.model.unknownWrites, []);
}

// --- Finding it

test("is found, described, and shows a picture without being told anything", () => {
  const driver = found();
  assert.deepEqual(driver.control("size").choices, SIZES);
  assert.deepEqual(driver.control("format").choices, FORMATS);
  assert.deepEqual(landmarks(shoot(driver)), UPRIGHT);
  assert(driver.transfersInRun <= 17, `${driver.transfersInRun} transfers in one run`);
  assertKnown(driver);
});

test("another chip at its address is refused", () => {
  const other = new (class extends Ov5640Model {
    writes = 0;
    override write(bytes: Uint8Array, now: number): boolean {
      if (bytes.length > 2) this.writes++;
      return super.write(bytes, now);
    }
  })(0x3660);
  assert.equal(new Driver(module, other, LANDMARKS).start(), Fault.REFUSED);
  assert.equal(other.writes, 0, "and left alone");
});

test("nobody at its address is missing", () => {
  const driver = new Driver(module, new Ov5640Model(), LANDMARKS);
  driver.sensor.plug(false, 0);
  assert.equal(driver.start(), Fault.MISSING);
});

test("pulled out after any number of transfers it is missing, and starts afresh", () => {
  const { transfers } = found();
  for (let after = 0; after < transfers; after += 7) {
    const model = new Ov5640Model();
    const driver = new Driver(module, model, LANDMARKS);
    const write = model.write.bind(model);
    let left = after;
    model.write = (bytes, now) => {
      if (left-- === 0) driver.sensor.plug(false, now);
      return write(bytes, now);
    };
    assert.equal(driver.start(), Fault.MISSING, `after ${after} transfers`);
    model.write = write;
    driver.sensor.plug(true, driver.now);
    assert.equal(driver.start(), 0);
    assert.deepEqual(landmarks(shoot(driver)), UPRIGHT);
  }
});

test("unplugged while it works it is missing, and comes back as it was", () => {
  const driver = found();
  const values = { size: "640x480", format: "yuyv", mirror: 1 };
  assert.equal(driver.set(values), 0);
  driver.sensor.plug(false, driver.now);
  assert.equal(driver.set({ brightness: 1 }), Fault.MISSING);
  assert.equal(driver.set({ brightness: 0 }), Fault.MISSING);
  driver.sensor.plug(true, driver.now);
  assert.equal(driver.set({ brightness: 0 }), 0, "it begins at the power switch by itself");
  assert.deepEqual(landmarks(shoot(driver, "640x480", "yuyv")), ["green", "red", "white", "blue", "black"]);
  assertKnown(driver);
});

// --- Sizes and formats

for (const format of FORMATS) {
  for (const size of SIZES) {
    test(`${size} as ${format}: upright, in its colours, not stretched`, () => {
      const driver = found();
      const frame = shootWith(driver, { size, format });
      assert.deepEqual(landmarks(frame), lookIn(format, UPRIGHT));
      // The square is in the middle, and as wide as high; a picture is 2560 of the array's columns wide.
      const { width, height } = frame;
      const side = (SQUARE * 1944 * width) / 2560;
      const isDark = (x: number, y: number) => nameOf(frame.at(x, y)) === "black";
      const places = (length: number) => Array.from({ length }, (_, i) => i);
      const columns = places(width).filter((x) => Math.abs(x / width - 0.5) < 0.18 && isDark(x, height >> 1));
      const rows = places(height).filter((y) => isDark(width >> 1, y));
      for (const [dark, pixels, what] of [[columns, width, "columns"], [rows, height, "rows"]] as const) {
        assertNear(dark.length, side, 4, `${what} of the square`);
        assertNear(dark[0] + dark[dark.length - 1], pixels - 1, 2, `first and last of its ${what}`);
      }
      assertNear(driver.sensor.model.frameInterval(), driver.interval, 1, "µs a frame");
      assert(driver.transfersInRun <= 17);
      assertKnown(driver);
    });
  }
}

test("sizes and formats follow each other in any order", () => {
  const driver = found();
  for (const [size, format] of [
    ["1280x960", "jpeg"], ["1280x720", "yuyv"], ["160x120", "jpeg"], ["640x480", "rgb565"],
    ["160x120", "bayer"],
  ]) {
    assert.deepEqual(landmarks(shootWith(driver, { size, format })), UPRIGHT, `${size} ${format}`);
  }
  assertKnown(driver);
});

for (const format of FORMATS) {
  test(`${format} mirrored, flipped and both`, () => {
    const driver = found();
    const assertTurned = (mirror: number, flip: number, colours: string[]) =>
      assert.deepEqual(landmarks(shootWith(driver, { format, mirror, flip })), lookIn(format, colours));
    assertTurned(1, 0, ["green", "red", "white", "blue", "black"]);
    assertTurned(0, 1, ["blue", "white", "red", "green", "black"]);
    assertTurned(1, 1, ["white", "blue", "green", "red", "black"]);
    assertTurned(0, 0, UPRIGHT);
    assertKnown(driver);
  });
}

// --- Rate

test("frames come no faster than asked for, and as fast as the size allows", () => {
  const driver = found();
  for (const size of SIZES) {
    for (const fps of [1, 10, 25, 42]) {
      assert.equal(driver.set({ size, fps }), 0);
      const interval = driver.sensor.model.frameInterval();
      assertNear(interval, driver.interval, 1, `${size} at ${fps}`);
      assert(interval >= 1e6 / fps - 1, `${size} at ${fps}: a frame in ${interval} µs`);
      if (fps <= 25) assertNear(interval, 1e6 / fps, 40, `${size} at ${fps}`); // less than a row's time more
    }
  }
  const start = (driver.capture(), driver.now);
  driver.capture();
  assertNear(driver.now - start, driver.interval, 2, "from frame to frame");
});

// --- Exposure and gain

test("exposure and gain by hand: a longer, a stronger one is brighter", () => {
  const driver = found(GRAY_CARD);
  const byHand = { auto_exposure: 0, auto_gain: 0, gain: 100, exposure: 10_000 };
  const means = [2_500, 5_000, 10_000, 20_000].map((exposure) => shootWith(driver, { ...byHand, exposure }).mean);
  means.reduce((darker, brighter) => (assert(brighter > darker + 10, `${brighter} after ${darker}`), brighter));
  const gained = [100, 150, 200, 400].map((gain) => shootWith(driver, { ...byHand, exposure: 4_000, gain }).mean);
  gained.reduce((darker, brighter) => (assert(brighter > darker + 10, `${brighter} after ${darker}`), brighter));
  const halved = shootWith(driver, { ...byHand, exposure: 5_000, gain: 200 }).mean;
  assertNear(halved, shootWith(driver, byHand).mean, 4, "half the exposure at twice the gain");
  for (const gain of [800, 3_200]) {
    const strong = shootWith(driver, { ...byHand, gain, exposure: 1_000_000 / gain }).mean;
    assertNear(strong, shootWith(driver, byHand).mean, 6, `a gain of ${gain} %`);
  }
  assertKnown(driver);
});

test("exposure by hand is what it says in every size, and lengthens the frame if it has to", () => {
  const driver = found(GRAY_CARD);
  for (const size of SIZES) {
    for (const exposure of [100, 1_000, 10_000, 100_000, 500_000]) {
      assert.equal(driver.set({ size, auto_exposure: 0, exposure, fps: 30 }), 0);
      const rowTime = driver.sensor.model.frameInterval() / peek(driver, 0x380e, 2);
      assertNear((peek(driver, 0x3500, 3) / 16) * rowTime, exposure, rowTime, `${size}: exposure`);
      assert(driver.interval > exposure);
      assertNear(driver.sensor.model.frameInterval(), driver.interval, 1, `${size}: interval`);
    }
  }
});

test("by itself it brings dark and bright scenes to the same brightness, within what it can", () => {
  const cards = [24, 90, 220].map((level) => new StillView(picture(() => [level, level, level])));
  const means = cards.map((card) => shoot(found(card)).mean);
  assertNear(means[0], means[1], 6, "a dark scene");
  assertNear(means[2], means[1], 6, "a bright scene");
  const night = found(new StillView(picture(() => [2, 2, 2])));
  assert(shoot(night).mean < means[1] - 20, "night stays dark");
  assert.equal(peek(night, 0x350a, 2), 0xf8, "its gain ends at the ceiling");
  assert.equal(peek(night, 0x3500, 3) >> 4, peek(night, 0x380e, 2) - 4, "its exposure ends with the frame");
});

test("from by hand to by itself and back, the same value by hand is set again", () => {
  const driver = found(new StillView(picture(() => [40, 40, 40])));
  const byHand = { auto_exposure: 0, auto_gain: 0, exposure: 5_000, gain: 200 };
  const first = shootWith(driver, byHand).mean;
  assert(shootWith(driver, { auto_exposure: 1, auto_gain: 1 }).mean > first + 20);
  assertNear(shootWith(driver, byHand).mean, first, 0.1, "mean by hand");
});

// --- Colours

test("white balance: neutral by itself and in daylight, else as the light it is made for", () => {
  const driver = found(GRAY_CARD);
  const colour = (white_balance: string) => shootWith(driver, { white_balance }).near(0.5, 0.5);
  for (const light of ["auto", "daylight"]) {
    const [red, green, blue] = colour(light);
    assertNear(red, green, 10, `red in ${light}`);
    assertNear(blue, green, 10, `blue in ${light}`);
  }
  const [cloudyRed, , cloudyBlue] = colour("cloudy");
  assert(cloudyRed > cloudyBlue + 8, "made for bluish light it gives a reddish picture");
  const [lampRed, , lampBlue] = colour("incandescent");
  assert(lampBlue > lampRed + 40, "made for reddish light it gives a bluish picture");
  const [tubeRed, , tubeBlue] = colour("fluorescent");
  assert(tubeBlue > tubeRed + 8 && tubeBlue - tubeRed < lampBlue - lampRed, "between the two");
  assertKnown(driver);
});

test("white balance by itself takes a cast away", () => {
  const driver = found(new StillView(picture(() => [150, 128, 110])));
  const [red, green, blue] = shootWith(driver, { white_balance: "auto" }).near(0.5, 0.5);
  assertNear(red, green, 10, "red");
  assertNear(blue, green, 10, "blue");
  const [warmRed, , warmBlue] = shootWith(driver, { white_balance: "daylight" }).near(0.5, 0.5);
  assert(warmRed > warmBlue + 25, "which is there in daylight's balance");
});

test("brightness moves everything, contrast pulls apart around middle gray", () => {
  const driver = found();
  const byHand = { auto_exposure: 0, auto_gain: 0, exposure: 10_000, format: "yuyv" };
  const levels = (values: Record<string, number>) => {
    const frame = shootWith(driver, { ...byHand, brightness: 0, contrast: 0, ...values });
    return [[0.5, 0.5], [0.5, 0.2], [0.85, 0.75]].map(([x, y]) => luma(frame.near(x, y)));
  };
  const [black, gray, white] = levels({});
  for (const brightness of [-4, -1, 1, 4]) {
    assertNear(levels({ brightness })[1], gray + 16 * brightness, 2, `gray at brightness ${brightness}`);
  }
  for (const contrast of [-3, -1, 1, 3]) {
    const [, changed] = levels({ contrast });
    assertNear(changed, 128 + (gray - 128) * (1 + contrast / 8), 3, `gray at contrast ${contrast}`);
  }
  const [flatBlack, , flatWhite] = levels({ contrast: -3 });
  assert(flatBlack > black + 30 && flatWhite < white - 30, "less contrast lifts black and lowers white");
  const [, brightGray] = levels({ contrast: 3, brightness: 4 });
  assertNear(brightGray, 128 + (gray - 128) * 1.375 + 64, 3, "both together");
  assertKnown(driver);
});

test("saturation: none is gray, more is more", () => {
  const driver = found(new StillView(picture((x) => (x < 0.5 ? [160, 110, 110] : [94, 128, 140]))));
  const byHand = { auto_exposure: 0, auto_gain: 0, exposure: 10_000, white_balance: "daylight" };
  const spread = (saturation: number) => {
    const colour = shootWith(driver, { ...byHand, saturation }).near(0.2, 0.5);
    return Math.max(...colour) - Math.min(...colour);
  };
  const spreads = [-3, -1, 0, 1, 3].map(spread);
  spreads.reduce((less, more) => (assert(more > less, `${more} after ${less}`), more));
  assertNear(spreads[0], spreads[2] / 4, 10, "a quarter at -3");
  assertKnown(driver);
});

// --- JPEG

test("a lower quality makes smaller JPEG files", () => {
  const noise = Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => (i * 2654435761) >>> 24);
  const driver = found(new StillView({ width: WIDTH, height: HEIGHT, rgb: noise }));
  const lengths = [10, 30, 50, 70, 90].map((quality) => {
    assert.equal(driver.set({ format: "jpeg", quality }), 0);
    return endOfJpeg(driver.capture());
  });
  lengths.reduce((less, more) => (assert(more > less * 1.1, `${more} after ${less}`), more));
  assertKnown(driver);
});

// --- The driver's manners

test("what did not change is not written again; only a new mode stops the stream", () => {
  const driver = found();
  const written = (values: Record<string, number | string>) => {
    const first = driver.transfers;
    assert.equal(driver.set(values), 0);
    return driver.transfers - first;
  };
  assert.equal(written({}), 0);
  assert.equal(written({ mirror: 1 }), 1);
  assert.equal(written({ brightness: 2 }), 1);
  assert(written({ size: "640x480" }) > 8);
  assert.equal(written({ size: "640x480" }), 0);
});

test("controls that change while it starts are taken as they are then", () => {
  const driver = found();
  assert.equal(driver.set({ size: "640x480", format: "yuyv" }), 0);
  assert.equal(driver.start(), 0);
  assert.deepEqual(landmarks(shoot(driver, "640x480", "yuyv")), UPRIGHT);
});

// --- The model is not blind

type Mutation = [
  what: string,
  register: number,
  value: number,
  isSeen: (frame: Uint8Array, good: Uint8Array) => boolean,
];

/** One register wrong, after the driver has set QVGA, RGB565, exposure, gain and white balance by hand. */
const MUTATIONS: Mutation[] = [
  ["bytes swapped", 0x4300, 0x61, (frame, good) => frame[0] === good[1] && frame[1] === good[0]],
  ["blue for red", 0x4300, 0x60, differs],
  ["YUV for RGB", 0x4300, 0x30, differs],
  ["YUV given to the RGB formatter", 0x501f, 0x00, differs],
  ["width", 0x3809, 0x20, (frame) => frame.length === 2 * 288 * 240],
  ["height", 0x380b, 0xd0, (frame) => frame.length === 2 * 320 * 208],
  ["window's left", 0x3800, 0x02, differs],
  ["window's right", 0x3804, 0x09, differs],
  ["window's top", 0x3802, 0x01, differs],
  ["window's bottom", 0x3806, 0x05, differs],
  ["columns cut off", 0x3811, 0x60, differs],
  ["rows cut off", 0x3813, 0x60, differs],
  ["every column", 0x3814, 0x11, (frame) => frame.length === 0], // a row's time is too short for all of them
  ["no scaler", 0x5001, 0x83, differs],
  ["no colour matrix", 0x5001, 0xa1, differs],
  ["no effects but saturation", 0x5580, 0x22, differs],
  ["no white balance", 0x5001, 0xa2, differs],
  ["matrix", 0x5382, 0x20, differs],
  ["signs of the matrix", 0x538b, 0x00, differs],
  ["no gamma", 0x5000, 0x07, differs],
  ["gamma", 0x5486, 0x20, differs],
  ["half a mirror", 0x3821, 0x03, differs],
  ["flip", 0x3820, 0x41, differs],
  ["exposure", 0x3501, 0x01, differs],
  ["gain", 0x350b, 0x40, differs],
  ["red gain", 0x3400, 0x01, differs],
  ["saturation", 0x5583, 0x10, differs],
  ["contrast", 0x5586, 0x08, differs],
  ["test bars", 0x503d, 0x80, differs],
  ["standby", 0x3008, 0x42, (frame) => frame.length === 0],
  ["pads are inputs", 0x3017, 0x00, (frame) => frame.length === 0],
  ["the port gives way to MIPI", 0x300e, 0x5c, (frame) => frame.length === 0],
  ["PLL out of range", 0x3036, 0x10, (frame) => frame.length === 0],
  ["slow port", 0x3824, 0x1f, (frame) => frame.length < 2 * 320 * 240],
  ["JPEG encoder without clock", 0x3821, 0x21, (frame) => frame.length === 0],
];

/** Whether it is as long, but more than a hundredth of it is something else. */
function differs(frame: Uint8Array, good: Uint8Array): boolean {
  return frame.length === good.length && frame.filter((byte, i) => byte !== good[i]).length > good.length / 100;
}

test("a wrong register gives a wrong picture, or none", () => {
  const byHand = { auto_exposure: 0, auto_gain: 0, exposure: 10_000, gain: 100, white_balance: "daylight" };
  for (const [what, register, value, isSeen] of MUTATIONS) {
    const driver = found();
    assert.equal(driver.set(byHand), 0);
    const good = driver.capture();
    poke(driver, register, value);
    const frame = driver.sensor.model.frameInterval() === 0 ? new Uint8Array(0) : driver.capture();
    assert(isSeen(frame, good), what);
  }
});

test("wrong clocks and row lengths give a wrong rate", () => {
  for (const [register, value] of [
    [0x3035, 0x21], [0x3036, 0x54], [0x3037, 0x14], [0x3034, 0x18], [0x3108, 0x02], [0x380c, 0x0f], [0x380e, 0x0f],
  ]) {
    const driver = found();
    poke(driver, register, value);
    const interval = driver.sensor.model.frameInterval();
    assert(Math.abs(interval - driver.interval) > 1_000, `0x${register.toString(16)}: ${interval} µs`);
  }
});

// --- The model on its bus

test("the chip answers 20 ms after reset, with clock and supply, and to no other address", () => {
  const model = new Ov5640Model();
  const id = Uint8Array.of(0x30, 0x0a);
  const answers = (now: number) => model.write(id, now) && model.read(1, now)?.[0] === 0x56;
  assert(!answers(0), "no supply");
  model.lines(true, true, 24_000_000, 0);
  assert(!answers(50_000), "held in reset");
  model.lines(true, false, 0, 50_000);
  assert(!answers(100_000), "no clock");
  model.lines(true, false, 24_000_000, 100_000);
  assert(!answers(119_999), "too early");
  assert(answers(120_000));
  model.lines(false, false, 24_000_000, 130_000);
  assert(!answers(200_000), "no supply");
  const driver = found();
  assert.equal(driver.sensor.transfer(0x3d, id, new Uint8Array(1), driver.now), Fault.MISSING);
});

test("registers: values after reset, addresses that count up, reading back, software reset", () => {
  const driver = found();
  assert.equal(peek(driver, 0x300a, 2), 0x5640);
  poke(driver, 0x3808, 0x01, 0x23, 0x00, 0x45);
  assert.equal(peek(driver, 0x3808, 4), 0x01230045);
  poke(driver, 0x3008, 0x82);
  const address = Uint8Array.of(0x38, 0x08);
  assert.equal(driver.sensor.transfer(0x3c, address, new Uint8Array(1), driver.now), Fault.MISSING, "busy");
  driver.now += 5_000;
  assert.equal(peek(driver, 0x3808, 4), 0x0a200798, "2592 x 1944");
  assert.equal(peek(driver, 0x3008), 0x02);
  assertKnown(driver);
});

test("writes that the documents do not have are told", () => {
  const driver = found();
  poke(driver, 0x3e00, 0x01);
  poke(driver, 0x3212, 0x03);
  poke(driver, 0x3820, 0xc7);
  poke(driver, 0x3630, 0x00);
  poke(driver, 0x300a, 0x00);
  assert.deepEqual(driver.sensor.model.unknownWrites, [
    "0x3e00 = 0x01: no such register",
    "0x3212 = 0x03: no such register",
    "0x3820 = 0xc7: reserved bits",
    "0x3630 = 0x00: no such register",
    "0x300a = 0x00: reserved bits",
  ]);
  assert.equal(peek(driver, 0x300a, 2), 0x5640, "and its name stays");
});

test("an AE aim at the datasheet's registers moves the brightness", () => {
  const driver = found(GRAY_CARD);
  const before = shoot(driver).mean;
  poke(driver, 0x3a0f, 0x80, 0x78);
  assert(shoot(driver).mean > before + 20);
  assertNear(peek(driver, 0x56a1), 0x7c, 3, "the average that it tells");
});
