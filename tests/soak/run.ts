/** The soak's command line, `make soak`: HOURS=1, or SECONDS=60; SEED=1. Ends with a verdict. */

import { soak } from "./soak.ts";

const { HOURS = "1", SECONDS, SEED = "1" } = process.env;
const seconds = SECONDS === undefined ? 3600 * Number(HOURS) : Number(SECONDS);
if (!(seconds > 0)) throw new Error(`HOURS=${HOURS} SECONDS=${SECONDS} is no time`);
const verdict = await soak({ seconds, seed: Number(SEED), say: (line) => console.log(line) });
for (const wrong of verdict) console.log(`WRONG: ${wrong}`);
console.log(verdict.length === 0 ? "the camera stood it" : "the camera did not stand it");
process.exitCode = verdict.length === 0 ? 0 : 1;
