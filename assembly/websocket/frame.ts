/**
 * The frames of WebSocket, as RFC 6455, 5.2 draws them: their numbers, and the heads of those that the camera sends.
 * What comes is read by `reader.ts`.
 *
 *     | FIN, 3 reserved bits, opcode | MASK, length | [length, 2 or 8 bytes] | [mask, 4 bytes] | payload |
 */

export enum Opcode {
  CONTINUATION = 0,
  TEXT = 1,
  BINARY = 2,
  CLOSE = 8,
  PING = 9,
  PONG = 10,
}

/** Why a connection is closed: RFC 6455, 7.4.1. */
export enum CloseCode {
  NORMAL = 1000,
  /** It is not WebSocket. */
  PROTOCOL_ERROR = 1002,
  /** A kind of message that is not taken here. */
  UNSUPPORTED = 1003,
  /** The close frame had no code. It is never sent. */
  NONE = 1005,
  /** A message that is not what its kind says. */
  INVALID = 1007,
  /** It is WebSocket, and against the rules of `/ws`. */
  POLICY = 1008,
  TOO_LARGE = 1009,
}

/** The first byte of a frame that is a whole message, or a control frame. */
const FINAL: u32 = 0x80;
/** Bytes of a control frame's payload at most (5.5). */
export const CONTROL_BYTES_MAX: u32 = 125;
/** Bytes of a frame's head at most, where it is not masked. */
export const HEAD_BYTES_MAX: u32 = 10;
/** Bytes of a ping that says nothing. */
export const PING_BYTES: u32 = 2;

/** Bytes of the head of a frame with so many bytes of payload. */
export function headBytes(payloadBytes: u32): u32 {
  return payloadBytes < 126 ? 2 : payloadBytes < 0x10000 ? 4 : 10;
}

/** Writes the head of a frame that is all of its message; the camera's frames are not masked. */
export function writeHead(at: usize, opcode: Opcode, payloadBytes: u32): void {
  store<u8>(at, FINAL | opcode);
  if (payloadBytes < 126) store<u8>(at + 1, payloadBytes);
  else if (payloadBytes < 0x10000) {
    store<u8>(at + 1, 126);
    store<u16>(at + 2, bswap(<u16>payloadBytes));
  } else {
    store<u8>(at + 1, 127);
    store<u64>(at + 2, bswap(<u64>payloadBytes));
  }
}
