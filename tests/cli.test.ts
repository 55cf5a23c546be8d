/** The command line: what is wrong is said in one line, with the exit code that says whose fault it is. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { endOf } from "./program.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const folder = await mkdtemp(join(tmpdir(), "wasmcam-cli-"));
after(() => rm(folder, { recursive: true }));

function start(args: string[], cwd = ROOT): ChildProcess {
  return spawn(process.execPath, ["--import", "tsx", "host/main.ts", ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs it to its end. */
const run = (args: string[], cwd = ROOT) => endOf(start(args, cwd));

/** Reads what a camera writes until `pattern` is in it. */
async function readUntil(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let out = "";
  for await (const data of child.stdout!.iterator({ destroyOnReturn: false })) {
    out += data;
    const match = pattern.exec(out);
    if (match) return match;
  }
  assert.fail(`it ended without ${pattern}: ${out}`);
}

/** What is typed, the exit code, and the line that follows. */
const WRONG: [string[], number, RegExp][] = [
  [["--port", "http"], 2, /--port.*'http'.*whole number from 0 to 65535/],
  [["--port", "65536"], 2, /--port.*'65536'/],
  [["--port"], 2, /--port.*missing/],
  [["--colour", "blue"], 2, /unknown option '--colour'/],
  [["8080"], 2, /too many arguments/],
  [["--size", "big"], 2, /--size.*'big'.*320x240/],
  [["--size", "0x240"], 2, /size 0x240 is not within 1x1 and 1280x960/],
  [["--size", "1281x960"], 2, /size 1281x960 is not within/],
  [["--size", "321x240", "--format", "yuyv"], 2, /width 321 is odd/],
  [["--format", "jpeg"], 2, /--format.*'jpeg'.*gray, rgb565, yuyv, bayer/],
  [["--source", "push", "--quality", "7"], 2, /--quality is about the sensor/],
  [["--quality", "0"], 2, /--quality.*'0'.*1 to 100/],
  [["--quality", "8.5"], 2, /--quality.*'8.5'/],
  [["--sampling", "4:1:1"], 2, /--sampling.*4:2:0, 4:2:2, 4:4:4/],
  [["--fps", "121"], 2, /--fps.*'121'.*1 to 120/],
  [["--profile", "toaster"], 2, /--profile.*board, server/],
  [["--source", "https://bob:secret@camera/"], 2, /--source: https is not spoken here/],
  [["--source", "bob:secret@camera"], 2, /--source: it is `sensor`, `push`, or an address/],
  [["--source", "nats://secret@server"], 2, /--source: .* nats:\/\/token@server:4222\/NAME/],
  [["--source", "nats://secret%@server/front"], 2, /--source: .* nats:\/\/token@server:4222\/NAME/],
  [["--nats", "secret"], 2, /--nats: it is an address such as nats:\/\/token@server:4222/],
  [["--nats", "nats://secret@server/front"], 2, /--nats: there is nothing behind the server's port/],
  [["--nats", "nats://server", "--nats-name", "a.b"], 2, /--nats-name.*letters, digits/],
  [["--nats=nats://a", "--nats-name=b", "--source=nats://secret@a/b"], 2, /can't be called b, as the one/],
  [["--sauce=http://bob:secret@camera/"], 2, /unknown option '--sauce=…@camera\/'/],
  [["nats://secret@server"], 2, /too many arguments/],
  [["--source", "http://camera/", "--fps", "5"], 2, /--fps is about the sensor/],
  [["--scene", join(folder, "nowhere")], 1, /there is no folder .*nowhere/],
  [["--scene", folder], 1, /no pictures .* in /],
  [["--host", "192.0.2.1", "--port", "0"], 1, /can't listen on port 0 of 192\.0\.2\.1/],
];
for (const [args, code, line] of WRONG) {
  test(`refused with ${code}: ${args.join(" ").replace(folder, "<folder>")}`, async () => {
    const result = await run(args);
    assert.match(result.err, line);
    assert.match(result.err, /^error: [^\n]+\n$/, "one line on standard error");
    assert.doesNotMatch(result.err, /secret|bob/, "which keeps what is in an address");
    assert.equal(result.out, "");
    assert.equal(result.code, code);
  });
}

test("refused with 1: a picture that is none, by its name", async () => {
  const scene = await mkdtemp(join(folder, "scene-"));
  await writeFile(join(scene, "lunch.png"), "Tuesday: soup");
  const { code, err } = await run(["--scene", scene]);
  assert.match(err, /^error: .*lunch\.png is not a picture that can be read: [^\n]+\n$/);
  assert.equal(code, 1);
});

test("refused with 1: nothing was built", async () => {
  const bare = await mkdtemp(join(folder, "bare-"));
  await cp(join(ROOT, "host"), join(bare, "host"), { recursive: true });
  await cp(join(ROOT, "package.json"), join(bare, "package.json"));
  await symlink(join(ROOT, "node_modules"), join(bare, "node_modules"));
  const { code, err } = await run([], bare);
  assert.match(err, /^error: .*wasmcam\.wasm is not there; `npm run build` makes it\n$/);
  assert.equal(code, 1);
});

test("refused with 1: a port that is in use", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { code, err } = await run(["--port", String(port)]);
  other.close();
  assert.equal(err, `error: port ${port} of 127.0.0.1 is in use; choose another with --port\n`);
  assert.equal(code, 1);
});

test("--help names every option and ends well", async () => {
  const { code, out, err } = await run(["--help"]);
  const options = ["port", "host", "scene", "size", "format", "quality", "sampling", "fps", "profile", "source"];
  for (const option of [...options, "push-to", "help"]) {
    assert.match(out, new RegExp(`--${option} `), option);
  }
  assert.equal(err, "");
  assert.equal(code, 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`it shows what was asked for, says where, and ${signal} ends it, connections and all`, async (t) => {
    const options = ["--size", "64x48", "--format", "yuyv", "--quality", "50", "--sampling", "4:4:4", "--fps", "5"];
    const child = start(["--port", "0", "--scene", "pattern", ...options]);
    t.after(() => child.kill("SIGKILL"));
    const ended = once(child, "close");
    const [, address, port] = await readUntil(child, /^http:\/\/(127\.0\.0\.1:(\d+))\/$/m);
    const state = await (await fetch(`http://${address}/state`)).json();
    assert.equal(state.board, "node");
    assert.equal(state.address, address);
    const { width, height, format, quality, sampling } = state.capture;
    assert.deepEqual([width, height, format, quality, sampling], [64, 48, "yuyv", 50, "4:4:4"]);
    const viewer = connect(Number(port), "127.0.0.1");
    viewer.on("error", () => {});
    viewer.write("GET /stream.jpg HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(viewer, "data");
    const cut = new Promise((resolve) => viewer.once("close", resolve));
    child.kill(signal);
    await cut;
    assert.deepEqual(await ended, [0, null]);
  });
}
