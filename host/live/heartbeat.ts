/**
 * Tells another thread whether the module is in a step, and in which, through memory that both have: what costs next to
 * nothing a step, and can be seen while the step does not return.
 */

const COUNT = 0;
/** The time is a double, which begins at a multiple of 8 bytes. */
const TIME_AT = 8;

export class Heartbeat {
  readonly memory: SharedArrayBuffer;
  /** Odd while the module is in a step. */
  readonly #count: Int32Array;
  readonly #time: Float64Array;

  constructor(memory = new SharedArrayBuffer(TIME_AT + 8)) {
    this.memory = memory;
    this.#count = new Int32Array(memory, 0, 1);
    this.#time = new Float64Array(memory, TIME_AT, 1);
  }

  /** A step begins. @param startedAt when its module was started */
  begin(startedAt: number): void {
    this.#time[0] = startedAt;
    Atomics.add(this.#count, COUNT, 1);
  }

  end(): void {
    Atomics.add(this.#count, COUNT, 1);
  }

  /** The number of the step that the module is in; undefined if it is in none. */
  get step(): number | undefined {
    const count = Atomics.load(this.#count, COUNT);
    return count & 1 ? count : undefined;
  }

  get startedAt(): number {
    return this.#time[0];
  }
}
