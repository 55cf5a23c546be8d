/**
 * WebSocket: the handshake's answer, the reading of frames (whole, byte by byte, in pieces), and the window. Examples
 * are those of RFC 6455, 1.3 and 5.7; what is refused is what the Autobahn test suite asks of a server, among others.
 */

import { MESSAGE_BYTES_MAX, SECOND } from "../limits";
import { isKey, writeAccept } from "../websocket/handshake";
import { Event, READER_BYTES, Reader, isUtf8 } from "../websocket/reader";
import { Window } from "../websocket/window";
import { Writer } from "../writer";

const MILLISECOND: i64 = 1000;

const input: usize = memory.data(1 << 17);
const output: usize = memory.data(256);
let reader: Reader = new Reader(heap.alloc(READER_BYTES));

/** Puts bytes that are written in hexadecimal, with blanks, at `input`. @returns how many */
function put(hexadecimal: string): u32 {
  let bytes: u32 = 0;
  for (let i = 0; i < hexadecimal.length; i++) {
    if (hexadecimal.charCodeAt(i) == 0x20) continue;
    store<u8>(input + bytes++, <u8>parseInt(hexadecimal.substr(i++, 2), 16));
  }
  return bytes;
}

function text(at: usize, bytes: u32): string {
  return String.UTF8.decodeUnsafe(at, bytes);
}

/** What is read of the bytes at `input`, of which `piece` come at once: events in words. */
function read(bytes: u32, piece: u32): string {
  reader.begin();
  let said = "";
  for (let at: u32 = 0; at < bytes; ) {
    const event = reader.read(input + at, min(piece, bytes - at));
    at += reader.used;
    switch (event) {
      case Event.MESSAGE:
        said += "message " + text(reader.message, reader.messageBytes) + ";";
        break;
      case Event.PING:
        said += "ping " + text(reader.control, reader.controlBytes) + ";";
        break;
      case Event.PONG:
        said += "pong;";
        break;
      case Event.CLOSE:
        return said + "close " + (<i32>reader.code).toString();
      case Event.WRONG:
        return said + "wrong " + (<i32>reader.code).toString();
      default:
    }
  }
  return said;
}

/** What frames in hexadecimal mean, however they are cut up. */
function meaning(frames: string): string {
  const bytes = put(frames);
  const whole = read(bytes, bytes);
  for (let piece: u32 = 1; piece < min(bytes, 16); piece++) expect(read(bytes, piece)).toBe(whole);
  return whole;
}

function accept(key: string): string {
  for (let i = 0; i < key.length; i++) store<u8>(input + i, key.charCodeAt(i));
  const writer = new Writer().begin(output, 256);
  writeAccept(writer, input);
  return text(output, writer.length);
}

function keyIs(key: string): bool {
  for (let i = 0; i < key.length; i++) store<u8>(input + i, key.charCodeAt(i));
  return isKey(input, key.length);
}

describe("the handshake", () => {
  it("answers a key as RFC 6455, 1.3 does", () => {
    expect(accept("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("knows a key", () => {
    expect(keyIs("dGhlIHNhbXBsZSBub25jZQ==")).toBe(true);
    expect(keyIs("AAAAAAAAAAAAAAAAAAAAAA==")).toBe(true);
    expect(keyIs("//////////////////////==")).toBe(false); // bits that belong to nothing
    expect(keyIs("dGhlIHNhbXBsZSBub25jZQ=")).toBe(false);
    expect(keyIs("dGhlIHNhbXBsZSBub25jZQAA")).toBe(false);
    expect(keyIs("dGhlIHNhbXBsZSBub25jZ*==")).toBe(false);
    expect(keyIs("dGhlIHNhbXBsZSBub25jZSE=")).toBe(false); // 17 bytes
    expect(keyIs("")).toBe(false);
  });
});

describe("the reader", () => {
  it("takes the mask off: RFC 6455, 5.7", () => {
    expect(meaning("81 85 37 fa 21 3d 7f 9f 4d 51 58")).toBe("message Hello;");
    expect(meaning("89 85 37 fa 21 3d 7f 9f 4d 51 58")).toBe("ping Hello;");
    expect(meaning("8a 85 37 fa 21 3d 7f 9f 4d 51 58")).toBe("pong;");
  });

  it("reads one frame after another, also such as are empty", () => {
    expect(meaning("81 81 00000000 37 81 80 01020304 89 80 01020304 81 82 00000000 3432")).toBe(
      "message 7;message ;ping ;message 42;",
    );
  });

  it("puts fragments together, with control frames between", () => {
    expect(meaning("01 81 00000000 31 80 81 00000000 32")).toBe("message 12;");
    expect(meaning("01 80 00000000 00 81 00000000 31 00 80 00000000 89 81 00000000 70 80 81 00000000 33")).toBe(
      "ping p;message 13;",
    );
  });

  it("refuses bits and opcodes that nobody has defined", () => {
    expect(meaning("c1 80 00000000")).toBe("wrong 1002");
    expect(meaning("a1 80 00000000")).toBe("wrong 1002");
    expect(meaning("91 80 00000000")).toBe("wrong 1002");
    expect(meaning("83 80 00000000")).toBe("wrong 1002");
    expect(meaning("87 80 00000000")).toBe("wrong 1002");
    expect(meaning("8b 80 00000000")).toBe("wrong 1002");
    expect(meaning("8f 80 00000000")).toBe("wrong 1002");
  });

  it("refuses frames without a mask", () => {
    expect(meaning("81 01 31")).toBe("wrong 1002");
    expect(meaning("89 00")).toBe("wrong 1002");
    expect(meaning("88 00")).toBe("wrong 1002");
  });

  it("refuses control frames in fragments or of more than 125 bytes", () => {
    expect(meaning("09 80 00000000")).toBe("wrong 1002");
    expect(meaning("08 80 00000000")).toBe("wrong 1002");
    expect(meaning("89 fe 007e 00000000")).toBe("wrong 1002");
    expect(meaning("88 ff 0000000000010000 00000000")).toBe("wrong 1002");
    expect(meaning("89 fd 00000000" + " 61".repeat(125))).toBe("ping " + "a".repeat(125) + ";");
  });

  it("refuses fragments of nothing, and messages within messages", () => {
    expect(meaning("80 80 00000000")).toBe("wrong 1002");
    expect(meaning("00 80 00000000")).toBe("wrong 1002");
    expect(meaning("81 81 00000000 31 80 80 00000000")).toBe("message 1;wrong 1002");
    expect(meaning("01 81 00000000 31 81 81 00000000 32")).toBe("wrong 1002");
    expect(meaning("01 81 00000000 31 82 81 00000000 32")).toBe("wrong 1002");
  });

  it("refuses binary messages", () => {
    expect(meaning("82 81 00000000 31")).toBe("wrong 1003");
    expect(meaning("02 81 00000000 31")).toBe("wrong 1003");
  });

  it("refuses messages that are too long, in one frame or in many, before they are there", () => {
    expect(MESSAGE_BYTES_MAX).toBe(0x40);
    expect(meaning("81 c0 00000000" + " 31".repeat(64))).toBe("message " + "1".repeat(64) + ";");
    expect(meaning("81 c1")).toBe("wrong 1009");
    expect(meaning("81 fe 007e")).toBe("wrong 1009");
    expect(meaning("81 fe ffff")).toBe("wrong 1009");
    expect(meaning("81 ff 0000000000010000")).toBe("wrong 1009");
    expect(meaning("81 ff 7fffffffffffffff")).toBe("wrong 1009");
    expect(meaning("01 c0 00000000" + " 31".repeat(64) + " 80 81")).toBe("wrong 1009");
    expect(meaning("01 81 00000000 31 00 c0")).toBe("wrong 1009");
  });

  it("refuses lengths that could be shorter, or have the bit that none may have", () => {
    expect(meaning("81 fe 007d")).toBe("wrong 1002");
    expect(meaning("81 fe 0000")).toBe("wrong 1002");
    expect(meaning("81 ff 000000000000ffff")).toBe("wrong 1002");
    expect(meaning("81 ff 8000000000000000")).toBe("wrong 1002");
  });

  it("reads why it is closed, and nothing behind it", () => {
    expect(meaning("88 80 00000000")).toBe("close 1005");
    expect(meaning("88 82 00000000 03e8")).toBe("close 1000");
    expect(meaning("88 82 00000000 03e8 ffff ffff")).toBe("close 1000");
    expect(meaning("88 85 00000000 03e9 627965")).toBe("close 1001");
    expect(meaning("88 82 00000000 0bb8")).toBe("close 3000");
    expect(meaning("88 82 00000000 1387")).toBe("close 4999");
    expect(meaning("01 81 00000000 31 88 82 00000000 03ef")).toBe("close 1007");
  });

  it("refuses codes that mean nothing, or are never sent, and half a code", () => {
    const codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
    for (let i = 0; i < codes.length; i++) {
      expect(meaning("88 82 00000000 " + codes[i].toString(16).padStart(4, "0"))).toBe("wrong 1002");
    }
    expect(meaning("88 81 00000000 03")).toBe("wrong 1002");
  });

  it("refuses a reason that is not UTF-8", () => {
    expect(meaning("88 84 00000000 03e8 c3a9")).toBe("close 1000");
    expect(meaning("88 83 00000000 03e8 c3")).toBe("wrong 1007");
    expect(meaning("88 84 00000000 03e8 c328")).toBe("wrong 1007");
  });

  it("knows UTF-8: RFC 3629", () => {
    const good = ["", "00", "7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf"];
    for (let i = 0; i < good.length; i++) expect(isUtf8(input, put(good[i]))).toBe(true, good[i]);
    const bad = ["80", "c080", "c1bf", "c2", "e08080", "e09fbf", "eda080", "edbfbf", "e28", "f0808080", "f08fbfbf"];
    for (let i = 0; i < bad.length; i++) expect(isUtf8(input, put(bad[i]))).toBe(false, bad[i]);
    const worse = ["f4908080", "f5808080", "ff", "e282", "f09f92", "c3a9ff", "e28228", "f0288cbc"];
    for (let i = 0; i < worse.length; i++) expect(isUtf8(input, put(worse[i]))).toBe(false, worse[i]);
  });

  it("means the same in random pieces, and never traps, whatever comes", () => {
    let chance: u32 = 12345;
    for (let round = 0; round < 500; round++) {
      const bytes: u32 = 40;
      for (let i: u32 = 0; i < bytes; i++) {
        chance = chance * 1664525 + 1013904223;
        // Mostly what is nearly a frame.
        const opening: u32 = i % 10 == 0 ? 0x80 | (chance >> 20 & 0x0a) : i % 10 == 1 ? 0x84 : chance >> 24;
        store<u8>(input + i, chance >> 10 & 63 ? opening : chance >> 24);
      }
      const whole = read(bytes, bytes);
      chance = chance * 1664525 + 1013904223;
      expect(read(bytes, 1)).toBe(whole);
      expect(read(bytes, 1 + (chance >> 24) % 13)).toBe(whole);
    }
  });
});

describe("the window", () => {
  it("lets one frame go while nothing is known", () => {
    const window = new Window();
    window.begin(0);
    expect(window.isOpen(0)).toBe(true);
    expect(window.wantsPing(0)).toBe(true);
    window.begun(1, 20_000, 0, 0);
    expect(window.isOpen(0)).toBe(false);
    expect(window.frames).toBe(1);
  });

  it("knows what was sent, and what was not", () => {
    const window = new Window();
    window.begin(0);
    expect(window.acknowledge(1, 0)).toBe(false);
    window.begun(7, 100, 40, 50);
    window.begun(9, 100, 90, 100);
    window.begun(12, 100, 110, 120);
    expect(window.acknowledge(8, 200)).toBe(false);
    expect(window.acknowledge(9, 200)).toBe(true); // and so the one before
    expect(window.age).toBe(110);
    expect(window.frames).toBe(1);
    expect(window.bytes).toBe(100);
    expect(window.acknowledge(9, 300)).toBe(false);
    expect(window.acknowledge(7, 300)).toBe(false);
    expect(window.acknowledge(12, 300)).toBe(true);
    expect(window.bytes).toBe(0);
  });

  it("measures the rate from acknowledgement to acknowledgement, at no more than the path carries", () => {
    const window = new Window();
    window.begin(0);
    window.begun(1, 10_000, 0, 0);
    window.acknowledge(1, 100 * MILLISECOND);
    expect(window.rate).toBe(100_000);
    // Two at once, of which the second is acknowledged just after the first: together they took as long.
    window.begun(2, 10_000, 0, 100 * MILLISECOND);
    window.begun(3, 10_000, 0, 101 * MILLISECOND);
    window.acknowledge(2, 199 * MILLISECOND);
    window.acknowledge(3, 200 * MILLISECOND);
    expect(window.rate >= 100_000 && window.rate <= 200_000).toBe(true, window.rate.toString());
  });

  it("takes the least round trip of the last 5 to 10 s", () => {
    const window = new Window();
    window.begin(0);
    const trips: i64[] = [40, 10, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30];
    const least: i64[] = [40, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 30, 30, 30];
    for (let i = 0; i < trips.length; i++) {
      const at = i * SECOND;
      expect(window.wantsPing(at)).toBe(true);
      window.pinged(at);
      expect(window.wantsPing(at + SECOND)).toBe(false, "one at a time");
      window.ponged(at + trips[i] * MILLISECOND);
      window.ponged(at + SECOND - 1); // which nobody asked for
      expect(window.roundTrip).toBe(least[i] * MILLISECOND, i.toString());
    }
  });

  it("lets as much be owed as is taken in 100 ms nearby, in four round trips, in 200 ms, in 1.5 round trips", () => {
    const trips: i64[] = [1, 12, 20, 40, 100, 200, 400];
    const times: i64[] = [100, 100, 100, 160, 200, 300, 600];
    for (let i = 0; i < trips.length; i++) {
      const window = new Window();
      window.begin(0);
      window.pinged(0);
      window.ponged(trips[i] * MILLISECOND);
      window.begun(1, 1_000_000, 0, 0);
      window.acknowledge(1, SECOND); // 1 MB/s, so that a millisecond is a kilobyte
      window.begun(2, <u32>times[i] * 1000, 0, SECOND);
      expect(window.isOpen(SECOND)).toBe(true, trips[i].toString());
      window.begun(3, 1, 0, SECOND);
      expect(window.isOpen(SECOND)).toBe(false, trips[i].toString());
    }
  });

  it("lets nothing be owed for longer than that, and its own sending time", () => {
    const window = new Window();
    window.begin(0);
    window.begun(1, 1_000_000, 0, 0);
    window.acknowledge(1, SECOND);
    window.begun(2, 10_000, 0, SECOND);
    window.begun(3, 10_000, 0, SECOND + 30 * MILLISECOND);
    expect(window.isOpen(SECOND + 110 * MILLISECOND)).toBe(true);
    expect(window.isOpen(SECOND + 111 * MILLISECOND)).toBe(false);
    window.acknowledge(2, SECOND + 111 * MILLISECOND);
    expect(window.isOpen(SECOND + 111 * MILLISECOND)).toBe(true);
  });

  it("never counts more frames than it has room for", () => {
    const window = new Window();
    window.begin(0);
    window.begun(1, 1_000_000, 0, 0);
    window.acknowledge(1, 1);
    let owed: u32 = 2;
    for (; window.isOpen(SECOND); owed++) window.begun(owed, 1, 0, SECOND);
    expect(window.frames).toBe(16);
    for (let sequence: u32 = 2; sequence < owed; sequence++) expect(window.acknowledge(sequence, SECOND)).toBe(true);
    expect(window.frames).toBe(0);
    expect(window.bytes).toBe(0);
  });
});
