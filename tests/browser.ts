/**
 * A browser for tests that look at the page: the distribution's Chromium, so that Playwright's own download is not
 * needed. The environment's CHROMIUM names another browser of that family.
 */
import { existsSync } from "node:fs";
import { after, before, it } from "node:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

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
async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place));
  if (!executablePath) throw new Error("no Chromium: install the package chromium, or name one in CHROMIUM");
  const args = process.getuid?.() === 0 ? [...FLAGS, ...ROOT_FLAGS] : FLAGS;
  return chromium.launch({ executablePath, args, headless: true });
}

/** What the tests of a `describe` use a browser by. */
export type InBrowser = {
  /** A test that closes what it opened, however it ends. */
  test(name: string, body: () => Promise<void>): void;
  /** Has something closed at the end of the test that is under way, the last one first. */
  closeLater(close: () => Promise<unknown>): void;
  /** Opens a page, in which `script` runs before any of its own. */
  open(url: string, options?: BrowserContextOptions, script?: string): Promise<Page>;
};

/** Has one browser there for all tests of the `describe` that this is called in. */
export function useBrowser(): InBrowser {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  const closing: (() => Promise<unknown>)[] = [];
  const closeLater = (close: () => Promise<unknown>): void => void closing.push(close);
  return {
    closeLater,
    test(name, body) {
      it(name, async () => {
        try {
          await body();
        } finally {
          for (const close of closing.splice(0).reverse()) await close();
        }
      });
    },
    async open(url, options = {}, script = "") {
      const context = await browser.newContext({ viewport: { width: 800, height: 700 }, ...options });
      closeLater(() => context.close());
      await context.addInitScript(script);
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
  };
}
