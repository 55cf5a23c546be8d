/**
 * The OV5640, OmniVision's 5-megapixel sensor with its own picture processor and JPEG encoder, as on the OpenMV Cam
 * H7 Plus: on the SCCB bus at 0x3C, 8 bits of pixels at a parallel port, a master clock of 24 MHz.
 *
 * Where a value comes from is said beside it:
 * - *datasheet*: OmniVision, OV5640 datasheet 2.03: the register tables, and the chapter that is named;
 * - *notes*: OmniVision, OV5640 Camera Module Software Application Notes 1.3;
 * - *vendor*: a value that no public document explains; OmniVision's reference setting, as in Linux' `ov5640.c`
 *   (`ov5640_init_setting`), which Zephyr, esp32-camera and OpenMV hand on alike, or the one of them that is named.
 *
 * The array is read by halves: every second pair of columns and rows, 1280 x 960 pixels (1280 x 720 for wide pictures),
 * which the chip's scaler makes smaller. The pixel clock is always the same, what the STM32H7's camera port bears; the
 * frame rate is set by blank rows. The chip hangs upside down on that board: upright is flipped and not mirrored.
 */

import { Fault, Format, sensorLines } from "../board";
import { Control, Controls, formatName } from "../controls";
import { SECOND } from "../limits";
import { Sensor, read16, write16 } from "./sensor";

const DEVICE: i32 = 0x3c;
const CHIP_ID: i32 = 0x5640;

/** Hz. Datasheet: 6 to 27 MHz; OpenMV gives this sensor 24 MHz. */
const MASTER_CLOCK: i32 = 24_000_000;
/**
 * Hz of the clock that counts pixels and rows, as the table's PLL registers make it: 24 MHz / 3 * 100 = 800 MHz,
 * / 1 (system) / 2 (root) / 2.5 (10 bits) / 2 (SCLK).
 */
const PIXEL_CLOCK: i64 = 80_000_000;

// How long the chip takes, µs.

/** For the supplies to fall, and later to rise. Datasheet, power up sequence: 5 ms from power to the end of standby. */
const SUPPLY_SETTLES: i64 = 5_000;
/** From the end of reset to the first transfer. Datasheet, power up sequence: at least 20 ms. */
const RESET_ENDS: i64 = 20_000;
/** For a software reset. Vendor (Linux): 5 ms. */
const SOFT_RESET_ENDS: i64 = 5_000;
/** For the PLL to lock after standby: a guess on the safe side, no public source has a time. */
const PLL_LOCKS: i64 = 5_000;

/** Registers that one run writes. */
const WRITES_A_RUN: i32 = 16;

/** Registers that are more than a line of a table; of two, the high one. Bits: datasheet. */
enum Register {
  /** The JPEG encoder's blocks are held in reset by [4:2]. */
  SYSTEM_RESET_02 = 0x3002,
  /** They are clocked by [5] and [3]. */
  CLOCK_ENABLE_02 = 0x3006,
  /** [7]: software reset, [6]: standby. */
  SYSTEM_CONTROL = 0x3008,
  CHIP_ID_HIGH = 0x300a,
  CHIP_ID_LOW = 0x300b,
  /** The gains of red, green and blue, two registers each; 0x400 is 1. */
  COLOUR_GAINS = 0x3400,
  /** [0]: they are set by hand. */
  COLOUR_GAINS_BY_HAND = 0x3406,
  /** Three registers, in sixteenths of a row. */
  EXPOSURE = 0x3500,
  /** [0]: exposure by hand, [1]: gain by hand. */
  EXPOSURE_BY_HAND = 0x3503,
  /** In sixteenths. */
  GAIN = 0x350a,
  /** The part of the array that is read: its first and its last column and row. */
  WINDOW_LEFT = 0x3800,
  WINDOW_TOP = 0x3802,
  WINDOW_RIGHT = 0x3804,
  WINDOW_BOTTOM = 0x3806,
  /** Pixels of a frame. */
  WIDTH = 0x3808,
  HEIGHT = 0x380a,
  /** Clocks from one row to the next, rows from one frame to the next. */
  CLOCKS_PER_ROW = 0x380c,
  ROWS_PER_FRAME = 0x380e,
  /** Columns and rows that are cut off at each side before scaling. */
  CUT_LEFT = 0x3810,
  CUT_TOP = 0x3812,
  /** [2:1]: flipped, in the picture processor and in the array; [0]: rows are put together. [6]: as after reset. */
  TIMING_20 = 0x3820,
  /** [5]: JPEG; [2:1]: mirrored, likewise; [0]: columns are put together. */
  TIMING_21 = 0x3821,
  /** The longest exposure that the chip chooses, in rows, where lamps flicker at 60 Hz. */
  LONGEST_60 = 0x3a02,
  /** Rows in a flash of a lamp, at 50 Hz and at 60 Hz. */
  FLASH_50 = 0x3a08,
  FLASH_60 = 0x3a0a,
  /** Whole flashes in a frame. */
  FLASHES_60 = 0x3a0d,
  FLASHES_50 = 0x3a0e,
  LONGEST_50 = 0x3a14,
  /** [7:4]: format, [3:0]: order of its bytes. */
  FORMAT = 0x4300,
  /** [5:0]: scale of the JPEG encoder's tables, in sixteenths. */
  JPEG_SCALE = 0x4407,
  /** Bytes in a row of a JPEG file, and rows at most. */
  JPEG_WIDTH = 0x4602,
  JPEG_HEIGHT = 0x4604,
  /** [2:0]: what the formatter is given: 0: YUV 4:2:2, 1: RGB. */
  FORMAT_SOURCE = 0x501f,
  /** In 1/64. */
  SATURATION_U = 0x5583,
  SATURATION_V = 0x5584,
  /** In 1/32. */
  CONTRAST = 0x5586,
  BRIGHTNESS = 0x5587,
  /** [6]: saturation by hand, [3]: brightness is negative. [0]: as after reset. */
  EFFECT_SIGNS = 0x5588,
}

// Values of SYSTEM_CONTROL.
const AWAKE: i32 = 0x02;
const STANDBY: i32 = 0x42;
const SOFT_RESET: i32 = 0x82;

/**
 * What every mode has in common, as register << 8 | value; written in standby, after a software reset, in this order.
 * Registers that keep their reset value are not here.
 */
const COMMON: StaticArray<u32> = [
  0x3103_03, // system clock from the PLL (datasheet, [1])
  0x3017_ff, 0x3018_ff, // all of the port's pads are outputs (datasheet)
  0x302c_02, // pads drive once their strength, their reset value (datasheet)
  0x4740_20, // a pixel is valid when its clock rises, row and frame signals are active low (datasheet; as OpenMV)

  // The clocks (the tree is drawn in Linux' `ov5640.c`; the values are OpenMV's for 24 MHz).
  0x3034_1a, // divided by 2.5 for 10 bits
  0x3035_11, // system divider 1
  0x3036_64, // multiplier 100
  0x3037_13, // root divider 2, pre-divider 3
  0x3108_01, // SCLK is half, PCLK all of it
  0x3824_02, 0x460c_22, // PCLK divided by 2 once more, by hand: 80 MHz, as much as the STM32H7's port takes
  0x460b_35, // vendor

  // The analogue side.
  0x3630_36, 0x3631_0e, 0x3632_e2, 0x3633_12, 0x3621_e0, 0x3704_a0, 0x3703_5a, 0x3715_78, 0x3717_01, // vendor
  0x370b_60, 0x3705_1a, 0x3905_02, 0x3906_10, 0x3901_0a, 0x3731_12, 0x3600_08, 0x3601_33, 0x302d_60, // vendor
  0x3620_52, 0x371b_20, 0x3635_13, 0x3636_03, 0x3634_40, 0x3622_01, // vendor
  0x3618_00, 0x3612_29, 0x3708_64, 0x3709_52, 0x370c_03, // vendor, for reading by halves
  0x4001_02, 0x4004_02, 0x4005_1a, // black level from row 2 on, 2 rows, of every frame (datasheet; vendor's values)

  // The blocks that work.
  0x3000_00, 0x3004_ff, // its first group out of reset, all of it clocked (datasheet)
  0x5000_27, // gamma, repair of black and white pixels, interpolation of colours (datasheet); no lens correction
  0x5001_a3, // effects, scaler, colour matrix, white balance (datasheet)
  0x3814_31, 0x3815_31, // reads two, skips two, both ways (datasheet)
  0x4713_03, // JPEG in rows of the width in 0x4602, the last one shorter (datasheet; as Linux)
  0x440e_00, 0x471c_50, // vendor, for JPEG

  // Exposure and gain by the chip.
  0x3a0f_42, 0x3a10_38, 0x3a1b_44, 0x3a1e_36, 0x3a11_60, 0x3a1f_10, // its aim, and how near it is enough (as OpenMV)
  0x3a13_43, // gain before the picture processor: 1.05 (datasheet; vendor's value)
  0x3a18_00, 0x3a19_f8, // gain up to 15.5 (datasheet; vendor's value)
  0x3c01_b4, 0x3c00_04, // lamps flicker at 50 Hz, said by hand (datasheet; vendor's value)
  0x3c04_28, 0x3c05_98, 0x3c06_00, 0x3c07_08, 0x3c08_00, 0x3c09_1c, 0x3c0a_9c, 0x3c0b_40, // their detector (vendor)

  // White balance by the chip: the vendor's lens and filter, as in Linux.
  0x5180_ff, 0x5181_f2, 0x5182_00, 0x5183_14, 0x5184_25, 0x5185_24, 0x5186_09, 0x5187_09, 0x5188_09, 0x5189_88,
  0x518a_54, 0x518b_ee, 0x518c_b2, 0x518d_50, 0x518e_34, 0x518f_6b, 0x5190_46, 0x5191_f8, 0x5192_04, 0x5193_70,
  0x5194_f0, 0x5195_f0, 0x5196_03, 0x5197_01, 0x5198_04, 0x5199_6c, 0x519a_04, 0x519b_00, 0x519c_09, 0x519d_2b,
  0x519e_38,
  // From red, green, blue to Y, U, V (vendor).
  0x5381_1e, 0x5382_5b, 0x5383_08, 0x5384_0a, 0x5385_7e, 0x5386_88, 0x5387_7c, 0x5388_6c, 0x5389_10, 0x538a_01,
  0x538b_98,
  // Sharpness and noise (vendor).
  0x5300_08, 0x5301_30, 0x5302_10, 0x5303_00, 0x5304_08, 0x5305_30, 0x5306_08, 0x5307_16, 0x5309_08, 0x530a_30,
  0x530b_04, 0x530c_06,
  // The gamma curve, at 15 points (vendor).
  0x5480_01, 0x5481_08, 0x5482_14, 0x5483_28, 0x5484_51, 0x5485_65, 0x5486_71, 0x5487_7d, 0x5488_87, 0x5489_91,
  0x548a_9a, 0x548b_aa, 0x548c_b8, 0x548d_cd, 0x548e_dd, 0x548f_ea, 0x5490_1d,
  0x5580_06, // effects: contrast and saturation (datasheet)
  0x5025_00, // vendor
];

/** Width and height of each size. */
const SIZES: StaticArray<i32> = [160, 120, 320, 240, 640, 480, 800, 600, 1024, 768, 1280, 720, 1280, 960];
const SIZE_INITIAL: i32 = 1;
const FORMATS: StaticArray<i32> = [Format.RGB565, Format.YUYV, Format.GRAY, Format.JPEG, Format.BAYER];

/**
 * Red, green and blue gains (1024 is 1) for each light but `auto`, in the order of their choices. Notes, 11.1: sunny,
 * cloudy, office, home.
 */
const LIGHTS: StaticArray<i32> = [
  0x5e0, 0x410, 0x540,
  0x650, 0x410, 0x4f0,
  0x520, 0x410, 0x660,
  0x420, 0x3f0, 0x710,
];

const FPS_MOST: i32 = 42;
const FPS_INITIAL: i32 = 30;
/** µs. The shortest is two rows of the widest picture. */
const EXPOSURE_LEAST: i32 = 72;
const EXPOSURE_MOST: i32 = 500_000;
const EXPOSURE_INITIAL: i32 = 10_000;
const QUALITY_INITIAL: i32 = 85;

/** Rows that are dark between two frames, at the least. Vendor (Linux): not documented. */
const BLANK_ROWS: i32 = 24;
/** An exposure ends so many rows before its frame does (as Linux). */
const EXPOSURE_MARGIN: i32 = 4;
const ROWS_MOST: i32 = 0xffff;

/** In `values`: the chip sets this register itself now. */
const LEFT_TO_CHIP: i32 = -1;
/** In `written`: what the chip has there is not known. */
const UNKNOWN: i32 = -2;

/** More than the registers of a mode. */
const REGISTERS_MOST: i32 = 80;

enum State {
  /** It is switched off, so that it forgets everything. */
  SWITCHING_OFF,
  /** The supplies and the master clock are on, the chip is held in reset until they are steady. */
  SUPPLYING,
  /** Reset has ended; the chip does not listen yet. */
  LEAVING_RESET,
  /** It listens: it is asked who it is. */
  IDENTIFYING,
  /** It does a software reset. */
  RESETTING,
  /** It is given the registers that every mode has in common, from `cursor` on. */
  LOADING,
  /** What the controls ask for becomes a list of registers. */
  PLANNING,
  /** It is given those of them that changed, from `cursor` on. */
  WRITING,
  /** It left standby: the PLL locks, and the first frame, exposed in part before, passes. */
  WAKING,
  /** It does what the controls said last. */
  READY,
}

export class Ov5640 extends Sensor {
  private state: State = State.SWITCHING_OFF;
  private cursor: i32 = 0;
  private isInStandby: bool = true;

  /** The list of a mode: registers, what they shall be, and what the chip was given last. */
  private readonly registers: StaticArray<i32> = new StaticArray<i32>(REGISTERS_MOST);
  private readonly values: StaticArray<i32> = new StaticArray<i32>(REGISTERS_MOST);
  private readonly written: StaticArray<i32> = new StaticArray<i32>(REGISTERS_MOST);
  private count: i32 = 0;
  /** How many of them, from the first on, may change in standby only. */
  private modeCount: i32 = 0;

  /** Pixel clocks a row and rows a frame, the blank ones among them. */
  private clocksPerRow: i32 = 0;
  private rowsPerFrame: i32 = 0;

  constructor(controls: Controls) {
    super("ov5640", controls);
    this.plan();
  }

  describe(): void {
    const controls = this.controls;
    const sizes: string[] = [];
    for (let i = 0; i < SIZES.length; i += 2) sizes.push(SIZES[i].toString() + "x" + SIZES[i + 1].toString());
    controls.size.setChoices(sizes, SIZE_INITIAL);
    const formats: string[] = [];
    for (let i = 0; i < FORMATS.length; i++) formats.push(formatName(FORMATS[i]));
    controls.format.setChoices(formats, 0);
    controls.fps.setRange(1, FPS_MOST, FPS_INITIAL);
    controls.mirror.setSwitch(false);
    controls.flip.setSwitch(false);
    controls.autoExposure.setSwitch(true);
    controls.exposure.setRange(EXPOSURE_LEAST, EXPOSURE_MOST, EXPOSURE_INITIAL);
    controls.autoGain.setSwitch(true);
    controls.gain.setRange(100, 6300, 100);
    controls.whiteBalance.setChoices(["auto", "daylight", "cloudy", "fluorescent", "incandescent"], 0);
    controls.brightness.setRange(-4, 4, 0);
    controls.contrast.setRange(-3, 3, 0);
    controls.saturation.setRange(-3, 3, 0);
  }

  start(): void {
    this.state = State.SWITCHING_OFF;
    this.written.fill(UNKNOWN);
  }

  apply(): void {
    if (this.state > State.PLANNING) this.state = State.PLANNING; // before it, the controls are not read yet
  }

  get interval(): i64 {
    return (<i64>this.clocksPerRow * this.rowsPerFrame * SECOND) / PIXEL_CLOCK;
  }

  run(now: i64): i32 {
    switch (this.state) {
      case State.SWITCHING_OFF: {
        if (sensorLines(0, 1, 0) < 0) return Fault.MISSING;
        return this.wait(now, SUPPLY_SETTLES, State.SUPPLYING);
      }
      case State.SUPPLYING: {
        sensorLines(1, 1, MASTER_CLOCK);
        return this.wait(now, SUPPLY_SETTLES, State.LEAVING_RESET);
      }
      case State.LEAVING_RESET: {
        sensorLines(1, 0, MASTER_CLOCK);
        return this.wait(now, RESET_ENDS, State.IDENTIFYING);
      }
      case State.IDENTIFYING: {
        const high = read16(DEVICE, Register.CHIP_ID_HIGH);
        const low = read16(DEVICE, Register.CHIP_ID_LOW);
        if (high < 0 || low < 0) return this.fail(Fault.MISSING);
        if ((high << 8 | low) != CHIP_ID) return this.fail(Fault.REFUSED);
        if (write16(DEVICE, Register.SYSTEM_CONTROL, SOFT_RESET) < 0) return this.fail(Fault.MISSING);
        return this.wait(now, SOFT_RESET_ENDS, State.RESETTING);
      }
      case State.RESETTING: {
        if (write16(DEVICE, Register.SYSTEM_CONTROL, STANDBY) < 0) return this.fail(Fault.MISSING);
        this.isInStandby = true;
        this.cursor = 0;
        return this.wait(now, 0, State.LOADING);
      }
      case State.LOADING: {
        const end = min(this.cursor + WRITES_A_RUN, COMMON.length);
        for (; this.cursor < end; this.cursor++) {
          const line = COMMON[this.cursor];
          if (write16(DEVICE, line >> 8, line & 0xff) < 0) return this.fail(Fault.MISSING);
        }
        return this.wait(now, 0, end < COMMON.length ? State.LOADING : State.PLANNING);
      }
      case State.PLANNING: {
        this.plan();
        this.cursor = 0;
        if (!this.isInStandby && this.changesMode) {
          if (write16(DEVICE, Register.SYSTEM_CONTROL, STANDBY) < 0) return this.fail(Fault.MISSING);
          this.isInStandby = true;
        }
        return this.wait(now, 0, State.WRITING);
      }
      case State.WRITING: {
        for (let writes = 0; this.cursor < this.count; this.cursor++) {
          const place = this.cursor;
          const value = this.values[place];
          if (value == this.written[place]) continue;
          if (value != LEFT_TO_CHIP) {
            if (writes++ == WRITES_A_RUN) return this.wait(now, 0, State.WRITING);
            if (write16(DEVICE, this.registers[place], value) < 0) return this.fail(Fault.MISSING);
          }
          this.written[place] = value;
        }
        if (!this.isInStandby) {
          this.state = State.READY;
          return 0;
        }
        if (write16(DEVICE, Register.SYSTEM_CONTROL, AWAKE) < 0) return this.fail(Fault.MISSING);
        this.isInStandby = false;
        return this.wait(now, PLL_LOCKS + this.interval, State.WAKING);
      }
      default: // WAKING, and READY from then on
        this.state = State.READY;
        return 0;
    }
  }

  private wait(now: i64, duration: i64, next: State): i32 {
    this.wakeAt = now + duration;
    this.state = next;
    return Fault.AGAIN;
  }

  /** Gives up, and leaves the chip without power; who tries again begins at its switch. */
  private fail(fault: Fault): i32 {
    sensorLines(0, 1, 0);
    this.start();
    return fault;
  }

  private get changesMode(): bool {
    for (let place = 0; place < this.modeCount; place++) if (this.values[place] != this.written[place]) return true;
    return false;
  }

  /** Makes the list of registers of what the controls say. Always the same registers in the same places. */
  private plan(): void {
    const controls = this.controls;
    const size = valueOf(controls.size, SIZE_INITIAL);
    const format = FORMATS[valueOf(controls.format, 0)];
    const width = SIZES[2 * size];
    const height = SIZES[2 * size + 1];
    this.count = 0;

    // --- What may change in standby only

    // Window and cut are the vendor's. A row takes at least as long as the vendor's (Linux), and its bytes must pass at
    // one a clock, with the port's pause between two rows (as OpenMV).
    const isWide = 9 * width == 16 * height;
    const top = isWide ? 250 : 4;
    const bottom = isWide ? 1705 : 1947;
    this.clocksPerRow = max(1896, 2 * width + 8 + 252);
    this.put16(Register.WINDOW_LEFT, 0);
    this.put16(Register.WINDOW_TOP, top);
    this.put16(Register.WINDOW_RIGHT, 2623);
    this.put16(Register.WINDOW_BOTTOM, bottom);
    this.put16(Register.CUT_LEFT, 16);
    this.put16(Register.CUT_TOP, isWide ? 4 : 6);
    this.put16(Register.WIDTH, width);
    this.put16(Register.HEIGHT, height);
    this.put16(Register.CLOCKS_PER_ROW, this.clocksPerRow);
    this.put(Register.FORMAT, formatRegister(format));
    // Bayer is made of RGB, so that it is scaled as well (as OpenMV).
    this.put(Register.FORMAT_SOURCE, format == Format.RGB565 || format == Format.BAYER ? 1 : 0);
    const isJpeg = format == Format.JPEG;
    this.put(Register.SYSTEM_RESET_02, isJpeg ? 0x00 : 0x1c);
    this.put(Register.CLOCK_ENABLE_02, isJpeg ? 0xeb : 0xc3);
    this.put16(Register.JPEG_WIDTH, width);
    this.put16(Register.JPEG_HEIGHT, height);
    this.modeCount = this.count;

    // --- What may change between two frames

    this.planTime((bottom - top + 1) / 2);
    this.planExposure();
    this.put(Register.TIMING_20, controls.flip.isOn ? 0x41 : 0x47);
    this.put(Register.TIMING_21, (controls.mirror.isOn ? 0x07 : 0x01) | (isJpeg ? 0x20 : 0));
    this.planLight();
    this.planEffects();
    // The IJG's way from quality to a scale of the standard's tables.
    const quality = min(valueOf(controls.quality, QUALITY_INITIAL), controls.fileCeiling);
    const percent = quality < 50 ? 5000 / max(quality, 1) : 200 - 2 * quality;
    this.put(Register.JPEG_SCALE, min(max((percent * 16 + 50) / 100, 1), 63));
  }

  /** How many rows a frame takes: so many that frames come no faster than asked for, and their exposure fits. */
  private planTime(rowsRead: i32): void {
    const controls = this.controls;
    const clocksPerFrame = PIXEL_CLOCK / valueOf(controls.fps, FPS_INITIAL);
    let rows = max(rowsRead + BLANK_ROWS, <i32>((clocksPerFrame + this.clocksPerRow - 1) / this.clocksPerRow));
    if (!isOn(controls.autoExposure)) rows = max(rows, this.exposureRows + EXPOSURE_MARGIN);
    this.rowsPerFrame = min(rows, ROWS_MOST);
    this.put16(Register.ROWS_PER_FRAME, this.rowsPerFrame);
  }

  private planExposure(): void {
    const controls = this.controls;
    const rowsMost = this.rowsPerFrame - EXPOSURE_MARGIN;
    // The chip's own exposure goes up to a frame, at 60 Hz and at 50 Hz, in whole flashes of the lamps where it can.
    this.put16(Register.LONGEST_60, rowsMost);
    this.put16(Register.LONGEST_50, rowsMost);
    const flash50 = <i32>(PIXEL_CLOCK / this.clocksPerRow / 100);
    const flash60 = <i32>(PIXEL_CLOCK / this.clocksPerRow / 120);
    this.put16(Register.FLASH_50, flash50);
    this.put16(Register.FLASH_60, flash60);
    this.put(Register.FLASHES_50, min(rowsMost / flash50, 0x3f));
    this.put(Register.FLASHES_60, min(rowsMost / flash60, 0x3f));

    const byHand = !isOn(controls.autoExposure);
    const gainByHand = !isOn(controls.autoGain);
    this.put(Register.EXPOSURE_BY_HAND, (byHand ? 1 : 0) | (gainByHand ? 2 : 0));
    const exposure = min(this.exposureRows, rowsMost) << 4; // in sixteenths of a row
    this.put(Register.EXPOSURE, byHand ? exposure >> 16 : LEFT_TO_CHIP);
    this.put(Register.EXPOSURE + 1, byHand ? exposure >> 8 & 0xff : LEFT_TO_CHIP);
    this.put(Register.EXPOSURE + 2, byHand ? exposure & 0xff : LEFT_TO_CHIP);
    const gain = (valueOf(controls.gain, 100) * 16 + 50) / 100; // in sixteenths
    this.put(Register.GAIN, gainByHand ? gain >> 8 : LEFT_TO_CHIP);
    this.put(Register.GAIN + 1, gainByHand ? gain & 0xff : LEFT_TO_CHIP);
  }

  /** The gains of red, green and blue, if they are not the chip's business. */
  private planLight(): void {
    const light = valueOf(this.controls.whiteBalance, 0);
    this.put(Register.COLOUR_GAINS_BY_HAND, light > 0 ? 1 : 0);
    for (let colour = 0; colour < 3; colour++) {
      const gain = light > 0 ? LIGHTS[3 * (light - 1) + colour] : 0x400;
      this.put16(Register.COLOUR_GAINS + 2 * colour, gain);
    }
  }

  /** Steps as in the notes, 11.2 to 11.4: saturation in quarters, contrast in eighths, brightness in 16ths of white. */
  private planEffects(): void {
    const controls = this.controls;
    const saturation = 0x40 + 0x10 * valueOf(controls.saturation, 0);
    this.put(Register.SATURATION_U, saturation);
    this.put(Register.SATURATION_V, saturation);
    const contrast = valueOf(controls.contrast, 0);
    this.put(Register.CONTRAST, 0x20 + 4 * contrast);
    // Contrast multiplies from black on: so much less or more light keeps middle grey where it is.
    const brightness = 16 * (valueOf(controls.brightness, 0) - contrast);
    this.put(Register.BRIGHTNESS, abs(brightness));
    this.put(Register.EFFECT_SIGNS, brightness < 0 ? 0x49 : 0x41);
  }

  private get exposureRows(): i32 {
    const exposure: i64 = valueOf(this.controls.exposure, EXPOSURE_INITIAL);
    return max(<i32>((exposure * PIXEL_CLOCK) / (<i64>this.clocksPerRow * SECOND)), 1);
  }

  private put(register: i32, value: i32): void {
    const place = this.count++;
    this.registers[place] = register;
    this.values[place] = value;
  }

  /** A number in two registers, the high one first. */
  private put16(register: i32, value: i32): void {
    this.put(register, value >> 8);
    this.put(register + 1, value & 0xff);
  }
}

function formatRegister(format: Format): i32 {
  switch (format) {
    case Format.RGB565:
      return 0x6f; // the byte with blue first
    case Format.GRAY:
      return 0x10;
    case Format.BAYER:
      return 0x00; // BGBG, GRGR
    default:
      return 0x30; // Y U Y V; the JPEG encoder is given the same
  }
}

/** A control's value; before the chip is described its default. */
function valueOf(control: Control, initial: i32): i32 {
  return control.available ? control.value : initial;
}

function isOn(control: Control): bool {
  return !control.available || control.isOn;
}
