/**
 * One direction of a simulated TCP connection: bytes in order, cut into chunks, delayed, held up, and no faster than
 * the reader takes them.
 *
 *     write → [ sender's buffer ] → in flight, `delay` → [ receiver's buffer ] → read
 *                     ↑ freed when the acknowledgement is back          ↑ its room limits what may be in flight
 */

import { ByteQueue } from "../byte-queue.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** How a network behaves. Times in µs; a pair is the least and the most of what chance picks. */
export type Conditions = {
  /** The time that a chunk takes from end to end. */
  delay: [number, number];
  /** Bytes of a chunk. */
  chunk: [number, number];
  /** Bytes a second that fit through, Infinity for no bound. */
  bytesPerSecond: number;
  /** The share of chunks that the network holds up, 0 to 1, and for how long. */
  stallShare: number;
  stall: [number, number];
  /** The share of chunks on which the whole connection is reset. */
  resetShare: number;
};

/** A quiet cable in the house. */
export const CALM: Conditions = {
  delay: [200, 400],
  chunk: [1460, 1460],
  bytesPerSecond: 12_500_000,
  stallShare: 0,
  stall: [0, 0],
  resetShare: 0,
};

/** A bad wireless link: chunks of any size, held up now and then. */
export const ROUGH: Conditions = {
  delay: [1_000, 30_000],
  chunk: [1, 1460],
  bytesPerSecond: 2_500_000,
  stallShare: 0.002,
  stall: [50_000, 1_500_000],
  resetShare: 0,
};

export class Link {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #conditions: Conditions;
  readonly #sendBytes: number;
  readonly #receiveBytes: number;
  readonly #unsent = new ByteQueue();
  readonly #received = new ByteQueue();
  /** Bytes that were sent and not acknowledged. */
  #flying = 0;
  /** Bytes that were sent and did not arrive. */
  #inFlight = 0;
  /** When the wire is free, and when the last chunk arrives: nothing overtakes. */
  #wireFreeAt = 0;
  #lastArrival = 0;
  #isOpen = false;
  #isFinished = false;
  #finishSent = false;
  #isCut = false;
  /** The receiver knows that nothing more will come. */
  ended = false;
  /** There is something for the receiver: bytes or the end. */
  onArrival: () => void = () => {};
  /** There is room for the sender. */
  onRoom: () => void = () => {};
  /** The network resets the connection. */
  onReset: () => void = () => {};

  constructor(timeline: Timeline, random: Random, conditions: Conditions, sendBytes: number, receiveBytes: number) {
    this.#timeline = timeline;
    this.#random = random;
    this.#conditions = conditions;
    this.#sendBytes = sendBytes;
    this.#receiveBytes = receiveBytes;
  }

  /** A time that the network takes for something small, such as an acknowledgement. */
  delay(): number {
    return this.#random.between(...this.#conditions.delay);
  }

  /** The connection stands: what was written goes on its way. */
  open(): void {
    this.#isOpen = true;
    this.#pump();
  }

  /** Bytes that `write` takes. */
  get room(): number {
    return this.#isFinished || this.#isCut ? 0 : Math.max(0, this.#sendBytes - this.#unsent.length - this.#flying);
  }

  /** Bytes that `read` gives. */
  get available(): number {
    return this.#received.length;
  }

  /** Takes at most `room` bytes of `bytes`, which may change after. @returns how many */
  write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.room);
    if (count > 0) {
      this.#unsent.push(Uint8Array.from(bytes.subarray(0, count)));
      this.#pump();
    }
    return count;
  }

  /** The sender has said all. */
  finish(): void {
    this.#isFinished = true;
    this.#pump();
  }

  /** Nothing moves any more; what was under way is lost. */
  cut(): void {
    this.#isCut = true;
    this.#unsent.clear();
    this.#received.clear();
  }

  /** Bytes that have arrived, moved to the range of `target`. @returns how many */
  read(target: Uint8Array, start: number, end: number): number {
    const count = this.#received.take(target, start, end);
    if (count > 0) this.#timeline.after(this.delay(), () => this.#pump()); // the word that there is room again
    return count;
  }

  /** Sends as long as the receiver has room for it. */
  #pump(): void {
    if (!this.#isOpen || this.#isCut) return;
    for (;;) {
      const window = this.#receiveBytes - this.#received.length - this.#inFlight;
      const count = Math.min(this.#random.between(...this.#conditions.chunk), this.#unsent.length, window);
      if (count <= 0) break;
      const chunk = new Uint8Array(count);
      this.#unsent.take(chunk, 0, count);
      this.#flying += count;
      this.#inFlight += count;
      this.#timeline.at(this.#arrivalOf(count), () => this.#arrive(chunk));
    }
    if (this.#isFinished && !this.#finishSent && this.#unsent.length === 0) {
      this.#finishSent = true;
      this.#timeline.at(this.#arrivalOf(0), () => {
        if (this.#isCut) return;
        this.ended = true;
        this.onArrival();
      });
    }
  }

  #arrivalOf(bytes: number): number {
    const { bytesPerSecond, stallShare, stall } = this.#conditions;
    this.#wireFreeAt = Math.max(this.#wireFreeAt, this.#timeline.now) + Math.ceil((bytes * 1e6) / bytesPerSecond);
    const held = this.#random.chance(stallShare) ? this.#random.between(...stall) : 0;
    this.#lastArrival = Math.max(this.#lastArrival, this.#wireFreeAt + this.delay() + held);
    return this.#lastArrival;
  }

  #arrive(chunk: Uint8Array): void {
    if (this.#isCut) return;
    this.#inFlight -= chunk.length;
    if (this.#random.chance(this.#conditions.resetShare)) {
      this.onReset();
      return;
    }
    this.#received.push(chunk);
    this.onArrival();
    this.#timeline.after(this.delay(), () => {
      if (this.#isCut) return;
      this.#flying -= chunk.length;
      this.onRoom();
    });
  }
}
