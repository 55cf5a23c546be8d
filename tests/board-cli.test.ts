/**
 * What `make flash` runs for the emulated board: what is wrong is said in one line with the exit code that says whose
 * fault it is, and however it ends, no emulator is left behind. What both cameras' command lines have in common is
 * examined in cli.test.ts.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { firstPicture } from "./first-picture.ts";
import { endOf } from "./program.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const EMULATOR = fileURLToPath(new URL("../host/emulator/main.ts", import.meta.url));
/** How long anything may take that is waited for, ms. */
const PATIENCE = 60_000;

const started: ChildProcess[] = [];
afterEach(() => {
  while (started.length > 0) started.pop()!.kill("SIGTERM");
});

function start(args: string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
  const options = { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
  const child = spawn(process.execPath, ["--import", "tsx", EMULATOR, ...args], options);
  started.push(child);
  return child;
}

/** Starts a board on any free port, and waits until it has said where it is. */
async function running(): Promise<{ child: ChildProcess; url: string; qemu: number }> {
  const child = start(["--port", "0", "--scene", "pattern", "--size", "64x48"]);
  let out = "";
  for await (const data of child.stdout!.iterator({ destroyOnReturn: false })) {
    out += data;
    const url = /^ +(http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(out)?.[1];
    if (url) return { child, url, qemu: emulatorOf(child) };
  }
  return assert.fail(`it ended without saying where it is: ${out}`);
}

/** The process that is QEMU, of all that this one has started. */
function emulatorOf({ pid }: ChildProcess): number {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  const children = all.filter((process) => statusOf(process, "PPid") === String(pid));
  const found = children.filter((child) => statusOf(child, "Name") === "qemu-system-arm");
  assert.equal(found.length, 1);
  return found[0];
}

/** A line of what Linux says of a process, if it is there. */
function statusOf(pid: number, field: string): string | undefined {
  try {
    return new RegExp(`^${field}:\\t(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, otherwise);
    await sleep(50);
  }
}

async function isGone(pid: number): Promise<void> {
  const isLeft = () => statusOf(pid, "Name") === "qemu-system-arm" && !statusOf(pid, "State")?.startsWith("Z");
  await until(() => !isLeft(), "the emulator is still there");
}

/** What is typed, the exit code, and the line that follows. */
const WRONG: [string[], number, RegExp][] = [
  [["--colour", "blue"], 2, /unknown option '--colour'/],
  [["--quality", "101"], 2, /--quality.*'101'.*1 to 100/],
  [["8080"], 2, /too many arguments/],
  [["--scene", "/nowhere"], 1, /there is no folder .*nowhere/],
  [["--scene", "pattern", "--settings", "/dev"], 1, /settings in \/dev: /],
  [["--scene", "pattern", "--settings", "README.md"], 1, /settings in README\.md are not a JSON object/],
];
for (const [args, code, line] of WRONG) {
  test(`refused with ${code}: ${args.join(" ")}`, async () => {
    const result = await endOf(start(args));
    assert.match(result.err, line);
    assert.match(result.err, /^error: [^\n]+\n$/, "one line on standard error");
    assert.equal(result.out, "");
    assert.equal(result.code, code);
  });
}

test("refused with 1: a port that is in use", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { code, err } = await endOf(start(["--port", String(port)]));
  server.close();
  assert.equal(err, `error: port ${port} is in use; choose another with --port\n`);
  assert.equal(code, 1);
});

test("refused with 1: a machine without QEMU", async () => {
  const { code, err } = await endOf(start(["--port", "0"], { ...process.env, PATH: "/nowhere" }));
  assert.equal(err, "error: qemu-system-arm is not there; ./setup.sh board installs it\n");
  assert.equal(code, 1);
});

test("--help names every option and ends well", async () => {
  const { code, out } = await endOf(start(["--help"]));
  const names = ["port", "scene", "size", "format", "sampling", "quality", "fps", "settings", "report"];
  for (const name of names) {
    assert.match(out, new RegExp(`--${name} `));
  }
  assert.equal(code, 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`it shows the camera, and ${signal} ends it and the emulator`, async () => {
    const { child, url, qemu } = await running();
    const picture = await firstPicture(url);
    assert.equal(picture.headers.get("content-type"), "image/jpeg");
    await picture.arrayBuffer();
    const ended = endOf(child);
    child.kill(signal);
    const { code, err } = await ended;
    assert.equal(err, "");
    assert.equal(code, 0);
    await isGone(qemu);
  });
}

test("the emulator ends even if its parent is killed, and its files are gone", async () => {
  const { child, qemu } = await running();
  // They are taken away as soon as the board has them, which may be while it says where it is.
  await until(() => readlinkSync(`/proc/${qemu}/cwd`).endsWith(" (deleted)"), "the files are still there");
  const ended = endOf(child);
  child.kill("SIGKILL");
  await ended;
  await isGone(qemu);
});

test("where the emulator ends by itself, it says so", async () => {
  const { child, qemu } = await running();
  const ended = endOf(child);
  process.kill(qemu, "SIGKILL");
  const { code, err } = await ended;
  assert.match(err, /^error: the emulated board ended \(SIGKILL\): [^\n]+\n$/);
  assert.equal(code, 1);
});
