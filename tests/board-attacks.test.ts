/**
 * Attacks on the emulated board, in its size: visitors are answered, and a good viewer misses nothing. The like of
 * live-attacks.test.ts; how long it takes is `make bench`'s to print.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Attack, ATTACKS, suffer } from "./attackers.ts";
import { type EmulatedCamera, startEmulatedCamera } from "./emulated-camera.ts";

/** More than the board has places and sockets for. */
const CROWD = 40;

let board: EmulatedCamera;
before(async () => {
  // Few and small frames: the emulated board shares this machine with all else that the test does.
  board = await startEmulatedCamera({ width: 160, height: 120, settings: { fps: "5" } });
});
after(() => board?.stop());

for (const name of Object.keys(ATTACKS) as Attack[]) {
  test(`${name}: visitors are answered, a good viewer misses nothing`, async () => {
    const { visits, viewers, cut } = await suffer(board.port, name, 1.5, Math.min(CROWD, ATTACKS[name].crowd), 1);
    const bad = visits.filter(({ status }) => status !== 200);
    const told = `${bad.length} of ${visits.length}: ${JSON.stringify(bad.slice(0, 5))}`;
    assert.ok(bad.length <= visits.length / 20, told);
    for (const viewer of viewers) {
      assert.equal(viewer.problem, undefined);
      assert.ok(!viewer.wasCut, `after ${viewer.parts.length} frames`);
      assert.equal(viewer.lost, 0, `of ${viewer.parts.length} frames`);
    }
    if (ATTACKS[name].crowd > CROWD) assert.ok(cut > 0, "the crowd is larger than the table");
  });
}
