/**
 * The pusher: a viewer that sits at the other end of a connection that the camera makes. It connects to the relay that
 * the setting `push` names and sends the stream there, for cameras that nobody can connect to (behind NAT).
 *
 * As with any viewer the newest frame wins: a slow way loses whole frames. It has a viewer's place and slot.
 */

import { Fault, Level } from "../board";
import { beginLine, endLine } from "../journal";
import { CONNECT_DEADLINE, IN_BYTES, WRITE_DEADLINE } from "../limits";
import { Task } from "../scheduler";
import { readSetting, settingValue } from "../settings";
import { BOUNDARY, Slot, Slots } from "../slot";
import { Source } from "../source";
import { Writer } from "../writer";
import { Peer, Trouble } from "./peer";

enum State {
  /** There is no relay. */
  OFF,
  /** The relay is tried again at its time. */
  RESTING,
  /** The connection is asked for; as soon as it stands, the first boundary is sent. */
  OPENING,
  /** Everything that there was is sent: it waits for the next frame. */
  WATCHING,
  /** There is a newer frame, and no room for its first byte. */
  OFFERING,
  /** A frame is under way. */
  SENDING,
}

const OPENING_BYTES: u32 = 16;
/** What the relay says is thrown away. */
const trash = memory.data(<i32>IN_BYTES);

export class Pusher extends Task {
  /** Frames sent to the present connection, and passed over between them. */
  sent: u32 = 0;
  dropped: u32 = 0;

  private state: State = State.OFF;
  private readonly relay: Peer = new Peer(this, "push to");
  /** What goes before the first part, what of it (and then of the part) is still to be sent, and since when. */
  private readonly opening: usize = heap.alloc(OPENING_BYTES);
  private readonly writer: Writer = new Writer();
  private at: usize = 0;
  private end: usize = 0;
  private progressAt: i64 = 0;
  private slot: Slot | null = null;
  /** The last frame that was begun. */
  private sequence: u32 = 0;

  constructor(
    private readonly source: Source,
    private readonly slots: Slots,
  ) {
    super();
    const length = readSetting("push");
    if (length > 0 && this.relay.read(settingValue, length, 0)) this.state = State.RESTING;
    else if (length != Fault.MISSING && length != 0) {
      beginLine().text("setting ignored, it is no host:port: push");
      endLine(Level.WARNING);
    }
  }

  /** Whether there is a relay to push to. */
  get isOn(): bool {
    return this.state != State.OFF;
  }

  /** Writes what `/state` tells of it. */
  describe(json: Writer): void {
    const stands = this.state != State.RESTING && this.state != State.OPENING;
    this.relay.write(json.text('{"to":"')).text('","state":"');
    json.text(stands ? "pushing" : this.state == State.OPENING ? "connecting" : "waiting").text('","trouble":"');
    this.relay.describeTrouble(json);
    json.text('","sent":').number(this.sent).text(',"dropped":').number(this.dropped).text("}");
  }

  run(now: i64): void {
    switch (this.state) {
      case State.OFF:
        break;
      case State.RESTING:
        if (now < this.relay.retryAt) this.waitUntil(this.relay.retryAt);
        else this.open(now);
        break;
      case State.OPENING:
        this.sendOpening(now);
        break;
      case State.WATCHING:
      case State.OFFERING:
        if (this.relayStays(now)) this.watch(now);
        break;
      case State.SENDING:
        if (this.relayStays(now)) this.send(now);
        break;
    }
  }

  private open(now: i64): void {
    if (!this.relay.connect(now)) return this.waitUntil(this.relay.retryAt);
    const text = this.writer.begin(this.opening, OPENING_BYTES).text("--").text(BOUNDARY).text("\r\n");
    this.at = this.opening;
    this.end = text.at;
    this.progressAt = now;
    this.sent = 0;
    this.dropped = 0;
    this.sequence = 0;
    this.state = State.OPENING;
    this.sendOpening(now);
  }

  /** Sends the first boundary. That it is taken shows that the connection stands. */
  private sendOpening(now: i64): void {
    const count = this.offer();
    if (count < 0) return this.fail(count == Fault.MISSING ? Trouble.NO_SUCH_HOST : Trouble.UNREACHABLE, now);
    if (count == 0) return this.waitForRoom(CONNECT_DEADLINE, Trouble.SILENT, now);
    this.at += count;
    this.progressAt = now;
    if (this.at < this.end) return this.waitForRoom(WRITE_DEADLINE, Trouble.STALLED, now);
    this.relay.stands(now);
    if (this.relayStays(now)) this.watch(now); // looked for once, its end is told even before the first frame
  }

  /** Begins with the newest frame if the relay does not have it yet, else waits for one. */
  private watch(now: i64): void {
    const slots = this.slots;
    this.source.want(now);
    const newest = slots.newest;
    if (!newest || newest.sequence == this.sequence) {
      this.state = State.WATCHING;
      this.waitFor(slots.published, slots.published.count);
      return;
    }
    if (this.state != State.OFFERING) this.progressAt = now;
    this.at = newest.partAt;
    this.end = newest.partAt + newest.partBytes;
    const count = this.offer();
    if (count < 0) return this.fail(Trouble.ENDED, now);
    if (count == 0) {
      // It may be old by the time that there is room: nothing is held until then.
      this.state = State.OFFERING;
      return this.waitForRoom(WRITE_DEADLINE, Trouble.STALLED, now);
    }
    this.slot = slots.borrow();
    if (this.sequence) this.dropped += newest.sequence - this.sequence - 1;
    this.sequence = newest.sequence;
    this.at += count;
    this.progressAt = now;
    this.state = State.SENDING;
    this.goOn(now);
  }

  private send(now: i64): void {
    this.source.want(now);
    const count = this.offer();
    if (count < 0) return this.fail(Trouble.ENDED, now);
    this.at += count;
    if (count > 0) this.progressAt = now;
    this.goOn(now);
  }

  /** Waits for room for the rest of the frame; where there is none, the frame is sent. */
  private goOn(now: i64): void {
    if (this.at < this.end) return this.waitForRoom(WRITE_DEADLINE, Trouble.STALLED, now);
    this.returnSlot();
    this.sent++;
    this.relay.settle(now);
    this.state = State.WATCHING;
    this.wake(); // a newer one may have come while this one was on its way
  }

  /** Offers what is to be sent. @returns how many bytes were taken, 0 where there is no room, or a fault */
  private offer(): i32 {
    const socket = this.relay.socket;
    if (!socket.writable) return 0;
    const count = socket.send(this.at, u32(this.end - this.at));
    return count == Fault.AGAIN ? 0 : count;
  }

  /** Waits until there is room, but not for ever. */
  private waitForRoom(patience: i64, trouble: Trouble, now: i64): void {
    const deadline = this.progressAt + patience;
    if (now >= deadline) return this.fail(trouble, now);
    this.waitUntil(deadline);
    if (this.relay.socket.writable) this.wake();
  }

  /** Reads away what the relay says. @returns false if it is gone */
  private relayStays(now: i64): bool {
    const socket = this.relay.socket;
    if (!socket.readable) return true;
    const count = socket.receive(trash, IN_BYTES);
    if (count < 0 && count != Fault.AGAIN) {
      this.fail(Trouble.ENDED, now);
      return false;
    }
    if (socket.readable) this.wake();
    return true;
  }

  private returnSlot(): void {
    const slot = this.slot;
    if (slot) this.slots.giveBack(slot);
    this.slot = null;
  }

  private fail(trouble: Trouble, now: i64): void {
    this.returnSlot();
    this.relay.fail(trouble, now);
    this.state = State.RESTING;
    this.waitUntil(this.relay.retryAt);
  }
}
