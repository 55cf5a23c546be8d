/**
 * Starts the distribution's Chromium for tests that look at the page. Playwright's own download is not needed; the
 * environment's CHROMIUM names another browser of that family.
 */
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Nothing that talks to anyone but the page's own server. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Chromium refuses its sandbox to root. */
const ROOT_FLAGS = ["--no-sandbox"];

/** A headless browser. The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place));
  if (!executablePath) throw new Error("no Chromium: install the package chromium, or name one in CHROMIUM");
  const args = process.getuid?.() === 0 ? [...FLAGS, ...ROOT_FLAGS] : FLAGS;
  return chromium.launch({ executablePath, args, headless: true });
}
