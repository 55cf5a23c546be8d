/** A board into which no sensor is plugged: where frames come from elsewhere. */

import { Fault } from "./board-table.ts";
import type { Sensor } from "./soft-sensor.ts";

export class NoSensor implements Sensor {
  readonly frameTime = 0;
  readonly readyAt = Infinity;

  set(): number {
    return Fault.MISSING;
  }

  lines(): number {
    return Fault.MISSING;
  }

  transfer(): number {
    return Fault.MISSING;
  }

  start(): number {
    return Fault.MISSING;
  }

  poll(): number {
    return Fault.MISSING;
  }

  stop(): void {}
}
