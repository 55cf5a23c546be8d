/**
 * What a board remembers of the modules that stopped: plain data, which outlives the module, and the thread that it ran
 * in. Also the rule of when the next one may start.
 */

import { CRASH_BYTES_MAX } from "./board-table.ts";
import { cutText } from "./log-ring.ts";

/** The pause before the first restart, doubled with each further failure up to the longest. µs, as all times here. */
const PAUSE_MIN = 100_000;
const PAUSE_MAX = 10_000_000;
/** After so long without a failure the pause is the shortest again. */
const STEADY_AFTER = 60_000_000;

export type Past = {
  /** How often a module was started afresh. */
  readonly restarts: number;
  /** Why the last one stopped, and when; undefined where none did. */
  readonly crash: { readonly text: string; readonly time: number } | undefined;
  /** When the next one may start. */
  readonly startAt: number;
  /** The pause after the next failure, if that comes soon. */
  readonly pause: number;
};

export const NO_PAST: Past = { restarts: 0, crash: undefined, startAt: 0, pause: PAUSE_MIN };

/**
 * What a failure makes of the past, and the line of the log that tells of it.
 * @param now when it failed
 * @param ran for how long the module had run
 */
export function afterFailure(before: Past, reason: string, now: number, ran: number): { past: Past; line: string } {
  const isSteady = !before.crash || now - before.crash.time >= STEADY_AFTER;
  const pause = isSteady ? PAUSE_MIN : before.pause;
  const past: Past = {
    restarts: before.restarts + 1,
    crash: { text: cutText(reason, CRASH_BYTES_MAX), time: now },
    startAt: now + pause,
    pause: Math.min(pause * 2, PAUSE_MAX),
  };
  const next = `fresh start ${past.restarts} in ${pause / 1000} ms`;
  return { past, line: `the module stopped: ${reason}; it ran for ${(ran / 1e6).toFixed(6)} s; ${next}` };
}
