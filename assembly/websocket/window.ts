/**
 * How much a viewer is sent ahead of its acknowledgements: the rule by which a slow viewer's pictures stay young
 * whatever buffers lie on the way. It only reckons; frames and acknowledgements are told to it.
 *
 * A further frame may begin where nothing is unacknowledged, or no more than the viewer takes in a certain time, and
 * none of it for longer than that:
 *
 *     unacknowledged ≤ rate x time,   time = max(min(max(4 x round trip, 100 ms), 200 ms), 1.5 x round trip)
 *     unacknowledged for ≤ time + its own sending time
 *
 * - *rate*: the bytes that were acknowledged from before a frame's beginning to its own acknowledgement, by the time
 *   that took; smoothed. It can't be more than the path carries, since that time has a round trip in it.
 * - *round trip*: from a ping, sent in front of a frame while nothing is unacknowledged, to its pong: so no picture is
 *   in the way. The least of the last seconds counts, as whatever adds to it is a queue.
 * - *4*: with one frame at a time the path is idle for a round trip a frame. A second one begins as soon as sending
 *   takes less than three of them, so that at least three quarters of the path are used.
 * - *100 ms*: round trips over the air, and busy pages, vary by so much; with less a good viewer would miss frames for
 *   nothing.
 * - *200 ms*: what lies before a new frame is gone in this time. With the frame's own waiting for the next one to be
 *   captured, and half a round trip, its picture is at most about 0.3 s old when it is there, and its own sending time.
 * - *for*: a path that takes much in a moment has a high rate. Should it stop, no more than this is in front of it.
 * - *1.5*: a path that is longer than that keeps as much under way as it holds, and half as much again, or the rate
 *   could not rise: with one frame a round trip what is unacknowledged is the rate times the round trip.
 */

import {
  ACKNOWLEDGED_WITHIN_MAX,
  ACKNOWLEDGED_WITHIN_MIN,
  PING_EVERY,
  ROUND_TRIP_PERIOD,
  SECOND,
  UNACKNOWLEDGED_MAX,
} from "../limits";

/** A new sample of the rate counts a quarter. */
const SMOOTHING: i64 = 4;

/** A frame that was begun and is not acknowledged. */
class Sent {
  sequence: u32 = 0;
  bytes: u32 = 0;
  /** When it was captured, and begun. */
  time: i64 = 0;
  begunAt: i64 = 0;
  /** Bytes that had been acknowledged when it was begun, and when that last changed, or sending began anew. */
  acknowledgedBefore: i64 = 0;
  acknowledgedAt: i64 = 0;
}

export class Window {
  /** How old the picture was that was acknowledged last, when it was; µs. */
  age: i64 = 0;
  /** Bytes a second that the viewer takes; 0 while it is not known. */
  rate: i64 = 0;
  /** µs from a ping to its pong; 0 while it is not known. */
  roundTrip: i64 = 0;
  /** Frames that are not acknowledged, and their bytes. */
  frames: i32 = 0;
  bytes: u32 = 0;
  /** When the viewer last acknowledged something, or began to owe an acknowledgement. */
  heardAt: i64 = 0;

  /** The unacknowledged frames in order: a ring, from `first` on. */
  private readonly sent: StaticArray<Sent> = new StaticArray<Sent>(UNACKNOWLEDGED_MAX);
  private first: i32 = 0;
  /** Bytes that were acknowledged in all, and when the last of them were. */
  private acknowledged: i64 = 0;
  private acknowledgedAt: i64 = 0;
  /** Whether a ping is under way, and when the last one was sent. */
  private isPinging: bool = false;
  private pingedAt: i64 = 0;
  /** The least round trips of the present period and of the one before, and when the present one began. */
  private least: i64 = 0;
  private leastBefore: i64 = 0;
  private periodSince: i64 = 0;

  constructor() {
    for (let i = 0; i < UNACKNOWLEDGED_MAX; i++) this.sent[i] = new Sent();
  }

  /** Gets ready for another viewer. */
  begin(now: i64): void {
    this.age = 0;
    this.rate = 0;
    this.roundTrip = 0;
    this.frames = 0;
    this.bytes = 0;
    this.acknowledged = 0;
    this.isPinging = false;
    this.pingedAt = now - PING_EVERY;
  }

  /** Whether a further frame may begin. */
  isOpen(now: i64): bool {
    if (this.frames == 0) return true;
    if (this.frames == UNACKNOWLEDGED_MAX || this.rate == 0) return false;
    const near = min(max(4 * this.roundTrip, ACKNOWLEDGED_WITHIN_MIN), ACKNOWLEDGED_WITHIN_MAX);
    const time = max(near, this.roundTrip + this.roundTrip / 2);
    if (<i64>this.bytes * SECOND > this.rate * time) return false;
    const oldest = this.sent[this.first];
    return now - oldest.begunAt <= time + <i64>oldest.bytes * SECOND / this.rate;
  }

  /** Whether the next frame is to have a ping in front. */
  wantsPing(now: i64): bool {
    return this.frames == 0 && !this.isPinging && now - this.pingedAt >= PING_EVERY;
  }

  pinged(now: i64): void {
    this.isPinging = true;
    this.pingedAt = now;
  }

  /** A pong has come. One that nobody asked for says nothing (RFC 6455, 5.5.3). */
  ponged(now: i64): void {
    if (!this.isPinging) return;
    this.isPinging = false;
    const trip = max(now - this.pingedAt, 1);
    if (this.roundTrip == 0) {
      this.least = trip;
      this.leastBefore = trip;
      this.periodSince = now;
    } else if (now - this.periodSince >= ROUND_TRIP_PERIOD) {
      this.leastBefore = this.least;
      this.least = trip;
      this.periodSince = now;
    } else this.least = min(this.least, trip);
    this.roundTrip = min(this.least, this.leastBefore);
  }

  /** A frame of `bytes`, captured at `time`, was begun. */
  begun(sequence: u32, bytes: u32, time: i64, now: i64): void {
    assert(this.frames < UNACKNOWLEDGED_MAX, "more frames than are counted");
    if (this.frames == 0) {
      this.acknowledgedAt = now;
      this.heardAt = now;
    }
    const frame = this.sent[(this.first + this.frames) % UNACKNOWLEDGED_MAX];
    frame.sequence = sequence;
    frame.bytes = bytes;
    frame.time = time;
    frame.begunAt = now;
    frame.acknowledgedBefore = this.acknowledged;
    frame.acknowledgedAt = this.acknowledgedAt;
    this.frames++;
    this.bytes += bytes;
  }

  /** The viewer has a frame, and so all before it. @returns false where it was not sent, or is acknowledged already */
  acknowledge(sequence: u32, now: i64): bool {
    let count = 0;
    while (count < this.frames && this.sent[(this.first + count) % UNACKNOWLEDGED_MAX].sequence != sequence) count++;
    if (count == this.frames) return false;
    let frame = this.sent[this.first];
    for (let i = 0; i <= count; i++) {
      frame = this.sent[(this.first + i) % UNACKNOWLEDGED_MAX];
      this.bytes -= frame.bytes;
      this.acknowledged += frame.bytes;
    }
    this.first = (this.first + count + 1) % UNACKNOWLEDGED_MAX;
    this.frames -= count + 1;
    const took = max(now - frame.acknowledgedAt, 1);
    const rate = (this.acknowledged - frame.acknowledgedBefore) * SECOND / took;
    this.rate = max(this.rate ? this.rate + (rate - this.rate) / SMOOTHING : rate, 1);
    this.acknowledgedAt = now;
    this.heardAt = now;
    this.age = now - frame.time;
    return true;
  }
}
