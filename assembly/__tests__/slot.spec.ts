/** The slots: lending, giving back, and the part that a published frame becomes. */

import { JPEG_BYTES_MAX, PART_HEAD_BYTES, SLOTS, SLOT_BYTES, VIEWERS_MAX } from "../limits";
import { Slot, Slots } from "../slot";

const memoryOfSlots = memory.data(SLOTS * <i32>SLOT_BYTES, 16);
let slots: Slots = new Slots(memoryOfSlots);

function publish(first: u8, bytes: u32, time: i64): Slot {
  const slot = slots.take();
  memory.fill(slot.jpegAt, first, bytes);
  slots.publish(slot, bytes, time);
  return slot;
}

describe("the slots", () => {
  beforeEach(() => {
    slots = new Slots(memoryOfSlots);
  });

  it("lend nothing before the first frame", () => {
    expect(slots.borrow() == null).toBeTruthy();
    expect(slots.lent).toBe(0);
  });

  it("lend the newest, and keep its bytes while it is lent", () => {
    publish(1, 100, 5);
    const lent = slots.borrow()!;
    for (let i = 2; i < 30; i++) publish(<u8>i, 100, i);
    expect(lent.sequence).toBe(1);
    expect(load<u8>(lent.jpegAt)).toBe(1);
    expect(load<u8>(lent.jpegAt + 99)).toBe(1);
    expect(slots.borrow()!.sequence).toBe(29);
    expect(slots.lent).toBe(2);
  });

  it("always have a free one for capture, though every viewer holds another old frame", () => {
    const held: Slot[] = [];
    for (let i = 0; i < VIEWERS_MAX; i++) {
      publish(<u8>i, 10, i);
      held.push(slots.borrow()!);
    }
    for (let i = 0; i < 100; i++) publish(200, 10, i);
    for (let i = 0; i < held.length; i++) {
      expect(load<u8>(held[i].jpegAt)).toBe(<u8>i);
      slots.giveBack(held[i]);
    }
    expect(slots.lent).toBe(0);
  });

  it("lend memory that is no frame's, beside the frame that is being written", () => {
    publish(1, 10, 0);
    const writing = slots.take();
    memory.fill(writing.jpegAt, 2, 10);
    const lent = slots.lendMemory();
    memory.fill(lent.at, 3, SLOT_BYTES);
    expect(slots.lent).toBe(1);
    slots.publish(writing, 10, 1);
    for (let i = 0; i < 2 * SLOTS; i++) publish(4, 10, i);
    expect(load<u8>(lent.at)).toBe(3);
    expect(load<u8>(lent.at + SLOT_BYTES - 1)).toBe(3);
    slots.giveBack(lent);
    expect(slots.lent).toBe(0);
  });

  it("count on from 1 after the largest number, so that none is a frame's", () => {
    slots = new Slots(memoryOfSlots, u32.MAX_VALUE - 2);
    expect(publish(1, 1, 0).sequence).toBe(u32.MAX_VALUE - 1);
    expect(publish(1, 1, 0).sequence).toBe(u32.MAX_VALUE);
    const first = publish(1, 1, 0);
    expect(first.sequence).toBe(1);
    expect(String.UTF8.decodeUnsafe(first.partAt, first.partBytes).includes("X-Sequence: 1\r\n")).toBeTruthy();
  });

  it("fire their pulse once a frame", () => {
    const before = slots.published.count;
    publish(1, 1, 0);
    publish(1, 1, 0);
    expect(slots.published.count - before).toBe(2);
  });

  it("make of a frame the part that viewers send in one piece", () => {
    const slot = publish(0x41, 3, 12_345_678);
    expect(String.UTF8.decodeUnsafe(slot.partAt, slot.partBytes)).toBe(
      "Content-Type: image/jpeg\r\nContent-Length: 3\r\nX-Timestamp: 12.345678\r\nX-Sequence: 1\r\n\r\n" +
        "AAA\r\n--frame\r\n",
    );
  });

  it("make of the same bytes a message of WebSocket, of any length, with a ping before it", () => {
    const lengths: u32[] = [3, 60_000, 200_000];
    const lengthBytes: i32[] = [0, 2, 8];
    for (let i = 0; i < lengths.length; i++) {
      const slot = publish(0x41, lengths[i], 0);
      expect(load<u8>(slot.messageAt)).toBe(0x82);
      let length: u64 = load<u8>(slot.messageAt, 1);
      if (lengthBytes[i]) {
        expect(length).toBe(lengthBytes[i] == 2 ? 126 : 127);
        length = 0;
      }
      for (let n = 0; n < lengthBytes[i]; n++) length = length << 8 | load<u8>(slot.messageAt + 2 + n);
      expect(length).toBe(slot.fileEnd - slot.partAt);
      expect(slot.partAt - slot.messageAt).toBe(2 + lengthBytes[i]);
      expect(load<u16>(slot.pingAt)).toBe(0x0089);
    }
  });

  it("have room for the longest heads", () => {
    const slot = publish(1, JPEG_BYTES_MAX, i64.MAX_VALUE);
    expect(slot.jpegAt - slot.partAt).toBeLessThanOrEqual(PART_HEAD_BYTES);
    expect(slot.pingAt).toBeGreaterThanOrEqual(slot.at);
  });

  it("trap when a slot is given back that was not borrowed", () => {
    expect(() => {
      const slot = publish(1, 1, 0);
      slots.borrow();
      slots.giveBack(slot);
      slots.giveBack(slot);
    }).toThrow();
  });

  it("trap when two are written at once, or one that was not taken", () => {
    expect(() => {
      slots.take();
      slots.take();
    }).toThrow();
    expect(() => {
      slots.publish(publish(1, 1, 0), 1, 0);
    }).toThrow();
  });
});
