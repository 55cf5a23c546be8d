/**
 * Finds JPEG files in a stream of bytes that somebody else sends, in pieces of any size: multipart (RFC 2046, 5.1), as
 * gstreamer, ffmpeg and cameras write it, or one file behind the other. What the stream is shows in it: a line that
 * begins with `--` tells the boundary, the two bytes of a file's first marker that there is none. Where the bytes come
 * from, and what frames them there (HTTP, chunks), is the caller's; so is what becomes of a file.
 *
 * Bytes are received straight into the slot that is being written, so that a file is there when its last byte is. Where
 * it ends is decided by its own markers alone. The length that a part says it has is only compared, used to receive no
 * further than the part, since what comes behind a file has to be moved to the next slot, and to see that one was cut
 * short:
 *
 *     |  tables  | file, as far as it came       |  room  |        while a file comes: `from` is where it begins
 *     |  tables  | read | not read yet           |  room  |        else
 *     jpegAt     base   from                     to       limit
 *
 * The place for tables is for those that a file may lack.
 *
 * What is broken is dropped and counted, and the stream goes on at the next boundary, or else at the next file. Memory
 * is the slot, however long a part is.
 */

import { COLON, CR, DASH, LF, SPACE, TAB, equalsInAnyCase, isBlank, isDigit, isLetter, startsWith } from "../ascii";
import { FileWalk, TABLES_BYTES, Walk } from "../jpeg/file-walk";
import { JPEG_BYTES_MAX, PART_TAIL_BYTES, RELAY_PIECE_BYTES, SLOT_BYTES } from "../limits";
import { Slot, Slots } from "../slot";

/** What a look at the bytes came to. */
export enum Reading {
  /** All that came is read, and it goes on with more. */
  ALL,
  /** A slice of work is done, and there is more to read. */
  MORE,
  /** A whole file is in the slot: {@link StreamReader.publish} comes next. */
  FILE,
}

/** What the stream turned out to be. */
export enum Form {
  UNKNOWN,
  MULTIPART,
  /** One file behind the other. */
  FILES,
}

enum State {
  /** Looks for where a part, or a file, begins. */
  SEEKING,
  /** Behind a boundary, in the rest of its line. */
  BOUNDARY_END,
  /** In the lines that say what a part is. */
  PART_HEAD,
  /** At the first byte of what shall be a file. */
  FILE_START,
  FILE,
  /** A whole file is there. */
  WHOLE,
}

/** Bytes of a boundary without its dashes: RFC 2046, 5.1.1. */
const BOUNDARY_BYTES_MAX: u32 = 70;
/** A part's lines, and a boundary's with all that may stand in it. */
const PART_HEAD_BYTES_MAX: u32 = 1024;
const BOUNDARY_LINE_BYTES_MAX: u32 = BOUNDARY_BYTES_MAX + 8;
/** Empty lines and blanks that are passed over before a file. */
const BLANKS_MAX: u32 = 16;
/** Bytes that are searched at once. */
const SLICE_BYTES: u32 = 32 * 1024;
/** A boundary that did not come in so many bytes was none, or is no longer. */
const FORGET_AFTER: u32 = 2 * SLOT_BYTES;
/** A part's length from which on it is not counted exactly. */
const LENGTH_UNCOUNTED: u32 = 100_000_000;

const MARKER: u32 = 0xff;
const SOI: u32 = 0xd8;

/** What publishing writes behind a file, where the stream's next bytes may lie already. */
const behind = memory.data(<i32>PART_TAIL_BYTES);

export class StreamReader {
  form: Form = Form.UNKNOWN;
  /** Pixels of the newest whole file, `width << 16 | height`. */
  size: u32 = 0;
  /** Files that were broken, or cut short. */
  broken: u32 = 0;
  /** Files that did not fit a slot. */
  oversized: u32 = 0;
  /** Parts of another type than JPEG. */
  foreign: u32 = 0;
  /** Parts that were shorter, by what they said, than the whole file in them. */
  mismeasured: u32 = 0;
  /** Bytes that were passed over since the last whole file. */
  passed: u32 = 0;

  private state: State = State.SEEKING;
  private slot: Slot;
  private base: usize = 0;
  private from: usize = 0;
  private to: usize = 0;
  /** The byte before `from`. */
  private before: u32 = LF;
  /** The boundary, as far as it is known, and how much was read since it was last seen. */
  private readonly boundary: usize = heap.alloc(BOUNDARY_BYTES_MAX);
  private boundaryBytes: u32 = 0;
  private unbound: u32 = 0;
  private readonly walk: FileWalk = new FileWalk();
  /** When the file's first byte was read. */
  private fileSince: i64 = 0;
  /** Of a part's head: its bytes so far, whether it is of another type, and the length that it says; 0 for none. */
  private headBytes: u32 = 0;
  private isForeign: bool = false;
  private length: u32 = 0;
  /** Bytes of the part before its file. */
  private blanks: u32 = 0;
  /**
   * Whether the file ends where its part says, unless there turns out to be no boundary. A file that was cut short
   * ends there too: else what is between parts might pass for more of it for long.
   */
  private hasEnd: bool = false;

  constructor(private readonly slots: Slots) {
    this.slot = slots.take();
    this.rebase();
  }

  /** Begins with another stream. A file that was under way is broken. */
  begin(): void {
    if (this.state == State.FILE) this.broken++;
    this.form = Form.UNKNOWN;
    this.state = State.SEEKING;
    this.from = this.base;
    this.to = this.base;
    this.before = LF;
    this.boundaryBytes = 0;
    this.unbound = 0;
    this.passed = 0;
  }

  /** Where the next bytes are to go. */
  get at(): usize {
    return this.to;
  }

  /** How many may come at once: at least one after {@link read} answered ALL. */
  get room(): u32 {
    const room = min(u32(this.limit - this.to), RELAY_PIECE_BYTES);
    if (this.state != State.FILE || this.length == 0) return room;
    const came = u32(this.to - this.base) + this.blanks;
    return came < this.length ? min(room, this.length - came) : room;
  }

  /** Whether a part, or a file, has begun and is not whole. */
  get isInPart(): bool {
    switch (this.state) {
      case State.PART_HEAD:
        return this.headBytes > 0;
      case State.FILE_START:
      case State.FILE:
        return true;
      default:
        return false;
    }
  }

  /** `count` bytes came, at `at`. */
  came(count: u32): void {
    assert(count <= u32(this.limit - this.to), "more came than there is room for");
    this.to += count;
  }

  /** Reads on, a slice at a time. */
  read(now: i64): Reading {
    let reading = Reading.MORE;
    let before: State;
    do {
      before = this.state;
      reading = this.turn(now);
      // Lines are short and done with at once; a search and a walk may each take a slice.
    } while (reading == Reading.MORE && before != State.FILE && this.state != State.SEEKING);
    return reading;
  }

  private turn(now: i64): Reading {
    switch (this.state) {
      case State.SEEKING:
        return this.seek();
      case State.BOUNDARY_END:
        return this.endBoundary();
      case State.PART_HEAD:
        return this.readLine();
      case State.FILE_START:
        return this.startFile(now);
      case State.FILE:
        return this.readFile();
      default:
        return Reading.FILE;
    }
  }

  /** Publishes the file that was found, and goes on behind it. @returns the slot that it is in */
  publish(): Slot {
    assert(this.state == State.WHOLE, "published what is no file");
    const slot = this.slot;
    const end = this.walk.at;
    const file = this.walk.complete();
    const rest = u32(this.to - end);
    const hidden = min(rest, PART_TAIL_BYTES);
    memory.copy(behind, end, hidden);
    slot.size = this.size;
    this.slots.publish(slot, u32(end - file), this.fileSince, file);
    this.slot = this.slots.take();
    this.rebase();
    memory.copy(this.base, behind, hidden);
    memory.copy(this.base + hidden, end + hidden, rest - hidden);
    this.to = this.base + rest;
    this.state = State.SEEKING;
    return slot;
  }

  private get limit(): usize {
    return this.slot.jpegAt + JPEG_BYTES_MAX;
  }

  private rebase(): void {
    this.base = this.slot.jpegAt + TABLES_BYTES;
    this.from = this.base;
    this.to = this.base;
  }

  /** Waits for more, with what was not read moved to the beginning. */
  private wait(): Reading {
    if (this.from > this.base) {
      memory.copy(this.base, this.from, this.to - this.from);
      this.to -= this.from - this.base;
      this.from = this.base;
    }
    return Reading.ALL;
  }

  /** What lies before `at` is read. */
  private pass(at: usize): void {
    if (at == this.from) return;
    this.before = load<u8>(at - 1);
    this.passed += u32(at - this.from);
    this.unbound += u32(at - this.from);
    this.from = at;
  }

  private seek(): Reading {
    if (this.boundaryBytes && this.unbound > FORGET_AFTER) {
      this.boundaryBytes = 0;
      this.form = Form.UNKNOWN;
    }
    const stop = min(this.to, this.from + SLICE_BYTES);
    for (let at = this.from; at < stop; at++) {
      const c: u32 = load<u8>(at);
      if (c == DASH) {
        const length = this.boundaryAt(at);
        if (length == 0) continue;
        this.pass(length < 0 ? at : at + length);
        if (length < 0) return this.wait();
        this.form = Form.MULTIPART;
        this.state = State.BOUNDARY_END;
        return Reading.MORE;
      }
      if (c != MARKER || this.boundaryBytes) continue;
      const there = u32(this.to - at);
      if ((there > 1 && load<u8>(at, 1) != SOI) || (there > 2 && load<u8>(at, 2) != MARKER)) continue;
      this.pass(at);
      if (there < 3) return this.wait();
      this.form = Form.FILES;
      this.length = 0;
      this.blanks = 0;
      this.state = State.FILE_START;
      return Reading.MORE;
    }
    this.pass(stop);
    return this.from < this.to ? Reading.MORE : this.wait();
  }

  /** Bytes of the boundary at `at`, with its dashes; 0 if there is none, below 0 where more bytes have to tell. */
  private boundaryAt(at: usize): i32 {
    if (!this.boundaryBytes) return this.learnBoundary(at);
    const there = min(u32(this.to - at), this.boundaryBytes + 2);
    if (there > 1 && load<u8>(at, 1) != DASH) return 0;
    if (there > 2 && memory.compare(at + 2, this.boundary, there - 2) != 0) return 0;
    return there < this.boundaryBytes + 2 ? -1 : this.boundaryBytes + 2;
  }

  /** Takes a line of two dashes and some characters for a boundary. @returns as {@link boundaryAt} */
  private learnBoundary(at: usize): i32 {
    if ((at > this.from ? <u32>load<u8>(at - 1) : this.before) != LF) return 0;
    const there = min(u32(this.to - at), BOUNDARY_LINE_BYTES_MAX);
    let end: u32 = 1;
    while (end < there && isBoundary(load<u8>(at + end))) end++;
    if (end > 1 && load<u8>(at, 1) != DASH) return 0;
    if (end == there) return there < BOUNDARY_LINE_BYTES_MAX ? -1 : 0;
    const c: u32 = load<u8>(at + end);
    if (c != CR && c != LF) return 0;
    while (end > 0 && load<u8>(at + end - 1) == SPACE) end--;
    if (end < 3 || end - 2 > BOUNDARY_BYTES_MAX) return 0;
    const isClosing = end > 4 && load<u8>(at + end - 1) == DASH && load<u8>(at + end - 2) == DASH;
    if (isClosing) return 0;
    this.boundaryBytes = end - 2;
    memory.copy(this.boundary, at + 2, this.boundaryBytes);
    return end;
  }

  /** In the rest of a boundary's line: nothing, or two dashes where it closes the last part. */
  private endBoundary(): Reading {
    for (let at = this.from; at < this.to; at++) {
      const c: u32 = load<u8>(at);
      if (c == LF) {
        this.pass(at + 1);
        this.unbound = 0;
        this.headBytes = 0;
        this.isForeign = false;
        this.length = 0;
        this.blanks = 0;
        this.state = State.PART_HEAD;
        return Reading.MORE;
      }
      if (c == CR || c == SPACE || c == TAB) continue;
      // It closes, or is another text that begins like the boundary.
      this.state = State.SEEKING;
      this.pass(at);
      return Reading.MORE;
    }
    this.pass(this.to);
    return this.wait();
  }

  /** A line that says what the part is, or the empty one behind them. */
  private readLine(): Reading {
    let at = this.from;
    while (at < this.to && load<u8>(at) != LF) at++;
    if (this.headBytes + u32(at - this.from) > PART_HEAD_BYTES_MAX) return this.drop();
    if (at == this.to) return this.wait();
    const line = this.from;
    const end = at > line && load<u8>(at - 1) == CR ? at - 1 : at;
    if (end > line && load<u8>(line) == DASH && this.boundaryAt(line) > 0) return this.drop(); // nothing but a head
    this.headBytes += u32(at + 1 - line);
    this.pass(at + 1);
    if (end > line) this.readField(line, end);
    else if (this.isForeign) {
      this.foreign++;
      this.state = State.SEEKING;
    } else this.state = State.FILE_START;
    return Reading.MORE;
  }

  private readField(line: usize, end: usize): void {
    let colon = line;
    while (colon < end && load<u8>(colon) != COLON) colon++;
    let value = colon + 1;
    while (value < end && isBlank(load<u8>(value))) value++;
    if (value >= end) return;
    if (equalsInAnyCase(line, u32(colon - line), "content-type")) {
      // Some say image/jpg, which is nobody's registered name.
      const length = u32(end - value);
      this.isForeign = !startsWith(value, length, "image/jp") && !startsWith(value, length, "image/pjpeg");
    } else if (equalsInAnyCase(line, u32(colon - line), "content-length")) {
      let length: u32 = 0;
      for (; value < end && isDigit(load<u8>(value)); value++) {
        length = min(length * 10 + (load<u8>(value) - 0x30), LENGTH_UNCOUNTED);
      }
      this.length = value == end ? length : 0;
    }
  }

  /** Passes blanks over, and begins with the file where there is one. */
  private startFile(now: i64): Reading {
    while (this.from < this.to && this.blanks < BLANKS_MAX && isSpace(load<u8>(this.from))) {
      this.pass(this.from + 1);
      this.blanks++;
    }
    const there = this.to - this.from;
    if (there == 0 || (there == 1 && load<u8>(this.from) == MARKER)) return this.wait();
    if (load<u8>(this.from) != MARKER || load<u8>(this.from, 1) != SOI) {
      this.foreign++;
      this.state = State.SEEKING;
      return Reading.MORE;
    }
    this.wait();
    this.walk.begin(this.base);
    this.hasEnd = this.boundaryBytes > 0 && this.length > this.blanks;
    this.fileSince = now;
    this.state = State.FILE;
    return Reading.MORE;
  }

  private readFile(): Reading {
    const walk = this.walk;
    const end = this.hasEnd ? min(this.partEnd, this.to) : this.to;
    switch (walk.goOn(end)) {
      case Walk.MORE:
        return Reading.MORE;
      case Walk.UNFINISHED: {
        if (this.hasEnd && end == this.partEnd) {
          const length = this.boundaryBehind(end);
          if (length > 0) {
            this.broken++;
            return this.resume(end);
          }
          this.hasEnd = length < 0 && this.to < this.limit;
          return this.hasEnd ? Reading.ALL : Reading.MORE;
        }
        if (this.to < this.limit) return Reading.ALL;
        this.oversized++;
        return this.resume(this.to);
      }
      case Walk.WHOLE: {
        if (this.length && u32(walk.at - this.base) + this.blanks > this.length) this.mismeasured++;
        this.size = walk.size;
        this.before = load<u8>(walk.at - 1);
        this.passed = 0;
        this.unbound = 0;
        this.state = State.WHOLE;
        return Reading.FILE;
      }
      default: {
        this.broken++;
        return this.resume(walk.at);
      }
    }
  }

  /** Where the part ends by what it said. */
  private get partEnd(): usize {
    return this.base + this.length - this.blanks;
  }

  /** Whether a boundary's line is at `at`, behind a line's end: as {@link boundaryAt}. */
  private boundaryBehind(at: usize): i32 {
    if (at < this.to && load<u8>(at) == CR) at++;
    if (at < this.to && load<u8>(at) == LF) at++;
    if (at == this.to) return -1;
    return load<u8>(at) == DASH ? this.boundaryAt(at) : 0;
  }

  /** A part's head makes no sense: the stream goes on at the next boundary. */
  private drop(): Reading {
    this.broken++;
    this.state = State.SEEKING;
    return Reading.MORE;
  }

  /**
   * The file is lost. The next part may lie within the bytes that were taken for its, behind a boundary. Without one
   * the next file begins at `at` at the earliest: what was walked through before may have others in it, small ones.
   */
  private resume(at: usize): Reading {
    this.state = State.SEEKING;
    this.pass(this.boundaryBytes ? this.base + 2 : max(this.base + 2, min(at, this.to)));
    return Reading.MORE;
  }
}

/** Whether `c` may stand in a boundary: RFC 2046, 5.1.1. */
function isBoundary(c: u32): bool {
  if (isDigit(c) || isLetter(c)) return true;
  switch (c) {
    case 0x20: // space
    case 0x27: // '
    case 0x28: // (
    case 0x29: // )
    case 0x2b: // +
    case 0x2c: // ,
    case 0x2d: // -
    case 0x2e: // .
    case 0x2f: // /
    case 0x3a: // :
    case 0x3d: // =
    case 0x3f: // ?
    case 0x5f: // _
      return true;
    default:
      return false;
  }
}

function isSpace(c: u32): bool {
  return c == SPACE || c == CR || c == LF;
}
