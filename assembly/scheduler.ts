/**
 * The cooperative scheduler: tasks that take turns, each doing a bounded piece of work and then saying what it waits
 * for: a pulse, a time, or a word from whoever watches a socket for it.
 *
 * A task is a state machine. Before each run all that it waited for is forgotten, whatever it was that woke it, so a
 * run says anew what to wait for. A task that is woken for no reason just says it again.
 *
 * Time is an argument everywhere: µs on one clock that never goes back. Sockets and the sensor are known only to
 * `sockets.ts`; nothing here reaches out of the module.
 */

/** A time that never comes. */
export const NEVER: i64 = i64.MAX_VALUE;

export abstract class Task {
  /** The next task in the order in which they were made. */
  next: Task | null = null;
  /** The next one in line, where this one is ready. */
  nextReady: Task | null = null;
  /** Whether it stands in line. */
  ready: bool = false;
  /** The pulse that it waits for. */
  awaits: Pulse | null = null;
  /** The time that it waits for. */
  wakeAt: i64 = NEVER;

  /** Adds itself to the scheduler, ready to run. */
  constructor() {
    this.next = firstTask;
    firstTask = this;
    this.wake();
  }

  /** Does a bounded piece of work and says what it waits for next. */
  abstract run(now: i64): void;

  /** Puts the task in line, at the back, if it does not stand there already. */
  wake(): void {
    if (this.ready) return;
    this.ready = true;
    this.nextReady = null;
    const last = lastReady;
    if (last) last.nextReady = this;
    else firstReady = this;
    lastReady = this;
  }

  /** Waits, beside anything else, until `time`. The earliest of several counts. */
  waitUntil(time: i64): void {
    if (time < this.wakeAt) this.wakeAt = time;
  }

  /** Waits, beside anything else, for a pulse later than the one that `seen` counted. */
  waitFor(pulse: Pulse, seen: u32): void {
    if (pulse.count == seen) this.awaits = pulse;
    else this.wake();
  }
}

/** Something that happens again and again, and of which each task knows for itself how much of it it has seen. */
export class Pulse {
  /** How often it has happened. Wraps; only equality counts. */
  count: u32 = 0;

  /** Whether a task waits for it. */
  get isAwaited(): bool {
    let task = firstTask;
    while (task && task.awaits != this) task = task.next;
    return task !== null;
  }

  /** It happens: wakes every task that waits for it, in one go. */
  fire(): void {
    this.count++;
    let task = firstTask;
    while (task) {
      if (task.awaits == this) {
        task.awaits = null;
        task.wake();
      }
      task = task.next;
    }
  }
}

let firstTask: Task | null = null;
let firstReady: Task | null = null;
let lastReady: Task | null = null;

/**
 * Runs every task that is ready once, in line; one that becomes ready meanwhile has its turn in the next call.
 * @returns when to be called next: `now` if a task is ready, else the earliest time that one waits for
 */
export function runReady(now: i64): i64 {
  let sleeper = firstTask;
  while (sleeper) {
    if (sleeper.wakeAt <= now) sleeper.wake();
    sleeper = sleeper.next;
  }
  const last = lastReady;
  for (let done = !last; !done; ) {
    const task = firstReady!;
    done = task == last;
    firstReady = task.nextReady;
    if (!firstReady) lastReady = null;
    task.ready = false;
    task.awaits = null;
    task.wakeAt = NEVER;
    task.run(now);
  }
  if (firstReady) return now;
  let earliest = NEVER;
  sleeper = firstTask;
  while (sleeper) {
    if (sleeper.wakeAt < earliest) earliest = sleeper.wakeAt;
    sleeper = sleeper.next;
  }
  return earliest;
}
