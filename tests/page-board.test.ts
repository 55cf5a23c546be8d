/**
 * The viewer page in Chromium, watching the camera on the emulated board. What the page does in every case that can
 * arise is examined in page.test.ts; here it is that the board carries it.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { PHOTOS_FOLDER } from "../host/scenes/file.ts";
import { launchBrowser } from "./browser.ts";
import { type EmulatedCamera, type EmulatedOptions, startEmulatedCamera } from "./emulated-camera.ts";
import { Relay } from "./relay.ts";
import { counterIn, counterOn, figure, inState, isDrawn, picturesMove, shoot, until } from "./watching.ts";

/** Runs `body` with a camera, which is stopped however that ends. */
async function withCamera(options: EmulatedOptions, body: (url: string, camera: EmulatedCamera) => Promise<void>) {
  const camera = await startEmulatedCamera(options);
  try {
    await body(`http://127.0.0.1:${camera.port}`, camera);
  } finally {
    await camera.stop();
  }
}

describe("the page in Chromium, from the emulated board", () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  /** Opens the page; it is closed with the browser. */
  async function open(url: string, options: BrowserContextOptions = {}, script = ""): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 800, height: 700 }, ...options });
    await context.addInitScript(script);
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  it("shows moving pictures, the figures, and the same as an <img>; several pages at once", () =>
    withCamera({}, async (url, camera) => {
      const page = await open(url);
      await inState(page, "live");
      await picturesMove(page);
      await until(async () => /^[\d.]+ fps$/.test(await figure(page, "Frame rate")), "a frame rate");
      await until(async () => /^[\d.]+ (ms|s)$/.test(await figure(page, "Frame age")), "an age");
      assert.match(await figure(page, "Picture"), /^320 × 240 \d+\.\d KB$/);
      assert.equal(await page.locator("#board").textContent(), "mps2-an500");
      const byImage = await open(url, {}, "delete self.createImageBitmap;");
      await inState(byImage, "live");
      await picturesMove(byImage);
      const third = await open(url);
      await inState(third, "live");
      await until(async () => (await figure(page, "Viewers")) === "3 of 8", "three viewers");
      await picturesMove(page);
      await camera.stop();
      for (const each of [page, byImage, third]) await inState(each, "lost");
    }));

  it("has each picture on the screen before the next one is sent, at one frame a second", () =>
    withCamera({ settings: { fps: "1" } }, async (url) => {
      const relay = await Relay.open(url);
      try {
        relay.hold();
        const page = await open(relay.url);
        for (let n = 0; n < 4; n++) {
          const part = await relay.nextPart();
          await isDrawn(page, part);
          assert.equal(await counterOn(page), await counterIn(part.jpeg));
        }
      } finally {
        await relay.close();
      }
    }));

  it("shows the photographs, moving", () =>
    withCamera({ scene: PHOTOS_FOLDER }, async (url) => {
      const page = await open(url, { viewport: { width: 1000, height: 760 } });
      await inState(page, "live");
      await until(async () => /fps/.test(await figure(page, "Frame rate")), "a frame rate");
      await until(async () => /of/.test(await figure(page, "Viewers")), "the camera's state");
      // The window is at a photograph's top edge every 120 frames: a good moment. docs/screenshot.png is a copy.
      const sequence = async () => Number(await page.locator("canvas").getAttribute("data-sequence"));
      await until(async () => (await sequence()) % 120 >= 108, "the upper edge");
      await shoot(page, "page-board");
      const first = await page.locator("canvas").screenshot();
      await until(async () => !first.equals(await page.locator("canvas").screenshot()), "another picture");
    }));
});
