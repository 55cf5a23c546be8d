/**
 * The relay's pull side: a source whose frames the camera fetches, as a client of another camera's MJPEG over HTTP. It
 * connects again and again, and only while somebody watches: REST_AFTER later it lets go, and the next viewer (or
 * snapshot) has it connect anew.
 *
 * Whom it connects to, the setting `source` says; what it asks for is `request.ts`'s, how the answer is read
 * `answer.ts`'s, how frames are found in its body `stream-reader.ts`'s.
 */

import { Fault, Level } from "../board";
import { Controls } from "../controls";
import { beginLine, endLine } from "../journal";
import { CONNECT_DEADLINE, IN_BYTES, RELAY_WASTE_MAX, REST_AFTER, SECOND, UPSTREAM_SILENCE } from "../limits";
import { readSetting, settingValue } from "../settings";
import { Slots } from "../slot";
import { Writer } from "../writer";
import { AnswerHead, Progress } from "./answer";
import { Body } from "./body";
import { Peer, Trouble } from "./peer";
import { Relay } from "./relay";
import { Address, Request } from "./request";
import { Reading } from "./stream-reader";

enum State {
  /** The setting makes no sense: there is nobody to connect to. */
  OFF,
  /** Nobody watches. */
  RESTING,
  /** It failed, and is tried again at its time. */
  WAITING,
  /** The connection is asked for, and then for the stream. */
  ASKING,
  /** The answer's head comes. */
  READING_HEAD,
  /** Frames come. */
  FEEDING,
}

export class Pull extends Relay {
  private state: State = State.RESTING;
  private readonly peer: Peer = new Peer(this, "source");
  private readonly request: Request = new Request();
  private readonly head: AnswerHead = new AnswerHead();
  private readonly body: Body = new Body();
  /** How much of the request is sent, and when it was begun. */
  private asked: u32 = 0;
  private askedAt: i64 = 0;
  /** The head comes there, and what came with it. */
  private readonly input: usize = heap.alloc(IN_BYTES);
  /** Whether all that came was read. */
  private isDry: bool = true;
  /** When somebody last wanted a frame. */
  private wantedAt: i64 = 0;
  /** Of the present connection: whole frames, and when the last one was whole, or the head before the first. */
  private frames: u32 = 0;
  private aliveAt: i64 = 0;

  constructor(controls: Controls, slots: Slots) {
    super("pull", controls, slots);
    const length = readSetting("source");
    const address = length < 0 ? Address.WRONG : this.request.read(settingValue, length, this.peer);
    if (address == Address.RIGHT) return this;
    this.state = State.OFF;
    this.peer.trouble = address == Address.SECURE ? Trouble.SECURE : Trouble.NO_ADDRESS;
    this.peer.describeTrouble(beginLine().text("source: "));
    endLine(Level.ERROR);
  }

  get hasUpstream(): bool {
    return this.state == State.FEEDING;
  }

  /** While it is being woken up a fresh frame is to be expected. */
  isStale(now: i64): bool {
    const isWaking = this.state != State.FEEDING && this.peer.trouble == Trouble.NONE;
    return !isWaking && super.isStale(now);
  }

  want(now: i64): void {
    this.wantedAt = now;
    if (this.state == State.RESTING) this.wake();
  }

  describeUpstream(json: Writer, _now: i64): void {
    json.text(',"upstream":{"address":"');
    if (this.state != State.OFF) this.peer.write(json, 0);
    json.text('","state":"').text(stateName(this.state)).text('","trouble":"');
    this.peer.describeTrouble(json);
    json.text('","frames":').number(this.frames).text("}");
  }

  run(now: i64): void {
    switch (this.state) {
      case State.OFF:
        break;
      case State.RESTING:
      case State.WAITING: {
        if (!this.isWanted(now)) this.state = State.RESTING;
        else if (now >= this.peer.retryAt) this.ask(now);
        else {
          this.state = State.WAITING;
          this.waitUntil(this.peer.retryAt);
        }
        break;
      }
      case State.ASKING:
        this.sendRequest(now);
        break;
      case State.READING_HEAD:
        this.readHead(now);
        break;
      case State.FEEDING:
        this.feed(now);
        break;
    }
  }

  /** Whoever waits for a frame wants one however long there was none. */
  private isWanted(now: i64): bool {
    return now - this.wantedAt < REST_AFTER || this.slots.published.isAwaited;
  }

  private ask(now: i64): void {
    this.state = State.WAITING;
    if (!this.peer.connect(now)) return this.waitUntil(this.peer.retryAt);
    this.state = State.ASKING;
    this.asked = 0;
    this.askedAt = now;
    this.frames = 0;
    this.sendRequest(now);
  }

  /** Sends the request. That some of it is taken shows that the connection stands. */
  private sendRequest(now: i64): void {
    const socket = this.peer.socket;
    if (socket.writable) {
      const count = socket.send(this.request.at + this.asked, this.request.bytes - this.asked);
      if (count == Fault.MISSING) return this.fail(Trouble.NO_SUCH_HOST, now);
      if (count < 0 && count != Fault.AGAIN) {
        return this.fail(this.asked ? Trouble.ENDED : Trouble.UNREACHABLE, now);
      }
      if (count > 0 && this.asked == 0) this.peer.stands(now);
      this.asked += max(count, 0);
      if (this.asked == this.request.bytes) {
        this.head.begin();
        this.state = State.READING_HEAD;
        return this.readHead(now);
      }
    }
    this.waitForAnswer(now);
  }

  private readHead(now: i64): void {
    const socket = this.peer.socket;
    let count: i32 = 0;
    let headBytes: u32 = 0;
    if (socket.readable) {
      count = socket.receive(this.input, IN_BYTES);
      if (count < 0 && count != Fault.AGAIN) return this.fail(Trouble.ENDED, now);
      headBytes = this.head.read(this.input, max(count, 0));
    }
    switch (this.head.progress) {
      case Progress.MORE: {
        this.waitForAnswer(now);
        if (socket.readable) this.wake();
        break;
      }
      case Progress.DONE:
        this.begin(this.input + headBytes, count - headBytes, now);
        break;
      default:
        this.fail(Trouble.MALFORMED, now);
    }
  }

  private waitForAnswer(now: i64): void {
    const deadline = this.askedAt + CONNECT_DEADLINE;
    if (now >= deadline) this.fail(Trouble.SILENT, now);
    else this.waitUntil(deadline);
  }

  /** The head is read, and the first `held` bytes of the body are there, at `at`. */
  private begin(at: usize, held: u32, now: i64): void {
    const head = this.head;
    if (head.status == 401) return this.fail(Trouble.UNAUTHORIZED, now);
    if (head.status != 200) return this.fail(Trouble.STATUS, now, head.status);
    if (!head.isMultipart) return this.fail(Trouble.NO_STREAM, now);
    this.body.begin(head.framing, head.bodyBytes, at, held);
    this.reader.begin();
    this.isDry = true;
    this.aliveAt = now;
    this.state = State.FEEDING;
    this.feed(now);
  }

  /** Takes a piece of the stream, and reads a slice of it. */
  private feed(now: i64): void {
    const reader = this.reader;
    if (this.isDry && !this.body.bring(reader, this.peer.socket)) return this.fail(Trouble.ENDED, now);
    const isWanted = this.isWanted(now); // a frame that is published ends the waiting for it
    const reading = this.readOn(now);
    this.isDry = reading == Reading.ALL;
    if (reading == Reading.FILE) {
      this.frames++;
      this.aliveAt = now;
      this.peer.settle(now);
      if (!isWanted) return this.letGo();
    }
    if (!this.isDry) return this.wake();
    if (this.body.isWrong) return this.fail(Trouble.MALFORMED, now);
    if (this.body.isOver) return this.fail(Trouble.ENDED, now);
    if (reader.passed > RELAY_WASTE_MAX) return this.fail(Trouble.NO_STREAM, now);
    const deadline = this.aliveAt + UPSTREAM_SILENCE;
    if (now >= deadline) return this.fail(Trouble.STALLED, now);
    this.waitUntil(deadline);
    if (this.body.hasMore(this.peer.socket)) this.wake();
  }

  /** Nobody watches: what was received is whole, and no more is wanted. */
  private letGo(): void {
    this.peer.rest();
    this.state = State.RESTING;
    this.rest();
  }

  private fail(trouble: Trouble, now: i64, status: i32 = 0): void {
    if (this.state == State.FEEDING) this.reader.begin();
    this.peer.fail(trouble, now, status);
    this.state = State.WAITING;
    this.wake();
  }
}

function stateName(state: State): string {
  switch (state) {
    case State.OFF:
      return "off";
    case State.RESTING:
      return "resting";
    case State.WAITING:
      return "waiting";
    case State.FEEDING:
      return "receiving";
    default:
      return "connecting";
  }
}
