/**
 * Hands each published frame to the board, for other machines: a task that waits for frames as a viewer does, and like
 * one keeps capture going. To whom and how they go, and what of them is dropped on the way, is the board's business.
 */

import { Fault, frameOut } from "./board";
import { SECOND } from "./limits";
import { Task } from "./scheduler";
import { Slots } from "./slot";
import { Source } from "./source";

export class Outlet extends Task {
  /** The last frame that was handed over. */
  private sequence: u32 = 0;

  constructor(
    private readonly slots: Slots,
    private readonly source: Source,
  ) {
    super();
  }

  run(now: i64): void {
    const result = this.offer(now);
    if (result == Fault.MISSING) return; // it is never woken again
    if (result == 0) this.source.want(now);
    const published = this.slots.published;
    this.waitFor(published, published.count);
    this.waitUntil(now + SECOND); // while capture rests, somebody may have come whom frames can be sent to
  }

  private offer(now: i64): i32 {
    const newest = this.slots.newest;
    if (!newest || newest.sequence == this.sequence) return frameOut(0, 0, 0, 0, 0);
    this.sequence = newest.sequence;
    const age = <u32>min<i64>(max<i64>(now - newest.time, 0), u32.MAX_VALUE);
    return frameOut(newest.fileAt, newest.jpegBytes, newest.sequence, age, newest.size);
  }
}
