/** Virtual time: what is to happen, in order. Two things at one time happen in the order in which they were planned. */

/** A time and a duration are whole numbers of µs. */
export const MILLISECOND = 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

type Event = { time: number; order: number; run: () => void };

export class Timeline {
  #now = 0;
  #planned = 0;
  /** A binary heap: the event at i is not later than those at 2i + 1 and 2i + 2. */
  readonly #heap: Event[] = [];

  /** µs since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** When the next thing happens, Infinity if nothing is planned. */
  get next(): number {
    return this.#heap.length > 0 ? this.#heap[0].time : Infinity;
  }

  /** Plans `run` for `time`, or for now if that has gone by. */
  at(time: number, run: () => void): void {
    const event = { time: Math.max(time, this.#now), order: this.#planned++, run };
    let i = this.#heap.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (isBefore(this.#heap[parent], event)) break;
      this.#heap[i] = this.#heap[parent];
      i = parent;
    }
    this.#heap[i] = event;
  }

  after(delay: number, run: () => void): void {
    this.at(this.#now + delay, run);
  }

  /** Lets time pass until `time`. What was planned for before happens late. */
  advance(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  /** Lets the next thing happen. */
  runNext(): void {
    const event = this.#pop();
    if (!event) return;
    this.#now = Math.max(this.#now, event.time); // it is late where time was skipped
    event.run();
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (isBefore(last, heap[child])) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.time !== other.time ? one.time < other.time : one.order < other.order;
}
