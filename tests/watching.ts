/**
 * What tests of the viewer page do on every camera: wait for what it says, read its figures, and read from a screenshot
 * which frame of the test scene is on the screen.
 */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { readCounter } from "../host/scenes/pattern.ts";
import { ADMIN_SECRET } from "../host/simulated/secret.ts";

/** Where screenshots of the tests go. */
const SCREENSHOTS = fileURLToPath(new URL("../build/screenshots", import.meta.url));

/** How long (ms) anything may take that is waited for: far longer than it does. */
const PATIENCE = 60_000;

/** Waits until `condition` holds. */
export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await condition())) {
    if (performance.now() > deadline) assert.fail(`waited in vain for ${what}`);
    await sleep(50);
  }
}

/** Waits until the page is in a state, by the name that its script gives it. */
export async function inState(page: Page, state: string): Promise<void> {
  await page.locator(`#stage[data-state="${state}"]`).waitFor({ timeout: PATIENCE });
}

/** Waits until the page has drawn a picture, by the number that it was sent with. */
export async function isDrawn(page: Page, { sequence }: { sequence: number }): Promise<void> {
  await page.locator(`canvas[data-sequence="${sequence}"]`).waitFor({ timeout: PATIENCE });
}

/** What the page says under a heading. */
export async function figure(page: Page, heading: string): Promise<string> {
  const text = await page.locator("dl > div", { hasText: heading }).locator("dd").innerText();
  return text.replace(/\s+/g, " ").trim();
}

/** The counter of the test scene's frame that is on the screen, if one is. */
export async function counterOn(page: Page, picture = "#stage > :is(canvas, img)"): Promise<number | undefined> {
  return counterIn(await page.locator(picture).screenshot());
}

/** The counter in an image file. */
export async function counterIn(file: Buffer): Promise<number | undefined> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return readCounter(data, info.width, info.height);
}

/** Waits until frames of the test scene were seen on the screen, one after the other. */
export async function picturesMove(page: Page, picture?: string): Promise<void> {
  const seen = new Set<number>();
  await until(async () => {
    const counter = await counterOn(page, picture);
    if (counter !== undefined) seen.add(counter);
    return seen.size >= 3;
  }, "three different frames");
}

/** What the camera says of itself. */
export async function stateOf(camera: string): Promise<any> {
  return (await fetch(`${camera}/state`)).json();
}

/** Keeps a picture of the page in `build/screenshots`, for people to look at. */
export async function shoot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
}

/** WCAG 2.2, "contrast ratio", of two colours as browsers write them: rgb(1, 2, 3). */
export function contrastOf(one: string, other: string): number {
  const luminance = (colour: string): number => {
    const [red, green, blue] = colour.match(/[\d.]+/g)!.map((text) => {
      const value = Number(text) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** Says the admin secret on a page whose controls are open. */
export async function unlock(page: Page, secret = ADMIN_SECRET): Promise<void> {
  const lock = page.locator("#lock");
  const late = page.getByText("The camera doesn’t answer.");
  for (;;) {
    await page.getByLabel("Admin secret").fill(secret);
    await page.getByRole("button", { name: "Unlock" }).click();
    await until(async () => !(await lock.isVisible()) || (await late.isVisible()), "the secret's being taken");
    if (!(await lock.isVisible())) return;
    // On a busy machine a camera may be late, and the page says so. Then it is said once more, as anybody would.
    await sleep(1000);
  }
}
