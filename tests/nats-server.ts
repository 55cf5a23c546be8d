/** A NATS server for a test, on a free port of this machine: started, killed, started again, ended by its pid. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Debian puts it where only root looks for programs. */
const PATH = `${process.env.PATH}:/usr/sbin`;

export class NatsServer {
  readonly #options: string[];
  #child: ChildProcess | undefined;
  readonly #onExit = () => void this.#child?.kill("SIGKILL");
  port = 0;

  /** @param options further ones for nats-server, such as `--auth` */
  constructor(options: string[] = []) {
    this.#options = options;
  }

  /** Starts it; where it ran before, on the same port. Resolves when it listens. */
  async start(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(this.port || -1), ...this.#options];
    const child = spawn("nats-server", args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, PATH } });
    this.#child = child;
    process.once("exit", this.#onExit);
    const lines: string[] = [];
    const listens = new Promise<void>((resolve) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        lines.push(line);
        const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (port) this.port = Number(port);
        if (line.includes("Server is ready")) resolve();
      });
    });
    const failed = once(child, "close").then(() => assert.fail(`nats-server ended:\n${lines.join("\n")}`));
    await Promise.race([listens, failed]);
    failed.catch(() => {}); // later it ends because it is told to
  }

  /** Ends it at once, as a loss of power would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    process.off("exit", this.#onExit);
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** As cameras are told of it. @param who `token@`, or `user:password@` */
  url(who = "", port = this.port): string {
    return `nats://${who}127.0.0.1:${port}`;
  }
}
