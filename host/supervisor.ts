/**
 * Keeps a module running: steps it, and where it traps, logs why, takes everything back from it and starts it afresh
 * after a pause that grows while it keeps failing. Knows no clock and no timer: a world calls `turn` when a time that
 * it answered has come, or when the board has something to tell.
 */

import { Level } from "./board-table.ts";
import type { Board } from "./board.ts";
import { Camera, trapText } from "./module.ts";

/** The pause before the first restart, doubled with each further failure up to the longest. µs, as all times here. */
const PAUSE_MIN = 100_000;
const PAUSE_MAX = 10_000_000;
/** After so long without a failure the pause is the shortest again. */
const STEADY_AFTER = 60_000_000;

export class Supervisor {
  readonly #module: WebAssembly.Module;
  readonly #board: Board;
  /** The instance; undefined before the first turn and during a pause. */
  #camera: Camera | undefined;
  #startAt = 0;
  #pause = PAUSE_MIN;
  #failedAt = -Infinity;
  /** When the instance was made. */
  #startedAt = 0;

  constructor(module: WebAssembly.Module, board: Board) {
    this.#module = module;
    this.#board = board;
  }

  /** The running instance, if one is. */
  get camera(): Camera | undefined {
    return this.#camera;
  }

  /** Does what is due at `now`. @returns when to be called next if the board has nothing to tell before */
  turn(now: number): number {
    this.#board.complaint = "";
    try {
      if (!this.#camera) {
        if (now < this.#startAt) return this.#startAt;
        this.#startedAt = now;
        this.#camera = new Camera(this.#module, this.#board);
      }
      return this.#camera.step(now);
    } catch (error) {
      return this.#fail(now, error);
    }
  }

  #fail(now: number, error: unknown): number {
    this.#camera = undefined;
    this.#board.abortAll();
    if (now - this.#failedAt >= STEADY_AFTER) this.#pause = PAUSE_MIN;
    this.#failedAt = now;
    this.#startAt = now + this.#pause;
    // A failed assert is told in the log before it traps; that is then the better half of the reason.
    const complaint = this.#board.complaint;
    const text = complaint ? `${complaint} (${trapText(error)})` : trapText(error);
    this.#board.crashed(text, now);
    const ran = ((now - this.#startedAt) / 1e6).toFixed(6);
    const next = `fresh start ${this.#board.restarts} in ${this.#pause / 1000} ms`;
    this.#board.log(Level.ERROR, `the module stopped: ${text}; it ran for ${ran} s; ${next}`);
    this.#pause = Math.min(this.#pause * 2, PAUSE_MAX);
    return this.#startAt;
  }
}
