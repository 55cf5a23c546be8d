/**
 * A sensor on a bus, as the board's calls reach it: a model of the chip behind the bus and the capture port. What a
 * frame looks like is the model's business; here are the cable, the time at which frames end, and the memory they go
 * to.
 */

import { BoardTrap, Fault, type ModuleMemory } from "../board-table.ts";
import type { Sensor } from "../soft-sensor.ts";
import type { SensorModel, View } from "./model.ts";

/**
 * The share of a frame's time in which who asks still gets the frame that is under way. On a chip that is its vertical
 * blanking; here it is more, since a frame's bytes are made at its end, and a PC that does other things asks late.
 */
const BLANKING = 0.5;

export class BusSensor implements Sensor {
  readonly model: SensorModel;
  /** Whether the cable is plugged in. Pulled, the chip loses its power. */
  #isPlugged = true;
  /** While set, the chip answers on its bus but delivers nothing. */
  isStuck = false;
  readonly #view: View;
  #target: { memory: ModuleMemory; start: number; end: number } | undefined;
  /** When frame 0 of the present mode began. */
  #origin = 0;
  #interval = 0;
  readyAt = Infinity;
  frameTime = 0;

  constructor(model: SensorModel, view: View) {
    this.model = model;
    this.#view = view;
  }

  get isPlugged(): boolean {
    return this.#isPlugged;
  }

  plug(isPlugged: boolean, now: number): void {
    this.#isPlugged = isPlugged;
    if (!isPlugged) this.model.lines(false, false, 0, now);
  }

  set(): number {
    return Fault.MISSING; // the board's place for a sensor is taken by one on the bus
  }

  lines(power: boolean, reset: boolean, clock: number, now: number): number {
    if (this.#isPlugged) this.model.lines(power, reset, clock, now);
    return 0; // the lines are the board's: it can't see whether anything hangs on them
  }

  transfer(device: number, write: Uint8Array, read: Uint8Array, now: number): number {
    const { model } = this;
    if (!this.#isPlugged || device !== model.device) return Fault.MISSING;
    if (write.length > 0 && !model.write(write, now)) return Fault.MISSING;
    if (read.length > 0) {
      const bytes = model.read(read.length, now);
      if (!bytes) return Fault.MISSING;
      read.set(bytes);
    }
    this.#follow(now);
    return 0;
  }

  start(memory: ModuleMemory, start: number, end: number, now: number): number {
    if (this.#target) throw new BoardTrap("captureStart while a capture is under way");
    this.#target = { memory, start, end };
    this.#follow(now);
    this.#plan(now);
    return 0;
  }

  poll(now: number): number {
    if (!this.#target) throw new BoardTrap("capturePoll without a capture under way");
    if (now < this.readyAt || !this.#isPlugged || this.isStuck || this.#interval === 0) return Fault.AGAIN;
    const { memory, start, end } = this.#target;
    const bytes = this.model.frame(this.#view, this.readyAt);
    this.frameTime = this.readyAt;
    this.stop();
    memory.bytes.set(bytes.subarray(0, end - start), start);
    return bytes.length > end - start ? Fault.TORN : bytes.length;
  }

  stop(): void {
    this.#target = undefined;
    this.readyAt = Infinity;
  }

  /** Frames begin anew when the chip's timing changes. */
  #follow(now: number): void {
    const interval = this.model.frameInterval();
    if (interval === this.#interval) return;
    this.#interval = interval;
    this.#origin = now;
    if (this.#target) this.#plan(now);
  }

  /** The next whole frame is the one that begins next. */
  #plan(now: number): void {
    if (this.#interval === 0) {
      this.readyAt = Infinity;
      return;
    }
    const next = Math.ceil((now - this.#origin) / this.#interval - BLANKING) + 1;
    this.readyAt = Math.round(this.#origin + next * this.#interval);
  }
}
