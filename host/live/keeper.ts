/**
 * Keeps a live camera running: has it run in a thread of its own, and where the module does not return from a step ends
 * that thread and starts another one, which goes on where the first was: the same port, settings, log and past.
 *
 * A module that traps is none of its business; the supervisor starts that one afresh within the thread.
 */

import { Worker } from "node:worker_threads";
import { Level } from "../board-table.ts";
import type { Log } from "../board.ts";
import { LogRing } from "../log-ring.ts";
import { afterFailure, NO_PAST, type Past } from "../past.ts";
import { type CameraPlan, STOP, type ThreadData, type ThreadMessage } from "./camera-plan.ts";
import { Heartbeat } from "./heartbeat.ts";

/** TypeScript is read by tsx, which a thread does not inherit: it begins with that, and then becomes the camera's. */
const [TSX, THREAD] = [import.meta.resolve("tsx/esm/api"), import.meta.resolve("./camera-thread.ts")];
const THREAD_SOURCE = `import(${JSON.stringify(TSX)}).then(({ register }) => {
  register();
  return import(${JSON.stringify(THREAD)});
});`;

/**
 * How often the module is looked at, ms, and in how many looks after one another the same step is too long. Looks are
 * counted, not time: a computer that was asleep has looked once.
 */
const LOOK_EVERY = 200;
const LOOKS_TO_STOP = 6;
/** Before the port is asked for again, where somebody else has it, ms. */
const LISTEN_AGAIN_AFTER = 1000;
/** How long a camera may take to end in order, ms. */
const STOP_PATIENCE = 2000;

/** The camera can't begin. */
export class PlanError extends Error {}

/** The camera can't listen on `port`; `code` is Node's. */
export class ListenError extends Error {
  readonly port: number;
  readonly code: string | undefined;

  constructor(message: string, port: number, code: string | undefined) {
    super(message);
    this.port = port;
    this.code = code;
  }
}

export class Keeper {
  readonly #plan: CameraPlan;
  readonly #log: Log;
  readonly #origin = process.hrtime.bigint();
  readonly #recent = new LogRing();
  readonly #given: Map<string, string>;
  #past: Past = NO_PAST;
  #worker: Worker | undefined;
  #heartbeat = new Heartbeat();
  #stopping = false;
  /** The step that the last look saw, and how many looks have seen it. */
  #step: number | undefined;
  #looks = 0;
  readonly #looking: NodeJS.Timeout;
  /** Where a browser finds the camera. */
  address = "";
  /** And the port of it. */
  port: number;
  /** Where upstreams connect to, if they can. */
  pushPort: number | undefined;

  private constructor(plan: CameraPlan, log: Log) {
    this.#plan = plan;
    this.#log = log;
    this.#given = new Map(plan.given);
    this.port = plan.port;
    this.pushPort = plan.pushPort;
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY);
  }

  /** Starts a camera; it listens then. @throws PlanError, ListenError */
  static async start(plan: CameraPlan, log: Log): Promise<Keeper> {
    const keeper = new Keeper(plan, log);
    try {
      await keeper.#begin();
    } catch (error) {
      await keeper.#end();
      throw error;
    }
    return keeper;
  }

  /** Ends the camera and every connection. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#stopping = true;
    if (worker) {
      await new Promise<void>((resolve) => {
        const impatience = setTimeout(resolve, STOP_PATIENCE);
        worker.on("message", ({ what }: ThreadMessage) => {
          if (what !== "stopped") return;
          clearTimeout(impatience);
          resolve();
        });
        worker.postMessage(STOP);
      });
    }
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#looking);
    await this.#endThread();
  }

  async #endThread(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  /** Starts the thread. Resolves when it listens. */
  #begin(): Promise<void> {
    this.#heartbeat = new Heartbeat();
    this.#looks = 0;
    const data: ThreadData = {
      ...this.#plan,
      port: this.port,
      pushPort: this.pushPort,
      given: [...this.#given],
      past: this.#past,
      origin: this.#origin,
      recent: this.#recent.memory,
      heartbeat: this.#heartbeat.memory,
    };
    const worker = new Worker(THREAD_SOURCE, { eval: true, workerData: data });
    this.#worker = worker;
    return new Promise((resolve, reject) => {
      // A mistake in this program, not in the module: it ends the program as anywhere else.
      worker.on("error", (error) => {
        throw error;
      });
      worker.on("message", (message: ThreadMessage) => {
        switch (message.what) {
          case "listening":
            this.address = message.address;
            this.port = message.port;
            this.pushPort = message.pushPort;
            return resolve();
          case "failed":
            return reject(new PlanError(message.message));
          case "refused":
            return reject(new ListenError(message.message, message.port, message.code));
          case "log":
            return this.#log(message.level, message.text);
          case "put":
            return this.#put(message.name, message.value);
          case "past":
            this.#past = message.past;
            return;
          case "stopped":
            return;
        }
      });
    });
  }

  /** What the module has put hides what was given, in this thread and the next. */
  #put(name: string, value: string): void {
    if (value !== "" && this.#plan.settingsFile === undefined) this.#given.set(name, value);
    else this.#given.delete(name);
  }

  #look(): void {
    const { step } = this.#heartbeat;
    this.#looks = step !== undefined && step === this.#step ? this.#looks + 1 : 0;
    this.#step = step;
    if (this.#looks === LOOKS_TO_STOP && !this.#stopping) void this.#replace();
  }

  /** µs since the board's start. */
  get #now(): number {
    return Math.floor(Number(process.hrtime.bigint() - this.#origin) / 1000);
  }

  async #replace(): Promise<void> {
    await this.#endThread();
    const now = this.#now;
    const ran = now - this.#heartbeat.startedAt;
    const { past, line } = afterFailure(this.#past, "the step did not return", now, ran);
    this.#past = past;
    this.#write(Level.ERROR, line);
    while (!this.#stopping) {
      try {
        return await this.#begin();
      } catch (error) {
        await this.#endThread();
        if (!(error instanceof PlanError || error instanceof ListenError)) throw error;
        this.#write(Level.ERROR, `the camera can't go on, trying again in a second: ${error.message}`);
        await new Promise((resolve) => setTimeout(resolve, LISTEN_AGAIN_AFTER));
      }
    }
  }

  /** Writes a line of the log, while no thread does. */
  #write(level: number, text: string): void {
    this.#recent.write(this.#now, level, text);
    this.#log(level, text);
  }
}
