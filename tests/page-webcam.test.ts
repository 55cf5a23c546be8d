/**
 * The page's controls of a webcam on the board `linux`, in Chromium: what the (faked) camera has to set is there, sets
 * it, and shows what the camera made of it. What else the controls do is examined in page-controls.test.ts.
 */

import assert from "node:assert/strict";
import { describe } from "node:test";
import sharp from "sharp";
import { startLinuxBoard } from "../host/linux/board.ts";
import { PHOTOS_FOLDER } from "../host/scenes/photos.ts";
import { testSettings } from "../host/simulated/secret.ts";
import { useBrowser } from "./browser.ts";
import { DEVICE, FakeCamera } from "./video/fake-camera.ts";
import { inState, shoot, unlock, until } from "./watching.ts";

const SCENARIO = [
  "format MJPG",
  "size 640x480 30",
  "size 320x240 30",
  "control 0x980900 integer -64 64 1 0", // brightness
  "control 0x980901 integer 0 64 1 32", // contrast, by tens
  "coarse 10",
  "control 0x980902 integer 0 128 1 60",
  "control 0x98090c boolean 0 1 1 1",
  "control 0x980918 menu 0 2 1 1",
  "item 0 Disabled",
  "item 1 50 Hz",
  "item 2 60 Hz",
  "control 0x98091a integer 2800 6500 1 4600",
  "active 0x98090c 0",
  "control 0x98091b integer 0 6 1 3",
  "control 0x9a0901 menu 0 3 1 3",
  "item 1 Manual Mode",
  "item 3 Aperture Priority Mode",
  "control 0x9a0902 integer 1 5000 1 157",
  "active 0x9a0901 1",
];

describe("a webcam's controls in Chromium", () => {
  const { test, closeLater, open } = useBrowser();

  test("are there, set it, and show what it made of them, or that it refused", async () => {
    const picture = await sharp(`${PHOTOS_FOLDER}/cat.jpg`).resize(640, 480, { fit: "cover" }).jpeg().toBuffer();
    const camera = await FakeCamera.make(SCENARIO, { MJPG: [picture] });
    closeLater(() => camera.remove());
    const board = await startLinuxBoard({ camera: DEVICE, env: camera.env, settings: testSettings({}) });
    closeLater(() => board.stop());
    const page = await open(board.url, { viewport: { width: 1280, height: 1000 } });
    await inState(page, "live");
    await page.getByText("Controls", { exact: true }).click();
    await page.locator("#panel label").first().waitFor();
    await unlock(page);

    const field = (name: string) => page.getByRole("spinbutton", { name, exact: true });
    const shows = (name: string, value: string) =>
      until(async () => (await field(name).inputValue()) === value, `the page's ${name} to be ${value}`);
    const isSet = (line: string) => until(async () => camera.sets.includes(line), `the camera to be set: ${line}`);
    const type = async (name: string, value: string) => {
      await field(name).fill(value);
      await field(name).press("Enter");
    };
    await type("brightness", "-20");
    await isSet("0x980900 -20");
    await page.getByRole("combobox", { name: "power line frequency" }).selectOption("60_hz");
    await isSet("0x980918 2");
    await page.getByRole("checkbox", { name: "auto exposure" }).uncheck();
    await type("exposure us", "20000");
    await isSet("0x9a0902 200");
    await type("contrast", "48");
    await isSet("0x980901 48");
    camera.set("grabbed", true);
    await type("brightness", "30");
    await board.line(/brightness can't be 30 now, and stays -20/);
    await shows("brightness", "-20");
    await shows("contrast", "40"); // as the camera rounds it
    await shoot(page, "controls-webcam");
    assert.equal(await field("white balance temperature K").inputValue(), "4600");
    await inState(page, "live");
  });
});
