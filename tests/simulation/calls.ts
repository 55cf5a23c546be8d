/**
 * The connections that the camera makes by itself: whom the settings tell it to pull from and push to, how those
 * hosts are as the plan goes on, and whether the camera tries them when it should. What is said on one connection is
 * judged by `source-wire.ts` and `push-wire.ts`.
 */

import type { Client } from "../../host/simulated/client.ts";
import type { DialOptions, Observer } from "../../host/simulated/network.ts";
import { Random } from "../../host/simulated/random.ts";
import { MILLISECOND } from "../../host/simulated/timeline.ts";
import type { SimulatedWorld } from "../../host/simulated/world.ts";
import { Attempts, LATE } from "./attempts.ts";
import { type Leave, LINES, type Receiver, type Source } from "./plan.ts";
import { PushWire } from "./push-wire.ts";
import type { RelayLedger } from "./relay-ledger.ts";
import { ANSWERS, SourceStream } from "./source.ts";
import { SourceWire, type Target, TROUBLES } from "./source-wire.ts";
import type { Surroundings } from "./wire.ts";

/** Where frames come from, by the setting. */
export type Kind = "sensor" | "push" | "pull";

/** How hosts are of which the plan says nothing, and in the exam. */
const FINE_SOURCE: Source = {
  ...{ id: 30_000, at: 0, do: "source", line: "calm", leavesAfter: 0, leaves: "stays", cuts: true },
  ...{ how: "streams", answer: "nothing", stream: "plain", items: ["file"], every: 50, piece: 0 },
};
const FINE_RECEIVER: Receiver = {
  ...{ id: 40_000, at: 0, do: "receiver", line: "calm", leavesAfter: 0, leaves: "stays", cuts: true },
  ...{ how: "takes", buffer: 65_536, reads: 0, stalls: [], says: "" },
};
/** Hosts and ports at which somebody serves. */
const SOURCE_AT: [string, number][] = [["source.home", 8081], ["source.home", 80]];
const RECEIVER_AT: [string, number][] = [["relay.home", 9999], ["relay.home", 65_535]];
const PIECE_EVERY = 50 * MILLISECOND;
/** How much a source has on its way at most before it sends something more. */
const BACKLOG_BYTES = 16 * 1024;

/** Lets a client of the plan leave as it is to. */
export type Leaving = (client: Client, how: { leaves: Leave; leavesAfter: number }) => void;

export class Calls {
  /** Where frames come from since the module's start. */
  kind: Kind = "sensor";
  readonly pulls: SourceWire[] = [];
  readonly pushes: PushWire[] = [];
  readonly #world: SimulatedWorld;
  readonly #life: Surroundings;
  readonly #seed: number;
  readonly #ledger: RelayLedger | undefined;
  readonly #jpegs: readonly Buffer[];
  readonly #leaving: Leaving;
  #source = FINE_SOURCE;
  #receiver = FINE_RECEIVER;
  /** Whom the camera is to connect to since its start; undefined: nobody. */
  #pullsFrom: Target | undefined;
  #pushesTo: { name: string; port: number } | undefined;
  #pulling = new Attempts();
  #pushing = new Attempts();
  #count = 0;
  #startedAt = 0;
  /** Since when somebody waits for a frame for sure. */
  #awaitedSince = Infinity;
  readonly #peers = new Map<Observer, Client>();

  /** @param ledger where the life has sources that frames may be pulled from, which have the files `jpegs` */
  constructor(
    world: SimulatedWorld,
    life: Surroundings,
    seed: number,
    ledger: RelayLedger | undefined,
    jpegs: readonly Buffer[],
    leaving: Leaving,
  ) {
    this.#world = world;
    this.#life = life;
    this.#seed = seed;
    this.#ledger = ledger;
    this.#jpegs = jpegs;
    this.#leaving = leaving;
    world.network.onDial = (name, port) => this.#dial(name, port);
    for (const [name, port] of SOURCE_AT) world.network.serve(name, port, (peer, by) => this.#serve(peer, by));
    for (const [name, port] of RECEIVER_AT) world.network.serve(name, port, (peer, by) => this.#receive(peer, by));
    this.restarted();
  }

  /** The module starts anew: it reads its settings. */
  restarted(): void {
    const { settings, now } = this.#world;
    const source = settings.get("source") ?? "sensor";
    this.kind = source.includes(":") ? "pull" : source === "push" ? "push" : "sensor";
    this.#pullsFrom = this.kind === "pull" ? targetOf(source) : undefined;
    const [, name, port] = /^([^:/]+):(\d+)$/.exec(settings.get("push") ?? "") ?? [];
    this.#pushesTo = name === undefined ? undefined : { name, port: Number(port) };
    this.#pulling = new Attempts();
    this.#pushing = new Attempts();
    this.#startedAt = now;
    this.#awaitedSince = Infinity;
  }

  /** Whether a viewer's place is the pusher's. */
  get isPushing(): boolean {
    return this.#pushesTo !== undefined;
  }

  /** Connections that the camera has made, or is making, at this moment. */
  get open(): number {
    return [...this.pulls, ...this.pushes].filter(({ closedAt }) => closedAt < 0).length;
  }

  /** Whether the setting is to have it pull, and makes no sense. */
  get isLost(): boolean {
    return this.kind === "pull" && !this.#pullsFrom;
  }

  get isPulling(): boolean {
    return this.pulls.some(({ closedAt }) => closedAt < 0);
  }

  /** A host changes. */
  act(action: Source | Receiver): void {
    if (action.do === "source") this.#source = action;
    else this.#receiver = action;
    if (action.cuts) this.#cut(action.do === "source" ? this.pulls : this.pushes);
  }

  /** All is well with both hosts from now on. */
  heal(): void {
    this.act(FINE_SOURCE);
    this.act(FINE_RECEIVER);
  }

  #cut(wires: readonly (SourceWire | PushWire)[]): void {
    for (const wire of wires) this.#peers.get(wire)?.reset();
  }

  // --- The camera connects

  #dial(name: string, port: number): DialOptions | undefined {
    const to = [this.#pullsFrom, this.#pushesTo].find((one) => one?.name === name && one.port === port);
    if (!to) {
      this.#life.fail("the right host is asked", `the camera connects to ${name}:${port}, which no setting names`);
      return undefined;
    }
    return to === this.#pullsFrom ? this.#pull(to as Target) : this.#push();
  }

  #pull(target: Target): DialOptions | undefined {
    const life = this.#life;
    this.#judgeAttempt("source", this.#pulling, this.pulls);
    const unwantedFor = life.now - Math.max(life.maybeWantedAt, this.#startedAt);
    if (unwantedFor > REST_AFTER + LATE) {
      life.fail("it rests when nobody watches", `it connects though nobody has watched for ${unwantedFor} µs`);
    }
    const plan = this.#source;
    if (!this.#isConnectable(plan, this.#pulling)) return undefined;
    const wire = new SourceWire(plan, life, this.#ledger!, this.#pulling, target);
    this.pulls.push(wire);
    this.#ledger!.feeds.push(wire);
    return this.#options(plan, wire);
  }

  #push(): DialOptions | undefined {
    this.#judgeAttempt("receiver", this.#pushing, this.pushes);
    const plan = this.#receiver;
    if (!this.#isConnectable(plan, this.#pushing)) return undefined;
    const wire = new PushWire(plan, this.#life, this.#pushing);
    this.pushes.push(wire);
    return { ...this.#options(plan, wire), receiveBytes: plan.buffer };
  }

  #judgeAttempt(who: string, attempts: Attempts, before: readonly { closedAt: number }[]): void {
    const life = this.#life;
    life.count(`attempts at the ${who}`);
    if ((before.at(-1)?.closedAt ?? 0) < 0) life.fail("nothing is left", `the ${who} is connected to twice`);
    const early = attempts.notBefore - life.now;
    if (early > 0) life.fail("pauses grow", `the ${who} is tried again ${early} µs too early`);
  }

  #isConnectable({ how }: Source | Receiver, attempts: Attempts): boolean {
    if (how !== "unconnectable") return true;
    attempts.failed(this.#life.now, TROUBLES[how]!);
    return false;
  }

  #options({ how, line, id }: Source | Receiver, observer: Observer): DialOptions {
    return {
      observer,
      conditions: LINES[line],
      random: new Random(this.#seed * 1000 + id + ++this.#count),
      isMissing: how === "missing",
      refused: how === "refuses" ? 1 : 0,
      unanswered: how === "unanswered" ? 1 : 0,
    };
  }

  // --- What the hosts do

  #serve(peer: Client, observer?: Observer): void {
    const wire = observer as SourceWire;
    const { plan } = wire;
    this.#peers.set(wire, peer);
    this.#leaving(peer, plan);
    if (plan.how === "silent") return;
    const leavesAt = plan.leaves === "stays" ? Infinity : this.#life.now + plan.leavesAfter * MILLISECOND;
    let isAnswered = false;
    peer.onBytes = () => {
      if (isAnswered || !wire.isAsked) return;
      isAnswered = true;
      if (plan.how !== "answers") return this.#stream(wire, peer, leavesAt);
      const { says } = ANSWERS[plan.answer];
      wire.headBytes = says.indexOf("\r\n\r\n") + 4;
      wire.isUnsure = true;
      wire.says(says.length);
      peer.send(says).end();
    };
  }

  #stream(wire: SourceWire, peer: Client, leavesAt: number): void {
    const { timeline } = this.#world;
    const { plan } = wire;
    const { every, piece: pieceBytes } = plan;
    const random = new Random(this.#seed * 1000 + plan.id + this.#count);
    const stream = new SourceStream(plan.stream, plan.items, this.#jpegs, random, this.#ledger!);
    const isOver = (): boolean => peer.isOver || wire.closedAt >= 0 || timeline.now >= leavesAt;
    wire.headBytes = stream.head.length;
    wire.says(stream.head.length);
    let said = stream.head.length;
    peer.send(stream.head);
    const send = (): void => {
      if (isOver()) return;
      if (wire.backlog > BACKLOG_BYTES) return timeline.after(every * MILLISECOND, send);
      const { bytes, file, flaw, isTurn } = stream.next();
      if (isTurn) {
        wire.unsureFrom = said;
        wire.isUnsure = true;
      }
      said += bytes.length;
      wire.says(bytes.length, file, flaw);
      const step = pieceBytes || bytes.length;
      const go = (at: number): void => {
        if (isOver()) return;
        peer.send(bytes.subarray(at, at + step));
        if (at + step < bytes.length) timeline.after(PIECE_EVERY, () => go(at + step));
        else timeline.after(every * MILLISECOND, send);
      };
      go(0);
    };
    send();
  }

  #receive(peer: Client, observer?: Observer): void {
    const { timeline } = this.#world;
    const wire = observer as PushWire;
    const { plan } = wire;
    wire.client = peer;
    this.#peers.set(wire, peer);
    if (plan.reads > 0) peer.readAt(plan.reads);
    for (const [after, lasts] of plan.stalls) {
      timeline.after(after * MILLISECOND, () => peer.readAt(0));
      timeline.after((after + lasts) * MILLISECOND, () => peer.readAt(plan.reads || Infinity));
    }
    if (plan.says !== "") peer.send(plan.says);
    this.#leaving(peer, plan);
  }

  // --- What is checked

  /** Looks whether a host is to be tried and is not, or held and should not be. */
  check(): void {
    const { now, isAwaited } = this.#life;
    for (const wire of this.pulls) wire.check();
    for (const wire of this.pushes) wire.check();
    this.#awaitedSince = isAwaited ? Math.min(this.#awaitedSince, now) : Infinity;
    if (this.#pullsFrom) this.#judgePause("source", this.#pulling, this.pulls, this.#awaitedSince);
    if (this.#pushesTo) this.#judgePause("receiver", this.#pushing, this.pushes, this.#startedAt);
  }

  #judgePause(who: string, attempts: Attempts, wires: readonly { closedAt: number }[], since: number): void {
    if (wires.some(({ closedAt }) => closedAt < 0)) return;
    const due = Math.max(attempts.dueBy, since) + LATE;
    if (this.#life.now > due) this.#life.fail("hosts are tried again", `the ${who} was to be tried at ${due} µs`);
  }

  /** What is wrong with what `/state` said at `time`: what, what it is, and what it should be. */
  judge(state: any, time: number, isFresh: boolean): [what: string, is: unknown, want: unknown] | undefined {
    const { push, capture } = state;
    if ((push !== null) !== this.isPushing) return ["push", push, this.isPushing ? "something" : "nothing"];
    if (!isFresh) return undefined;
    if (this.kind === "pull") {
      const wrong = this.#judgeUpstream(capture.upstream, time);
      if (wrong) return wrong;
    }
    if (!this.#pushesTo) return undefined;
    const { name, port } = this.#pushesTo;
    if (push.to !== `${name}:${port}`) return ["push to", push.to, `${name}:${port}`];
    const wrong = judgeTrouble("push trouble", push.trouble, this.#pushing, time);
    if (wrong) return wrong;
    // Those that may have been the present one: it begins, and ends, in the middle of a step.
    const those = this.pushes.filter((wire, i) => {
      const next = this.pushes[i + 1]?.begunAt ?? Infinity;
      return wire.begunAt >= this.#startedAt && wire.begunAt <= time && next >= time;
    });
    const isSent = those.some((wire) => push.sent >= wire.partsBy(time - 1) && push.sent <= wire.partsBy(time));
    if (!isSent && (push.sent !== 0 || those.some(({ begunAt }) => begunAt < time))) {
      return ["push sent", push.sent, those.map((wire) => wire.partsBy(time)).join(" or ")];
    }
    const most = (wire: PushWire): number => wire.droppedAtMost(capture.sequence, time - 1);
    const isDropped = those.some((wire) => push.dropped >= wire.droppedBy(time - 1) && push.dropped <= most(wire));
    if (!isDropped && push.dropped !== 0) return ["push dropped", push.dropped, `at most ${those.map(most)}`];
    return judgeStanding("push state", push.state, "pushing", this.pushes, time);
  }

  #judgeUpstream(upstream: any, time: number): [what: string, is: unknown, want: unknown] | undefined {
    const target = this.#pullsFrom;
    if (!target) return upstream.state === "off" ? undefined : ["upstream", upstream.state, "off"];
    const address = `${target.name}:${target.port}`;
    if (upstream.address !== address) return ["upstream", upstream.address, address];
    const wrong = judgeTrouble("upstream trouble", upstream.trouble, this.#pulling, time);
    if (wrong) return wrong;
    const last = this.pulls.findLast(({ begunAt }) => begunAt <= time);
    const files = last && last.begunAt >= this.#startedAt ? last.files : [];
    if (upstream.frames > files.length) return ["upstream frames", upstream.frames, files.length];
    return judgeStanding("upstream state", upstream.state, "receiving", this.pulls, time);
  }
}

/** From when nobody watches to when the source is let go. */
const REST_AFTER = 10_000 * MILLISECOND;

function judgeTrouble(
  what: string,
  is: string,
  { troubles, changedAt }: Attempts,
  time: number,
): [string, string, string] | undefined {
  if (changedAt >= time - 10 * MILLISECOND || troubles.has(is)) return undefined;
  return [what, is, [...troubles].join(" or ")];
}

/** Whether it says that a connection stands, or that it waits, where that may be so. */
function judgeStanding(
  what: string,
  is: string,
  standing: string,
  wires: readonly { acceptedAt: number; begunAt: number; closedAt: number }[],
  time: number,
): [string, string, string] | undefined {
  const then = wires.filter(({ begunAt, closedAt }) => begunAt <= time && (closedAt < 0 || closedAt >= time));
  if (is === standing && !then.some(({ acceptedAt }) => acceptedAt >= 0)) return [what, is, "none stands"];
  const isIdle = is === "waiting" || is === "resting" || is === "off";
  if (isIdle && then.some(({ begunAt, closedAt }) => begunAt < time && closedAt < 0)) return [what, is, "one is there"];
  return undefined;
}

/** What a source's address asks for; undefined where it makes no sense. */
function targetOf(address: string): Target | undefined {
  const parts = /^http:\/\/(?:([^@/]*)@)?([^:/?#]+)(?::(\d+))?([^#]*)/i.exec(address);
  if (!parts || parts[3] === "0") return undefined;
  const [, user, name, digits = "80", path] = parts;
  const port = Number(digits);
  const host = port === 80 ? name : `${name}:${port}`;
  const head = `GET ${path.startsWith("/") ? path : `/${path}`} HTTP/1.1\r\nHost: ${host}\r\n`;
  const shown = user === undefined ? undefined : Buffer.from(decodeURIComponent(user)).toString("base64");
  return { name, port, head, authorization: shown === undefined ? undefined : `Basic ${shown}` };
}
