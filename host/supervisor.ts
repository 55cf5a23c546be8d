/**
 * Keeps a module running: steps it, and where it traps, logs why, takes everything back from it and starts it afresh
 * after a pause that grows while it keeps failing. Knows no clock and no timer: a world calls `turn` when a time that
 * it answered has come, or when the board has something to tell.
 */

import { Level } from "./board-table.ts";
import type { Board } from "./board.ts";
import { Camera, trapText } from "./module.ts";
import { afterFailure } from "./past.ts";

export class Supervisor {
  readonly #module: WebAssembly.Module;
  readonly #board: Board;
  /** The instance; undefined before the first turn and during a pause. */
  #camera: Camera | undefined;
  /** When the last instance was made, µs. */
  startedAt = 0;

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
        const { startAt } = this.#board.past;
        if (now < startAt) return startAt;
        this.startedAt = now;
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
    // A failed assert is told in the log before it traps; that is then the better half of the reason.
    const complaint = this.#board.complaint;
    const reason = complaint ? `${complaint} (${trapText(error)})` : trapText(error);
    const { past, line } = afterFailure(this.#board.past, reason, now, now - this.startedAt);
    this.#board.past = past;
    this.#board.log(Level.ERROR, line);
    return past.startAt;
  }
}
