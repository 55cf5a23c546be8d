/**
 * A frame as a message: on `wasmcam.NAME.jpeg` the file, with headers that say its number, when it was captured and how
 * large its picture is; on `wasmcam.NAME.info`, once a second at most, the same headers alone, for who only wants to
 * know which cameras there are. The linux board has the same in `board/boards/linux/src/nats.rs`.
 */

import { headers, type Msg, type MsgHdrs } from "@nats-io/transport-node";

export const jpegSubject = (name: string): string => `wasmcam.${name}.jpeg`;
export const infoSubject = (name: string): string => `wasmcam.${name}.info`;

const [SEQUENCE, TIME, SIZE, BYTES] = ["Wasmcam-Sequence", "Wasmcam-Time", "Wasmcam-Size", "Wasmcam-Bytes"];

/** What a message says of a frame. */
export type FrameFacts = {
  sequence: number;
  /** When it was captured, µs since 1970. */
  time: number;
  /** `width << 16 | height`; 0 where they are not known. */
  size: number;
  /** Bytes of the file. */
  bytes: number;
};

/** µs since 1970. */
export const timeNow = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000);

export function writeFacts({ sequence, time, size, bytes }: FrameFacts): MsgHdrs {
  const facts = headers();
  facts.set(SEQUENCE, String(sequence));
  facts.set(TIME, String(time));
  facts.set(SIZE, `${size >>> 16}x${size & 0xffff}`);
  facts.set(BYTES, String(bytes));
  return facts;
}

/** A whole number of the header `name`, 0 where it has none or too large a one. */
function number(message: Msg, name: string, most: number): number {
  const value = Number(message.headers?.get(name) || 0);
  return Number.isInteger(value) && value >= 0 && value <= most ? value : 0;
}

/** What the headers say; where they say nothing that makes sense, 0. */
export function readFacts(message: Msg): FrameFacts {
  const [, width = "0", height = "0"] = /^(\d{1,5})x(\d{1,5})$/.exec(message.headers?.get(SIZE) ?? "") ?? [];
  const isSize = Number(width) <= 0xffff && Number(height) <= 0xffff;
  return {
    sequence: number(message, SEQUENCE, 0xffffffff),
    time: number(message, TIME, Number.MAX_SAFE_INTEGER),
    size: isSize ? Number(width) * 0x10000 + Number(height) : 0,
    bytes: number(message, BYTES, 0xffffffff),
  };
}
