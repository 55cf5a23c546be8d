/** The scheduler: turns, pulses and times, told by the order in which tasks ran. */

import { NEVER, Pulse, Task, runReady } from "../scheduler";

let trace: string = "";
const pulse: Pulse = new Pulse();

/** What a probe does in each of its runs. */
enum Habit {
  /** Waits for nothing: only another's word wakes it. */
  SLEEP,
  /** Stands in line again. */
  AGAIN,
  /** Waits for the next pulse, whatever came before. */
  NEXT_PULSE,
  /** Waits for a pulse that it has not seen, and counts those it has. */
  UNSEEN_PULSE,
  /** Waits for `time`. */
  TIME,
  /** Wakes `other`, and then sleeps. */
  CALL,
  /** Fires the pulse, and then sleeps. */
  FIRE,
}

class Probe extends Task {
  habit: Habit = Habit.SLEEP;
  time: i64 = NEVER;
  seen: u32 = 0;
  runs: i32 = 0;
  other: Probe | null = null;

  constructor(readonly name: string) {
    super();
  }

  run(now: i64): void {
    this.runs++;
    trace += this.name;
    switch (this.habit) {
      case Habit.AGAIN:
        this.wake();
        break;
      case Habit.NEXT_PULSE:
        this.waitFor(pulse, pulse.count);
        break;
      case Habit.UNSEEN_PULSE: {
        const had = this.seen;
        this.seen = pulse.count;
        this.waitFor(pulse, had);
        break;
      }
      case Habit.TIME:
        if (now < this.time) this.waitUntil(this.time);
        break;
      case Habit.CALL:
        this.other!.wake();
        break;
      case Habit.FIRE:
        pulse.fire();
        break;
      default:
    }
  }
}

const a: Probe = new Probe("a");
const b: Probe = new Probe("b");
const c: Probe = new Probe("c");

function settle(): void {
  a.habit = Habit.SLEEP;
  b.habit = Habit.SLEEP;
  c.habit = Habit.SLEEP;
  a.wake();
  b.wake();
  c.wake();
  runReady(0);
  trace = "";
}

describe("the scheduler", () => {
  beforeEach(settle);

  it("runs ready tasks once each, in line, and says that nothing is due", () => {
    b.wake();
    a.wake();
    b.wake();
    expect(runReady(5)).toBe(NEVER);
    expect(trace).toBe("ba");
  });

  it("puts a task that wakes itself at the back, for the next call", () => {
    a.habit = Habit.AGAIN;
    a.wake();
    b.wake();
    expect(runReady(7)).toBe(7, "a task is ready: come at once");
    expect(trace).toBe("ab");
    b.wake();
    runReady(8);
    expect(trace).toBe("abab");
  });

  it("gives a task that was woken in a call its turn in the next one", () => {
    a.habit = Habit.CALL;
    a.other = c;
    a.wake();
    expect(runReady(1)).toBe(1);
    expect(trace).toBe("a");
    expect(runReady(1)).toBe(NEVER);
    expect(trace).toBe("ac");
  });

  it("wakes at a time, not before, and names the earliest", () => {
    a.habit = Habit.TIME;
    a.time = 1000;
    b.habit = Habit.TIME;
    b.time = 500;
    a.wake();
    b.wake();
    expect(runReady(0)).toBe(500);
    expect(runReady(499)).toBe(500);
    expect(trace).toBe("ab");
    expect(runReady(500)).toBe(1000);
    expect(runReady(2000)).toBe(NEVER);
    expect(trace).toBe("abba");
  });

  it("forgets what a task waited for when something else wakes it", () => {
    a.habit = Habit.TIME;
    a.time = 100;
    a.wake();
    expect(runReady(0)).toBe(100);
    a.habit = Habit.SLEEP;
    a.wake();
    expect(runReady(1)).toBe(NEVER);
    runReady(200);
    expect(trace).toBe("aa");
  });
});

describe("a pulse", () => {
  beforeEach(settle);

  it("wakes every task that waits for it, once, and nobody else", () => {
    a.habit = Habit.NEXT_PULSE;
    b.habit = Habit.NEXT_PULSE;
    a.wake();
    b.wake();
    runReady(0);
    trace = "";
    pulse.fire();
    runReady(1);
    expect(trace.length).toBe(2);
    expect(trace.includes("a") && trace.includes("b")).toBeTruthy();
    runReady(2);
    expect(trace.length).toBe(2, "nothing fired since");
  });

  it("reaches tasks again and again without being reset", () => {
    a.habit = Habit.NEXT_PULSE;
    a.wake();
    runReady(0);
    for (let i = 0; i < 5; i++) {
      pulse.fire();
      runReady(i);
    }
    expect(trace).toBe("aaaaaa");
  });

  it("is not lost on a task that was busy when it fired", () => {
    a.seen = pulse.count;
    pulse.fire();
    a.habit = Habit.UNSEEN_PULSE;
    a.wake();
    runReady(0);
    expect(runReady(0)).toBe(NEVER);
    expect(trace).toBe("aa", "it ran again at once, then waited");
    pulse.fire();
    runReady(0);
    expect(trace).toBe("aaa");
  });

  it("fired by a task wakes the others for the next call", () => {
    b.habit = Habit.NEXT_PULSE;
    b.wake();
    runReady(0);
    a.habit = Habit.FIRE;
    a.wake();
    expect(runReady(3)).toBe(3);
    expect(runReady(3)).toBe(NEVER);
    expect(trace).toBe("bab");
  });
});
