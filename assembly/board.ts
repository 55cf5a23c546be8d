/**
 * Everything that the camera asks of the board it runs on: the one door out of the module.
 *
 * Each host (the firmware's `board/src/imports.rs`, Node's live and simulated worlds) fills this whole table; a test
 * compares names and signatures of all three. Nothing else in `assembly/` imports anything.
 *
 * Rules that hold for every call:
 * - It answers at once. What would have to wait answers {@link Fault.AGAIN}.
 * - A result below zero is a {@link Fault}; any other is what the call's line says.
 * - Bytes cross as an address in the module's memory and a length in bytes. The host checks that the range lies in
 *   that memory and stops the module with a trap if it does not. It reads or writes them before it returns and keeps
 *   no address, but for {@link captureStart}.
 * - Names and values are UTF-8: others stop the module with a trap too. (A line of the log may be anything.)
 * - A handle that was never given, or was closed, is a mistake of the camera's own and stops it with a trap too.
 */

/** What a call answers when it did not do what was asked. */
export enum Fault {
  /** Not now. The board reports the socket, or the sensor, in {@link events} as soon as it is worth asking again. */
  AGAIN = -1,
  /** The connection is gone, by the peer's reset, by a time-out or by the network's end. Only closing is left. */
  CLOSED = -2,
  /** The peer will send nothing more; it may still read. */
  END = -3,
  /** The board can't do this: no such size, a port in use, no room for what was asked. */
  REFUSED = -4,
  /** The frame that was to come is damaged or incomplete. The next one can be asked for. */
  TORN = -5,
  /** There is no such thing: a setting that nobody set, a sensor that is not plugged in, a host of that name. */
  MISSING = -6,
}

// --- Events

/** What {@link events} says of a handle. Either may be told too often; a call then answers AGAIN. */
export enum Ready {
  /** Receiving (accepting, polling the sensor) is worth trying: bytes, a connection, a frame, an end or a fault. */
  READABLE = 1,
  /** Sending is worth trying: there is room, or the connection is gone. */
  WRITABLE = 2,
}

/** The sensor's place in {@link events}. Sockets count from 1. */
export const SENSOR_HANDLE: i32 = 0;

/**
 * Takes what became ready since the last call: at most `length / 4` words of `handle << 8 | Ready` to `address`.
 *
 * Readiness is told once, when it comes about: a socket is reported readable when bytes (or its end) arrive after a
 * receive answered AGAIN or fewer bytes than asked for, and writable when there is room after a send did. A new
 * connection is taken to be both, and is not reported for it. What does not fit is told at the next call.
 * @returns the number of words
 */
// @ts-ignore: decorator
@external("board", "events")
export declare function events(address: usize, length: u32): i32;

// --- TCP

/**
 * Listens on a TCP port of the camera. (A host may show it to the world under another number.)
 * @returns a handle, or REFUSED where the port is taken
 *
 * Handles are small: each new one is the lowest number from 1 that is free, and it is free again after tcpClose.
 */
// @ts-ignore: decorator
@external("board", "tcpListen")
export declare function tcpListen(port: u32): i32;

/** @returns the handle of the next waiting connection, or AGAIN */
// @ts-ignore: decorator
@external("board", "tcpAccept")
export declare function tcpAccept(listener: i32): i32;

/**
 * Begins to connect to `port` of a host, whose name or IP address is the text (UTF-8) at `name`. The handle is there at
 * once, for a connection that stands some time later, or never: sending and receiving answer AGAIN until then, and the
 * socket is told writable when it stands. Where that fails it is told both, and both calls answer why: MISSING where
 * the name has no address, CLOSED for whatever else (refused, no way there, no answer). How long a board tries is its
 * own affair; a camera that has waited enough closes the handle, which gives the attempt up.
 * @returns a handle, or REFUSED where the board can't look names up, has no socket left, or there is no such port
 */
// @ts-ignore: decorator
@external("board", "tcpConnect")
export declare function tcpConnect(name: usize, nameLength: u32, port: u32): i32;

/**
 * Tells from where a connection comes: writes the peer's IP address to `address`, in the network's order of bytes. An
 * IPv4 peer is one of 4 bytes, on a socket for IPv6 too.
 * @returns 4 or 16, REFUSED where it is longer than `length`, CLOSED where the peer is gone and nobody knows any more
 * (or the connection does not stand yet)
 */
// @ts-ignore: decorator
@external("board", "tcpPeer")
export declare function tcpPeer(socket: i32, address: usize, length: u32): i32;

/**
 * Receives up to `length` bytes to `address`.
 * @returns how many (at least 1), or AGAIN, END, CLOSED, MISSING
 */
// @ts-ignore: decorator
@external("board", "tcpReceive")
export declare function tcpReceive(socket: i32, address: usize, length: u32): i32;

/**
 * Takes bytes to send, as many as there is room for. They are the board's own (copied or sent) when it answers.
 * @returns how many (at least 1, maybe fewer than `length`), or AGAIN, CLOSED, MISSING
 */
// @ts-ignore: decorator
@external("board", "tcpSend")
export declare function tcpSend(socket: i32, address: usize, length: u32): i32;

/** How {@link tcpClose} ends a connection. */
export enum Close {
  /**
   * What was taken is still delivered, then the connection ends in order. The board goes on without the camera, throws
   * away what still arrives (a reset in answer to it would cost the peer the last bytes), and gives up after 5 s.
   */
  ORDERLY = 0,
  /** At once: what was not delivered yet is dropped and the peer sees a reset. */
  ABORT = 1,
}

/** Ends a connection or stops listening. The handle is free from here on. */
// @ts-ignore: decorator
@external("board", "tcpClose")
export declare function tcpClose(socket: i32, how: i32): void;

// --- The sensor's lines and bus

/**
 * Sets the lines of a sensor on a bus.
 * @param power 1: supplied and awake, 0: off (its registers are lost)
 * @param reset 1: held in reset
 * @param clock frequency of its master clock in Hz; 0: none
 * @returns 0, or MISSING where the board has no place for such a sensor
 */
// @ts-ignore: decorator
@external("board", "sensorLines")
export declare function sensorLines(power: i32, reset: i32, clock: u32): i32;

/**
 * Writes to, and then reads from, a device on the sensor's bus (I²C, or SCCB, which stops between the two).
 * @param device its 7-bit address
 * @param write address of the bytes to write, `writeLength` of them, 0 for none
 * @param read where to put what is read, `readLength` bytes, 0 for none
 * @returns 0, or MISSING where nobody acknowledged, or there is no bus
 *
 * A transfer is short (a register or a few) and is over when this returns, after some 100 µs.
 */
// @ts-ignore: decorator
@external("board", "busTransfer")
export declare function busTransfer(device: i32, write: usize, writeLength: u32, read: usize, readLength: u32): i32;

// --- Capture

/** How the pixels of a frame lie in memory, row by row without gaps, the top left one first. */
export enum Format {
  /** 8-bit luma, one byte a pixel. */
  GRAY = 0,
  /** Two bytes a pixel, little-endian: red in bits 15–11, green in 10–5, blue in 4–0. */
  RGB565 = 1,
  /** YCbCr 4:2:2 as JFIF counts it (full range): four bytes Y0 Cb Y1 Cr for two pixels; the width is even. */
  YUYV = 2,
  /** The sensor makes JPEG files by itself: a frame has as many bytes as its file, and maybe some behind its end. */
  JPEG = 3,
  /** Raw pixels behind a mosaic of filters, one byte each: rows of blue, green and of green, red in turns (BGGR). */
  BAYER = 4,
}

/**
 * The *soft sensor*, for boards without a sensor bus: says which frames it shall deliver from now on. It is a scene
 * that the board plays, or a camera that has a driver of its own; what a camera offers is in the settings `mode.0`,
 * `mode.1` …, such as `640x480 jpeg`, as soon as the board knows it, and what it has to set besides in `control.0` …
 * (`docs/board-interface.md`).
 * @param width pixels
 * @param height rows
 * @param format a {@link Format}
 * @param interval µs from one frame's beginning to the next
 * @returns 0, AGAIN while a camera is being brought to that and to its controls' values (to be asked again with the
 * same), REFUSED where it has no such frames, MISSING where there is no soft sensor, or its camera is not plugged in
 */
// @ts-ignore: decorator
@external("board", "softSensorSet")
export declare function softSensorSet(width: u32, height: u32, format: i32, interval: u32): i32;

/**
 * Asks for the sensor's next whole frame, at most `length` bytes to `address`. From here until capturePoll answers
 * otherwise than AGAIN, or until captureStop, those bytes are the board's (DMA writes them). Nothing else may be under
 * way.
 * @returns 0, REFUSED where the soft sensor's frames have another length (but JPEG files have any), MISSING where no
 * sensor is plugged in
 */
// @ts-ignore: decorator
@external("board", "captureStart")
export declare function captureStart(address: usize, length: u32): i32;

/**
 * Asks whether the frame is whole; if so its time (i64, µs on the clock of `step`, when its exposure ended) is written
 * to `address`, `length` being 8.
 * @returns the frame's length in bytes, as many as came; or AGAIN, TORN (among others where more came than there was
 * room for), MISSING
 */
// @ts-ignore: decorator
@external("board", "capturePoll")
export declare function capturePoll(address: usize, length: u32): i32;

/** Stops a capture that is under way, if one is; when it returns the memory is the module's. */
// @ts-ignore: decorator
@external("board", "captureStop")
export declare function captureStop(): void;

// --- Other cameras

/**
 * Offers the newest frame to the board, which may send it on to other machines (`docs/scale.md`). What it has no room
 * for now it drops whole.
 * @param file address of the JPEG file, `length` bytes; the board reads it before it answers. With a length of 0 there
 * is none, and the board only says whether it wants frames
 * @param sequence the frame's number
 * @param age µs since it was captured
 * @param size pixels, `width << 16 | height`; 0 where they are not known
 * @returns 0 where it wants frames, AGAIN where nobody is there now whom it could send them to, MISSING where it never
 * sends any and need not be offered another
 */
// @ts-ignore: decorator
@external("board", "frameOut")
export declare function frameOut(file: usize, length: u32, sequence: u32, age: u32, size: u32): i32;

/** Bytes of a camera's name at most: letters, digits, `-` and `_`. */
export const CAMERA_NAME_MAX: u32 = 32;
/** Where what {@link cameraAt} writes has what, and how long it is without the name. */
export enum Heard {
  /** u32: the newest frame's number, as its camera counts. */
  SEQUENCE = 0,
  /** u32: bytes of that frame's file. */
  BYTES = 4,
  /** u32: its size, as frameOut was told there. */
  SIZE = 8,
  /** u32: ms since the camera was heard last. */
  SILENCE = 12,
  /** i64: when that frame was captured, µs since 1970 on the clock of the board that sent it. */
  TIME = 16,
  /** The camera's name, up to the end. */
  NAME = 24,
}

/**
 * Tells of a camera that the board hears from other machines: writes what {@link Heard} lists to `address`.
 * @param index from 0; from one step to the next another camera may have it
 * @returns bytes written, AGAIN where there are not so many now, MISSING where the board never hears any, REFUSED where
 * it is longer than `length`
 */
// @ts-ignore: decorator
@external("board", "cameraAt")
export declare function cameraAt(index: i32, address: usize, length: u32): i32;

/**
 * Copies the last file that the board has of such a camera, and has the board fetch a newer one.
 * @param name its name, `nameLength` bytes
 * @returns the file's length in bytes, AGAIN where none is there yet, MISSING where no camera of that name was heard,
 * REFUSED where it is longer than `length`
 */
// @ts-ignore: decorator
@external("board", "cameraFile")
export declare function cameraFile(name: usize, nameLength: u32, address: usize, length: u32): i32;

// --- Settings, identity, log

/**
 * Reads a setting: `name` and value are UTF-8. The names that the camera asks for are in `settings.ts`.
 * @returns the value's length in bytes, MISSING, or REFUSED where it is longer than `length`
 */
// @ts-ignore: decorator
@external("board", "settingGet")
export declare function settingGet(name: usize, nameLength: u32, address: usize, length: u32): i32;

/**
 * Keeps a setting, so that it survives a restart and a loss of power; an empty value removes it. One whose name begins
 * with `control.` is not kept: a camera of the board's is brought to it, see {@link softSensorSet}.
 * @returns 0, or REFUSED where there is no room, or no memory that lasts
 */
// @ts-ignore: decorator
@external("board", "settingPut")
export declare function settingPut(name: usize, nameLength: u32, value: usize, valueLength: u32): i32;

/** What {@link identify} tells, each as UTF-8 text. */
export enum Identity {
  /** The board's kind, as `make flash BOARD=` names it, or the host's: `node`, `simulated`. */
  BOARD = 0,
  /** Where it is reached, as far as it knows: `192.168.1.7`, `127.0.0.1:8080`. Empty before DHCP. */
  ADDRESS = 1,
  /** How often the module was started afresh after a trap since the board's own start, a decimal number. */
  RESTARTS = 2,
  /** Why that happened the last time, a text of at most {@link CRASH_BYTES_MAX} bytes; empty if it did not. */
  CRASH = 3,
  /** When that was: µs on the clock of `step`, a decimal number; empty if it did not happen. */
  CRASH_TIME = 4,
}

/** Bytes of what {@link Identity.CRASH} tells, at most. */
export const CRASH_BYTES_MAX: i32 = 160;

/** @returns the text's length in bytes, or REFUSED where it is longer than `length` */
// @ts-ignore: decorator
@external("board", "identify")
export declare function identify(what: i32, address: usize, length: u32): i32;

/**
 * Fills `length` bytes at `address` with chance that nobody can guess or repeat: secrets are made of it. It comes from
 * the processor's generator of random numbers, or from whoever starts the board; never from a clock or a counter.
 * @returns 0, or MISSING where the board has none
 */
// @ts-ignore: decorator
@external("board", "random")
export declare function random(address: usize, length: u32): i32;

/** How grave a line of the log is. */
export enum Level {
  ERROR = 0,
  WARNING = 1,
  INFO = 2,
  /** For who stands at the board's console, once: a secret. It is shown there, and kept nowhere. */
  CONSOLE = 3,
}

/** Writes one line (UTF-8, no line end) to the board's log. What is longer than 256 bytes is cut off there. */
// @ts-ignore: decorator
@external("board", "log")
export declare function log(level: i32, address: usize, length: u32): void;

/**
 * Reads the last lines of the board's log, the oldest first, as many whole ones as fit: the module's and the board's
 * own, also those from before the module was started afresh. The board keeps the last 16 KB, without lines of CONSOLE.
 *
 * A line is UTF-8 text, `[seconds.micros] LEVEL text`, without control characters, and ends with a line feed.
 * @returns their length in bytes
 */
// @ts-ignore: decorator
@external("board", "logRead")
export declare function logRead(address: usize, length: u32): i32;
