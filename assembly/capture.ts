/**
 * The capture task: one for all viewers. It asks the sensor for a frame, polls (never waits), encodes the frame in
 * place slice by slice, copies the file into a slot and publishes it, which wakes every viewer.
 *
 * Two frame buffers: while the sensor fills one, the other is encoded. (Frames too large for two take turns with one:
 * see `limits.ts`.) The copy into the slot is load-bearing: the very next capture rewrites the buffer.
 *
 * What the sensor does wrong (stalls, tears, is unplugged, can't do the size) is named in `/state`, counted, and tried
 * again with a growing pause; what we do wrong traps.
 */

import { Fault, Format, Level, capturePoll, captureStart, captureStop } from "./board";
import { Progress, begin, length, slice } from "./jpeg/encoder";
import { beginLine, endLine } from "./journal";
import {
  FRAME_ARENA_BYTES,
  JPEG_BYTES_MAX,
  JPEG_HEADROOM,
  RETRY_PAUSE_MAX,
  RETRY_PAUSE_MIN,
  REST_AFTER,
  SECOND,
  STALL_DEADLINE,
} from "./limits";
import { NEVER, Task } from "./scheduler";
import { SoftSensor } from "./sensors/soft";
import { Settings } from "./settings";
import { Slots } from "./slot";
import { watchSensor } from "./sockets";

/** What the task does about the sensor. */
export enum State {
  /** The sensor has to be told what to deliver. */
  CONFIGURING,
  /** Nobody wants frames; the sensor is left alone until somebody does. */
  RESTING,
  /** The sensor works: a buffer is being filled, or will be as soon as one is free. */
  RUNNING,
  /** The sensor failed in the way that `fault` says; it is tried again at `retryAt`. */
  FAILED,
}

/** What went wrong with the sensor last. */
export enum SensorFault {
  NONE,
  /** It can't deliver what the settings ask for. */
  REFUSED,
  /** It is not there. */
  MISSING,
  /** It delivered nothing for STALL_DEADLINE. */
  STALLED,
}

/** Whose turn it is with a frame buffer. */
enum Holder {
  /** It can be filled. */
  NOBODY,
  /** The sensor writes to it. */
  SENSOR,
  /** A whole frame is in it and waits for the encoder. */
  WAITING,
  /** Its pixels are becoming a file. */
  ENCODER,
}

class FrameBuffer {
  holder: Holder = Holder.NOBODY;
  /** When its frame was captured, µs. */
  time: i64 = 0;

  constructor(
    /** Where the file grows. */
    readonly at: usize,
    /** Bytes up to which it may. */
    readonly length: u32,
  ) {}

  /** Where the pixels are. */
  get pixels(): usize {
    return this.at + JPEG_HEADROOM;
  }
}

const arena = memory.data(<i32>FRAME_ARENA_BYTES, 16);
/** Where capturePoll writes a frame's time. */
const frameTime = memory.data(8, 8);

/** After a frame that did not fit, quality comes back by one after so many that used at most three quarters. */
const RECOVERY_FRAMES: i32 = 8;

export class Capture extends Task {
  state: State = State.CONFIGURING;
  fault: SensorFault = SensorFault.NONE;
  readonly sensor: SoftSensor = new SoftSensor();

  /** The quality that frames are encoded with now: the settings', or less after one that did not fit. */
  quality: i32;
  /** Frames published, given up for their size, damaged by the sensor; and how often the sensor stalled. */
  published: u32 = 0;
  overflowed: u32 = 0;
  torn: u32 = 0;
  stalled: u32 = 0;
  /** Sequence number, and bytes of the file, of the newest frame. */
  sequence: u32 = 0;
  bytes: u32 = 0;

  private readonly buffers: StaticArray<FrameBuffer>;
  private readonly frameBytes: u32;
  private encoding: FrameBuffer | null = null;
  /** When somebody last wanted a frame. */
  private wantedAt: i64 = 0;
  /** When the sensor was asked for the frame that it is filling. */
  private askedAt: i64 = 0;
  private retryAt: i64 = 0;
  private retryPause: i64 = RETRY_PAUSE_MIN;
  private recovery: i32 = 0;
  /** Where the present second of counting began, how many frames it has, and what the last one gave. */
  private countedFrom: i64 = 0;
  private counted: i32 = 0;
  private lastPublished: i64 = NEVER;
  private thousandths: u32 = 0;

  constructor(
    readonly settings: Settings,
    readonly slots: Slots,
  ) {
    super();
    const frameBytes: u32 = settings.width * settings.height * (settings.format == Format.GRAY ? 1 : 2);
    this.frameBytes = frameBytes;
    this.quality = settings.quality;
    const stride = (frameBytes + JPEG_HEADROOM + 15) & ~15;
    const count = stride * 2 <= FRAME_ARENA_BYTES ? 2 : 1;
    const buffers = new StaticArray<FrameBuffer>(count);
    const bufferBytes = FRAME_ARENA_BYTES / count & ~15;
    for (let i = 0; i < count; i++) buffers[i] = new FrameBuffer(arena + <usize>i * bufferBytes, bufferBytes);
    this.buffers = buffers;
    watchSensor(this);
  }

  /** Somebody wants a frame newer than those there are: keeps capture going, or wakes it. */
  want(now: i64): void {
    this.wantedAt = now;
    if (this.state == State.RESTING) this.wake();
  }

  /** Frames published a second, in thousandths, over the last whole second. */
  rate(now: i64): u32 {
    const silence = now - this.lastPublished;
    const isSilent = this.lastPublished == NEVER || silence > SECOND + 2 * this.interval;
    return isSilent ? 0 : this.thousandths;
  }

  run(now: i64): void {
    switch (this.state) {
      case State.CONFIGURING: {
        const result = this.sensor.configure(this.settings);
        if (result < 0) {
          this.fail(now, result == Fault.MISSING ? SensorFault.MISSING : SensorFault.REFUSED);
          break;
        }
        this.state = State.RUNNING;
        this.wantedAt = now;
        this.fill(now);
        break;
      }
      case State.RESTING: {
        if (now - this.wantedAt >= REST_AFTER) break;
        this.state = State.RUNNING;
        this.fill(now);
        break;
      }
      case State.RUNNING: {
        this.poll(now);
        if (this.state == State.RUNNING) this.fill(now);
        break;
      }
      case State.FAILED: {
        if (now < this.retryAt) this.waitUntil(this.retryAt);
        else {
          this.state = State.CONFIGURING;
          this.wake();
        }
        break;
      }
    }
    this.encode(now);
  }

  private get interval(): i64 {
    return SECOND / this.settings.fps;
  }

  private held(holder: Holder): FrameBuffer | null {
    for (let i = 0; i < this.buffers.length; i++) {
      if (this.buffers[i].holder == holder) return this.buffers[i];
    }
    return null;
  }

  /** Asks the sensor for the next frame if a buffer is free and somebody wants one; rests if nobody does. */
  private fill(now: i64): void {
    if (this.held(Holder.SENSOR)) return;
    if (now - this.wantedAt >= REST_AFTER) {
      this.state = State.RESTING;
      this.lastPublished = NEVER;
      this.thousandths = 0;
      return;
    }
    const buffer = this.held(Holder.NOBODY);
    if (!buffer) return; // the encoder frees one
    const result = captureStart(buffer.pixels, this.frameBytes);
    if (result < 0) {
      this.fail(now, result == Fault.MISSING ? SensorFault.MISSING : SensorFault.REFUSED);
      return;
    }
    buffer.holder = Holder.SENSOR;
    this.askedAt = now;
    this.waitUntil(this.stallsAt);
  }

  private get stallsAt(): i64 {
    return this.askedAt + STALL_DEADLINE + 2 * this.interval;
  }

  /** Sees whether the sensor has finished the frame that it was asked for. */
  private poll(now: i64): void {
    const buffer = this.held(Holder.SENSOR);
    if (!buffer) return;
    const result = capturePoll(frameTime, 8);
    if (result == Fault.AGAIN) {
      if (now < this.stallsAt) {
        this.waitUntil(this.stallsAt);
        return;
      }
      captureStop();
      buffer.holder = Holder.NOBODY;
      this.stalled++;
      this.fail(now, SensorFault.STALLED);
      return;
    }
    buffer.holder = Holder.NOBODY;
    if (result == Fault.MISSING) {
      this.fail(now, SensorFault.MISSING);
    } else if (<u32>result != this.frameBytes) {
      this.torn++; // the next frame is asked for at once
    } else {
      buffer.holder = Holder.WAITING;
      buffer.time = load<i64>(frameTime);
      this.fault = SensorFault.NONE;
      this.retryPause = RETRY_PAUSE_MIN;
    }
  }

  private fail(now: i64, fault: SensorFault): void {
    if (this.fault != fault) {
      beginLine().text("sensor ").text(this.sensor.name).text(": ").text(sensorFaultName(fault)).text(", trying again");
      endLine(Level.WARNING);
    }
    this.state = State.FAILED;
    this.fault = fault;
    this.retryAt = now + this.retryPause;
    this.retryPause = min(this.retryPause * 2, RETRY_PAUSE_MAX);
    this.waitUntil(this.retryAt);
  }

  /** Encodes the next slice of the frame that is being encoded, or of the one that waits for it. */
  private encode(now: i64): void {
    let buffer = this.encoding;
    if (!buffer) {
      buffer = this.held(Holder.WAITING);
      if (!buffer) return;
      buffer.holder = Holder.ENCODER;
      this.encoding = buffer;
      const s = this.settings;
      const end = buffer.at + min(buffer.length, JPEG_BYTES_MAX);
      begin(buffer.pixels, s.width, s.height, s.format, s.sampling, this.quality, buffer.at, end);
    }
    const progress = slice();
    if (progress == Progress.MORE) {
      this.wake();
      return;
    }
    if (progress == Progress.DONE) this.publish(now, buffer);
    else this.giveUp();
    buffer.holder = Holder.NOBODY;
    this.encoding = null;
    this.wake(); // a buffer is free
  }

  private publish(now: i64, buffer: FrameBuffer): void {
    const bytes = length();
    const slot = this.slots.take();
    memory.copy(slot.jpegAt, buffer.at, bytes);
    this.slots.publish(slot, bytes, buffer.time);
    this.published++;
    this.sequence = slot.sequence;
    this.bytes = bytes;

    this.count(now);

    if (this.quality < this.settings.quality && bytes <= min(this.frameBytes, JPEG_BYTES_MAX) / 4 * 3) {
      if (++this.recovery >= RECOVERY_FRAMES) {
        this.recovery = 0;
        this.quality++;
      }
    }
  }

  /** Counts a published frame for the rate. */
  private count(now: i64): void {
    this.counted++;
    const elapsed = now - this.countedFrom;
    if (this.lastPublished == NEVER) {
      this.countedFrom = now;
      this.counted = 0;
    } else if (elapsed >= SECOND) {
      this.thousandths = u32(<i64>this.counted * 1000 * SECOND / elapsed);
      this.countedFrom = now;
      this.counted = 0;
    }
    this.lastPublished = now;
  }

  /** The file would have overtaken the pixels, or the slot: this frame is lost, the next is made smaller. */
  private giveUp(): void {
    this.overflowed++;
    this.recovery = 0;
    this.quality = max(this.quality * 3 / 4, 1);
  }
}

/** How `/state` and the log name a fault. */
export function sensorFaultName(fault: SensorFault): string {
  switch (fault) {
    case SensorFault.REFUSED:
      return "refused";
    case SensorFault.MISSING:
      return "missing";
    case SensorFault.STALLED:
      return "stalled";
    default:
      return "none";
  }
}
