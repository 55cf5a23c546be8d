/**
 * The viewer page in Chromium, watching the camera on Node. Where a test has to decide what the page gets when, a relay
 * stands between the two; the camera behind it is always the real one. The emulated board shows the same page in
 * page-board.test.ts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import sharp from "sharp";
import { buildPage, pageModule } from "../host/page.ts";
import { PHOTOS_FOLDER } from "../host/scenes/file.ts";
import { useBrowser } from "./browser.ts";
import { type LiveCamera, type LiveOptions, startLiveCamera } from "./live-camera.ts";
import { Relay } from "./relay.ts";
import {
  contrastOf,
  counterIn,
  counterOn,
  figure,
  inState,
  isDrawn,
  picturesMove,
  shoot,
  stateOf,
  until,
} from "./watching.ts";

const SOURCE = readFileSync(new URL("../assembly/page/index.html", import.meta.url), "utf8");

describe("the page as it is built", () => {
  it("is the same each time, and the same compressed", async () => {
    const [once, again] = [await buildPage(SOURCE), await buildPage(SOURCE)];
    assert.deepEqual(once, again);
    assert.deepEqual(gunzipSync(once.gzip), once.html);
    assert.equal(once.gzip.readUInt32LE(4), 0, "gzip's time");
  });

  it("is small enough for a board", async () => {
    const { html, gzip } = await buildPage(SOURCE);
    assert.ok(html.length <= 15_500, `${html.length} bytes`);
    assert.ok(gzip.length <= 6_900, `${gzip.length} bytes compressed`);
  });

  it("asks nobody but its camera for anything", async () => {
    const { html } = await buildPage(SOURCE);
    const addresses = html.toString().match(/\w+:\/\/[^'"\s]*/g);
    assert.deepEqual(addresses, ["http://www.w3.org/2000/svg"], "a namespace's name, which nobody looks up");
  });

  it("becomes AssemblyScript with the same bytes", async () => {
    const page = await buildPage(SOURCE);
    const text = pageModule("PAGE", page);
    const bytes = (name: string): Buffer =>
      Buffer.from(JSON.parse(new RegExp(`${name}: usize = memory.data<u8>\\((.*)\\)`).exec(text)![1]));
    assert.deepEqual(bytes("PAGE"), page.html);
    assert.deepEqual(bytes("PAGE_GZIP"), page.gzip);
    assert.match(text, new RegExp(`PAGE_BYTES: i32 = ${page.html.length};`));
    assert.match(text, new RegExp(`PAGE_GZIP_BYTES: i32 = ${page.gzip.length};`));
  });
});

describe("the page in Chromium", () => {
  const { test, closeLater, open } = useBrowser();

  async function start(options: LiveOptions = {}): Promise<LiveCamera & { url: string }> {
    const camera = await startLiveCamera(options);
    closeLater(() => camera.stop());
    return Object.assign(camera, { url: `http://127.0.0.1:${camera.port}` });
  }

  async function between(url: string): Promise<Relay> {
    const relay = await Relay.open(url);
    closeLater(() => relay.close());
    return relay;
  }

  test("shows moving pictures and what is known of them", async () => {
    const camera = await start();
    const page = await open(camera.url);
    await inState(page, "live");
    await picturesMove(page);
    await until(async () => /^[\d.]+ fps$/.test(await figure(page, "Frame rate")), "a frame rate");
    await until(async () => /^[\d.]+ (ms|s)$/.test(await figure(page, "Frame age")), "an age");
    assert.match(await figure(page, "Picture"), /^320 × 240 \d+\.\d KB$/);
    assert.equal(await figure(page, "Viewers"), "1 of 8");
    assert.equal(await page.locator("#board").textContent(), "node");
    assert.match((await page.locator("footer").textContent()) ?? "", /JPEG 4:2:0 at quality 85/);
  });

  test("asks only its camera, breaks no policy of its own and logs nothing", async () => {
    const camera = await start();
    const page = await open("about:blank");
    const said: string[] = [];
    const asked = new Set<string>();
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    page.on("request", (request) => asked.add(request.url()));
    page.on("websocket", (socket) => asked.add(socket.url().replace("ws:", "http:")));
    await page.goto(camera.url);
    await inState(page, "live");
    await picturesMove(page);
    assert.deepEqual(said, []);
    assert.deepEqual(
      [...asked].filter((url) => !url.startsWith("data:")).sort(),
      ["/", "/state", "/ws"].map((path) => camera.url + path),
    );
  });

  test("acknowledges each picture that comes by WebSocket, and the camera knows how old they are", async () => {
    const camera = await start();
    const page = await open("about:blank");
    const acknowledged: string[] = [];
    let came = 0;
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => acknowledged.push(String(payload)));
      socket.on("framereceived", () => came++);
    });
    await page.goto(camera.url);
    await inState(page, "live");
    await until(async () => acknowledged.length >= 20, "20 pictures");
    const numbers = acknowledged.map(Number);
    assert.ok(numbers.every((number, i) => i === 0 || number > numbers[i - 1]), acknowledged.join());
    assert.ok(came >= numbers.length);
    const [{ age, sent }] = (await stateOf(camera.url)).viewers;
    assert.ok(age > 0 && sent >= 20, `${sent} sent, the last acknowledged at ${age} s`);
  });

  for (const way of ["refused", "swallowed"] as const) {
    test(`watches the stream where WebSockets are ${way}, and a WebSocket again where they pass`, async () => {
      const camera = await start();
      const relay = await between(camera.url);
      relay.webSockets = way;
      const streams: string[] = [];
      const page = await open("about:blank");
      page.on("request", (request) => request.url().endsWith("/stream.jpg") && streams.push(request.url()));
      await page.goto(relay.url);
      await inState(page, "live");
      await picturesMove(page);
      assert.ok(streams.length > 0);
      relay.webSockets = "passed";
      relay.tunnels = 0;
      const before = streams.length;
      relay.breakOff();
      await until(async () => relay.tunnels > 0, "another WebSocket");
      await inState(page, "live");
      await picturesMove(page);
      assert.equal(streams.length, before);
    });
  }

  test("notices a WebSocket that went silent while the camera went on, and opens another", async () => {
    const camera = await start();
    const relay = await between(camera.url);
    relay.webSockets = "passed";
    const page = await open(relay.url);
    await inState(page, "live");
    relay.hold();
    await inState(page, "lost");
    relay.release();
    await inState(page, "live");
    await picturesMove(page);
  });

  test("has each picture on the screen before the next one is sent, at one frame a second", async () => {
    const camera = await start({ settings: { fps: "1" } });
    const relay = await between(camera.url);
    relay.hold();
    const page = await open(relay.url);
    for (let n = 0; n < 4; n++) {
      // Of the stream, the browser has nothing behind this picture's last byte, not even the boundary.
      const part = await relay.nextPart();
      await isDrawn(page, part);
      assert.equal(await counterOn(page), await counterIn(part.jpeg));
    }
  });

  test("fills the screen", async () => {
    const camera = await start();
    const screen = { width: 800, height: 600 };
    const page = await open(camera.url, { viewport: screen });
    await inState(page, "live");
    await page.getByRole("button", { name: "Full screen" }).click();
    await page.locator("#stage:fullscreen").waitFor();
    assert.deepEqual(await page.locator("canvas").boundingBox(), { x: 0, y: 0, ...screen });
    await picturesMove(page);
    await page.keyboard.press("Escape");
  });

  test("draws the newest of the pictures that came while it was busy, and not those between", async () => {
    const camera = await start();
    const relay = await between(camera.url);
    relay.hold();
    // The first picture is decoded only when the test says so. Each picture is one blob.
    const script = `
      const decode = self.createImageBitmap;
      const seen = (self.seen = { arrived: 0, decoded: 0 });
      self.createImageBitmap = async (blob) => {
        if (++seen.decoded === 1) await new Promise((done) => (seen.goOn = done));
        return decode(blob);
      };
      self.Blob = class extends Blob { constructor(...all) { super(...all); seen.arrived++; } };`;
    const page = await open(relay.url, {}, script);
    let last = await relay.nextPart();
    for (let n = 0; n < 5; n++) last = await relay.nextPart();
    await until(() => page.evaluate("seen.arrived === 6 && seen.decoded === 1"), "six pictures");
    await page.evaluate("seen.goOn()");
    await isDrawn(page, last);
    assert.equal(await page.evaluate("seen.decoded"), 2);
    assert.equal(await counterOn(page), await counterIn(last.jpeg));
  });

  test("tells a picture's age by the camera's clock", async () => {
    const camera = await start();
    const relay = await between(camera.url);
    relay.hold();
    relay.editState = ({ capture }) => (capture.sequence = 0); // so that the page takes the silence for the camera's
    const page = await open(relay.url);
    await inState(page, "waiting");
    assert.equal(await figure(page, "Frame age"), "–");
    const before = (await stateOf(camera.url)).time;
    const part = await relay.nextPart();
    await until(async () => (await figure(page, "Frame age")) !== "–", "an age");
    const text = await figure(page, "Frame age");
    const after = (await stateOf(camera.url)).time;
    // The relay had kept the picture for as long as the page waited.
    const age = Number(/^([\d.]+) s$/.exec(text)?.[1]);
    const error = 0.25; // s: rounding, and half a round trip
    assert.ok(age >= before - part.time - error, `${text} is too young`);
    assert.ok(age <= after - part.time + error, `${text} is too old`);
  });

  test("says that the connection is lost, and watches again when the camera is back", async () => {
    const first = await start();
    const relay = await between(first.url);
    const page = await open(relay.url);
    await inState(page, "live");
    await first.stop();
    await inState(page, "lost");
    assert.equal(await page.getByRole("status").textContent(), "Connection lost, trying again…");
    await until(async () => (await figure(page, "Frame rate")) === "–", "no frame rate");
    const second = await start();
    relay.camera = second.url;
    await inState(page, "live");
    await picturesMove(page);
    assert.equal((await stateOf(second.url)).viewers.length, 1);
  });

  test("notices a connection that went silent while the camera went on", async () => {
    const camera = await start();
    const relay = await between(camera.url);
    const page = await open(relay.url);
    await inState(page, "live");
    relay.hold();
    await inState(page, "lost");
    relay.release();
    await inState(page, "live");
  });

  test("shows pictures again by itself after the camera has crashed, three times over", async () => {
    const camera = await start();
    const page = await open(camera.url);
    await inState(page, "live");
    await picturesMove(page);
    for (let n = 1; n <= 3; n++) {
      camera.crash();
      await until(async () => (await stateOf(camera.url).catch(() => undefined))?.restarts === n, "a fresh start");
      await inState(page, "live");
      await picturesMove(page);
    }
    await shoot(page, "after-crashes");
    const { crash } = await stateOf(camera.url);
    assert.match(crash.text, /^the sensor answers nonsense, in function \d+ at 0x/);
  });

  test("says so when the sensor delivers nothing", async () => {
    const camera = await start({ settings: { size: "321x240" } }); // the scene is 320x240, so the sensor refuses
    const page = await open(camera.url);
    await inState(page, "waiting");
    assert.equal(await page.getByRole("status").textContent(), "Connected, waiting for a picture…");
    assert.match((await page.locator("footer").textContent()) ?? "", /^soft sensor refused, /);
  });

  test("says so when pictures stop coming and the camera is there, and goes on when they come", async () => {
    const camera = await start();
    const relay = await between(camera.url);
    const page = await open(relay.url);
    await inState(page, "live");
    relay.hold();
    relay.editState = ({ capture }) => (capture.sequence = 0);
    await inState(page, "waiting");
    relay.release();
    await inState(page, "live");
  });

  test("says so when too many watch, and watches when a place is free", async () => {
    const camera = await start();
    const others: IncomingMessage[] = [];
    for (let n = 0; n < 8; n++) {
      others.push(await new Promise((done, fail) => get(`${camera.url}/stream.jpg`, done).on("error", fail)));
    }
    for (const other of others) other.resume();
    const page = await open(camera.url);
    await inState(page, "full");
    assert.equal(await page.getByRole("status").textContent(), "Too many viewers, trying again…");
    await until(async () => (await figure(page, "Viewers")) === "8 of 8", "eight viewers");
    others[0].destroy();
    await inState(page, "live");
    for (const other of others) other.destroy();
  });

  test("leaves its place while it is hidden", async () => {
    const camera = await start();
    const page = await open(camera.url);
    await inState(page, "live");
    const setHidden = (hidden: boolean): Promise<void> =>
      page.evaluate(`{
        Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }`);
    await setHidden(true);
    await inState(page, "hidden");
    await until(async () => (await stateOf(camera.url)).viewers.length === 0, "no viewer");
    await setHidden(false);
    await inState(page, "live");
    await picturesMove(page);
  });

  test("shows an <img> where it can't draw, and that one recovers too", async () => {
    const first = await start();
    const relay = await between(first.url);
    const page = await open(relay.url, {}, "delete self.createImageBitmap;");
    await inState(page, "live");
    assert.equal(await page.locator("canvas").count(), 0);
    await picturesMove(page);
    assert.match(await figure(page, "Picture"), /^320 × 240/);
    await first.stop();
    await inState(page, "lost");
    const second = await start();
    relay.camera = second.url;
    await inState(page, "live");
    await picturesMove(page);
  });

  test("shows an <img> without JavaScript", async () => {
    const camera = await start();
    const page = await open(camera.url, { javaScriptEnabled: false });
    await picturesMove(page, "noscript img");
  });

  test("opens and saves a snapshot", async () => {
    const camera = await start();
    const page = await open(camera.url);
    await inState(page, "live");
    const [snapshot] = await Promise.all([
      page.waitForEvent("popup"),
      page.getByRole("link", { name: "Snapshot", exact: true }).click(),
    ]);
    await until(() => snapshot.evaluate("document.images[0]?.naturalWidth === 320"), "the snapshot");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Save snapshot" }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^wasmcam-\d{4}(-\d\d){5}\.jpg$/);
    const { format, width, height } = await sharp(await download.path()).metadata();
    assert.deepEqual({ format, width, height }, { format: "jpeg", width: 320, height: 240 });
  });

  test("is read by a screen reader as what it is", async () => {
    const camera = await start();
    const page = await open(camera.url);
    await inState(page, "live");
    await until(async () => (await figure(page, "Viewers")) === "1 of 8", "the camera's state");
    const tree = await page.locator("body").ariaSnapshot();
    const expected = [
      /^- banner:\n {2}- heading "wasmcam" \[level=1\]/m,
      /^- main:/m,
      /- img "Live picture from the camera"/,
      /- status: Live$/m,
      /- term: Frame rate\n +- definition: [\d–]/,
      /- term: Frame age\n +- definition: [\d–]/,
      /- term: Picture\n +- definition: 320 × 240/,
      /- term: Viewers\n +- definition: 1 of 8/,
      /- navigation "Picture":/,
      /- link "Snapshot":/,
      /- link "Save snapshot":/,
      /- button "Full screen"/,
    ];
    for (const line of expected) assert.match(tree, line);
    // Only the word for what the page is doing is read out by itself: never a figure.
    const liveRegions = page.locator("[aria-live], [role=status], [role=alert], [role=log], [role=timer], output");
    assert.deepEqual(await liveRegions.allTextContents(), ["Live", ""]); // the other one is for the controls
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`has enough contrast, ${colorScheme}`, async () => {
      const camera = await start();
      const page = await open(camera.url, { colorScheme });
      await inState(page, "live");
      const pairs: string[][] = await page.evaluate(`
        [["h1", "body"], ["#board", "body"], ["footer", "body"], ["dt", "dl > div"], ["dd", "dl > div"],
         ["small", "dl > div"], ["nav a", "nav a"], ["nav button", "nav button"]]
          .map(([text, ground]) => [text, getComputedStyle(document.querySelector(text)).color,
            getComputedStyle(document.querySelector(ground)).backgroundColor])`);
      for (const [name, ink, ground] of pairs) {
        const contrast = contrastOf(ink, ground);
        assert.ok(contrast >= 4.5, `${name} has a contrast of ${contrast.toFixed(1)}, WCAG 2.2 wants 4.5 (1.4.3)`);
      }
    });
  }

  for (const [name, width, height] of [
    ["a small phone", 320, 568],
    ["a phone", 390, 844],
    ["a phone on its side", 844, 390],
    ["a tablet", 768, 1024],
  ] as const) {
    test(`fits ${name}`, async () => {
      const camera = await start({ scene: PHOTOS_FOLDER });
      const page = await open(camera.url, {
        viewport: { width, height },
        deviceScaleFactor: 2,
        isMobile: true,
        hasTouch: true,
        colorScheme: width > height ? "light" : "dark",
      });
      await inState(page, "live");
      await until(async () => (await figure(page, "Viewers")) === "1 of 8", "the camera's state");
      const widest = await page.evaluate<number>("document.documentElement.scrollWidth");
      assert.ok(widest <= width, `${widest} pixels wide`);
      const stage = (await page.locator("#stage").boundingBox())!;
      assert.ok(Math.abs(stage.width / stage.height - 4 / 3) < 0.01, "the picture's shape");
      assert.ok(stage.y + stage.height <= height, "the picture is seen whole");
      for (const control of await page.locator("nav > *").all()) {
        const box = (await control.boundingBox())!;
        assert.ok(box.height >= 44 && box.width >= 44, "a finger's size");
      }
      await shoot(page, `page-${width}x${height}`);
    });
  }
});
