/**
 * The page's controls in Chromium, on the camera on Node: they are made from what `/control` says, and so is what is
 * asked of them here. What else the page does is examined in page.test.ts.
 */
import assert from "node:assert/strict";
import { describe } from "node:test";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import sharp from "sharp";
import { PHOTOS_FOLDER } from "../host/scenes/file.ts";
import { SENSORS } from "../host/sensors/models.ts";
import { ADMIN_SECRET, bearer } from "../host/simulated/secret.ts";
import { useBrowser } from "./browser.ts";
import { type LiveOptions, startLiveCamera } from "./live-camera.ts";
import { Relay } from "./relay.ts";
import { contrastOf, figure, inState, picturesMove, shoot, stateOf, unlock, until } from "./watching.ts";

type Value = string | number | boolean;

interface Control {
  name: string;
  kind: "number" | "choice" | "switch";
  min: number;
  max: number;
  unit?: string;
  choices: string[];
  default: Value;
  value: Value;
}

const ROLES = { number: "spinbutton", choice: "combobox", switch: "checkbox" } as const;

async function controlsOf(camera: string): Promise<Control[]> {
  const { controls } = (await (await fetch(`${camera}/control`)).json()) as { controls: Control[] };
  return controls;
}

async function valueOf(camera: string, name: string): Promise<Value | undefined> {
  return (await controlsOf(camera)).find((control) => control.name === name)?.value;
}

async function has(camera: string, name: string, value: Value): Promise<void> {
  await until(async () => (await valueOf(camera, name)) === value, `the camera's ${name} to be ${value}`);
}

/** Asks the camera, as the page does. */
function post(camera: string, values: Record<string, string>): Promise<Response> {
  const headers = bearer(ADMIN_SECRET);
  return fetch(`${camera}/control`, { method: "POST", body: new URLSearchParams(values), headers });
}

/** What stands for a control: its field, list or box. */
function element(page: Page, { name, kind, unit }: Pick<Control, "name" | "kind" | "unit">): Locator {
  const label = [name.replaceAll("_", " "), unit].filter(Boolean).join(" ");
  return page.getByRole(ROLES[kind], { name: label, exact: true });
}

function sliderOf(page: Page, { name }: Pick<Control, "name">): Locator {
  return page.getByRole("slider", { name: name.replaceAll("_", " "), exact: true });
}

const field = (page: Page, name: string): Locator => page.getByRole("spinbutton", { name });
const words = (page: Page): Locator => page.locator("#controls").getByRole("status");

async function says(page: Page, text: string): Promise<void> {
  await until(async () => (await words(page).textContent())?.trim() === text, `the words "${text}"`);
}

async function shows(page: Page, name: string, value: number): Promise<void> {
  const its = field(page, name);
  await until(async () => (await its.inputValue()) === String(value), `the page's ${name} to be ${value}`);
}

async function openPanel(page: Page): Promise<void> {
  await page.getByText("Controls", { exact: true }).click();
  await page.locator("#panel label").first().waitFor();
  await unlock(page);
}

/** Whether the test scene's colour bars go from dark to light: it is the other way round where they aren't mirrored. */
async function growsLighter(page: Page): Promise<boolean> {
  const { data, info } = await sharp(await page.locator("canvas").screenshot())
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const row = data.subarray(Math.floor(info.height * 0.35) * info.width).subarray(0, info.width);
  const sum = (part: Uint8Array): number => part.reduce((total, value) => total + value, 0);
  const quarter = info.width >> 2;
  return sum(row.subarray(0, quarter)) < sum(row.subarray(-quarter));
}

describe("the page's controls in Chromium", () => {
  const { test, closeLater, open: openPage } = useBrowser();

  async function start(options: LiveOptions = {}): Promise<string> {
    const camera = await startLiveCamera(options);
    closeLater(() => camera.stop());
    await camera.firstFrame();
    return `http://127.0.0.1:${camera.port}`;
  }

  /** The page, with its controls opened. */
  async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await openPage(url, options);
    await inState(page, "live");
    await openPanel(page);
    return page;
  }

  test("are all there, by role and name, with the camera's values, and set them", async () => {
    const camera = await start();
    const page = await open(camera);
    const controls = await controlsOf(camera);
    assert.deepEqual(
      ["size", "quality", "sampling", "fps"].filter((name) => !controls.some((control) => control.name === name)),
      [],
    );
    const count = { number: 0, choice: 0, switch: 0 };
    for (const control of controls) {
      const { name, kind, value } = control;
      count[kind]++;
      const its = element(page, control);
      if (kind === "switch") {
        assert.equal(await its.isChecked(), value);
        await its.setChecked(!value);
        await has(camera, name, !value);
      } else if (kind === "choice") {
        assert.equal(await its.inputValue(), value);
        assert.deepEqual(await its.locator("option").allTextContents(), control.choices);
        for (const choice of [...control.choices].reverse()) {
          await its.selectOption(choice);
          await has(camera, name, choice);
        }
      } else {
        assert.equal(await its.inputValue(), String(value));
        await its.fill(String(control.min));
        await its.press("Enter");
        await has(camera, name, control.min);
        const slider = sliderOf(page, control);
        await slider.press("End");
        await has(camera, name, control.max);
        assert.equal(await its.inputValue(), String(control.max));
        await slider.press("Home");
        await has(camera, name, control.min);
      }
    }
    // Nothing stands there beside them.
    assert.equal(await page.locator("#panel :is(input:not([type=range]), select)").count(), controls.length);
    assert.equal(await page.getByRole("slider").count(), count.number);
    assert.equal(await words(page).textContent(), "");
    await page.getByRole("button", { name: "Defaults" }).click();
    await says(page, "All are at their defaults.");
    for (const control of await controlsOf(camera)) {
      assert.equal(control.value, control.default, control.name);
      const its = element(page, control);
      const shown = control.kind === "switch" ? await its.isChecked() : await its.inputValue();
      assert.equal(String(shown), String(control.default), control.name);
    }
    await picturesMove(page);
  });

  test("are asked for only when they are opened", async () => {
    const camera = await start();
    const page = await openPage("about:blank");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(camera);
    await until(async () => asked.filter((path) => path === "/state").length > 2, "the state to be asked for");
    assert.ok(!asked.includes("/control"));
    await openPanel(page);
    assert.equal(asked.filter((path) => path === "/control").length, 1);
  });

  test("change the pictures that come", async () => {
    const camera = await start();
    const page = await open(camera);
    const before = (await stateOf(camera)).capture.bytes;
    await field(page, "quality").fill("10");
    await field(page, "quality").press("Enter");
    await until(async () => (await stateOf(camera)).capture.bytes < before * 0.7, "smaller pictures");
    const kilobytes = async () => Number(/([\d.]+) KB/.exec(await figure(page, "Picture"))?.[1]);
    await until(async () => (await kilobytes()) < before * 0.0007, "their bytes");
    await until(async () => /quality 10/.test((await page.locator("footer").textContent()) ?? ""), "the quality");
    await picturesMove(page);
  });

  test("show the camera's own words for a wrong value, and keep the old one", async () => {
    const camera = await start();
    const page = await open(camera);
    for (const wrong of ["999", "0", "-5", "12.5", ""]) {
      const refusal = await post(camera, { quality: wrong });
      assert.equal(refusal.status, 400);
      const its = field(page, "quality");
      await its.fill(wrong);
      await its.press("Enter");
      await says(page, (await refusal.text()).trim());
      await shows(page, "quality", 85);
      assert.equal(await valueOf(camera, "quality"), 85);
    }
    // The words stay for as long as the control that they are about is left alone.
    await field(page, "fps").fill("20");
    await field(page, "fps").press("Enter");
    await has(camera, "fps", 20);
    assert.match((await words(page).textContent()) ?? "", /^quality can't be/);
    await field(page, "quality").fill("70");
    await field(page, "quality").press("Enter");
    await says(page, "");
    await has(camera, "quality", 70);
  });

  test("say so when the camera doesn't answer, and go back", async () => {
    const camera = await start();
    const page = await open(camera);
    await page.route("**/control", (route) => route.abort());
    await sliderOf(page, { name: "quality" }).press("Home");
    await says(page, "The camera doesn’t answer.");
    await shows(page, "quality", 85);
    assert.equal(await sliderOf(page, { name: "quality" }).inputValue(), "85");
  });

  test("are kept on demand, and say so; what was refused is not passed over", async () => {
    const camera = await start();
    const page = await open(camera);
    const keep = page.getByRole("button", { name: "Keep" });
    const [answer] = await Promise.all([page.waitForResponse("**/control/save"), keep.click()]);
    assert.equal(answer.status(), 200);
    assert.equal(answer.request().method(), "POST");
    await says(page, "Kept: the camera starts with these.");
    await sliderOf(page, { name: "quality" }).press("ArrowLeft");
    await says(page, ""); // it is no longer true
    await has(camera, "quality", 84);

    const saved: string[] = [];
    page.on("request", (request) => request.url().endsWith("/save") && saved.push(request.url()));
    await field(page, "quality").fill("999");
    await keep.click(); // leaves the field, which sends the value first
    await says(page, (await (await post(camera, { quality: "999" })).text()).trim());
    assert.deepEqual(saved, []);

    await page.route("**/control/save", (route) => route.fulfill({ status: 507, body: "no room\n" }));
    await keep.click();
    await says(page, "no room");
  });

  test("send of a slider's many values one at a time, and the last one", async () => {
    const camera = await start();
    const page = await open(camera);
    let underWay = 0;
    let most = 0;
    const sent: string[] = [];
    await page.route("**/control", async (route) => {
      most = Math.max(most, ++underWay);
      sent.push(route.request().postData() ?? "");
      const answer = await route.fetch();
      underWay--;
      await route.fulfill({ response: answer });
    });
    // Faster than any answer comes: all in one turn of the page's script.
    await page.evaluate(`{
      const slider = document.querySelector("[type=range][aria-label=quality]");
      for (let value = 1; value <= 61; value++) {
        slider.value = value;
        slider.dispatchEvent(new Event("input"));
      }
    }`);
    await has(camera, "quality", 61);
    await shows(page, "quality", 61);
    assert.deepEqual(sent, ["quality=1", "quality=61"]);
    // By hand, with other controls meanwhile.
    await sliderOf(page, { name: "quality" }).scrollIntoViewIfNeeded();
    const slider = (await sliderOf(page, { name: "quality" }).boundingBox())!;
    await page.mouse.move(slider.x + slider.width / 2, slider.y + slider.height / 2);
    await page.mouse.down();
    for (let n = 0; n <= 40; n++) {
      await page.mouse.move(slider.x + slider.width * (0.2 + n / 60), slider.y + slider.height / 2);
    }
    await page.mouse.up();
    const last = Number(await field(page, "quality").inputValue());
    assert.ok(last > 80, `the slider came to ${last}`);
    await has(camera, "quality", last);
    await shows(page, "quality", last);
    assert.equal(most, 1);
  });

  test("reach over a wide range, with a field for each value between", async () => {
    const camera = await start();
    const page = await open(camera);
    const { max } = (await controlsOf(camera)).find(({ name }) => name === "frame_bytes")!;
    const slider = sliderOf(page, { name: "frame_bytes" });
    const seen: number[] = [];
    await slider.focus();
    while (seen.at(-1) !== max) {
      await slider.press("ArrowRight");
      seen.push(Number(await field(page, "frame bytes").inputValue()));
      assert.ok(seen.length <= 300, `still at ${seen.at(-1)}`);
    }
    const values = new Set(seen);
    assert.ok(values.size > 100, `${values.size} values`);
    assert.ok([...values].filter((value) => value < max / 10).length > 50, "most of them where it matters");
    await has(camera, "frame_bytes", max);
    await field(page, "frame bytes").fill("12345");
    await field(page, "frame bytes").press("Enter");
    await has(camera, "frame_bytes", 12345);
    await shows(page, "frame bytes", 12345);
    assert.equal(await slider.getAttribute("aria-valuetext"), "12345 B");
    const place = Number(await slider.inputValue());
    assert.ok(place > 50 && place < 100, `the slider stands at ${place} of 200`);
  });

  test("show another camera's values when it has taken the first one's place", async () => {
    const first = await startLiveCamera();
    const relay = await Relay.open(`http://127.0.0.1:${first.port}`);
    closeLater(() => relay.close());
    const page = await open(relay.url);
    await shows(page, "quality", 85);
    await first.stop();
    await inState(page, "lost");
    relay.camera = await start({ settings: { quality: "40" } });
    await shows(page, "quality", 40);
    await inState(page, "live");
  });

  test("are read anew after a restart that went unnoticed", async () => {
    const camera = await start();
    const relay = await Relay.open(camera);
    closeLater(() => relay.close());
    const page = await open(relay.url);
    assert.equal((await post(camera, { quality: "50" })).status, 200);
    relay.editState = (state) => (state.restarts = 1);
    await shows(page, "quality", 50);
  });

  test("leave alone what somebody is typing", async () => {
    const camera = await start();
    const page = await open(camera);
    await field(page, "quality").fill("33");
    const answered = page.waitForResponse("**/control");
    // Another one is changed, and the answer has them all.
    await page.evaluate(`document.querySelector("select").onchange()`);
    await (await answered).finished();
    assert.equal(await field(page, "quality").inputValue(), "33");
    await field(page, "quality").press("Enter");
    await has(camera, "quality", 33);
  });

  test("are used by keyboard alone, and never behind the picture", async () => {
    const camera = await start();
    const page = await open(camera);
    await page.getByText("Controls", { exact: true }).focus();
    await page.keyboard.press("Enter"); // closes
    assert.equal(await page.locator("#panel").isVisible(), false);
    await page.keyboard.press("Enter"); // opens
    const reached: string[] = [];
    const step = async (key: string): Promise<void> => {
      await page.keyboard.press(key);
      const [name, isSeen] = await page.evaluate<[string, boolean]>(`(() => {
        const { activeElement: at } = document;
        const { x, y, width, height } = at.getBoundingClientRect();
        return [at.tagName + (at.type ?? ""), document.elementFromPoint(x + width / 2, y + height / 2) === at];
      })()`);
      reached.push(name);
      assert.ok(isSeen, `${name} has the focus behind something`);
    };
    const elements = {
      choice: ["SELECTselect-one"],
      number: ["INPUTnumber", "INPUTrange"],
      switch: ["INPUTcheckbox"],
    };
    const expected = (await controlsOf(camera)).flatMap(({ kind }) => elements[kind]);
    while (reached.length < expected.length) await step("Tab");
    assert.deepEqual(reached, expected);
    await step("Tab");
    await step("Tab");
    assert.deepEqual(reached.slice(-2), ["BUTTONbutton", "BUTTONbutton"]);
    for (let n = 0; n < expected.length + 2; n++) await step("Shift+Tab");
    assert.equal(reached.at(-1), "SUMMARY");
  });

  for (const sensor of SENSORS) {
    test(`set size and mirror of the ${sensor} while its stream goes on`, async () => {
      const camera = await start({ sensor });
      const page = await open(camera);
      const streams: string[] = [];
      page.on("request", (request) => request.url().includes("/stream") && streams.push(request.url()));
      const sizes = (await controlsOf(camera)).find(({ name }) => name === "size")!.choices;
      const pixels = (size: string): number => size.split("x").reduce((product, side) => product * Number(side), 1);
      const small = sizes.filter((size) => pixels(size) <= 640 * 480); // a model draws each pixel by hand
      assert.ok(small.length >= 2, sizes.join());
      for (const size of [small[0], small.at(-1)!, small[1]]) {
        await page.getByRole("combobox", { name: "size" }).selectOption(size);
        const [width, height] = size.split("x");
        await page.locator(`canvas[width="${width}"][height="${height}"]`).waitFor({ timeout: 60_000 });
        const figures = `${width} × ${height} `;
        await until(async () => (await figure(page, "Picture")).startsWith(figures), `${size} to be said`);
        for (const isMirrored of [true, false]) {
          await page.getByRole("checkbox", { name: "mirror" }).setChecked(isMirrored);
          await until(async () => (await growsLighter(page)) === isMirrored, `${size}, mirrored: ${isMirrored}`);
        }
        assert.equal(await words(page).textContent(), "");
      }
      await page.getByRole("checkbox", { name: "mirror" }).check();
      await until(() => growsLighter(page), "it mirrored, for a screenshot");
      await inState(page, "live");
      await shoot(page, `controls-${sensor}`);
      assert.deepEqual(streams, [], "the stream was opened anew");
      const { capture } = await stateOf(camera);
      assert.deepEqual([capture.sensor, capture.fault, capture.stalled], [sensor, "none", 0]);
    });
  }

  for (const colorScheme of ["light", "dark"] as const) {
    test(`have enough contrast, ${colorScheme}`, async () => {
      const camera = await start();
      const page = await open(camera, { colorScheme });
      await field(page, "quality").fill("999");
      await field(page, "quality").press("Enter");
      await until(async () => (await words(page).textContent()) !== "", "a refusal");
      const pairs = await page.evaluate<string[][]>(`
        [["summary", "details"], ["label span", "details"], ["label small", "details"], ["#said", "#said"],
         ["select", "select"], ["[type=number]", "[type=number]"], ["#keep", "#keep"]]
          .map(([text, ground]) => [text, getComputedStyle(document.querySelector(text)).color,
            getComputedStyle(document.querySelector(ground)).backgroundColor])`);
      for (const [name, ink, ground] of pairs) {
        const contrast = contrastOf(ink, ground);
        assert.ok(contrast >= 4.5, `${name} has a contrast of ${contrast.toFixed(1)}, WCAG 2.2 wants 4.5 (1.4.3)`);
      }
    });
  }

  for (const [name, width, height, isMobile] of [
    ["a small phone", 320, 568, true],
    ["a phone", 390, 844, true],
    ["a phone on its side", 844, 390, true],
    ["a desktop", 1280, 800, false],
  ] as const) {
    test(`fit ${name}, with the picture in sight`, async () => {
      const camera = await start({ scene: PHOTOS_FOLDER });
      const page = await open(camera, {
        viewport: { width, height },
        deviceScaleFactor: isMobile ? 2 : 1,
        isMobile,
        hasTouch: isMobile,
        colorScheme: width > height ? "light" : "dark",
      });
      const widest = await page.evaluate<number>("document.documentElement.scrollWidth");
      assert.ok(widest <= width, `${widest} pixels wide`);
      const touched = page.locator("summary, label, input[type=range], select, #keeping > *");
      for (const control of await touched.filter({ visible: true }).all()) {
        const { width, height } = (await control.boundingBox())!;
        assert.ok(width >= 44 && height >= 44, `${await control.innerText()}: ${width} x ${height}`);
      }
      await shoot(page, `controls-${width}x${height}`);
      await page.getByRole("button", { name: "Keep" }).scrollIntoViewIfNeeded();
      await says(page, "");
      const stage = (await page.locator("#stage").boundingBox())!;
      assert.ok(stage.y >= 0 && stage.y + stage.height <= height, "the picture is seen whole");
      await field(page, "quality").fill("999");
      await field(page, "quality").press("Enter");
      await until(async () => (await words(page).textContent()) !== "", "a refusal");
      const told = (await words(page).boundingBox())!;
      assert.ok(told.y >= 0 && told.y + told.height <= height, "the camera's words are seen");
      await shoot(page, `controls-${width}x${height}-refused`);
    });
  }
});
