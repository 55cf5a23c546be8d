/** The HM01B0's driver, alone. */

import { Hm01b0 } from "../../assembly/sensors/hm01b0";
import { choose } from "./harness.as";

choose((controls) => new Hm01b0(controls));

export * from "./harness.as";
