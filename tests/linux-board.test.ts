/**
 * The board `linux`: its command line and its ends, what it keeps, that a module which fails or does not come back is
 * started afresh, and that who does not read keeps little of the past. What the camera answers in detail is examined
 * elsewhere; here it must only be the same camera.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { WebSocket } from "ws";
import { Format } from "../host/board-table.ts";
import { COMMAND, type LinuxBoard, type LinuxOptions, PROCESSOR, startLinuxBoard } from "../host/linux/board.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";
import { FileSettings } from "../host/settings.ts";
import { attempt } from "./attempt.ts";
import { evilForBoard } from "./evil/ahead-of-time.ts";
import { STOPPED_BY_BOARD } from "./evil/compile.ts";
import { firstPicture } from "./first-picture.ts";
import { endOf } from "./program.ts";
import { ADMIN_SECRET, bearer, testSettings } from "../host/simulated/secret.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** What Linux calls a process of the program: so many letters of its file's name, or its emulator's. */
const NAME = basename(COMMAND[0]).slice(0, 15);
const STREAM = "GET /stream.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

const stopping: (() => Promise<void>)[] = [];
afterEach(async () => {
  while (stopping.length > 0) await stopping.pop()!();
});

async function start(options: LinuxOptions = {}): Promise<LinuxBoard> {
  const board = await startLinuxBoard(options);
  stopping.push(() => board.stop());
  return board;
}

/** A small picture, that little time be spent on it. */
const scene = renderScene({ scene: PATTERN, width: 160, height: 120, format: Format.RGB565 });

function run(...[command, ...args]: readonly string[]): ChildProcess {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  stopping.push(async () => void child.kill("SIGKILL"));
  return child;
}

/** Watches the stream, until the test ends. */
function watch(board: LinuxBoard): Socket {
  const socket = connect({ port: board.port, host: "127.0.0.1" });
  socket.on("error", () => {}); // the camera's end may come first
  stopping.push(async () => void socket.destroy());
  socket.write(STREAM);
  return socket;
}

/** Reads the sequence numbers of a stream's parts as they come. */
function sequences(socket: Socket): number[] {
  const found: number[] = [];
  let rest = "";
  socket.on("data", (data) => {
    rest += data.toString("latin1");
    for (const match of rest.matchAll(/X-Sequence: (\d+)\r\n/g)) found.push(Number(match[1]));
    rest = rest.slice(Math.max(0, rest.lastIndexOf("X-Sequence: ")));
    if (/^X-Sequence: \d+\r\n/.test(rest)) rest = "";
    else if (!rest.startsWith("X-Sequence: ")) rest = rest.slice(-32);
  });
  return found;
}

/** The processes that the first thread of one has started and not waited for. */
async function childrenOf(pid: number): Promise<number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}

/** What Linux calls a process that runs; a dead one that nobody has waited for does not. */
async function nameOf(pid: number): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return /^State:\t[ZX]/m.test(status) ? undefined : /^Name:\t(.*)$/m.exec(status)?.[1];
}

async function killIfThere(pid: number): Promise<void> {
  if ((await nameOf(pid)) === NAME) process.kill(pid, "SIGKILL");
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("the program of the board linux", () => {
  const wrong: [string[], number, RegExp][] = [
    [["--colour=blue"], 2, /'--colour'/],
    [["--quality=101"], 2, /101/],
    [["--set=quality"], 2, /a name and a value/],
    [["--profile=huge"], 2, /huge/],
    [["8080"], 2, /8080/],
    [["nats://secret@server"], 2, /'…@server'/],
    [["--set", "source:http://bob:secret@camera/"], 2, /'…@camera\/'.*a name and a value/],
    [["--nats=secret"], 1, /--nats: it is an address such as nats:\/\/token@server:4222/],
    [["--nats=nats://secret@server/front"], 1, /--nats: there is nothing behind the server's port/],
    [["--nats=nats://server", "--nats-name=a.b"], 1, /--nats-name: .*letters, digits/],
    [["--source=nats://secret%ff@server/front"], 1, /--source: it is an address/],
    [["--source=nats://secret@server/"], 1, /--source: a camera's name is/],
    [["--port=0", "--scene-file=/nowhere"], 1, /^error: \/nowhere: /],
    [["--port=0", "--scene-file=README.md"], 1, /^error: README\.md: not a scene file/],
    [["--port=0", "--settings=/dev"], 1, /^error: settings in \/dev: /],
    [["--port=0", "--settings=README.md"], 1, /^error: settings in README\.md: /],
    [["--port=0", "--host=192.0.2.1"], 1, /^error: can't listen on port 0 of 192\.0\.2\.1: /],
  ];
  for (const [args, code, line] of wrong) {
    test(`is refused with ${code}: ${args.join(" ")}`, async () => {
      const result = await endOf(run(...COMMAND, ...args));
      assert.match(result.err, line);
      assert.match(result.err, /^error: [^\n]+\n$/, "one line on standard error");
      assert.doesNotMatch(result.err, /secret|bob/, "which keeps what is in an address");
      assert.deepEqual([result.out, result.code], ["", code]);
    });
  }

  test("is refused with 1 where its port is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { code, err } = await endOf(run(...COMMAND, `--port=${port}`));
    server.close();
    assert.equal(err, `error: port ${port} of 127.0.0.1 is in use; choose another with --port\n`);
    assert.equal(code, 1);
  });

  for (const source of ["push", "http://bob:secret@127.0.0.1:1/"]) {
    test(`takes frames from elsewhere: --source=${source}`, async () => {
      const child = run(...COMMAND, "--port=0", "--push-port=0", `--source=${source}`);
      const lines = createInterface({ input: child.stdout! });
      let url = "";
      for await (const line of lines) if ((url = /^http:.*/.exec(line)?.[0] ?? "")) break;
      const { capture } = await (await fetch(`${url}state`)).json();
      assert.equal(capture.sensor, source === "push" ? "push" : "pull");
    });
  }

  /** Starts it as make flash does, and waits until it shows something. */
  async function flash(): Promise<{ child: ChildProcess; url: string }> {
    const args = ["--import", "tsx", "host/linux/main.ts", "--port=0", "--scene=pattern", "--size=64x48"];
    const child = run(process.execPath, ...args);
    const [line] = await once(child.stdout!, "data");
    const url = /^http:\/\/127\.0\.0\.1:\d+\/$/m.exec(String(line))![0];
    await (await firstPicture(url)).arrayBuffer();
    return { child, url };
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`shows the camera as make flash starts it, until ${signal}`, async () => {
      const { child, url } = await flash();
      const ended = endOf(child);
      child.kill(signal);
      const { code, err, out } = await ended;
      assert.deepEqual([err, code], ["", 0]);
      assert.match(out, /stopping/);
      await assert.rejects(fetch(url));
    });
  }

  test("ends with make flash, even if that is killed", async () => {
    const { child, url } = await flash();
    const [program] = await childrenOf(child.pid!);
    assert.equal(await nameOf(program), NAME);
    stopping.push(() => killIfThere(program));
    child.kill("SIGKILL");
    await until(async () => (await nameOf(program)) === undefined, "the program's end");
    const { port, hostname } = new URL(url);
    const server = createServer().listen(Number(port), hostname);
    await once(server, "listening"); // nobody else has the port
    server.close();
  });

  test("runs alone without a standard input, until it is told to end", async () => {
    // A service manager's way: what started it is gone, and its input is closed.
    const shell = run("sh", "-c", `"$@" --port=0 <&- & echo $!`, "sh", ...COMMAND);
    let out = "";
    shell.stdout!.on("data", (data) => (out += data));
    const closed = once(shell, "close");
    // Whole lines, in whatever order the two write them.
    const pid = () => Number(/^(\d+)\n/m.exec(out)?.[1]);
    const url = () => /^(http:.*)\n/m.exec(out)?.[1];
    stopping.push(() => killIfThere(pid()));
    await once(shell, "exit");
    await until(() => url() !== undefined && pid() > 0, "the address and the number of the process");
    assert.equal((await fetch(`${url()}state`)).status, 200);
    process.kill(pid(), "SIGTERM");
    await until(async () => (await nameOf(pid())) === undefined, "the program's end");
    await closed;
    assert.match(out, /stopping/);
  });
});

describe("the camera on the board linux", () => {
  test("says what it is, and has the limits of both profiles", async () => {
    for (const [profile, viewers] of [["board", 8], ["server", 256]] as const) {
      const board = await start({ profile, scene: await scene, settings: { quality: "70" } });
      await (await firstPicture(board.url)).arrayBuffer(); // its sensor has been found
      const state = await (await fetch(`${board.url}state`)).json();
      assert.deepEqual([state.board, state.address, state.restarts], ["linux", `127.0.0.1:${board.port}`, 0]);
      assert.deepEqual([state.capture.width, state.capture.quality], [160, 70]);
      assert.equal(state.limits.viewers, viewers);
    }
  });

  test("has no sensor without a scene, and says so", async () => {
    const board = await start();
    assert.equal((await fetch(`${board.url}snapshot.jpg`)).status, 503);
    assert.equal((await (await fetch(`${board.url}state`)).json()).capture.published, 0);
  });

  test("serves two hundred viewers at once, each with frames that grow newer", async () => {
    const board = await start({ profile: "server", scene: await scene });
    const seen = Array.from({ length: 200 }, () => sequences(watch(board)));
    await until(() => seen.every((numbers) => numbers.length >= 5), "five frames for each viewer");
    for (const numbers of seen) {
      assert.ok(numbers.every((number, n) => n === 0 || number > numbers[n - 1]), numbers.join(" "));
    }
  });

  test("keeps little of the past for who does not read, and nobody else notices", async () => {
    const large = await renderScene({ scene: PATTERN, width: 640, height: 480, format: Format.RGB565 });
    const board = await start({ scene: large, settings: { quality: "95" } });
    // From the first byte: for one that did read its own kernel may take some more.
    const lazy = watch(board).pause();
    const prompt = sequences(watch(board));
    await until(() => prompt.length >= 60, "sixty frames for the other viewer");
    const now = prompt.at(-1)!;
    const late = sequences(lazy);
    lazy.resume();
    await until(() => late.length > 0 && late.at(-1)! >= now, "the lazy viewer's newest frame");
    const old = late.filter((number) => number < now).length;
    assert.ok(old <= 20, `${old} of 60 frames were kept for it`); // what its own kernel takes ahead of it
  });

  test("shows by WebSocket what is pushed to it, byte for byte", async () => {
    const board = await start({ settings: testSettings({ source: "push" }) });
    const files = await Promise.all(
      ["red", "green", "blue"].map((background) =>
        sharp({ create: { width: 160, height: 120, channels: 3, background } }).jpeg().toBuffer(),
      ),
    );
    const upstream = connect({ port: board.pushPort, host: "127.0.0.1" });
    stopping.push(async () => void upstream.destroy());
    const viewer = new WebSocket(`ws://127.0.0.1:${board.port}/ws`);
    stopping.push(async () => viewer.terminate());
    await once(viewer, "open");
    // One at a time, so that none is passed over as an older one.
    for (const file of files) {
      const shown = once(viewer, "message");
      upstream.write(file);
      const [message] = (await shown) as [Buffer];
      const head = message.toString("latin1", 0, message.indexOf("\r\n\r\n"));
      assert.ok(message.subarray(head.length + 4).equals(file), head);
      viewer.send(/^X-Sequence: (\d+)$/m.exec(head)![1]);
    }
    const { capture } = await (await fetch(`${board.url}state`)).json();
    assert.deepEqual([capture.form, capture.published, capture.broken], ["files", 3, 0]);
  });

  test("keeps settings over a kill, as Node does", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wasmcam settings "));
    stopping.push(() => rm(folder, { recursive: true }));
    const settingsFile = join(folder, `the "kitchen" camera.json`);
    new FileSettings(settingsFile, []).put("fps", "7");
    const first = await start({ settingsFile, scene: await scene, settings: testSettings({}) });
    const post = (board: LinuxBoard, path: string) =>
      fetch(`${board.url}${path}`, { method: "POST", headers: bearer(ADMIN_SECRET) });
    assert.equal((await post(first, "control?quality=40")).status, 200);
    assert.equal((await post(first, "control/save")).status, 200);
    process.kill(first.pid, "SIGKILL");
    await first.ended;
    const second = await start({ settingsFile, scene: await scene, settings: testSettings({}) });
    const { controls } = (await (await fetch(`${second.url}control`)).json()) as {
      controls: { name: string; value: unknown }[];
    };
    const value = (name: string) => controls.find((control) => control.name === name)?.value;
    assert.deepEqual([value("quality"), value("fps")], [40, 7]);
    assert.equal(JSON.parse(await readFile(settingsFile, "utf8")).quality, "40");
    assert.equal(new FileSettings(settingsFile, []).get("quality"), "40");
    assert.deepEqual(await readdir(folder), [`the "kitchen" camera.json`]);
  });
});

describe("a module on the board linux that is evil", () => {
  let module: string;
  before(async () => {
    module = await evilForBoard(PROCESSOR);
  });

  for (const [way, name, reason] of STOPPED_BY_BOARD) {
    test(`and ${name} is stopped, and a fresh one answers`, async () => {
      const board = await start({ module, settings: { way } });
      await board.line(new RegExp(`ERROR   the module stopped: ${reason}; .*; fresh start 1 in 100 ms$`));
      await until(async () => (await attempt(board.url))?.status === 200, "an answer");
      assert.equal(board.log.filter((line) => /ERROR/.test(line)).length, 1);
    });
  }
});
