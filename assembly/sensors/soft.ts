/**
 * The soft sensor: for boards without a sensor bus, which simply deliver the frames that they are asked for. It has
 * what the board was given to show, in one size and format, and no lens to set.
 */

import { Format, softSensorSet } from "../board";
import { Controls, formatName } from "../controls";
import { SECOND } from "../limits";
import { Sensor } from "./sensor";

export class SoftSensor extends Sensor {
  constructor(
    controls: Controls,
    /** The one size and format that there is, as the board's settings say. */
    private readonly width: i32,
    private readonly height: i32,
    private readonly format: Format,
  ) {
    super("soft", controls);
  }

  get isOnBus(): bool {
    return false;
  }

  describe(): void {
    this.controls.size.setChoices([this.width.toString() + "x" + this.height.toString()], 0);
    this.controls.format.setChoices([formatName(this.format)], 0);
    this.controls.fps.setRange(1, 120, 30);
  }

  start(): void {}

  apply(): void {}

  run(_now: i64): i32 {
    return softSensorSet(this.width, this.height, this.format, u32(this.interval));
  }

  get interval(): i64 {
    const fps = this.controls.fps;
    return SECOND / (fps.available ? fps.value : 30);
  }
}
