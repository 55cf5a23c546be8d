/**
 * One connection, seen from the camera's end at the moment that the module does something with it: what it took, what
 * it answered, how it closed. Everything that can be judged from one connection alone is judged here, against what the
 * client has sent (its asks) and what the ledger knows.
 */

import { Close } from "../../host/board-table.ts";
import type { Client } from "../../host/simulated/client.ts";
import { type Part, type Response, ResponseReader } from "../../host/simulated/http.ts";
import type { Observer } from "../../host/simulated/network.ts";
import { MILLISECOND, SECOND } from "../../host/simulated/timeline.ts";
import type { Era, Ledger, Shot } from "./ledger.ts";
import type { Ask } from "./plan.ts";

/** What a wire asks of the life that it is part of. */
export interface Surroundings {
  readonly now: number;
  readonly step: number;
  readonly ledger: Ledger;
  /** Connections that the module has, other than the listener. */
  readonly open: number;
  /** Those that watch, or may: a stream was asked for; and how many may. */
  readonly watchers: number;
  readonly viewersMax: number;
  /** Those that may be sending a snapshot. */
  readonly snapshots: number;
  /** Sequence number of the newest frame that anybody was sent the beginning of before this step. */
  newestSent: number;
  /** Whether the module is being stopped, so that all is cut. */
  readonly isStopping: boolean;
  /** When something of a stream was sent last, and when somebody may have wanted a frame. */
  wantedAt: number;
  readonly maybeWantedAt: number;
  /** Whether somebody waits for one now. */
  readonly isAwaited: boolean;
  fail(rule: string, text: string): void;
  count(what: string, by?: number): void;
  /** A response to `ask` is whole. */
  answered(wire: Wire, ask: Ask | undefined, response: Response, since: number): void;
}

type Pending = { ask: Ask; endsAt: number; beganAt: number; cameAt: number; era?: Era };

/** Steps from a frame's delivery to its publication at most, with a margin. */
export const ENCODING_STEPS = 60;
/** Deadlines as docs/architecture.md has them, and what a step may be late. */
export const HEAD_DEADLINE = 5 * SECOND;
export const WRITE_DEADLINE = 10 * SECOND;
export const IDLE_DEADLINE = 30 * SECOND;
const LATE = SECOND / 2;
/** In which a peer that reads must be served: a snapshot may wait for a fresh frame. */
const ANSWER_PATIENCE = 3 * SECOND;
export const FRAME_PATIENCE = 300 * MILLISECOND;

export class Wire implements Observer {
  readonly id: number;
  client: Client | undefined;
  acceptedAt = -1;
  closedAt = -1;
  /** The start of the module that took it. */
  start = -1;
  /** Bytes that the module has received and that were taken from it. */
  receivedBytes = 0;
  takenBytes = 0;
  receivedAt = 0;
  takenAt = 0;
  roomAt = 0;
  /** The first byte of what is not a whole request. */
  dripAt = -1;
  /** Of a viewer: whole parts, frames passed over, and the last one's numbers. */
  parts = 0;
  dropped = 0;
  sequence = 0;
  /** How what it was answered begins: the status, even where no more than that was taken. */
  beginning = "";
  firstSequence = 0;
  /** When the stream's head was sent; -1: it was not. */
  streamAt = -1;
  /** Whether it may have asked for a stream, or a snapshot. */
  asksStream = false;
  asksSnapshot = false;
  /** Whether it may have asked for either, in whatever way. */
  asksFrames = false;
  /** Whether all that it says is the beginning of a head. */
  opensHead = false;
  readonly reader = new ResponseReader();
  protected readonly life: Surroundings;
  readonly #pending: Pending[] = [];
  /** Bytes of all requests that the client has sent. */
  protected said = 0;
  #answeredAt = 0;
  /** Of the part that is being sent: the step in which its first byte was taken, and the newest then. */
  #partStep = 0;
  #newestThen = 0;
  #hasSaidLast = false;
  /** When each part ended, and how many frames had been passed over when each began. */
  readonly #partTimes: number[] = [];
  readonly #drops: { time: number; dropped: number }[] = [];

  constructor(id: number, life: Surroundings) {
    this.id = id;
    this.life = life;
    this.reader.onPartHead = (part) => this.partBegins(part);
    this.reader.onPart = (part) => this.partEnds(part);
    this.reader.onResponse = (response) => this.#answered(response);
  }

  get isOpen(): boolean {
    return this.acceptedAt >= 0 && this.closedAt < 0;
  }

  get isWatching(): boolean {
    return this.isOpen && this.isStreaming;
  }

  /** Whether it was sent the beginning of a stream. */
  get isStreaming(): boolean {
    return this.reader.isStream;
  }

  /** Whether what is sent next begins an answer, or a frame. */
  protected get isBetween(): boolean {
    return this.reader.isBetween;
  }

  /** Whether nothing may be said behind what was said by now. */
  protected get hasSaidLast(): boolean {
    return this.#hasSaidLast;
  }

  /** Reads what was sent. @returns what is wrong with it, in words */
  protected read(bytes: Uint8Array): string | undefined {
    this.reader.push(bytes, this.life.now);
    return this.reader.problem;
  }

  /** The client sends a request of so many bytes. */
  asks(ask: Ask, bytes: number): void {
    this.said += bytes;
    this.#pending.push({ ask, endsAt: this.said, beganAt: -1, cameAt: -1 });
    this.reader.expect(ask.method);
    if (isStream(ask)) this.asksStream = true;
    if (/snapshot/.test(ask.target)) this.asksSnapshot = true;
    if (/snapshot|stream|video_feed|ws/.test(ask.target)) this.asksFrames = true;
  }

  // --- Of the network

  accepted(): void {
    this.acceptedAt = this.receivedAt = this.takenAt = this.roomAt = this.life.now;
    this.start = this.life.ledger.start;
    this.life.count("connections");
  }

  received(bytes: Uint8Array): void {
    const { now } = this.life;
    let from = this.receivedBytes;
    this.receivedBytes += bytes.length;
    this.receivedAt = now;
    for (const pending of this.#pending) {
      if (pending.beganAt < 0 && this.receivedBytes > from) pending.beganAt = now;
      if (pending.cameAt < 0 && this.receivedBytes >= pending.endsAt) {
        pending.cameAt = now;
        if (pending.ask.sets) pending.era = this.life.ledger.maybeSet(pending.ask.sets, now);
      }
      from = pending.endsAt;
    }
    if (this.dripAt < 0) this.dripAt = now;
  }

  sent(bytes: Uint8Array): void {
    const life = this.life;
    if (this.isBetween) {
      this.#partStep = life.step;
      this.#newestThen = life.newestSent;
    }
    if (this.beginning.length < 12) this.beginning += Buffer.from(bytes.subarray(0, 12)).toString("latin1");
    this.takenBytes += bytes.length;
    this.takenAt = life.now;
    if (this.reader.isStream) life.wantedAt = life.now;
    if (this.hasSaidLast) life.fail("an answer after the last", `connection ${this.id} goes on after its last answer`);
    const problem = this.read(Uint8Array.from(bytes));
    if (problem) life.fail("well-formed answers", `connection ${this.id}: ${problem}`);
  }

  room(): void {
    this.roomAt = this.life.now;
  }

  closed(how: Close, peer: { isGone: boolean; hasEnded: boolean }): void {
    const life = this.life;
    this.closedAt = life.now;
    for (const { ask, cameAt, era } of this.#pending) {
      if (era) era.pending = undefined;
      if (ask.sets && cameAt >= 0 && !this.#hasSaidLast) life.ledger.isSure = false; // its answer is not to be seen
      if (ask.saves && cameAt >= 0 && !this.#hasSaidLast) life.ledger.isKeptUnsure = true;
    }
    if (life.isStopping) return;
    const isLeft = peer.isGone || peer.hasEnded;
    if (how === Close.ABORT) {
      // Where all places are taken, who keeps the camera waiting longest gives way, but for viewers.
      const isPressed = life.open >= CONNECTIONS_MAX || (this.asksSnapshot && life.snapshots >= SNAPSHOTS_MAX);
      const mayGiveWay = isPressed && !this.isStreaming;
      if (!isLeft && !mayGiveWay && life.now - this.stalledSince < WRITE_DEADLINE) {
        life.fail("nobody is cut without cause", `connection ${this.id} was cut, its peer was there and took bytes`);
      }
      life.count(isLeft ? "peers gone" : "stalled peers cut");
      return;
    }
    if (isLeft) return;
    if (!this.isBetween) {
      life.fail("no end in the middle", `connection ${this.id} was closed in the middle of an answer`);
    }
    const isIdle = this.#pending.every(({ cameAt }) => cameAt < 0);
    if (!isIdle && !this.hasSaidLast) {
      life.fail("every request is answered", `connection ${this.id} was closed, ${this.#pending.length} unanswered`);
    }
    const idleFor = life.now - Math.max(this.acceptedAt, this.#answeredAt);
    if (!this.hasSaidLast && idleFor < IDLE_DEADLINE && life.open < CONNECTIONS_MAX) {
      life.fail("nobody is cut without cause", `connection ${this.id} was closed though idle for ${idleFor} µs only`);
    }
  }

  /** Since when the peer has given the camera nothing of what it waits for. */
  protected get stalledSince(): number {
    return this.takenAt;
  }

  // --- What has been due for too long

  /** Whether a viewer who has room may be sent a frame, and since when. */
  protected get mayBeSent(): boolean {
    return true;
  }

  /** Whether it waits for a frame for sure. */
  get awaitsFrame(): boolean {
    return this.isWatching && this.isBetween && this.mayBeSent && (this.client?.hasRoom ?? false);
  }

  protected get freeAt(): number {
    return this.streamAt;
  }

  /** Looks whether the camera owes this connection something. */
  check(): void {
    const life = this.life;
    if (!this.isOpen) return;
    const { now, ledger } = life;
    const canWrite = this.client?.hasRoom ?? false;
    const quiet = now - Math.max(this.receivedAt, this.takenAt, this.acceptedAt);
    if (this.isWatching) {
      const newest = ledger.newestBy(life.step - ENCODING_STEPS);
      const isThere = newest && ledger.leastSequence(newest) > this.sequence && now - newest.time > FRAME_PATIENCE;
      const isOwed = isThere && this.mayBeSent;
      const isPartial = !this.isBetween;
      const couldFor = now - Math.max(this.roomAt, this.takenAt, this.freeAt);
      if (canWrite && couldFor > FRAME_PATIENCE && (isOwed || isPartial)) {
        life.fail("viewers get what there is", `viewer ${this.id} waits for a frame that is there, and has room`);
      }
      if (canWrite || now - this.takenAt < WRITE_DEADLINE + SECOND) return;
      const next = isPartial ? this.takenAt : ledger.shots.find(({ time }) => time > this.takenAt)?.time;
      if (next !== undefined && now > next + WRITE_DEADLINE + SECOND) {
      life.fail("deadlines hold", `viewer ${this.id} is there and has taken nothing for ${now - this.takenAt} µs`);
      }
      return;
    }
    const owed = this.#pending.find(({ cameAt }) => cameAt >= 0);
    if (owed && canWrite && now - Math.max(this.roomAt, this.takenAt, this.receivedAt) > ANSWER_PATIENCE) {
      life.fail("every request is answered", `connection ${this.id} waits for ${owed.ask.method} ${owed.ask.target}`);
    }
    if (quiet > (owed || !this.isBetween ? WRITE_DEADLINE + ANSWER_PATIENCE : IDLE_DEADLINE) + LATE) {
      life.fail("deadlines hold", `connection ${this.id} has been still for ${quiet} µs`);
    }
    const isDripping = this.opensHead && this.dripAt >= 0 && this.takenBytes === 0;
    if (isDripping && now - this.dripAt > HEAD_DEADLINE + LATE) {
      life.fail("deadlines hold", `connection ${this.id} has been saying its head for ${now - this.dripAt} µs`);
    }
  }

  // --- What was answered

  protected partBegins({ sequence, timestamp }: Pick<Part, "sequence" | "timestamp">): void {
    const life = this.life;
    const { ledger } = life;
    ledger.follow(life.step);
    if (sequence <= this.sequence) {
      life.fail("sequence numbers rise", `viewer ${this.id} gets ${sequence} after ${this.sequence}`);
    }
    const newest: Shot | undefined = ledger.newestBy(this.#partStep - ENCODING_STEPS);
    const least = Math.max(this.#newestThen, newest ? ledger.leastSequence(newest) : 0);
    if (sequence < least) {
      const text = `viewer ${this.id} begins with ${sequence} of ${timestamp} when ${least} was there`;
      life.fail("the newest comes next", text);
    }
    if (this.sequence > 0) this.dropped += sequence - this.sequence - 1;
    else this.firstSequence = sequence;
    this.sequence = sequence;
    if (this.dropped > (this.#drops.at(-1)?.dropped ?? 0)) this.#drops.push({ time: life.now, dropped: this.dropped });
    life.newestSent = Math.max(life.newestSent, sequence);
  }

  protected partEnds({ sequence, timestamp, jpeg }: Part): void {
    const problem = this.life.ledger.problemOf(sequence, timestamp, jpeg);
    if (problem) this.life.fail("parts are published frames", `viewer ${this.id}: ${problem}`);
    this.#partTimes.push(this.life.now);
    this.life.wantedAt = this.life.now;
    this.parts++;
    this.life.count("parts");
  }

  #answered(response: Response): void {
    const life = this.life;
    const { status, headers } = response;
    life.count(`${status}`);
    const pending = this.#pending.shift();
    const text = response.body.toString("latin1").trim();
    const what = pending ? `${pending.ask.method} ${pending.ask.target.slice(0, 40)}` : "nothing asked";
    const wrong = `connection ${this.id} gets ${status} (${text.slice(0, 80)}) for ${what}`;
    if (!headers.has("connection") && status !== 503) life.fail("well-formed answers", `${wrong}: no Connection`);
    if (this.reader.isStream || status === 101) this.streamAt = life.now;
    if (headers.get("connection") === "close" && !this.isStreaming) this.#hasSaidLast = true;
    if (status === 503) {
      if (!headers.has("retry-after")) life.fail("well-formed answers", `${wrong}: no Retry-After`);
      if (!this.#isPutOffRightly(text)) life.fail("nobody is put off without cause", wrong);
    } else if (status === 408) {
      const since = Math.max(pending?.beganAt ?? this.dripAt, this.#answeredAt);
      if (life.now - since < HEAD_DEADLINE) life.fail("deadlines hold", `${wrong} after ${life.now - since} µs`);
    } else if (pending?.ask.sets && status === 400 && /no control/.test(text) && life.ledger.delivered === 0) {
      life.count("controls of no sensor");
    } else if (pending && !pending.ask.status.includes(status)) {
      life.fail("right answers", wrong);
    } else if (!pending && status < 400) {
      life.fail("right answers", wrong);
    } else if (pending && pending.cameAt < 0 && status < 400) {
      life.fail("right answers", `${wrong}, which it has not said yet`);
    }
    if (pending?.era) pending.era.pending = undefined;
    life.answered(this, pending?.ask, response, pending?.cameAt ?? life.now);
    this.#answeredAt = life.now;
    this.dripAt = -1;
  }

  #isPutOffRightly(text: string): boolean {
    const life = this.life;
    // To HEAD it does not say why.
    if (text === "") return REASONS.some((why) => this.#isPutOffRightly(why));
    if (/connections/.test(text)) return life.open > CONNECTIONS_MAX;
    if (/viewers/.test(text)) return life.watchers > life.viewersMax;
    if (/snapshots/.test(text)) return life.snapshots > SNAPSHOTS_MAX;
    return /no frame/.test(text) && life.newestSent === 0;
  }

  /** Whole parts that were sent by `time`. */
  partsBy(time: number): number {
    let count = this.#partTimes.length;
    while (count > 0 && this.#partTimes[count - 1] > time) count--;
    return count;
  }

  /** Frames passed over for sure by `time`, and at most when the newest was `newest`: none of those that it got. */
  droppedBy(time: number): number {
    return this.#drops.findLast((drop) => drop.time <= time)?.dropped ?? 0;
  }

  droppedAtMost(newest: number, time: number): number {
    return this.firstSequence > 0 ? Math.max(0, newest - this.firstSequence - Math.max(0, this.partsBy(time) - 1)) : 0;
  }

  /** Requests that the module has, or may have, and that were not answered. */
  get unanswered(): { ask: Ask; cameAt: number }[] {
    return this.#pending.filter(({ cameAt }) => cameAt >= 0);
  }
}

/** Why somebody may be put off. */
const REASONS = ["connections", "viewers", "snapshots", "no frame"];

/** Of the board profile, as `/state` tells them too. */
export const CONNECTIONS_MAX = 16;
export const VIEWERS_MAX = 8;
export const SNAPSHOTS_MAX = 2;

export function isStream({ method, target }: Ask): boolean {
  return method === "GET" && /stream|video_feed|ws/.test(target);
}
