/**
 * The HM01B0 of Himax, as on Portenta's Vision Shield: a monochrome sensor of 324 x 324 pixels, 8 bits each. It has no
 * image processor: what leaves it is the light on each pixel, exposed and amplified by a loop of its own or by hand.
 *
 * Where the numbers come from, named below in short:
 * - *V05*: the chip's data sheet, preliminary version 05, which Himax gives out on request; its facts as the public
 *   driver blankchenxm/hm01b0-esp-idf-driver has them (`hm01b0_regs.h`, `hm01b0_sensor.c`, `hm01b0_mode_info.c`).
 * - *module*: HM01B0-ANA-00FT870, the data sheet of the camera module.
 * - *Himax' script*: revision 1338 of the settings that Himax ships, with their comments, in many drivers (among others
 *   mjs513/TMM-HB01B0-Camera, `himax_reg_vals.h`).
 * - *OpenMV*: `drivers/sensors/hm01b0.c` and `.h`; Zephyr's `drivers/video/hm01b0.c` has the same.
 */

import { Fault, Format, sensorLines } from "../board";
import { Control, Controls, formatName } from "../controls";
import { SECOND } from "../limits";
import { Sensor, read16, write16 } from "./sensor";

/** Its address on the bus (module, table 2.1). */
const DEVICE: i32 = 0x24;
/** What the two registers from MODEL_ID on hold. */
const MODEL: i32 = 0x01b0;

/** Names as in OpenMV's header. *Held*: a value takes effect, between two frames, when GRP_PARAM_HOLD is written. */
enum Register {
  MODEL_ID_H = 0x0000,
  MODEL_ID_L = 0x0001,
  /** 0: standby, 1: streaming. */
  MODE_SELECT = 0x0100,
  /** Bit 0: mirrored, bit 1: upside down. Held. */
  IMG_ORIENTATION = 0x0101,
  /** Any value resets all registers. */
  SW_RESET = 0x0103,
  GRP_PARAM_HOLD = 0x0104,
  /** Exposure in lines, 16 bits. Held. */
  INTEGRATION_H = 0x0202,
  INTEGRATION_L = 0x0203,
  /** Bits 6–4: the gain is 2 to their power. Held. */
  ANALOG_GAIN = 0x0205,
  /** Whole part in bits 1–0. Held. */
  DIGITAL_GAIN_H = 0x020e,
  /** Fraction in bits 7–2, 64ths. Held. */
  DIGITAL_GAIN_L = 0x020f,
  /** Lines from frame to frame, 16 bits. Held. */
  FRAME_LEN_LINES_H = 0x0340,
  FRAME_LEN_LINES_L = 0x0341,
  /** Clocks of the core from line to line, 16 bits. Held. */
  LINE_LEN_PCK_H = 0x0342,
  LINE_LEN_PCK_L = 0x0343,
  /** 1: each column, 3: every second one; likewise the rows. Held. */
  READOUT_X = 0x0383,
  READOUT_Y = 0x0387,
  /** 0: off, 3: what READOUT_* put together becomes one pixel with their mean. Held. */
  BINNING_MODE = 0x0390,
  /** Bit 0: the automatic loop runs. */
  AE_CTRL = 0x2100,
  /** The mean of the pixels that the loop aims at. */
  AE_TARGET_MEAN = 0x2101,
  /** Bounds of the loop: lines, power of two, power of two while binning, 64ths. */
  MAX_INTG_H = 0x2105,
  MAX_INTG_L = 0x2106,
  MIN_INTG = 0x2107,
  MAX_AGAIN_FULL = 0x2108,
  MAX_AGAIN_BIN2 = 0x2109,
  MIN_AGAIN = 0x210a,
  MAX_DGAIN = 0x210b,
  MIN_DGAIN = 0x210c,
  /** Bit 0: the first 244 rows only (module, section 1.4). Held. */
  QVGA_WIN_EN = 0x3010,
}

/** What is the same in every mode: `register << 8 | value`. */
const SETTINGS: StaticArray<u32> = [
  // Black level: its targets at 8 bits. OpenMV's value for the first, so that black is 0 as JFIF has it; the second is
  // Himax' own.
  0x1003_00, 0x1007_08,
  // Analogue tuning: Himax' script, undocumented; the comments there are "CDS time for settling" (3044 to 3047),
  // "negative offset" (3050), "sf sig clamping" (3054), "dsun" (3055, 3058), "adc" (3056, 3057).
  0x3044_0a, 0x3045_00, 0x3047_0a, 0x3050_c0, 0x3051_42, 0x3052_50, 0x3053_00,
  0x3054_03, 0x3055_f7, 0x3056_f8, 0x3057_29, 0x3058_1f,
  // No triggered start; pads pulled to 0 (Himax' script).
  0x3064_00, 0x3065_04,
  // The clock is the board's, not the chip's own oscillator (V05, section 6.4.1).
  0x3067_00,
  // Black level correction on, smoothed; with dithering and this threshold for dark pixels (OpenMV).
  0x1000_43, 0x1001_43, 0x1002_43,
  // Control of the digital gain, the correction of the black level's drift on (Himax' script).
  0x0350_7f, 0x1006_01,
  // Defective pixels are mended, for monochrome, with these thresholds for clusters and single ones (OpenMV).
  0x1008_01, 0x1009_a0, 0x100a_60, 0x100b_90, 0x100c_40,
  // The synchronising signals are not shifted (OpenMV).
  0x1012_00,
  // Statistics for the automatic loop: bit 0 (Himax' script).
  0x2000_07,
  // The loop: the mean that counts as dark, how near the target is near enough to stop, how far off to start again, and
  // how fast it goes (the defaults, says OpenMV); no steps against flicker.
  0x2102_0a, 0x2103_03, 0x2104_05, 0x210d_20, 0x210e_00,
  // No detection of motion.
  0x2150_00,
  // 8 bits a pixel (bit 0: 6), on 8 lines (bits 6–5).
  0x3011_70, 0x3059_02,
  // Bits 1–0: the core runs at half of MASTER_CLOCK; bits 3–2: the registers at all of it; bit 5: the pixel clock is
  // not gated (V05, OSC_CLK_DIV).
  0x3060_0a,
  // Data change with the falling edge of the pixel clock, so that the port can take them with the rising one (OpenMV).
  0x3068_21,
];

/** Hz. The module's data sheet allows 3 to 36 MHz; OpenMV gives Portenta's this one. */
const MASTER_CLOCK: i32 = 12_000_000;
/** Hz. Half of it: the most that the core bears (V05). */
const CORE_CLOCK: i32 = 6_000_000;
const CORE_MHZ: i32 = CORE_CLOCK / 1_000_000;

/** Lines of a frame during which no pixel may be exposed (OpenMV, V05's driver: "frame length - 2"). */
const UNEXPOSED_LINES: i32 = 2;
/** Lines that a pixel is exposed for at least (OpenMV, and the value of MIN_INTG in public settings). */
const INTEGRATION_MIN: i32 = 2;
/** Lines of exposure that MIN_INTG, one byte, can hold. */
const MIN_INTG_MOST: i32 = 255;

/**
 * The mean that the loop aims at while `brightness` is 0, and what one step is: OpenMV's four levels are 60, 80, 100,
 * 127.
 */
const TARGET: i32 = 80;
const TARGET_STEP: i32 = 20;
const BRIGHTNESS_MOST: i32 = 3;

/** The greatest powers of two of the analogue gain, whole and binned: the defaults of MAX_AGAIN_*, says OpenMV. */
const ANALOG_MOST: i32 = 3;
const ANALOG_MOST_BINNED: i32 = 4;
/** The digital gain's 1, and the most that the loop uses (OpenMV's MAX_DGAIN), in 64ths. */
const DIGITAL_ONE: i32 = 0x40;
const DIGITAL_MOST: i32 = 0xc0;
/** Percent by hand: 8 x analogue, 2 x digital. */
const GAIN_MOST: i32 = 1600;

/** µs. From two lines on; the longest still gives some frames a second. */
const EXPOSURE_LEAST: i32 = 130;
const EXPOSURE_MOST: i32 = 200_000;
const EXPOSURE_INITIAL: i32 = 10_000;

const FPS_MOST: i32 = 120;
const FPS_INITIAL: i32 = 30;

// Times in µs. The chip needs 50 µs from power and clock to its first answer, and 1 ms after a reset by register (V05's
// driver); the supplies of a board are slower.

/** For the supplies to fall, so that nothing is left in the chip. */
const DISCHARGE: i64 = 10_000;
/** For supplies and clock to settle while the chip is held in reset. */
const SUPPLY: i64 = 10_000;
const WAKE: i64 = 1_000;
const RESET: i64 = 2_000;
/** How often it is looked whether a reset is over, before the chip counts as another one. */
const RESET_LOOKS: i32 = 10;

/** Registers a run: at 100 kHz on the bus some 3 ms. */
const WRITES_A_RUN: i32 = 8;

/**
 * A size, and how the chip makes it. It sends a margin round the picture, which `trim` cuts (V05: pixels 2 to 321 are
 * good).
 */
class Mode {
  constructor(
    readonly width: i32,
    readonly height: i32,
    /** Columns at each side, and rows above and below, that are no picture. */
    readonly margin: i32,
    readonly isWindow: bool,
    readonly isBinned: bool,
    /** The shortest line, clocks, and frame, lines (V05, by way of its driver). */
    readonly line: i32,
    readonly linesLeast: i32,
  ) {}

  get name(): string {
    return this.width.toString() + "x" + this.height.toString();
  }
}

const MODES: StaticArray<Mode> = [
  new Mode(160, 120, 1, true, true, 0x0d7, 0x080),
  new Mode(320, 240, 2, true, false, 0x178, 0x104),
  new Mode(320, 320, 2, false, false, 0x178, 0x158),
];
const QVGA: i32 = 1;

enum State {
  /** Its supply is to be switched off: whatever state it was in is forgotten. */
  OFF,
  /** The supply has been off for long enough by `wakeAt`. */
  DISCHARGING,
  /** Supplied and clocked, held in reset until `wakeAt`. */
  SUPPLIED,
  /** Let go; asked for its id at `wakeAt`. */
  WAKING,
  /** It sets its registers back. */
  RESETTING,
  /** SETTINGS are being written, from `next` on. */
  PREPARING,
  /** What the controls say is being written: the plan, from `next` on. */
  SETTING,
  /** It delivers frames as the controls say. */
  STREAMING,
}

export class Hm01b0 extends Sensor {
  private state: State = State.OFF;
  /** Place in SETTINGS, or in the plan, of the register that is written next. */
  private next: i32 = 0;
  private looks: i32 = 0;
  private isStreaming: bool = false;
  /** Registers that make the chip what the controls say, in the form of SETTINGS. */
  private readonly plan: StaticArray<u32> = new StaticArray<u32>(40);
  private planned: i32 = 0;
  private mode: Mode = MODES[QVGA];
  /** Lines from frame to frame. */
  private lines: i32 = MODES[QVGA].linesLeast;

  constructor(controls: Controls) {
    super("hm01b0", controls);
  }

  describe(): void {
    const c = this.controls;
    const sizes: string[] = [];
    for (let i = 0; i < MODES.length; i++) sizes.push(MODES[i].name);
    c.size.setChoices(sizes, QVGA);
    c.format.setChoices([formatName(Format.GRAY)], 0);
    c.fps.setRange(1, FPS_MOST, FPS_INITIAL);
    c.mirror.setSwitch(false);
    c.flip.setSwitch(false);
    c.autoExposure.setSwitch(true);
    c.exposure.setRange(EXPOSURE_LEAST, EXPOSURE_MOST, EXPOSURE_INITIAL);
    c.autoGain.setSwitch(true);
    c.gain.setRange(100, GAIN_MOST, 100);
    // There is nothing but the loop's target to make pictures brighter with: by hand, it is exposure and gain that do.
    c.brightness.setRange(-BRIGHTNESS_MOST, BRIGHTNESS_MOST, 0);
  }

  start(): void {
    this.state = State.OFF;
    this.wakeAt = 0;
  }

  apply(): void {
    if (this.state == State.SETTING || this.state == State.STREAMING) this.beginSetting();
  }

  run(now: i64): i32 {
    if (this.state == State.STREAMING) return 0;
    if (now < this.wakeAt) return Fault.AGAIN;
    const result = this.advance(now);
    // A chip that fails is left without power: it has to be started from there anyway.
    if (result < 0 && result != Fault.AGAIN) {
      sensorLines(0, 1, 0);
      this.state = State.OFF;
    }
    return result;
  }

  get interval(): i64 {
    return (<i64>this.lines * this.mode.line * SECOND + CORE_CLOCK / 2) / CORE_CLOCK;
  }

  override get marginBytes(): u32 {
    return this.portBytes - this.mode.width * this.mode.height;
  }

  /** Cuts the margin off: each row moves to its place. */
  override trim(at: usize, length: u32): u32 {
    const mode = this.mode;
    if (length != this.portBytes) return 0;
    const stride = mode.width + 2 * mode.margin;
    let from = at + mode.margin * stride + mode.margin;
    let to = at;
    for (let row = 0; row < mode.height; row++) {
      memory.copy(to, from, mode.width);
      from += stride;
      to += mode.width;
    }
    return mode.width * mode.height;
  }

  /** Bytes of a frame as the chip sends it. */
  private get portBytes(): u32 {
    const mode = this.mode;
    return (mode.width + 2 * mode.margin) * (mode.height + 2 * mode.margin);
  }

  /** One piece of the way to `STREAMING`. @returns AGAIN, 0 at its end, or what went wrong */
  private advance(now: i64): i32 {
    switch (this.state) {
      case State.OFF: {
        const result = sensorLines(0, 1, 0);
        return result < 0 ? result : this.wait(now, DISCHARGE, State.DISCHARGING);
      }
      case State.DISCHARGING: {
        const result = sensorLines(1, 1, MASTER_CLOCK);
        return result < 0 ? result : this.wait(now, SUPPLY, State.SUPPLIED);
      }
      case State.SUPPLIED: {
        const result = sensorLines(1, 0, MASTER_CLOCK);
        return result < 0 ? result : this.wait(now, WAKE, State.WAKING);
      }
      case State.WAKING: {
        const high = read16(DEVICE, Register.MODEL_ID_H);
        if (high < 0) return high;
        const low = read16(DEVICE, Register.MODEL_ID_L);
        if (low < 0) return low;
        if ((high << 8 | low) != MODEL) return Fault.REFUSED;
        const result = write16(DEVICE, Register.SW_RESET, 1);
        this.looks = 0;
        return result < 0 ? result : this.wait(now, RESET, State.RESETTING);
      }
      case State.RESETTING: {
        // OpenMV looks here too: a chip that was streaming is in standby when it has reset itself.
        const selected = read16(DEVICE, Register.MODE_SELECT);
        if (selected < 0) return selected;
        if (selected != 0) return ++this.looks < RESET_LOOKS ? this.wait(now, RESET, this.state) : Fault.REFUSED;
        this.isStreaming = false;
        this.next = 0;
        return this.wait(now, 0, State.PREPARING);
      }
      case State.PREPARING: {
        const result = this.write(SETTINGS, SETTINGS.length);
        if (result == 0) this.beginSetting();
        return result < 0 ? result : Fault.AGAIN;
      }
      case State.SETTING: {
        const result = this.write(this.plan, this.planned);
        if (result < 0) return result;
        this.isStreaming = true;
        this.state = State.STREAMING;
        return 0;
      }
      default:
        return 0;
    }
  }

  private wait(now: i64, time: i64, then: State): i32 {
    this.wakeAt = now + time;
    this.state = then;
    return Fault.AGAIN;
  }

  /** Writes on from `next`. @returns AGAIN, 0 when the end is reached, or MISSING */
  private write(list: StaticArray<u32>, length: i32): i32 {
    const end = min(this.next + WRITES_A_RUN, length);
    for (; this.next < end; this.next++) {
      const result = write16(DEVICE, list[this.next] >> 8, list[this.next] & 0xff);
      if (result < 0) return result;
    }
    return end < length ? Fault.AGAIN : 0;
  }

  private beginSetting(): void {
    this.makePlan();
    this.next = 0;
    this.wakeAt = 0;
    this.state = State.SETTING;
  }

  /** Reckons the registers from the controls, or from their defaults while nobody has described them. */
  private makePlan(): void {
    const c = this.controls;
    const mode = MODES[setting(c.size, QVGA)];
    const isAutoExposure = setting(c.autoExposure, 1) != 0;
    const isAutoGain = setting(c.autoGain, 1) != 0;
    const mirror = setting(c.mirror, 0);
    const flip = setting(c.flip, 0);
    this.mode = mode;
    this.planned = 0;

    // The window.
    this.put(Register.IMG_ORIENTATION, flip << 1 | mirror);
    this.put(Register.QVGA_WIN_EN, mode.isWindow ? 1 : 0);
    this.put(Register.READOUT_X, mode.isBinned ? 3 : 1);
    this.put(Register.READOUT_Y, mode.isBinned ? 3 : 1);
    this.put(Register.BINNING_MODE, mode.isBinned ? 3 : 0);

    // Time. A long exposure by hand slows the frames down.
    const perFrame = CORE_CLOCK / setting(c.fps, FPS_INITIAL);
    const integration = max(
      (setting(c.exposure, EXPOSURE_INITIAL) * CORE_MHZ + mode.line / 2) / mode.line,
      INTEGRATION_MIN,
    );
    this.lines = max((perFrame + mode.line - 1) / mode.line, mode.linesLeast);
    if (!isAutoExposure) this.lines = max(this.lines, integration + UNEXPOSED_LINES);
    this.put2(Register.FRAME_LEN_LINES_H, this.lines);
    this.put2(Register.LINE_LEN_PCK_H, mode.line);

    // Exposure and gain. There is one loop for both. Where one of them is by hand, the bounds of the loop pin it: that
    // is exact for the gain, and for exposures of up to MIN_INTG_MOST lines; a longer one may be cut short, down to
    // that, in light that is too bright for the smallest gain.
    this.put(Register.AE_CTRL, isAutoExposure || isAutoGain ? 1 : 0);
    this.put(Register.AE_TARGET_MEAN, TARGET + TARGET_STEP * setting(c.brightness, 0));
    this.put2(Register.MAX_INTG_H, isAutoExposure ? this.lines - UNEXPOSED_LINES : integration);
    this.put(Register.MIN_INTG, isAutoExposure ? INTEGRATION_MIN : min(integration, MIN_INTG_MOST));
    if (!isAutoExposure) this.put2(Register.INTEGRATION_H, integration);

    const gain = setting(c.gain, 100);
    let analog = 0;
    while (analog < ANALOG_MOST && gain >= 200 << analog) analog++;
    const digital = (gain * DIGITAL_ONE + (50 << analog)) / (100 << analog);
    this.put(Register.MIN_AGAIN, isAutoGain ? 0 : analog);
    this.put(Register.MAX_AGAIN_FULL, isAutoGain ? ANALOG_MOST : analog);
    this.put(Register.MAX_AGAIN_BIN2, isAutoGain ? ANALOG_MOST_BINNED : analog);
    this.put(Register.MIN_DGAIN, isAutoGain ? DIGITAL_ONE : digital);
    this.put(Register.MAX_DGAIN, isAutoGain ? DIGITAL_MOST : digital);
    if (!isAutoGain) {
      this.put(Register.ANALOG_GAIN, analog << 4);
      this.put(Register.DIGITAL_GAIN_H, digital >> 6);
      this.put(Register.DIGITAL_GAIN_L, digital << 2 & 0xff);
    }

    // Himax' script and OpenMV write 1 here when all is set, and what was held takes effect with the next frame.
    this.put(Register.GRP_PARAM_HOLD, 1);
    if (!this.isStreaming) this.put(Register.MODE_SELECT, 1);
  }

  private put(register: Register, value: i32): void {
    this.plan[this.planned++] = register << 8 | value;
  }

  /** A value of 16 bits, its high byte in `register`, its low byte in the next. */
  private put2(register: Register, value: i32): void {
    this.put(register, value >> 8);
    this.put(register + 1, value & 0xff);
  }
}

/** A control's value, or `initial` before it has been described. */
function setting(control: Control, initial: i32): i32 {
  return control.available ? control.value : initial;
}
