/**
 * The soft sensor: for boards without a sensor bus, which simply deliver the frames that they are asked for. It has
 * what the board was given to show, in one size and format; or it is a camera with a driver of the board's own, with
 * the sizes and formats that this offers, and whatever else it has to set (`docs/board-interface.md`).
 */

import { Fault, Format, softSensorSet } from "../board";
import { Control, Controls, formatName } from "../controls";
import { CAMERA_CONTROLS_MAX, CAMERA_MODES_MAX, READY_PAUSE, SECOND } from "../limits";
import { Scene, hearControl, readControl, readMode, tellControl } from "../settings";
import { Sensor } from "./sensor";

export class SoftSensor extends Sensor {
  /** What a camera offers, `count` of them, each once; the first one is its own choice. */
  private readonly modes: StaticArray<Scene> = new StaticArray<Scene>(CAMERA_MODES_MAX);
  private count: i32 = 0;
  /** Which of them have the size, and the format, that the controls list in these places. */
  private readonly sizes: StaticArray<i32> = new StaticArray<i32>(CAMERA_MODES_MAX);
  private readonly formats: StaticArray<i32> = new StaticArray<i32>(CAMERA_MODES_MAX);
  /** What to say to whoever wants another size in the format of that place. */
  private objections: string[] = [];
  /** What else a camera has to set. */
  private readonly found: Control[] = [];
  /** Whether the camera was told the controls' values, and what it made of them is to be heard. */
  private isTold: bool = false;

  constructor(
    controls: Controls,
    /** What there is without a camera, as the board's settings say. */
    private readonly scene: Scene,
  ) {
    super("soft", controls);
    for (let i = 0; i < CAMERA_MODES_MAX; i++) this.modes[i] = new Scene();
  }

  get isOnBus(): bool {
    return false;
  }

  describe(): void {
    this.controls.fps.setRange(1, 120, 30);
    if (!this.count) {
      this.modes[0] = this.scene;
      this.count = 1;
    }
    const sizes: string[] = [];
    const formats: string[] = [];
    for (let i = 0; i < this.count; i++) {
      const mode = this.modes[i];
      const size = sizeName(mode);
      if (!sizes.includes(size)) this.sizes[sizes.push(size) - 1] = i;
      const format = formatName(mode.format);
      let place = formats.indexOf(format);
      if (place < 0) {
        place = formats.push(format) - 1;
        this.formats[place] = i;
        this.objections.push("the camera has " + format + " in these sizes only:");
      }
      this.objections[place] += " " + size;
    }
    this.controls.size.setChoices(sizes, 0);
    this.controls.format.setChoices(formats, 0);
    for (let n = 0; n < CAMERA_CONTROLS_MAX; n++) if (!readControl(n, this.controls, this.found)) break;
  }

  get objection(): string {
    const isFound = this.objections.length > 0; // else it is a candidate, and the controls are not its own
    return !isFound || this.wanted() ? "" : this.objections[this.controls.format.value];
  }

  start(): void {
    this.isTold = false; // and may have been set to something else since
  }

  apply(): void {
    for (let i = 0; i < this.found.length; i++) tellControl(this.found[i]);
    this.isTold = true;
  }

  run(now: i64): i32 {
    const controls = this.controls;
    let mode: Scene | null = this.scene;
    if (controls.size.available) mode = this.wanted();
    else if (this.readModes()) return 0; // the controls will say which of them
    if (!mode) return Fault.REFUSED;
    const result = softSensorSet(mode.width, mode.height, mode.format, u32(this.interval));
    if (result == Fault.AGAIN) this.wakeAt = now + READY_PAUSE;
    if (result == 0 && this.isTold) {
      for (let i = 0; i < this.found.length; i++) if (hearControl(this.found[i])) this.corrected++;
      this.isTold = false;
    }
    return result;
  }

  get interval(): i64 {
    const fps = this.controls.fps;
    return SECOND / (fps.available ? fps.value : 30);
  }

  /** The mode that the controls say, if there is such a one. */
  private wanted(): Scene | null {
    const size = this.modes[this.sizes[this.controls.size.value]];
    const format = this.modes[this.formats[this.controls.format.value]].format;
    return this.find(size.width, size.height, format, this.count);
  }

  private find(width: i32, height: i32, format: Format, count: i32): Scene | null {
    for (let i = 0; i < count; i++) {
      const mode = this.modes[i];
      if (mode.width == width && mode.height == height && mode.format == format) return mode;
    }
    return null;
  }

  /** Asks what the board's camera offers. @returns whether it is known */
  private readModes(): bool {
    this.count = 0;
    for (let n = 0; n < CAMERA_MODES_MAX; n++) {
      const mode = this.modes[this.count];
      if (!readMode(n, mode)) break;
      const isNew = !this.find(mode.width, mode.height, mode.format, this.count);
      if (mode.width && mode.height && isNew) this.count++;
    }
    return this.count > 0;
  }
}

function sizeName(mode: Scene): string {
  return mode.width.toString() + "x" + mode.height.toString();
}
