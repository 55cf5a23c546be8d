/**
 * The simulated sensor: the soft sensor, with faults on demand or by chance. It also writes rubbish into a frame's
 * memory as soon as a capture begins, as a DMA might, so that whoever reads a frame too early shows it.
 */

import { BoardTrap, Fault, type ModuleMemory } from "../board-table.ts";
import type { Scene } from "../scenes/file.ts";
import { type Sensor, SoftSensor } from "../soft-sensor.ts";
import type { Random } from "./random.ts";

/** What the sensor does with the captures that it is asked for. */
export enum Mood {
  /** It delivers them. */
  FINE,
  /** They never become whole. Those under way stay so when the mood passes. */
  STALLED,
  /** They come damaged. */
  TEARING,
  /** It is not plugged in. */
  MISSING,
}

/** The shares of captures that fail by chance, 0 to 1. */
export type SensorFaults = { stall: number; tear: number };

const RUBBISH = 0xa5;

/** A frame that was delivered. */
export type Capture = {
  /** The time that came with it, µs. */
  time: number;
  /** Its number in the scene. */
  frame: number;
};

export class SimulatedSensor implements Sensor {
  /** Every whole frame that the module was given, in order. */
  readonly captures: Capture[] = [];
  /** How many captures were begun. */
  begun = 0;
  /** How many came damaged. */
  torn = 0;
  readonly #soft: SoftSensor;
  readonly #random: Random;
  readonly #faults: SensorFaults;
  #mood = Mood.FINE;
  /** What becomes of the capture under way. */
  #fate = Mood.FINE;
  #target: { memory: ModuleMemory; start: number; end: number } | undefined;

  constructor(scene: Scene, random: Random, faults: SensorFaults) {
    this.#soft = new SoftSensor(scene);
    this.#random = random;
    this.#faults = faults;
  }

  set mood(mood: Mood) {
    this.#mood = mood;
    if (mood !== Mood.FINE) this.#fate = mood;
  }

  get mood(): Mood {
    return this.#mood;
  }

  get readyAt(): number {
    return this.#fate === Mood.STALLED ? Infinity : this.#soft.readyAt;
  }

  get frameTime(): number {
    return this.#soft.frameTime;
  }

  set(width: number, height: number, format: number, interval: number, now: number): number {
    return this.#mood === Mood.MISSING ? Fault.MISSING : this.#soft.set(width, height, format, interval, now);
  }

  lines(): number {
    return Fault.MISSING;
  }

  transfer(): number {
    return Fault.MISSING;
  }

  start(memory: ModuleMemory, start: number, end: number, now: number): number {
    if (this.#mood === Mood.MISSING) return Fault.MISSING;
    const result = this.#soft.start(memory, start, end, now);
    if (result < 0) return result;
    this.begun++;
    this.#target = { memory, start, end };
    memory.bytes.fill(RUBBISH, start, end);
    this.#fate = this.#mood;
    if (this.#random.chance(this.#faults.stall)) this.#fate = Mood.STALLED;
    else if (this.#random.chance(this.#faults.tear)) this.#fate = Mood.TEARING;
    return 0;
  }

  poll(now: number): number {
    if (!this.#target) throw new BoardTrap("capturePoll without a capture under way");
    if (this.#fate === Mood.STALLED) return Fault.AGAIN;
    if (this.#fate === Mood.MISSING) {
      this.stop();
      return Fault.MISSING;
    }
    const result = this.#soft.poll(now);
    if (result < 0) return result;
    const { memory, start, end } = this.#target;
    this.#target = undefined;
    if (this.#fate === Mood.TEARING) {
      memory.bytes.fill(RUBBISH, (start + end) >> 1, end);
      this.torn++;
      return Fault.TORN;
    }
    this.captures.push({ time: this.frameTime, frame: this.#soft.frame });
    return result;
  }

  stop(): void {
    this.#target = undefined;
    this.#fate = Mood.FINE;
    this.#soft.stop();
  }
}
