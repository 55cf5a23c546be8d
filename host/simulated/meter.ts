/**
 * The meter at the module's door: counts what a step asks of the board, and makes the module trap on demand, in the
 * middle of whatever it does.
 */

import type { BoardTable } from "../board-table.ts";

export class Meter {
  /** Calls in the present step, or the last, and of those the ones that do more than ask what is new. */
  calls = 0;
  deeds = 0;
  /** Bytes that were received and that were taken for sending. */
  bytes = 0;
  /** The call after so many more throws; 0: none does. */
  #trapIn = 0;

  /** Puts itself in front of every call of `table`. */
  constructor(table: BoardTable) {
    const calls = table as Record<string, (...args: number[]) => number | void>;
    for (const [name, call] of Object.entries(calls)) {
      const carries = name === "tcpReceive" || name === "tcpSend";
      const isDeed = name !== "events";
      calls[name] = (a, b, c, d, e) => {
        this.calls++;
        if (isDeed) this.deeds++;
        if (this.#trapIn > 0 && --this.#trapIn === 0) throw new Error(INJECTED);
        const result = call(a, b, c, d, e);
        if (carries && result! > 0) this.bytes += result!;
        return result;
      };
      Object.defineProperty(calls[name], "length", { value: call.length }); // by which tables are compared
    }
  }

  /** A step begins. */
  begin(): void {
    this.calls = 0;
    this.deeds = 0;
    this.bytes = 0;
  }

  /** Has the call after `calls` more throw. */
  trapAfter(calls: number): void {
    this.#trapIn = calls + 1;
  }

  /** Has no call throw, whatever was wanted before. */
  trapNever(): void {
    this.#trapIn = 0;
  }
}

/** What the log says of a trap that the meter made. */
export const INJECTED = "a trap was wanted";
