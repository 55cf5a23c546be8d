/**
 * The controls: everything about the picture that people may set, each with its kind, range, default and present value.
 * The sensor says which of them it has and in what range (`describe`); what the module does itself (quality, sampling,
 * rate) is always there. `http/control.ts` shows and sets them; `capture.ts` and the sensor's driver read the values.
 *
 * Values are whole numbers throughout: a switch is 0 or 1, a choice is its place in the list. Text comes in and goes
 * out only here.
 */

import { equals } from "./ascii";
import { Format } from "./board";
import { Writer } from "./writer";

export enum Kind {
  /** From `least` to `most`. */
  NUMBER,
  /** One of `choices`. */
  CHOICE,
  /** `on` or `off`. */
  SWITCH,
}

export class Control {
  /** Whether the camera has it. */
  available: bool = false;
  least: i32 = 0;
  most: i32 = 0;
  /** The value before anybody sets one. */
  initial: i32 = 0;
  /** The present value. */
  value: i32 = 0;
  /** What a request that is being read would make of it. */
  wanted: i32 = 0;
  choices: string[] = [];
  /** Whether the value that the board keeps was looked for. */
  isRead: bool = false;

  constructor(
    readonly name: string,
    readonly kind: Kind,
    /** What a number counts, in ASCII: `us`, `%`; or "". A camera of the board's may count something else. */
    public unit: string,
  ) {}

  /** Makes it a number from `least` to `most`. A value that is out of range becomes the default. */
  setRange(least: i32, most: i32, initial: i32): void {
    assert(this.kind == Kind.NUMBER && least <= initial && initial <= most, "range of a control");
    this.least = least;
    this.most = most;
    this.become(initial);
  }

  /** Makes it one of `choices`, by default the one at `initial`. A value that is text already keeps its text. */
  setChoices(choices: string[], initial: i32): void {
    assert(this.kind == Kind.CHOICE && initial < choices.length, "choices of a control");
    const text = this.available && this.value < this.choices.length ? this.choices[this.value] : "";
    this.choices = choices;
    this.least = 0;
    this.most = choices.length - 1;
    const same = choices.indexOf(text);
    this.become(initial);
    if (same >= 0) this.value = same;
  }

  /** Makes it a switch. */
  setSwitch(initial: bool): void {
    assert(this.kind == Kind.SWITCH, "a control that is no switch");
    this.most = 1;
    this.become(<i32>initial);
  }

  get isOn(): bool {
    return this.value != 0;
  }

  /** The present value of a choice. */
  get choice(): string {
    return this.choices[this.value];
  }

  /** Reads a value as people write it. @returns whether it is one; then it is in `wanted` */
  read(address: usize, length: u32): bool {
    switch (this.kind) {
      case Kind.NUMBER: {
        const negative = length > 1 && load<u8>(address) == 0x2d;
        let number: i64 = 0;
        let i: u32 = negative ? 1 : 0;
        if (length == 0 || length > 11) return false;
        for (; i < length; i++) {
          const digit = <i32>load<u8>(address + i) - 0x30;
          if (digit < 0 || digit > 9) return false;
          number = number * 10 + digit;
        }
        if (negative) number = -number;
        if (number < this.least || number > this.most) return false;
        this.wanted = <i32>number;
        return true;
      }
      case Kind.SWITCH: {
        const on = equals(address, length, "on") || equals(address, length, "1") || equals(address, length, "true");
        const off = equals(address, length, "off") || equals(address, length, "0") || equals(address, length, "false");
        this.wanted = <i32>on;
        return on || off;
      }
      default: {
        for (let i = 0; i < this.choices.length; i++) {
          if (!equals(address, length, this.choices[i])) continue;
          this.wanted = i;
          return true;
        }
        return false;
      }
    }
  }

  /** Writes a value as {@link read} reads it. */
  write(value: i32, to: Writer): void {
    if (this.kind == Kind.NUMBER) to.integer(value);
    else if (this.kind == Kind.SWITCH) to.text(value ? "on" : "off");
    else to.text(this.choices[value]);
  }

  private become(initial: i32): void {
    const isKept = this.available && this.value >= this.least && this.value <= this.most;
    this.initial = initial;
    if (!isKept) this.value = initial;
    this.available = true;
  }
}

export class Controls {
  readonly all: Control[] = [];

  // What the sensor delivers. Each driver's `describe` says which it has.

  /** Pixels of a frame: `320x240`. */
  readonly size: Control = this.add("size", Kind.CHOICE, "");
  /** `rgb565`, `yuyv`, `gray`, `jpeg`, `bayer`. */
  readonly format: Control = this.add("format", Kind.CHOICE, "");
  /** Frames a second, at most. */
  readonly fps: Control = this.add("fps", Kind.NUMBER, "1/s");
  readonly mirror: Control = this.add("mirror", Kind.SWITCH, "");
  readonly flip: Control = this.add("flip", Kind.SWITCH, "");
  readonly autoExposure: Control = this.add("auto_exposure", Kind.SWITCH, "");
  /** Time of exposure while `auto_exposure` is off. */
  readonly exposure: Control = this.add("exposure", Kind.NUMBER, "us");
  readonly autoGain: Control = this.add("auto_gain", Kind.SWITCH, "");
  /** Gain while `auto_gain` is off; 100 is 1. */
  readonly gain: Control = this.add("gain", Kind.NUMBER, "%");
  /** `auto`, or the light that it is made for. */
  readonly whiteBalance: Control = this.add("white_balance", Kind.CHOICE, "");
  readonly brightness: Control = this.add("brightness", Kind.NUMBER, "");
  readonly contrast: Control = this.add("contrast", Kind.NUMBER, "");
  readonly saturation: Control = this.add("saturation", Kind.NUMBER, "");

  // What the encoder makes of it.

  /** Of the JPEG files, on the IJG scale. */
  readonly quality: Control = this.add("quality", Kind.NUMBER, "");
  /** Of the chroma: `4:2:0`, `4:2:2`, `4:4:4`. */
  readonly sampling: Control = this.add("sampling", Kind.CHOICE, "");
  /** MCUs between restart markers; 0: none. */
  readonly restart: Control = this.add("restart_interval", Kind.NUMBER, "MCU");
  /** Bytes a frame that quality is adapted for; 0: it stays as it is set. */
  readonly frameBytes: Control = this.add("frame_bytes", Kind.NUMBER, "B");
  /** Bytes a second that quality is adapted for; 0: it stays as it is set. */
  readonly byteRate: Control = this.add("byte_rate", Kind.NUMBER, "B/s");

  /** The quality that the sensor's own files may have at most, as those of a higher one did not fit a slot. */
  fileCeiling: i32 = 100;

  /** The control of that name, or null. */
  find(name: usize, length: u32): Control | null {
    for (let i = 0; i < this.all.length; i++) {
      const control = this.all[i];
      if (control.available && equals(name, length, control.name)) return control;
    }
    return null;
  }

  /** The control of that name, whether the camera has it or not, or null. */
  named(name: string): Control | null {
    for (let i = 0; i < this.all.length; i++) if (this.all[i].name == name) return this.all[i];
    return null;
  }

  /**
   * Adds one that only a camera of the board's has, in front of those of the encoder: while the camera is being
   * described, and at no other time.
   */
  addFound(name: string, kind: Kind): Control {
    const control = this.add(name, kind, "");
    const place = this.all.indexOf(this.quality);
    for (let i = this.all.length - 1; i > place; i--) this.all[i] = this.all[i - 1];
    this.all[place] = control;
    return control;
  }

  /** Makes the wanted values the present ones, and the other way round. */
  exchange(): void {
    for (let i = 0; i < this.all.length; i++) {
      const control = this.all[i];
      const value = control.value;
      control.value = control.wanted;
      control.wanted = value;
    }
  }

  private add(name: string, kind: Kind, unit: string): Control {
    const control = new Control(name, kind, unit);
    this.all.push(control);
    return control;
  }
}

/** How people write a format. */
export function formatName(format: Format): string {
  switch (format) {
    case Format.GRAY:
      return "gray";
    case Format.RGB565:
      return "rgb565";
    case Format.YUYV:
      return "yuyv";
    case Format.JPEG:
      return "jpeg";
    default:
      return "bayer";
  }
}
