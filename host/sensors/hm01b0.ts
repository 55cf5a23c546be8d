/**
 * The HM01B0 of Himax, register by register: a monochrome sensor of 324 x 324 pixels. It knows nothing of the driver;
 * it is made from the same public sources, which `assembly/sensors/hm01b0.ts` names. Reset values that no source has
 * are 0.
 *
 * Light is linear, as on the real chip, which has no gamma: twice the exposure is twice the value.
 */

import type { SensorModel, View } from "./model.ts";

/** Pixels each way, the border included. */
const ARRAY = 324;
/** Rows of the QVGA window, from the first row on. */
const WINDOW_ROWS = 244;
/** µs from power, clock and the end of reset to the first acknowledge; and from a reset by register. */
const WAKE = 50;
const SOFT_RESET = 1000;
/** Hz of the master clock (the module's data sheet), and the most that the core bears. */
const CLOCK_LEAST = 3_000_000;
const CLOCK_MOST = 36_000_000;
const CORE_MOST = 6_000_000;
/** Hz. The chip's own oscillator: a nominal value, no source has a better one. */
const OSCILLATOR = 12_000_000;
/** Lines of a frame during which no pixel is exposed. */
const UNEXPOSED_LINES = 2;
/** µs of exposure at gain 1 with which white just reaches 255: this model's lens and lamp. */
const WHITE_EXPOSURE = 10_000;
/** What black is while nothing corrects it; a driver that never set up its chip measured some 36. */
const BLACK_UNCORRECTED = 36;
/** The automatic loop changes exposure by this factor a frame at most, and looks at every so manyth pixel. */
const LOOP_STEP = 2;
const LOOP_STRIDE = 13;
/** Frames after which the loop has surely settled; more that went by are not gone through. */
const LOOP_FRAMES = 40;

const R = {
  MODEL_ID_H: 0x0000,
  MODEL_ID_L: 0x0001,
  FRAME_COUNT: 0x0005,
  MODE_SELECT: 0x0100,
  IMG_ORIENTATION: 0x0101,
  SW_RESET: 0x0103,
  GRP_PARAM_HOLD: 0x0104,
  INTEGRATION_H: 0x0202,
  ANALOG_GAIN: 0x0205,
  DIGITAL_GAIN_H: 0x020e,
  DIGITAL_GAIN_L: 0x020f,
  FRAME_LEN_LINES_H: 0x0340,
  LINE_LEN_PCK_H: 0x0342,
  READOUT_X: 0x0383,
  READOUT_Y: 0x0387,
  BINNING_MODE: 0x0390,
  TEST_PATTERN_MODE: 0x0601,
  BLC_CFG: 0x1000,
  BLC_TGT: 0x1003,
  STATISTIC_CTRL: 0x2000,
  AE_CTRL: 0x2100,
  AE_TARGET_MEAN: 0x2101,
  CONVERGE_IN_TH: 0x2103,
  CONVERGE_OUT_TH: 0x2104,
  MAX_INTG_H: 0x2105,
  MIN_INTG: 0x2107,
  MAX_AGAIN_FULL: 0x2108,
  MAX_AGAIN_BIN2: 0x2109,
  MIN_AGAIN: 0x210a,
  MAX_DGAIN: 0x210b,
  MIN_DGAIN: 0x210c,
  QVGA_WIN_EN: 0x3010,
  SIX_BIT_MODE_EN: 0x3011,
  BIT_CONTROL: 0x3059,
  OSC_CLK_DIV: 0x3060,
  ANA_REGISTER_17: 0x3067,
} as const;

type Register = {
  /** Its value after a reset. */
  reset: number;
  /** The values that it may be given. */
  allows(value: number): boolean;
  /** Whether a value waits for GRP_PARAM_HOLD. */
  isHeld?: boolean;
};

const bits = (mask: number) => (value: number) => (value & ~mask) === 0;
const oneOf = (...values: number[]) => (value: number) => values.includes(value);
const upTo = (most: number) => (value: number) => value <= most;
const nothing = () => false;

/** The registers that the public sources name. */
const REGISTERS = new Map<number, Register>([
  [R.MODEL_ID_H, { reset: 0x01, allows: nothing }],
  [R.MODEL_ID_L, { reset: 0xb0, allows: nothing }],
  [R.FRAME_COUNT, { reset: 0, allows: nothing }],
  [0x0006, { reset: 0, allows: nothing }], // PIXEL_ORDER
  // Streaming and standby; the chip also counts frames (3) and waits for a trigger (5), this model does not.
  [R.MODE_SELECT, { reset: 0, allows: oneOf(0, 1) }],
  [R.IMG_ORIENTATION, { reset: 0, allows: bits(0x03), isHeld: true }],
  [R.SW_RESET, { reset: 0, allows: upTo(0xff) }],
  [R.GRP_PARAM_HOLD, { reset: 0, allows: oneOf(0, 1) }],
  [R.INTEGRATION_H, { reset: 0x01, allows: upTo(0xff), isHeld: true }],
  [R.INTEGRATION_H + 1, { reset: 0x08, allows: upTo(0xff), isHeld: true }],
  [R.ANALOG_GAIN, { reset: 0x00, allows: oneOf(0x00, 0x10, 0x20, 0x30, 0x40), isHeld: true }],
  [R.DIGITAL_GAIN_H, { reset: 0x01, allows: bits(0x03), isHeld: true }],
  [R.DIGITAL_GAIN_L, { reset: 0x00, allows: bits(0xfc), isHeld: true }],
  [R.FRAME_LEN_LINES_H, { reset: 0x01, allows: upTo(0xff), isHeld: true }],
  [R.FRAME_LEN_LINES_H + 1, { reset: 0x58, allows: upTo(0xff), isHeld: true }],
  [R.LINE_LEN_PCK_H, { reset: 0x01, allows: upTo(0xff), isHeld: true }],
  [R.LINE_LEN_PCK_H + 1, { reset: 0x78, allows: upTo(0xff), isHeld: true }],
  [R.READOUT_X, { reset: 1, allows: oneOf(1, 3), isHeld: true }],
  [R.READOUT_Y, { reset: 1, allows: oneOf(1, 3), isHeld: true }],
  [R.BINNING_MODE, { reset: 0, allows: oneOf(0, 3), isHeld: true }],
  [R.TEST_PATTERN_MODE, { reset: 0, allows: oneOf(0x00, 0x01, 0x11) }],
  [R.BLC_CFG, { reset: 0, allows: upTo(0xff) }],
  [R.BLC_TGT, { reset: 0x20, allows: upTo(0xff) }],
  [0x1006, { reset: 0, allows: bits(0x01) }], // BLI_EN
  [0x1007, { reset: 0x20, allows: upTo(0xff) }], // BLC2_TGT
  [0x1008, { reset: 0, allows: oneOf(0, 1, 3, 5) }], // DPC_CTRL: off, monochrome, two kinds of mosaic
  [0x100b, { reset: 0, allows: upTo(0xff) }], // SINGLE_THR_HOT
  [0x100c, { reset: 0, allows: upTo(0xff) }], // SINGLE_THR_COLD
  [0x1012, { reset: 0, allows: bits(0x03) }], // VSYNC_HSYNC_PIXEL_SHIFT_EN
  [R.STATISTIC_CTRL, { reset: 0, allows: bits(0x1f) }],
  [R.AE_CTRL, { reset: 0, allows: bits(0x01) }],
  [R.AE_TARGET_MEAN, { reset: 0x3c, allows: upTo(0xff) }],
  [0x2102, { reset: 0x0a, allows: upTo(0xff) }], // AE_MIN_MEAN
  [R.CONVERGE_IN_TH, { reset: 0x03, allows: upTo(0xff) }],
  [R.CONVERGE_OUT_TH, { reset: 0x05, allows: upTo(0xff) }],
  [R.MAX_INTG_H, { reset: 0x01, allows: upTo(0xff) }],
  [R.MAX_INTG_H + 1, { reset: 0x54, allows: upTo(0xff) }],
  [R.MIN_INTG, { reset: 0x02, allows: upTo(0xff) }],
  [R.MAX_AGAIN_FULL, { reset: 0x03, allows: upTo(4) }],
  [R.MAX_AGAIN_BIN2, { reset: 0x04, allows: upTo(4) }],
  [R.MIN_AGAIN, { reset: 0x00, allows: upTo(4) }],
  [R.MAX_DGAIN, { reset: 0xc0, allows: upTo(0xff) }],
  [R.MIN_DGAIN, { reset: 0x40, allows: upTo(0xff) }],
  [0x210d, { reset: 0x20, allows: upTo(0xff) }], // DAMPING_FACTOR
  [0x210e, { reset: 0, allows: bits(0x03) }], // FS_CTRL
  [0x2150, { reset: 0, allows: bits(0x03) }], // MD_CTRL
  [R.QVGA_WIN_EN, { reset: 0, allows: bits(0x01), isHeld: true }],
  [R.SIX_BIT_MODE_EN, { reset: 0x70, allows: oneOf(0x70, 0x71) }],
  [R.BIT_CONTROL, { reset: 0x02, allows: oneOf(0x02, 0x22, 0x42) }], // bits 4–0: "keep value as 0x02", Himax' script
  [R.OSC_CLK_DIV, { reset: 0, allows: bits(0x3f) }],
  [0x3064, { reset: 0, allows: bits(0x04) }], // ANA_Register_14: start by a trigger
  [0x3065, { reset: 0, allows: bits(0x04) }], // OUTPUT_PIN_STATUS_CONTROL
  [R.ANA_REGISTER_17, { reset: 0, allows: bits(0x03) }],
  [0x3068, { reset: 0x20, allows: oneOf(0x20, 0x21) }], // PCLK_POLARITY
]);

/**
 * Registers that no document explains, with the one value that Himax' own settings give them, as OpenMV's hm01b0.c has
 * it.
 */
const VENDOR_SETTINGS: [register: number, value: number][] = [
  [0x0350, 0x7f], [0x1001, 0x43], [0x1002, 0x43], [0x1009, 0xa0], [0x100a, 0x60],
  [0x3044, 0x0a], [0x3045, 0x00], [0x3047, 0x0a], [0x3050, 0xc0], [0x3051, 0x42], [0x3052, 0x50], [0x3053, 0x00],
  [0x3054, 0x03], [0x3055, 0xf7], [0x3056, 0xf8], [0x3057, 0x29], [0x3058, 0x1f],
];
for (const [register, value] of VENDOR_SETTINGS) REGISTERS.set(register, { reset: 0, allows: oneOf(value) });

/** The shortest line, clocks of the core, and frame, lines: binned, in the window, whole. */
const TIMING_LEAST = { binned: [0x0d7, 0x080], window: [0x178, 0x104], whole: [0x178, 0x158] } as const;

/** The light, 0 to 1, that a code of sRGB adds to what a monochrome pixel gets: of red, green and blue by Rec. 709. */
const [RED_LIGHT, GREEN_LIGHT, BLUE_LIGHT] = [0.2126, 0.7152, 0.0722].map((weight) =>
  Float64Array.from({ length: 256 }, (_, code) => {
    const share = code / 255;
    return weight * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  }),
);

const hex = (number: number, digits: number) => `0x${number.toString(16).padStart(digits, "0")}`;

export class Hm01b0 implements SensorModel {
  readonly name = "hm01b0";
  readonly device = 0x24;
  readonly unknownWrites: string[] = [];

  /** As the bus sees the registers. */
  readonly #file = new Map<number, number>();
  /** Values that wait for GRP_PARAM_HOLD. */
  readonly #held = new Map<number, number>();
  /** Hz of the master clock; 0 while the chip is off or held in reset. */
  #clock = 0;
  /** When it acknowledges again. */
  #awakeAt = Infinity;
  /** The register that is read or written next. */
  #pointer = 0;
  #streamsSince = 0;
  /** The time of the frame that the automatic loop saw last. */
  #loopTime = 0;
  /** Whether the loop has found its target and waits until the picture is far off. */
  #isSettled = false;

  constructor() {
    this.#reset();
  }

  lines(power: boolean, reset: boolean, clock: number, now: number): void {
    const isOn = power && !reset && clock >= CLOCK_LEAST && clock <= CLOCK_MOST;
    const wasOn = this.#clock > 0;
    this.#clock = isOn ? clock : 0;
    if (!power || reset) this.#reset();
    if (!isOn) this.#awakeAt = Infinity;
    else if (!wasOn) this.#awakeAt = now + WAKE;
  }

  write(bytes: Uint8Array, now: number): boolean {
    if (now < this.#awakeAt) return false;
    if (bytes.length < 2) return true;
    this.#pointer = (bytes[0] << 8) | bytes[1];
    for (const value of bytes.subarray(2)) {
      this.#set(this.#pointer, value, now);
      this.#pointer = (this.#pointer + 1) & 0xffff;
    }
    return true;
  }

  read(length: number, now: number): Uint8Array | undefined {
    if (now < this.#awakeAt) return undefined;
    return Uint8Array.from({ length }, () => {
      const value = this.register(this.#pointer, now);
      this.#pointer = (this.#pointer + 1) & 0xffff;
      return value;
    });
  }

  frameInterval(): number {
    if (this.#clock === 0 || (this.#get(R.MODE_SELECT) & 7) !== 1) return 0;
    const { line, lines } = this.#timing();
    return (lines * line * 1e6) / this.#core();
  }

  frame(view: View, time: number): Uint8Array {
    const { columns, rows, light } = this.#expose(view, time);
    if (this.#get(R.AE_CTRL) & 1 && this.#get(R.STATISTIC_CTRL) & 1) this.#runLoop(light, time);

    const black = this.#black();
    const scale = this.#scale();
    const clamped = new Uint8ClampedArray(columns * rows);
    for (let i = 0; i < clamped.length; i++) clamped[i] = black + scale * light[i];
    const pixels = new Uint8Array(clamped.buffer);
    this.#putTestPattern(pixels, columns);
    return this.#transport(pixels);
  }

  /** What the bus would read from a register. */
  register(address: number, now: number): number {
    if (address === R.FRAME_COUNT) {
      const interval = this.frameInterval();
      return interval === 0 ? 0 : Math.floor((now - this.#streamsSince) / interval) & 0xff;
    }
    return this.#held.get(address) ?? this.#get(address);
  }

  #reset(): void {
    this.#file.clear();
    this.#held.clear();
    for (const [address, { reset }] of REGISTERS) this.#file.set(address, reset);
    this.#isSettled = false;
  }

  #set(address: number, value: number, now: number): void {
    const register = REGISTERS.get(address);
    if (!register?.allows(value)) this.#report(`${hex(address, 4)} = ${hex(value, 2)}`);
    if (!register || register.allows === nothing) return;
    if (register.isHeld) {
      this.#held.set(address, value);
      return;
    }
    if (address === R.SW_RESET) {
      this.#reset();
      this.#awakeAt = now + SOFT_RESET;
      return;
    }
    // Himax' script and OpenMV write 1 to let what is held take effect, Ambiq's driver 0 ("consume").
    if (address === R.GRP_PARAM_HOLD) {
      for (const [held, heldValue] of this.#held) this.#file.set(held, heldValue);
      this.#held.clear();
    }
    const wasStreaming = this.frameInterval() > 0;
    this.#file.set(address, value);
    if (this.frameInterval() > 0) {
      if (!wasStreaming) this.#streamsSince = this.#loopTime = now;
      this.#checkTiming();
    }
    // Whatever was set, the loop looks at the picture again.
    this.#isSettled = false;
  }

  #get(address: number): number {
    return this.#file.get(address) ?? 0;
  }

  #get2(address: number): number {
    return (this.#get(address) << 8) | this.#get(address + 1);
  }

  #report(what: string): void {
    if (!this.unknownWrites.includes(what)) this.unknownWrites.push(what);
  }

  get #isBinned(): boolean {
    return (this.#get(R.BINNING_MODE) & 3) === 3;
  }

  /** Hz. */
  #core(): number {
    const source = this.#get(R.ANA_REGISTER_17) & 1 ? OSCILLATOR : this.#clock;
    return source / [8, 4, 2, 1][this.#get(R.OSC_CLK_DIV) & 3];
  }

  /** Clocks from line to line and lines from frame to frame: as set, but not less than it takes to read the pixels. */
  #timing(): { line: number; lines: number } {
    const isWindow = (this.#get(R.QVGA_WIN_EN) & 1) !== 0;
    const isHalf = this.#get(R.READOUT_X) === 3 && this.#get(R.READOUT_Y) === 3;
    const mode = !isWindow ? "whole" : isHalf ? "binned" : "window";
    const [line, lines] = TIMING_LEAST[mode];
    return {
      line: Math.max(line, this.#get2(R.LINE_LEN_PCK_H)),
      lines: Math.max(lines, this.#get2(R.FRAME_LEN_LINES_H)),
    };
  }

  #checkTiming(): void {
    const { line, lines } = this.#timing();
    if (this.#get2(R.LINE_LEN_PCK_H) < line) this.#report(`lines of less than ${line} clocks`);
    if (this.#get2(R.FRAME_LEN_LINES_H) < lines) this.#report(`frames of less than ${lines} lines`);
    if (this.#core() > CORE_MOST) this.#report(`a core at ${this.#core() / 1e6} MHz`);
    if (this.#get2(R.INTEGRATION_H) > lines - UNEXPOSED_LINES && !(this.#get(R.AE_CTRL) & 1)) {
      this.#report(`an exposure of ${this.#get2(R.INTEGRATION_H)} in ${lines} lines`);
    }
  }

  /** The light on each pixel that is read out, 0 to 1. */
  #expose(view: View, time: number): { columns: number; rows: number; light: Float64Array } {
    const orientation = this.#get(R.IMG_ORIENTATION);
    const windowRows = this.#get(R.QVGA_WIN_EN) & 1 ? WINDOW_ROWS : ARRAY;
    const stepX = this.#get(R.READOUT_X) === 3 ? 2 : 1;
    const stepY = this.#get(R.READOUT_Y) === 3 ? 2 : 1;
    const columns = ARRAY / stepX;
    const rows = windowRows / stepY;

    // The array is square: the lens throws the largest square of the view onto it.
    const side = Math.min(view.width, view.height);
    const place = (pixel: number, length: number) => 0.5 + (((pixel + 0.5) / ARRAY - 0.5) * side) / length;
    const xs = Float64Array.from({ length: ARRAY }, (_, x) => place(x, view.width));
    const ys = Float64Array.from({ length: windowRows }, (_, y) => place(y, view.height));
    const rgb = new Uint8Array(3 * ARRAY * windowRows);
    view.sample(xs, ys, time, rgb);

    const all = new Float64Array(ARRAY * windowRows);
    for (let i = 0, from = 0; i < all.length; i++, from += 3) {
      all[i] = RED_LIGHT[rgb[from]] + GREEN_LIGHT[rgb[from + 1]] + BLUE_LIGHT[rgb[from + 2]];
    }

    const isBinned = this.#isBinned && stepX === 2 && stepY === 2;
    const light = new Float64Array(columns * rows);
    for (let row = 0, to = 0; row < rows; row++) {
      const y = stepY * (orientation & 2 ? rows - 1 - row : row);
      for (let column = 0; column < columns; column++, to++) {
        const from = y * ARRAY + stepX * (orientation & 1 ? columns - 1 - column : column);
        light[to] = isBinned ? (all[from] + all[from + 1] + all[from + ARRAY] + all[from + ARRAY + 1]) / 4 : all[from];
      }
    }
    return { columns, rows, light };
  }

  #black(): number {
    return this.#get(R.BLC_CFG) & 1 ? this.#get(R.BLC_TGT) : BLACK_UNCORRECTED;
  }

  /** Digital gain in 64ths. */
  #digital(): number {
    return ((this.#get(R.DIGITAL_GAIN_H) & 3) << 6) | (this.#get(R.DIGITAL_GAIN_L) >> 2);
  }

  /** Values of a pixel for full light. */
  #scale(): number {
    const { line, lines } = this.#timing();
    const integration = Math.min(this.#get2(R.INTEGRATION_H), lines - UNEXPOSED_LINES);
    const exposure = (integration * line * 1e6) / this.#core();
    const analog = 2 ** ((this.#get(R.ANALOG_GAIN) >> 4) & 7);
    return (255 * exposure * analog * this.#digital()) / 64 / WHITE_EXPOSURE;
  }

  /** The automatic loop, over the frames since it ran last. */
  #runLoop(light: Float64Array, time: number): void {
    const passed = Math.round((time - this.#loopTime) / this.frameInterval());
    this.#loopTime = time;
    const black = this.#black();
    const target = this.#get(R.AE_TARGET_MEAN);
    for (let frame = 0; frame < Math.min(passed, LOOP_FRAMES); frame++) {
      const scale = this.#scale();
      let sum = 0;
      let count = 0;
      for (let i = 0; i < light.length; i += LOOP_STRIDE, count++) sum += Math.min(255, black + scale * light[i]);
      const mean = sum / count;
      const tolerance = this.#get(this.#isSettled ? R.CONVERGE_OUT_TH : R.CONVERGE_IN_TH);
      this.#isSettled = Math.abs(mean - target) <= tolerance;
      if (this.#isSettled) return;
      const wanted = (target - black) / Math.max(mean - black, 1);
      this.#spread(Math.min(LOOP_STEP, Math.max(1 / LOOP_STEP, wanted)));
    }
  }

  /** Changes the product of exposure and gains by a factor: exposure first, then analogue gain, then digital. */
  #spread(factor: number): void {
    const { lines } = this.#timing();
    const leastLines = this.#get(R.MIN_INTG);
    const mostLines = Math.max(leastLines, Math.min(this.#get2(R.MAX_INTG_H), lines - UNEXPOSED_LINES));
    const leastAnalog = this.#get(R.MIN_AGAIN);
    const mostAnalog = Math.max(leastAnalog, this.#get(this.#isBinned ? R.MAX_AGAIN_BIN2 : R.MAX_AGAIN_FULL));
    const leastDigital = this.#get(R.MIN_DGAIN);
    const mostDigital = Math.max(leastDigital, this.#get(R.MAX_DGAIN));

    const now = this.#get2(R.INTEGRATION_H) * 2 ** (this.#get(R.ANALOG_GAIN) >> 4) * this.#digital();
    const wanted = now * factor;
    const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));
    const integration = clamp(Math.round(wanted / 2 ** leastAnalog / leastDigital), leastLines, mostLines);
    const analog = clamp(Math.floor(Math.log2(wanted / integration / leastDigital)), leastAnalog, mostAnalog);
    const digital = clamp(Math.round(wanted / integration / 2 ** analog), leastDigital, mostDigital);

    this.#file.set(R.INTEGRATION_H, integration >> 8);
    this.#file.set(R.INTEGRATION_H + 1, integration & 0xff);
    this.#file.set(R.ANALOG_GAIN, analog << 4);
    this.#file.set(R.DIGITAL_GAIN_H, digital >> 6);
    this.#file.set(R.DIGITAL_GAIN_L, (digital << 2) & 0xff);
  }

  /**
   * Six upright bars, or a one that walks through the bits. The data sheet shows the shapes; the values are this
   * model's.
   */
  #putTestPattern(pixels: Uint8Array, columns: number): void {
    const mode = this.#get(R.TEST_PATTERN_MODE);
    if (!(mode & 1)) return;
    for (let i = 0; i < pixels.length; i++) {
      const column = i % columns;
      pixels[i] = mode & 0x10 ? 1 << (column & 7) : Math.floor((column * 6) / columns) * 51;
    }
  }

  /** The bytes that a port of 8 lines sees. */
  #transport(pixels: Uint8Array): Uint8Array {
    if (this.#get(R.SIX_BIT_MODE_EN) & 1) pixels = pixels.map((pixel) => pixel >> 2);
    const control = this.#get(R.BIT_CONTROL);
    const width = control & 0x40 ? 4 : control & 0x20 ? 1 : 8;
    if (width === 8) return pixels;
    // One piece of a pixel at each clock, on the lowest lines.
    const pieces = 8 / width;
    const isHighFirst = (this.#get(R.OSC_CLK_DIV) & 0x10) !== 0;
    const bytes = new Uint8Array(pixels.length * pieces);
    for (let i = 0; i < bytes.length; i++) {
      const piece = isHighFirst ? pieces - 1 - (i % pieces) : i % pieces;
      bytes[i] = (pixels[Math.floor(i / pieces)] >> (piece * width)) & ((1 << width) - 1);
    }
    return bytes;
  }
}
