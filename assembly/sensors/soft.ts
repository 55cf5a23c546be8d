/**
 * The soft sensor: for boards without a sensor bus, which simply deliver the frames that they are asked for. Real
 * sensors' drivers stand beside it with the same methods, and do by registers what one call does here.
 */

import { softSensorSet } from "../board";
import { SECOND } from "../limits";
import { Settings } from "../settings";

export class SoftSensor {
  readonly name: string = "soft";

  /** Makes the sensor deliver what `settings` say. @returns 0 or a Fault */
  configure(settings: Settings): i32 {
    return softSensorSet(settings.width, settings.height, settings.format, u32(SECOND / settings.fps));
  }
}
