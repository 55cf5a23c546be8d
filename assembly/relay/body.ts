/**
 * The body of an HTTP message as it comes: how much of it belongs to it, and, where it is chunked (RFC 9112, 7.1), the
 * chunks' framing, which is taken out in place. Its own bytes go to the stream reader, a piece at a time.
 */

import { CR, LF, SEMICOLON, hexDigit } from "../ascii";
import { Fault } from "../board";
import { Socket } from "../sockets";
import { StreamReader } from "./stream-reader";

export enum Framing {
  /** It ends with the connection. */
  UNTIL_END,
  /** It has a length. */
  LENGTH,
  CHUNKED,
}

enum State {
  /** At a chunk's size, in hexadecimal digits. */
  SIZE,
  /** Behind the size: extensions, which nobody here knows. */
  EXTENSION,
  DATA,
  /** At the line's end behind a chunk's data. */
  DATA_END,
  /** In the fields behind the last chunk, at a line's beginning and else. */
  TRAILER_START,
  TRAILER,
  /** All of it came. */
  OVER,
  /** It is not framed as it should be. */
  WRONG,
}

/** Bytes of a chunk, at most: above, the size is a mistake. */
const CHUNK_BYTES_MAX: u32 = 1 << 30;
/** Bytes of a line of framing, at most. */
const LINE_BYTES_MAX: u32 = 256;

export class Body {
  private framing: Framing = Framing.UNTIL_END;
  private state: State = State.DATA;
  /** Bytes still to come: of the body, or of the chunk. */
  private left: u32 = 0;
  private lineBytes: u32 = 0;
  /** What came with the head, and is not the reader's yet. */
  private heldAt: usize = 0;
  private heldEnd: usize = 0;

  /**
   * Begins with a body, of `length` bytes where that is its framing. `held` bytes at `at` came with the head, and stay
   * there until they are the reader's.
   */
  begin(framing: Framing, length: u32, at: usize, held: u32): void {
    this.framing = framing;
    this.left = length;
    this.heldAt = at;
    this.heldEnd = at + held;
    this.lineBytes = 0;
    this.state = framing == Framing.CHUNKED ? State.SIZE : State.DATA;
    if (framing == Framing.LENGTH && length == 0) this.state = State.OVER;
  }

  /** Whether all of it is the reader's. */
  get isOver(): bool {
    return this.state == State.OVER && this.heldAt == this.heldEnd;
  }

  get isWrong(): bool {
    return this.state == State.WRONG;
  }

  /** Whether a further piece may be there already. */
  hasMore(socket: Socket): bool {
    return socket.readable || this.heldAt < this.heldEnd;
  }

  /** Hands `reader` a piece of what came with the head, else of what `socket` has. @returns false where it has ended */
  bring(reader: StreamReader, socket: Socket): bool {
    const most = this.framing == Framing.LENGTH ? min(reader.room, this.left) : reader.room;
    let count: i32 = 0;
    if (this.heldAt < this.heldEnd) {
      count = min(u32(this.heldEnd - this.heldAt), most);
      memory.copy(reader.at, this.heldAt, count);
      this.heldAt = count ? this.heldAt + count : this.heldEnd; // what comes behind the body is nothing of ours
    } else if (socket.readable && !this.isOver) {
      count = socket.receive(reader.at, most);
      if (count < 0 && count != Fault.AGAIN) return false;
    }
    if (count > 0) reader.came(this.take(reader.at, count));
    return true;
  }

  /** `count` bytes came, at `at`. @returns how many of them are the body's own; those are moved together there */
  private take(at: usize, count: u32): u32 {
    if (this.framing == Framing.UNTIL_END) return count;
    if (this.framing == Framing.LENGTH) {
      const own = min(count, this.left);
      this.left -= own;
      if (this.left == 0) this.state = State.OVER;
      return own;
    }
    const end = at + count;
    let to = at;
    for (let from = at; from < end; ) {
      if (this.state == State.DATA) {
        const own = min(u32(end - from), this.left);
        if (to != from) memory.copy(to, from, own);
        to += own;
        from += own;
        this.left -= own;
        if (this.left == 0) this.nextLine(State.DATA_END);
      } else this.readByte(load<u8>(from++));
    }
    return u32(to - at);
  }

  private nextLine(state: State): void {
    this.state = state;
    this.lineBytes = 0;
  }

  private readByte(c: u32): void {
    if (this.state == State.OVER || this.state == State.WRONG) return;
    if (++this.lineBytes > LINE_BYTES_MAX) {
      this.state = State.WRONG;
      return;
    }
    switch (this.state) {
      case State.SIZE: {
        const digit = hexDigit(c);
        if (digit >= 0) {
          if (this.left >= CHUNK_BYTES_MAX >> 4) this.state = State.WRONG;
          else this.left = this.left << 4 | <u32>digit;
        } else if (this.lineBytes < 2) this.state = State.WRONG;
        else if (c == LF) this.endSize();
        else if (c == CR || c == SEMICOLON) this.state = State.EXTENSION;
        else this.state = State.WRONG;
        break;
      }
      case State.EXTENSION: {
        if (c == LF) this.endSize();
        break;
      }
      case State.DATA_END: {
        if (c == LF) this.nextLine(State.SIZE);
        else if (c != CR) this.state = State.WRONG;
        break;
      }
      case State.TRAILER_START: {
        if (c == LF) this.state = State.OVER;
        else if (c != CR) this.state = State.TRAILER;
        break;
      }
      default: {
        if (c == LF) this.nextLine(State.TRAILER_START);
      }
    }
  }

  private endSize(): void {
    if (this.left) this.state = State.DATA;
    else this.nextLine(State.TRAILER_START);
  }
}
