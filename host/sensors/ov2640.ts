/**
 * OmniVision OV2640 as a register-level model: two banks of registers behind one address, the array's timing, window
 * and exposure, and the DSP that scales, balances and formats its picture or makes a JPEG file of it.
 *
 * Registers, their reset values and times are the datasheet's: see `ov2640-registers.ts`. All that the model knows of
 * what the datasheet keeps to itself is white balance (0xc7, 0xcc–0xce), gamma (0x90, 0x91) and the effects behind
 * BPADDR.
 *
 * Simpler than the chip: automatic exposure and white balance arrive within a frame, all zones of the picture weigh the
 * same, scaling takes the nearest point, there is neither noise nor a lens. Files have chroma at full size. Zooming,
 * dummy frames, snapshots and the microcontroller are not there.
 */

import jpeg from "jpeg-js";
import type { SensorModel, View } from "./model.ts";
import { ANY, ARRAY, BANK, DOCUMENTED, DSP, VENDOR, type Bank } from "./ov2640-registers.ts";

/** µs after a reset of either kind before it acknowledges: table 7 says less than that. */
const SETTLING = 1_000;
/** The least and most of its master clock, in Hz: table 8, and the model's choice, for the table has no most. */
const CLOCK_LEAST = 6_000_000;
const CLOCK_MOST = 48_000_000;
/** The master clock for which frame rates are given. */
const CLOCK_TYPICAL = 24_000_000;
/** The port's clock at that, before R_DVP_SP divides it. */
const PORT_HZ = 48_000_000;
/** µs at gain 1 at which the picture is as bright as the view. The model's choice: it has no lens. */
const EXPOSURE_OF_VIEW = 10_000;
/** Files are followed by zeros up to a multiple of this, and 16 at least. The model's choice. */
const PADDING = 512;

// --- Effects

/** Behind BPADDR. The drivers' tables of saturation, contrast and brightness show what they do. */
const EFFECTS = 0x00;
const EFFECT_SATURATION = 0x02;
const EFFECT_CONTRAST = 0x04;
const SATURATION_U = 0x03;
const SATURATION_V = 0x04;
const LUMA_OFFSET = 0x07;
const LUMA_GAIN = 0x08;
const LUMA_LIFT = 0x09;
const LUMA_SIGNS = 0x0a;
const EFFECTS_KNOWN: Record<number, readonly number[] | typeof ANY> = {
  [EFFECTS]: [0, EFFECT_SATURATION, EFFECT_CONTRAST, EFFECT_SATURATION | EFFECT_CONTRAST],
  [SATURATION_U]: ANY,
  [SATURATION_V]: ANY,
  [LUMA_OFFSET]: ANY,
  [LUMA_GAIN]: ANY,
  [LUMA_LIFT]: ANY,
  [LUMA_SIGNS]: [0x00, 0x06, 0x0e],
};
/** What 1 is to the two saturations. */
const SATURATION_ONE = 0x40;

/** Where the gamma curve's 15 points are: as in the OV7670, whose datasheet names them. Then it goes on to white. */
const GAMMA_AT = [4, 8, 16, 32, 40, 48, 56, 64, 72, 80, 96, 112, 144, 176, 208];

// --- Modes

type Mode = {
  /** Of the array's picture. */
  width: number;
  height: number;
  /** What the window's registers hold where it begins with the picture; columns a step of them. A step is two rows. */
  left: number;
  top: number;
  columnsAStep: number;
  /** Pixels a line, lines a frame (figures 15–17), and pixels a second with the typical clock (table 1, page 1). */
  linePixels: number;
  frameLines: number;
  pixelHz: number;
};
const UXGA: Mode = {
  ...{ width: 1600, height: 1200, left: 142, top: 7, columnsAStep: 2 },
  ...{ linePixels: 1922, frameLines: 1248, pixelHz: 36_000_000 },
};
const SVGA: Mode = {
  ...{ width: 800, height: 600, left: 137, top: 2, columnsAStep: 2 },
  ...{ linePixels: 1190, frameLines: 672, pixelHz: 24_000_000 },
};
const CIF: Mode = {
  ...{ width: 400, height: 296, left: 137, top: 2, columnsAStep: 1 },
  ...{ linePixels: 595, frameLines: 336, pixelHz: 12_000_000 },
};
/** By COM7's bits 6–4. For CIF the datasheet says 001, all drivers write 010. */
const MODES: Record<number, Mode | undefined> = { 0: UXGA, 1: CIF, 2: CIF, 4: SVGA };

/** One light's red, green, blue, or what is done to them. */
type Triple = [red: number, green: number, blue: number];
/** How much light the array gives back: in the sun, the drivers' gains for sunshine make it neutral. */
const RESPONSE: Triple = [64 / 0x5e, 64 / 0x41, 64 / 0x54];
/** Between which gains automatic white balance stays: those for lamps at home and for clouds. */
const RED_GAINS = [0x42 / 64, 0x65 / 64];
const BLUE_GAINS = [0x4f / 64, 0x71 / 64];

/** Points of the picture that automatic exposure and white balance look at, in columns and rows. */
const METER = [32, 24];

const BARS: Triple[] = [
  ...([[255, 255, 255], [255, 255, 0], [0, 255, 255], [0, 255, 0]] as Triple[]),
  ...([[255, 0, 255], [255, 0, 0], [0, 0, 255], [0, 0, 0]] as Triple[]),
];

export class Ov2640Model implements SensorModel {
  readonly name = "ov2640";
  readonly device = 0x30;
  readonly #banks: Record<Bank, Uint8Array> = { [DSP]: new Uint8Array(256), [ARRAY]: new Uint8Array(256) };
  #bank: Bank = ARRAY;
  #address = 0;
  /** The registers behind BPADDR, and the points of the gamma curve. */
  readonly #effects = new Uint8Array(16);
  readonly #gamma = new Uint8Array(16);
  #isGammaSet = false;
  #isPowered = false;
  #isHeld = true;
  #clock = 0;
  /** When it acknowledges again. */
  #readyAt = 0;
  readonly #unknown = new Set<string>();

  get unknownWrites(): readonly string[] {
    return [...this.#unknown];
  }

  /** A register's value, for tests. */
  peek(bank: "dsp" | "array", address: number): number {
    return this.#banks[bank === "dsp" ? DSP : ARRAY][address];
  }

  /** Sets a register whatever it is, for tests: `poke("array", 0x0a, 0x77)` makes it another chip. */
  poke(bank: "dsp" | "array", address: number, value: number): void {
    this.#put(bank === "dsp" ? DSP : ARRAY, address, value);
  }

  // --- The bus

  lines(power: boolean, reset: boolean, clock: number, now: number): void {
    const isHeld = !power || reset;
    if (isHeld) this.#reset();
    else if (this.#isHeld || (this.#clock === 0 && clock > 0)) this.#readyAt = now + SETTLING;
    this.#isPowered = power;
    this.#isHeld = isHeld;
    this.#clock = clock;
  }

  write(bytes: Uint8Array, now: number): boolean {
    if (!this.#answers(now)) return false;
    this.#address = bytes[0];
    for (const byte of bytes.subarray(1)) {
      this.#store(this.#address, byte, now);
      this.#step();
    }
    return true;
  }

  read(length: number, now: number): Uint8Array | undefined {
    if (!this.#answers(now)) return undefined;
    return Uint8Array.from({ length }, () => {
      const value = this.#address === BANK ? this.#bank : this.#banks[this.#bank][this.#address];
      this.#step();
      return value;
    });
  }

  #answers(now: number): boolean {
    const isClocked = this.#clock >= CLOCK_LEAST && this.#clock <= CLOCK_MOST;
    return this.#isPowered && !this.#isHeld && isClocked && now >= this.#readyAt;
  }

  /** SS_CTRL bit 5: the next byte belongs to the next register. */
  #step(): void {
    if (this.#banks[DSP][0xf8] & 0x20) this.#address = (this.#address + 1) & 0xff;
  }

  #reset(): void {
    for (const bank of [DSP, ARRAY] as const) {
      this.#banks[bank].fill(0);
      for (const [address, [, reset]] of Object.entries(DOCUMENTED[bank])) this.#banks[bank][Number(address)] = reset;
    }
    this.#bank = ARRAY;
    this.#effects.fill(0);
    this.#gamma.fill(0);
    this.#isGammaSet = false;
  }

  #store(address: number, value: number, now: number): void {
    if (address === BANK) {
      if (value > 1) this.#report(`BANK = ${hex(value)}`);
      this.#bank = (value & 1) as Bank;
      return;
    }
    const bank = this.#bank;
    this.#check(bank, address, value);
    if (DOCUMENTED[bank][address]?.[2] === 0) return; // read only
    if (bank === ARRAY && address === 0x12 && value & 0x80) {
      this.#reset();
      this.#readyAt = now + SETTLING;
      return;
    }
    this.#put(bank, address, value);
  }

  #put(bank: Bank, address: number, value: number): void {
    const registers = this.#banks[bank];
    registers[address] = value;
    if (bank === ARRAY) return;
    if (address === 0x7d) {
      const effect = registers[0x7c] & 15;
      const known = EFFECTS_KNOWN[effect];
      if (known === undefined || (known !== ANY && !known.includes(value))) {
        this.#report(`effect ${hex(effect)} = ${hex(value)}`);
      }
      this.#effects[effect] = value;
      registers[0x7c] = (effect + 1) & 15;
    } else if (address === 0x91) {
      this.#gamma[registers[0x90] & 15] = value;
      this.#isGammaSet = true;
      registers[0x90] = (registers[0x90] + 1) & 15;
    }
  }

  #check(bank: Bank, address: number, value: number): void {
    const documented = DOCUMENTED[bank][address];
    const vendor = VENDOR[bank][address];
    const name = documented?.[0] ?? `${bank === DSP ? "dsp" : "array"} ${hex(address)}`;
    if (!documented) {
      if (vendor === undefined || (vendor !== ANY && !vendor.includes(value))) this.#report(`${name} = ${hex(value)}`);
      return;
    }
    const [, reset, bits] = documented;
    if (bits === 0) return this.#report(`${name} = ${hex(value)}, which can only be read`);
    const reserved = value & ~bits;
    if (reserved === (reset & ~bits) || (vendor !== undefined && vendor !== ANY && vendor.includes(reserved))) return;
    this.#report(`${name} = ${hex(value)}: reserved bits`);
  }

  #report(what: string): void {
    this.#unknown.add(what);
  }

  // --- Times

  get #mode(): Mode | undefined {
    return MODES[(this.#banks[ARRAY][0x12] >> 4) & 7];
  }

  /** µs. */
  #lineTime(mode: Mode): number {
    const a = this.#banks[ARRAY];
    const doubled = a[0x11] & 0x80 ? 2 : 1;
    const hz = (((mode.pixelHz * this.#clock) / CLOCK_TYPICAL) * doubled) / ((a[0x11] & 0x3f) + 1);
    const pixels = mode.linePixels + (((a[0x2a] >> 4) << 8) | a[0x2b]);
    return (pixels / hz) * 1e6;
  }

  #frameLines(mode: Mode): number {
    const a = this.#banks[ARRAY];
    return mode.frameLines + ((a[0x47] << 8) | a[0x46]) + ((a[0x2e] << 8) | a[0x2d]);
  }

  frameInterval(): number {
    const mode = this.#mode;
    const isStandingBy = (this.#banks[ARRAY][0x09] & 0x10) !== 0;
    // Any of the port, the image processor and the array's interface in reset.
    const isHeldBack = (this.#banks[DSP][0xe0] & 0x07) !== 0;
    if (!mode || this.#isHeld || this.#clock === 0 || isStandingBy || isHeldBack) return 0;
    // A DSP that is told to expect more than the array gives never comes to a frame's end.
    const [window, input] = [this.#window(mode), this.#input()];
    if (!this.#isBypassed() && (input.width > window.width || input.height > window.height)) return 0;
    return this.#lineTime(mode) * this.#frameLines(mode);
  }

  // --- Frames

  frame(view: View, time: number): Uint8Array {
    const mode = this.#mode;
    if (!mode || this.frameInterval() === 0) return new Uint8Array(0);
    this.#expose(view, mode, time);
    const d = this.#banks[DSP];
    if (this.#isBypassed() || (d[0xda] & 0x1c) === 0x04) return this.#raw(view, mode, time);

    // The part of the DSP's input that is used, and the picture that leaves.
    const input = this.#input();
    const partWidth = 4 * (d[0x51] | (((d[0x55] >> 3) & 1) << 8) | ((d[0x57] >> 7) << 9));
    const partHeight = 4 * (d[0x52] | ((d[0x55] >> 7) << 8));
    const left = d[0x53] | ((d[0x55] & 7) << 8);
    const top = d[0x54] | (((d[0x55] >> 4) & 7) << 8);
    const width = 4 * (d[0x5a] | ((d[0x5c] & 3) << 8));
    const height = 4 * (d[0x5b] | (((d[0x5c] >> 2) & 1) << 8));
    if (width === 0 || height === 0) return new Uint8Array(0);
    const isScaling = (d[0x86] & 0x20) !== 0;
    const columns = scaled(width, left, partWidth, isScaling ? d[0x50] & 7 : undefined, input.width);
    const rows = scaled(height, top, partHeight, isScaling ? (d[0x50] >> 3) & 7 : undefined, input.height);

    const rgb = this.#light(view, mode, time, columns, rows);
    this.#applyEffects(rgb);
    const lineTime = this.#lineTime(mode) * (partHeight / height);
    if (d[0xda] & 0x10) return this.#file(rgb, width, height, lineTime * height);
    const isRgb = (d[0xda] & 0x0c) === 0x08;
    const bytes = isRgb ? this.#rgb565(rgb) : this.#yuv422(rgb);
    return this.#throughPort(bytes, 2 * width, lineTime);
  }

  /** Whether the array's pixels go to the port as they are. */
  #isBypassed(): boolean {
    return (this.#banks[DSP][0x05] & 1) !== 0;
  }

  /** What the DSP takes the array's picture to be. */
  #input(): { width: number; height: number } {
    const d = this.#banks[DSP];
    return {
      width: (d[0xc0] << 3) | ((d[0x8c] >> 3) & 7) | (((d[0x8c] >> 6) & 1) << 11),
      height: (d[0xc1] << 3) | (d[0x8c] & 7),
    };
  }

  /** What gets through the port when each row of `rowBytes` has `rowTime` µs: of each row its beginning. */
  #throughPort(bytes: Uint8Array, rowBytes: number, rowTime: number): Uint8Array {
    const room = Math.floor(rowTime * this.#portRate());
    if (room >= rowBytes) return bytes;
    const rows = bytes.length / rowBytes;
    const passed = new Uint8Array(rows * room);
    for (let row = 0; row < rows; row++) {
      passed.set(bytes.subarray(row * rowBytes, row * rowBytes + room), row * room);
    }
    return passed;
  }

  /** Bytes in 1 µs. */
  #portRate(): number {
    const speed = this.#banks[DSP][0xd3];
    if (speed & 0x80) return Infinity; // finds its speed by itself
    const divided = [1, 1, 2, 4][this.#banks[ARRAY][0x32] >> 6];
    return (PORT_HZ * (this.#clock / CLOCK_TYPICAL)) / Math.max(1, speed & 0x7f) / divided / 1e6;
  }

  /** The light on the points of the array that are asked for, through exposure, white balance and gamma: RGB bytes. */
  #light(view: View, mode: Mode, time: number, columns: Float64Array, rows: Float64Array): Uint8Array {
    const a = this.#banks[ARRAY];
    const window = this.#window(mode);
    const xs = columns.map((x) => (x < window.width ? (window.left + x) / mode.width : NaN));
    const ys = rows.map((y) => (y < window.height ? (window.top + y) / mode.height : NaN));
    const rgb = new Uint8Array(3 * xs.length * ys.length);
    if (a[0x12] & 0x02) {
      let at = 0;
      for (let row = 0; row < ys.length; row++) {
        for (const x of xs) {
          rgb.set(BARS[Math.min(7, Math.floor((x || 0) * 8))], at);
          at += 3;
        }
      }
      return rgb;
    }

    const isMirrored = (a[0x04] & 0x80) !== 0;
    const isFlipped = (a[0x04] & 0x40) !== 0;
    const seen = fitting(view);
    const place = (share: number, isTurned: boolean, part: number) =>
      Number.isNaN(share) ? 0 : 0.5 + (isTurned ? 0.5 - share : share - 0.5) * part;
    const columnsSeen = xs.map((x) => place(x, isMirrored, seen.width));
    view.sample(columnsSeen, ys.map((y) => place(y, isFlipped, seen.height)), time, rgb);

    const light = this.#exposure(mode);
    const gains = this.#balance(view, time, light);
    const gamma = this.#gammaCurve();
    const curve = (response: number, gain: number) =>
      Uint8Array.from({ length: 256 }, (_, value) => {
        const raw = Math.min(1, LINEAR[value] * response * light);
        return gamma[Math.min(255, Math.round(255 * raw * gain))];
      });
    // Flipped without moving by a row (VREF), or the other way round: green filters are taken for red or blue ones.
    const isMisread = isFlipped !== ((a[0x04] & 0x10) !== 0);
    const [r, g, b] = RESPONSE;
    const red = curve(isMisread ? g : r, gains[0]);
    const green = curve(g, gains[1]);
    const blue = curve(isMisread ? g : b, gains[2]);
    const redAsGreen = curve(r, gains[1]);
    const blueAsGreen = curve(b, gains[1]);
    const isDarkColumn = Array.from(xs, Number.isNaN);
    let at = 0;
    for (const y of ys) {
      const isDarkRow = Number.isNaN(y);
      for (let x = 0; x < xs.length; x++, at += 3) {
        if (isDarkRow || isDarkColumn[x]) {
          rgb.fill(0, at, at + 3);
        } else if (isMisread) {
          const green = rgb[at + 1];
          rgb[at + 1] = (redAsGreen[rgb[at]] + blueAsGreen[rgb[at + 2]]) >> 1;
          rgb[at] = red[green];
          rgb[at + 2] = blue[green];
        } else {
          rgb[at] = red[rgb[at]];
          rgb[at + 1] = green[rgb[at + 1]];
          rgb[at + 2] = blue[rgb[at + 2]];
        }
      }
    }
    return rgb;
  }

  /** The array's window in pixels of its picture. */
  #window(mode: Mode): { left: number; top: number; width: number; height: number } {
    const a = this.#banks[ARRAY];
    const startX = (a[0x17] << 3) | (a[0x32] & 7);
    const endX = (a[0x18] << 3) | ((a[0x32] >> 3) & 7);
    const startY = (a[0x19] << 2) | (a[0x03] & 3);
    const endY = (a[0x1a] << 2) | ((a[0x03] >> 2) & 3);
    return {
      left: (startX - mode.left) * mode.columnsAStep,
      top: (startY - mode.top) * 2,
      width: Math.max(0, (endX - startX) * mode.columnsAStep),
      height: Math.max(0, (endY - startY) * 2),
    };
  }

  /** The mosaic of filters as it is read, one byte a pixel, rows of blue and green first. */
  #raw(view: View, mode: Mode, time: number): Uint8Array {
    const { width, height } = this.#window(mode);
    const middles = (count: number) => Float64Array.from({ length: count }, (_, at) => at + 0.5);
    const rgb = this.#light(view, mode, time, middles(width), middles(height));
    const bytes = new Uint8Array(width * height);
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) bytes[at] = rgb[3 * at + 2 - (x & 1) - (y & 1)];
    }
    return bytes;
  }

  // --- Exposure and white balance

  /** Lines: a frame's but for one, as page 1 says of UXGA. */
  #exposureMost(mode: Mode): number {
    return this.#frameLines(mode) - 1;
  }

  /** How bright the picture is, beside the view's own light: exposure times gain. */
  #exposure(mode: Mode): number {
    const a = this.#banks[ARRAY];
    const lines = Math.min(((a[0x45] & 0x3f) << 10) | (a[0x10] << 2) | (a[0x04] & 3), this.#exposureMost(mode));
    return (lines * this.#lineTime(mode) * gainOf(a[0x00], a[0x45] >> 6)) / EXPOSURE_OF_VIEW;
  }

  /** Automatic exposure and gain, all at once: brings the average between AEB and AEW, as far as it may. */
  #expose(view: View, mode: Mode, time: number): void {
    const a = this.#banks[ARRAY];
    const isAutoExposed = (a[0x13] & 0x01) !== 0;
    const isAutoGain = (a[0x13] & 0x04) !== 0;
    const points = meter(view, time);
    const averageAt = (light: number) => {
      const [red, green, blue] = averages(points, light);
      return (255 * (red + 2 * green + blue)) / 4; // YAVG
    };
    const average = averageAt(this.#exposure(mode));
    a[0x2f] = average;
    if ((!isAutoExposed && !isAutoGain) || (average >= a[0x25] && average <= a[0x24])) return;

    const aim = (a[0x24] + a[0x25]) / 2;
    let [low, high] = [1e-4, 1e4];
    for (let i = 0; i < 40; i++) {
      const middle = Math.sqrt(low * high);
      if (averageAt(middle) < aim) low = middle;
      else high = middle;
    }
    const lineTime = this.#lineTime(mode);
    const linesAtGain1 = (low * EXPOSURE_OF_VIEW) / lineTime;
    if (isAutoExposed) {
      const gain = isAutoGain ? 1 : gainOf(a[0x00], a[0x45] >> 6);
      const lines = this.#banded(linesAtGain1 / gain, this.#exposureMost(mode));
      a[0x04] = (a[0x04] & ~3) | (lines & 3);
      a[0x10] = lines >> 2;
      a[0x45] = (a[0x45] & ~0x3f) | (lines >> 10);
    }
    if (isAutoGain) {
      const lines = ((a[0x45] & 0x3f) << 10) | (a[0x10] << 2) | (a[0x04] & 3);
      const ceiling = Math.min(31, 2 << (a[0x14] >> 5));
      a[0x00] = gainRegister(Math.min(ceiling, Math.max(1, linesAtGain1 / Math.max(1, lines))));
      a[0x45] &= 0x3f;
    }
  }

  /** How many lines automatic exposure may choose: whole bands of flickering light, where the filter is on. */
  #banded(lines: number, linesMost: number): number {
    const a = this.#banks[ARRAY];
    const isAt50 = (a[0x0c] & 0x02) !== 0 || (a[0x0c] & 0x04) !== 0; // the model's lamps flicker with 50 Hz
    const band = isAt50 ? a[0x4f] | ((a[0x4e] >> 6) << 8) : a[0x50] | (((a[0x4e] >> 4) & 3) << 8);
    const isFiltered = (a[0x13] & 0x20) !== 0 && band > 0;
    const most = isFiltered ? band * ((isAt50 ? a[0x5a] >> 4 : a[0x5a] & 15) + 1) : linesMost;
    const within = Math.min(lines, most, linesMost);
    return Math.max(1, Math.floor(isFiltered && within >= band ? within - (within % band) : within));
  }

  #balance(view: View, time: number, light: number): Triple {
    const d = this.#banks[DSP];
    if (!(d[0xc3] & 0x04)) return [1, 1, 1];
    if (d[0xc7] & 0x40) return [d[0xcc] / 64, d[0xcd] / 64, d[0xce] / 64];
    if (!(d[0xc3] & 0x08)) return [1, 1, 1];
    // The average is taken to be grey.
    const [red, green, blue] = averages(meter(view, time), light);
    const level = (green * 0x41) / 64;
    const within = (value: number, [least, most]: number[]) => Math.min(most, Math.max(least, value));
    return [within(level / (red || 1), RED_GAINS), 0x41 / 64, within(level / (blue || 1), BLUE_GAINS)];
  }

  #gammaCurve(): Uint8Array {
    const isOn = (this.#banks[DSP][0xc3] & 0x20) !== 0 && this.#isGammaSet;
    if (!isOn) return Uint8Array.from({ length: 256 }, (_, x) => x);
    const at = [0, ...GAMMA_AT, 255];
    const to = [0, ...this.#gamma.subarray(0, GAMMA_AT.length), 255];
    return Uint8Array.from({ length: 256 }, (_, x) => {
      const i = Math.max(1, at.findIndex((point) => point >= x));
      return Math.round(to[i - 1] + ((to[i] - to[i - 1]) * (x - at[i - 1])) / (at[i] - at[i - 1]));
    });
  }

  // --- Formats

  /** Saturation, contrast and brightness. */
  #applyEffects(rgb: Uint8Array): void {
    const e = this.#effects;
    if (!(this.#banks[DSP][0x86] & 0x10) || e[EFFECTS] === 0) return;
    const hasSaturation = (e[EFFECTS] & EFFECT_SATURATION) !== 0;
    const hasContrast = (e[EFFECTS] & EFFECT_CONTRAST) !== 0;
    const u = hasSaturation ? e[SATURATION_U] / SATURATION_ONE : 1;
    const v = hasSaturation ? e[SATURATION_V] / SATURATION_ONE : 1;
    for (let at = 0; at < rgb.length; at += 3) {
      const luma = lumaOf(rgb[at], rgb[at + 1], rgb[at + 2]);
      const cb = (rgb[at + 2] - luma) / 1.772;
      const cr = (rgb[at] - luma) / 1.402;
      const y = hasContrast ? clamp(((luma - e[LUMA_OFFSET]) * e[LUMA_GAIN]) / 32 + e[LUMA_LIFT]) : luma;
      rgb[at] = clamp(y + 1.402 * cr * v);
      rgb[at + 1] = clamp(y - 0.344136 * cb * u - 0.714136 * cr * v);
      rgb[at + 2] = clamp(y + 1.772 * cb * u);
    }
  }

  #rgb565(rgb: Uint8Array): Uint8Array {
    const bytes = new Uint8Array((rgb.length / 3) * 2);
    if ((this.#banks[DSP][0xc2] & 0x02) === 0) return bytes; // RGB is not made
    const isSwapped = (this.#banks[DSP][0xda] & 1) !== 0;
    for (let from = 0, to = 0; from < rgb.length; from += 3, to += 2) {
      const pixel = ((rgb[from] >> 3) << 11) | ((rgb[from + 1] >> 2) << 5) | (rgb[from + 2] >> 3);
      bytes[to] = isSwapped ? pixel : pixel >> 8;
      bytes[to + 1] = isSwapped ? pixel >> 8 : pixel;
    }
    return bytes;
  }

  #yuv422(rgb: Uint8Array): Uint8Array {
    const d = this.#banks[DSP];
    const bytes = new Uint8Array((rgb.length / 3) * 2);
    if ((d[0xc2] & 0x0c) !== 0x0c) return bytes;
    const isSwapped = (d[0xda] & 1) !== 0;
    const isCrFirst = (d[0xc2] & 0x10) !== 0;
    const [luma, chroma] = isSwapped ? [1, 0] : [0, 1];
    for (let from = 0, to = 0; from < rgb.length; from += 6, to += 4) {
      const y0 = lumaOf(rgb[from], rgb[from + 1], rgb[from + 2]);
      const y1 = lumaOf(rgb[from + 3], rgb[from + 4], rgb[from + 5]);
      const cb = clamp(128 + (rgb[from + 2] + rgb[from + 5] - y0 - y1) / 2 / 1.772);
      const cr = clamp(128 + (rgb[from] + rgb[from + 3] - y0 - y1) / 2 / 1.402);
      bytes[to + luma] = clamp(y0);
      bytes[to + luma + 2] = clamp(y1);
      bytes[to + chroma] = isCrFirst ? cr : cb;
      bytes[to + chroma + 2] = isCrFirst ? cb : cr;
    }
    return bytes;
  }

  /** A JPEG file, and zeros behind it; its beginning, where the port is too slow for all of it. */
  #file(rgb: Uint8Array, width: number, height: number, frameTime: number): Uint8Array {
    const d = this.#banks[DSP];
    if ((d[0xe0] & 0x10) !== 0 || (d[0xc2] & 0x0c) !== 0x0c) return new Uint8Array(0);
    const rgba = new Uint8Array((rgb.length / 3) * 4);
    for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
      rgba[to] = rgb[from];
      rgba[to + 1] = rgb[from + 1];
      rgba[to + 2] = rgb[from + 2];
      rgba[to + 3] = 255;
    }
    // 32 stands for the IJG's tables as they are: the model's choice, the datasheet only says that Qs scales.
    const percent = Math.max(1, d[0x44]) * (100 / 32);
    const quality = Math.round(percent <= 100 ? 100 - percent / 2 : 5000 / percent);
    const file = jpeg.encode({ data: rgba, width, height }, Math.max(1, Math.min(100, quality))).data;
    const bytes = new Uint8Array(Math.ceil((file.length + 16) / PADDING) * PADDING);
    bytes.set(file);
    return bytes.subarray(0, Math.min(bytes.length, Math.floor(frameTime * this.#portRate())));
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}

/** Light as a share, of a value in sRGB. */
const LINEAR = Float64Array.from({ length: 256 }, (_, value) => {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
});

function clamp(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}

/** As JFIF reckons; so are the chromas, (blue - luma) / 1.772 and (red - luma) / 1.402. */
function lumaOf(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** GAIN's bits 7–4, and the two above them, each double; 3–0 are sixteenths more. */
function gainOf(register: number, high: number): number {
  let gain = 1 + (register & 15) / 16;
  for (let bits = (high << 4) | (register >> 4); bits > 0; bits >>= 1) if (bits & 1) gain *= 2;
  return gain;
}

/** The register for a gain of 1 to 31, rounded down. */
function gainRegister(gain: number): number {
  let doublings = 0;
  for (; gain >= 2; gain /= 2) doublings++;
  return (((1 << doublings) - 1) << 4) | Math.floor((gain - 1) * 16);
}

/**
 * Where in the DSP's input the middles of `count` columns (or rows) of its output lie: the part from `start`, `length`
 * long, halved so many times and then scaled down; never up, so what would lie behind the part is Infinity, as is what
 * lies behind the input. `halvings` undefined: scaling is off.
 */
function scaled(
  count: number,
  start: number,
  length: number,
  halvings: number | undefined,
  input: number,
): Float64Array {
  const halved = length >> (halvings ?? 0);
  const factor = halvings === undefined ? 1 : Math.max(1, halved / count) * (1 << halvings);
  return Float64Array.from({ length: count }, (_, at) => {
    const offset = (at + 0.5) * factor;
    return offset < length && start + offset < input ? start + offset : Infinity;
  });
}

/** The shares of the view's width and height that the array sees: all of one, and of the other what fits its shape. */
function fitting(view: View): { width: number; height: number } {
  const ratio = UXGA.width / UXGA.height / (view.width / view.height);
  return { width: Math.min(1, ratio), height: Math.min(1, 1 / ratio) };
}

/** The view at a few points all over it: their light as shares. */
function meter(view: View, time: number): Float64Array {
  const [columns, rows] = METER;
  const rgb = new Uint8Array(3 * columns * rows);
  const seen = fitting(view);
  const middles = (count: number, part: number) =>
    Float64Array.from({ length: count }, (_, at) => 0.5 + ((at + 0.5) / count - 0.5) * part);
  view.sample(middles(columns, seen.width), middles(rows, seen.height), time, rgb);
  return Float64Array.from(rgb, (value) => LINEAR[value]);
}

/** What the array makes of these points: the averages of its red, green and blue pixels, as shares of the most. */
function averages(points: Float64Array, light: number): Triple {
  const sums: Triple = [0, 0, 0];
  for (let at = 0; at < points.length; at++) sums[at % 3] += Math.min(1, points[at] * RESPONSE[at % 3] * light);
  return sums.map((sum) => (3 * sum) / points.length) as Triple;
}
