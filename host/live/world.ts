/**
 * The live world: the module on the real clock, with real sockets. Sleeps until the module, or the sensor, is due, or
 * until a socket has something to tell.
 */

import { randomFillSync } from "node:crypto";
import type { AddressInfo, Server } from "node:net";
import { Board, type Log } from "../board.ts";
import { Level } from "../board-table.ts";
import type { LogRing } from "../log-ring.ts";
import { NatsFleet } from "../nats/fleet.ts";
import type { NatsPlan } from "../nats/plan.ts";
import type { Past } from "../past.ts";
import type { Settings } from "../settings.ts";
import type { Sensor } from "../soft-sensor.ts";
import { Supervisor } from "../supervisor.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LiveNetwork } from "./network.ts";

/** The ports on which the module listens, wherever the host shows them: for HTTP, and for upstreams. */
export const CAMERA_PORT = 80;
export const PUSH_PORT = 9999;

/** For how long the module may go on working, ms, before sockets get their turn. */
const BUSY_MS = 2;
/** The longest sleep, ms; timers can't be set for ever. */
const SLEEP_MAX = 60_000;

export type LiveParts = {
  module: WebAssembly.Module;
  /** Bound already: see `openServer`. */
  server: Server;
  /** The same for upstreams, where the module's source is `push`. */
  pushServer?: Server;
  /** Where frames come from, if not from NATS. */
  sensor?: Sensor;
  nats?: NatsPlan;
  settings: Settings;
  log: Log;
  // What a world goes on with that another one, in a thread of before, has begun:
  /** The last lines of the log. */
  recent?: LogRing;
  /** What became of the modules before. */
  past?: Past;
  /** How long ago the board was started, ms. */
  age?: number;
  /** Where another thread sees whether the module is in a step. */
  heartbeat?: Heartbeat;
  /** Called when a module has stopped. */
  onFailure?: (past: Past) => void;
};

/** Where a browser finds a server. */
export function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

export class LiveWorld {
  readonly board: Board;
  /** Where a browser finds it. */
  readonly address: string;
  readonly #network: LiveNetwork;
  readonly #fleet: NatsFleet | undefined;
  readonly #supervisor: Supervisor;
  readonly #heartbeat: Heartbeat;
  readonly #onFailure: (past: Past) => void;
  readonly #startedAt: number;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Starts the camera at once: when it is made, the module listens, and no connection can come too early. */
  constructor({ module, server, pushServer, nats, settings, log, ...begun }: LiveParts) {
    this.#startedAt = performance.now() - (begun.age ?? 0);
    this.#heartbeat = begun.heartbeat ?? new Heartbeat();
    this.#onFailure = begun.onFailure ?? (() => {});
    this.address = addressOf(server);
    this.#network = new LiveNetwork(server, CAMERA_PORT);
    if (pushServer) this.#network.add(pushServer, PUSH_PORT);
    this.#fleet = nats && new NatsFleet(nats, (level, text) => this.board.log(level, text), this.#now);
    const sensor = this.#fleet?.feed ?? begun.sensor;
    if (!sensor) throw new Error("there is nowhere for frames to come from");
    sensor.onReady = this.#wake;
    this.board = new Board({
      kind: "node",
      address: () => this.address,
      now: this.#now,
      network: this.#network,
      sensor,
      fleet: this.#fleet,
      settings,
      random: (bytes) => void randomFillSync(bytes),
      log,
      recent: begun.recent,
      past: begun.past,
      wake: this.#wake,
    });
    // Such as too many open files: that one connection is lost, the camera goes on.
    const onError = ({ message }: Error) => {
      this.board.log(Level.WARNING, `a connection could not be accepted: ${message}`);
    };
    server.on("error", onError);
    pushServer?.on("error", onError);
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
    await Promise.all([this.#network.close(), this.#fleet?.stop()]);
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
      due = this.#step();
      now = this.#now();
    } while ((due <= now || this.board.pending(now)) && performance.now() < until);
    if (due <= now || this.board.pending(now)) this.#wake();
    else this.#sleep(Math.min(due, this.board.pendingAt) - now);
  };

  #step(): number {
    const { past } = this.board;
    this.#heartbeat.begin(this.#supervisor.startedAt);
    const due = this.#supervisor.turn(this.#now());
    this.#heartbeat.end();
    if (this.board.past !== past) this.#onFailure(this.board.past);
    return due;
  }

  /** @param time µs */
  #sleep(time: number): void {
    clearTimeout(this.#timer);
    this.#timer = time === Infinity ? undefined : setTimeout(this.#wake, Math.min(Math.ceil(time / 1000), SLEEP_MAX));
  }
}
