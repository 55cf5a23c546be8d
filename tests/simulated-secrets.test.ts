/** Secrets in the simulated world: who is let in, who is put off, what is kept, and that nothing of them leaks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Level } from "../host/board-table.ts";
import { hashSecret } from "../host/secrets.ts";
import { ADMIN_SECRET, testHash } from "../host/simulated/secret.ts";
import { MINUTE, SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { SETTINGS, module, scene } from "./simulated-scenario.ts";

const VIEWER_SECRET = "viewer-of-the-tests";
const WATCHED = ["/", "/state", "/control", "/snapshot.jpg", "/stream.jpg", "/stream", "/video_feed"];
const ACTIONS = ["/?action=stream", "/?action=snapshot"];

function start(settings: Record<string, string> = {}): SimulatedWorld {
  const world = new SimulatedWorld({ module, scene, seed: 1, settings: { ...SETTINGS, ...settings } });
  world.run(3 * SECOND);
  return world;
}

test("every route that shows a picture or state needs the viewer secret, or the admin's", () => {
  const world = start({ viewer_secret: testHash(VIEWER_SECRET) });
  for (const path of [...WATCHED, ...ACTIONS]) {
    for (const method of ["GET", "HEAD"]) {
      assert.equal(world.fetch(path, { method }).status, 401, `${method} ${path}`);
    }
    for (const secret of [VIEWER_SECRET, ADMIN_SECRET]) {
      // A stream's GET has no end, so it is HEAD that is asked everywhere.
      assert.equal(world.fetch(path, { method: "HEAD", secret }).status, 200, path);
    }
  }
  assert.equal(world.fetch("/snapshot.jpg", { secret: VIEWER_SECRET }).headers.get("content-type"), "image/jpeg");
  assert.equal(world.fetch("/control", { method: "POST", secret: VIEWER_SECRET }).status, 401);
});

test("five wrong secrets a minute from one address, then none is looked at", () => {
  const world = start();
  const guess = (n: number, from: string) => world.fetch("/log", { secret: `wrong-guess-${n}`, from }).status;
  for (let n = 0; n < 5; n++) assert.equal(guess(n, "10.0.0.9"), 401);
  assert.equal(guess(5, "10.0.0.9"), 429);
  assert.equal(world.fetch("/log", { secret: ADMIN_SECRET, from: "10.0.0.9" }).status, 429);
  assert.equal(world.fetch("/log", { secret: ADMIN_SECRET, from: "10.0.0.8" }).status, 200);
  world.run(MINUTE);
  assert.equal(world.fetch("/log", { secret: ADMIN_SECRET, from: "10.0.0.9" }).status, 200);
});

test("a first admin secret is made, shown once, and is nowhere else", () => {
  const world = start({ admin_secret: "" });
  const shown = world.log.filter(({ level }) => level === Level.CONSOLE);
  assert.equal(shown.length, 1);
  const secret = /: ([a-z2-9]{4}(?:-[a-z2-9]{4}){4})$/.exec(shown[0].text)![1];
  const log = world.fetch("/log", { secret });
  assert.equal(log.status, 200);
  const others = [log.body.toString(), world.fetch("/state").body.toString(), world.settings.get("admin_secret")!];
  for (const text of others) assert.ok(!text.includes(secret), text);
  assert.equal(start().log.filter(({ level }) => level === Level.CONSOLE).length, 0, "where one is set, none is made");
});

test("a new secret is kept as node:crypto hashes it, and the old one is none any more", () => {
  const world = start();
  const secret = "größer & besser = sicher";
  const body = `admin=${encodeURIComponent(secret)}`;
  assert.equal(world.fetch("/secret", { method: "POST", body }).status, 200);
  const kept = world.settings.get("admin_secret")!;
  const [rounds, salt] = kept.split("$");
  assert.equal(kept, hashSecret(secret, Number(rounds), Buffer.from(salt, "hex")));
  assert.equal(world.fetch("/log", { secret: ADMIN_SECRET }).status, 401);
  const basic = `Basic ${Buffer.from(`:${secret}`).toString("base64")}`;
  assert.equal(world.fetch("/log", { headers: { Authorization: basic } }).status, 200);
  assert.ok(world.log.every(({ text }) => !text.includes(secret)));
});
