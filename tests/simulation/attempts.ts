/**
 * How often a host is tried again to which the camera connects by itself, reckoned beside it: after each failure a
 * pause that doubles, up to the longest, and the shortest again after the connection was of use for a while. What
 * can't be told from outside is kept as the least and the most that the pause may be.
 */

import { SECOND } from "../../host/simulated/timeline.ts";

/** As assembly/limits.ts has them. */
const PAUSE_MIN = SECOND / 10;
const PAUSE_MAX = 8 * SECOND;
/** For how long a connection must have been of use. */
export const SETTLE_AFTER = SECOND;
/** From asking for a connection to its first byte, or to the head of what is answered. */
export const CONNECT_DEADLINE = 10 * SECOND;
/** How late what is due may be. */
export const LATE = SECOND / 2;

export class Attempts {
  /** Before when the host is not tried again, and by when it is. */
  notBefore = 0;
  dueBy = 0;
  /** What `/state` may say is wrong. */
  troubles: ReadonlySet<string> = NO_TROUBLE;
  /** When the above changed. */
  changedAt = -1;
  #least = PAUSE_MIN;
  #most = PAUSE_MIN;

  failed(now: number, troubles: Iterable<string>): void {
    this.#waits(now, this.#least, new Set(troubles));
    this.#least = longer(this.#least);
  }

  /** It was let go, as nobody wants anything of it; or it failed at the same time. */
  restedOrFailed(now: number, troubles: Iterable<string>): void {
    this.#waits(now, 0, new Set([...this.troubles, ...troubles]));
  }

  /** It was let go. */
  rested(now: number): void {
    this.notBefore = this.dueBy = now;
  }

  /** The connection was of use. */
  settled(now: number): void {
    if (this.troubles.size > 1 || !this.troubles.has("")) this.#is(now, NO_TROUBLE);
    this.#least = this.#most = PAUSE_MIN;
  }

  /** It may have been. */
  maybeSettled(now: number): void {
    if (!this.troubles.has("")) this.#is(now, new Set([...this.troubles, ""]));
    this.#least = PAUSE_MIN;
  }

  #waits(now: number, least: number, troubles: ReadonlySet<string>): void {
    this.notBefore = now + least;
    this.dueBy = now + this.#most;
    this.#most = longer(this.#most);
    this.#is(now, troubles);
  }

  #is(now: number, troubles: ReadonlySet<string>): void {
    this.troubles = troubles;
    this.changedAt = now;
  }
}

const NO_TROUBLE: ReadonlySet<string> = new Set([""]);

function longer(pause: number): number {
  return Math.min(2 * pause, PAUSE_MAX);
}
