/**
 * Somebody who connects to us and sends frames: a stream as it is (gstreamer's tcpclientsink, netcat), or one as the
 * body of an HTTP request (POST or PUT, as ffmpeg and curl do). Which of the two shows in the first bytes. Who gets the
 * seat is decided by `push.ts`; how frames are found in what comes is `stream-reader.ts`'s.
 *
 * A run does at most one receive and one send. Nobody can hold the seat by doing nothing, or little: see `push.ts`; and
 * what was begun has to be whole in time.
 */

import { Close, Fault } from "../board";
import { CHALLENGE, Shown } from "../http/access";
import { BODY_UNCOUNTED, Method, Outcome, Parser } from "../http/parser";
import {
  HEAD_DEADLINE,
  IDLE_DEADLINE,
  IN_BYTES,
  PART_DEADLINE,
  RELAY_WASTE_MAX,
  WRITE_DEADLINE,
} from "../limits";
import { Task } from "../scheduler";
import { Socket } from "../sockets";
import { Writer } from "../writer";
import { Body, Framing } from "./body";
import { Push } from "./push";
import { Reading } from "./stream-reader";

export enum State {
  /** Not in use. */
  FREE,
  /** Nothing came yet. */
  SILENT,
  /** Reads a request's head. */
  READING_HEAD,
  /** The secret that it shows is hashed. */
  AWAITING_KEEPER,
  /** It has the seat: what it sends is the stream. */
  FEEDING,
  /** Is told what became of it, and then let go. */
  ANSWERING,
}

const ADDRESS_BYTES: u32 = 16;
const H: u32 = 0x48;
const T: u32 = 0x54;
const INTERIM_BYTES: u32 = 32;
const interim = memory.data(<i32>INTERIM_BYTES);

export class Upstream extends Task {
  state: State = State.FREE;
  /** Its IP address, and how many bytes it has; 0 where it is not known. */
  readonly peer: usize = heap.alloc(ADDRESS_BYTES);
  peerBytes: u32 = 0;
  /** When it came. */
  since: i64 = 0;
  /** Whole frames, and when the last one was whole; before the first, when it got the seat. */
  frames: u32 = 0;
  frameAt: i64 = 0;

  private readonly socket: Socket = new Socket(this);
  private readonly parser: Parser = new Parser();
  private readonly body: Body = new Body();
  private readonly writer: Writer = new Writer();
  /** What was received before it had the seat; an answer is written there too. */
  private readonly input: usize = heap.alloc(IN_BYTES);
  private inputAt: u32 = 0;
  private inputEnd: u32 = 0;
  /** Whether it speaks HTTP, and so gets answers. */
  private isHttp: bool = false;
  /** Whether all that came was read. */
  private isDry: bool = true;
  /** When the part that is under way began; 0 while there is none. */
  private partSince: i64 = 0;
  private answerSince: i64 = 0;

  constructor(private readonly push: Push) {
    super();
  }

  /** Begins with the board's connection `handle`. */
  open(handle: i32, now: i64): void {
    this.socket.open(handle);
    this.peerBytes = max(this.socket.peer(this.peer, ADDRESS_BYTES), 0);
    this.since = now;
    this.frames = 0;
    this.isHttp = false;
    this.inputAt = 0;
    this.inputEnd = 0;
    this.parser.begin();
    this.state = State.SILENT;
    this.wake();
  }

  /** Loses the seat, for the reason `why`, and is told so as far as it listens. */
  end(why: string, now: i64): void {
    this.push.leave(this, why, now);
    if (this.isHttp) this.answer("409 Conflict", why, now);
    else this.close(Close.ORDERLY);
  }

  close(how: Close): void {
    assert(this.push.seat != this, "an upstream with the seat leaves it first");
    this.state = State.FREE;
    this.socket.close(how);
  }

  run(now: i64): void {
    switch (this.state) {
      case State.FREE:
        break;
      case State.SILENT:
        this.greet(now);
        break;
      case State.READING_HEAD:
        this.readHead(now);
        break;
      case State.AWAITING_KEEPER:
        this.judge(now);
        break;
      case State.FEEDING:
        this.feed(now);
        break;
      case State.ANSWERING:
        this.sendAnswer(now);
        break;
    }
  }

  // --- Until it has the seat

  /** Receives if all that came was read. @returns false if there will be no more, and the connection was closed */
  private receive(): bool {
    if (this.inputAt < this.inputEnd || !this.socket.readable) return true;
    const count = this.socket.receive(this.input, IN_BYTES);
    if (count == Fault.END || count == Fault.CLOSED) {
      this.close(Close.ORDERLY);
      return false;
    }
    this.inputAt = 0;
    this.inputEnd = max(count, 0);
    return true;
  }

  /**
   * Looks how it begins: a request does with its method, in capital letters. So does the head of an answer, `HTTP/1.1`,
   * which some send before a stream, and which is passed over like whatever else precedes one.
   */
  private greet(now: i64): void {
    if (!this.receive()) return;
    if (this.inputEnd == 0) return this.waitForMore(this.since + IDLE_DEADLINE, now);
    const first: u32 = load<u8>(this.input);
    if (first == H && this.inputEnd == 1) return this.receiveSecond(now);
    if (first - 0x41 <= 25 && !(first == H && load<u8>(this.input, 1) == T)) {
      this.since = now;
      this.isHttp = true;
      this.state = State.READING_HEAD;
      return this.readHead(now);
    }
    if (!this.push.isFree(now)) {
      this.push.refuse(this, now);
      return this.answer("", "refused: another upstream is there", now);
    }
    this.beginBody(Framing.UNTIL_END, 0);
    this.begin(now);
  }

  /** Receives one byte behind the first. */
  private receiveSecond(now: i64): void {
    if (this.socket.readable) {
      const count = this.socket.receive(this.input + 1, IN_BYTES - 1);
      if (count == Fault.END || count == Fault.CLOSED) return this.close(Close.ORDERLY);
      this.inputEnd += max(count, 0);
    }
    this.waitForMore(this.since + IDLE_DEADLINE, now);
  }

  private readHead(now: i64): void {
    const parser = this.parser;
    if (!this.receive()) return;
    this.inputAt += parser.read(this.input + this.inputAt, this.inputEnd - this.inputAt);
    if (parser.outcome != Outcome.MORE) return this.judge(now);
    if (now >= this.since + HEAD_DEADLINE) {
      return this.answer("408 Request Timeout", "the request took too long", now);
    }
    this.waitForMore(this.since + HEAD_DEADLINE, now);
  }

  /** Whether the request may have the seat. */
  private judge(now: i64): void {
    const parser = this.parser;
    const guard = this.push.guard;
    const isChunked = parser.outcome == Outcome.LENGTH_REQUIRED;
    if (parser.outcome != Outcome.DONE && !isChunked) {
      return this.answer("400 Bad Request", "not an HTTP request that is understood here", now);
    }
    if (parser.method != Method.POST && parser.method != Method.PUT) {
      return this.answer("405 Method Not Allowed", "frames are sent here by POST or PUT", now, "Allow: POST, PUT\r\n");
    }
    if (!guard.isOurs(parser)) return this.answer("421 Misdirected Request", "this camera has another name", now);
    if (!guard.isOwnPage(parser)) return this.answer("403 Forbidden", "pages of other sites may not send frames", now);
    switch (guard.shown(parser, this.peer, this.peerBytes, now)) {
      case Shown.ADMIN:
        break;
      case Shown.UNKNOWN: {
        guard.check(this.peer, this.peerBytes, now);
        this.state = State.AWAITING_KEEPER;
        this.waitFor(guard.keeper.done, guard.keeper.done.count);
        return;
      }
      case Shown.TOO_OFTEN:
        return this.answer("429 Too Many Requests", "too many wrong secrets, try again in a minute", now);
      case Shown.WRONG:
        return this.answer("401 Unauthorized", "this is not the admin secret", now, CHALLENGE);
      default: {
        if (this.push.isFree(now)) break;
        this.push.refuse(this, now);
        const why = "another upstream is there; the admin secret takes over";
        return this.answer("401 Unauthorized", why, now, CHALLENGE);
      }
    }
    if (isChunked) this.beginBody(Framing.CHUNKED, 0);
    else if (parser.hasLength && parser.bodyBytes < BODY_UNCOUNTED) this.beginBody(Framing.LENGTH, parser.bodyBytes);
    else this.beginBody(Framing.UNTIL_END, 0); // as ffmpeg sends it that was told not to chunk
    if (parser.expectsContinue && !this.sayContinue()) return this.close(Close.ABORT);
    this.begin(now);
  }

  /** With what came behind the head. */
  private beginBody(framing: Framing, length: u32): void {
    this.body.begin(framing, length, this.input + this.inputAt, this.inputEnd - this.inputAt);
  }

  /** Asks for the body where the peer waits for that: there is room on a fresh connection. @returns whether it could */
  private sayContinue(): bool {
    const length = this.writer.begin(interim, INTERIM_BYTES).text("HTTP/1.1 100 Continue\r\n\r\n").length;
    return this.socket.send(interim, length) == length;
  }

  // --- While it has the seat

  private begin(now: i64): void {
    this.push.admit(this, now);
    this.frameAt = now;
    this.isDry = true;
    this.partSince = 0;
    this.state = State.FEEDING;
    this.wake();
  }

  private feed(now: i64): void {
    const reader = this.push.reader;
    if (this.isDry && !this.body.bring(reader, this.socket)) {
      return this.finish("200 OK", "the stream has ended", now);
    }
    const reading = this.push.readOn(now);
    this.isDry = reading == Reading.ALL;
    if (reading == Reading.FILE) {
      this.frames++;
      this.frameAt = now;
      this.partSince = 0;
    }
    if (!this.isDry) return this.wake();
    if (this.body.isWrong) return this.finish("400 Bad Request", "the chunks are not framed as they should be", now);
    if (this.body.isOver) return this.finishBody(now);
    if (reader.passed > RELAY_WASTE_MAX) {
      return this.finish("415 Unsupported Media Type", "nothing in it is a JPEG file that fits", now);
    }
    if (!reader.isInPart) this.partSince = 0;
    else if (this.partSince == 0) this.partSince = now;
    if (this.body.hasMore(this.socket)) this.wake();
    if (this.partSince == 0) return;
    const deadline = this.partSince + PART_DEADLINE;
    if (now >= deadline) return this.finish("408 Request Timeout", "a frame took too long", now);
    this.waitUntil(deadline);
  }

  private finishBody(now: i64): void {
    if (this.frames) this.finish("200 OK", "taken", now);
    else this.finish("415 Unsupported Media Type", "nothing in it is a JPEG file that fits", now);
  }

  /** Gives the seat up, and says why. */
  private finish(status: string, why: string, now: i64): void {
    this.push.leave(this, why, now);
    if (this.isHttp) this.answer(status, why, now);
    else this.close(Close.ORDERLY);
  }

  // --- Afterwards

  /** Sends a line, as the answer of HTTP where that is spoken, and lets go. */
  private answer(status: string, why: string, now: i64, fields: string = ""): void {
    const text = this.writer.begin(this.input, IN_BYTES);
    if (this.isHttp) {
      text.text("HTTP/1.1 ").text(status).text("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ");
      text.number(why.length + 1).text("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
      text.text(fields).text("Connection: close\r\n\r\n");
    }
    text.text(why).text("\n");
    this.inputAt = 0;
    this.inputEnd = text.length;
    this.answerSince = now;
    this.state = State.ANSWERING;
    this.sendAnswer(now);
  }

  private sendAnswer(now: i64): void {
    if (this.socket.writable) {
      const count = this.socket.send(this.input + this.inputAt, this.inputEnd - this.inputAt);
      if (count < 0 && count != Fault.AGAIN) return this.close(Close.ABORT);
      this.inputAt += max(count, 0);
    }
    if (this.inputAt == this.inputEnd) return this.close(Close.ORDERLY);
    const deadline = this.answerSince + WRITE_DEADLINE;
    if (now >= deadline) return this.close(Close.ABORT);
    this.waitUntil(deadline);
  }

  /** Waits for bytes, but not for ever. */
  private waitForMore(deadline: i64, now: i64): void {
    if (this.state == State.SILENT && now >= deadline) return this.close(Close.ORDERLY);
    this.waitUntil(deadline);
    if (this.socket.readable) this.wake();
  }
}
