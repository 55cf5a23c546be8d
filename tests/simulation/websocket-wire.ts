/**
 * A viewer by WebSocket, seen from the camera's end: that its messages are frames is judged as of any viewer
 * (`wire.ts`); here is what it acknowledges and what it says. How much may be under way is reckoned anew, from the rule
 * as `assembly/websocket/window.ts` has it in words, with what the camera was told by then.
 */

import { MILLISECOND, SECOND } from "../../host/simulated/timeline.ts";
import { Opcode, WebSocketClient } from "../../host/simulated/websocket.ts";
import { type Surroundings, Wire, WRITE_DEADLINE } from "./wire.ts";

/** A frame that was begun and is not acknowledged. */
type Sent = {
  sequence: number;
  bytes: number;
  begunAt: number;
  /** Bytes that had been acknowledged when it was begun, and since when. */
  acknowledgedBefore: number;
  acknowledgedAt: number;
};

/** Frames under way at most, as assembly/limits.ts has it. */
const FRAMES_MAX = 16;
/** How much a new sample of the rate counts. */
const SMOOTHING = 1 / 4;
const WITHIN_MIN = 100 * MILLISECOND;
const WITHIN_MAX = 200 * MILLISECOND;
const ROUND_TRIP_PERIOD = 5 * SECOND;
/** What whole numbers lose. */
const ROUNDING = 1.02;
const RATE_ROUNDING = 8;
/** In which a camera that may write has told why it ends a connection. */
const CLOSE_PATIENCE = SECOND;

export class WebSocketWire extends Wire {
  /** The code that the camera is to close with, once the client has said why. */
  closesWith = 0;
  /** What the camera sent, as a client reads it that says nothing. */
  readonly #messages = new WebSocketClient(() => {});
  /** What the client said and that is not a whole frame yet. */
  #unread: Buffer = Buffer.alloc(0);
  /** When the client said something that ends it all. */
  #overAt = Infinity;
  /** What is being sent, as far as it does not show yet what it is; when that began, and whether a frame might. */
  #head: number[] | undefined;
  #headAt = 0;
  #mightBegin = true;
  /** Whether a ping was sent, and nothing of the frame behind it. */
  #isBehindPing = false;
  // What is under way, and what is known of the path.
  readonly #sent: Sent[] = [];
  #acknowledged = 0;
  #acknowledgedAt = 0;
  #heardAt = 0;
  #rate = 0;
  #pingedAt = -1;
  #trips: { at: number; trip: number }[] = [];

  constructor(id: number, life: Surroundings) {
    super(id, life);
    this.#messages.onPart = (part) => {
      this.partBegins(part);
      this.partEnds(part);
      this.#sent.at(-1)!.sequence = part.sequence;
      this.#heardAt = life.now;
      life.count("messages");
    };
  }

  override get isStreaming(): boolean {
    return this.#messages.status === 101;
  }

  protected override get isBetween(): boolean {
    return this.isStreaming ? this.#messages.isBetween && !this.#isBehindPing : super.isBetween;
  }

  protected override get hasSaidLast(): boolean {
    return this.isStreaming ? this.#messages.closed !== undefined : super.hasSaidLast;
  }

  // --- What the camera says

  protected override read(bytes: Uint8Array): string | undefined {
    const { now } = this.life;
    if (!this.isStreaming) {
      if (this.#messages.status === 0) this.#messages.push(bytes, now);
      return super.read(bytes);
    }
    if (this.isBetween) {
      this.#head = [];
      this.#headAt = now;
      this.#mightBegin = this.#isOpen(now);
    }
    this.#readHead(bytes);
    const { pings } = this.#messages;
    const { parts } = this;
    this.#messages.push(bytes, now);
    if (this.parts > parts) this.#isBehindPing = false;
    else if (this.#messages.pings > pings) this.#isBehindPing = true;
    const { closed, problem } = this.#messages;
    if (closed && closed.code !== this.closesWith) return `closed with ${closed.code}, not ${this.closesWith}`;
    return problem;
  }

  /** Finds out whether what is being sent is a frame, with or without a ping in front, and how long. */
  #readHead(bytes: Uint8Array): void {
    const head = this.#head;
    if (!head) return;
    head.push(...bytes.subarray(0, 8));
    const at = head[0] === 0x89 ? 2 : 0;
    const isKnown = head.length >= at + 4;
    if (head[at] !== undefined && head[at] !== 0x82) this.#head = undefined; // a pong, or a close
    if (head[at] !== 0x82 || !isKnown) return;
    this.#head = undefined;
    const length = head[at + 1];
    this.#begun(at + (length < 126 ? 2 + length : 4 + head[at + 2] * 256 + head[at + 3]), at > 0);
  }

  #begun(bytes: number, hasPing: boolean): void {
    const { life } = this;
    const begunAt = this.#headAt;
    if (!this.#mightBegin) {
      const under = this.#sent.map((sent) => `${sent.bytes} bytes for ${begunAt - sent.begunAt} µs`).join(", ");
      const known = `${Math.round(this.#rate)} bytes a second, ${this.#roundTrip(begunAt)} µs there and back`;
      life.fail("no more is under way than may be", `viewer ${this.id}: ${under}; ${known}; a further frame begins`);
    }
    if (begunAt > this.#overAt) life.fail("an answer after the last", `viewer ${this.id} gets a frame after its close`);
    if (this.#sent.length === 0) this.#acknowledgedAt = this.#heardAt = begunAt;
    const [acknowledgedBefore, acknowledgedAt] = [this.#acknowledged, this.#acknowledgedAt];
    this.#sent.push({ sequence: 0, bytes, begunAt, acknowledgedBefore, acknowledgedAt });
    if (hasPing) this.#pingedAt = begunAt;
  }

  /** The round trip: the least of the last seconds. 0: not known. */
  #roundTrip(now: number): number {
    this.#trips = this.#trips.filter(({ at }, i) => at > now - ROUND_TRIP_PERIOD || i === this.#trips.length - 1);
    return this.#trips.length > 0 ? Math.min(...this.#trips.map(({ trip }) => trip)) : 0;
  }

  /** Whether a further frame may begin. */
  #isOpen(now: number): boolean {
    const sent = this.#sent;
    if (sent.length === 0) return true;
    if (sent.length >= FRAMES_MAX || this.#rate === 0) return false;
    const trip = this.#roundTrip(now);
    const time = Math.max(Math.min(Math.max(4 * trip, WITHIN_MIN), WITHIN_MAX), 1.5 * trip);
    const rate = this.#rate + RATE_ROUNDING;
    const bytes = sent.reduce((sum, one) => sum + one.bytes, 0);
    const own = (sent[0].bytes * SECOND) / this.#rate;
    return bytes <= (ROUNDING * rate * time) / SECOND && now - sent[0].begunAt <= ROUNDING * (time + own);
  }

  // --- What the client says

  override received(bytes: Uint8Array): void {
    const before = this.receivedBytes;
    super.received(bytes);
    if (!this.isStreaming) return; // a client says nothing before
    this.#unread = Buffer.concat([this.#unread, bytes.subarray(Math.max(0, this.said - before))]);
    while (this.#overAt === Infinity && this.#readFrame(this.#unread));
  }

  /** @returns whether there was a frame */
  #readFrame(bytes: Buffer): boolean {
    if (bytes.length < 2) return false;
    const length = bytes[1] & 0x7f;
    // Whatever is not as it should be ends the connection: what it is, the client knows.
    if (!(bytes[1] & 0x80) || length > 125) return this.#isOver();
    if (bytes.length < 6 + length) return false;
    const payload = Buffer.from(bytes.subarray(6, 6 + length).map((byte, i) => byte ^ bytes[2 + (i % 4)]));
    this.#unread = bytes.subarray(6 + length);
    switch (bytes[0] & 15) {
      case Opcode.PING:
        return true;
      case Opcode.PONG:
        if (this.#pingedAt >= 0) this.#trips.push({ at: this.life.now, trip: this.life.now - this.#pingedAt });
        this.#pingedAt = -1;
        return true;
      case Opcode.TEXT:
        return this.#isAcknowledged(payload.toString("latin1")) || this.#isOver();
      default:
        return this.#isOver();
    }
  }

  #isOver(): false {
    this.#overAt = this.life.now;
    return false;
  }

  #isAcknowledged(text: string): boolean {
    const { now } = this.life;
    const index = this.#sent.findIndex(({ sequence }) => sequence > 0 && String(sequence) === text);
    if (index < 0) return false;
    const before = this.#sent[index];
    for (const { bytes } of this.#sent.splice(0, index + 1)) this.#acknowledged += bytes;
    const took = Math.max(now - before.acknowledgedAt, 1);
    const rate = ((this.#acknowledged - before.acknowledgedBefore) * SECOND) / took;
    this.#rate = Math.max(1, this.#rate ? this.#rate + (rate - this.#rate) * SMOOTHING : rate);
    this.#acknowledgedAt = this.#heardAt = now;
    return true;
  }

  // --- What is due

  /** For certain only where nothing is unacknowledged. */
  protected override get mayBeSent(): boolean {
    return this.#sent.length === 0 && this.#overAt === Infinity;
  }

  protected override get freeAt(): number {
    return Math.max(super.freeAt, this.#heardAt, this.#acknowledgedAt);
  }

  protected override get stalledSince(): number {
    return this.isStreaming && this.#sent.length > 0 ? Math.min(this.takenAt, this.#heardAt) : this.takenAt;
  }

  override check(): void {
    super.check();
    const { life } = this;
    if (!this.isWatching || !this.isBetween) return;
    const owedFor = life.now - Math.max(this.#heardAt, this.streamAt);
    if (this.#sent.length > 0 && owedFor > WRITE_DEADLINE + SECOND) {
      life.fail("deadlines hold", `viewer ${this.id} is there and has acknowledged nothing for ${owedFor} µs`);
    }
    const canWrite = this.client?.hasRoom ?? false;
    const overFor = life.now - Math.max(this.#overAt, this.roomAt, this.takenAt);
    if (canWrite && overFor > CLOSE_PATIENCE) {
      life.fail("every request is answered", `viewer ${this.id} is there ${overFor} µs after what ended it`);
    }
  }
}
