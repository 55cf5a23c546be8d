/** The driver of the OV2640, for its test. The quality of JPEG files is the module's control, so it is made here. */

import { Ov2640 } from "../../assembly/sensors/ov2640";
import { choose } from "./harness.as";

choose((controls) => {
  controls.quality.setRange(1, 100, 85);
  return new Ov2640(controls);
});

export * from "./harness.as";
