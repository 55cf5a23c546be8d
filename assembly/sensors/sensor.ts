/**
 * What a sensor's driver is, and what drivers on a bus share. One file beside this one for each chip: it knows the
 * chip's id, its registers, and how long it has to wait for what; it never waits in a loop, but says when to come back.
 *
 * A driver brings its chip to what the controls say, from the power switch on or from where it is. It does not capture:
 * that is `capture.ts`, which also decides what to do about a chip that fails.
 */

import { busTransfer } from "../board";
import { Controls } from "../controls";

export abstract class Sensor {
  /** When {@link run} wants to be called again, where it answered AGAIN. */
  wakeAt: i64 = 0;
  /** How many values of controls became others than were set: who shows them reads them anew. */
  corrected: u32 = 0;

  constructor(
    /** As `/state` and the log call it. */
    readonly name: string,
    readonly controls: Controls,
  ) {}

  /** Whether it is a chip on the sensor bus, in whose place another may answer. */
  get isOnBus(): bool {
    return true;
  }

  /** Makes of the controls those that this sensor has. Called once, when it has been found. */
  abstract describe(): void;

  /** Why the controls' values don't go together on this sensor, for whoever set them; "" where they do. */
  get objection(): string {
    return "";
  }

  /** Begins at the power switch: forgets whatever state the chip was in. */
  abstract start(): void;

  /** The controls have changed: begins to bring the chip to what they say now. It has been found before. */
  abstract apply(): void;

  /**
   * Goes on with what was begun, a bounded piece of it: some 16 registers at most.
   * @returns AGAIN while there is more to do (at `wakeAt`), then 0; MISSING where the chip does not answer, REFUSED
   * where something else answers in its place, or it can't do what the controls say
   */
  abstract run(now: i64): i32;

  /** µs from one frame to the next, as the chip is set now: what tells a slow sensor from one that has stalled. */
  abstract get interval(): i64;

  /**
   * Bytes that a frame may have beyond those of its picture as it comes from the chip: what {@link trim} takes away. A
   * capture has to have room for them.
   */
  get marginBytes(): u32 {
    return 0;
  }

  /**
   * Makes of a frame, as it came from the chip, the picture that the controls name, in place.
   * @returns the picture's length in bytes; 0 where what came is no whole frame
   */
  trim(_at: usize, length: u32): u32 {
    return length;
  }
}

const buffer = memory.data(4);

/** Writes a byte to a register with an address of 8 bits. @returns 0 or MISSING */
export function write8(device: i32, register: i32, value: i32): i32 {
  store<u8>(buffer, register);
  store<u8>(buffer, value, 1);
  return busTransfer(device, buffer, 2, 0, 0);
}

/** Writes a byte to a register with an address of 16 bits. @returns 0 or MISSING */
export function write16(device: i32, register: i32, value: i32): i32 {
  store<u8>(buffer, register >> 8);
  store<u8>(buffer, register, 1);
  store<u8>(buffer, value, 2);
  return busTransfer(device, buffer, 3, 0, 0);
}

/** Reads a byte from a register with an address of 8 bits. @returns the byte or MISSING */
export function read8(device: i32, register: i32): i32 {
  store<u8>(buffer, register);
  const result = busTransfer(device, buffer, 1, buffer + 3, 1);
  return result < 0 ? result : load<u8>(buffer, 3);
}

/** Reads a byte from a register with an address of 16 bits. @returns the byte or MISSING */
export function read16(device: i32, register: i32): i32 {
  store<u8>(buffer, register >> 8);
  store<u8>(buffer, register, 1);
  const result = busTransfer(device, buffer, 2, buffer + 3, 1);
  return result < 0 ? result : load<u8>(buffer, 3);
}
