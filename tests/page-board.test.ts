/**
 * The viewer page in Chromium, watching the camera on the emulated board. What the page does in every case that can
 * arise is examined in page.test.ts; here it is that the board carries it.
 */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { PHOTOS_FOLDER } from "../host/scenes/file.ts";
import { useBrowser } from "./browser.ts";
import { type EmulatedCamera, type EmulatedOptions, startEmulatedCamera } from "./emulated-camera.ts";
import { Relay } from "./relay.ts";
import { counterIn, counterOn, figure, inState, isDrawn, picturesMove, shoot, until } from "./watching.ts";

describe("the page in Chromium, from the emulated board", () => {
  const { test, closeLater, open } = useBrowser();

  async function start(options: EmulatedOptions = {}): Promise<EmulatedCamera & { url: string }> {
    const camera = await startEmulatedCamera(options);
    closeLater(() => camera.stop());
    return Object.assign(camera, { url: `http://127.0.0.1:${camera.port}` });
  }

  test("shows moving pictures, the figures, and the same as an <img>; several pages at once", async () => {
    const camera = await start();
    const page = await open(camera.url);
    await inState(page, "live");
    await picturesMove(page);
    await until(async () => /^[\d.]+ fps$/.test(await figure(page, "Frame rate")), "a frame rate");
    await until(async () => /^[\d.]+ (ms|s)$/.test(await figure(page, "Frame age")), "an age");
    assert.match(await figure(page, "Picture"), /^320 × 240 \d+\.\d KB$/);
    assert.equal(await page.locator("#board").textContent(), "mps2-an500");
    const byImage = await open(camera.url, {}, "delete self.createImageBitmap;");
    await inState(byImage, "live");
    await picturesMove(byImage);
    const third = await open(camera.url);
    await inState(third, "live");
    await until(async () => (await figure(page, "Viewers")) === "3 of 8", "three viewers");
    await picturesMove(page);
    await camera.stop();
    for (const each of [page, byImage, third]) await inState(each, "lost");
  });

  test("has each picture on the screen before the next one is sent, at one frame a second", async () => {
    const camera = await start({ settings: { fps: "1" } });
    const relay = await Relay.open(camera.url);
    closeLater(() => relay.close());
    relay.hold();
    const page = await open(relay.url);
    for (let n = 0; n < 4; n++) {
      const part = await relay.nextPart();
      await isDrawn(page, part);
      assert.equal(await counterOn(page), await counterIn(part.jpeg));
    }
  });

  test("shows the photographs, moving", async () => {
    const camera = await start({ scene: PHOTOS_FOLDER });
    const page = await open(camera.url, { viewport: { width: 1000, height: 760 } });
    await inState(page, "live");
    await until(async () => /fps/.test(await figure(page, "Frame rate")), "a frame rate");
    await until(async () => /of/.test(await figure(page, "Viewers")), "the camera's state");
    // The window is at a photograph's top edge every 120 frames: a good moment. docs/screenshot.png is a copy.
    const sequence = async () => Number(await page.locator("canvas").getAttribute("data-sequence"));
    await until(async () => (await sequence()) % 120 >= 108, "the upper edge");
    await shoot(page, "page-board");
    const first = await page.locator("canvas").screenshot();
    await until(async () => !first.equals(await page.locator("canvas").screenshot()), "another picture");
  });
});
