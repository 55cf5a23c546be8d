/**
 * The other machines that a board sends its frames to and hears cameras from, as the board's calls reach them. What is
 * between them is `nats/`; most boards have nobody there.
 */

import { Fault, Heard } from "./board-table.ts";

/** A frame as the module offers it. */
export type OutFrame = {
  /** The JPEG file; good only until the call returns. */
  file: Uint8Array;
  sequence: number;
  /** µs since it was captured. */
  age: number;
  /** `width << 16 | height`; 0 where they are not known. */
  size: number;
};

/** A camera that is heard. */
export type HeardCamera = {
  name: string;
  /** Number, bytes and size of its newest frame, as it says. */
  sequence: number;
  bytes: number;
  size: number;
  /** When that was captured, µs since 1970. */
  time: number;
  /** ms since it was heard. */
  silence: number;
};

export interface Fleet {
  /** As frameOut; without a frame it only says whether one is wanted. @returns 0, AGAIN or MISSING */
  out(frame: OutFrame | undefined): number;
  /** The cameras that are heard now, in a lasting order; undefined where none ever is. */
  cameras(): readonly HeardCamera[] | undefined;
  /** The last file of the camera of that name, and has a newer one fetched. @returns the file, AGAIN or MISSING */
  file(name: string): Uint8Array | Fault.AGAIN | Fault.MISSING;
}

/** Nobody is there. */
export const NO_FLEET: Fleet = {
  out: () => Fault.MISSING,
  cameras: () => undefined,
  file: () => Fault.MISSING,
};

/** A camera as cameraAt writes it. */
export function heardBytes({ name, sequence, bytes, size, time, silence }: HeardCamera): Buffer {
  const record = Buffer.alloc(Heard.NAME + name.length);
  record.writeUInt32LE(sequence, Heard.SEQUENCE);
  record.writeUInt32LE(bytes, Heard.BYTES);
  record.writeUInt32LE(size, Heard.SIZE);
  record.writeUInt32LE(Math.min(silence, 0xffffffff), Heard.SILENCE);
  record.writeBigInt64LE(BigInt(time), Heard.TIME);
  record.write(name, Heard.NAME, "latin1");
  return record;
}
