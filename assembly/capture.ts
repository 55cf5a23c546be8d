/**
 * The capture task: one for all viewers. It finds the sensor, asks it for a frame, polls (never waits), encodes the
 * frame in place slice by slice, copies the file into a slot and publishes it, which wakes every viewer. A file that
 * the sensor made by itself is looked at instead of encoded, and takes the same way.
 *
 * Two frame buffers: while the sensor fills one, the other is encoded. (Frames too large for two take turns with one:
 * see `limits.ts`.) The copy into the slot is load-bearing: the very next capture rewrites the buffer.
 *
 * What the sensor does wrong (does not answer, stalls, tears) is named in `/state`, counted, and tried again with a
 * growing pause; what we do wrong traps.
 */

import { Fault, Format, Level, capturePoll, captureStart, captureStop } from "./board";
import { Controls, formatName } from "./controls";
import { Progress, begin, length, slice } from "./jpeg/encoder";
import { TABLES_BYTES } from "./jpeg/file-walk";
import { beginFile, completeFile, fileLength, fileSize, lookOn } from "./jpeg/passthrough";
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
import { nextQuality, targetBytes } from "./rate";
import { Sensor } from "./sensors/sensor";
import { readSettings } from "./settings";
import { Slots } from "./slot";
import { watchSensor } from "./sockets";
import { Source } from "./source";
import { Writer } from "./writer";

/** What the task does about the sensor. */
export enum State {
  /** The next candidate is asked whether it is there. */
  FINDING,
  /** The sensor that was found is being started again, after a fault. */
  STARTING,
  /** It is being told what the controls say. */
  CONFIGURING,
  /** The controls have changed: frames that are under way are still finished. */
  DRAINING,
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
  /** It can't deliver what the controls say. */
  REFUSED,
  /** It is not there. */
  MISSING,
  /** Something else answers in its place. */
  OTHER_CHIP,
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

  /** Where the file grows. */
  at: usize = 0;
  /** Bytes up to which it may. */
  length: u32 = 0;
  /** Bytes of a file that the sensor made, with what lies behind it. */
  bytes: u32 = 0;

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

export class Capture extends Source {
  state: State = State.FINDING;
  fault: SensorFault = SensorFault.NONE;
  /** The sensor that was found, or the candidate that is being asked. */
  sensor: Sensor;

  /** What the frames that are captured now are made of. */
  format: Format = Format.RGB565;

  /** The quality that frames are encoded with now: as the control says, or what the rate or an overflow made of it. */
  quality: i32 = 0;
  /** Frames given up for their size, damaged by the sensor; and how often the sensor stalled. */
  overflowed: u32 = 0;
  torn: u32 = 0;
  stalled: u32 = 0;

  /** Where among the candidates the search is, what is the matter, and with which of them. */
  private candidate: i32 = 0;
  private matter: SensorFault = SensorFault.MISSING;
  private suspect: Sensor;
  /** Whether `sensor` is more than a candidate. */
  private isFound: bool = false;
  private readonly buffers: StaticArray<FrameBuffer> = new StaticArray<FrameBuffer>(2);
  /** How many of the two are in use. */
  private bufferCount: i32 = 0;
  /** Bytes of a frame's pixels; of a file that the sensor makes, the most there may be. */
  private frameBytes: u32 = 0;
  /** Bytes of a frame as it comes from the sensor, with a margin that is cut off. */
  private portBytes: u32 = 0;
  private encoding: FrameBuffer | null = null;
  /** When somebody last wanted a frame. */
  private wantedAt: i64 = 0;
  /** When the sensor was asked for the frame that it is filling. */
  private askedAt: i64 = 0;
  private retryAt: i64 = 0;
  private retryPause: i64 = RETRY_PAUSE_MIN;
  /**
   * The quality below which files fit for now, after an overflow; 100 else. And how many frames have fitted well since.
   */
  private ceiling: i32 = 100;
  private recovery: i32 = 0;

  constructor(
    controls: Controls,
    /** The sensors that may be there, in the order in which they are looked for. */
    private readonly sensors: Sensor[],
    slots: Slots,
  ) {
    super(controls, slots);
    this.sensor = sensors[0];
    this.suspect = sensors[0];
    this.quality = controls.quality.value;
    this.buffers[0] = new FrameBuffer();
    this.buffers[1] = new FrameBuffer();
    this.sensor.start();
    watchSensor(this);
  }

  want(now: i64): void {
    this.wantedAt = now;
    if (this.state == State.RESTING) this.wake();
  }

  change(): void {
    this.quality = this.controls.quality.value;
    this.ceiling = 100;
    this.controls.fileCeiling = 100;
    if (this.state == State.RUNNING || this.state == State.RESTING || this.state == State.CONFIGURING) {
      this.state = State.DRAINING;
      this.wake();
    }
  }

  objection(): string {
    return this.sensor.objection;
  }

  /** A sensor that failed is tried again, and a fresh frame may come at any time. */
  isStale(_now: i64): bool {
    return false;
  }

  describe(json: Writer, now: i64): void {
    json.text('"state":"').text(stateName(this.state)).text('","fault":"').text(sensorFaultName(this.fault));
    json.text('","sensor":"').text(this.sensor.name);
    json.text('","width":').number(this.width).text(',"height":').number(this.height);
    json.text(',"format":"').text(formatName(this.format));
    json.text('","sampling":"').text(this.controls.sampling.choice);
    json.text('","quality":').number(this.quality).text(',"fps":').thousandths(this.rate(now));
    json.text(',"sequence":').number(this.sequence).text(',"bytes":').number(this.bytes);
    json.text(',"published":').number(this.published).text(',"overflowed":').number(this.overflowed);
    json.text(',"torn":').number(this.torn).text(',"stalled":').number(this.stalled);
    json.text(',"corrected":').number(this.sensor.corrected);
  }

  protected breath(): i64 {
    return 2 * this.sensor.interval;
  }

  run(now: i64): void {
    switch (this.state) {
      case State.FINDING:
        this.find(now);
        break;
      case State.STARTING: {
        const result = this.sensor.run(now);
        if (result == 0) this.configure();
        else this.goOnOrFail(result, now);
        break;
      }
      case State.CONFIGURING: {
        const result = this.sensor.run(now);
        if (result != 0) {
          this.goOnOrFail(result, now);
          break;
        }
        this.layOut();
        this.state = State.RUNNING;
        this.wantedAt = now;
        this.fill(now);
        break;
      }
      case State.DRAINING: {
        if (this.held(Holder.SENSOR)) {
          captureStop();
          this.held(Holder.SENSOR)!.holder = Holder.NOBODY;
        }
        if (!this.encoding && !this.held(Holder.WAITING)) this.configure();
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
          if (this.isFound) this.state = State.STARTING;
          else {
            this.state = State.FINDING;
            this.candidate = 0;
            this.matter = SensorFault.MISSING;
            this.sensor = this.sensors[0];
          }
          this.sensor.start();
          this.wake();
        }
        break;
      }
    }
    this.encode(now);
  }

  /** Asks the candidates, one after the other. The first that is there is the sensor from then on. */
  private find(now: i64): void {
    const result = this.sensor.run(now);
    if (result == Fault.AGAIN) {
      this.waitUntil(this.sensor.wakeAt);
      return;
    }
    if (result == 0) {
      this.isFound = true;
      this.sensor.describe();
      readSettings(this.controls);
      this.quality = this.controls.quality.value;
      this.configure();
      return;
    }
    if (result == Fault.REFUSED) this.matter = this.sensor.isOnBus ? SensorFault.OTHER_CHIP : SensorFault.REFUSED;
    if (result == Fault.REFUSED || this.matter == SensorFault.MISSING) this.suspect = this.sensor;
    this.candidate++;
    if (this.candidate < this.sensors.length) {
      this.sensor = this.sensors[this.candidate];
      this.sensor.start();
      this.wake();
      return;
    }
    this.sensor = this.suspect; // whom the fault is named after
    this.fail(now, this.matter);
  }

  private configure(): void {
    this.state = State.CONFIGURING;
    this.sensor.apply();
    this.wake();
  }

  private goOnOrFail(result: i32, now: i64): void {
    if (result == Fault.AGAIN) this.waitUntil(this.sensor.wakeAt);
    else if (result == Fault.MISSING) this.fail(now, SensorFault.MISSING);
    else this.fail(now, this.state == State.STARTING ? SensorFault.OTHER_CHIP : SensorFault.REFUSED);
  }

  /** Lays the buffers out for what the sensor delivers from now on. None is in use. */
  private layOut(): void {
    const controls = this.controls;
    this.format = formatNamed(controls.format.choice);
    const size = controls.size.choice;
    const cross = size.indexOf("x");
    this.width = digits(size, 0, cross);
    this.height = digits(size, cross + 1, size.length);
    const isFile = this.format == Format.JPEG;
    assert(TABLES_BYTES <= JPEG_HEADROOM, "no room for what a file lacks");
    const bytesAPixel = this.format == Format.GRAY || this.format == Format.BAYER ? 1 : 2;
    // A sensor's file may have much behind its end; what there is of it is cut off before it has to fit a slot.
    const fileRoom = FRAME_ARENA_BYTES / 2 - JPEG_HEADROOM - 16;
    this.frameBytes = isFile ? fileRoom : this.width * this.height * bytesAPixel;
    this.portBytes = this.frameBytes + this.sensor.marginBytes;
    const stride = (this.portBytes + JPEG_HEADROOM + 15) & ~15;
    assert(stride <= FRAME_ARENA_BYTES, "the sensor's frames do not fit");
    this.bufferCount = stride * 2 <= FRAME_ARENA_BYTES ? 2 : 1;
    const bufferBytes = FRAME_ARENA_BYTES / this.bufferCount & ~15;
    for (let i = 0; i < this.bufferCount; i++) {
      const buffer = this.buffers[i];
      assert(buffer.holder == Holder.NOBODY, "a buffer is in use");
      buffer.at = arena + <usize>i * bufferBytes;
      buffer.length = bufferBytes;
    }
  }

  private held(holder: Holder): FrameBuffer | null {
    for (let i = 0; i < this.bufferCount; i++) {
      if (this.buffers[i].holder == holder) return this.buffers[i];
    }
    return null;
  }

  /** Asks the sensor for the next frame if a buffer is free and somebody wants one; rests if nobody does. */
  private fill(now: i64): void {
    if (this.held(Holder.SENSOR)) return;
    if (now - this.wantedAt >= REST_AFTER) {
      this.state = State.RESTING;
      this.rest();
      return;
    }
    const buffer = this.held(Holder.NOBODY);
    if (!buffer) return; // the encoder frees one
    const result = captureStart(buffer.pixels, this.portBytes);
    if (result < 0) {
      this.fail(now, result == Fault.MISSING ? SensorFault.MISSING : SensorFault.REFUSED);
      return;
    }
    buffer.holder = Holder.SENSOR;
    this.askedAt = now;
    this.waitUntil(this.stallsAt);
  }

  private get stallsAt(): i64 {
    return this.askedAt + STALL_DEADLINE + 2 * this.sensor.interval;
  }

  /** Sees whether the sensor has finished the frame that it was asked for. */
  private poll(now: i64): void {
    const buffer = this.held(Holder.SENSOR);
    if (!buffer) return;
    let result = capturePoll(frameTime, 8);
    if (result > 0) result = this.sensor.trim(buffer.pixels, result);
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
    } else if (result < 0 || (this.format != Format.JPEG && <u32>result != this.frameBytes)) {
      this.torn++; // the next frame is asked for at once
    } else {
      buffer.holder = Holder.WAITING;
      buffer.bytes = result;
      buffer.time = load<i64>(frameTime);
      if (this.fault != SensorFault.NONE) {
        beginLine().text("sensor ").text(this.sensor.name).text(": delivers frames again");
        endLine(Level.INFO);
      }
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
    const isFile = this.format == Format.JPEG;
    if (!buffer) {
      buffer = this.held(Holder.WAITING);
      if (!buffer) return;
      buffer.holder = Holder.ENCODER;
      this.encoding = buffer;
      if (isFile) beginFile(buffer.pixels, buffer.bytes);
      else {
        const end = buffer.at + min(buffer.length, JPEG_BYTES_MAX);
        const sampling = this.controls.sampling.value;
        const restart = this.controls.restart.value;
        const pixels = buffer.pixels;
        begin(pixels, this.width, this.height, this.format, sampling, this.quality, restart, buffer.at, end);
      }
    }
    const progress = isFile ? lookOn() : slice();
    if (progress == Progress.MORE) {
      this.wake();
      return;
    }
    if (progress != Progress.DONE) {
      if (isFile) this.torn++;
      else this.giveUp();
    } else if (isFile) {
      const file = completeFile();
      this.width = fileSize() >> 16; // what the board said of it may have been a guess
      this.height = fileSize() & 0xffff;
      if (fileLength() > JPEG_BYTES_MAX) this.giveUpFile();
      else this.publish(now, file, fileLength(), buffer.time);
    } else {
      this.publish(now, buffer.at, length(), buffer.time);
      this.adapt(now);
    }
    buffer.holder = Holder.NOBODY;
    this.encoding = null;
    this.wake(); // a buffer is free
  }

  private publish(now: i64, file: usize, bytes: u32, time: i64): void {
    const slot = this.slots.take();
    memory.copy(slot.jpegAt, file, bytes);
    slot.size = this.width << 16 | this.height;
    this.slots.publish(slot, bytes, time);
    this.count(slot, now);
  }

  /** Chooses the next frame's quality by what the last one took. */
  private adapt(now: i64): void {
    if (this.ceiling < 100 && this.bytes <= min(this.frameBytes, JPEG_BYTES_MAX) / 4 * 3) {
      if (++this.recovery >= RECOVERY_FRAMES) {
        this.recovery = 0;
        this.ceiling++;
      }
    }
    const target = targetBytes(this.controls, this.rate(now));
    const wanted = target ? nextQuality(this.quality, this.bytes, target) : this.controls.quality.value;
    this.quality = min(wanted, this.ceiling);
  }

  /** The sensor's file does not fit a slot: it is lost, and the sensor is told to make smaller ones. */
  private giveUpFile(): void {
    this.overflowed++;
    this.controls.fileCeiling = max(min(this.controls.quality.value, this.controls.fileCeiling) * 3 / 4, 1);
    if (this.state == State.RUNNING || this.state == State.RESTING) this.state = State.DRAINING;
  }

  /** The file would have overtaken the pixels, or the slot: this frame is lost, the next is made smaller. */
  private giveUp(): void {
    this.overflowed++;
    this.recovery = 0;
    this.quality = max(this.quality * 3 / 4, 1);
    this.ceiling = this.quality;
  }
}

/** How `/state` and the log name a fault. */
function sensorFaultName(fault: SensorFault): string {
  switch (fault) {
    case SensorFault.REFUSED:
      return "refused";
    case SensorFault.MISSING:
      return "missing";
    case SensorFault.OTHER_CHIP:
      return "another chip";
    case SensorFault.STALLED:
      return "stalled";
    default:
      return "none";
  }
}

/** How `/state` names what the task does. */
function stateName(state: State): string {
  switch (state) {
    case State.FINDING:
      return "finding";
    case State.STARTING:
    case State.CONFIGURING:
    case State.DRAINING:
      return "configuring";
    case State.RESTING:
      return "resting";
    case State.RUNNING:
      return "running";
    default:
      return "failed";
  }
}

/** The format that people write so. */
function formatNamed(name: string): Format {
  if (name == "gray") return Format.GRAY;
  if (name == "rgb565") return Format.RGB565;
  if (name == "yuyv") return Format.YUYV;
  return name == "jpeg" ? Format.JPEG : Format.BAYER;
}

/** The decimal number in the characters of `text` from `start` to before `end`. */
function digits(text: string, start: i32, end: i32): i32 {
  let number = 0;
  for (let i = start; i < end; i++) number = number * 10 + text.charCodeAt(i) - 0x30;
  return number;
}
