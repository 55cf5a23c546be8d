/**
 * A module that fails in another way in each of its lives, for the test of the board's supervisor. In the last life it
 * listens and answers whoever comes; in the first it listens too, and falls when somebody has come.
 */

import { Close, Fault, Identity, identify, tcpAccept, tcpClose, tcpListen, tcpSend } from "../../assembly/board";

const NEVER: i64 = i64.MAX_VALUE;
const PAGE: usize = 65536;

const NUMBER_BYTES: u32 = 16;
const number: usize = memory.data(<i32>NUMBER_BYTES);

/** `HTTP/1.1 204 ` and two line ends. */
const ANSWER_BYTES: u32 = 17;
const answer: usize = memory.data<u8>([
  0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, 0x31, 0x20, 0x32, 0x30, 0x34, 0x20, 0x0d, 0x0a, 0x0d, 0x0a,
]);

/** How many lives there were before. */
let life: i32 = 0;
let listener: i32 = 0;
/** Which the compiler does not know. */
let zero: i32 = 0;

export function begin(): void {
  const digits = identify(Identity.RESTARTS, number, NUMBER_BYTES);
  for (let i = 0; i < digits; i++) life = life * 10 + load<u8>(number + i) - 0x30;
  listener = tcpListen(80);
}

function fallFor(depth: i32): i32 {
  return depth + fallFor(depth + 1);
}

export function step(now: i64): i64 {
  // Each of these ends the module.
  switch (life) {
    case 0:
      if (tcpAccept(listener) == Fault.AGAIN) return NEVER;
      unreachable();
      break;
    case 1:
      store<u8>(<usize>memory.size() * PAGE, 1);
      break;
    case 2:
      identify(Identity.BOARD, <usize>memory.size() * PAGE - 1, NUMBER_BYTES);
      break;
    case 3:
      return fallFor(0);
    case 4:
      return life / zero;
    case 5:
      tcpClose(99, Close.ABORT);
      break;
  }
  const socket = tcpAccept(listener);
  if (socket == Fault.AGAIN) return NEVER;
  tcpSend(socket, answer, ANSWER_BYTES);
  tcpClose(socket, Close.ORDERLY);
  return now;
}
