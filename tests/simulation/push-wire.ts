/**
 * One connection of the camera's to the host that it pushes to, seen from the camera's end. What comes there is the
 * stream as any viewer gets it, and is judged so (`wire.ts`); here is what differs: who begins it, and that it begins
 * with a boundary. When the host is tried again is `attempts.ts`'s.
 */

import type { Close } from "../../host/board-table.ts";
import type { Part } from "../../host/simulated/http.ts";
import { type Attempts, CONNECT_DEADLINE, LATE, SETTLE_AFTER } from "./attempts.ts";
import type { Receiver } from "./plan.ts";
import { TROUBLES } from "./source-wire.ts";
import { type Surroundings, Wire } from "./wire.ts";

/** What a viewer is told in front of what a receiver is sent. */
const VIEWERS_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
const UNREACHABLE = "can't be reached";

export class PushWire extends Wire {
  readonly plan: Receiver;
  readonly begunAt: number;
  readonly #attempts: Attempts;
  /** When the first bytes were taken. */
  #standsAt = -1;

  constructor(plan: Receiver, life: Surroundings, attempts: Attempts) {
    super(plan.id, life);
    this.plan = plan;
    this.#attempts = attempts;
    this.begunAt = this.takenAt = life.now;
    this.asksFrames = true;
    this.reader.onResponse = () => {};
    this.reader.expect("GET");
    this.reader.push(Buffer.from(VIEWERS_HEAD), life.now);
  }

  override accepted(): void {
    this.acceptedAt = this.takenAt = this.roomAt = this.streamAt = this.life.now;
    this.life.count("pushes");
  }

  override sent(bytes: Uint8Array): void {
    if (this.#standsAt < 0) this.#standsAt = this.life.now;
    super.sent(bytes);
  }

  protected override partEnds(part: Part): void {
    super.partEnds(part);
    const { now } = this.life;
    if (now - this.#standsAt >= SETTLE_AFTER) this.#attempts.settled(now);
    this.life.count("parts pushed");
  }

  override closed(how: Close, peer: { isGone: boolean; hasEnded: boolean }): void {
    super.closed(how, peer);
    if (this.life.isStopping) return;
    const isLeft = peer.isGone || peer.hasEnded;
    const wrong = isLeft ? (this.#standsAt < 0 ? UNREACHABLE : "ended the connection") : "stalled";
    const silent = this.#standsAt < 0 ? ["does not answer"] : [];
    this.#attempts.failed(this.life.now, TROUBLES[this.plan.how] ?? [wrong, ...silent]);
    this.life.count("pushes failed");
  }

  override check(): void {
    super.check();
    const { now } = this.life;
    if (this.closedAt < 0 && this.acceptedAt < 0 && now > this.begunAt + CONNECT_DEADLINE + LATE) {
      this.life.fail("deadlines hold", `receiver ${this.id} has been connected to for ${now - this.begunAt} µs`);
    }
  }
}
