/**
 * The relay's push side with programs by others: gstreamer, ffmpeg and curl send, gstreamer, ffmpeg, curl and Chromium
 * watch. The files that come out are, byte for byte, files that went in. What is wrong or cut up in every possible way
 * is examined in simulated-push.test.ts.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { useBrowser } from "./browser.ts";
import { ADMIN_SECRET } from "../host/simulated/secret.ts";
import { startEmulatedCamera } from "./emulated-camera.ts";
import { startLinuxCamera } from "./linux-camera.ts";
import { startLiveCamera } from "./live-camera.ts";
import { figure, inState, until } from "./watching.ts";

/** What a camera and a program may take, ms: machines are busy. */
const PATIENCE = 60_000;
/** Frames that are made for the tests, and how many a second are sent. */
const FRAMES = 40;
const RATE = 20;

interface Relay {
  port: number;
  pushPort: number;
  stop(): Promise<unknown>;
}

const folder = mkdtempSync(join(tmpdir(), "wasmcam-push-"));
const sent = join(folder, "sent");

/** A program of others, whose complaints are shown where it fails. */
class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out: Buffer[] = [];
  complaint = "";

  constructor(command: string, args: string[]) {
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: PATIENCE });
    this.child.stdout!.on("data", (data) => this.out.push(data));
    this.child.stderr!.on("data", (data) => (this.complaint += data));
    this.ended = once(this.child, "close").then(([code]) => code);
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

const gst = (...pipeline: string[]) => new Program("gst-launch-1.0", ["-q", ...pipeline.join(" ! ").split(" ")]);
const ffmpeg = (...args: string[]) => new Program("ffmpeg", ["-nostdin", "-loglevel", "error", ...args]);
const source = (count: number) => `videotestsrc num-buffers=${count} pattern=ball`;
const caps = `video/x-raw,width=320,height=240,framerate=${RATE}/1`;
/** The files over and over, untouched, in their time. */
const copies = ["-re", "-stream_loop", "-1", "-framerate", String(RATE), "-i", join(sent, "%03d.jpg"), "-c", "copy"];

const digest = (file: Buffer) => createHash("sha256").update(file).digest("hex");
const filesIn = (path: string) => readdirSync(path).map((name) => readFileSync(join(path, name)));
const stateOf = async ({ port }: Relay) => (await fetch(`http://127.0.0.1:${port}/state`)).json() as Promise<any>;

/** By digest, what is sent. */
const known = new Set<string>();

async function untilState(relay: Relay, isSo: (capture: any) => boolean, what: string): Promise<any> {
  let capture: any;
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(50)) {
    ({ capture } = await stateOf(relay));
    if (isSo(capture)) return capture;
  }
  assert.fail(`${what}: ${JSON.stringify(capture)}`);
}

/** Those who send. */
const UPSTREAMS: Record<string, { form: string; start: (relay: Relay) => Program }> = {
  "gstreamer, multipart over TCP": {
    form: "multipart",
    start: ({ pushPort }) =>
      gst(
        `multifilesrc location=${sent}/%03d.jpg start-index=1 loop=true caps=image/jpeg,framerate=${RATE}/1`,
        "identity sync=true",
        "multipartmux boundary=spionisto",
        `tcpclientsink host=127.0.0.1 port=${pushPort}`,
      ),
  },
  "ffmpeg, POST in chunks": {
    form: "multipart",
    start: ({ pushPort }) => ffmpeg(...copies, "-f", "mpjpeg", "-method", "POST", `http://127.0.0.1:${pushPort}/`),
  },
  "ffmpeg, files alone over TCP": {
    form: "files",
    start: ({ pushPort }) => ffmpeg(...copies, "-f", "mjpeg", `tcp://127.0.0.1:${pushPort}`),
  },
};

/** Those who watch, for so many frames; each leaves the files that it got in a folder. */
const VIEWERS: Record<string, (url: string, to: string, count: number) => Program> = {
  ffmpeg: (url, to, count) =>
    ffmpeg("-f", "mpjpeg", "-i", url, "-frames:v", `${count}`, "-c", "copy", "-f", "image2", join(to, "%03d.jpg")),
  gstreamer: (url, to, count) =>
    gst(
      `souphttpsrc location=${url}`,
      "multipartdemux",
      `identity eos-after=${count + 1}`,
      `multifilesink location=${to}/%03d.jpg`,
    ),
};

/** Watches, and holds what comes against what is sent. */
async function checkViewer(relay: Relay, viewer: string, count: number): Promise<void> {
  const to = mkdtempSync(join(folder, `${viewer}-`));
  const program = VIEWERS[viewer](`http://127.0.0.1:${relay.port}/stream.jpg`, to, count);
  assert.equal(await program.ended, 0, `${viewer}: ${program.complaint}`);
  const files = filesIn(to);
  assert.ok(files.length >= count, `${viewer} got ${files.length}`);
  for (const file of files) assert.ok(known.has(digest(file)), `${viewer} got a file that nobody sent`);
}

before(async () => {
  mkdirSync(sent);
  const made = gst(source(FRAMES), caps, "jpegenc quality=80", `multifilesink index=1 location=${sent}/%03d.jpg`);
  assert.equal(await made.ended, 0, made.complaint);
  for (const file of filesIn(sent)) known.add(digest(file));
  assert.equal(known.size, FRAMES);
});

after(() => rmSync(folder, { recursive: true, force: true }));

describe("frames that others send, on Node", () => {
  const { test, closeLater, open } = useBrowser();

  /** Waits until the picture on the page was seen to change, some times. */
  async function picturesMove(page: Page): Promise<void> {
    const seen = new Set<string>();
    await until(async () => {
      seen.add(digest(await page.locator("#stage > canvas").screenshot()));
      return seen.size > 3;
    }, "pictures that move");
  }

  async function startRelay(): Promise<Relay> {
    const relay = await startLiveCamera({ settings: { source: "push" } });
    closeLater(() => relay.stop());
    return relay;
  }

  for (const [name, { form, start }] of Object.entries(UPSTREAMS)) {
    test(`${name}: what viewers get is what was sent, and nothing else`, async () => {
      const relay = await startRelay();
      const upstream = start(relay);
      closeLater(() => upstream.stop());
      await untilState(relay, ({ published }) => published > 0, "frames come");
      for (const viewer of Object.keys(VIEWERS)) await checkViewer(relay, viewer, 12);
      const curl = new Program("curl", ["-s", `http://127.0.0.1:${relay.port}/snapshot.jpg`]);
      assert.equal(await curl.ended, 0);
      assert.ok(known.has(digest(Buffer.concat(curl.out))), "and so did curl");
      const { capture } = await stateOf(relay);
      assert.equal(capture.state, "running");
      assert.deepEqual([capture.width, capture.height, capture.form], [320, 240, form]);
      assert.deepEqual([capture.broken, capture.oversized, capture.foreign, capture.mismeasured], [0, 0, 0, 0]);
    });
  }

  test("every frame of a stream with an end is published, and ffmpeg is told that it was", async () => {
    const relay = await startRelay();
    const once = ["-framerate", String(RATE), "-i", join(sent, "%03d.jpg"), "-c", "copy", "-f", "mpjpeg"];
    const upstream = ffmpeg(...once, "-method", "PUT", `http://127.0.0.1:${relay.pushPort}/cam`);
    assert.equal(await upstream.ended, 0, upstream.complaint);
    assert.equal(upstream.complaint, "");
    const { published } = await untilState(relay, ({ published }) => published >= FRAMES, "all are published");
    assert.equal(published, FRAMES);
  });

  test("curl puts a single picture; with the admin secret it takes over", async () => {
    const relay = await startRelay();
    const picture = join(sent, "007.jpg");
    const url = `http://127.0.0.1:${relay.pushPort}/`;
    const put = new Program("curl", ["-s", "-S", "-f", "-T", picture, url]);
    assert.equal(await put.ended, 0, put.complaint);
    const snapshot = await fetch(`http://127.0.0.1:${relay.port}/snapshot.jpg`);
    assert.ok(Buffer.from(await snapshot.arrayBuffer()).equals(readFileSync(picture)));

    const upstream = UPSTREAMS["gstreamer, multipart over TCP"].start(relay);
    closeLater(() => upstream.stop());
    await untilState(relay, ({ upstream }) => upstream?.frames > 0, "gstreamer's frames come");
    const refused = new Program("curl", ["-s", "-T", picture, "-w", "%{http_code}", url]);
    await refused.ended;
    assert.match(Buffer.concat(refused.out).toString(), /another upstream is there; the admin secret takes over\n401$/);
    const allowed = new Program("curl", ["-s", "-S", "-f", "-u", `me:${ADMIN_SECRET}`, "-T", picture, url]);
    assert.equal(await allowed.ended, 0, allowed.complaint);
    assert.notEqual(await upstream.ended, 0, "gstreamer was sent away");
  });

  test("Chromium shows the frames, marks them as old without an upstream, and goes on with the next", async () => {
    const relay = await startRelay();
    const page = await open(`http://127.0.0.1:${relay.port}`);
    const first = UPSTREAMS["gstreamer, multipart over TCP"].start(relay);
    closeLater(() => first.stop());
    await inState(page, "live");
    await picturesMove(page);
    await until(async () => /^320 × 240/.test(await figure(page, "Picture")), "the picture's size");
    await first.stop();
    await inState(page, "stale");
    const second = UPSTREAMS["ffmpeg, POST in chunks"].start(relay);
    closeLater(() => second.stop());
    await inState(page, "live");
    await picturesMove(page);
  });
});

for (const [where, startCamera] of [
  ["the board linux", startLinuxCamera],
  ["the emulated board", startEmulatedCamera],
] as const) {
  describe(`frames that others send, on ${where}`, () => {
    it("gstreamer sends and ffmpeg watches: what was sent comes out", async () => {
      const relay = await startCamera({ settings: { source: "push" } });
      const upstream = UPSTREAMS["gstreamer, multipart over TCP"].start(relay);
      try {
        await untilState(relay, ({ published }) => published > 0, "frames come");
        await checkViewer(relay, "ffmpeg", 6);
        const { capture } = await stateOf(relay);
        assert.deepEqual([capture.form, capture.broken, capture.oversized], ["multipart", 0, 0]);
      } finally {
        await upstream.stop();
        await relay.stop();
      }
    });
  });
}
