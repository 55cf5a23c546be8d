/**
 * Reads the frames of a WebSocket's client (RFC 6455, 5) one byte at a time, as a list of named states: the same bytes
 * mean the same however they are cut up. Fragments are put together, masks taken off. What comes of it is an
 * {@link Event}, at which reading pauses; what is wrong is a code to close with. What a message means is its caller's.
 *
 * It is strict: every client's frame is masked, lengths are as short as can be, no bit and no number is used that
 * nobody has defined. It allocates nothing and keeps no more than one message and one control frame.
 */

import { MESSAGE_BYTES_MAX } from "../limits";
import { CONTROL_BYTES_MAX, CloseCode, Opcode } from "./frame";

/** What the last bytes amounted to. */
export enum Event {
  /** Nothing whole yet. */
  MORE,
  /** A text message, the only kind that is taken: it is in `message`. */
  MESSAGE,
  /** A ping, whose payload is in `control` and is to be sent back. */
  PING,
  PONG,
  /** The peer closes, for the reason `code`: nothing further is read. */
  CLOSE,
  /** The peer does not keep to the rules: the connection is to be closed with `code`, and nothing further is read. */
  WRONG,
}

enum State {
  /** At a frame's first byte. */
  OPENING,
  /** At its second: whether it is masked, and how long it is. */
  LENGTH,
  /** In a length of 2 or 8 bytes. */
  LONG_LENGTH,
  MASK,
  PAYLOAD,
  /** It was closed. */
  OVER,
}

/** Bytes of memory that a reader needs. */
export const READER_BYTES: u32 = MESSAGE_BYTES_MAX + CONTROL_BYTES_MAX;

export class Reader {
  /** The message, or as much of it as came. */
  readonly message: usize;
  messageBytes: u32 = 0;
  /** The payload of a control frame. */
  readonly control: usize;
  controlBytes: u32 = 0;
  code: CloseCode = CloseCode.NONE;
  /** What was wrong, in a few words. */
  why: string = "";

  private state: State = State.OPENING;
  private event: Event = Event.MORE;
  private opcode: u32 = 0;
  private isLast: bool = false;
  /** Whether a message has begun of which more fragments follow. */
  private isInMessage: bool = false;
  /** The payload's length; how many bytes of that number are still to come. */
  private length: u64 = 0;
  private lengthBytes: u32 = 0;
  private isLengthOf8: bool = false;
  /** The mask as a number, and how many bytes of it came. */
  private mask: u32 = 0;
  private maskBytes: u32 = 0;
  /** Bytes of the payload that came. */
  private came: u32 = 0;
  /** Bytes of the last call that were read. */
  used: u32 = 0;

  /** @param memory READER_BYTES of it */
  constructor(memory: usize) {
    this.message = memory;
    this.control = memory + MESSAGE_BYTES_MAX;
  }

  /** Gets ready for another client. */
  begin(): void {
    this.state = State.OPENING;
    this.isInMessage = false;
    this.messageBytes = 0;
    this.controlBytes = 0;
    this.code = CloseCode.NONE;
    this.why = "";
  }

  /** Reads bytes up to the next event; `used` of the `length` at `address` were read then. */
  read(address: usize, length: u32): Event {
    this.event = Event.MORE;
    this.used = 0;
    while (this.used < length && this.event == Event.MORE) this.readByte(load<u8>(address + this.used++));
    return this.event;
  }

  private fail(code: CloseCode, why: string): void {
    this.code = code;
    this.why = why;
    this.event = Event.WRONG;
    this.state = State.OVER;
  }

  private get isControl(): bool {
    return this.opcode >= <u32>Opcode.CLOSE;
  }

  private readByte(c: u32): void {
    switch (this.state) {
      case State.OPENING: {
        this.isLast = (c & 0x80) != 0;
        this.opcode = c & 15;
        const wrong = c & 0x70 ? "reserved bits are set" : this.problemOfOpcode();
        if (wrong.length) return this.fail(CloseCode.PROTOCOL_ERROR, wrong);
        if (this.opcode == Opcode.BINARY) return this.fail(CloseCode.UNSUPPORTED, "messages are text here");
        if (this.opcode == Opcode.TEXT) this.messageBytes = 0;
        if (this.isControl) this.controlBytes = 0;
        this.state = State.LENGTH;
        break;
      }
      case State.LENGTH: {
        if ((c & 0x80) == 0) return this.fail(CloseCode.PROTOCOL_ERROR, "a client's frames are masked");
        const length = c & 0x7f;
        if (length < 126) {
          this.length = length;
          this.toMask();
        } else if (this.isControl) this.fail(CloseCode.PROTOCOL_ERROR, "a control frame that is too long");
        else {
          this.isLengthOf8 = length == 127;
          this.lengthBytes = this.isLengthOf8 ? 8 : 2;
          this.length = 0;
          this.state = State.LONG_LENGTH;
        }
        break;
      }
      case State.LONG_LENGTH: {
        this.length = this.length << 8 | c;
        if (--this.lengthBytes) break;
        const least: u64 = this.isLengthOf8 ? 0x10000 : 126;
        if (this.length < least || this.length >> 63) this.fail(CloseCode.PROTOCOL_ERROR, "no way to write a length");
        else this.toMask();
        break;
      }
      case State.MASK: {
        this.mask = this.mask << 8 | c;
        if (++this.maskBytes < 4) break;
        this.came = 0;
        if (this.length) this.state = State.PAYLOAD;
        else this.endFrame();
        break;
      }
      case State.PAYLOAD: {
        this.mask = rotl(this.mask, 8);
        const byte = c ^ (this.mask & 0xff);
        if (this.isControl) store<u8>(this.control + this.controlBytes++, byte);
        else store<u8>(this.message + this.messageBytes++, byte);
        if (++this.came == <u32>this.length) this.endFrame();
        break;
      }
      default:
        assert(false, "read behind the end of a WebSocket");
    }
  }

  /** What is wrong with a frame of this opcode here, in words; "" where nothing is. */
  private problemOfOpcode(): string {
    switch (this.opcode) {
      case Opcode.CONTINUATION:
        return this.isInMessage ? "" : "nothing is to be continued";
      case Opcode.TEXT:
      case Opcode.BINARY:
        return this.isInMessage ? "a message within another" : "";
      case Opcode.CLOSE:
      case Opcode.PING:
      case Opcode.PONG:
        return this.isLast ? "" : "a control frame in fragments";
      default:
        return "an unknown opcode";
    }
  }

  private toMask(): void {
    if (!this.isControl && this.messageBytes + this.length > MESSAGE_BYTES_MAX) {
      return this.fail(CloseCode.TOO_LARGE, "the message is too long");
    }
    this.maskBytes = 0;
    this.state = State.MASK;
  }

  private endFrame(): void {
    this.state = State.OPENING;
    switch (this.opcode) {
      case Opcode.PING:
        this.event = Event.PING;
        break;
      case Opcode.PONG:
        this.event = Event.PONG;
        break;
      case Opcode.CLOSE:
        this.endClose();
        break;
      default:
        this.isInMessage = !this.isLast;
        if (this.isLast) this.event = Event.MESSAGE;
    }
  }

  /** Reads why the peer closes: nothing, or a code and maybe words (5.5.1). */
  private endClose(): void {
    const bytes = this.controlBytes;
    this.code = CloseCode.NONE;
    if (bytes) {
      const code: u32 = bytes < 2 ? 0 : bswap(load<u16>(this.control));
      if (!isCode(code)) return this.fail(CloseCode.PROTOCOL_ERROR, "no code to close with");
      if (!isUtf8(this.control + 2, bytes - 2)) return this.fail(CloseCode.INVALID, "the reason is not UTF-8");
      this.code = code;
    }
    this.event = Event.CLOSE;
    this.state = State.OVER;
  }
}

/** Whether a close frame may have this code: RFC 6455, 7.4, and what IANA has registered since. */
function isCode(code: u32): bool {
  if (code >= 3000) return code < 5000;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

/** Whether the `length` bytes at `at` are UTF-8: RFC 3629, 4. */
export function isUtf8(at: usize, length: u32): bool {
  let i: u32 = 0;
  while (i < length) {
    const c: u32 = load<u8>(at + i++);
    if (c < 0x80) continue;
    if (c < 0xc2 || c > 0xf4) return false;
    let following: u32 = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    // The byte behind these is bounded more closely: no longer form than needed, no surrogate, nothing above U+10FFFF.
    let low: u32 = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    let high: u32 = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    for (; following; following--) {
      if (i == length) return false;
      const next: u32 = load<u8>(at + i++);
      if (next < low || next > high) return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}
