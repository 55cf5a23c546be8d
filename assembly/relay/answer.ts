/**
 * Reads the head of an HTTP answer (RFC 9112, 4 to 6) as far as a stream's client needs it: status, type, and how the
 * body is framed. Strict where two could read it differently, and never longer than its memory.
 */

import { COLON, CR, LF, SPACE, equalsInAnyCase, isBlank, startsWith } from "../ascii";
import { ANSWER_BYTES_MAX } from "../limits";
import { Framing } from "./body";

export enum Progress {
  /** It goes on. */
  MORE,
  /** All of it is read. */
  DONE,
  /** It is no head of an answer, or makes no sense. */
  WRONG,
}

/** Nothing said how long the body is. */
const NO_LENGTH: i64 = -1;
/** Some that stream without end say such a length. It is as good as none. */
const LENGTH_ENDLESS: i64 = 1 << 30;

export class AnswerHead {
  progress: Progress = Progress.MORE;
  status: i32 = 0;
  /** Whether the body is multipart. */
  isMultipart: bool = false;
  private isChunked: bool = false;
  private length: i64 = NO_LENGTH;
  private readonly line: usize = heap.alloc(ANSWER_BYTES_MAX);
  private lineBytes: u32 = 0;
  /** Bytes of this head, and of interim ones before it. */
  private bytes: u32 = 0;

  /** Begins with an answer. */
  begin(): void {
    this.bytes = 0;
    this.beginHead();
  }

  get framing(): Framing {
    if (this.isChunked) return Framing.CHUNKED;
    return this.length == NO_LENGTH || this.length >= LENGTH_ENDLESS ? Framing.UNTIL_END : Framing.LENGTH;
  }

  get bodyBytes(): u32 {
    return this.framing == Framing.LENGTH ? <u32>this.length : 0;
  }

  /** Reads on. @returns how many of the bytes belong to the head */
  read(at: usize, count: u32): u32 {
    let i: u32 = 0;
    while (i < count && this.progress == Progress.MORE) {
      const c: u32 = load<u8>(at + i++);
      if (++this.bytes > ANSWER_BYTES_MAX) this.progress = Progress.WRONG;
      else if (c != LF) store<u8>(this.line + this.lineBytes++, c);
      else this.endLine();
    }
    return i;
  }

  private beginHead(): void {
    this.progress = Progress.MORE;
    this.status = 0;
    this.isMultipart = false;
    this.isChunked = false;
    this.length = NO_LENGTH;
    this.lineBytes = 0;
  }

  private endLine(): void {
    // A line may end without CR: RFC 9112, 2.2.
    if (this.lineBytes && load<u8>(this.line + this.lineBytes - 1) == CR) this.lineBytes--;
    const end = this.line + this.lineBytes;
    let isRight = true;
    if (this.status == 0) isRight = this.readStatus(end);
    else if (this.lineBytes) isRight = this.readField(end);
    else if (this.status < 200 && this.status != 101) return this.beginHead(); // an interim one: the answer follows
    else if (this.isChunked && this.length != NO_LENGTH) isRight = false;
    else this.progress = Progress.DONE;
    if (!isRight) this.progress = Progress.WRONG;
    this.lineBytes = 0;
  }

  /** `HTTP/1.1 200 OK`, or 1.0. */
  private readStatus(end: usize): bool {
    const at = this.line;
    if (end - at < 12 || !startsWith(at, u32(end - at), "http/1.") || load<u8>(at, 8) != SPACE) return false;
    if (<u32>load<u8>(at, 7) - 0x30 > 1 || (end - at > 12 && load<u8>(at, 12) != SPACE)) return false;
    let status = 0;
    for (let i = 9; i < 12; i++) {
      const digit: u32 = <u32>load<u8>(at + i) - 0x30;
      if (digit > 9) return false;
      status = status * 10 + digit;
    }
    this.status = status;
    return status >= 100;
  }

  private readField(end: usize): bool {
    let colon = this.line;
    while (colon < end && load<u8>(colon) != COLON) if (<u32>load<u8>(colon++) - 0x21 > 0x5d) return false;
    if (colon == this.line || colon == end) return false;
    let value = colon + 1;
    while (value < end && isBlank(load<u8>(value))) value++;
    while (end > value && isBlank(load<u8>(end - 1))) end--;
    for (let i = value; i < end; i++) if (load<u8>(i) < SPACE && !isBlank(load<u8>(i))) return false;
    const nameBytes = u32(colon - this.line);
    const valueBytes = u32(end - value);
    if (equalsInAnyCase(this.line, nameBytes, "content-type")) {
      this.isMultipart = startsWith(value, valueBytes, "multipart/");
    } else if (equalsInAnyCase(this.line, nameBytes, "content-length")) return this.readLength(value, end);
    else if (equalsInAnyCase(this.line, nameBytes, "transfer-encoding")) {
      if (this.isChunked || !equalsInAnyCase(value, valueBytes, "chunked")) return false;
      this.isChunked = true;
    }
    return true;
  }

  private readLength(at: usize, end: usize): bool {
    if (at == end) return false;
    let length: i64 = 0;
    for (; at < end; at++) {
      const digit: u32 = <u32>load<u8>(at) - 0x30;
      if (digit > 9) return false;
      length = min(length * 10 + digit, LENGTH_ENDLESS);
    }
    if (this.length != NO_LENGTH && this.length != length) return false;
    this.length = length;
    return true;
  }
}
