/**
 * What should be where the camera relays the frames of others: which files upstreams sent that the camera has taken,
 * in what order, and what `/state` must make of them. A file that came while its upstream had the seat is published;
 * only of those that came just before the seat was lost that is not sure.
 */

import { MILLISECOND, SECOND } from "../../host/simulated/timeline.ts";
import type { Feed } from "./feed.ts";
import { Ledger, type Shot } from "./ledger.ts";
import type { Flaw } from "./upstream.ts";
import { ENCODING_STEPS } from "./wire.ts";

/** A file that an upstream sends. */
export type RelayFile = Shot & {
  jpeg: Buffer;
  /** Where it lies among the bytes that the upstream sends. */
  beginsAt: number;
  endsAt: number;
  /** When the camera took the first byte of it; -1: not yet. Its `time` is that of the last. */
  firstAt: number;
  fate: Fate;
};

export enum Fate {
  /** It is published, or will be in a moment. */
  SURE,
  /** Its upstream was gone just when it came, or it lay behind what may be read in several ways. */
  UNSURE,
  /** Its upstream never had the seat. */
  REFUSED,
}

/** How long a file may wait behind others that came in the same piece, before its first byte is read; µs. */
const QUEUE = 20 * MILLISECOND;
/** Until what came is published and counted. */
const COUNT = 100 * MILLISECOND;
/** A relay's newest frame is stale after this where no upstream is there, and after this where one is. */
const STALE_ALONE = 3 * SECOND;
const STALE = 10 * SECOND;

/** A comment with a number, behind the file's first marker: so each file differs from all others. */
export function numbered(jpeg: Buffer, number: number): Buffer {
  const comment = Buffer.alloc(8, 0xff);
  comment.writeUInt16BE(0xfffe, 0);
  comment.writeUInt16BE(6, 2);
  comment.writeUInt32BE(number, 4);
  return Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]);
}

export class RelayLedger extends Ledger {
  /** All that there were since the module's start. */
  feeds: Feed[] = [];
  /** Whether upstreams connect to the camera, or it connects to a source. */
  kind: "push" | "pull" = "push";
  readonly #all = new Map<number, RelayFile>();
  /** Those that came whole since the module's start, in this order. */
  #came: RelayFile[] = [];

  /** A file that an upstream is about to send. */
  makeFile(jpeg: Buffer): RelayFile {
    const number = this.#all.size + 1;
    const own = numbered(jpeg, number);
    const file: RelayFile = {
      ...{ time: -1, step: -1, index: -1, start: -1, key: `file ${number}`, bytes: () => own },
      ...{ jpeg: own, beginsAt: 0, endsAt: own.length, firstAt: -1, fate: Fate.SURE },
    };
    this.#all.set(number, file);
    return file;
  }

  /** The camera has taken the last byte of a file. */
  came(file: RelayFile, now: number, step: number): void {
    file.time = now;
    file.step = step;
    file.start = this.start;
    file.index = this.#came.push(file);
    this.shots.push(file);
  }

  /** An upstream has the seat no more, or never had it. */
  left(feed: Feed, step: number): void {
    for (const file of feed.files) {
      if (feed.wasRefused) file.fate = Fate.REFUSED;
      else if (step - file.step < ENCODING_STEPS) file.fate = Fate.UNSURE;
    }
  }

  override follow(): void {}

  override get delivered(): number {
    return this.#came.length;
  }

  override after(time: number): Shot | undefined {
    let next: RelayFile | undefined;
    for (let i = this.#came.length - 1; i >= 0 && this.#came[i].time > time; i--) {
      const file = this.#came[i];
      if (file.fate === Fate.SURE && file.firstAt > time) next = file;
    }
    return next;
  }

  override newestBy(step: number): Shot | undefined {
    return this.#came.findLast((file) => file.step <= step && file.fate === Fate.SURE);
  }

  override leastSequence(shot: Shot): number {
    return this.#count(shot.index, (file) => file.fate === Fate.SURE);
  }

  override get mayOverflow(): boolean {
    return false;
  }

  override restarted(now: number, settings: (name: string) => string | undefined): void {
    super.restarted(now, settings);
    this.#came = [];
    this.feeds = this.feeds.filter(({ acceptedAt, closedAt }) => acceptedAt < 0 && closedAt < 0); // still on their way
  }

  /** How many of the first `length` files are so. */
  #count(length: number, isSo: (file: RelayFile) => boolean): number {
    let count = 0;
    for (let i = 0; i < length; i++) if (isSo(this.#came[i])) count++;
    return count;
  }

  override problemOf(sequence: number, timestamp: number, jpeg: Buffer): string | undefined {
    const number = jpeg.length > 10 && jpeg.readUInt16BE(2) === 0xfffe ? jpeg.readUInt32BE(6) : -1;
    const file = this.#all.get(number);
    if (!file?.jpeg.equals(jpeg)) return `frame ${sequence} is, byte for byte, nothing that was sent`;
    const what = `frame ${sequence}, ${file.key},`;
    if (file.start !== this.start) return `${what} has not come whole since the start`;
    if (file.fate === Fate.REFUSED) return `${what} is from an upstream that was refused`;
    if (timestamp < file.firstAt || timestamp > file.time + QUEUE) {
      return `${what} has the time ${timestamp}, it came from ${file.firstAt} to ${file.time}`;
    }
    const most = this.#count(file.index, ({ fate }) => fate !== Fate.REFUSED);
    const least = this.#count(file.index - 1, ({ fate }) => fate === Fate.SURE) + 1;
    if (sequence > most || sequence < least) return `${what} should have a number from ${least} to ${most}`;
    return undefined;
  }

  /** What is wrong with what `/state` said at `time` of the source: what, what it is, and what it should be. */
  judge(capture: any, time: number, isFresh: boolean): [what: string, is: unknown, want: unknown] | undefined {
    const came = this.#came.filter((file) => file.time <= time);
    const most = came.filter(({ fate }) => fate !== Fate.REFUSED).length;
    const least = came.filter((file) => file.fate === Fate.SURE && time - file.time > COUNT).length;
    const { published, sequence, state, upstream } = capture;
    if (sequence !== published) return ["sequence", sequence, published];
    if (published < least || published > most) return ["published", published, `${least} to ${most}`];
    if (capture.fault !== "none" || capture.sensor !== this.kind) return ["sensor", capture.sensor, this.kind];
    if (state === "waiting" ? published > 0 : published === 0) return ["state", state, `that of ${published} frames`];
    if (!isFresh) return undefined;
    const wrong = this.#judgeFlaws(capture, time);
    if (wrong) return wrong;
    const open = this.feeds.filter((one) => one.acceptedAt >= 0 && (one.closedAt < 0 || one.closedAt >= time));
    const hasUpstream = this.kind === "push" ? upstream !== null : upstream.state === "receiving";
    if (hasUpstream && open.length === 0) return ["upstream", upstream.address, "nobody"];
    if (published === 0) return undefined;
    // The last that is published, or may be.
    const last = came.findLast(({ fate }) => fate !== Fate.REFUSED)!;
    const sure = came.findLast((file) => file.fate === Fate.SURE && time - file.time > COUNT) ?? came[0];
    const age = Math.round(capture.age * SECOND);
    if (age < time - last.time - COUNT || age > time - sure.time) {
      return ["age", age, `from ${time - last.time} to ${time - sure.time}`];
    }
    // Whoever is being woken up will send something fresh.
    const isWaking = this.kind === "pull" && !hasUpstream && upstream.trouble === "";
    const staleAfter = isWaking ? Infinity : hasUpstream ? STALE : STALE_ALONE;
    if (state !== (age >= staleAfter ? "stale" : "running")) return ["state", state, `that of ${age} µs`];
    return undefined;
  }

  /** What is broken, oversized or foreign is counted, once. */
  #judgeFlaws(capture: any, time: number): [what: string, is: unknown, want: unknown] | undefined {
    for (const flaw of ["broken", "oversized", "foreign"] as Flaw[]) {
      let [least, most] = [0, 0];
      for (const feed of this.feeds) {
        const { flawed, files, receivedBytes, leftAt, wasRefused, isUnsure } = feed;
        if (feed.acceptedAt < 0 || wasRefused) continue;
        if (isUnsure) most = Infinity;
        // The one that is under way when its upstream goes is broken, whatever it was.
        if (flaw === "broken" && leftAt >= 0) most++;
        const own = flawed.filter((one) => one.flaw === flaw && one.beginsAt < receivedBytes);
        most += own.length;
        // It is sure where something whole came behind it a while ago.
        const behind = files.findLast((file) => file.fate === Fate.SURE && time - file.time > COUNT);
        least += own.filter(({ endsAt }) => behind && endsAt < behind.endsAt).length;
      }
      const is = capture[flaw];
      if (is < least || is > most) return [flaw, is, `${least} to ${most}`];
    }
    return undefined;
  }
}
