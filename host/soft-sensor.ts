/**
 * The soft sensor: plays a scene. Frames begin every `interval` from the moment it was set, whether anyone asks for
 * them or not, as from a real sensor: frame n is whole at `origin + (n + 1) * interval`. A capture gets the frame
 * that is being exposed when it is asked for.
 *
 * It knows no timer: `advance` and `readyAt` are the world's business.
 */

import { BoardTrap, Fault, Format, type ModuleMemory } from "./board-table.ts";
import type { Scene } from "./scenes/file.ts";

/** A sensor as the board's capture calls reach it. Times are µs since the board's start. */
export interface Sensor {
  /** As softSensorSet. */
  set(width: number, height: number, format: number, interval: number, now: number): number;
  /** As sensorLines. */
  lines(power: boolean, reset: boolean, clock: number, now: number): number;
  /** As busTransfer; what is read goes to `read`. */
  transfer(device: number, write: Uint8Array, read: Uint8Array, now: number): number;
  /** As captureStart, of a range that was checked. The memory is asked for its bytes whenever they are written. */
  start(memory: ModuleMemory, start: number, end: number, now: number): number;
  /** As capturePoll; after a frame `frameTime` is its time. */
  poll(now: number): number;
  readonly frameTime: number;
  /** As captureStop. */
  stop(): void;
  /** When poll will have news, Infinity while nothing is under way. */
  readonly readyAt: number;
  /** Called when that has come earlier than it said; the world sets it. Most never do. */
  onReady?: () => void;
}

export class SoftSensor implements Sensor {
  readonly scene: Scene;
  #interval = 0;
  /** When frame 0 began. */
  #origin = 0;
  /** Where the frame under way goes, or undefined. */
  #target: { memory: ModuleMemory; start: number; end: number } | undefined;
  /** Which frame that is, or was: counted from `set` on. */
  frame = 0;
  readyAt = Infinity;
  frameTime = 0;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  set(width: number, height: number, format: number, interval: number, now: number): number {
    const { scene } = this;
    if (width !== scene.width || height !== scene.height || format !== scene.format || interval < 1) {
      return Fault.REFUSED;
    }
    this.stop();
    this.#interval = interval;
    this.#origin = now;
    return 0;
  }

  lines(): number {
    return Fault.MISSING;
  }

  transfer(): number {
    return Fault.MISSING;
  }

  start(memory: ModuleMemory, start: number, end: number, now: number): number {
    if (this.#target) throw new BoardTrap("captureStart while a capture is under way");
    const fits = this.scene.format === Format.JPEG || end - start === this.scene.frameBytes;
    if (this.#interval === 0 || !fits) return Fault.REFUSED;
    this.frame = Math.floor((now - this.#origin) / this.#interval);
    this.#target = { memory, start, end };
    this.readyAt = this.#origin + (this.frame + 1) * this.#interval;
    return 0;
  }

  poll(now: number): number {
    if (!this.#target) throw new BoardTrap("capturePoll without a capture under way");
    if (now < this.readyAt) return Fault.AGAIN;
    const { memory, start, end } = this.#target;
    const bytes = this.scene.bytesOf(this.frame);
    if (start + bytes <= end) this.scene.copyFrame(this.frame, memory.bytes, start);
    this.frameTime = this.readyAt;
    this.stop();
    return start + bytes <= end ? bytes : Fault.TORN;
  }

  stop(): void {
    this.#target = undefined;
    this.readyAt = Infinity;
  }
}
