/**
 * A module that calls the board as a program of bytes says: whatever import, with whatever arguments, in whatever
 * order. The fuzzer's host (board/fuzz/) writes the program to its memory, does what it asks of the world outside, and
 * judges every answer; Node's runs the same ones (tests/fuzz-glue.long.test.ts).
 *
 * A program is a row of operations: a byte, modulo {@link OPERATIONS}, then its arguments. The first operations are the
 * imports in the order of assembly/board.ts. The cursor only moves forward, so that each program ends, and then traps.
 */

import {
  busTransfer,
  cameraAt,
  cameraFile,
  capturePoll,
  captureStart,
  captureStop,
  events,
  frameOut,
  identify,
  log,
  logRead,
  random,
  sensorLines,
  settingGet,
  settingPut,
  softSensorSet,
  tcpAccept,
  tcpClose,
  tcpConnect,
  tcpListen,
  tcpPeer,
  tcpReceive,
  tcpSend,
} from "../../assembly/board";

/** The memory's first addresses: what is asked of the world, the last results, the program's length and the program. */
const WISH: usize = 16;
const RESULTS: usize = 64;
const RESULTS_MAX: i32 = 32;
const LENGTH: usize = 192;
const PROGRAM: usize = 1024;
/** Where most addresses lead. */
const SCRATCH: usize = 16384;

/** Operations that are no imports. */
enum Operation {
  /** address, count (a byte), bytes: puts them there. */
  PUT = 23,
  /** what, which, how much (a byte each): something happens outside, before the next call. */
  WISH = 24,
  /** ms (a byte): the step ends, and the next is wanted after that time. */
  REST = 25,
  /** pages: asks for more memory, of which there is none. */
  GROW = 26,
  /** address: reads there, and traps where that is outside. */
  LOAD = 27,
}
const OPERATIONS: i32 = 28;

let length: u32 = 0;
let cursor: u32 = 0;
let results: i32 = 0;

export function begin(): void {
  length = load<u32>(LENGTH);
}

export function step(now: i64): i64 {
  while (cursor < length) {
    const operation = <i32>byte() % OPERATIONS;
    switch (operation) {
      case Operation.PUT: {
        let at = argument();
        for (let count = byte(); count > 0; count--) store<u8>(at++, <u8>byte());
        break;
      }
      case Operation.WISH:
        store<u32>(WISH + 4, byte());
        store<u32>(WISH + 8, byte());
        store<u32>(WISH + 12, byte());
        store<u32>(WISH, 1);
        break;
      case Operation.REST:
        return now + <i64>byte() * 1000;
      case Operation.GROW:
        keep(memory.grow(argument()));
        break;
      case Operation.LOAD:
        keep(load<u8>(argument()));
        break;
      default:
        keep(call(operation));
    }
  }
  return unreachable();
}

/** The program's next byte; 0 behind its end. */
function byte(): u32 {
  return cursor < length ? load<u8>(PROGRAM + cursor++) : 0;
}

function keep(result: i32): void {
  store<i32>(RESULTS + 4 * (results++ % RESULTS_MAX), result);
}

function end(): u32 {
  return <u32>memory.size() << 16;
}

/** An argument: a byte that says of which kind in its low three bits, then what that kind takes. */
function argument(): u32 {
  const kind = byte();
  const more = kind >> 3;
  switch (kind & 7) {
    case 0: // small
      return byte();
    case 1: // any
      return byte() | (byte() << 8) | (byte() << 16) | (byte() << 24);
    case 2: // before the memory's end
      return end() - byte();
    case 3: // behind it
      return end() + byte();
    case 4: // within the memory
      return <u32>SCRATCH + (byte() | (byte() << 8));
    case 5: // what a call answered, the last one or one before
      return load<u32>(RESULTS + 4 * ((results - 1 - <i32>more) & (RESULTS_MAX - 1)));
    case 6: // below zero, or huge
      return 0 - byte();
    default: // small, in one byte
      return more;
  }
}

function call(which: i32): i32 {
  // Arguments are evaluated in their order.
  const a: u32 = which == 13 ? 0 : argument();
  switch (which) {
    case 0:
      return events(a, argument());
    case 1:
      return tcpListen(a);
    case 2:
      return tcpAccept(a);
    case 3:
      return tcpConnect(a, argument(), argument());
    case 4:
      return tcpPeer(a, argument(), argument());
    case 5:
      return tcpReceive(a, argument(), argument());
    case 6:
      return tcpSend(a, argument(), argument());
    case 7:
      tcpClose(a, argument());
      return 0;
    case 8:
      return sensorLines(a, argument(), argument());
    case 9:
      return busTransfer(a, argument(), argument(), argument(), argument());
    case 10:
      return softSensorSet(a, argument(), argument(), argument());
    case 11:
      return captureStart(a, argument());
    case 12:
      return capturePoll(a, argument());
    case 13:
      captureStop();
      return 0;
    case 14:
      return frameOut(a, argument(), argument(), argument(), argument());
    case 15:
      return cameraAt(a, argument(), argument());
    case 16:
      return cameraFile(a, argument(), argument(), argument());
    case 17:
      return settingGet(a, argument(), argument(), argument());
    case 18:
      return settingPut(a, argument(), argument(), argument());
    case 19:
      return identify(a, argument(), argument());
    case 20:
      return random(a, argument());
    case 21:
      log(a, argument(), argument());
      return 0;
    default:
      return logRead(a, argument());
  }
}
