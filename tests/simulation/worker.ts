/** A process of `runner.ts`: lives through the plans that it is sent, one after another. */

import { loadModule } from "../../host/module.ts";
import { Files } from "./files.ts";
import { live } from "./life.ts";
import type { Plan } from "./plan.ts";

const module = await loadModule(process.argv[2]);
const files = await Files.load();
process.on("message", (plan: Plan) => {
  void live(module, plan, files).then((outcome) => process.send!(outcome));
});
process.on("disconnect", () => process.exit());
process.send!("ready");
