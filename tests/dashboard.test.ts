/**
 * The dashboard in Chromium, of a camera on Node and of one on the board linux: cameras at a real NATS server, others
 * that the test plays; one of those falls silent, and some have names that are none.
 */

import assert from "node:assert/strict";
import { test as alone } from "node:test";
import { connect, headers } from "@nats-io/transport-node";
import sharp from "sharp";
import { useBrowser } from "./browser.ts";
import { CameraProgram } from "./camera-program.ts";
import { NatsServer } from "./nats-server.ts";
import { shoot } from "./watching.ts";

const { test, closeLater, open } = useBrowser();

for (const host of ["node", "linux"] as const) {
  test(`cameras that are heard on ${host} are shown with pictures, and a silent one looks like it`, async () => {
    const server = new NatsServer();
    closeLater(() => server.kill());
    await server.start();
    const scene = ["--scene", "pattern", "--size", "320x240"];
    const camera = await CameraProgram.start(host, [...scene, "--nats", server.url(), "--nats-name", "front-door"]);
    closeLater(() => camera.stop());
    const client = await connect({ servers: `127.0.0.1:${server.port}` });
    closeLater(() => client.close());
    let sequence = 0;
    const play = async (name: string, background: string, silent: () => boolean): Promise<void> => {
      const picture = await sharp({ create: { width: 160, height: 120, channels: 3, background } }).jpeg().toBuffer();
      const timer = setInterval(() => {
        if (silent()) return;
        const facts = headers();
        facts.set("Wasmcam-Sequence", String(++sequence));
        facts.set("Wasmcam-Time", String(Date.now() * 1000));
        facts.set("Wasmcam-Size", "160x120");
        facts.set("Wasmcam-Bytes", String(picture.length));
        client.publish(`wasmcam.${name}.jpeg`, picture, { headers: facts });
        client.publish(`wasmcam.${name}.info`, undefined, { headers: facts });
      }, 200);
      closeLater(async () => clearInterval(timer));
    };
    let isSilent = false;
    await play("garden", "#2a8a3a", () => false);
    await play("hall", "#8a3a2a", () => isSilent);
    await play("<b>none<b>", "#000000", () => false);
    await play("a-name-of-more-than-thirty-two-letters", "#000000", () => false);

    const page = await open(`${camera.url}/dashboard`);
    const cards = page.locator("#cameras li");
    for (const name of ["front-door", "garden", "hall"]) {
      const card = cards.filter({ hasText: name });
      await card.locator("img[src^='/cameras/'], img[src*='/cameras/']").waitFor({ timeout: 60_000 });
      await card.filter({ hasText: /fps.*KB/ }).waitFor({ timeout: 60_000 });
    }
    assert.equal(await cards.count(), 3);
    assert.deepEqual(await cards.locator("h2").allTextContents(), ["front-door", "garden", "hall"]);
    const first = cards.first().locator("img");
    assert.equal(await first.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth), 320);
    if (host === "node") await shoot(page, "dashboard");
    isSilent = true;
    await cards.filter({ hasText: "hall" }).and(page.locator("[data-state=silent]")).waitFor({ timeout: 60_000 });
    await page.setViewportSize({ width: 390, height: 844 });
    assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits a phone");
    if (host === "node") await shoot(page, "dashboard-phone");
  });
}

alone("a camera that hears no others says so", async (t) => {
  const camera = await CameraProgram.start("node", ["--scene", "pattern", "--size", "64x48"]);
  t.after(() => camera.stop());
  assert.equal((await fetch(`${camera.url}/cameras`)).status, 404);
  assert.equal((await fetch(`${camera.url}/cameras/front.jpg`)).status, 404);
  assert.equal((await fetch(`${camera.url}/cameras/a.b.jpg`)).status, 404);
  assert.equal((await fetch(`${camera.url}/cameras/`)).status, 404);
  const page = await fetch(`${camera.url}/dashboard`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'.*sha256-/);
});
