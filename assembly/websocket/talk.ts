/**
 * What a viewer says by WebSocket, and what it is told besides frames: counts what it acknowledges, writes pongs, and
 * the close that ends it. When something is received, and when a control frame fits between two others, is its
 * connection's business (`http/connection.ts`); how frames are read is `reader.ts`'s, how much may be under way
 * `window.ts`'s.
 */

import { Writer } from "../writer";
import { CloseCode, Opcode, headBytes, writeHead } from "./frame";
import { Event, READER_BYTES, Reader } from "./reader";
import { Window } from "./window";

/** Decimal digits of the largest number of a frame. */
const SEQUENCE_DIGITS: u32 = 10;

export class Talk {
  /** What is under way to the viewer. */
  readonly window: Window = new Window();
  /** Bytes of the pong, or the close, that is to be sent; and whether it is a close, which is the last. */
  controlBytes: u32 = 0;
  isClosing: bool = false;
  private readonly reader: Reader = new Reader(heap.alloc(READER_BYTES));
  private readonly writer: Writer = new Writer();

  /** @param control where control frames are written: room for the longest one */
  constructor(private readonly control: usize) {}

  /** Gets ready for another viewer. */
  begin(now: i64): void {
    this.isClosing = false;
    this.controlBytes = 0;
    this.reader.begin();
    this.window.begin(now);
  }

  /** Reads `count` bytes of what the viewer says. Behind a close nothing counts any more. */
  read(from: usize, count: u32, now: i64): void {
    let at: u32 = 0;
    while (at < count && !this.isClosing) {
      const event = this.reader.read(from + at, count - at);
      at += this.reader.used;
      this.take(event, now);
    }
  }

  private take(event: Event, now: i64): void {
    const reader = this.reader;
    switch (event) {
      case Event.MESSAGE:
        this.readAcknowledgement(now);
        break;
      case Event.PING:
        this.beginControl(Opcode.PONG, reader.controlBytes).bytes(reader.control, reader.controlBytes);
        break;
      case Event.PONG:
        this.window.ponged(now);
        break;
      case Event.CLOSE:
        this.isClosing = true;
        if (reader.code == CloseCode.NONE) this.beginControl(Opcode.CLOSE, 0);
        else this.end(reader.code, "");
        break;
      case Event.WRONG:
        this.end(reader.code, reader.why);
        break;
      default:
    }
  }

  /** A viewer's only kind of message: a frame's number in decimal digits, when it has the frame. */
  private readAcknowledgement(now: i64): void {
    const bytes = this.reader.messageBytes;
    let sequence: u64 = 0;
    let isNumber = bytes > 0 && bytes <= SEQUENCE_DIGITS;
    for (let i: u32 = 0; i < bytes && isNumber; i++) {
      const digit: u32 = <u32>load<u8>(this.reader.message + i) - 0x30;
      sequence = sequence * 10 + digit;
      isNumber = digit <= 9;
    }
    if (!isNumber || sequence > u32.MAX_VALUE) {
      return this.end(CloseCode.INVALID, "a message is the number of a frame");
    }
    if (!this.window.acknowledge(<u32>sequence, now)) {
      this.end(CloseCode.POLICY, "this frame is not to be acknowledged");
    }
  }

  /** Has the viewer told why the connection ends, which is the last thing that it is told. */
  private end(code: CloseCode, why: string): void {
    this.isClosing = true;
    const text = this.beginControl(Opcode.CLOSE, 2 + why.length);
    text.byte(<u32>code >> 8).byte(<u32>code & 0xff).text(why);
  }

  /** Begins a control frame; one that was not sent yet is not sent any more: of pings only the last needs its pong. */
  private beginControl(opcode: Opcode, payloadBytes: u32): Writer {
    const length = headBytes(payloadBytes);
    writeHead(this.control, opcode, payloadBytes);
    this.controlBytes = length + payloadBytes;
    return this.writer.begin(this.control + length, payloadBytes);
  }
}
