/** The OV5640's driver alone, for its test. */

import { Ov5640 } from "../../assembly/sensors/ov5640";
import { choose } from "./harness.as";

choose((controls) => new Ov5640(controls));
export * from "./harness.as";
