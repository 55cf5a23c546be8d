/**
 * A model of the OV5640, register by register: PLL, window, reading by halves, scaler, mirror and flip, exposure and
 * gain by hand and by the chip, white balance, gamma, colour matrix, effects, formatter, JPEG encoder, test bars. It
 * computes from its registers alone and knows no driver. What each register is, is in `ov5640-registers.ts`.
 *
 * It hangs in front of its view as on the OpenMV Cam H7 Plus: upside down, so that the picture is upright where the
 * chip flips it (0x3820) and does not mirror it (0x3821).
 *
 * Simplified: automatic exposure, gain and white balance find their values within one frame; blocks that only make a
 * real picture better (lens, sharpness, noise, black level, repair of pixels) do nothing; group writes (0x3212) and the
 * focus's controller are missing, and reported when they are written to.
 */

import jpeg from "jpeg-js";
import type { SensorModel, View } from "./model.ts";
import { REGISTERS, VENDOR_WRITES } from "./ov5640-registers.ts";

/** From the end of reset to the first acknowledge, µs (datasheet, power up sequence). */
const RESET_ENDS = 20_000;
/** For a software reset, µs. */
const SOFT_RESET_ENDS = 1_000;

// The array in the window's coordinates: the pixels that see light (datasheet: 32 columns and 8 rows of dummies).
const ARRAY_LEFT = 16;
const ARRAY_TOP = 4;
const ARRAY_WIDTH = 2592;
const ARRAY_HEIGHT = 1944;

/** µs of exposure at gain 1 that show the view as bright as it is. */
const EXPOSURE_OF_VIEW = 10_000;
/**
 * What the filters before the pixels let through of the view's white, relative to green: the inverse of the gains that
 * the vendor's notes (11.1) name for sunlight.
 */
const RED_SHARE = 0x410 / 0x5e0;
const BLUE_SHARE = 0x410 / 0x540;
/** How far from those gains the automatic white balance goes. */
const WHITE_BALANCE_RANGE = 1.5;
/** Points of the view, each way, that exposure and white balance look at. */
const METER_POINTS = 24;

/** Of 0x3037 [3:0]: the PLL's pre-divider (datasheet; halves as in esp32-camera). */
const PRE_DIVIDERS = [1, 1, 2, 3, 4, 1.5, 6, 2.5, 8];
/** Of 0x3108: dividers of SCLK and PCLK. */
const ROOT_DIVIDERS = [1, 2, 4, 8];

/** Inputs at which the gamma curve's 15 points are. */
const GAMMA_INPUTS = [4, 8, 16, 32, 40, 48, 56, 64, 72, 80, 96, 112, 144, 176, 208];

/** 0x503d [7], style 0: eight bars. */
const TEST_BARS = [0xffffff, 0xffff00, 0x00ffff, 0x00ff00, 0xff00ff, 0xff0000, 0x0000ff, 0x000000];

/** For each byte of the view, sRGB, how much light it is: 0 to 1. */
const LIGHT = Float64Array.from({ length: 256 }, (_, byte) => {
  const share = byte / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
});

/** What the formatter sends. */
type Output = "raw" | "mosaic" | "gray" | "yuv" | "rgb565" | "jpeg" | "nothing";

/** Places of the components in four bytes of YUV, by 0x4300 [3:0]: Y0, U, Y1, V. Others are not allowed. */
const YUV_ORDERS: Record<number, readonly [number, number, number, number]> = {
  0x0: [0, 1, 2, 3], // YUYV
  0x1: [0, 3, 2, 1], // YVYU
  0x2: [1, 0, 3, 2], // UYVY
  0x3: [1, 2, 3, 0], // VYUY
  0xf: [1, 0, 3, 2], // UYVY
};

/** Which colour has the high, the middle and the low bits of RGB565, by 0x4300 [3:0]; and which byte comes first. */
const RGB_ORDERS: Record<number, { order: string; lowFirst: boolean }> = {
  0x0: { order: "bgr", lowFirst: false },
  0x1: { order: "rgb", lowFirst: false },
  0x2: { order: "grb", lowFirst: false },
  0x3: { order: "brg", lowFirst: false },
  0x4: { order: "gbr", lowFirst: false },
  0x5: { order: "rbg", lowFirst: false },
  0xf: { order: "rgb", lowFirst: true },
};

/** Colours of the four pixels of a mosaic, row by row, by 0x4300 [3:0]: 0 red, 1 green, 2 blue. */
const MOSAICS = [
  [2, 1, 1, 0],
  [1, 2, 0, 1],
  [1, 0, 2, 1],
  [0, 1, 1, 2],
];

export class Ov5640Model implements SensorModel {
  readonly name = "ov5640";
  readonly device = 0x3c;
  /** For tests of what happens where another chip answers. */
  readonly #chipId: number;
  readonly #registers = new Uint8Array(0x10000);
  readonly #unknown = new Set<string>();
  #clock = 0;
  #isOn = false;
  /** When it listens again after a reset; undefined while it can't. */
  #listensAt: number | undefined;
  #address = 0;
  #sample = new Uint8Array(0);

  constructor(chipId = 0x5640) {
    this.#chipId = chipId;
    this.#reset();
  }

  get unknownWrites(): readonly string[] {
    return [...this.#unknown];
  }

  lines(power: boolean, reset: boolean, clock: number, now: number): void {
    const works = power && !reset && clock >= 6_000_000 && clock <= 27_000_000;
    if (!power || reset) this.#reset();
    if (!works) this.#listensAt = undefined;
    else this.#listensAt ??= now + RESET_ENDS;
    this.#isOn = works;
    this.#clock = clock;
  }

  write(bytes: Uint8Array, now: number): boolean {
    if (!this.#listens(now) || bytes.length < 2) return false;
    this.#address = (bytes[0] << 8) | bytes[1];
    for (const value of bytes.subarray(2)) this.#put(this.#address++, value, now);
    return true;
  }

  read(length: number, now: number): Uint8Array | undefined {
    if (!this.#listens(now)) return undefined;
    return Uint8Array.from({ length }, () => this.#registers[this.#address++ & 0xffff]);
  }

  frameInterval(): number {
    const sclk = this.#sclk;
    if (!this.#isOn || this.#listensAt === undefined || sclk === 0) return 0;
    if (this.#at(0x3008) & 0x40 || this.#at(0x300e) & 0x04) return 0; // standby; the port gives way to MIPI
    const padsAreOutputs = (this.#at(0x3017) & 0x7f) === 0x7f && (this.#at(0x3018) & 0xf0) === 0xf0;
    if (!padsAreOutputs || this.#output === "nothing") return 0;
    const { columns, rows } = this.#window;
    const [clocksPerRow, rowsPerFrame] = [this.#at16(0x380c), this.#at16(0x380e)];
    if (columns > clocksPerRow || rows > rowsPerFrame) return 0; // there is no time to read them
    return (clocksPerRow * rowsPerFrame * 1e6) / sclk;
  }

  frame(view: View, time: number): Uint8Array {
    const [width, height] = [this.#at16(0x3808), this.#at16(0x380a)];
    const output = this.#output;
    if (output === "nothing" || width === 0 || height === 0) return new Uint8Array(0);
    const pixels = this.#expose(view, time, width, height);
    if (output === "raw") return this.#fit(mosaic(pixels, width, MOSAICS[this.#at(0x4300) & 3]), width);
    const yuv = this.#process(pixels);
    if (output === "jpeg") return this.#encode(toRgb(yuv), width, height);
    // Which three components the formatter is given is one register, what it takes them for another.
    const components = (this.#at(0x501f) & 7) === 0 ? yuv : toRgb(yuv);
    const order = this.#at(0x4300) & 15;
    switch (output) {
      case "mosaic":
        return this.#fit(mosaic(components, width, MOSAICS[order & 3]), width);
      case "gray":
        return this.#fit(components.filter((_, i) => i % 3 === 0), width);
      case "yuv":
        return this.#fit(packYuv(components, YUV_ORDERS[order]), 2 * width);
      default:
        return this.#fit(packRgb(components, RGB_ORDERS[order]), 2 * width);
    }
  }

  // --- Registers

  #listens(now: number): boolean {
    return this.#isOn && this.#listensAt !== undefined && now >= this.#listensAt;
  }

  #reset(): void {
    this.#registers.fill(0);
    for (const [address, { reset }] of REGISTERS) this.#registers[address] = reset;
    this.#registers[0x300a] = this.#chipId >> 8;
    this.#registers[0x300b] = this.#chipId & 0xff;
  }

  #put(address: number, value: number, now: number): void {
    const register = REGISTERS.get(address);
    const isVendors = VENDOR_WRITES.has((address << 8) | value);
    if (!isVendors && (!register || ((value ^ register.reset) & ~register.writable & 0xff) !== 0)) {
      const what = `0x${address.toString(16)} = 0x${value.toString(16).padStart(2, "0")}`;
      this.#unknown.add(register ? `${what}: reserved bits` : `${what}: no such register`);
    }
    if (address === 0x3008 && value & 0x80) {
      this.#reset();
      this.#listensAt = now + SOFT_RESET_ENDS;
      return;
    }
    if (register && !isVendors) value = (value & register.writable) | (register.reset & ~register.writable);
    this.#registers[address] = value;
  }

  #at(address: number): number {
    return this.#registers[address];
  }

  #at16(address: number): number {
    return (this.#registers[address] << 8) | this.#registers[address + 1];
  }

  // --- Clocks

  /** Hz behind the PLL and its bit divider; 0 where it does not lock. */
  get #pll(): number {
    if (this.#at(0x3039) & 0x80 || !(this.#at(0x3103) & 0x02)) return this.#clock;
    const input = this.#clock / (PRE_DIVIDERS[this.#at(0x3037) & 15] ?? Infinity);
    const multiplier = this.#at(0x3036) > 127 ? this.#at(0x3036) & 0xfe : this.#at(0x3036);
    const oscillator = input * multiplier;
    if (input < 4e6 || input > 27e6 || oscillator < 500e6 || oscillator > 1000e6) return 0; // as Linux found
    const bits = this.#at(0x3034) & 15;
    const bitDivider = bits === 8 ? 2 : bits === 10 ? 2.5 : 1;
    return oscillator / (this.#at(0x3035) >> 4 || 16) / (this.#at(0x3037) & 0x10 ? 2 : 1) / bitDivider;
  }

  /** Hz of the clock that counts pixels and rows. */
  get #sclk(): number {
    return this.#pll / ROOT_DIVIDERS[this.#at(0x3108) & 3];
  }

  /** Hz at which bytes leave the port. */
  get #pclk(): number {
    const ratio = this.#at(0x460c) & 0x02 ? this.#at(0x3824) || 1 : 2;
    return this.#pll / ROOT_DIVIDERS[(this.#at(0x3108) >> 4) & 3] / ratio;
  }

  /** What arrives of rows of so many bytes: those that do not pass in a row's time are cut. */
  #fit(bytes: Uint8Array, rowBytes: number): Uint8Array {
    const most = Math.floor((this.#at16(0x380c) / this.#sclk) * this.#pclk);
    if (rowBytes <= most) return bytes;
    return bytes.filter((_, i) => i % rowBytes < most);
  }

  // --- Geometry

  /** How much of the array is read: columns and rows after skipping, and the steps from one to the next. */
  get #window(): { columns: number; rows: number; xStep: number; yStep: number } {
    const xStep = ((this.#at(0x3814) >> 4) + (this.#at(0x3814) & 15)) / 2;
    const yStep = ((this.#at(0x3815) >> 4) + (this.#at(0x3815) & 15)) / 2;
    const columns = Math.floor((this.#at16(0x3804) - this.#at16(0x3800) + 1) / xStep);
    const rows = Math.floor((this.#at16(0x3806) - this.#at16(0x3802) + 1) / yStep);
    return { columns, rows, xStep, yStep };
  }

  /** Where each pixel's column or row is in the array, as a share; outside of 0 to 1 where there is none. */
  #shares(isX: boolean, pixels: number): Float64Array {
    const { columns, rows, xStep, yStep } = this.#window;
    const [read, step] = isX ? [columns, xStep] : [rows, yStep];
    const [first, last] = isX ? [this.#at16(0x3800), this.#at16(0x3804)] : [this.#at16(0x3802), this.#at16(0x3806)];
    const offset = this.#at16(isX ? 0x3810 : 0x3812);
    const [origin, size] = isX ? [ARRAY_LEFT, ARRAY_WIDTH] : [ARRAY_TOP, ARRAY_HEIGHT];
    // [2]: in the picture processor, [1]: in the array. Either turns the order; one alone spoils the colours too.
    const isTurned = (this.#at(isX ? 0x3821 : 0x3820) & 0x06) !== 0;
    const cut = read - 2 * offset; // what the scaler gets
    const isScaled = (this.#at(0x5001) & 0x20) !== 0 && this.#output !== "raw";
    const ratio = isScaled ? Math.max(1, cut / pixels) : 1; // it makes smaller only
    return Float64Array.from({ length: pixels }, (_, i) => {
      const at = (i + 0.5) * ratio;
      if (at > cut) return NaN;
      const place = isTurned ? last + 1 - (offset + at) * step : first + (offset + at) * step;
      const share = (place - origin) / size;
      return isX ? share : 1 - share; // it hangs upside down
    });
  }

  // --- The picture

  get #output(): Output {
    const format = this.#at(0x4300) >> 4;
    const order = this.#at(0x4300) & 15;
    const isRaw = (this.#at(0x501f) & 7) > 2;
    if (this.#at(0x3821) & 0x20) {
      const encoderWorks = (this.#at(0x3002) & 0x1c) === 0 && (this.#at(0x3006) & 0x28) === 0x28;
      const mode = this.#at(0x4713) & 7;
      const fits = this.#at16(0x3808) % 8 === 0 && this.#at16(0x380a) % 8 === 0 && this.#at16(0x4602) > 0;
      return encoderWorks && !isRaw && format === 3 && mode >= 1 && mode <= 3 && fits ? "jpeg" : "nothing";
    }
    if (isRaw) return format === 0 || format === 15 ? "raw" : "nothing";
    if (format === 0) return "mosaic";
    if (format === 1) return "gray";
    if (format === 3) return order in YUV_ORDERS ? "yuv" : "nothing";
    if (format === 6) return order in RGB_ORDERS ? "rgb565" : "nothing";
    return "nothing";
  }

  /** Red, green and blue of each pixel as they leave the array and the gains, gamma applied unless they go out raw. */
  #expose(view: View, time: number, width: number, height: number): Uint8Array {
    const xs = this.#shares(true, width);
    const ys = this.#shares(false, height);
    const [red, green, blue] = this.#curves(this.#meter(view, time, xs, ys));
    if (this.#sample.length < 3 * width * height) this.#sample = new Uint8Array(3 * width * height);
    const pixels = this.#sample.subarray(0, 3 * width * height);
    if (this.#at(0x503d) & 0x80) drawBars(pixels, width);
    else view.sample(xs.map(orEdge), ys.map(orEdge), time, pixels);
    // One of two bits set shifts the mosaic of filters by one pixel in that direction.
    const isShifted = [0x3820, 0x3821].map((address) => [0x02, 0x04].includes(this.#at(address) & 0x06));
    const [first, second, third] = isShifted[0] !== isShifted[1] ? [1, 0, 1] : isShifted[0] ? [2, 1, 0] : [0, 1, 2];
    const [darkColumns, darkRows] = [xs, ys].map((shares) => Array.from(shares, isOutside));
    const result = new Uint8Array(pixels.length);
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += 3) {
        if (darkColumns[x] || darkRows[y]) continue;
        result[at] = red[pixels[at + first]];
        result[at + 1] = green[pixels[at + second]];
        result[at + 2] = blue[pixels[at + third]];
      }
    }
    return result;
  }

  /** For each colour, what its byte in the view becomes. */
  #curves(light: { exposure: number; gains: readonly number[] }): Uint8Array[] {
    const gamma = this.#at(0x5000) & 0x20 && this.#output !== "raw" ? this.#gamma : (level: number) => level;
    return light.gains.map((gain) =>
      Uint8Array.from(LIGHT, (share) => gamma(Math.min(255, 255 * share * light.exposure * gain))),
    );
  }

  /**
   * Exposure, as a factor of the view's own brightness, and the colours' gains. What the chip finds by itself it also
   * writes to its registers, where it can be read.
   */
  #meter(view: View, time: number, xs: Float64Array, ys: Float64Array): { exposure: number; gains: number[] } {
    const means = this.#means(view, time, xs, ys);
    const shares = [RED_SHARE, 1, BLUE_SHARE];
    const gains = this.#whiteBalance(means, shares);
    const rowTime = (this.#at16(0x380c) * 1e6) / this.#sclk;
    const byHand = this.#at(0x3503);
    const readRows = () => ((this.#at(0x3500) << 12) | (this.#at(0x3501) << 4) | (this.#at(0x3502) >> 4));
    const readGain = () => (((this.#at(0x350a) & 3) << 8) | this.#at(0x350b)) / 16;

    // The average that is aimed at counts as light does, before gamma.
    const aim = (this.#at(0x3a0f) + this.#at(0x3a10)) / 2 / 255;
    const average = means.reduce((sum, mean, colour) => sum + (mean * shares[colour] * gains[colour]) / 3, 0);
    const needed = average > 0 ? aim / average : Infinity;
    if (!(byHand & 1)) {
      const gain = byHand & 2 ? readGain() : 1;
      const most = this.#at(0x3c00) & 0x04 ? this.#at16(0x3a14) : this.#at16(0x3a02); // flicker at 50 or 60 Hz
      const rows = Math.min(most, Math.max(1, Math.round((needed * EXPOSURE_OF_VIEW) / gain / rowTime)));
      this.#registers.set([rows >> 12, (rows >> 4) & 0xff, (rows << 4) & 0xf0], 0x3500);
    }
    const exposure = (Math.min(readRows(), this.#at16(0x380e)) * rowTime) / EXPOSURE_OF_VIEW;
    if (!(byHand & 2)) {
      const most = ((this.#at(0x3a18) & 3) << 8) | this.#at(0x3a19);
      const gain = Math.min(most, Math.max(16, Math.round((16 * needed) / exposure)));
      this.#registers.set([gain >> 8, gain & 0xff], 0x350a);
    }
    this.#registers[0x56a1] = Math.min(255, Math.round(255 * average * exposure * readGain()));
    return { exposure: exposure * readGain(), gains: gains.map((gain, colour) => gain * shares[colour]) };
  }

  /** How much red, green and blue light falls onto the window, 0 to 1. */
  #means(view: View, time: number, xs: Float64Array, ys: Float64Array): number[] {
    const points = (shares: Float64Array) =>
      Float64Array.from({ length: METER_POINTS }, (_, i) =>
        orEdge(shares[Math.floor(((i + 0.5) * shares.length) / METER_POINTS)]),
      );
    const seen = new Uint8Array(3 * METER_POINTS * METER_POINTS);
    view.sample(points(xs), points(ys), time, seen);
    const sums = [0, 0, 0];
    seen.forEach((byte, i) => (sums[i % 3] += LIGHT[byte]));
    return sums.map((sum) => sum / METER_POINTS ** 2);
  }

  #whiteBalance(means: number[], shares: number[]): number[] {
    if (!(this.#at(0x5001) & 0x01) || this.#output === "raw") return [1, 1, 1];
    if (this.#at(0x3406) & 1) {
      return [0x3400, 0x3402, 0x3404].map((address) => (this.#at16(address) & 0xfff) / 0x400);
    }
    // The average of what is seen is taken to be gray, within what lights there are.
    const limit = (gain: number) => Math.min(WHITE_BALANCE_RANGE, Math.max(1 / WHITE_BALANCE_RANGE, gain));
    return shares.map((share, colour) => limit(means[colour] > 0 ? means[1] / means[colour] : 1) / share);
  }

  /** The curve of the registers from 0x5481 on, straight between its points. */
  readonly #gamma = (level: number): number => {
    let [fromInput, fromOutput] = [0, 0];
    for (let i = 0; i <= GAMMA_INPUTS.length; i++) {
      const input = GAMMA_INPUTS[i] ?? 255;
      const output = i < GAMMA_INPUTS.length ? this.#at(0x5481 + i) : 255;
      if (level <= input) return fromOutput + ((output - fromOutput) * (level - fromInput)) / (input - fromInput);
      [fromInput, fromOutput] = [input, output];
    }
    return 255;
  };

  /** The colour matrix and the effects: from red, green, blue to Y, U, V, U and V around 128. */
  #process(pixels: Uint8Array): Uint8Array {
    const [ry, gy, by, ru, gu, bu, rv, gv, bv] = this.#matrix;
    const effects = this.#at(0x5001) & 0x80 ? this.#at(0x5580) : 0;
    const signs = this.#at(0x5588);
    const contrast = effects & 0x04;
    const [gain, bright] = contrast ? [this.#at(0x5586) / 32, this.#at(0x5587) * (signs & 0x08 ? -1 : 1)] : [1, 0];
    const offset = contrast ? this.#at(0x5585) * (signs & 0x04 ? -1 : 1) : 0;
    // [6] clear: the chip chooses between two saturations, the first at low gain.
    const isDark = this.#at16(0x350a) > (((this.#at(0x558a) & 1) << 8) | this.#at(0x558b));
    const automatic = this.#at(isDark ? 0x5584 : 0x5583) / 64;
    const byHand = [this.#at(0x5583) / 64, this.#at(0x5584) / 64];
    const [u, v] = !(effects & 0x02) ? [1, 1] : signs & 0x40 ? byHand : [automatic, automatic];
    const isGray = effects & 0x20;
    const isNegative = effects & 0x40;
    const yuv = new Uint8ClampedArray(pixels.length);
    for (let at = 0; at < pixels.length; at += 3) {
      const red = pixels[at];
      const green = pixels[at + 1];
      const blue = pixels[at + 2];
      const y = (ry * red + gy * green + by * blue - offset) * gain + bright;
      yuv[at] = isNegative ? 255 - y : y;
      yuv[at + 1] = isGray ? 128 : 128 + u * (ru * red + gu * green + bu * blue);
      yuv[at + 2] = isGray ? 128 : 128 + v * (rv * red + gv * green + bv * blue);
    }
    return new Uint8Array(yuv.buffer);
  }

  /** Factors for Y, U, V of red, green, blue. In 1/128 for Y, 1/256 for U and V: the vendor's are near BT.601 then. */
  get #matrix(): number[] {
    if (!(this.#at(0x5001) & 0x02)) return [0.299, 0.587, 0.114, -0.169, -0.331, 0.5, 0.5, -0.419, -0.081];
    const signs = this.#at(0x538b) | ((this.#at(0x538a) & 1) << 8);
    return Array.from({ length: 9 }, (_, i) => {
      const factor = this.#at(0x5381 + i) / (i < 3 ? 128 : 256);
      return signs & (1 << i) ? -factor : factor;
    });
  }

  /** A JPEG file. 0x4407 scales its tables: 16 is the standard's, which is the IJG's quality 50. */
  #encode(rgb: Uint8Array, width: number, height: number): Uint8Array {
    const percent = ((this.#at(0x4407) & 0x3f) * 100) / 16;
    const quality = percent <= 100 ? (200 - percent) / 2 : 5000 / percent;
    const data = new Uint8Array(4 * width * height);
    for (let from = 0, to = 0; from < rgb.length; to++) data[to] = to % 4 === 3 ? 255 : rgb[from++];
    const file = jpeg.encode({ data, width, height }, Math.min(100, Math.max(1, Math.round(quality)))).data;
    // Rows of 0x4602 bytes: in mode 2 the last is filled up, else it is shorter, but ports count in words of 4 bytes.
    const unit = (this.#at(0x4713) & 7) === 2 ? this.#at16(0x4602) : 4;
    const bytes = new Uint8Array(Math.ceil(file.length / unit) * unit);
    bytes.set(file);
    return bytes;
  }
}

function isOutside(share: number): boolean {
  return !(share >= 0 && share <= 1);
}

/** A share that a view can be asked for. */
function orEdge(share: number): number {
  return share >= 0 ? Math.min(share, 1) : 0;
}

function drawBars(pixels: Uint8Array, width: number): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = TEST_BARS[Math.floor((((at / 3) % width) * TEST_BARS.length) / width)];
    pixels.set([colour >> 16, (colour >> 8) & 0xff, colour & 0xff], at);
  }
}

function toRgb(yuv: Uint8Array): Uint8Array {
  const rgb = new Uint8ClampedArray(yuv.length);
  for (let at = 0; at < yuv.length; at += 3) {
    const y = yuv[at];
    const u = yuv[at + 1] - 128;
    const v = yuv[at + 2] - 128;
    rgb[at] = y + 1.402 * v;
    rgb[at + 1] = y - 0.344 * u - 0.714 * v;
    rgb[at + 2] = y + 1.772 * u;
  }
  return new Uint8Array(rgb.buffer);
}

/** One component of each pixel, by its place in a square of two by two. */
function mosaic(components: Uint8Array, width: number, colours: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(components.length / 3);
  for (let pixel = 0, x = 0, row = 0; pixel < bytes.length; pixel++) {
    bytes[pixel] = components[3 * pixel + colours[row + (x & 1)]];
    if (++x === width) [x, row] = [0, row ^ 2];
  }
  return bytes;
}

function packYuv(yuv: Uint8Array, [y0, u, y1, v]: readonly [number, number, number, number]): Uint8Array {
  const bytes = new Uint8Array((yuv.length / 6) * 4);
  for (let from = 0, to = 0; from + 5 < yuv.length; from += 6, to += 4) {
    bytes[to + y0] = yuv[from];
    bytes[to + y1] = yuv[from + 3];
    bytes[to + u] = (yuv[from + 1] + yuv[from + 4]) >> 1;
    bytes[to + v] = (yuv[from + 2] + yuv[from + 5]) >> 1;
  }
  return bytes;
}

function packRgb(rgb: Uint8Array, { order, lowFirst }: { order: string; lowFirst: boolean }): Uint8Array {
  const [high, middle, low] = [...order].map((colour) => "rgb".indexOf(colour));
  const bytes = new Uint8Array((rgb.length / 3) * 2);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 2) {
    const word = ((rgb[from + high] >> 3) << 11) | ((rgb[from + middle] >> 2) << 5) | (rgb[from + low] >> 3);
    bytes[to] = lowFirst ? word & 0xff : word >> 8;
    bytes[to + 1] = lowFirst ? word >> 8 : word & 0xff;
  }
  return bytes;
}
