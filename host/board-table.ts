/**
 * The module's imports as Node sees them: names, signatures and the numbers that cross, mirrored from
 * `assembly/board.ts`, which says what each call means. `tests/imports.test.ts` compares the two.
 *
 * This is the only place on the Node side that knows them. What the calls do stands in `board.ts`.
 */

/** The name of the import module. */
export const IMPORT_MODULE = "board";

/** What a call answers when it did not do what was asked. */
export enum Fault {
  /** Not now; the board tells when it is worth asking again. */
  AGAIN = -1,
  /** The connection is gone. */
  CLOSED = -2,
  /** The peer will send nothing more. */
  END = -3,
  /** The board can't do this. */
  REFUSED = -4,
  /** The frame that was to come is damaged. */
  TORN = -5,
  /** There is no such thing. */
  MISSING = -6,
}

/** Bits of a word that `events` tells. */
export enum Ready {
  /** Receiving, accepting or polling is worth trying. */
  READABLE = 1,
  /** Sending is worth trying. */
  WRITABLE = 2,
}

/** How `tcpClose` ends a connection. */
export enum Close {
  /** What was taken is still delivered. */
  ORDERLY = 0,
  /** At once; the peer sees a reset. */
  ABORT = 1,
}

/** How pixels lie in memory. */
export enum Format {
  /** 8-bit luma. */
  GRAY = 0,
  /** 16 bits a pixel, little-endian: red in bits 15–11, green in 10–5, blue in 4–0. */
  RGB565 = 1,
  /** Full-range YCbCr 4:2:2: Y0 Cb Y1 Cr for two pixels. */
  YUYV = 2,
  /** JPEG files that the sensor makes. */
  JPEG = 3,
  /** A mosaic of raw pixels, one byte each: BGGR. */
  BAYER = 4,
}

/** Bytes of a camera's name at most. */
export const CAMERA_NAME_MAX = 32;

/** Where what `cameraAt` writes has what. */
export enum Heard {
  /** u32: the newest frame's number. */
  SEQUENCE = 0,
  /** u32: bytes of its file. */
  BYTES = 4,
  /** u32: its pixels, `width << 16 | height`. */
  SIZE = 8,
  /** u32: ms since the camera was heard. */
  SILENCE = 12,
  /** i64: when the frame was captured, µs since 1970. */
  TIME = 16,
  /** The name, up to the end. */
  NAME = 24,
}

/** What `identify` tells. */
export enum Identity {
  /** The host's kind. */
  BOARD = 0,
  /** Where it is reached. */
  ADDRESS = 1,
  /** How often the module was started afresh. */
  RESTARTS = 2,
  /** Why it was the last time. */
  CRASH = 3,
  /** And when. */
  CRASH_TIME = 4,
}

/** Bytes of a crash's text, at most. */
export const CRASH_BYTES_MAX = 160;
/** Bytes of a line that the module logs, at most. */
export const LINE_BYTES_MAX = 256;
/** Bytes of the log that are kept. */
export const LOG_BYTES = 16 * 1024;

/** How grave a line of the log is. */
export enum Level {
  ERROR = 0,
  WARNING = 1,
  INFO = 2,
  /** A secret, for the console alone. */
  CONSOLE = 3,
}

/** The sensor's place in `events`. */
export const SENSOR_HANDLE = 0;

/** Bytes that `capturePoll` writes. */
export const FRAME_TIME_BYTES = 8;

/** How long a connection that was closed in order may take to deliver the rest, µs. */
export const DRAIN_DEADLINE = 5_000_000;

/** What a module of the camera exports. */
export type CameraExports = {
  memory: WebAssembly.Memory;
  begin(): void;
  step(now: bigint): bigint;
};

/** The table of imports, whole. */
export type BoardTable = {
  events(address: number, length: number): number;
  tcpListen(port: number): number;
  tcpAccept(listener: number): number;
  tcpConnect(name: number, nameLength: number, port: number): number;
  tcpPeer(socket: number, address: number, length: number): number;
  tcpReceive(socket: number, address: number, length: number): number;
  tcpSend(socket: number, address: number, length: number): number;
  tcpClose(socket: number, how: number): void;
  softSensorSet(width: number, height: number, format: number, interval: number): number;
  sensorLines(power: number, reset: number, clock: number): number;
  busTransfer(device: number, write: number, writeLength: number, read: number, readLength: number): number;
  captureStart(address: number, length: number): number;
  capturePoll(address: number, length: number): number;
  captureStop(): void;
  frameOut(file: number, length: number, sequence: number, age: number, size: number): number;
  cameraAt(index: number, address: number, length: number): number;
  cameraFile(name: number, nameLength: number, address: number, length: number): number;
  settingGet(name: number, nameLength: number, address: number, length: number): number;
  settingPut(name: number, nameLength: number, value: number, valueLength: number): number;
  identify(what: number, address: number, length: number): number;
  random(address: number, length: number): number;
  log(level: number, address: number, length: number): void;
  logRead(address: number, length: number): number;
};

/** Each import's signature: parameters in brackets, then the result; i = i32, I = i64, f = f32, F = f64. */
export const SIGNATURES: Record<keyof BoardTable, string> = {
  events: "(ii)i",
  tcpListen: "(i)i",
  tcpAccept: "(i)i",
  tcpConnect: "(iii)i",
  tcpPeer: "(iii)i",
  tcpReceive: "(iii)i",
  tcpSend: "(iii)i",
  tcpClose: "(ii)",
  softSensorSet: "(iiii)i",
  sensorLines: "(iii)i",
  busTransfer: "(iiiii)i",
  captureStart: "(ii)i",
  capturePoll: "(ii)i",
  captureStop: "()",
  frameOut: "(iiiii)i",
  cameraAt: "(iii)i",
  cameraFile: "(iiii)i",
  settingGet: "(iiii)i",
  settingPut: "(iiii)i",
  identify: "(iii)i",
  random: "(ii)i",
  log: "(iii)",
  logRead: "(ii)i",
};

/** A mistake of the module's own, found by the host: thrown out of an import, it stops the module as any trap does. */
export class BoardTrap extends Error {
  override name = "BoardTrap";
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The module's memory as the imports reach it: nothing crosses before its range was checked. */
export class ModuleMemory {
  #memory: WebAssembly.Memory | undefined;
  #bytes: Buffer = Buffer.alloc(0);

  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  /** All of it, until the module runs again: growing takes the old ones away, even where it is by no page at all. */
  get bytes(): Buffer {
    const buffer = this.#memory?.buffer;
    if (buffer && buffer !== this.#bytes.buffer) this.#bytes = Buffer.from(buffer);
    return this.#bytes;
  }

  /**
   * Checks that a range lies within the memory. Addresses and lengths are unsigned but arrive as signed 32-bit numbers.
   * @returns where it begins
   */
  start(address: number, length: number): number {
    const start = address >>> 0;
    if (start + (length >>> 0) > this.bytes.length) {
      throw new BoardTrap(`${length >>> 0} bytes at ${start} are not within the module's memory`);
    }
    return start;
  }

  /** The same of bytes that are received or sent, of which there is at least one. */
  transferStart(address: number, length: number): number {
    if (length === 0) throw new BoardTrap("a transfer of no bytes");
    return this.start(address, length);
  }

  /** A text: a name or a value. */
  text(address: number, length: number): string {
    const start = this.start(address, length);
    try {
      return UTF8.decode(this.bytes.subarray(start, start + (length >>> 0)));
    } catch {
      throw new BoardTrap("a text that is not UTF-8");
    }
  }

  /** As much of a line as `most` bytes have; what is not UTF-8 in it (a character cut in two, too) is replaced. */
  line(address: number, length: number, most: number): string {
    const start = this.start(address, length);
    return this.bytes.toString("utf8", start, start + Math.min(length >>> 0, most));
  }

  /** Writes `text` where `length` bytes have room. @returns its length in bytes, or REFUSED */
  writeText(text: string, address: number, length: number): number {
    return this.write(Buffer.from(text), address, length);
  }

  /** Writes `bytes` where `length` bytes have room. @returns how many they are, or REFUSED */
  write(bytes: Uint8Array, address: number, length: number): number {
    const start = this.start(address, length);
    if (bytes.length > length >>> 0) return Fault.REFUSED;
    this.bytes.set(bytes, start);
    return bytes.length;
  }
}
