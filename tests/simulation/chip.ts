/**
 * The simulated world's sensor on a bus: a register-level model with faults on demand or by chance, as the simulated
 * soft sensor has them. What the model draws is slow, so each mode's frames are drawn once and come round again.
 */

import { BoardTrap, Fault, type ModuleMemory } from "../../host/board-table.ts";
import { BusSensor } from "../../host/sensors/bus-sensor.ts";
import type { SensorModel, View } from "../../host/sensors/model.ts";
import { Ov2640Model } from "../../host/sensors/ov2640.ts";
import type { Random } from "../../host/simulated/random.ts";
import { Mood, type SensorFaults } from "../../host/simulated/sensor.ts";
import type { Sensor } from "../../host/soft-sensor.ts";

/** Frames after which a mode's come round again. */
const ROUND = 4;
const RUBBISH = 0xa5;
/** Bytes of the largest frame of pixels here; where there is room for more, a file is to come. */
const PIXELS_MOST = 320 * 240 * 2;

/** Stripes that wander: each of the frames of a round differs from the others. */
const VIEW: View = {
  width: 64,
  height: 48,
  sample(xs, ys, time, to) {
    const turn = (time / 1e6) % ROUND;
    let at = 0;
    for (const y of ys) {
      for (const x of xs) {
        to[at++] = ((x + turn / ROUND) * 8 * 255) & 255;
        to[at++] = ((y + turn / ROUND) * 4 * 255) & 255;
        to[at++] = (x * y * 255) & 255;
      }
    }
  },
};

/** What was drawn by now, by mode and turn. */
const drawn = new Map<string, Drawn>();
const DRAWN_MAX = 4000;

/** A model that draws each frame of a mode once. Modes are told apart by all that was written before. */
class KeptModel implements SensorModel {
  readonly #model: SensorModel = new Ov2640Model();
  /** What left the port last. */
  last: Drawn | undefined;
  /** Two sums of all that was written. */
  #written = [0, 0];
  #count = 0;

  get name(): string {
    return this.#model.name;
  }
  get device(): number {
    return this.#model.device;
  }
  get unknownWrites(): readonly string[] {
    return this.#model.unknownWrites;
  }

  lines(power: boolean, reset: boolean, clock: number, now: number): void {
    this.#note(Number(power) + 2 * Number(reset) + clock);
    this.#model.lines(power, reset, clock, now);
  }

  write(bytes: Uint8Array, now: number): boolean {
    if (bytes.length > 1) for (const byte of bytes) this.#note(byte + 1);
    return this.#model.write(bytes, now);
  }

  read(length: number, now: number): Uint8Array | undefined {
    return this.#model.read(length, now);
  }

  frameInterval(): number {
    return this.#model.frameInterval();
  }

  frame(): Uint8Array {
    const turn = this.#count++ % ROUND;
    const key = `${this.#written} ${turn}`;
    this.last = drawn.get(key);
    if (!this.last) {
      if (drawn.size >= DRAWN_MAX) drawn.clear();
      this.last = { id: ++drawings, bytes: Uint8Array.from(this.#model.frame(VIEW, turn * 1e6)) };
      drawn.set(key, this.last);
    }
    return this.last.bytes;
  }

  #note(number: number): void {
    const [one, other] = this.#written;
    this.#written = [(Math.imul(one, 31) + number) | 0, (Math.imul(other, 0x9e3779b1) + number) | 0];
  }
}

/** What left the chip's port, under a number of its own. */
type Drawn = { id: number; bytes: Uint8Array };
let drawings = 0;

/** A frame that was delivered. */
export type ChipCapture = { time: number; drawn: Drawn };

export class SimulatedChip implements Sensor {
  readonly captures: ChipCapture[] = [];
  torn = 0;
  readonly #model = new KeptModel();
  readonly #bus = new BusSensor(this.#model, VIEW);
  readonly #random: Random;
  readonly #faults: SensorFaults;
  readonly #now: () => number;
  #mood = Mood.FINE;
  #fate = Mood.FINE;
  #isAsked = false;
  #room = 0;

  constructor(random: Random, faults: SensorFaults, now: () => number) {
    this.#random = random;
    this.#faults = faults;
    this.#now = now;
  }

  set mood(mood: Mood) {
    this.#mood = mood;
    if (mood !== Mood.FINE) this.#fate = mood;
    this.#bus.plug(mood !== Mood.MISSING, this.#now());
  }

  get mood(): Mood {
    return this.#mood;
  }

  get readyAt(): number {
    return this.#fate === Mood.STALLED ? Infinity : this.#bus.readyAt;
  }

  get frameTime(): number {
    return this.#bus.frameTime;
  }

  set(): number {
    return this.#bus.set();
  }

  lines(power: boolean, reset: boolean, clock: number, now: number): number {
    return this.#bus.lines(power, reset, clock, now);
  }

  transfer(device: number, write: Uint8Array, read: Uint8Array, now: number): number {
    return this.#bus.transfer(device, write, read, now);
  }

  start(memory: ModuleMemory, start: number, end: number, now: number): number {
    const result = this.#bus.start(memory, start, end, now);
    memory.bytes.fill(RUBBISH, start, Math.min(end, start + 4096));
    this.#isAsked = true;
    this.#room = end - start;
    this.#fate = this.#mood;
    if (this.#random.chance(this.#faults.stall)) this.#fate = Mood.STALLED;
    else if (this.#random.chance(this.#faults.tear)) this.#fate = Mood.TEARING;
    return result;
  }

  poll(now: number): number {
    if (!this.#isAsked) throw new BoardTrap("capturePoll without a capture under way");
    if (this.#fate === Mood.STALLED) return Fault.AGAIN;
    const result = this.#bus.poll(now);
    if (result === Fault.AGAIN) return result;
    this.#isAsked = false;
    if (result < 0 || this.#fate === Mood.TEARING) {
      this.torn++;
      return Fault.TORN;
    }
    if (!this.#isWanted(this.#model.last!.bytes)) this.torn++;
    else this.captures.push({ time: this.frameTime, drawn: this.#model.last! });
    return result;
  }

  /** Whether a frame is of the kind for which there is room; right after a change of mode it may be of the other. */
  #isWanted(bytes: Uint8Array): boolean {
    const isFile = bytes[0] === 0xff && bytes[1] === 0xd8;
    return this.#room > PIXELS_MOST ? isFile : bytes.length === this.#room;
  }

  stop(): void {
    this.#isAsked = false;
    this.#fate = Mood.FINE;
    this.#bus.stop();
  }
}
