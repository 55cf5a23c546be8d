/**
 * The simulated world: the module on a virtual clock, a network in memory, a sensor with faults. A test says what
 * clients do and lets time pass; all that chance decides comes from the seed, so a run repeats byte for byte.
 *
 *     const world = new SimulatedWorld({ module, scene, seed: 7 });
 *     const viewer = world.watch();
 *     world.run(3 * SECOND);
 *     assert.equal(viewer.parts.at(-1).sequence, 89);
 */

import { createHash, type Hash } from "node:crypto";
import { Board } from "../board.ts";
import { NO_PAST } from "../past.ts";
import type { Scene } from "../scenes/file.ts";
import { MemorySettings } from "../settings.ts";
import type { Sensor } from "../soft-sensor.ts";
import { Supervisor } from "../supervisor.ts";
import type { Client } from "./client.ts";
import { type Part, type Response, ResponseReader } from "./http.ts";
import { CALM, type Conditions } from "./link.ts";
import { Meter } from "./meter.ts";
import { type ConnectOptions, SimulatedNetwork } from "./network.ts";
import { Random } from "./random.ts";
import { ADMIN_SECRET, bearer, testSettings } from "./secret.ts";
import { type SensorFaults, SimulatedSensor } from "./sensor.ts";
import { Timeline } from "./timeline.ts";
import { WebSocketClient } from "./websocket.ts";

/** The ports on which the module listens: for HTTP, and for upstreams where its source is `push`. */
const CAMERA_PORT = 80;
const PUSH_PORT = 9999;
/** From where clients come of which nothing else is said. */
const CLIENT_ADDRESS = "10.0.0.2";
/** What a step of the module takes, µs: least and most. Nothing else in it takes time. */
const STEP_TIME: [number, number] = [20, 120];

export type Simulation = {
  module: WebAssembly.Module;
  scene: Scene;
  seed: number;
  /** By name, over those of every camera in a test: a known admin secret, the host `camera`. */
  settings?: Record<string, string>;
  /** Of connections for which nothing else is said. */
  conditions?: Conditions;
  faults?: SensorFaults;
  /** What the clock says at the beginning, µs; 0 where nothing is said. */
  startAt?: number;
  /** A sensor on the board's bus, in place of the simulated soft sensor. */
  busSensor?: Sensor;
  /** Whether a transcript is kept. */
  hasTranscript?: boolean;
};

/** A line that the camera wrote to its log. */
export type LogLine = { time: number; level: number; text: string };

export type Request = {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** The secret that is shown: by default the admin secret with POST, else none (""). */
  secret?: string;
  conditions?: Conditions;
  /** The client's IP address. */
  from?: string;
};

/** A connection on which requests are made, and what was answered. */
export class Conversation {
  readonly client: Client;
  readonly reader = new ResponseReader();

  constructor(client: Client) {
    this.client = client;
    client.onBytes = (bytes, time) => this.reader.push(bytes, time);
    client.onEnd = () => this.reader.end(client.endedAt!);
  }

  /** Sends a request; on one connection any number, whether the one before was answered or not. */
  ask(path: string, { method = "GET", headers = {}, body = "", secret }: Request = {}): this {
    // What changes something needs the admin secret; a test that shows none, or another, says so.
    const shown = secret ?? (method === "POST" ? ADMIN_SECRET : "");
    const fields = {
      Host: "camera",
      ...(shown && bearer(shown)),
      ...(body && { "Content-Length": String(Buffer.byteLength(body)) }),
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.reader.expect(method);
    this.client.send(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
    return this;
  }

  get responses(): readonly Response[] {
    return this.reader.responses;
  }

  /** The first response, once it is whole. */
  get response(): Response | undefined {
    return this.responses[0];
  }

  get problem(): string | undefined {
    return this.reader.problem;
  }
}

/** A viewer of the stream. */
export class Viewer extends Conversation {
  readonly parts: Part[] = [];
  /** Called with each part; where it is set, parts are not kept. */
  onPart: ((part: Part) => void) | undefined;

  constructor(client: Client) {
    super(client);
    this.reader.onPart = (part) => {
      if (this.onPart) this.onPart(part);
      else this.parts.push(part);
    };
  }
}

/** A viewer by WebSocket. */
export class WebSocketViewer {
  readonly client: Client;
  readonly socket: WebSocketClient;
  readonly parts: Part[] = [];

  constructor(client: Client, fields?: Record<string, string>) {
    this.client = client;
    this.socket = new WebSocketClient((bytes) => client.send(bytes), fields);
    this.socket.onPart = (part) => this.parts.push(part);
    client.onBytes = (bytes, time) => this.socket.push(bytes, time);
  }

  get problem(): string | undefined {
    return this.socket.problem;
  }
}

export class SimulatedWorld {
  readonly seed: number;
  readonly timeline = new Timeline();
  readonly board: Board;
  readonly sensor: SimulatedSensor;
  readonly network: SimulatedNetwork;
  /** What the board keeps. */
  readonly settings: MemorySettings;
  readonly log: LogLine[] = [];
  /** How many steps the module has done. */
  steps = 0;
  /** What the module asked of the board in the present step, or the last. */
  readonly meter: Meter;
  /** Called after each step with when the module wants the next one. */
  onStep: (due: number) => void = () => {};
  readonly #module: WebAssembly.Module;
  #supervisor: Supervisor;
  readonly #random: Random;
  readonly #conditions: Conditions;
  readonly #transcript: Hash | undefined;
  /** When the module wants to be called, and from when on it can be. */
  #due = 0;
  #busyUntil = 0;

  constructor(simulation: Simulation) {
    const { module, scene, seed, settings = {}, conditions = CALM, faults = { stall: 0, tear: 0 } } = simulation;
    this.seed = seed;
    this.timeline.advance(simulation.startAt ?? 0);
    this.#module = module;
    if (simulation.hasTranscript ?? true) this.#transcript = createHash("sha256");
    this.#conditions = conditions;
    this.#random = new Random(seed);
    this.settings = new MemorySettings(Object.entries(testSettings(settings)));
    this.sensor = new SimulatedSensor(scene, new Random(seed + 1), faults);
    this.network = new SimulatedNetwork(this.timeline, new Random(seed + 2), (what, bytes) => this.#note(what, bytes));
    const chance = new Random(seed + 3);
    this.board = new Board({
      kind: "simulated",
      address: () => "",
      now: () => this.timeline.now,
      network: this.network,
      sensor: simulation.busSensor ?? this.sensor,
      settings: this.settings,
      random: (bytes) => chance.fill(bytes),
      log: (level, text) => {
        this.log.push({ time: this.now, level, text });
        this.#note(`log ${level} ${text}`);
      },
      wake: () => {}, // it is asked before every step whether there is something to tell
    });
    this.meter = new Meter(this.board.table);
    this.#supervisor = new Supervisor(module, this.board);
  }

  /** µs since the beginning. */
  get now(): number {
    return this.timeline.now;
  }

  /** The running module's memory; undefined while none runs. */
  get memory(): WebAssembly.Memory | undefined {
    return this.#supervisor.camera?.memory;
  }

  /** Lets `duration` µs pass. */
  run(duration: number): void {
    this.#runTo(this.now + duration, () => false);
  }

  /** Lets `duration` µs pass in which nothing happens, as on a computer that sleeps; what was planned comes after. */
  skip(duration: number): void {
    this.timeline.advance(this.now + duration);
  }

  /** Lets time pass until `isSo`, looked at after everything that happens. @throws if it is not so within `limit` µs */
  runUntil(isSo: () => boolean, limit: number, what = "what was waited for"): void {
    const end = this.now + limit;
    if (!this.#runTo(end, isSo)) throw new Error(`${what} did not happen within ${limit} µs`);
  }

  /** A client that begins to connect now. */
  connect(conditions = this.#conditions, from = CLIENT_ADDRESS, options?: ConnectOptions): Client {
    return this.network.connect(CAMERA_PORT, conditions, from, options);
  }

  /** An upstream that begins to connect now. */
  upstream(conditions = this.#conditions, from = CLIENT_ADDRESS, options?: ConnectOptions): Client {
    return this.network.connect(PUSH_PORT, conditions, from, options);
  }

  /** The board loses its power for a moment: all is gone but the settings, and the module starts with the next turn. */
  restart(): void {
    this.board.abortAll();
    this.board.past = NO_PAST;
    this.#supervisor = new Supervisor(this.#module, this.board);
    this.#due = this.now;
  }

  /** A connection to make requests on. */
  converse(conditions?: Conditions, from?: string): Conversation {
    return new Conversation(this.connect(conditions, from));
  }

  /** A request on a connection of its own. */
  get(path: string, request: Request = {}): Conversation {
    const headers = { Connection: "close", ...request.headers };
    return this.converse(request.conditions, request.from).ask(path, { ...request, headers });
  }

  /** A viewer of the stream. */
  watch(path = "/stream.jpg", conditions?: Conditions, options?: ConnectOptions): Viewer {
    const viewer = new Viewer(this.connect(conditions, undefined, options));
    viewer.ask(path);
    return viewer;
  }

  /** A viewer by WebSocket. */
  watchByWebSocket(
    conditions?: Conditions,
    options?: ConnectOptions,
    fields?: Record<string, string>,
  ): WebSocketViewer {
    return new WebSocketViewer(this.connect(conditions, undefined, options), fields);
  }

  /** Makes a request and lets time pass until it is answered. */
  fetch(path: string, request: Request = {}, limit = 10_000_000): Response {
    const conversation = this.get(path, request);
    const { client } = conversation;
    this.runUntil(() => conversation.response !== undefined || client.isOver, limit, `an answer to ${path}`);
    const { response, problem = "the connection ended" } = conversation;
    if (!response) throw new Error(`no answer to ${path}: ${problem}`);
    return response;
  }

  /** A digest of everything that the module did so far, with its times. */
  get transcript(): string {
    if (!this.#transcript) throw new Error("no transcript is kept in this world");
    return this.#transcript.copy().digest("hex");
  }

  #note(what: string, bytes?: Uint8Array): void {
    if (!this.#transcript) return;
    this.#transcript.update(`${this.now} ${what}\n`);
    if (bytes) this.#transcript.update(bytes);
  }

  #runTo(end: number, isSo: () => boolean): boolean {
    const { timeline } = this;
    while (!isSo()) {
      const turnAt = this.#turnAt();
      if (Math.min(timeline.next, turnAt) > end) {
        timeline.advance(end);
        return isSo();
      }
      if (timeline.next <= turnAt) {
        timeline.runNext();
        continue;
      }
      timeline.advance(turnAt);
      this.meter.begin();
      this.#due = this.#supervisor.turn(this.now);
      this.#busyUntil = this.now + this.#random.between(...STEP_TIME);
      this.steps++;
      this.onStep(this.#due);
    }
    return true;
  }

  /** When the module has its next turn. */
  #turnAt(): number {
    const { now } = this;
    const wanted = this.board.pending(now) ? now : Math.min(this.#due, this.board.pendingAt);
    return Math.max(wanted, this.#busyUntil, now);
  }
}
