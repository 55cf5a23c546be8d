/**
 * Attacks over real sockets on the camera on Node: visitors are answered, and good viewers miss nothing. How long it
 * takes is `make bench`'s to print.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Attack, ATTACKS, suffer } from "./attackers.ts";
import { type LiveCamera, startLiveCamera } from "./live-camera.ts";

let camera: LiveCamera;
before(async () => {
  camera = await startLiveCamera({ settings: { fps: "15" } });
  await camera.firstFrame();
});
after(() => camera.stop());

for (const name of Object.keys(ATTACKS) as Attack[]) {
  test(`${name}: every visitor is answered, two good viewers miss nothing`, async () => {
    const { visits, viewers, cut } = await suffer(camera.port, name, 1);
    const bad = visits.filter(({ status }) => status !== 200);
    const told = `${bad.length} of ${visits.length}: ${JSON.stringify(bad.slice(0, 5))}`;
    assert.ok(bad.length <= visits.length / 100, told);
    for (const viewer of viewers) {
      assert.equal(viewer.problem, undefined);
      assert.ok(!viewer.wasCut, `after ${viewer.parts.length} frames`);
      assert.equal(viewer.lost, 0, `of ${viewer.parts.length} frames`);
    }
    if (ATTACKS[name].crowd > 100) assert.ok(cut > 0, "the crowd is larger than the table");
  });
}
