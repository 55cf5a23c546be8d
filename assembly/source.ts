/**
 * Where frames come from, as the rest of the camera sees it: a task that publishes whole files to the slots. There is
 * one, made at start by what the setting `source` says: a sensor (`capture.ts`) or a relay of somebody else's frames
 * (`relay/`). Viewers never know which.
 */

import { Controls } from "./controls";
import { SECOND } from "./limits";
import { NEVER, Task } from "./scheduler";
import { keepSettings } from "./settings";
import { Slot, Slots } from "./slot";
import { Writer } from "./writer";

export abstract class Source extends Task {
  /** Frames published. */
  published: u32 = 0;
  /** Sequence number, and bytes of the file, of the newest frame. */
  sequence: u32 = 0;
  bytes: u32 = 0;
  /** Pixels of a frame. */
  width: i32 = 0;
  height: i32 = 0;

  /** Where the present second of counting began, how many frames it has, and what the last one gave. */
  private countedFrom: i64 = 0;
  private counted: i32 = 0;
  private lastPublished: i64 = NEVER;
  private thousandths: u32 = 0;

  constructor(
    readonly controls: Controls,
    readonly slots: Slots,
  ) {
    super();
  }

  /** Somebody wants a frame newer than those there are: keeps the source going, or wakes it. */
  abstract want(now: i64): void;

  /** Whether nothing newer is to be expected soon: the newest frame is the last there is. */
  abstract isStale(now: i64): bool;

  /** Writes what `/state` tells of the source: members of an object. */
  abstract describe(json: Writer, now: i64): void;

  /** What is wrong with the controls' values, taken together; "" if nothing is. */
  abstract objection(): string;

  /** The controls have changed. Frames of the old kind that are under way may still come. */
  abstract change(): void;

  /** How long it may publish nothing and still have its rate, µs. */
  protected abstract breath(): i64;

  /** Keeps the controls' values, so that they survive a restart. @returns whether the board could */
  keep(): bool {
    return keepSettings(this.controls);
  }

  /**
   * Frames published a second, in thousandths, over the last whole second; but no more than there can have been since,
   * which is less where the rate was lowered or frames are lost.
   */
  rate(now: i64): u32 {
    if (this.lastPublished == NEVER || now - this.lastPublished > SECOND + this.breath()) return 0;
    const elapsed = now - this.countedFrom;
    if (elapsed <= SECOND) return this.thousandths;
    return min(this.thousandths, u32(<i64>(this.counted + 1) * 1000 * SECOND / elapsed));
  }

  /** Nothing is published for a while, and nobody waits for it: the rate is counted anew afterwards. */
  protected rest(): void {
    this.lastPublished = NEVER;
    this.thousandths = 0;
  }

  /** Counts a frame that was published. */
  protected count(slot: Slot, now: i64): void {
    this.published++;
    this.sequence = slot.sequence;
    this.bytes = slot.jpegBytes;
    this.counted++;
    const elapsed = now - this.countedFrom;
    if (this.lastPublished == NEVER) {
      this.countedFrom = now;
      this.counted = 0;
    } else if (elapsed >= SECOND) {
      this.thousandths = u32(<i64>this.counted * 1000 * SECOND / elapsed);
      this.countedFrom = now;
      this.counted = 0;
    }
    this.lastPublished = now;
  }
}
