/**
 * Who may do what, as a real browser has it: Chromium with the pages of others, with a name that somebody made the
 * camera's, and with secrets, before the camera on Node. What each request by itself is answered is examined in
 * requests/access.md and simulated-secrets.test.ts.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe } from "node:test";
import type { Page } from "playwright-core";
import { ADMIN_SECRET, bearer, testHash } from "../host/simulated/secret.ts";
import { useBrowser } from "./browser.ts";
import { type LiveOptions, startLiveCamera } from "./live-camera.ts";
import { figure, inState, picturesMove, until } from "./watching.ts";

const VIEWER_SECRET = "viewer-of-the-tests";

describe("secrets and foreign pages in Chromium", () => {
  const { test, closeLater, open } = useBrowser();

  async function start(options: LiveOptions = {}): Promise<string> {
    const camera = await startLiveCamera(options);
    closeLater(() => camera.stop());
    return `http://127.0.0.1:${camera.port}`;
  }

  /** An empty page of another site: for a browser, another port is one. */
  async function openForeign(): Promise<Page> {
    const server = createServer((_request, response) => {
      response.setHeader("Content-Type", "text/html").end("<!doctype html><title>foreign</title>");
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    closeLater(async () => {
      server.closeAllConnections();
      server.close();
    });
    return open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }

  async function quality(camera: string): Promise<number> {
    const answer = await fetch(`${camera}/control`);
    const { controls } = (await answer.json()) as { controls: { name: string; value: number }[] };
    return controls.find(({ name }) => name === "quality")!.value;
  }

  /** What a page gets that asks for an address: a status, or why it got none. */
  function asks(page: Page, url: string, init: RequestInit = {}): Promise<number | string> {
    const ask = (what: { url: string; init: RequestInit }) =>
      fetch(what.url, what.init).then(({ status, type }) => (type === "opaque" ? type : status), (error) => error.name);
    return page.evaluate(ask, { url, init });
  }

  /** Whether a page can show a picture of the camera's. */
  function shows(page: Page, url: string): Promise<boolean> {
    return page.evaluate(
      (src) =>
        new Promise<boolean>((done) => {
          const image = new Image();
          image.onload = () => done(true);
          image.onerror = () => done(false);
          image.src = src;
        }),
      url,
    );
  }

  /** Whether a page gets a picture by WebSocket. */
  function watches(page: Page, camera: string): Promise<boolean> {
    return page.evaluate(
      (url) =>
        new Promise<boolean>((done) => {
          const socket = new WebSocket(url);
          socket.onmessage = () => {
            done(true);
            socket.close();
          };
          socket.onclose = () => done(false);
        }),
      `${camera.replace("http", "ws")}/ws`,
    );
  }

  test("a foreign page reads nothing, shows nothing and changes nothing", async () => {
    const camera = await start();
    const page = await openForeign();
    assert.equal(await asks(page, `${camera}/state`), "TypeError");
    // A browser carries this out without asking first, and tells its page nothing: what counts is that nothing changes.
    assert.equal(await asks(page, `${camera}/control?quality=12`, { method: "POST", mode: "no-cors" }), "TypeError");
    // With the owner's secret, which no page knows but whose browser might: it is asked first, and not let through.
    const headers = { Authorization: bearer(ADMIN_SECRET).Authorization };
    assert.equal(await asks(page, `${camera}/control?quality=12`, { method: "POST", headers }), "TypeError");
    assert.equal(await shows(page, `${camera}/snapshot.jpg`), false);
    assert.equal(await watches(page, camera), false); // browsers ask nobody about this, and show the user's secret
    assert.equal(await quality(camera), 85);

    const refused: string[] = [];
    page.on("console", (message) => refused.push(message.text()));
    await page.setContent(`<iframe src="${camera}/"></iframe>`);
    await until(async () => refused.some((text) => text.includes("frame-ancestors")), "the frame to be refused");
  });

  test("a form of a foreign page is refused, also by a browser that knows the secret", async () => {
    const camera = await start();
    const page = await openForeign();
    const context = page.context();
    await context.setHTTPCredentials({ username: "owner", password: ADMIN_SECRET });
    await page.setContent(`<form method="post" action="${camera}/control"><input name="quality" value="12">
      <button>Win a prize</button></form>`);
    const answer = page.waitForResponse((response) => response.url() === `${camera}/control`);
    await page.getByRole("button").click();
    assert.equal((await answer).status(), 403);
    assert.equal(await quality(camera), 85);
  });

  test("a page whose origin is listed reads, shows and changes, with the secret", async () => {
    const camera = await start();
    const page = await openForeign();
    const { origin } = new URL(page.url());
    const body = new URLSearchParams({ origins: origin });
    const listed = await fetch(`${camera}/access`, { method: "POST", body, headers: bearer(ADMIN_SECRET) });
    assert.equal(listed.status, 200);
    assert.equal(await asks(page, `${camera}/state`), 200);
    assert.equal(await shows(page, `${camera}/snapshot.jpg`), true);
    assert.equal(await watches(page, camera), true);
    assert.equal(await asks(page, `${camera}/control?quality=12`, { method: "POST" }), 401);
    const headers = { Authorization: bearer(ADMIN_SECRET).Authorization };
    assert.equal(await asks(page, `${camera}/control?quality=12`, { method: "POST", headers }), 200);
    assert.equal(await quality(camera), 12);
  });

  test("a name that somebody made the camera's gets nothing", async () => {
    const camera = await start();
    const named = camera.replace("127.0.0.1", "rebound.localhost"); // Chromium knows by itself where that is
    const page = await open(named);
    assert.equal((await page.locator("body").innerText()).trim(), refusal("rebound.localhost"));
    const state = await page.goto(`${named}/state`);
    assert.equal(state?.status(), 421);
    assert.equal(await asks(page, `${named}/control?quality=12`, { method: "POST" }), "TypeError");
    assert.equal(await quality(camera), 85);
  });

  test("where a viewer secret is set, only who knows it sees the page and its pictures", async () => {
    const camera = await start({ settings: { viewer_secret: testHash(VIEWER_SECRET) } });
    const stranger = await open("about:blank");
    assert.equal(await stranger.goto(camera).then((answer) => answer?.status(), () => 401), 401);
    const credentials = { username: "anybody", password: VIEWER_SECRET };
    const page = await open("about:blank", { httpCredentials: credentials });
    const frames = { came: 0 };
    page.on("websocket", (socket) => socket.on("framereceived", () => frames.came++));
    await page.goto(camera);
    await inState(page, "live");
    assert.ok(frames.came > 0, "the browser shows the secret for a WebSocket too");
    await picturesMove(page);
    assert.equal(await figure(page, "Viewers"), "1 of 8");
    // To watch is not to own.
    await page.getByText("Controls", { exact: true }).click();
    await page.getByLabel("Admin secret").fill(VIEWER_SECRET);
    await page.getByRole("button", { name: "Unlock" }).click();
    const words = page.locator("#controls").getByRole("status");
    await until(async () => (await words.textContent())?.trim() === "That is not the admin secret.", "the refusal");
    assert.equal(await page.locator("#lock").isVisible(), true);
  });
});

function refusal(name: string): string {
  return `this camera is not known as ${name}; use its address, or add the name to its hosts`;
}
