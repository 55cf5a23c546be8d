/**
 * One connection of the camera's to the source that it pulls from, seen from the camera's end: that it asks for what it
 * was told to, holds on for as long as somebody watches and no longer, and lets go of what is of no use. Which files
 * came is `feed.ts`'s, when the host is tried again `attempts.ts`'s.
 */

import { Close } from "../../host/board-table.ts";
import { MILLISECOND, SECOND } from "../../host/simulated/timeline.ts";
import { type Attempts, CONNECT_DEADLINE, LATE, SETTLE_AFTER } from "./attempts.ts";
import { Feed } from "./feed.ts";
import type { Source } from "./plan.ts";
import { Fate, type RelayFile, type RelayLedger } from "./relay-ledger.ts";
import { ANSWERS } from "./source.ts";
import { ENCODING_STEPS, type Surroundings } from "./wire.ts";

/** As assembly/limits.ts has them. */
const REST_AFTER = 10 * SECOND;
const SILENCE = 10 * SECOND;
const WASTE_MAX = 8 * 256 * 1024;
/** Until what came is read. */
const READ = 50 * MILLISECOND;

const NOT_HTTP = "answered with something that is not HTTP";
const NO_STREAM = "has no multipart stream of JPEG files there";
const ENDED = "ended the connection";
const UNREACHABLE = "can't be reached";
const SILENT = "does not answer";
const STALLED = "stalled";
/** What can be wrong with whom the camera connects to, whatever it pulls or pushes. */
export const TROUBLES: { [how: string]: string[] | undefined } = {
  missing: ["no such host"],
  refuses: [UNREACHABLE],
  unanswered: [SILENT],
  unconnectable: ["the board can't connect"],
};

/** What the camera is to ask for, as the setting says it. */
export type Target = { name: string; port: number; head: string; authorization: string | undefined };

export class SourceWire extends Feed {
  readonly plan: Source;
  readonly begunAt: number;
  /** When the answer's head was taken; -1: not yet. */
  headAt = -1;
  /** Its bytes; Infinity before it is sent. */
  headBytes = Infinity;
  /** Bytes from which on what comes may be read in several ways. */
  unsureFrom = Infinity;
  readonly #attempts: Attempts;
  readonly #target: Target;
  #request = "";
  /** When the request's first byte was taken, and the last whole file that is one for sure came, or the head. */
  #standsAt = -1;
  #sureAt = 0;

  constructor(plan: Source, life: Surroundings, ledger: RelayLedger, attempts: Attempts, target: Target) {
    super(life, ledger);
    this.plan = plan;
    this.begunAt = life.now;
    this.#attempts = attempts;
    this.#target = target;
  }

  /** Whether all of the request came. */
  get isAsked(): boolean {
    return this.#request.endsWith("\r\n\r\n");
  }

  override accepted(): void {
    super.accepted();
    this.life.count("pulls");
  }

  sent(bytes: Uint8Array): void {
    if (this.#standsAt < 0) this.#standsAt = this.life.now;
    if (this.isAsked) return this.#fail("the right thing is asked for", "it says more behind its request");
    this.#request += Buffer.from(bytes).toString("latin1");
    if (!this.isAsked) return;
    const { head, authorization } = this.#target;
    const shown = /\r\nAuthorization: (.*)\r\n/.exec(this.#request)?.[1];
    if (!this.#request.startsWith(head) || shown !== authorization) {
      this.#fail("the right thing is asked for", `it asks for ${JSON.stringify(this.#request)}`);
    }
  }

  override received(bytes: Uint8Array): void {
    super.received(bytes);
    if (this.headAt >= 0 || this.receivedBytes < this.headBytes) return;
    this.headAt = this.life.now;
    this.#sureAt = Math.max(this.#sureAt, this.headAt);
    this.fileAt = Math.max(this.fileAt, this.headAt);
  }

  protected override came(file: RelayFile): void {
    const { now } = this.life;
    const usedFor = now - this.#standsAt;
    const isSure = file.endsAt <= this.unsureFrom;
    if (isSure) this.#sureAt = now;
    else file.fate = Fate.UNSURE;
    if (isSure && usedFor >= SETTLE_AFTER) this.#attempts.settled(now);
    else if (usedFor + READ >= SETTLE_AFTER) this.#attempts.maybeSettled(now);
    this.life.count("files pulled");
  }

  closed(how: Close, peer: { isGone: boolean; hasEnded: boolean }): void {
    const { life } = this;
    const { now } = life;
    this.closedAt = now;
    this.gone(false);
    if (life.isStopping) return;
    if (how !== Close.ABORT) this.#fail("nothing is lost", "it was closed, and waits for what its peer still says");
    const lastFile = this.files.at(-1);
    const isBetween = lastFile !== undefined && life.step - lastFile.step < ENCODING_STEPS;
    const mayRest = isBetween && !life.isAwaited && now - life.wantedAt >= REST_AFTER;
    const troubles = this.#troubles(peer);
    if (troubles.length === 0 && !mayRest) {
      this.#fail("nobody is cut without cause", "it was let go, somebody watches and it sends");
    }
    life.count(mayRest ? "pulls rested" : "pulls failed");
    if (!mayRest) this.#attempts.failed(now, troubles);
    else if (troubles.length > 0) this.#attempts.restedOrFailed(now, troubles);
    else this.#attempts.rested(now);
  }

  /** What may have been wrong with it; nothing, if nothing was. */
  #troubles(peer: { isGone: boolean; hasEnded: boolean }): string[] {
    const { plan } = this;
    const { now } = this.life;
    const certain = TROUBLES[plan.how];
    if (certain) return certain;
    const troubles: string[] = [];
    if (peer.isGone || peer.hasEnded) troubles.push(this.#request === "" ? UNREACHABLE : ENDED);
    if (this.headAt < 0 && now - this.begunAt >= CONNECT_DEADLINE) troubles.push(SILENT);
    if (plan.how === "answers") troubles.push(ANSWERS[plan.answer].trouble, STALLED);
    if (plan.how !== "streams" || this.headAt < 0) return troubles;
    if (now - this.#sureAt >= SILENCE) troubles.push(STALLED);
    if (this.receivedBytes >= this.unsureFrom) troubles.push(ENDED, NOT_HTTP);
    if (this.receivedBytes - (this.files.at(-1)?.endsAt ?? 0) > WASTE_MAX) troubles.push(NO_STREAM);
    return troubles;
  }

  /** Looks whether it is held for too long. */
  check(): void {
    const { now, maybeWantedAt } = this.life;
    if (this.closedAt >= 0) return;
    const since = this.headAt < 0 ? this.begunAt + CONNECT_DEADLINE : Math.max(this.fileAt, this.headAt) + SILENCE;
    if (now > since + LATE) this.#fail("deadlines hold", `nothing of use came since ${since} µs`);
    const restAt = maybeWantedAt + REST_AFTER + LATE;
    // It lets go between two files.
    if (now > restAt && this.#sureAt > restAt && this.files.length > 0) {
      this.#fail("it rests when nobody watches", `nobody has watched for ${now - maybeWantedAt} µs`);
    }
  }

  #fail(rule: string, text: string): void {
    this.life.fail(rule, `source ${this.plan.id}, asked ${this.begunAt}: ${text}`);
  }
}
