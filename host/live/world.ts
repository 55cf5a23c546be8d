/**
 * The live world: the module on the real clock, with real sockets. Sleeps until the module, or the sensor, is due, or
 * until a socket has something to tell.
 */

import { randomFillSync } from "node:crypto";
import type { AddressInfo, Server } from "node:net";
import { Board, type Log } from "../board.ts";
import { Level } from "../board-table.ts";
import type { Settings } from "../settings.ts";
import type { Sensor } from "../soft-sensor.ts";
import { Supervisor } from "../supervisor.ts";
import { LiveNetwork } from "./network.ts";

/** The port on which the module listens, wherever the host shows it. */
export const CAMERA_PORT = 80;

/** For how long the module may go on working, ms, before sockets get their turn. */
const BUSY_MS = 2;
/** The longest sleep, ms; timers can't be set for ever. */
const SLEEP_MAX = 60_000;

export type LiveParts = {
  module: WebAssembly.Module;
  /** Bound already: see `openServer`. */
  server: Server;
  sensor: Sensor;
  settings: Settings;
  log: Log;
};

export class LiveWorld {
  readonly board: Board;
  /** Where a browser finds it. */
  readonly address: string;
  readonly #network: LiveNetwork;
  readonly #supervisor: Supervisor;
  readonly #startedAt = performance.now();
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Starts the camera at once: when it is made, the module listens, and no connection can come too early. */
  constructor({ module, server, sensor, settings, log }: LiveParts) {
    const { address, port, family } = server.address() as AddressInfo;
    this.address = `${family === "IPv6" ? `[${address}]` : address}:${port}`;
    this.#network = new LiveNetwork(server, CAMERA_PORT);
    this.board = new Board({
      kind: "node",
      address: () => this.address,
      now: this.#now,
      network: this.#network,
      sensor,
      settings,
      random: (bytes) => void randomFillSync(bytes),
      log,
      wake: this.#wake,
    });
    // Such as too many open files: that one connection is lost, the camera goes on.
    server.on("error", ({ message }) => {
      this.board.log(Level.WARNING, `a connection could not be accepted: ${message}`);
    });
    this.#supervisor = new Supervisor(module, this.board);
    this.#turn();
  }

  /** Ends the camera and every connection. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    this.board.log(Level.INFO, "stopping");
    this.board.abortAll();
    await this.#network.close();
  }

  /** µs since the board's start. */
  readonly #now = (): number => Math.floor((performance.now() - this.#startedAt) * 1000);

  readonly #wake = (): void => {
    if (!this.#stopped) this.#immediate ??= setImmediate(this.#turn);
  };

  readonly #turn = (): void => {
    this.#immediate = undefined;
    const until = performance.now() + BUSY_MS;
    let now: number;
    let due: number;
    do {
      due = this.#supervisor.turn(this.#now());
      now = this.#now();
    } while ((due <= now || this.board.pending(now)) && performance.now() < until);
    if (due <= now || this.board.pending(now)) this.#wake();
    else this.#sleep(Math.min(due, this.board.pendingAt) - now);
  };

  /** @param time µs */
  #sleep(time: number): void {
    clearTimeout(this.#timer);
    this.#timer = time === Infinity ? undefined : setTimeout(this.#wake, Math.min(Math.ceil(time / 1000), SLEEP_MAX));
  }
}
