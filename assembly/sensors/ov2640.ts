/**
 * OmniVision OV2640: two megapixels, pixels or JPEG files that it makes by itself. Sizes up to 800x600 are scaled from
 * its SVGA mode (30 frames a second), larger ones from its UXGA mode (15).
 *
 * Two banks of 8-bit registers lie behind one address: the DSP's and the array's ("sensor"). Where values come from:
 * - named registers: datasheet version 1.6 (28 February 2006), tables 12 (DSP) and 13 (array)
 * - registers without a name are the manufacturer's secret (note below both tables); their values are those that the
 *   public drivers share: Linux' drivers/media/i2c/ov2640.c, OpenMV's and Zephyr's ov2640.c, esp32-camera's
 *   ov2640_settings.h
 */

import { Fault, Format, busTransfer, sensorLines } from "../board";
import { Control, Controls, formatName } from "../controls";
import { SECOND } from "../limits";
import { Sensor, read8, write8 } from "./sensor";

const DEVICE: i32 = 0x30;
/** Of the master clock, as table 8 has it; the manufacturer's settings and all times here are for it. */
const CLOCK_HZ: u32 = 24_000_000;
const MILLISECOND: i64 = 1_000;
/** Power, and reset, are held so long as OpenMV holds them. */
const HOLD: i64 = 10 * MILLISECOND;
/** After a reset by pin or by register: table 7 says below 1 ms, the public drivers wait 5 to 10. */
const RESET_SETTLING: i64 = 10 * MILLISECOND;
/** After a change of mode: table 7 says below 1 ms, esp32-camera waits 10. */
const MODE_SETTLING: i64 = 10 * MILLISECOND;
/** Registers that one run writes. */
const WRITES_MAX: i32 = 16;

// --- Registers

/** Chooses the bank; it is in both. */
const BANK: u8 = 0xff;
const DSP: u8 = 0;
const ARRAY: u8 = 1;

// Of the array.
const GAIN: u8 = 0x00;
const COM1: u8 = 0x03;
const REG04: u8 = 0x04;
const COM2: u8 = 0x09;
const PIDH: u8 = 0x0a;
const PIDL: u8 = 0x0b;
const COM3: u8 = 0x0c;
const COM4: u8 = 0x0d;
const AEC: u8 = 0x10;
const CLKRC: u8 = 0x11;
const COM7: u8 = 0x12;
const COM8: u8 = 0x13;
const COM9: u8 = 0x14;
const HREFST: u8 = 0x17;
const HREFEND: u8 = 0x18;
const VSTRT: u8 = 0x19;
const VEND: u8 = 0x1a;
const MIDH: u8 = 0x1c;
const MIDL: u8 = 0x1d;
const AEW: u8 = 0x24;
const AEB: u8 = 0x25;
const VV: u8 = 0x26;
const REG32: u8 = 0x32;
const ARCOM2: u8 = 0x34;
const REG45: u8 = 0x45;
const FLL: u8 = 0x46;
const FLH: u8 = 0x47;
const COM25: u8 = 0x4e;
const BD50: u8 = 0x4f;
const BD60: u8 = 0x50;
/** The most steps of the banding filter, less 1: 50 Hz in bits 7–4, 60 Hz in 3–0. Reserved; named so by Linux. */
const REG5A: u8 = 0x5a;
const REG5D: u8 = 0x5d;
const REG5E: u8 = 0x5e;
const REG5F: u8 = 0x5f;
const REG60: u8 = 0x60;
const HISTO_LOW: u8 = 0x61;
const HISTO_HIGH: u8 = 0x62;

// Of the DSP.
const R_BYPASS: u8 = 0x05;
const QS: u8 = 0x44;
const CTRLI: u8 = 0x50;
const HSIZE: u8 = 0x51;
const VSIZE: u8 = 0x52;
const XOFFL: u8 = 0x53;
const YOFFL: u8 = 0x54;
const VHYX: u8 = 0x55;
const TEST: u8 = 0x57;
const ZMOW: u8 = 0x5a;
const ZMOH: u8 = 0x5b;
const ZMHH: u8 = 0x5c;
const BPADDR: u8 = 0x7c;
const BPDATA: u8 = 0x7d;
const CTRL2: u8 = 0x86;
const CTRL3: u8 = 0x87;
const SIZEL: u8 = 0x8c;
const HSIZE8: u8 = 0xc0;
const VSIZE8: u8 = 0xc1;
const CTRL0: u8 = 0xc2;
/** White balance: bit 6 takes the gains of the next three. Reserved; as esp32-camera uses it. */
const AWB_MODE: u8 = 0xc7;
const RED_GAIN: u8 = 0xcc;
const GREEN_GAIN: u8 = 0xcd;
const BLUE_GAIN: u8 = 0xce;
const R_DVP_SP: u8 = 0xd3;
const IMAGE_MODE: u8 = 0xda;
const RESET: u8 = 0xe0;
const MC_BIST: u8 = 0xf9;

// Their bits.
const COM7_RESET: i32 = 0x80;
/** Bits 7 and 6 are reserved and set. Bit 7 lets the loops take large steps (see VV). */
const COM8_ALWAYS: i32 = 0xc0;
const COM8_BANDING: i32 = 0x20;
const COM8_AUTO_GAIN: i32 = 0x04;
const COM8_AUTO_EXPOSURE: i32 = 0x01;
/** Bit 5 is reserved and set; bit 3 is the window's lowest, set by all public drivers. */
const REG04_ALWAYS: i32 = 0x28;
const REG04_MIRROR: i32 = 0x80;
/** Flipped, the array reads from the other end; bit 4 moves it by a row, so that blue rows stay blue (Linux). */
const REG04_FLIP: i32 = 0x40 | 0x10;
const CTRLI_LOW_PASS: i32 = 0x80;
const RESET_JPEG: i32 = 0x10;
const RESET_PORT: i32 = 0x04;
const IMAGE_YUV422: i32 = 0x00;
const IMAGE_RGB565: i32 = 0x08;
const IMAGE_JPEG: i32 = 0x10;
/** The low byte of a pixel leaves first. */
const IMAGE_SWAP: i32 = 0x01;

/** `BPADDR`: which of the effects are on, and the first register of each. Numbers as in the public drivers. */
const EFFECTS: i32 = 0x00;
const EFFECT_SATURATION: i32 = 0x02;
const EFFECT_CONTRAST: i32 = 0x04;
const SATURATION_U: i32 = 0x03;
const LUMA_OFFSET: i32 = 0x07;

/** What holds in every mode: register and value by turns. */
const SETTINGS: StaticArray<u8> = [
  BANK, DSP,
  0x2c, 0xff, 0x2e, 0xdf,
  BANK, ARRAY,
  0x3c, 0x32,
  CLKRC, 0x00, // neither divided nor doubled
  COM2, 0x02, // the port's drive, twice the least
  COM9, 0x48, // automatic gain up to 8; the reserved bits as Linux sets them
  0x2c, 0x0c, 0x33, 0x78, 0x3a, 0x33, 0x3b, 0xfb, 0x3e, 0x00, 0x43, 0x11, 0x16, 0x10,
  0x4a, 0x81, 0x21, 0x99,
  AEW, 0x40, AEB, 0x38, VV, 0x82, // where automatic exposure wants the average; Linux
  0x5c, 0x00, 0x63, 0x00,
  COM3, 0x3a, // finds out by itself whether lamps flicker with 50 or 60 Hz
  REG5D, 0x55, REG5E, 0x7d, REG5F, 0x7d, REG60, 0x55, // what each of 16 zones weighs in the average: the middle most
  HISTO_LOW, 0x70, HISTO_HIGH, 0x80,
  0x7c, 0x05, 0x20, 0x80, 0x28, 0x30, 0x6c, 0x00, 0x6e, 0x00, 0x70, 0x02, 0x71, 0x94, 0x73, 0xc1,
  COM25, 0x00,
  BANK, DSP,
  0xe5, 0x7f,
  MC_BIST, 0xc0, // the microcontroller in reset, its program from ROM
  0x41, 0x24,
  RESET, 0x14, // the JPEG encoder and the port
  0x76, 0xff, 0x33, 0xa0, 0x42, 0x20, 0x43, 0x18, 0x4c, 0x00,
  CTRL3, 0xd0, // black and white pixels are mended
  0x88, 0x3f, 0xd7, 0x03, 0xd9, 0x10,
  0xc8, 0x08, 0xc9, 0x80,
  // The gamma curve: 15 points of it, and how it ends.
  0x90, 0x00,
  0x91, 0x0e, 0x91, 0x1a, 0x91, 0x31, 0x91, 0x5a, 0x91, 0x69, 0x91, 0x75, 0x91, 0x7e, 0x91, 0x88,
  0x91, 0x8f, 0x91, 0x96, 0x91, 0xa3, 0x91, 0xaf, 0x91, 0xc4, 0x91, 0xd7, 0x91, 0xe8, 0x91, 0x20,
  0x92, 0x00,
  0x93, 0x06, 0x93, 0xe3, 0x93, 0x03, 0x93, 0x03, 0x93, 0x00, 0x93, 0x02, 0x93, 0x00, 0x93, 0x00,
  0x93, 0x00, 0x93, 0x00, 0x93, 0x00, 0x93, 0x00, 0x93, 0x00,
  0x96, 0x00,
  0x97, 0x08, 0x97, 0x19, 0x97, 0x02, 0x97, 0x0c, 0x97, 0x24, 0x97, 0x30, 0x97, 0x28, 0x97, 0x26,
  0x97, 0x02, 0x97, 0x98, 0x97, 0x80, 0x97, 0x00, 0x97, 0x00,
  0xa4, 0x00, 0xa8, 0x00,
  0xc5, 0x11, 0xc6, 0x51, 0xbf, 0x80,
  0xb6, 0x66, 0xb8, 0xa5, 0xb7, 0x64, 0xb9, 0x7c, 0xb3, 0xaf, 0xb4, 0x97, 0xb5, 0xff, 0xb0, 0xc5,
  0xb1, 0x94, 0xb2, 0x0f, 0xc4, 0x5c,
  0xa6, 0x00,
  0xa7, 0x20, 0xa7, 0xd8, 0xa7, 0x1b, 0xa7, 0x31, 0xa7, 0x00, 0xa7, 0x18,
  0xa7, 0x20, 0xa7, 0xd8, 0xa7, 0x19, 0xa7, 0x31, 0xa7, 0x00, 0xa7, 0x18,
  0xa7, 0x20, 0xa7, 0xd8, 0xa7, 0x19, 0xa7, 0x31, 0xa7, 0x00, 0xa7, 0x18,
  0x7f, 0x00, 0xe5, 0x1f, 0xe1, 0x77, 0xdd, 0x7f,
  CTRL0, 0x0e, // YCbCr 4:2:2, and RGB made of it
];

// What the two modes of the array differ in. The window's place is table 13's for each mode, its lower end in SVGA
// esp32-camera's; the numbers without names are esp32-camera's, those of UXGA Zephyr's and Linux' too.
const SVGA_MODE: StaticArray<u8> = [
  BANK, ARRAY,
  COM7, 0x40, COM1, 0x0a, REG32, 0x09, HREFST, 0x11, HREFEND, 0x43, VSTRT, 0x00, VEND, 0x4b,
  0x3d, 0x38, 0x6d, 0x00, 0x39, 0x92, 0x35, 0xda, 0x22, 0x1a, 0x37, 0xc3, 0x23, 0x00, ARCOM2, 0xc0,
  0x06, 0x88, 0x07, 0xc0, COM4, 0x87, 0x0e, 0x41, 0x42, 0x03, 0x4c, 0x00,
];
const UXGA_MODE: StaticArray<u8> = [
  BANK, ARRAY,
  COM7, 0x00, COM1, 0x0f, REG32, 0x36, HREFST, 0x11, HREFEND, 0x75, VSTRT, 0x01, VEND, 0x97,
  0x3d, 0x34, 0x6d, 0x80, 0x39, 0x82, 0x35, 0x88, 0x22, 0x0a, 0x37, 0x40, 0x23, 0x00, ARCOM2, 0xa0,
  0x06, 0x02, 0x07, 0xc0, COM4, 0xb7, 0x0e, 0x01, 0x42, 0x83, 0x4c, 0x00,
];

// The DSP's nameless registers for each format: OpenMV, Linux; for JPEG esp32-camera.
const FOR_RGB565: StaticArray<u8> = [0xd7, 0x03, 0x33, 0xa0, 0xe5, 0x1f, 0xe1, 0x77];
const FOR_YUYV: StaticArray<u8> = [0xd7, 0x03, 0x33, 0xa0, 0xe5, 0x1f, 0xe1, 0x67];
const FOR_JPEG: StaticArray<u8> = [
  0xd7, 0x03, 0x33, 0x80, 0xe5, 0x1f, 0xe1, 0x77, 0xd9, 0x10, 0xdf, 0x80, 0x3c, 0x10, 0xeb, 0x30, 0xdd, 0x7f,
];

// --- Modes

/** A way of reading the array. */
class Mode {
  constructor(
    readonly registers: StaticArray<u8>,
    /** Of the array's picture, which the DSP scales down. */
    readonly width: i32,
    readonly height: i32,
    /** Pixels that a line lasts, and lines a frame: figures 15 and 16. */
    readonly linePixels: i32,
    readonly frameLines: i32,
    /** How fast pixels are read: 15 frames a second in UXGA (table 1), 30 in SVGA (page 1). */
    readonly pixelHz: i32,
    /** Lines in 1/100 s and 1/120 s, in which lamps flicker: the drivers' numbers, and they fit the times. */
    readonly band50: i32,
    readonly band60: i32,
  ) {}
}

const SVGA = new Mode(SVGA_MODE, 800, 600, 1190, 672, 24_000_000, 0xca, 0xa8);
const UXGA = new Mode(UXGA_MODE, 1600, 1200, 1922, 1248, 36_000_000, 0xbb, 0x9c);

/** The largest frame of pixels; files come larger. */
const PIXELS_MAX: i32 = 1280 * 960;

/**
 * Width, height, and by what the port's clock of 48 MHz is divided for pixels (R_DVP_SP): slow, but fast enough that
 * each line has left before the next is there.
 */
const SIZES: StaticArray<i32> = [
  160, 120, 8,
  320, 240, 4,
  352, 288, 4,
  640, 480, 2,
  800, 600, 1,
  1024, 768, 1,
  1280, 960, 1,
  1280, 1024, 1,
  1600, 1200, 1,
];
const SIZE_FIELDS: i32 = 3;
const SIZE_INITIAL: i32 = 1;
/** The same for files: 12 MB/s, which is 400 KB in a frame of SVGA's mode. */
const JPEG_PORT_DIVIDER: i32 = 4;

const FORMATS: StaticArray<i32> = [Format.RGB565, Format.YUYV, Format.JPEG];
const FORMAT_INITIAL: i32 = 0;

const FPS_MOST: i32 = 30;
/** µs. The longest makes frames of half a second. */
const EXPOSURE_LEAST: i32 = 100;
const EXPOSURE_MOST: i32 = 500_000;
const EXPOSURE_INITIAL: i32 = 10_000;
/** Gain 31, the most that GAIN alone can say. */
const GAIN_MOST: i32 = 3_100;
const QUALITY_INITIAL: i32 = 85;

/** Red, green, blue (64 is 1) of each white balance after `auto`: esp32-camera, from the application notes. */
const LIGHTS: StaticArray<i32> = [
  0x5e, 0x41, 0x54, // sunny
  0x65, 0x41, 0x4f, // cloudy
  0x52, 0x41, 0x66, // office
  0x42, 0x3f, 0x71, // home
];

enum State {
  /** Nothing is known of the chip. Its power is cut next. */
  OFF,
  /** Without power until `wakeAt`, so that nothing is left of its past. */
  UNPOWERED,
  /** Supplied and clocked, and held in reset until `wakeAt`. */
  HELD,
  /** Out of reset; its registers are not worth asking before `wakeAt`. */
  WAKING,
  /** Told to reset itself too, as every public driver does; not worth asking before `wakeAt`. */
  RESETTING,
  /** `SETTINGS` are being written. */
  LOADING,
  /** What the controls say is turned into registers next. */
  CHANGING,
  /** Those registers are being written. */
  WRITING,
  /** All is written; the frames are right from `settledAt` on. */
  SETTLING,
  /** It is as the controls say. */
  READY,
}

export class Ov2640 extends Sensor {
  private state: State = State.OFF;
  /** The registers that are being written, by turns with their values, and how far. */
  private table: StaticArray<u8> = SETTINGS;
  private at: i32 = 0;
  private end: i32 = 0;
  /** The registers that the controls ask for, by turns with their values: 82 at most, choices of banks among them. */
  private readonly wanted: StaticArray<u8> = new StaticArray<u8>(2 * 96);
  private wantedEnd: i32 = 0;
  /** Size and format that the chip has, `size * FORMATS.length + format`, and how REG04 is turned; -1: unknown. */
  private shape: i32 = -1;
  private turned: i32 = -1;
  /** The same when `wanted` is written. */
  private wantedShape: i32 = -1;
  private wantedTurned: i32 = -1;
  private settledAt: i64 = 0;
  private mode: Mode = SVGA;
  /** Lines of a frame, those included that make it slower. */
  private frameLines: i32 = SVGA.frameLines;

  constructor(controls: Controls) {
    super("ov2640", controls);
  }

  describe(): void {
    const c = this.controls;
    const sizes = new Array<string>();
    for (let i = 0; i < SIZES.length; i += SIZE_FIELDS) sizes.push(SIZES[i].toString() + "x" + SIZES[i + 1].toString());
    c.size.setChoices(sizes, SIZE_INITIAL);
    const formats = new Array<string>();
    for (let i = 0; i < FORMATS.length; i++) formats.push(formatName(FORMATS[i]));
    c.format.setChoices(formats, FORMAT_INITIAL);
    c.fps.setRange(1, FPS_MOST, FPS_MOST);
    c.mirror.setSwitch(false);
    c.flip.setSwitch(false);
    c.autoExposure.setSwitch(true);
    c.exposure.setRange(EXPOSURE_LEAST, EXPOSURE_MOST, EXPOSURE_INITIAL);
    c.autoGain.setSwitch(true);
    c.gain.setRange(100, GAIN_MOST, 100);
    c.whiteBalance.setChoices(["auto", "sunny", "cloudy", "office", "home"], 0);
    c.brightness.setRange(-2, 2, 0);
    c.contrast.setRange(-2, 2, 0);
    c.saturation.setRange(-2, 2, 0);
  }

  start(): void {
    this.state = State.OFF;
  }

  apply(): void {
    // Before that, the controls have not been looked at yet.
    if (this.state >= State.CHANGING) this.state = State.CHANGING;
  }

  run(now: i64): i32 {
    const result = this.advance(now);
    // REFUSED while it wakes: it is another chip.
    if (result == Fault.MISSING || (result == Fault.REFUSED && this.state == State.WAKING)) {
      this.state = State.OFF;
      sensorLines(0, 1, 0);
    }
    return result;
  }

  get interval(): i64 {
    return (<i64>this.frameLines * this.mode.linePixels * SECOND) / this.mode.pixelHz;
  }

  private advance(now: i64): i32 {
    switch (this.state) {
      case State.OFF:
        this.shape = -1;
        this.turned = -1;
        if (sensorLines(0, 1, 0) < 0) return Fault.MISSING;
        return this.rest(State.UNPOWERED, now + HOLD);
      case State.UNPOWERED:
        if (now < this.wakeAt) return Fault.AGAIN;
        if (sensorLines(1, 1, CLOCK_HZ) < 0) return Fault.MISSING;
        return this.rest(State.HELD, now + HOLD);
      case State.HELD:
        if (now < this.wakeAt) return Fault.AGAIN;
        if (sensorLines(1, 0, CLOCK_HZ) < 0) return Fault.MISSING;
        return this.rest(State.WAKING, now + RESET_SETTLING);
      case State.WAKING: {
        if (now < this.wakeAt) return Fault.AGAIN;
        const found = this.probe();
        if (found < 0) return found;
        if (write8(DEVICE, COM7, COM7_RESET) < 0) return Fault.MISSING;
        return this.rest(State.RESETTING, now + RESET_SETTLING);
      }
      case State.RESETTING:
        if (now < this.wakeAt) return Fault.AGAIN;
        this.write(SETTINGS, SETTINGS.length);
        return this.rest(State.LOADING, now);
      case State.LOADING: {
        const result = this.goOn(now);
        if (result < 0) return result;
        // What the controls ask for may be impossible; that is said when they are applied.
        this.state = State.READY;
        return this.isPossible() ? this.rest(State.CHANGING, now) : 0;
      }
      case State.CHANGING:
        if (!this.isPossible()) return Fault.REFUSED;
        this.compose();
        this.write(this.wanted, this.wantedEnd);
        return this.rest(State.WRITING, now);
      case State.WRITING: {
        const result = this.goOn(now);
        if (result < 0) return result;
        if (this.shape != this.wantedShape) this.settledAt = now + MODE_SETTLING;
        this.shape = this.wantedShape;
        this.turned = this.wantedTurned;
        return this.rest(State.SETTLING, max(now, this.settledAt));
      }
      case State.SETTLING:
        if (now < this.wakeAt) return Fault.AGAIN;
        this.state = State.READY;
        return 0;
      default:
        return 0;
    }
  }

  private rest(state: State, until: i64): i32 {
    this.state = state;
    this.wakeAt = until;
    return Fault.AGAIN;
  }

  /** Who answers? Chips say 0x42, the datasheet 0x41. @returns 0, MISSING, REFUSED */
  private probe(): i32 {
    if (write8(DEVICE, BANK, ARRAY) < 0) return Fault.MISSING;
    const product = read8(DEVICE, PIDH);
    const revision = read8(DEVICE, PIDL);
    const makerHigh = read8(DEVICE, MIDH);
    const makerLow = read8(DEVICE, MIDL);
    if ((product | revision | makerHigh | makerLow) < 0) return Fault.MISSING;
    const isOurs = product == 0x26 && (revision == 0x41 || revision == 0x42);
    return isOurs && makerHigh == 0x7f && makerLow == 0xa2 ? 0 : Fault.REFUSED;
  }

  private write(table: StaticArray<u8>, end: i32): void {
    this.table = table;
    this.at = 0;
    this.end = end;
  }

  /** Writes a piece of the table. @returns 0 when it is through, AGAIN (at once), MISSING */
  private goOn(now: i64): i32 {
    this.wakeAt = now;
    const table = this.table;
    const end = min(this.end, this.at + 2 * WRITES_MAX);
    for (; this.at < end; this.at += 2) {
      if (write8(DEVICE, table[this.at], table[this.at + 1]) < 0) return Fault.MISSING;
    }
    return this.at < this.end ? Fault.AGAIN : 0;
  }

  /** Where in SIZES the size is that is asked for. */
  private get sizeAt(): i32 {
    return valueOf(this.controls.size, SIZE_INITIAL) * SIZE_FIELDS;
  }

  private get formatAt(): i32 {
    return valueOf(this.controls.format, FORMAT_INITIAL);
  }

  /** Whether the camera has room for what the controls say. */
  override get objection(): string {
    return this.isPossible() ? "" : "frames of this size come as jpeg only";
  }

  private isPossible(): bool {
    const isFile = FORMATS[this.formatAt] == Format.JPEG;
    return isFile || SIZES[this.sizeAt] * SIZES[this.sizeAt + 1] <= PIXELS_MAX;
  }

  /** Turns the controls into registers. */
  private compose(): void {
    const width = SIZES[this.sizeAt];
    const height = SIZES[this.sizeAt + 1];
    this.wantedEnd = 0;
    this.wantedShape = (this.sizeAt / SIZE_FIELDS) * FORMATS.length + this.formatAt;
    if (this.wantedShape == this.shape) {
      this.putLight();
      this.putColour();
      return;
    }
    // Until all is written the chip is neither as it was nor as it shall be, and its port delivers nothing.
    this.shape = -1;
    this.put(BANK, DSP);
    this.put(RESET, RESET_JPEG | RESET_PORT);
    this.mode = width <= SVGA.width && height <= SVGA.height ? SVGA : UXGA;
    this.putTable(this.mode.registers);
    this.putLight();
    this.putColour();
    this.putSize(width, height);
    this.putFormat(FORMATS[this.formatAt], SIZES[this.sizeAt + 2]);
    this.put(R_BYPASS, 0);
    this.put(RESET, 0);
  }

  private put(register: i32, value: i32): void {
    this.wanted[this.wantedEnd++] = <u8>register;
    this.wanted[this.wantedEnd++] = <u8>value;
  }

  private putTable(table: StaticArray<u8>): void {
    for (let i = 0; i < table.length; i += 2) this.put(table[i], table[i + 1]);
  }

  /** The array: how long, how often and which way round it is read. */
  private putLight(): void {
    const c = this.controls;
    const mode = this.mode;
    const isAutoExposed = valueOf(c.autoExposure, 1) != 0;
    const isAutoGain = valueOf(c.autoGain, 1) != 0;

    const pixelsOfRate = mode.pixelHz / valueOf(c.fps, FPS_MOST);
    const linesOfRate = (pixelsOfRate + mode.linePixels - 1) / mode.linePixels;
    const pixelsOfExposure = (<i64>valueOf(c.exposure, EXPOSURE_INITIAL) * mode.pixelHz) / SECOND;
    const linesOfExposure = isAutoExposed ? 0 : max(1, <i32>(pixelsOfExposure / mode.linePixels));
    // An exposure ends a line before its frame at the latest (page 1), so the frame becomes as long.
    this.frameLines = max(mode.frameLines, max(linesOfRate, linesOfExposure + 1));
    const added = this.frameLines - mode.frameLines;

    this.put(BANK, ARRAY);
    this.put(FLL, added);
    this.put(FLH, added >> 8);
    this.put(BD50, mode.band50);
    this.put(BD60, mode.band60);
    this.put(REG5A, (steps(this.frameLines, mode.band50) << 4) | steps(this.frameLines, mode.band60));
    this.put(
      COM8,
      COM8_ALWAYS |
        (isAutoExposed ? COM8_BANDING | COM8_AUTO_EXPOSURE : 0) |
        (isAutoGain ? COM8_AUTO_GAIN : 0),
    );
    if (!isAutoExposed) {
      this.put(REG45, linesOfExposure >> 10);
      this.put(AEC, linesOfExposure >> 2);
    }
    // The lowest bits of exposure lie beside those that turn the picture: while the chip finds it, they are left alone.
    this.wantedTurned = (valueOf(c.mirror, 0) ? REG04_MIRROR : 0) | (valueOf(c.flip, 0) ? REG04_FLIP : 0);
    if (!isAutoExposed || this.turned != this.wantedTurned) {
      this.put(REG04, REG04_ALWAYS | this.wantedTurned | (linesOfExposure & 3));
    }
    this.turned = -1;
    if (!isAutoGain) this.put(GAIN, gainRegister(valueOf(c.gain, 100)));
  }

  /** The DSP: colours, and how much its JPEG encoder leaves out. */
  private putColour(): void {
    const c = this.controls;
    this.put(BANK, DSP);
    const light = valueOf(c.whiteBalance, 0);
    if (light == 0) {
      this.put(AWB_MODE, 0x10); // "simple", as in all public drivers
    } else {
      this.put(AWB_MODE, 0x50);
      this.put(RED_GAIN, LIGHTS[light * 3 - 3]);
      this.put(GREEN_GAIN, LIGHTS[light * 3 - 2]);
      this.put(BLUE_GAIN, LIGHTS[light * 3 - 1]);
    }

    const brightness = valueOf(c.brightness, 0);
    const contrast = valueOf(c.contrast, 0);
    const saturation = valueOf(c.saturation, 0);
    const lumaEffect = brightness != 0 || contrast != 0 ? EFFECT_CONTRAST : 0;
    this.put(BPADDR, EFFECTS);
    this.put(BPDATA, lumaEffect | (saturation != 0 ? EFFECT_SATURATION : 0));
    // 16 a step to each side of 0x48, for both chromas: the tables of the public drivers.
    this.put(BPADDR, SATURATION_U);
    this.put(BPDATA, 0x48 + 16 * saturation);
    this.put(BPDATA, 0x48 + 16 * saturation);
    // Luma becomes (luma - offset) x gain / 32 + lift. The drivers' tables: offset 32, gain 4 more a step of contrast
    // with a lift 10 less, so that 112 stays where it is; lift 16 more a step of brightness. Where it would be below 0,
    // more is taken off before.
    const gain = 32 + 4 * contrast;
    const lift = 32 - 10 * contrast + 16 * brightness;
    this.put(BPADDR, LUMA_OFFSET);
    this.put(BPDATA, 32 + (lift < 0 ? (-lift * 32) / gain : 0));
    this.put(BPDATA, gain);
    this.put(BPDATA, max(0, lift));
    this.put(BPDATA, 0x06);

    this.put(QS, quantizationScale(min(valueOf(c.quality, QUALITY_INITIAL), c.fileCeiling)));
  }

  /** The DSP: the largest part of the array's picture that has the size's shape, from its middle, scaled down to it. */
  private putSize(width: i32, height: i32): void {
    const mode = this.mode;
    // Sizes are in steps of 4 pixels (HSIZE, VSIZE).
    const partWidth = min(mode.width, ((mode.height * width) / height) & ~3);
    const partHeight = min(mode.height, ((mode.width * height) / width) & ~3);
    const left = (mode.width - partWidth) / 2;
    const top = (mode.height - partHeight) / 2;
    // First halved so often as it stays no smaller, then scaled by what is left, to below a half.
    let halvings = 0;
    while (partWidth >> (halvings + 1) >= width && partHeight >> (halvings + 1) >= height) halvings++;
    const isScaled = partWidth != width || partHeight != height;

    this.put(HSIZE8, mode.width >> 3);
    this.put(VSIZE8, mode.height >> 3);
    this.put(SIZEL, ((mode.width >> 11) & 1) << 6 | (mode.width & 7) << 3 | (mode.height & 7));
    this.put(CTRL2, 0x3d); // scaling, effects, averaging of chroma, colour matrix
    this.put(CTRLI, (isScaled ? CTRLI_LOW_PASS : 0) | (halvings << 3) | halvings);
    this.put(HSIZE, partWidth >> 2);
    this.put(VSIZE, partHeight >> 2);
    this.put(XOFFL, left);
    this.put(YOFFL, top);
    this.put(
      VHYX,
      ((partHeight >> 10) & 1) << 7 | ((top >> 8) & 7) << 4 | ((partWidth >> 10) & 1) << 3 | ((left >> 8) & 7),
    );
    this.put(TEST, ((partWidth >> 11) & 1) << 7);
    this.put(ZMOW, width >> 2);
    this.put(ZMOH, height >> 2);
    this.put(ZMHH, ((height >> 10) & 1) << 2 | ((width >> 10) & 3));
  }

  private putFormat(format: Format, portDivider: i32): void {
    if (format == Format.JPEG) {
      this.put(R_DVP_SP, JPEG_PORT_DIVIDER);
      this.put(IMAGE_MODE, IMAGE_JPEG);
      this.putTable(FOR_JPEG);
      return;
    }
    this.put(R_DVP_SP, portDivider);
    if (format == Format.RGB565) {
      this.put(IMAGE_MODE, IMAGE_RGB565 | IMAGE_SWAP);
      this.putTable(FOR_RGB565);
    } else {
      this.put(IMAGE_MODE, IMAGE_YUV422); // high byte first: Y0 Cb Y1 Cr
      this.putTable(FOR_YUYV);
    }
  }
}

/** A control's value, or what it will be where nobody has described it yet: the chip is set up before. */
function valueOf(control: Control, initial: i32): i32 {
  return control.available ? control.value : initial;
}

/** How often a band of so many lines fits into a frame, 16 times at most, less 1: as REG5A wants it. */
function steps(frameLines: i32, band: i32): i32 {
  return min(16, frameLines / band) - 1;
}

/** GAIN for so many percent: each of bits 7–4 doubles, bits 3–0 add sixteenths. */
function gainRegister(percent: i32): i32 {
  let sixteenths = (percent * 16 + 50) / 100;
  let doublings = 0;
  while (sixteenths > 31) {
    sixteenths = (sixteenths + 1) >> 1;
    doublings++;
  }
  return (((1 << doublings) - 1) << 4) | (sixteenths - 16);
}

/**
 * Qs for a quality on the IJG scale. How Qs scales the chip's tables is not documented; here 32 stands for the IJG's
 * tables as they are (quality 50), which makes the chip's default of 12 a quality of 81. esp32-camera ends at 63.
 */
function quantizationScale(quality: i32): i32 {
  const percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return min(63, max(1, (percent * 32 + 50) / 100));
}
