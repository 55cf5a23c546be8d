/**
 * A host to which the camera connects by itself, again and again: where it is, what went wrong with it last, and when
 * it is tried again. What is said on the connection is the owner's (`pusher.ts`, `puller.ts`).
 *
 * Where it is comes from a setting, never from a request: nobody who only reaches the camera can make it connect.
 */

import { COLON, DASH, DOT, isDigit, isLetter } from "../ascii";
import { Close, Level } from "../board";
import { beginLine, endLine } from "../journal";
import { HOST_BYTES_MAX, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN, SETTLE_AFTER } from "../limits";
import { Task } from "../scheduler";
import { Socket } from "../sockets";
import { Writer } from "../writer";

/** What went wrong with the host last. */
export enum Trouble {
  NONE,
  /** The board has no socket left, or can't look names up. */
  NO_SOCKET,
  /** Nobody knows the name. */
  NO_SUCH_HOST,
  /** The connection was refused, or there is no way there. */
  UNREACHABLE,
  /** It did not take the connection, or answer, in time. */
  SILENT,
  /** It ended the connection. */
  ENDED,
  /** Nothing moves on the connection any more. */
  STALLED,
  /** It does not take our user name and password, or wants some. */
  UNAUTHORIZED,
  /** It answers with the status that `status` says. */
  STATUS,
  /** What it answers is not HTTP as it should be. */
  MALFORMED,
  /** It has no stream of JPEG files there. */
  NO_STREAM,
  /** It is to be asked over TLS. */
  SECURE,
  /** Where it is makes no sense. */
  NO_ADDRESS,
}


export class Peer {
  readonly socket: Socket;
  trouble: Trouble = Trouble.NONE;
  /** The status of an answer, where that is the trouble. */
  status: i32 = 0;
  /** When it is tried again. */
  retryAt: i64 = 0;
  /** Its name or address, and the port. */
  readonly name: usize = heap.alloc(HOST_BYTES_MAX);
  nameBytes: u32 = 0;
  port: u32 = 0;

  private pause: i64 = RETRY_PAUSE_MIN;
  /** Since when the connection stands; whether it was seen to be of use. */
  private stoodSince: i64 = 0;
  private isSettled: bool = false;

  constructor(
    owner: Task,
    /** What it is to us, as the log and `/state` say it. */
    readonly role: string,
  ) {
    this.socket = new Socket(owner);
  }

  /**
   * Reads `host:port` (RFC 3986, 3.2.2 and 3.2.3; an IPv6 address stands in brackets) from the bytes at `at`.
   * @param port where the text has none; 0 if it must have one
   * @returns whether it makes sense
   */
  read(at: usize, length: u32, port: u32): bool {
    const end = at + length;
    let isBracketed = at < end && load<u8>(at) == 0x5b; // [
    let nameEnd = at;
    if (isBracketed) {
      at++;
      while (nameEnd < end && load<u8>(nameEnd) != 0x5d) nameEnd++; // ]
      if (nameEnd == end) return false;
    } else while (nameEnd < end && load<u8>(nameEnd) != COLON) nameEnd++;
    this.nameBytes = u32(nameEnd - at);
    if (this.nameBytes == 0 || this.nameBytes > HOST_BYTES_MAX) return false;
    for (let i = at; i < nameEnd; i++) if (!isNameCharacter(load<u8>(i), isBracketed)) return false;
    memory.copy(this.name, at, this.nameBytes);
    let next = isBracketed ? nameEnd + 1 : nameEnd;
    this.port = port;
    if (next < end) {
      if (load<u8>(next) != COLON) return false;
      this.port = 0;
      while (++next < end) {
        const digit: u32 = load<u8>(next) - 0x30;
        if (digit > 9) return false;
        this.port = min(this.port * 10 + digit, 65_536);
      }
    }
    return this.port > 0 && this.port < 65_536;
  }

  /** Begins to connect. @returns whether the board does; else it has failed */
  connect(now: i64): bool {
    this.isSettled = false;
    this.stoodSince = now;
    if (this.socket.connect(this.name, this.nameBytes, this.port) == 0) return true;
    this.fail(Trouble.NO_SOCKET, now);
    return false;
  }

  /** The connection stands. */
  stands(now: i64): void {
    this.stoodSince = now;
  }

  /** The connection is of use. After a while of that, what went wrong is forgotten. */
  settle(now: i64): void {
    if (this.isSettled || now - this.stoodSince < SETTLE_AFTER) return;
    this.isSettled = true;
    this.trouble = Trouble.NONE;
    this.pause = RETRY_PAUSE_MIN;
    this.begin().text(": works");
    endLine(Level.INFO);
  }

  /** It is not wanted for now. */
  rest(): void {
    if (this.socket.isOpen) this.socket.close(Close.ABORT);
  }

  /** Something is wrong: it is named once, and tried again after a pause. */
  fail(trouble: Trouble, now: i64, status: i32 = 0): void {
    if (this.socket.isOpen) this.socket.close(Close.ABORT);
    if (this.trouble != trouble || this.status != status) {
      const line = this.begin().text(": ");
      describe(line, trouble, status);
      line.text(", trying again");
      endLine(Level.WARNING);
    }
    this.trouble = trouble;
    this.status = status;
    this.retryAt = now + this.pause;
    this.pause = min(this.pause * 2, RETRY_PAUSE_MAX);
  }

  /** Writes `host:port`, or the host alone where the port is `usual`. */
  write(text: Writer, usual: u32 = 0): Writer {
    let isV6 = false;
    for (let i: u32 = 0; i < this.nameBytes; i++) if (load<u8>(this.name + i) == COLON) isV6 = true;
    if (isV6) text.byte(0x5b);
    text.bytes(this.name, this.nameBytes);
    if (isV6) text.byte(0x5d);
    return this.port == usual ? text : text.byte(COLON).number(this.port);
  }

  /** Writes what is wrong; nothing where nothing is. */
  describeTrouble(text: Writer): void {
    describe(text, this.trouble, this.status);
  }

  private begin(): Writer {
    return this.write(beginLine().text(this.role).text(" "));
  }
}

function describe(text: Writer, trouble: Trouble, status: i32): void {
  switch (trouble) {
    case Trouble.NONE:
      break;
    case Trouble.NO_SOCKET:
      text.text("the board can't connect");
      break;
    case Trouble.NO_SUCH_HOST:
      text.text("no such host");
      break;
    case Trouble.UNREACHABLE:
      text.text("can't be reached");
      break;
    case Trouble.SILENT:
      text.text("does not answer");
      break;
    case Trouble.ENDED:
      text.text("ended the connection");
      break;
    case Trouble.STALLED:
      text.text("stalled");
      break;
    case Trouble.UNAUTHORIZED:
      text.text("401, the user name or the password is wrong");
      break;
    case Trouble.STATUS:
      text.text("answered with status ").number(status);
      break;
    case Trouble.MALFORMED:
      text.text("answered with something that is not HTTP");
      break;
    case Trouble.NO_STREAM:
      text.text("has no multipart stream of JPEG files there");
      break;
    case Trouble.SECURE:
      text.text("https is not spoken here, since there is no TLS in the module; a tunnel (ssh -L, stunnel) can do it");
      break;
    case Trouble.NO_ADDRESS:
      text.text("the address is not of the form http://user:password@host:port/path");
      break;
  }
}

/** Letters, digits, dots and dashes of a name, and what else stands in names; of an address in brackets also colons. */
function isNameCharacter(c: u32, isBracketed: bool): bool {
  if (isLetter(c) || isDigit(c) || c == DOT || c == DASH || c == 0x5f) return true;
  return isBracketed && (c == COLON || c == 0x25);
}
