/**
 * One connection of an upstream, seen from the camera's end: what it was answered, and whether there was a reason to
 * end it. Which files came is `feed.ts`'s, what becomes of them `relay-ledger.ts`'s.
 */

import { Close } from "../../host/board-table.ts";
import { SECOND } from "../../host/simulated/timeline.ts";
import { Feed } from "./feed.ts";
import type { Upstream } from "./plan.ts";
import type { RelayLedger } from "./relay-ledger.ts";
import { HEAD_DEADLINE, IDLE_DEADLINE, type Surroundings, WRITE_DEADLINE } from "./wire.ts";

/** Who is silent for so long loses the seat to whoever comes; a part that takes so long ends it. */
const UPSTREAM_SILENCE = 10 * SECOND;
const PART_DEADLINE = 30 * SECOND;
/** Bytes without a whole file that fits. */
const WASTE_MAX = 8 * 256 * 1024;
/** Places for upstreams. */
const UPSTREAMS_MAX = 3;
/** What an upstream is told that never had the seat. */
const REFUSED = /another upstream is there|not the admin secret|too many wrong|another name|by POST or PUT/;

export class UpstreamWire extends Feed {
  readonly plan: Upstream;

  constructor(plan: Upstream, life: Surroundings, ledger: RelayLedger) {
    super(life, ledger);
    this.plan = plan;
  }

  override accepted(): void {
    super.accepted();
    this.life.count("upstreams");
  }

  sent(bytes: Uint8Array): void {
    // An answer is sent as one piece: there is room on a connection on which nothing was sent.
    if (this.leftAt < 0) this.#leaves(Buffer.from(bytes).toString("latin1"));
  }

  closed(how: Close, peer: { isGone: boolean; hasEnded: boolean }): void {
    const life = this.life;
    if (!life.isStopping && !peer.isGone && !peer.hasEnded) {
      if (this.leftAt < 0) this.#leaves("");
      else if (how === Close.ABORT && life.now - this.leftAt < WRITE_DEADLINE && !this.#mayGiveWay) {
        this.#fail("was cut before it had read what it was told");
      }
    } else if (this.leftAt < 0) this.gone(false);
    this.closedAt = life.now;
  }

  /** The camera lets it go, with these words, though it is there. */
  #leaves(words: string): void {
    const { now } = this.life;
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(words)?.[1] ?? 0);
    const others = this.#all.filter((other) => other !== this && other.isOpen);
    const silentFor = now - this.fileAt;
    const takesOver = others.some(({ plan }) => plan.secret === "right" || silentFor >= UPSTREAM_SILENCE);
    const isFull = others.some((other) => other.leftAt < 0 && now - other.fileAt < UPSTREAM_SILENCE + SECOND);
    this.life.count(`upstreams told ${status || (words ? "a line" : "nothing")}`);
    this.gone(REFUSED.test(words));
    const { statuses, secret } = this.plan;
    if (/another upstream is there/.test(words)) {
      if (!isFull || secret === "right") this.#fail("was refused, nobody else is there, or it shows the secret");
    } else if (/another one takes over/.test(words) || words === "") {
      const isLate = silentFor >= PART_DEADLINE || now - this.acceptedAt >= IDLE_DEADLINE;
      const isWaste = this.receivedBytes - (this.files.at(-1)?.endsAt ?? 0) > WASTE_MAX;
      const isDue = words === "" && (isLate || isWaste);
      if (!takesOver && !isDue && !this.#mayGiveWay) this.#fail("lost its seat without cause");
    } else if (status === 401 || status === 429) {
      if (secret !== "wrong") this.#fail(`is told ${status}, its secret is ${secret || "none"}`);
    } else if (status === 408) {
      if (silentFor < HEAD_DEADLINE) this.#fail(`took too long after ${silentFor} µs`);
    } else if (!statuses.includes(status)) this.#fail(`is told ${words}`);
  }

  /** Whether all places are taken, so that whoever waits for the seat may lose its place. */
  get #mayGiveWay(): boolean {
    return this.#all.filter(({ isOpen }) => isOpen).length > UPSTREAMS_MAX;
  }

  get #all(): UpstreamWire[] {
    return this.ledger.feeds.filter((feed) => feed instanceof UpstreamWire);
  }

  #fail(what: string): void {
    this.life.fail("the seat is given and kept rightly", `upstream ${this.plan.id} ${what}`);
  }
}
