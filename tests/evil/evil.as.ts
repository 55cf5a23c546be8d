/**
 * A module that does what no module should, in the way that the setting `way` names, for tests of what its hosts make
 * of it. It does so in its first life, and where a way has many cases one in each life; in the life after the last it
 * listens and answers whoever comes, with the end of the log, which shows what is left of those before, and what not.
 */

import {
  busTransfer,
  cameraAt,
  cameraFile,
  capturePoll,
  captureStart,
  Close,
  events,
  Fault,
  frameOut,
  Identity,
  identify,
  Level,
  log,
  logRead,
  settingGet,
  settingPut,
  tcpAccept,
  tcpClose,
  tcpConnect,
  tcpListen,
  tcpReceive,
  tcpSend,
} from "../../assembly/board";

const NEVER: i64 = i64.MAX_VALUE;

const TEXT_BYTES: u32 = 16;
const text: usize = memory.data(<i32>TEXT_BYTES);
/** `way`, and a setting that nobody set. */
const wayName: usize = memory.data<u8>([0x77, 0x61, 0x79]);
/** `survived`. */
const survived: usize = memory.data<u8>([0x73, 0x75, 0x72, 0x76, 0x69, 0x76, 0x65, 0x64]);
/** `HTTP/1.1 200 ` and two line ends. */
const HEAD_BYTES: u32 = 17;
const head: usize = memory.data<u8>([
  0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, 0x31, 0x20, 0x32, 0x30, 0x30, 0x20, 0x0d, 0x0a, 0x0d, 0x0a,
]);
const LOG_BYTES: u32 = 1024;
const lines: usize = memory.data(<i32>LOG_BYTES);

let way: u8 = 0;
/** How many lives there were before. */
let life: i32 = 0;
let listener: i32 = 0;
/** The compiler does not know what it is. */
let counter: u32 = 0;

export function begin(): void {
  if (settingGet(wayName, 3, text, TEXT_BYTES) == 1) way = load<u8>(text);
  const digits = identify(Identity.RESTARTS, text, TEXT_BYTES);
  for (let i = 0; i < digits; i++) life = life * 10 + load<u8>(text + i) - 0x30;
  if (way == 0x42 && life == 0) loopForEver(); // B
  listener = tcpListen(80);
}

export function step(now: i64): i64 {
  switch (way) {
    case 0x4b: // K
      if (life > 0) unreachable();
      settingPut(wayName, 3, wayName, 3);
      loopForEver();
      break;
    case 0x54: // T
      if (life == 0) unreachable();
      break;
    case 0x4c: // L
      if (life == 0) loopForEver();
      break;
    case 0x49: // I
      if (life == 0) while (true) events(text, TEXT_BYTES);
      break;
    case 0x46: // F
      if (life == 0) while (true) memory.fill(bottom(), <u8>counter, end() - bottom());
      break;
    case 0x52: // R
      if (life == 0) counter = deeper(1);
      break;
    case 0x47: // G
      if (life == 0) grow();
      break;
    case 0x57: // W
      if (life < PLACES * CALLS) {
        pass(life / CALLS, life % CALLS);
        log(Level.ERROR, survived, 8);
        unreachable();
      }
      break;
    case 0x41: // A
      unreachable();
      break;
  }
  const socket = tcpAccept(listener);
  if (socket == Fault.AGAIN) return NEVER;
  tcpSend(socket, head, HEAD_BYTES);
  const bytes = logRead(lines, LOG_BYTES);
  if (bytes > 0) tcpSend(socket, lines, bytes);
  tcpClose(socket, Close.ORDERLY);
  return now;
}

/** The first address behind the memory. */
function end(): usize {
  return <usize>memory.size() << 16;
}

/** An address above all that is of any use. */
function bottom(): usize {
  return 32768;
}

function loopForEver(): void {
  while (true) store<u32>(bottom(), counter++);
}

function deeper(depth: u32): u32 {
  return depth == 0 ? 0 : depth ^ deeper(depth + 1);
}

/** Asks for more memory than it may have, and writes to where that would be. */
function grow(): void {
  const before = end();
  let refused = true;
  for (let pages = 65535; pages > 0; pages >>= 1) if (memory.grow(pages) >= 0) refused = false;
  if (!refused) log(Level.ERROR, survived, 8);
  store<u8>(before, 1);
}

/** The ranges that are not within the memory, and how many calls there are to try each with. */
const PLACES: i32 = 5;
const CALLS: i32 = 18;

function pass(place: i32, call: i32): void {
  let address: usize = 0;
  let length: u32 = 8;
  switch (place) {
    case 0:
      address = 0xffffffff;
      break;
    case 1:
      address = end();
      break;
    case 2:
      address = end() - 7;
      break;
    case 3:
      length = 0xffffffff;
      break;
    default: // address and length come to something small
      address = 0xfffffff0;
      length = 0x20;
  }
  switch (call) {
    case 0:
      events(address, length);
      break;
    case 1:
      tcpReceive(listener, address, length);
      break;
    case 2:
      tcpSend(listener, address, length);
      break;
    case 3:
      busTransfer(0x30, address, length, text, 1);
      break;
    case 4:
      busTransfer(0x30, text, 1, address, length);
      break;
    case 5:
      captureStart(address, length);
      break;
    case 6:
      capturePoll(address, length);
      break;
    case 7:
      settingGet(address, length, text, TEXT_BYTES);
      break;
    case 8:
      settingGet(wayName, 3, address, length);
      break;
    case 9:
      settingPut(address, length, text, 1);
      break;
    case 10:
      settingPut(wayName, 3, address, length);
      break;
    case 11:
      identify(Identity.BOARD, address, length);
      break;
    case 12:
      frameOut(address, length, 1, 0, 0);
      break;
    case 13:
      cameraAt(0, address, length);
      break;
    case 14:
      cameraFile(address, length, text, TEXT_BYTES);
      break;
    case 15:
      cameraFile(wayName, 3, address, length);
      break;
    case 16:
      tcpConnect(address, length, 9);
      break;
    default:
      if (place & 1) log(Level.INFO, address, length);
      else logRead(address, length);
  }
}
