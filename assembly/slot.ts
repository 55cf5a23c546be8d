/**
 * The slots: where finished frames live while viewers send them.
 *
 * Capture takes a free slot, writes a frame into it and publishes it; from then on it is the newest. Viewers borrow the
 * newest, send it from where it lies, and give it back. A frame is never changed while somebody holds it, and it is
 * lent, never handed over: borrow and give back are a pair. There are enough slots (`limits.ts`) for capture to find a
 * free one even when every viewer holds a different old frame.
 *
 * A slot holds the bytes of one multipart part just as every viewer gets them, so that they can be sent in one piece;
 * and, in front, what makes of the same header and file a message of WebSocket, and that with a ping before it:
 *
 *     |  unused  | ping  | message's head | part header | JPEG file | CR LF --frame CR LF |  unused  |
 *     at         pingAt  messageAt        partAt        fileAt      fileEnd
 */

import { JPEG_BYTES_MAX, PART_HEAD_BYTES, PART_TAIL_BYTES, SLOTS, SLOT_BYTES } from "./limits";
import { Pulse } from "./scheduler";
import { Opcode, PING_BYTES, headBytes, writeHead } from "./websocket/frame";
import { Writer } from "./writer";

/** What separates parts; the stream begins with its second half. */
export const BOUNDARY = "frame";

export class Slot {
  /** The part's first byte. */
  partAt: usize = 0;
  /** Bytes from the part's first to the last of the boundary that closes it. */
  partBytes: u32 = 0;
  /** The first byte of the frame as a message of WebSocket, which ends where the file does. */
  messageAt: usize = 0;
  /** Where the JPEG file lies, and its bytes. */
  fileAt: usize = 0;
  jpegBytes: u32 = 0;
  /** Counts published frames from 1, and after the largest number from 1 again: 0 is never a frame's. */
  sequence: u32 = 0;
  /** When the frame was captured, µs. */
  time: i64 = 0;
  /** Its pixels, `width << 16 | height`; 0 where whoever published it does not know. */
  size: u32 = 0;
  /** How many hold it at this moment. */
  borrowers: i32 = 0;

  constructor(
    /** The slot's memory. */
    readonly at: usize,
  ) {}

  /** Where the JPEG file shall be written. */
  get jpegAt(): usize {
    return this.at + PART_HEAD_BYTES;
  }

  get fileEnd(): usize {
    return this.fileAt + this.jpegBytes;
  }

  /** The first byte of a ping that the message follows. */
  get pingAt(): usize {
    return this.messageAt - PING_BYTES;
  }
}

export class Slots {
  /** Fires whenever a frame is published. */
  readonly published: Pulse = new Pulse();
  /** The newest frame, from the first one on. */
  newest: Slot | null = null;
  private readonly all: StaticArray<Slot>;
  private writing: Slot | null = null;
  private readonly writer: Writer = new Writer();

  /**
   * @param memory SLOTS x SLOT_BYTES bytes
   * @param sequence the number before the first frame's
   */
  constructor(
    memory: usize,
    private sequence: u32 = 0,
  ) {
    this.all = new StaticArray<Slot>(SLOTS);
    for (let i = 0; i < SLOTS; i++) this.all[i] = new Slot(memory + <usize>i * SLOT_BYTES);
  }

  /** A free slot to write a file to, at `jpegAt`, of JPEG_BYTES_MAX bytes at most. To be published before the next. */
  take(): Slot {
    assert(!this.writing, "a slot is being written already");
    const slot = this.free();
    this.writing = slot;
    slot.size = 0;
    return slot;
  }

  /**
   * Lends a free slot as memory for an answer that is no frame, SLOT_BYTES from `at`. Whoever asks gives it back like a
   * frame, and counts among those that may hold one.
   */
  lendMemory(): Slot {
    const slot = this.free();
    slot.borrowers++;
    return slot;
  }

  private free(): Slot {
    for (let i = 0; i < SLOTS; i++) {
      const slot = this.all[i];
      if (slot != this.newest && slot != this.writing && slot.borrowers == 0) return slot;
    }
    assert(false, "no free slot: more are lent than limits.ts allows for");
    return unreachable();
  }

  /**
   * Makes the file of `jpegBytes` that was written to `slot` the newest frame and wakes all who wait for one.
   * @param at where it was written, if not at `jpegAt` but behind it
   */
  publish(slot: Slot, jpegBytes: u32, time: i64, at: usize = slot.jpegAt): void {
    assert(this.writing == slot, "published a slot that was not taken");
    assert(at >= slot.jpegAt && at + jpegBytes <= slot.jpegAt + JPEG_BYTES_MAX, "the file is larger than a slot");
    this.writing = null;
    if (++this.sequence == 0) this.sequence = 1;
    slot.sequence = this.sequence;
    slot.time = time;
    slot.fileAt = at;
    slot.jpegBytes = jpegBytes;

    const tail = this.writer.begin(at + jpegBytes, PART_TAIL_BYTES);
    tail.text("\r\n--").text(BOUNDARY).text("\r\n");
    const end = tail.at;
    // The header is moved up to the file, so that the part is one piece.
    const head = this.writer.begin(slot.at, PART_HEAD_BYTES);
    head.text("Content-Type: image/jpeg\r\nContent-Length: ").number(jpegBytes);
    head.text("\r\nX-Timestamp: ").seconds(time).text("\r\nX-Sequence: ").number(slot.sequence).text("\r\n\r\n");
    slot.partAt = at - head.length;
    slot.partBytes = u32(end - slot.partAt);
    memory.copy(slot.partAt, slot.at, head.length);

    const messageBytes = u32(slot.fileEnd - slot.partAt);
    slot.messageAt = slot.partAt - headBytes(messageBytes);
    writeHead(slot.messageAt, Opcode.BINARY, messageBytes);
    writeHead(slot.pingAt, Opcode.PING, 0);
    assert(slot.pingAt >= slot.at, "the heads are larger than their room");

    this.newest = slot;
    this.published.fire();
  }

  /** Lends the newest frame. The borrower gives it back when it has sent it, or gives up. */
  borrow(): Slot | null {
    const slot = this.newest;
    if (slot) slot.borrowers++;
    return slot;
  }

  giveBack(slot: Slot): void {
    assert(slot.borrowers > 0, "gave back a slot that was not borrowed");
    slot.borrowers--;
  }

  /** How many loans there are at this moment. */
  get lent(): i32 {
    let lent = 0;
    for (let i = 0; i < SLOTS; i++) lent += this.all[i].borrowers;
    return lent;
  }
}
