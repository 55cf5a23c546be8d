/**
 * One connection of an upstream, seen from the camera's end: which files it has sent and the camera has taken, what it
 * was answered, and whether there was a reason to end it. What becomes of the files is `relay-ledger.ts`'s.
 */

import { Close } from "../../host/board-table.ts";
import type { Observer } from "../../host/simulated/network.ts";
import { SECOND } from "../../host/simulated/timeline.ts";
import type { Upstream } from "./plan.ts";
import type { RelayFile, RelayLedger } from "./relay-ledger.ts";
import type { Flaw } from "./upstream.ts";
import { HEAD_DEADLINE, IDLE_DEADLINE, type Surroundings, WRITE_DEADLINE } from "./wire.ts";

/** A thing that has a flaw, and where it lies in what the upstream says. */
type Flawed = { flaw: Flaw; beginsAt: number; endsAt: number };

/** Who is silent for so long loses the seat to whoever comes; a part that takes so long ends it. */
const UPSTREAM_SILENCE = 10 * SECOND;
const PART_DEADLINE = 30 * SECOND;
/** Bytes without a whole file that fits. */
const WASTE_MAX = 8 * 256 * 1024;
/** Places for upstreams. */
const UPSTREAMS_MAX = 3;
/** What an upstream is told that never had the seat. */
const REFUSED = /another upstream is there|not the admin secret|too many wrong|another name|by POST or PUT/;

export class UpstreamWire implements Observer {
  readonly plan: Upstream;
  acceptedAt = -1;
  closedAt = -1;
  receivedBytes = 0;
  /** When the last file came whole; before the first, when the connection was taken. */
  fileAt = 0;
  /** Since when it has no seat any more, as it is gone or was told something; -1: it may have it. */
  leftAt = -1;
  /** Whether it never had it. */
  wasRefused = false;
  /** Whole files that came, and things with flaws that were sent. */
  readonly files: RelayFile[] = [];
  readonly flawed: Flawed[] = [];
  readonly #life: Surroundings;
  readonly #ledger: RelayLedger;
  /** Files that were sent, and are not there as a whole yet. */
  #coming: RelayFile[] = [];
  #said = 0;

  constructor(plan: Upstream, life: Surroundings, ledger: RelayLedger) {
    this.plan = plan;
    this.#life = life;
    this.#ledger = ledger;
  }

  get isOpen(): boolean {
    return this.acceptedAt >= 0 && this.closedAt < 0;
  }

  /** Bytes that were sent and that the camera has not taken. */
  get backlog(): number {
    return this.#said - this.receivedBytes;
  }

  /** The client says so many bytes, with a file, or something that is none, within them. */
  says(bytes: number, file?: RelayFile, flaw?: Flaw): void {
    if (file) {
      file.beginsAt += this.#said;
      file.endsAt += this.#said;
      this.#coming.push(file);
    }
    if (flaw) this.flawed.push({ flaw, beginsAt: this.#said, endsAt: this.#said + bytes });
    this.#said += bytes;
  }

  accepted(): void {
    this.acceptedAt = this.fileAt = this.#life.now;
    this.#life.count("upstreams");
  }

  received(bytes: Uint8Array): void {
    const { now, step } = this.#life;
    this.receivedBytes += bytes.length;
    while (this.#coming.length > 0 && this.receivedBytes > this.#coming[0].beginsAt) {
      const file = this.#coming[0];
      if (file.firstAt < 0) file.firstAt = now;
      if (this.receivedBytes < file.endsAt) break;
      this.#coming.shift();
      this.files.push(file);
      this.fileAt = now;
      this.#ledger.came(file, now, step);
    }
  }

  sent(bytes: Uint8Array): void {
    // An answer is sent as one piece: there is room on a connection on which nothing was sent.
    if (this.leftAt < 0) this.#leaves(Buffer.from(bytes).toString("latin1"));
  }

  room(): void {}

  closed(how: Close, peer: { isGone: boolean; hasEnded: boolean }): void {
    const life = this.#life;
    if (!life.isStopping && !peer.isGone && !peer.hasEnded) {
      if (this.leftAt < 0) this.#leaves("");
      else if (how === Close.ABORT && life.now - this.leftAt < WRITE_DEADLINE && !this.#mayGiveWay) {
        this.#fail("was cut before it had read what it was told");
      }
    } else if (this.leftAt < 0) this.#gone(false);
    this.closedAt = life.now;
  }

  /** The camera lets it go, with these words, though it is there. */
  #leaves(words: string): void {
    const { now } = this.#life;
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(words)?.[1] ?? 0);
    const others = this.#ledger.upstreams.filter((other) => other !== this && other.isOpen);
    const silentFor = now - this.fileAt;
    const takesOver = others.some(({ plan }) => plan.secret === "right" || silentFor >= UPSTREAM_SILENCE);
    const isFull = others.some((other) => other.leftAt < 0 && now - other.fileAt < UPSTREAM_SILENCE + SECOND);
    this.#life.count(`upstreams told ${status || (words ? "a line" : "nothing")}`);
    this.#gone(REFUSED.test(words));
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
    return this.#ledger.upstreams.filter(({ isOpen }) => isOpen).length > UPSTREAMS_MAX;
  }

  #gone(wasRefused: boolean): void {
    this.leftAt = this.#life.now;
    this.wasRefused = wasRefused;
    this.#ledger.left(this, this.#life.step);
  }

  #fail(what: string): void {
    this.#life.fail("the seat is given and kept rightly", `upstream ${this.plan.id} ${what}`);
  }
}
