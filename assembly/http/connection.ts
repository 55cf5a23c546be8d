/**
 * One connection of the fixed table: reads requests, has routes answer them, sends the answers, and, where a viewer
 * watches, sends it the newest frame again and again. Which route answers what is in `main.ts`; the head of a request
 * is read by `parser.ts`; who is let in is decided by `server.ts`.
 *
 * A viewer gets frames as parts of one endless answer, or, where it asked for a WebSocket, as messages, each of which
 * it acknowledges; then no more are under way than `websocket/window.ts` allows. What it says is `websocket/talk.ts`'s.
 *
 * A run does at most one receive and one or two sends, whatever the peer does, and each wait has a deadline. A frame
 * goes out from the slot it lies in, as one piece, to its last byte or not at all; how slow the peer is decides only
 * how many frames it misses.
 */

import { Close, Fault } from "../board";
import {
  ANSWER_GRACE,
  BODY_BYTES_MAX,
  BODY_DEADLINE,
  HEAD_DEADLINE,
  IDLE_DEADLINE,
  IN_BYTES,
  OUT_BYTES,
  SECOND,
  SLOT_BYTES,
  SNAPSHOT_DEADLINE,
  SNAPSHOT_FRESH,
  SNAPSHOT_RETRY,
  WRITE_DEADLINE,
} from "../limits";
import { Task } from "../scheduler";
import { BOUNDARY, Slot } from "../slot";
import { Socket } from "../sockets";
import { isKey, writeAccept } from "../websocket/handshake";
import { Talk } from "../websocket/talk";
import { Writer } from "../writer";
import { Method, Outcome, Parser } from "./parser";
import { Server } from "./server";

export enum State {
  /** Not in use. */
  FREE,
  /** Reads a request's head, or waits for its first byte. */
  READING,
  /** Reads a request's body, for a route that takes one. */
  READING_BODY,
  /** What it shows of itself is checked, or a secret that it brought is hashed: waits for the keeper of secrets. */
  AWAITING_KEEPER,
  /** A snapshot was asked for and capture is waking up: waits for a fresh frame. */
  AWAITING_FRAME,
  /** Sends an answer: a head with a short body, or a head and then a body that lies elsewhere. */
  SENDING,
  /** A viewer that has all there is so far and waits for a newer frame, or first owes an acknowledgement. */
  WATCHING,
  /** A viewer for whom there is a newer frame, but no room: it gets whichever is the newest when there is. */
  OFFERING,
  /** A viewer in the middle of a part. */
  SENDING_PART,
}

/** Bytes of an IP address. */
const ADDRESS_BYTES: u32 = 16;
/** Room in front of a text body for the head of its answer. */
const HEAD_ROOM: u32 = 896;
/** What a browser is told of every answer, and of all but the page's: RFC 9111, CSP Level 3, Fetch. */
const SAFETY =
  "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n" +
  "Cross-Origin-Resource-Policy: ";
const UPGRADE_REQUIRED = "426 Upgrade Required";
const POLICY = "default-src 'none'; frame-ancestors 'none'";
/** What pages may do whose origin is listed, and how many seconds they may remember it (Fetch, 3.2.4). */
const PREFLIGHT =
  "Access-Control-Allow-Methods: GET, HEAD, POST\r\nAccess-Control-Allow-Headers: authorization, content-type\r\n" +
  "Access-Control-Max-Age: 600\r\n";
/** What a watching peer sends is thrown away here. */
const trash = memory.data(<i32>IN_BYTES);

export class Connection extends Task {
  state: State = State.FREE;
  readonly parser: Parser = new Parser();
  /** The peer's IP address, and how many bytes it has; 0 where it is not known. */
  readonly peer: usize = heap.alloc(ADDRESS_BYTES);
  peerBytes: u32 = 0;
  /** Since when nothing was asked on it. */
  idleSince: i64 = 0;

  // Of a viewer: frames sent, frames published meanwhile and not sent, and the last one's sequence and capture time.
  sent: u32 = 0;
  dropped: u32 = 0;
  sequence: u32 = 0;
  time: i64 = 0;
  /** How old the last frame was when its last byte was taken, or when it was acknowledged, µs. */
  age: i64 = 0;

  private readonly socket: Socket = new Socket(this);
  private readonly writer: Writer = new Writer();
  /** What was received and not read yet. */
  private readonly input: usize;
  private inputAt: u32 = 0;
  private inputEnd: u32 = 0;
  /** When the first byte of the request came. */
  private headSince: i64 = 0;
  /** The request's body, and how much of it has come. */
  readonly body: usize;
  private bodyCame: u32 = 0;
  /** When the rest of it must have come. */
  private bodyBy: i64 = 0;
  /** When the answer began. */
  private answerSince: i64 = 0;
  /** When the peer last took something, or was first offered it. */
  private progressAt: i64 = 0;
  /** When a snapshot's patience ends; who waits for the same, in this order. */
  frameBy: i64 = 0;
  /** The answer's text, and what is still to be sent of it. */
  private readonly output: usize;
  private outAt: usize = 0;
  private outEnd: usize = 0;
  /** The body that lies elsewhere, or the part, as far as it is still to be sent. */
  private bodyAt: usize = 0;
  private bodyEnd: usize = 0;
  /** The frame that is being sent. */
  private slot: Slot | null = null;
  /** What comes when the answer is sent: the next request, the body of this one, watching, or (FREE) the end. */
  private following: State = State.FREE;
  /** Whether a place for a viewer, or for a snapshot, is taken. */
  private isViewer: bool = false;
  private isSnapshot: bool = false;
  /** Whether the viewer watches by WebSocket; what it says, how much it may be sent, and what else it is told. */
  private isWebSocket: bool = false;
  private readonly talk: Talk;
  /** Its place in the line before the keeper of secrets, from 1; 0 while it does not wait there. */
  place: u32 = 0;
  /** Whether it has asked the keeper for a change and has not heard yet what became of it. */
  awaitsChange: bool = false;

  constructor(private readonly server: Server) {
    super();
    this.input = heap.alloc(IN_BYTES);
    const output = heap.alloc(OUT_BYTES);
    this.output = output;
    this.body = heap.alloc(BODY_BYTES_MAX);
    this.talk = new Talk(output);
  }

  get isWatching(): bool {
    return this.isViewer;
  }

  /** Whether it holds one of the places for snapshots. */
  get isSendingSnapshot(): bool {
    return this.isSnapshot;
  }

  /**
   * For how long the peer has kept us waiting, µs: for a request, for the rest of one, for taking more of an answer, or
   * for taking the whole of it where that lasts too long. Below 0 where it is our turn, and for a viewer, who may take
   * as long as the deadlines let it.
   */
  hasWaited(now: i64): i64 {
    switch (this.state) {
      case State.READING:
      case State.READING_BODY:
        // Who has just come, or has sent something, is read first.
        if (this.socket.readable || this.inputAt < this.inputEnd) return -1;
        return now - (this.isIdle ? this.idleSince : this.headSince);
      case State.SENDING:
        if (this.isViewer || this.socket.writable) return -1;
        return now - (now - this.answerSince < ANSWER_GRACE ? this.progressAt : this.answerSince);
      default:
        return -1;
    }
  }

  /** Gives way to somebody else: where nothing was asked in order, else at once. */
  giveWay(): void {
    this.close(this.isIdle ? Close.ORDERLY : Close.ABORT);
  }

  /** Whether nothing is asked and nothing under way. */
  private get isIdle(): bool {
    return this.state == State.READING && this.parser.isIdle;
  }

  /** Begins to serve the board's connection `handle`. */
  open(handle: i32, now: i64): void {
    this.socket.open(handle);
    this.peerBytes = max(this.socket.peer(this.peer, ADDRESS_BYTES), 0);
    this.inputAt = 0;
    this.inputEnd = 0;
    this.toReading(now);
  }

  /** Ends the connection and gives back all that it holds. */
  close(how: Close): void {
    const slot = this.slot;
    if (slot) this.server.slots.giveBack(slot);
    this.slot = null;
    if (this.isViewer) this.server.viewers--;
    if (this.isSnapshot) this.server.snapshots--;
    this.isViewer = false;
    this.isSnapshot = false;
    this.isWebSocket = false;
    this.state = State.FREE;
    this.socket.close(how);
  }

  run(now: i64): void {
    switch (this.state) {
      case State.FREE:
        break;
      case State.READING:
        this.readRequest(now);
        break;
      case State.READING_BODY:
        this.readBody(now);
        break;
      case State.AWAITING_KEEPER:
        this.server.answer(this, now);
        break;
      case State.AWAITING_FRAME:
        this.awaitFrame(now);
        break;
      case State.SENDING:
        this.sendAnswer(now);
        break;
      case State.WATCHING:
      case State.OFFERING:
        if (this.peerStays(now)) this.watch(now);
        break;
      case State.SENDING_PART:
        if (this.peerStays(now)) this.sendPart(now);
        break;
    }
  }

  // --- For routes: each of these is the whole answer

  /** Begins the text of an answer; {@link endText} sends it. */
  beginText(): Writer {
    return this.writer.begin(this.output + HEAD_ROOM, OUT_BYTES - HEAD_ROOM);
  }

  /** Waits for the keeper of secrets, and then has the server answer again. */
  awaitKeeper(): void {
    const guard = this.server.guard;
    if (!this.place) this.place = guard.drawPlace();
    this.state = State.AWAITING_KEEPER;
    this.waitFor(guard.keeper.done, guard.keeper.done.count);
  }

  /** Whether nobody has waited for the keeper for longer. */
  get isFirst(): bool {
    return this.server.isFirst(this);
  }

  /**
   * Sends the text that was written since {@link beginText}.
   * @param status such as `200 OK`
   * @param type its content type
   * @param fields further header lines, each with its line end
   */
  endText(status: string, type: string, fields: string, now: i64): void {
    const body = this.output + HEAD_ROOM;
    const bodyBytes = this.writer.length;
    const head = this.beginHead(status);
    this.describe(type, bodyBytes).text(fields).text("\r\n");
    // The head is moved up to the body, so that the answer is one piece.
    const headBytes = head.length;
    assert(headBytes <= HEAD_ROOM, "the head is larger than its room");
    this.outAt = body - headBytes;
    memory.copy(this.outAt, this.output, headBytes);
    this.outEnd = this.parser.method == Method.HEAD ? body : body + bodyBytes;
    this.bodyAt = 0;
    this.bodyEnd = 0;
    this.toSending(now);
  }

  /**
   * Sends `length` bytes at `address`, which stay as they are for ever; `encoding` is empty or a content coding.
   * @param policy what a page may load and run (Content-Security-Policy)
   */
  sendBytes(type: string, encoding: string, policy: string, address: usize, length: u32, now: i64): void {
    const head = this.beginHead("200 OK", policy);
    this.describe(type, length);
    if (encoding.length) head.text("Content-Encoding: ").text(encoding).text("\r\n");
    head.text("Vary: Accept-Encoding\r\n\r\n");
    this.endHead(address, length, now);
  }

  /** Begins a text in `slot`, which was lent for this; {@link sendLent} sends it. */
  beginLent(slot: Slot): Writer {
    return this.writer.begin(slot.at, SLOT_BYTES);
  }

  /** Sends the first `length` bytes of `slot`, which was lent for this and is given back when they are sent. */
  sendLent(type: string, slot: Slot, length: u32, now: i64): void {
    this.beginHead("200 OK");
    this.describe(type, length).text("\r\n");
    this.endHead(slot.at, length, now);
    this.slot = slot;
    this.server.snapshots++;
    this.isSnapshot = true;
  }

  /** Answers with a line of text that says what is wrong, and closes. */
  refuse(status: string, why: string, now: i64, fields: string = ""): void {
    this.beginRefusal().text(why);
    this.endRefusal(status, now, fields);
  }

  /** Begins such a line, for {@link endRefusal}. */
  beginRefusal(): Writer {
    this.parser.keepAlive = false;
    return this.beginText();
  }

  endRefusal(status: string, now: i64, fields: string = ""): void {
    this.writer.text("\n");
    this.endText(status, "text/plain; charset=utf-8", fields, now);
  }

  /** Reads the request's body, after asking for it if the peer waits for that, and then has the server answer again. */
  takeBody(now: i64): void {
    this.bodyCame = 0;
    this.bodyBy = now + BODY_DEADLINE;
    if (this.parser.expectsContinue) {
      this.writer.begin(this.output, OUT_BYTES).text("HTTP/1.1 100 Continue\r\n\r\n");
      this.endHead(0, 0, now);
      this.following = State.READING_BODY;
    } else {
      this.state = State.READING_BODY;
      this.readBody(now);
    }
  }

  /** Whether the whole body is there. */
  get hasBody(): bool {
    return this.bodyCame == this.parser.bodyBytes;
  }

  /** Answers OPTIONS. */
  sendOptions(allow: string, now: i64): void {
    const head = this.beginHead("204 No Content").text(allow);
    if (this.server.guard.isListed(this.parser)) head.text(PREFLIGHT);
    head.text("\r\n");
    this.endHead(0, 0, now);
  }

  /** Answers that it can't be done now but may be soon, and closes. */
  putOff(why: string, now: i64): void {
    this.refuse("503 Service Unavailable", why, now, "Retry-After: 1\r\n");
  }

  /** Sends the newest frame, a fresh one where capture can make it in time. */
  sendSnapshot(now: i64): void {
    this.server.source.want(now);
    if (!this.server.hasRoomToAwaitSnapshot) {
      this.putOff("too many snapshots under way, try again later", now);
      return;
    }
    this.frameBy = now + SNAPSHOT_DEADLINE;
    this.state = State.AWAITING_FRAME;
    this.awaitFrame(now);
  }

  /** Sends the stream of frames for as long as the viewer stays. */
  sendStream(now: i64): void {
    const isHead = this.parser.method == Method.HEAD;
    if (!isHead && !this.becomeViewer(now)) return;
    this.parser.keepAlive = false; // the stream's end is the connection's
    const head = this.beginHead("200 OK");
    head.text("Content-Type: multipart/x-mixed-replace; boundary=").text(BOUNDARY).text("\r\n\r\n");
    if (!isHead) head.text("--").text(BOUNDARY).text("\r\n");
    this.endHead(0, 0, now);
    if (!isHead) this.following = State.WATCHING;
  }

  /** Makes a WebSocket of the connection (RFC 6455, 4.2), and sends frames as messages while the viewer stays. */
  becomeWebSocket(now: i64): void {
    const parser = this.parser;
    if (!parser.wantsWebSocket) {
      this.refuse(UPGRADE_REQUIRED, "only WebSocket is spoken here", now, "Upgrade: websocket\r\n");
      return;
    }
    if (!parser.speaksWebSocket) {
      const fields = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
      this.refuse(UPGRADE_REQUIRED, "only version 13 of WebSocket is spoken here", now, fields);
      return;
    }
    if (!isKey(parser.key, parser.keyBytes)) {
      this.refuse("400 Bad Request", "a WebSocket's key has 16 bytes in base64", now);
      return;
    }
    if (!this.becomeViewer(now)) return;
    this.isWebSocket = true;
    this.talk.begin(now);
    parser.keepAlive = false;
    const head = this.writer.begin(this.output, OUT_BYTES);
    head.text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    head.text("Sec-WebSocket-Accept: ");
    writeAccept(head, parser.key);
    head.text("\r\n\r\n");
    this.endHead(0, 0, now);
    this.following = State.WATCHING;
  }

  /** Takes a viewer's place. If all are taken the peer was put off. */
  private becomeViewer(now: i64): bool {
    if (!this.server.hasRoomForViewer(now)) {
      this.putOff("too many viewers, try again later", now);
      return false;
    }
    this.server.viewers++;
    this.isViewer = true;
    this.sent = 0;
    this.dropped = 0;
    this.sequence = 0;
    this.time = 0;
    this.age = 0;
    return true;
  }

  // --- Reading

  private toReading(now: i64): void {
    this.state = State.READING;
    this.place = 0;
    this.idleSince = now;
    this.parser.begin();
    this.wake();
  }

  /** Receives if all that came was read. @returns false if there will be no more, and the connection was closed */
  private receive(how: Close = Close.ORDERLY): bool {
    if (this.inputAt < this.inputEnd || !this.socket.readable) return true;
    const count = this.socket.receive(this.input, IN_BYTES);
    if (count == Fault.END || count == Fault.CLOSED) {
      this.close(how);
      return false;
    }
    this.inputAt = 0;
    this.inputEnd = count > 0 ? count : 0;
    return true;
  }

  private readBody(now: i64): void {
    if (!this.hasBody && !this.receive()) return;
    const count = min(this.inputEnd - this.inputAt, this.parser.bodyBytes - this.bodyCame);
    memory.copy(this.body + this.bodyCame, this.input + this.inputAt, count);
    this.bodyCame += count;
    this.inputAt += count;
    if (this.hasBody) {
      this.server.answer(this, now);
      return;
    }
    if (now >= this.bodyBy) {
      this.refuse("408 Request Timeout", "the request took too long", now);
      return;
    }
    this.waitUntil(this.bodyBy);
    if (this.socket.readable) this.wake();
  }

  private readRequest(now: i64): void {
    const parser = this.parser;
    if (!this.receive()) return;
    if (this.inputAt < this.inputEnd) {
      if (parser.isIdle) this.headSince = now;
      this.inputAt += parser.read(this.input + this.inputAt, this.inputEnd - this.inputAt);
      if (parser.outcome != Outcome.MORE) {
        this.bodyCame = 0;
        this.server.answer(this, now);
        return;
      }
    }
    const deadline = parser.isIdle ? this.idleSince + IDLE_DEADLINE : this.headSince + HEAD_DEADLINE;
    if (now >= deadline) {
      if (parser.isIdle) this.close(Close.ORDERLY);
      else this.refuse("408 Request Timeout", "the request took too long", now);
      return;
    }
    this.waitUntil(deadline);
    if (this.socket.readable) this.wake();
  }

  // --- Answering

  /** Begins the head of an answer with what every answer has. */
  private beginHead(status: string, policy: string = POLICY): Writer {
    const guard = this.server.guard;
    const parser = this.parser;
    const head = this.writer.begin(this.output, OUT_BYTES);
    head.text("HTTP/1.1 ").text(status).text("\r\n").text(SAFETY);
    head.text(guard.origins.isEmpty ? "same-origin\r\n" : "cross-origin\r\n");
    head.text("Content-Security-Policy: ").text(policy).text("\r\n");
    if (guard.isListed(parser)) {
      head.text("Access-Control-Allow-Origin: ").bytes(parser.origin, parser.originBytes).text("\r\nVary: Origin\r\n");
    }
    if (status == UPGRADE_REQUIRED) return head.text("Connection: close, upgrade\r\n"); // RFC 9110, 7.8
    return head.text(parser.keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
  }

  private describe(type: string, length: u32): Writer {
    return this.writer.text("Content-Type: ").text(type).text("\r\nContent-Length: ").number(length).text("\r\n");
  }

  /** Sends the head as written, then `length` bytes at `address` unless only the head was asked for. */
  private endHead(address: usize, length: u32, now: i64): void {
    this.outAt = this.output;
    this.outEnd = this.writer.at;
    this.bodyAt = address;
    this.bodyEnd = this.parser.method == Method.HEAD ? address : address + length;
    this.toSending(now);
  }

  private toSending(now: i64): void {
    this.following = this.parser.keepAlive ? State.READING : State.FREE;
    this.state = State.SENDING;
    this.answerSince = now;
    this.progressAt = now;
    this.wake();
  }

  private sendAnswer(now: i64): void {
    if (this.outAt < this.outEnd) {
      const count = this.send(this.outAt, this.outEnd, now);
      if (count < 0) return;
      this.outAt += count;
    }
    if (this.outAt == this.outEnd && this.bodyAt < this.bodyEnd) {
      const count = this.send(this.bodyAt, this.bodyEnd, now);
      if (count < 0) return;
      this.bodyAt += count;
    }
    if (this.outAt < this.outEnd || this.bodyAt < this.bodyEnd) {
      this.waitForRoom(now);
      return;
    }
    this.returnSlot();
    switch (this.following) {
      case State.READING:
        this.toReading(now);
        break;
      case State.READING_BODY:
        this.state = State.READING_BODY;
        this.wake();
        break;
      case State.WATCHING:
        this.state = State.WATCHING;
        if (this.isWebSocket) this.wake(); // what it said by now comes first
        else this.watch(now);
        break;
      default:
        this.close(Close.ORDERLY);
    }
  }

  /** Offers bytes. @returns how many were taken, 0 or more, or below 0 if the connection is gone and was closed */
  private send(from: usize, to: usize, now: i64): i32 {
    if (!this.socket.writable) return 0;
    const count = this.socket.send(from, u32(to - from));
    if (count > 0) {
      this.progressAt = now;
      return count;
    }
    if (count == Fault.AGAIN) return 0;
    this.close(Close.ABORT);
    return -1;
  }

  /** Waits until the peer takes more, but not for ever. */
  private waitForRoom(now: i64): void {
    const deadline = this.progressAt + WRITE_DEADLINE;
    if (now >= deadline) {
      this.close(Close.ABORT);
      return;
    }
    this.waitUntil(deadline);
    if (this.socket.writable) this.wake();
  }

  private returnSlot(): void {
    const slot = this.slot;
    if (!slot) return;
    this.server.slots.giveBack(slot);
    this.slot = null;
    if (this.isSnapshot) this.server.snapshots--;
    this.isSnapshot = false;
  }

  // --- Frames

  private awaitFrame(now: i64): void {
    const slots = this.server.slots;
    const newest = slots.newest;
    if (!newest) {
      this.putOff("no frame yet", now);
      return;
    }
    const isLate = now >= this.frameBy;
    const isFresh = now - newest.time <= SNAPSHOT_FRESH || this.server.source.isStale(now);
    const hasRoom = this.server.isNextSnapshot(this) && this.server.makeRoomForSnapshot(now);
    if (hasRoom && (isFresh || isLate)) {
      const head = this.beginHead("200 OK");
      this.describe("image/jpeg", newest.jpegBytes);
      head.text("X-Timestamp: ").seconds(newest.time).text("\r\nX-Sequence: ").number(newest.sequence);
      head.text("\r\nAge: ").number(u64(max(now - newest.time, 0) / SECOND)).text("\r\n\r\n"); // RFC 9111, 5.1
      this.endHead(newest.fileAt, newest.jpegBytes, now);
      if (this.parser.method == Method.HEAD) return;
      this.slot = slots.borrow();
      this.server.snapshots++;
      this.isSnapshot = true;
      return;
    }
    if (isLate) {
      this.putOff("too many snapshots under way, try again later", now);
      return;
    }
    this.waitUntil(hasRoom ? this.frameBy : min(this.frameBy, now + SNAPSHOT_RETRY));
    this.waitFor(slots.published, slots.published.count);
  }

  /** Reads what a watching peer sends. @returns false if it is gone, or something else is to be done first */
  private peerStays(now: i64): bool {
    if (this.isWebSocket) return this.hear(now);
    if (!this.socket.readable) return true;
    const count = this.socket.receive(trash, IN_BYTES);
    if (count == Fault.END || count == Fault.CLOSED) {
      this.close(Close.ABORT);
      return false;
    }
    if (this.socket.readable) this.wake();
    return true;
  }

  /** Begins with the newest frame if the viewer does not have it yet, else waits for one. */
  private watch(now: i64): void {
    const slots = this.server.slots;
    this.server.source.want(now);
    const newest = slots.newest;
    if (!newest || newest.sequence == this.sequence) {
      this.state = State.WATCHING;
      this.waitFor(slots.published, slots.published.count);
      return;
    }
    if (this.isWebSocket && !this.talk.window.isOpen(now)) {
      this.state = State.WATCHING; // until something is acknowledged
      return;
    }
    if (this.state != State.OFFERING) this.progressAt = now;
    this.slot = slots.borrow();
    const hasPing = this.isWebSocket && this.talk.window.wantsPing(now);
    const from = !this.isWebSocket ? newest.partAt : hasPing ? newest.pingAt : newest.messageAt;
    const end = this.isWebSocket ? newest.fileEnd : newest.partAt + newest.partBytes;
    const count = this.send(from, end, now);
    if (count < 0) return;
    if (count == 0) {
      // It may be old by the time that there is room: nothing is held until then.
      this.returnSlot();
      this.state = State.OFFERING;
      this.waitForRoom(now);
      return;
    }
    if (this.isWebSocket) this.talk.window.begun(newest.sequence, u32(end - from), newest.time, now);
    if (hasPing) this.talk.window.pinged(now);
    if (this.sequence) this.dropped += newest.sequence - this.sequence - 1;
    this.sequence = newest.sequence;
    this.time = newest.time;
    this.bodyAt = from + count;
    this.bodyEnd = end;
    this.state = State.SENDING_PART;
    this.goOnWithPart(now);
  }

  private sendPart(now: i64): void {
    this.server.source.want(now); // whoever takes long for a frame watches meanwhile
    const count = this.send(this.bodyAt, this.bodyEnd, now);
    if (count < 0) return;
    this.bodyAt += count;
    this.goOnWithPart(now);
  }

  /** Waits for room for the rest of the part; where there is none, the part is sent. */
  private goOnWithPart(now: i64): void {
    if (this.bodyAt < this.bodyEnd) {
      this.waitForRoom(now);
      return;
    }
    this.returnSlot();
    this.sent++;
    this.state = State.WATCHING;
    this.server.source.want(now);
    if (this.isWebSocket) {
      this.talk.window.heardAt = now;
      this.wake(); // for what is to be told, and for a newer frame
      return;
    }
    this.age = now - this.time;
    const slots = this.server.slots;
    this.waitFor(slots.published, slots.published.count);
    const newest = slots.newest;
    if (newest && newest.sequence != this.sequence) this.wake(); // a newer one came while this one was on its way
  }

  // --- WebSocket

  /**
   * Reads what a viewer says by WebSocket, and answers it where no frame is in the middle.
   * @returns false if the viewer is gone, or is being answered
   */
  private hear(now: i64): bool {
    if (!this.receive(Close.ABORT)) return false;
    const talk = this.talk;
    talk.read(this.input + this.inputAt, this.inputEnd - this.inputAt, now);
    this.inputAt = this.inputEnd;
    this.age = talk.window.age;
    if (this.socket.readable) this.wake();
    if (this.state == State.SENDING_PART) return true;
    if (talk.controlBytes) {
      this.outAt = this.output;
      this.outEnd = this.output + talk.controlBytes;
      talk.controlBytes = 0;
      this.toSending(now);
      if (!talk.isClosing) this.following = State.WATCHING;
      return false;
    }
    if (talk.window.frames == 0) return true;
    const deadline = talk.window.heardAt + WRITE_DEADLINE;
    if (now >= deadline) {
      this.close(Close.ABORT);
      return false;
    }
    this.waitUntil(deadline);
    return true;
  }
}
