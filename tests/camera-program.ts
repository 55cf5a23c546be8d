/** A camera as somebody starts it on the command line, on Node or as the board `linux`, and slow wires to it. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type StreamClient, watch } from "./stream-client.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export const HOSTS = { node: "host/main.ts", linux: "host/linux/main.ts" };
export type Host = keyof typeof HOSTS;

/** How long anything may take that is waited for, ms. */
const PATIENCE = 60_000;

export async function until(isSo: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await isSo())) {
    if (performance.now() > deadline) assert.fail(`waited in vain for ${what()}`);
    await sleep(20);
  }
}

export class CameraProgram {
  readonly log: string[] = [];
  readonly #child: ChildProcess;
  url = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(host: Host, args: string[]): Promise<CameraProgram> {
    const all = ["--import", "tsx", HOSTS[host], "--port", "0", ...args];
    const child = spawn(process.execPath, all, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const camera = new CameraProgram(child);
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => {
        camera.log.push(line);
        camera.url ||= /^http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "";
      });
    }
    await until(() => camera.url !== "" || child.exitCode !== null, () => camera.log.join("\n"));
    assert.notEqual(camera.url, "", `${host} ended:\n${camera.log.join("\n")}`);
    return camera;
  }

  /** Waits for a line of the log, from the line `from` on. */
  async line(pattern: RegExp, from = 0): Promise<void> {
    const has = () => this.log.slice(from).some((line) => pattern.test(line));
    await until(has, () => `${pattern} in the log:\n${this.log.join("\n")}`);
  }

  /** Watches: keeps every part that comes. */
  watch(): StreamClient {
    return watch(Number(new URL(this.url).port));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.kill("SIGTERM");
    const impatience = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await closed;
    clearTimeout(impatience);
  }
}

/** A wire to a port of this machine that carries only so many bytes a second, in one direction. */
export class SlowWire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(port: number, rate: number, direction: "to the port" | "from the port"): Promise<SlowWire> {
    const server = createServer({ noDelay: true });
    const wire = new SlowWire(server);
    server.on("connection", (near) => {
      const far = connect({ port, host: "127.0.0.1", noDelay: true });
      const [slow, quick] = direction === "to the port" ? [near, far] : [far, near];
      quick.pipe(slow);
      slow.on("data", (chunk) => {
        quick.write(chunk);
        slow.pause();
        setTimeout(() => slow.resume(), (chunk.length * 1000) / rate);
      });
      for (const [one, other] of [[near, far], [far, near]]) {
        wire.#sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
