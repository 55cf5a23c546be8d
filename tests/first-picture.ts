/** A camera answers before its sensor has delivered: this waits until there is something to see. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** How long it may take, ms. */
const PATIENCE_MS = 60_000;
const ASK_INTERVAL_MS = 50;

/** Keeps no connection, which the camera may have forgotten by the next request: after a reset it has. */
export const ALONE = { Connection: "close" };

/** Asks the camera at `url` for a snapshot until it has one. */
export async function firstPicture(url: string): Promise<Response> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const response = await fetch(new URL("/snapshot.jpg", url), { headers: ALONE });
    if (response.status === 200) return response;
    assert.equal(response.status, 503, "the status without a picture");
    const why = await response.text();
    assert.ok(performance.now() < deadline, `no picture, but: ${why}`);
    await sleep(ASK_INTERVAL_MS);
  }
}
