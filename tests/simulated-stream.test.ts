/** How a stream comes out: each part whole, with the boundary that closes it, and no sooner or later than its frame. */

import assert from "node:assert/strict";
import { SECOND } from "../host/simulated/timeline.ts";
import { scenario, SETTINGS } from "./simulated-scenario.ts";

const SLOWLY = { settings: { ...SETTINGS, fps: "1" } };

scenario("at a frame a second, a part and the boundary behind it come long before the next", SLOWLY, (world) => {
  const viewer = world.watch();
  world.run(10 * SECOND);
  assert.equal(viewer.problem, undefined);
  assert(viewer.parts.length >= 8);
  for (const { time, timestamp } of viewer.parts.slice(1)) {
    assert(time - timestamp < SECOND / 5, `closed ${time - timestamp} µs after its capture`);
  }
});
