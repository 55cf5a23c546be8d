/**
 * Carries out a plan in the simulated world and checks the camera all the while; then puts it through an exam that
 * shows whether anything was left behind. The first thing that is not as it should be ends the life.
 *
 * What one connection shows by itself is `wire.ts`'s, what should be in the frames and controls is `ledger.ts`'s. Here
 * is what concerns the whole: that the module does not stop by itself, a step does bounded work, the heap stands still,
 * the sensor is asked, `/state` tells the truth, and all that was lent comes back.
 */

import { Level } from "../../host/board-table.ts";
import { PATTERN, renderScene, Scene } from "../../host/scenes/file.ts";
import { type Client, ClientState } from "../../host/simulated/client.ts";
import type { Response } from "../../host/simulated/http.ts";
import { INJECTED } from "../../host/simulated/meter.ts";
import { Random } from "../../host/simulated/random.ts";
import { ADMIN_SECRET, bearer } from "../../host/simulated/secret.ts";
import { Mood } from "../../host/simulated/sensor.ts";
import { MILLISECOND, SECOND } from "../../host/simulated/timeline.ts";
import { clientFrame, Opcode, openingRequest, WebSocketClient } from "../../host/simulated/websocket.ts";
import { SimulatedWorld } from "../../host/simulated/world.ts";
import { Calls, type Kind } from "./calls.ts";
import { SimulatedChip } from "./chip.ts";
import type { Files } from "./files.ts";
import { FORMATS, Ledger } from "./ledger.ts";
import {
  type Ask,
  LAST_WORDS,
  type Leave,
  LINES,
  type Plan,
  plain,
  type Rude,
  SOURCES,
  type Talk,
  type Upstream,
  type Watch,
  type WatchSocket,
} from "./plan.ts";
import { RelayLedger } from "./relay-ledger.ts";
import { headOf, type Piece, pieceOf } from "./upstream.ts";
import { UpstreamWire } from "./upstream-wire.ts";
import { WebSocketWire } from "./websocket-wire.ts";
import { CONNECTIONS_MAX, type Surroundings, VIEWERS_MAX, Wire } from "./wire.ts";

/** What is not as it should be. */
export type Violation = { rule: string; text: string; time: number; log: string[] };
/** Takes what is wrong. */
type Wrong = (what: string, is: unknown, want: unknown) => void;
/** How often each thing happened. */
export type Tally = Record<string, number>;
/** `cpu`: ms of one core that it took. */
export type Outcome = { violation: Violation | undefined; tally: Tally; cpu: number };

/** Calls of the board, and bytes that are moved, in one step at most: see docs/reliability.md. */
const CALLS_MAX = 16 * 4 + 4 * 3 + 80;
const BYTES_MAX = 16 * 32 * 1024;
/** Steps in a row that do nothing but ask what is new: an encoder's slices, and tasks that look whether it is time. */
const IDLE_STEPS_MAX = 120;
/** How often what is due is looked at. */
const CHECK_EVERY = 50 * MILLISECOND;
const HEAP_EVERY = SECOND;
/** After the sensor is fine again frames come within this: the longest pause, and what a chip takes to start. */
const SENSOR_PATIENCE = 13 * SECOND;
/** When what lies before a picture by WebSocket is gone, what it may be late beside, and what its file has in front. */
const GONE_WITHIN = 200 * MILLISECOND;
const LATE = 100 * MILLISECOND;
const MESSAGE_HEAD_BYTES = 130;
/** Clients of the exam count from here. */
const EXAM_IDS = 1_000_000;
/** Who sends frames in the exam of a relay. */
const EXAM_UPSTREAM: Upstream = {
  ...{ id: EXAM_IDS, at: 0, do: "upstream", line: "calm", form: "ffmpeg", secret: "right", says: "" },
  ...{ items: ["file"], every: 50, statuses: [200], leavesAfter: 1_000_000, leaves: "stays" },
};
/** Frames that the soft sensor's scene has before it starts anew. */
const SCENE_FRAMES = 64;
/** How much an upstream has on its way at most before it sends something more, and how long that may take. */
const BACKLOG_BYTES = 64 * 1024;
const DRAIN_PATIENCE = 60 * SECOND;
/** How long a snapshot may wait for a fresh frame. */
const SNAPSHOT_DEADLINE = 2 * SECOND;
/** From when nobody watches to when a source is let go that sends. */
const REST_PATIENCE = 12 * SECOND;
/** Pictures that upstreams have. */
const RELAY_FILES = 6;

const scenes = new Map<string, Scene>();

async function sceneOf(size: string, formatName: string): Promise<Scene> {
  const name = `${size} ${formatName}`;
  let scene = scenes.get(name);
  if (!scene) {
    const [width, height] = size.split("x").map(Number);
    const format = FORMATS[formatName];
    const bytesMax = SCENE_FRAMES * (width * height * 2 + 6) + 64;
    scene = new Scene(await renderScene({ scene: PATTERN, width, height, format, bytesMax }));
    scenes.set(name, scene);
  }
  return scene;
}

/** Lives through `plan` with the camera that `module` is. */
export async function live(module: WebAssembly.Module, plan: Plan, files: Files): Promise<Outcome> {
  const isSoft = plan.sensor === "soft";
  const scene = await sceneOf(isSoft ? plan.settings.size : "32x32", isSoft ? plan.settings.format : "rgb565");
  const before = process.cpuUsage();
  const outcome = new Life(module, plan, files, scene).run();
  const { user, system } = process.cpuUsage(before);
  return { ...outcome, cpu: (user + system) / 1000 };
}

class Life implements Surroundings {
  newestSent = 0;
  isStopping = false;
  wantedAt = 0;
  readonly #plan: Plan;
  readonly #world: SimulatedWorld;
  readonly #sensor: SimulatedWorld["sensor"] | SimulatedChip;
  readonly #tally: Tally = {};
  readonly #wires: Wire[] = [];
  /** What is to come of the sensor's frames, where the camera may use it. */
  readonly #sensorLedger: Ledger | undefined;
  /** Where it may relay the frames of others: what is to come of them, pictures that those send, and who sends. */
  readonly #relay: RelayLedger | undefined;
  readonly #jpegs: Buffer[] = [];
  readonly #upstreams: { client: Client; wire: UpstreamWire }[] = [];
  /** Connections that the camera makes by itself. */
  readonly #calls: Calls;
  #violation: Violation | undefined;
  #idleSteps = 0;
  #restarts = 0;
  /** Since when the sensor is fine, the module runs, somebody watches, and the controls stand. */
  #fineSince = 0;
  #startedAt = 0;
  #watchedSince = Infinity;
  /** Damaged captures before the module's start; as they were counted last, and when that changed. */
  #tornAtStart = 0;
  #tornBefore = 0;
  #lastTorn = -Infinity;
  #heapEnd = 0;
  #heapSince = 0;

  constructor(module: WebAssembly.Module, plan: Plan, files: Files, scene: Scene) {
    this.#plan = plan;
    const { seed, settings, faults } = plan;
    let chip: SimulatedChip | undefined;
    if (plan.sensor === "ov2640") chip = new SimulatedChip(new Random(seed + 3), faults, () => this.#world?.now ?? 0);
    this.#world = new SimulatedWorld({
      module,
      scene,
      seed,
      settings,
      faults,
      busSensor: chip,
      hasTranscript: false,
    });
    this.#sensor = chip ?? this.#world.sensor;
    if (plan.sensor === "push" || plan.sensor === "pull") {
      this.#relay = new RelayLedger(files, this.#sensor, scene, { ...settings });
      this.#jpegs = Array.from({ length: RELAY_FILES }, (_, i) => {
        const picture = { width: 32, height: 32, format: FORMATS.rgb565, pixels: scene.frame(i) };
        return files.file(`relayed ${i}`, picture, "4:2:0", 10 + 15 * i);
      });
    }
    if (plan.sensor !== "push") {
      this.#sensorLedger = new Ledger(files, this.#sensor, chip ? undefined : scene, { ...settings });
    }
    this.#calls = new Calls(this.#world, this, seed, this.#relay, this.#jpegs, (client, how) =>
      this.#leaving(client, how),
    );
    this.#setKind();
    const { board } = this.#world;
    const abortAll = board.abortAll.bind(board);
    board.abortAll = () => {
      this.isStopping = true;
      abortAll();
      this.isStopping = false;
    };
    this.#world.onStep = (due) => this.#stepped(due);
    this.#startedAt = this.#fineSince = this.#world.now;
  }

  run(): Omit<Outcome, "cpu"> {
    const { timeline } = this.#world;
    for (const action of this.#plan.actions) {
      if (action.at >= this.#plan.seconds * 1000) continue; // not in the exam, in a plan that was made shorter
      timeline.at(action.at * MILLISECOND, () => this.#act(action));
    }
    const check = (): void => {
      this.#check();
      timeline.after(CHECK_EVERY, check);
    };
    timeline.after(CHECK_EVERY, check);
    this.#runFor(this.#plan.seconds * SECOND);
    if (!this.#violation) this.#exam();
    this.count("steps", this.#world.steps);
    this.count("frames", this.#sensor.captures.length);
    return { violation: this.#violation, tally: this.#tally };
  }

  #runFor(duration: number): void {
    const end = this.#world.now + duration;
    while (!this.#violation && this.#world.now < end) {
      // In pieces, so that a violation ends it soon.
      this.#world.run(Math.min(CHECK_EVERY, end - this.#world.now));
    }
  }

  // --- Surroundings

  get ledger(): Ledger {
    return this.#source === "sensor" ? this.#sensorLedger! : this.#relay!;
  }

  get viewersMax(): number {
    return this.#calls.isPushing ? VIEWERS_MAX - 1 : VIEWERS_MAX;
  }

  get maybeWantedAt(): number {
    let at = this.#startedAt;
    for (const { isOpen, asksFrames, acceptedAt, closedAt } of [...this.#wires, ...this.#calls.pushes]) {
      if (asksFrames && acceptedAt >= 0) at = Math.max(at, isOpen ? this.now : closedAt);
    }
    return at;
  }

  get isAwaited(): boolean {
    return this.#wires.some((wire) => wire.awaitsFrame) || this.#calls.pushes.some((wire) => wire.awaitsFrame);
  }

  /** Where frames come from since the module's start. */
  get #source(): Kind {
    return this.#calls.kind;
  }

  #setKind(): void {
    if (this.#relay && this.#source !== "sensor") this.#relay.kind = this.#source;
  }

  get now(): number {
    return this.#world.now;
  }

  get step(): number {
    return this.#world.steps;
  }

  get open(): number {
    return this.#live.length;
  }

  get #live(): Wire[] {
    return this.#wires.filter((wire) => wire.isOpen);
  }

  get watchers(): number {
    return this.#live.filter((wire) => wire.asksStream).length;
  }

  get snapshots(): number {
    return this.#live.filter((wire) => wire.asksSnapshot).length;
  }

  fail(rule: string, text: string): void {
    this.#violation ??= { rule, text, time: this.now, log: this.#world.log.map((line) => `${line.time} ${line.text}`) };
  }

  count(what: string, by = 1): void {
    this.#tally[what] = (this.#tally[what] ?? 0) + by;
  }

  answered(wire: Wire, ask: Ask | undefined, response: Response, since: number): void {
    if (!ask || response.status !== 200 || ask.method === "HEAD") return;
    const { ledger } = this;
    const text = response.body.toString("utf8");
    if (/^\/state/.test(ask.target)) this.#judgeState(text);
    else if (/^\/control(\?|$)/.test(ask.target)) {
      const problem = ledger.told(text, ask.sets, since, this.now, this.#areSetsSure(wire));
      if (problem) this.fail("controls are as they were set", `connection ${wire.id}: ${problem}`);
    } else if (ask.saves) {
      ledger.saved(since, this.#areSetsSure(wire));
      this.count("saves");
    } else if (/snapshot/.test(ask.target)) this.#judgeSnapshot(wire, response);
  }

  /** Whether nobody else may have set controls meanwhile. */
  #areSetsSure(but: Wire): boolean {
    return this.#live.every((wire) => wire === but || wire.unanswered.every(({ ask }) => !ask.sets));
  }

  #judgeSnapshot(wire: Wire, { headers, body }: Response): void {
    const sequence = Number(headers.get("x-sequence"));
    const timestamp = Number((headers.get("x-timestamp") ?? "").replace(".", ""));
    this.ledger.follow(this.step);
    const problem = this.ledger.problemOf(sequence, timestamp, body);
    if (problem) this.fail("parts are published frames", `snapshot on ${wire.id}: ${problem}`);
    this.count("snapshots");
  }

  #judgeState(text: string): void {
    this.count("states");
    const state = JSON.parse(text);
    const wrong: Wrong = (what, is, want) =>
      this.fail("/state tells the truth", `${what} is ${is}, it should be ${want}: ${text.trim()}`);
    const time = Math.round(state.time * SECOND);
    // What it says was so at `time`, some steps ago where the answer waited for room.
    const isFresh = this.now - time < SECOND / 2;
    if (time > this.now) wrong("time", time, `${this.now} at most`);
    if (state.restarts !== this.#world.board.restarts) wrong("restarts", state.restarts, this.#world.board.restarts);
    if (state.board !== "simulated") wrong("board", state.board, "simulated");
    if (state.limits.connections !== CONNECTIONS_MAX || state.limits.viewers !== VIEWERS_MAX) {
      wrong("limits", JSON.stringify(state.limits), "those of the board profile");
    }
    const called = this.#calls.judge(state, time, isFresh);
    if (called) wrong(...called);
    if (this.#source !== "sensor") {
      const problem = this.#relay!.judge(state.capture, time, isFresh);
      if (problem) wrong(...problem);
    } else this.#judgeCapture(state.capture, time, isFresh, wrong);
    if (!isFresh) return;
    // Connections: those that were there all the time since then, and all that were there at some time.
    const steady = this.#wires.filter((wire) => wire.isOpen && wire.acceptedAt < time).length;
    const some = this.#wires.filter((wire) => wire.acceptedAt >= 0 && (wire.isOpen || wire.closedAt >= time)).length;
    if (state.connections < steady || state.connections > some) {
      wrong("connections", state.connections, `${steady} to ${some}`);
    }
    const sure = this.#wires.filter((wire) => wire.isWatching && wire.streamAt < time);
    const maybe = this.#wires.filter(
      (wire) => wire.acceptedAt >= 0 && wire.asksStream && (wire.isOpen || wire.closedAt >= time),
    );
    const { viewers } = state as { viewers: { sent: number; dropped: number; age: number }[] };
    if (viewers.length < sure.length || viewers.length > Math.min(maybe.length, this.viewersMax)) {
      wrong("viewers", viewers.length, `${sure.length} to ${maybe.length}`);
    }
    const sum = (list: Iterable<number>): number => [...list].reduce((total, number) => total + number, 0);
    const sent = sum(viewers.map((viewer) => viewer.sent));
    if (sent < sum(sure.map((wire) => wire.partsBy(time - 1))) || sent > sum(maybe.map((wire) => wire.parts))) {
      wrong("sent", sent, `what ${sure.length} viewers got`);
    }
    const dropped = sum(viewers.map((viewer) => viewer.dropped));
    const most = sum(maybe.map((wire) => wire.droppedAtMost(state.capture.sequence, time - 1)));
    const least = sum(sure.map((wire) => wire.droppedBy(time - 1)));
    if (dropped > most || dropped < least) wrong("dropped", dropped, `${least} to ${most}`);
  }

  /** What is told of the sensor and its frames. */
  #judgeCapture(capture: any, time: number, isFresh: boolean, wrong: Wrong): void {
    const { ledger } = this;
    const delivered = ledger.shots.filter((shot) => shot.start === ledger.start && shot.time <= time);
    const done = delivered.filter((shot) => time - shot.time > 150 * MILLISECOND).length;
    const dealt = capture.sequence + capture.overflowed;
    if (dealt > delivered.length || dealt < done) wrong("sequence", dealt, `${done} to ${delivered.length}`);
    if (capture.published !== capture.sequence) wrong("published", capture.published, capture.sequence);
    if (capture.overflowed !== 0 && !ledger.mayOverflow) wrong("overflowed", capture.overflowed, 0);
    if (isFresh && this.now - this.#lastTorn > SECOND && capture.torn !== this.#torn) {
      wrong("torn", capture.torn, this.#torn);
    }
    if (ledger.isSure && ledger.isSettled(this.now, 3 * SECOND) && delivered.length > 0 && capture.fault === "none") {
      const { values } = ledger;
      const size = `${capture.width}x${capture.height}`;
      if (size !== values.size) wrong("size", size, values.size);
      if (capture.format !== values.format) wrong("format", capture.format, values.format);
      if (capture.sampling !== values.sampling) wrong("sampling", capture.sampling, values.sampling);
      const { quality } = capture;
      if (!ledger.mayOverflow && String(quality) !== values.quality) wrong("quality", quality, values.quality);
      if (capture.fps > Number(values.fps) * 1.5 + 1) wrong("fps", capture.fps, `${values.fps} at most`);
    }
  }

  // --- What clients and the world do

  #act(action: Plan["actions"][number]): void {
    if (this.#violation) return;
    const { timeline } = this.#world;
    this.count(action.do === "sensor" ? `sensor ${action.mood}` : action.do);
    switch (action.do) {
      case "watch":
        return this.#watch(action);
      case "socket":
        return this.#watchSocket(action);
      case "upstream":
        return this.#upstream(action);
      case "source":
      case "receiver":
        return this.#calls.act(action);
      case "setting":
        return this.#set(action.name, action.value, action.restarts);
      case "talk":
        return this.#talk(action);
      case "rude":
        return this.#rude(action);
      case "sensor": {
        const mood = { stalled: Mood.STALLED, tearing: Mood.TEARING, missing: Mood.MISSING }[action.mood];
        this.#sensor.mood = mood;
        this.#fineSince = Infinity;
        timeline.after(action.lasts * MILLISECOND, () => {
          this.#sensor.mood = Mood.FINE;
          this.#fineSince = this.now;
        });
        return;
      }
      case "trap":
        return this.#world.meter.trapAfter(action.calls);
      case "restart":
        this.#world.restart();
        this.#restarted();
    }
  }

  #connect<W extends Wire>(action: Watch | WatchSocket | Talk | Rude, wire: W): [W, Client] {
    const { id, line, buffers, reads } = action;
    const [sendBytes, receiveBytes] = buffers;
    const random = new Random(this.#plan.seed * 1000 + id);
    const client = this.#world.connect(LINES[line], undefined, { random, observer: wire, sendBytes, receiveBytes });
    wire.client = client;
    if (reads > 0) client.readAt(reads);
    this.#wires.push(wire);
    return [wire, client];
  }

  #leaving(client: Client, { leaves, leavesAfter }: { leaves: Leave; leavesAfter: number }): void {
    this.count(`client ${leaves}`);
    this.#world.timeline.after(leavesAfter * MILLISECOND, () => {
      if (client.isOver) return;
      if (leaves === "closes") client.close();
      else if (leaves === "resets") client.reset();
      else if (leaves === "ends") client.end();
      else if (leaves === "vanishes") client.readAt(0);
    });
  }

  #ask(wire: Wire, ask: Ask): string {
    const shown = ask.method === "POST" ? bearer(ADMIN_SECRET) : {}; // where one is wanted
    const fields: Record<string, string> = { Host: "camera", ...shown, ...ask.fields };
    if (ask.body && !fields["Transfer-Encoding"]) fields["Content-Length"] = String(ask.body.length);
    else if (ask.method === "POST" && !fields["Transfer-Encoding"]) fields["Content-Length"] = "0";
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const text = `${ask.method} ${ask.target} HTTP/1.1\r\n${lines.join("")}\r\n${ask.body}`;
    wire.asks(ask, text.length);
    this.count("requests");
    return text;
  }

  #watch(action: Watch): void {
    const { timeline } = this.#world;
    const [wire, client] = this.#connect(action, new Wire(action.id, this));
    client.send(this.#ask(wire, plain("GET", action.path, [200])));
    if (action.chatter) timeline.after(SECOND, () => client.isOver || client.send(action.chatter));
    this.#stalling(client, action);
    this.#leaving(client, action);
  }

  #stalling(client: Client, { stalls, reads }: Watch | WatchSocket): void {
    const { timeline } = this.#world;
    for (const [after, lasts] of stalls) {
      timeline.after(after * MILLISECOND, () => client.readAt(0));
      timeline.after((after + lasts) * MILLISECOND, () => client.readAt(reads || Infinity));
    }
  }

  #watchSocket(action: WatchSocket): void {
    const { timeline } = this.#world;
    const [wire, client] = this.#connect(action, new WebSocketWire(action.id, this));
    wire.asks(plain("GET", "/ws", [101]), openingRequest().length);
    this.count("requests");
    let isSilent = false;
    const say = (bytes: Uint8Array): void => {
      if (!client.isOver && !isSilent) client.send(bytes);
    };
    const socket = new WebSocketClient(say);
    socket.acknowledges = false;
    socket.answersPings = action.answersPings;
    client.onBytes = (bytes, time) => {
      socket.push(bytes, time);
      if (socket.status === 101 && socket.problem) {
        this.fail("well-formed answers", `viewer ${action.id}: ${socket.problem}`);
      }
    };
    socket.onPart = ({ sequence, timestamp, jpeg }) => {
      this.#judgeAge(action, jpeg.length, timestamp);
      if (action.acknowledges === 0) socket.acknowledge(sequence);
      else if (action.acknowledges > 0) {
        timeline.after(action.acknowledges * MILLISECOND, () => socket.acknowledge(sequence));
      }
    };
    const ping = (): void => {
      if (client.isOver || isSilent) return;
      if (socket.status === 101) say(clientFrame(Opcode.PING, "there?"));
      timeline.after(action.pings * MILLISECOND, ping);
    };
    if (action.pings > 0) timeline.after(action.pings * MILLISECOND, ping);
    if (action.lastWords !== "") {
      const { says, code } = LAST_WORDS[action.lastWords];
      timeline.after(action.lastWordsAfter * MILLISECOND, () => {
        if (socket.status !== 101) return;
        wire.closesWith = code;
        this.count("last words by WebSocket");
        say(says);
        isSilent = true;
      });
    }
    this.#stalling(client, action);
    this.#leaving(client, action);
  }

  /**
   * A viewer who takes, and acknowledges, all at once sees what is young (assembly/websocket/window.ts): beside its own
   * way, a picture is there soon after the next one was captured.
   */
  #judgeAge(action: WatchSocket, bytes: number, timestamp: number): void {
    const { line, acknowledges, reads, stalls, buffers, answersPings } = action;
    const { delay, bytesPerSecond, stallShare } = LINES[line];
    const next = this.ledger.after(timestamp);
    if (!next || acknowledges !== 0 || reads !== 0 || stalls.length > 0 || !answersPings || stallShare > 0) return;
    // No more than its buffers hold gets through a path in a round trip.
    const rate = Math.min(bytesPerSecond, (Math.min(...buffers) * SECOND) / (2 * delay[1]));
    const own = ((bytes + MESSAGE_HEAD_BYTES) * SECOND) / rate + delay[1];
    const late = Math.round(this.now - next.time - own);
    this.#maximum("ms that a picture by WebSocket came late", Math.ceil(late / MILLISECOND));
    // What lies before it is gone in the time that the rule allows: at most 1.5 round trips where the path is long.
    if (late > Math.max(GONE_WITHIN, 3 * delay[1]) + LATE) {
      this.fail("pictures by WebSocket are young", `viewer ${action.id} gets ${timestamp} ${late} µs late`);
    }
  }

  #talk(action: Talk): void {
    const { timeline } = this.#world;
    const [wire, client] = this.#connect(action, new Wire(action.id, this));
    let at = 0;
    for (const ask of action.asks) {
      timeline.after(at * MILLISECOND, () => {
        if (client.isOver) return;
        const text = this.#ask(wire, ask);
        if (action.piece === 0) return client.send(text);
        for (let from = 0; from < text.length; from += action.piece) {
          const piece = text.slice(from, from + action.piece);
          timeline.after((from / action.piece) * 5 * MILLISECOND, () => client.isOver || client.send(piece));
        }
      });
      // What is sent in pieces is not to get between the pieces of another.
      const lasts = action.piece === 0 ? 0 : Math.ceil((ask.body.length + ask.target.length + 9200) / action.piece) * 5;
      at += Math.max(action.pause, lasts);
    }
    this.#leaving(client, action);
  }

  #upstream(action: Upstream): void {
    const relay = this.#relay;
    if (!relay || this.#source !== "push") return; // a plan that was made for another camera
    const { timeline } = this.#world;
    const { id, line, form, says, items, every, secret } = action;
    const wire = new UpstreamWire(action, this, relay);
    const random = new Random(this.#plan.seed * 1000 + id);
    // Who guesses secrets is told apart from all others by its address.
    const from = secret === "wrong" ? "10.0.0.66" : undefined;
    const client = this.#world.upstream(LINES[line], from, { random, observer: wire });
    relay.feeds.push(wire);
    this.#upstreams.push({ client, wire });
    const pieces: Piece[] = [];
    const piece = (n: number): Piece =>
      pieceOf(form, items[n % items.length], this.#jpegs[(id + n) % RELAY_FILES], relay);
    if (form === "curl") for (let n = 0; n < items.length; n++) pieces.push(piece(n));
    const head = says || headOf(action, pieces.reduce((sum, { bytes }) => sum + bytes.length, 0));
    wire.says(head.length);
    client.send(head);
    const leavesAt = this.now + action.leavesAfter * MILLISECOND;
    const send = (n: number): void => {
      if (client.isOver || this.now >= leavesAt || (form === "curl" && n >= items.length)) return;
      if (wire.backlog > BACKLOG_BYTES) return timeline.after(every * MILLISECOND, () => send(n));
      const { bytes, file, flaw } = pieces[n] ?? piece(n);
      wire.says(bytes.length, file, flaw);
      client.send(bytes);
      timeline.after(every * MILLISECOND, () => send(n + 1));
    };
    if (items.length > 0) send(0);
    this.#leaving(client, action);
  }

  #rude(action: Rude): void {
    const { timeline } = this.#world;
    const [wire, client] = this.#connect(action, new Wire(action.id, this));
    const { says, drip } = action;
    wire.opensHead = /^[A-Z]+ \//.test(says) && !says.includes("\r\n\r\n");
    if (drip === 0) client.send(says);
    else {
      for (let i = 0; i < says.length; i++) {
        timeline.after(i * drip * MILLISECOND, () => client.isOver || client.send(says[i]));
      }
    }
    this.#leaving(client, action);
  }

  /** Has the board keep a setting, and start anew with it. */
  #set(name: string, value: string, restarts = true): void {
    this.#world.settings.put(name, value);
    if (!restarts) return;
    this.#world.restart();
    this.#restarted();
  }

  // --- What is checked after every step

  #stepped(due: number): void {
    const { meter, board } = this.#world;
    const { ledger } = this;
    if (meter.calls > CALLS_MAX || meter.bytes > BYTES_MAX) {
      this.fail("a step does bounded work", `${meter.calls} calls, ${meter.bytes} bytes in a step`);
    }
    this.#maximum("calls in a step", meter.calls);
    this.#maximum("bytes in a step", meter.bytes);
    ledger.follow(this.step);
    if (meter.deeds > 0 || due > this.now) this.#idleSteps = 0;
    else if (++this.#idleSteps > IDLE_STEPS_MAX) {
      this.fail("nobody spins", `${this.#idleSteps} steps in a row wanted another at once and did nothing`);
    }
    if (board.restarts !== this.#restarts) this.#trapped();
    if (this.#torn !== this.#tornBefore) {
      this.#tornBefore = this.#torn;
      this.#lastTorn = this.now;
    }
  }

  /** Captures that came damaged, since the module's start. */
  get #torn(): number {
    return this.#sensor.torn - this.#tornAtStart;
  }

  #maximum(what: string, value: number): void {
    const name = `most ${what}`;
    this.#tally[name] = Math.max(this.#tally[name] ?? 0, value);
  }

  #trapped(): void {
    const { log, board } = this.#world;
    const text = log.at(-1)?.text ?? "";
    if (!text.includes(INJECTED)) {
      const why = log.filter(({ level }) => level === Level.ERROR).slice(-2);
      this.fail("the module does not stop by itself", why.map((line) => line.text).join("; "));
    }
    this.#restarts = board.restarts;
    this.#restarted();
  }

  #restarted(): void {
    const world = this.#world;
    this.#restarts = world.board.restarts;
    this.#calls.restarted();
    this.#setKind();
    for (const ledger of [this.#sensorLedger, this.#relay]) {
      ledger?.restarted(this.now, (name) => world.settings.get(name));
    }
    this.newestSent = 0;
    this.wantedAt = 0;
    this.#startedAt = this.now;
    this.#tornAtStart = this.#sensor.torn;
    this.#heapEnd = 0;
  }

  // --- What is checked now and then

  #check(): void {
    if (this.#violation) return;
    const { now, ledger } = this;
    for (const wire of this.#wires) wire.check();
    this.#calls.check();
    const watching = this.#live.some((wire) => wire.isWatching);
    if (!watching) this.#watchedSince = Infinity;
    else if (this.#watchedSince === Infinity) this.#watchedSince = now;
    if (now >= this.#heapSince + HEAP_EVERY) {
      this.#heapSince = now;
      this.#checkHeap();
    }
    if (this.#source !== "sensor") return;
    const patience = SENSOR_PATIENCE + 4 * ledger.interval + (this.#plan.faults.stall > 0 ? 10 * SECOND : 0);
    const since = Math.max(this.#startedAt, this.#fineSince, this.#watchedSince, ledger.last?.time ?? 0);
    if (now - since > patience) this.fail("the sensor is asked", `no frame for ${now - since} µs, the sensor is fine`);
  }

  /** The heap only ever grows upwards, and all above it is zero: so allocating moves the last byte that is not. */
  #checkHeap(): void {
    const { memory } = this.#world;
    if (!memory || this.ledger.newestBy(this.step) === undefined) return; // it is still being set up
    const words = new Int32Array(memory.buffer);
    let end = words.length;
    while (end > 0 && words[end - 1] === 0) end--;
    if (this.#heapEnd === 0) this.#heapEnd = end;
    else if (end > this.#heapEnd) {
      this.fail("the heap stands still", `the heap grew by ${4 * (end - this.#heapEnd)} bytes`);
    }
  }

  // --- The exam

  /**
   * Everybody leaves and nothing may be left. Then all places are taken at once by viewers that stop at different
   * frames, and snapshots beside them: were a slot or a place lost, the camera would refuse one or stop.
   */
  #exam(): void {
    const world = this.#world;
    this.#sensor.mood = Mood.FINE;
    this.#fineSince = this.now;
    world.meter.trapNever();
    this.#calls.heal();
    if (this.#calls.isLost) this.#set("source", SOURCES[0]);
    this.#allLeave("the life");
    if (this.#source === "push") this.#upstream(EXAM_UPSTREAM);
    else if (this.#source === "sensor") {
      const fps = this.#plan.sensor === "ov2640" ? 8 : 20;
      const faster: Ask = { ...plain("POST", "/control", [200]), body: `fps=${fps}`, sets: { fps: String(fps) } };
      this.#talk(this.#examinee(0, faster));
    }
    this.#runFor(SECOND / 2);
    const begun = this.#wires.length;
    const { delivered } = this.ledger;
    const isFresh = (): boolean => this.ledger.delivered >= delivered + 2;
    const isAll = (): boolean => isFresh() && this.#wires.slice(begun).every((wire) => wire.parts > 0);
    for (let n = 1; n <= this.viewersMax; n++) {
      this.#watch({ ...this.#examinee(n), do: "watch", path: "/stream.jpg", stalls: [], chatter: "" });
    }
    this.#runUntil(isAll, 2 * SENSOR_PATIENCE, "all viewers that there may be get a frame");
    if (this.#calls.isPushing) {
      const isPushed = (): boolean => this.#calls.pushes.at(-1)!.parts > 0;
      this.#runUntil(isPushed, 2 * SENSOR_PATIENCE, "whom it pushes to gets a frame");
    }
    // One after another they stop, each in the middle of a frame of its own.
    for (const wire of this.#wires.slice(begun)) {
      wire.client!.readAt(0);
      const before = this.ledger.delivered;
      this.#runUntil(() => this.ledger.delivered >= before + 2, SENSOR_PATIENCE, "frames go on");
    }
    for (const n of [1, 2]) {
      this.#talk(this.#examinee(VIEWERS_MAX + n, plain("GET", "/snapshot.jpg", [200])));
      const wire = this.#wires.at(-1)!;
      wire.client!.readAt(0);
      this.#runUntil(() => wire.beginning.startsWith("HTTP/1.1 200"), SENSOR_PATIENCE, "a snapshot is answered");
      const before = this.ledger.delivered;
      this.#runUntil(() => this.ledger.delivered >= before + 2, SENSOR_PATIENCE, "frames go on beside stopped viewers");
    }
    this.#talk(this.#examinee(VIEWERS_MAX + 3, plain("GET", "/state", [200])));
    this.#runFor(SECOND / 5);
    this.#allLeave("the exam");
    if (this.#source === "pull" && !this.#calls.isPushing) {
      this.#runUntil(() => !this.#calls.isPulling, REST_PATIENCE, "it rests when nobody watches");
    }
    this.#checkHeap();
    if (!this.#violation && world.board.restarts !== this.#restarts) this.#trapped();
    this.count("exams");
  }

  /** A client of the exam: close by, with buffers that hold less than a frame. */
  #examinee(n: number, ...asks: Ask[]): Talk {
    const id = EXAM_IDS + n;
    const buffers: [number, number] = [200, 200];
    return {
      ...{ id, at: 0, do: "talk", line: "calm", buffers, reads: 0, leaves: "stays", leavesAfter: 0 },
      ...{ asks, pause: 0, piece: 0 },
    };
  }

  #allLeave(what: string): void {
    if (this.#violation) return;
    for (const { client } of this.#wires) client?.reset();
    for (const { client } of this.#upstreams) client.reset();
    // Who has closed its socket already may have more on its way than comes in a second.
    const areGone = (): boolean =>
      this.#upstreams.every(({ client, wire }) => client.state !== ClientState.LEFT || !wire.isOpen);
    this.#runUntil(areGone, DRAIN_PATIENCE, "upstreams that have left are let go");
    this.#runFor(SECOND);
    const listeners = this.#source === "push" ? 2 : 1;
    const held = (): number => this.#world.board.openSockets - listeners - this.#calls.open;
    // A snapshot that waits for a fresh frame looks at its peer only afterwards.
    if (held() > 0) this.#runFor(SNAPSHOT_DEADLINE);
    const left = held();
    if (left > 0) this.fail("nothing is left", `after ${what}, ${left} connections of nobody are held`);
  }

  #runUntil(isSo: () => boolean, limit: number, what: string): void {
    const end = this.now + limit;
    while (!this.#violation && !isSo()) {
      if (this.now > end) return this.fail("nothing is lost", `${what}: not within ${limit} µs`);
      this.#runFor(CHECK_EVERY / 2);
    }
  }
}
