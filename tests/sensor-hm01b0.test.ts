/**
 * The HM01B0: its driver against the model of the chip, in every mode, and the model by itself.
 */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { Fault } from "../host/board-table.ts";
import { Hm01b0 } from "../host/sensors/hm01b0.ts";
import type { View } from "../host/sensors/model.ts";
import { type Picture, StillView } from "../host/sensors/view.ts";
import { compileDriver, Driver } from "./sensors/harness.ts";

const SECOND = 1_000_000;
/** Pixels of the chip's array each way, and its border. */
const ARRAY = 324;
const BORDER = 2;
const SIZES = [
  { size: "160x120", width: 160, height: 120, portBytes: 162 * 122, fpsMost: 120 },
  { size: "320x240", width: 320, height: 240, portBytes: 324 * 244, fpsMost: 60 },
  { size: "320x320", width: 320, height: 320, portBytes: 324 * 324, fpsMost: 45 },
];
/** Exposed for so long, white light is just white. */
const BY_HAND = { auto_exposure: 0, auto_gain: 0, exposure: 9000, gain: 100 };

let module: WebAssembly.Module;
before(async () => {
  module = await compileDriver("hm01b0");
});

/** A gray picture, one code for each pixel. */
function picture(width: number, height: number, code: (x: number, y: number) => number): Picture {
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) rgb.fill(code(x, y), i, i + 3);
  }
  return { width, height, rgb };
}

/** A view with a pixel for each of the array: dark, with a white, a light and a gray patch in three corners. */
const CORNERS = new StillView(
  picture(ARRAY, ARRAY, (x, y) => {
    if (x < 82 && y < 62) return 255;
    if (x >= 242 && y < 62) return 200;
    if (x < 82 && y >= 182) return 150;
    return 40;
  }),
);
const flat = (code: number): View => new StillView(picture(8, 8, () => code));
/** Gray of all kinds, some 0.2 of full light in the mean. */
const SLOPE = new StillView(picture(ARRAY, ARRAY, (x, y) => Math.floor((x + y) / 3)));

function started(view: View = CORNERS, model = new Hm01b0()): Driver {
  const driver = new Driver(module, model, view);
  assert.equal(driver.start(), 0);
  return driver;
}

/** The next frame after the automatic loop has had two seconds. */
function settled(driver: Driver): Uint8Array {
  driver.now += 2 * SECOND;
  return driver.capture();
}

/** The light of each code of a picture, 255 for white. */
const LEVELS = Float64Array.from({ length: 256 }, (_, code) => {
  const share = code / 255;
  return 255 * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
});

const mean = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;

/** Whether two numbers are the same, but for a share. */
function assertNear(is: number, wanted: number, share: number, what: string): void {
  assert(Math.abs(is - wanted) <= Math.abs(wanted) * share, `${what}: ${is}, not ${wanted}`);
}

/** The value of a patch, in the middle of each corner: left and right above, left and right below. */
function corners(frame: Uint8Array, width: number, height: number): number[] {
  const x = Math.floor(width / 8);
  const y = Math.floor(height / 8);
  const at = (x: number, y: number) => frame[y * width + x];
  return [at(x, y), at(width - 1 - x, y), at(x, height - 1 - y), at(width - 1 - x, height - 1 - y)];
}

describe("starting", () => {
  test("the chip is found by its id, set up in bounded pieces, and streams", () => {
    const driver = started();
    assert.equal(driver.capture().length, 320 * 240);
    assert(driver.transfersInRun <= 16, `${driver.transfersInRun} transfers in one run`);
    assert.deepEqual(driver.sensor.model.unknownWrites, []);
  });

  test("what it has is described", () => {
    const driver = started();
    assert.deepEqual(driver.control("size").choices, SIZES.map(({ size }) => size));
    assert.deepEqual(driver.control("format").choices, ["gray"]);
    for (const name of ["mirror", "flip", "auto_exposure", "exposure", "auto_gain", "gain", "brightness", "fps"]) {
      assert(driver.control(name).available, name);
    }
    for (const name of ["white_balance", "contrast", "saturation"]) assert(!driver.control(name).available, name);
  });

  test("no sensor: nobody acknowledges", () => {
    const driver = new Driver(module, new Hm01b0(), CORNERS);
    driver.sensor.plug(false, 0);
    assert.equal(driver.start(), Fault.MISSING);
  });

  test("another chip at its address is refused, and nothing is written to it", () => {
    class OtherChip extends Hm01b0 {
      writes = 0;
      override read(length: number): Uint8Array {
        return new Uint8Array(length).fill(0x60);
      }
      override write(bytes: Uint8Array, now: number): boolean {
        if (bytes.length > 2) this.writes++;
        return super.write(bytes, now);
      }
    }
    const chip = new OtherChip();
    assert.equal(new Driver(module, chip, CORNERS).start(), Fault.REFUSED);
    assert.equal(chip.writes, 0);
  });

  test("pulled out after any number of transfers it is missing; plugged in again it starts afresh", () => {
    class Loose extends Hm01b0 {
      left = Infinity;
      override write(bytes: Uint8Array, now: number): boolean {
        return this.left-- > 0 && super.write(bytes, now);
      }
    }
    const whole = started().transfers;
    assert(whole > 40);
    for (let left = 0; left < whole - 3; left += 7) {
      const chip = new Loose();
      const driver = new Driver(module, chip, CORNERS);
      chip.left = left;
      assert.equal(driver.start(), Fault.MISSING, `after ${left}`);
      chip.left = Infinity;
      assert.equal(driver.start(), 0);
      assert.equal(driver.capture().length, 320 * 240);
      chip.left = 3;
      assert.equal(driver.set({ mirror: 1 }), Fault.MISSING);
      chip.left = Infinity;
      assert.equal(driver.start(), 0);
    }
  });
});

describe("the picture", () => {
  for (const { size, width, height, portBytes } of SIZES) {
    test(`${size}: pixels, orientation, mirror and flip`, () => {
      const driver = started();
      assert.equal(driver.set({ ...BY_HAND, size }), 0);
      const [white, light, gray, dark] = corners(driver.capture(), width, height);
      assert(white > light && light > gray && gray > dark, `${[white, light, gray, dark]}`);
      assert.equal(driver.sensor.model.frame(CORNERS, driver.now).length, portBytes);

      assert.equal(driver.set({ mirror: 1 }), 0);
      assert.deepEqual(corners(driver.capture(), width, height), [light, white, dark, gray]);
      assert.equal(driver.set({ flip: 1 }), 0);
      assert.deepEqual(corners(driver.capture(), width, height), [dark, gray, light, white]);
      assert.equal(driver.set({ mirror: 0 }), 0);
      assert.deepEqual(corners(driver.capture(), width, height), [gray, dark, white, light]);
      assert.deepEqual(driver.sensor.model.unknownWrites, []);
    });

    test(`${size}: each pixel is where it belongs, the border cut off`, () => {
      // A code for each pixel: its column in the left half of the array, its row in the right half.
      const half = ARRAY / 2;
      const view = new StillView(picture(ARRAY, ARRAY, (x, y) => (x < half ? x : Math.min(255, y))));
      const driver = started(view);
      for (const [mirror, flip] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
        assert.equal(driver.set({ ...BY_HAND, size, mirror, flip }), 0);
        const frame = driver.capture();
        assert.equal(frame.length, width * height);
        const step = (ARRAY - 2 * BORDER) / width;
        let wrong = 0;
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            const x = BORDER + step * (mirror ? width - 1 - column : column);
            const y = BORDER + step * (flip ? height - 1 - row : row);
            const code = x < half ? x : Math.min(255, y);
            const next = Math.min(255, code + step);
            const value = frame[row * width + column];
            // 9000 µs are 0.9 of what makes white 255, in whole lines.
            const least = LEVELS[code] * 0.89 - 1;
            const most = LEVELS[next] * 0.91 + 1;
            if (value < least || value > most) wrong++;
          }
        }
        assert.equal(wrong, 0, `mirror ${mirror}, flip ${flip}`);
      }
    });
  }

  test("squares stay square, of a wide view and of a tall one", () => {
    for (const [viewWidth, viewHeight] of [[640, 480], [480, 640]]) {
      // A white square of a quarter of the shorter side, in the view's middle.
      const half = 60;
      const view = new StillView(
        picture(viewWidth, viewHeight, (x, y) =>
          Math.abs(x - viewWidth / 2) < half && Math.abs(y - viewHeight / 2) < half ? 255 : 0,
        ),
      );
      const driver = started(view);
      assert.equal(driver.set({ ...BY_HAND, size: "320x320" }), 0);
      const frame = driver.capture();
      const across = frame.subarray(160 * 320, 161 * 320).filter((pixel) => pixel > 100).length;
      const down = Array.from({ length: 320 }, (_, y) => frame[y * 320 + 160]).filter((pixel) => pixel > 100).length;
      assertNear(across, ARRAY / 4, 0.05, "across");
      assertNear(down, ARRAY / 4, 0.05, "down");
    }
  });
});

describe("exposure and gain", () => {
  test("by hand, twice as much of either is twice the light", () => {
    const driver = started(flat(128));
    const brightness = (values: Record<string, number>) => {
      assert.equal(driver.set({ ...BY_HAND, ...values }), 0);
      return mean(driver.capture());
    };
    const one = brightness({ exposure: 2000 });
    assert(one > 8 && one < 14, `${one}`);
    assertNear(brightness({ exposure: 4000 }), 2 * one, 0.06, "exposure");
    assertNear(brightness({ exposure: 8000 }), 4 * one, 0.06, "exposure");
    for (const gain of [150, 200, 300, 399, 400, 700, 800, 1200, 1600]) {
      assertNear(brightness({ exposure: 2000, gain }), (one * gain) / 100, 0.06, `gain ${gain} %`);
    }
    assert.deepEqual(driver.sensor.model.unknownWrites, []);
  });

  test("the same exposure is as bright in every size", () => {
    const driver = started(flat(128));
    const values = SIZES.map(({ size }) => {
      assert.equal(driver.set({ ...BY_HAND, size }), 0);
      return mean(driver.capture());
    });
    for (const value of values) assertNear(value, values[0], 0.02, "brightness");
  });

  test("the shortest and the longest exposure; a long one slows the frames down", () => {
    const driver = started(flat(60));
    const { least, most } = driver.control("exposure");
    assert.equal(driver.set({ ...BY_HAND, exposure: least, fps: 60 }), 0);
    const fast = driver.interval;
    const dark = mean(driver.capture());
    assert.equal(driver.set({ exposure: most }), 0);
    assert(driver.interval >= most && driver.interval < most + 2000, `${driver.interval}`);
    assert(mean(driver.capture()) > 100 * (dark + 0.1));
    assert.equal(driver.set({ exposure: 1000 }), 0);
    assert.equal(driver.interval, fast);
    assert.deepEqual(driver.sensor.model.unknownWrites, []);
  });

  test("automatic: dark or bright, the mean comes to what brightness asks for", () => {
    for (const code of [20, 60, 128, 240]) {
      const driver = started(flat(code));
      let last = 0;
      for (const brightness of [-3, -1, 0, 2, 3]) {
        assert.equal(driver.set({ brightness }), 0);
        const value = mean(settled(driver));
        assertNear(value, 80 + 20 * brightness, 0.25, `code ${code}, brightness ${brightness}`);
        assert(value > last);
        last = value;
      }
      assert.deepEqual(driver.sensor.model.unknownWrites, []);
    }
  });

  test("automatic: it takes some frames, and then stands", () => {
    const driver = started(SLOPE);
    const means = Array.from({ length: 20 }, () => mean(driver.capture()));
    assertNear(means[19], 80, 0.08, "at the end");
    assert.equal(means[18], means[19]);
  });

  test("a control of the picture does not disturb the loop", () => {
    const driver = started(SLOPE);
    const before = mean(settled(driver));
    assert.equal(driver.set({ mirror: 1, flip: 1 }), 0);
    assertNear(mean(driver.capture()), before, 0.1, "the next frame");
  });

  test("automatic exposure with the gain by hand: the gain stays", () => {
    const model = new Hm01b0();
    const driver = started(SLOPE, model);
    const gainRegisters = () => [0x0205, 0x020e, 0x020f].map((register) => model.register(register, driver.now));
    assert.equal(driver.set({ auto_gain: 0, gain: 600 }), 0);
    assertNear(mean(settled(driver)), 80, 0.08, "mean");
    assert.deepEqual(gainRegisters(), [0x20, 0x01, 0x80]);
    assert.equal(driver.set({ gain: 100 }), 0);
    assertNear(mean(settled(driver)), 80, 0.08, "mean");
    assert.deepEqual(gainRegisters(), [0x00, 0x01, 0x00]);
  });

  test("in the dark, automatic exposure does not go on to a gain that is by hand", () => {
    const model = new Hm01b0();
    const driver = started(flat(12), model);
    for (const { size } of SIZES) {
      assert.equal(driver.set({ size, auto_gain: 1 }), 0);
      const bright = mean(settled(driver));
      assert.equal(driver.set({ auto_gain: 0, gain: 200 }), 0);
      assert(mean(settled(driver)) < bright / 2, size);
      assert.deepEqual([0x0205, 0x020e, 0x020f].map((register) => model.register(register, driver.now)), [0x10, 1, 0]);
    }
  });

  test("automatic gain with the exposure by hand: the exposure stays", () => {
    const model = new Hm01b0();
    const driver = started(flat(110), model);
    const integration = () => (model.register(0x0202, driver.now) << 8) | model.register(0x0203, driver.now);
    assert.equal(driver.set({ auto_exposure: 0, exposure: 4000 }), 0);
    assertNear(mean(settled(driver)), 80, 0.08, "mean");
    assert.equal(integration(), Math.round((4000 * 6) / 376));
    assert.equal(driver.set({ exposure: 8000 }), 0);
    assertNear(mean(settled(driver)), 80, 0.08, "mean");
    assert.equal(integration(), Math.round((8000 * 6) / 376));
  });

  test("in bright light, automatic gain does not shorten an exposure that is by hand", () => {
    const model = new Hm01b0();
    const driver = started(flat(255), model);
    const bright = mean(settled(driver));
    assert.equal(driver.set({ auto_exposure: 0, exposure: 8000 }), 0);
    assert(mean(settled(driver)) > 2 * bright);
    assert.equal((model.register(0x0202, driver.now) << 8) | model.register(0x0203, driver.now), 128);
  });
});

describe("frame rate", () => {
  for (const { size, fpsMost } of SIZES) {
    test(`${size}: as asked for, up to ${fpsMost} a second; driver and chip agree`, () => {
      const driver = started();
      for (const fps of [1, 5, 15, 24, 30, 45, 60, 120]) {
        assert.equal(driver.set({ size, fps }), 0);
        assertNear(driver.interval, driver.sensor.model.frameInterval(), 1e-4, "interval");
        assertNear(driver.interval, SECOND / Math.min(fps, fpsMost), 0.035, `${fps} a second`);
        assert(driver.interval >= SECOND / fps - 1, "at most as many as asked for");
        driver.capture();
        const first = driver.now;
        driver.capture();
        assertNear(driver.now - first, driver.interval, 1e-3, "frames");
      }
      assert.deepEqual(driver.sensor.model.unknownWrites, []);
    });
  }
});

test("one size after another, while the chip streams", () => {
  const driver = started();
  for (const { size, width, height } of [...SIZES, ...SIZES]) {
    assert.equal(driver.set({ ...BY_HAND, size }), 0);
    assert.equal(driver.capture().length, width * height);
  }
});

describe("the model is not blind", () => {
  /** Registers, and values other than those that the driver chooses. */
  const MUTATIONS: [what: string, ...writes: [register: number, value: number][]][] = [
    ["standby", [0x0100, 0x00]],
    ["mirrored", [0x0101, 0x01]],
    ["upside down", [0x0101, 0x02]],
    ["shorter exposure", [0x0203, 0x10]],
    ["analogue gain", [0x0205, 0x10]],
    ["digital gain", [0x020f, 0x80]],
    ["longer frames", [0x0340, 0x08]],
    ["longer lines", [0x0342, 0x02]],
    ["every second column", [0x0383, 0x03]],
    ["every second row", [0x0387, 0x03]],
    ["binned", [0x0383, 0x03], [0x0387, 0x03], [0x0390, 0x03]],
    ["whole array", [0x3010, 0x00]],
    ["bars", [0x0601, 0x01]],
    ["walking one", [0x0601, 0x11]],
    ["black not corrected", [0x1000, 0x00]],
    ["black too high", [0x1003, 0x20]],
    ["6 bits", [0x3011, 0x71]],
    ["4 lines", [0x3059, 0x42]],
    ["1 line", [0x3059, 0x22]],
    ["slower core", [0x3060, 0x09]],
    ["reset", [0x0103, 0x01]],
  ];
  for (const [what, ...writes] of MUTATIONS) {
    test(what, () => {
      const driver = started();
      assert.equal(driver.set(BY_HAND), 0);
      const { model } = driver.sensor;
      const right = driver.capture();
      const interval = model.frameInterval();
      for (const [register, value] of [...writes, [0x0104, 1]]) {
        model.write(Uint8Array.of(register >> 8, register & 0xff, value), driver.now);
      }
      const changed = model.frameInterval();
      if (changed !== interval) return; // frames come at other times, or not at all
      const wrong = driver.capture();
      assert.notDeepEqual(wrong, right);
    });
  }

  test("of two columns in one, binning takes the mean and plain reading the first", () => {
    const stripes = new StillView(picture(ARRAY, ARRAY, (x) => (x % 2 === 0 ? 255 : 0)));
    const driver = started(stripes);
    assert.equal(driver.set({ ...BY_HAND, size: "160x120" }), 0);
    const binned = mean(driver.capture());
    driver.sensor.model.write(Uint8Array.of(0x03, 0x90, 0x00), driver.now);
    driver.sensor.model.write(Uint8Array.of(0x01, 0x04, 0x01), driver.now);
    assertNear(mean(driver.capture()), 2 * binned, 0.02, "unbinned");
  });

  test("the loop follows its target, its switch and its bounds", () => {
    const driver = started(SLOPE);
    const { model } = driver.sensor;
    const poke = (register: number, value: number) =>
      model.write(Uint8Array.of(register >> 8, register & 0xff, value), driver.now);
    const right = mean(settled(driver));
    poke(0x2101, 0x28);
    assertNear(mean(settled(driver)), 0x28, 0.1, "target");
    poke(0x2100, 0x00);
    poke(0x2101, 0x50);
    assertNear(mean(settled(driver)), 0x28, 0.1, "switched off");
    poke(0x2100, 0x01);
    assertNear(mean(settled(driver)), right, 0.1, "on again");
    poke(0x2000, 0x06);
    poke(0x2101, 0x28);
    assertNear(mean(settled(driver)), right, 0.1, "without statistics");
    poke(0x2000, 0x07);
    for (const [register, value] of [[0x2105, 0], [0x2106, 10], [0x2108, 0], [0x210b, 0x40]]) poke(register, value);
    assert(mean(settled(driver)) < 0x14, "bounded");
  });
});

describe("the chip on its bus", () => {
  const device = (): Hm01b0 => {
    const model = new Hm01b0();
    model.lines(true, false, 12_000_000, 0);
    return model;
  };
  const write = (model: Hm01b0, now: number, register: number, ...values: number[]) =>
    model.write(Uint8Array.of(register >> 8, register & 0xff, ...values), now);
  const read = (model: Hm01b0, now: number, register: number, length = 1) => {
    assert(write(model, now, register));
    return [...(model.read(length, now) ?? assert.fail("not acknowledged"))];
  };

  test("acknowledges only with power, a clock and no reset, some time after", () => {
    const model = new Hm01b0();
    const probe = (now: number) => model.write(Uint8Array.of(0, 0), now);
    assert(!probe(0));
    const wrong = [
      { power: true, reset: true, clock: 12e6 },
      { power: true, reset: false, clock: 0 },
      { power: true, reset: false, clock: 48e6 },
      { power: false, reset: false, clock: 12e6 },
    ];
    for (const { power, reset, clock } of wrong) {
      model.lines(power, reset, clock, 0);
      assert(!probe(1000), `${power} ${reset} ${clock}`);
    }
    model.lines(true, false, 12e6, 2000);
    assert(!probe(2049));
    assert(probe(2050));
  });

  test("id, reset values, reading and writing on with the next register", () => {
    const model = device();
    assert.deepEqual(read(model, 100, 0x0000, 2), [0x01, 0xb0]);
    assert.deepEqual(read(model, 100, 0x2101, 4), [0x3c, 0x0a, 0x03, 0x05]);
    write(model, 100, 0x0340, 0x02, 0x14, 0x01, 0x90);
    assert.deepEqual(read(model, 100, 0x0340, 4), [0x02, 0x14, 0x01, 0x90]);
    assert.deepEqual(model.unknownWrites, []);
  });

  test("a reset by register, the reset line and the loss of power set all back", () => {
    const ways: ((model: Hm01b0) => void)[] = [
      (model) => write(model, 100, 0x0103, 1),
      (model) => {
        model.lines(true, true, 12e6, 100);
        model.lines(true, false, 12e6, 200);
      },
      (model) => {
        model.lines(false, false, 12e6, 100);
        model.lines(true, false, 12e6, 200);
      },
    ];
    for (const way of ways) {
      const model = device();
      write(model, 100, 0x2101, 0x64);
      write(model, 100, 0x0101, 0x03);
      way(model);
      assert(!model.write(Uint8Array.of(0, 0), 220), "asleep for a while");
      assert.deepEqual(read(model, 2000, 0x2101), [0x3c]);
      assert.deepEqual(read(model, 2000, 0x0101), [0x00]);
    }
  });

  test("held registers take effect all at once", () => {
    const model = device();
    write(model, 100, 0x0100, 1);
    const interval = model.frameInterval();
    write(model, 100, 0x0340, 0x02, 0x14);
    write(model, 100, 0x3010, 0x01);
    assert.equal(model.frameInterval(), interval);
    assert.deepEqual(read(model, 100, 0x0340, 2), [0x02, 0x14]);
    assert.equal(model.frame(CORNERS, 1000).length, 324 * 324);
    write(model, 100, 0x0104, 1);
    assertNear(model.frameInterval(), (interval * 0x214) / 0x158, 1e-6, "interval");
    assert.equal(model.frame(CORNERS, 1000).length, 324 * 244);
  });

  test("frames are counted", () => {
    const model = device();
    write(model, 100, 0x0100, 1);
    const interval = model.frameInterval();
    assert.deepEqual(read(model, 100 + 3.5 * interval, 0x0005), [3]);
  });

  test("what no document has is reported, once", () => {
    const model = device();
    write(model, 100, 0x4000, 0x12);
    write(model, 100, 0x4000, 0x12);
    write(model, 100, 0x0101, 0x04);
    write(model, 100, 0x3044, 0x0b);
    write(model, 100, 0x0001, 0x00);
    assert.deepEqual(model.unknownWrites, ["0x4000 = 0x12", "0x0101 = 0x04", "0x3044 = 0x0b", "0x0001 = 0x00"]);
    assert.deepEqual(read(model, 100, 0x0001), [0xb0]);
    write(model, 100, 0x3060, 0x0b);
    write(model, 100, 0x0340, 0x00, 0x10);
    write(model, 100, 0x0104, 1);
    write(model, 100, 0x0100, 1);
    assert.deepEqual(model.unknownWrites.slice(4), ["frames of less than 344 lines", "a core at 12 MHz"]);
  });
});
