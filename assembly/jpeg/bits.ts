/**
 * The words that `entropy.ts` fills, CODED, and how they become the file's bytes.
 */

import { ROOM_SHIFT } from "./entropy";
import { CODED, CODED_BYTES, CODED_MASK, PENDING_BITS, PENDING_ROOM, WINDOW, guard } from "./memory";

/** Begins a file's bits. */
export function startBits(): void {
  store<u32>(PENDING_BITS, 0);
  store<u32>(PENDING_ROOM, 31 << ROOM_SHIFT);
  store<usize>(CODED_BYTES, 0);
}

/** Fills the last byte with ones and completes the last word, with bytes that do not count. Returns how many do. */
export function endBits(): usize {
  const room = (load<u32>(PENDING_ROOM) >>> ROOM_SHIFT) + 1;
  if (room == 32) return 0;
  store<u32>(CODED, load<u32>(PENDING_BITS) << room | ((1 << room) - 1));
  return <usize>((32 - room + 7) >> 3);
}

/** Not 0 if a word has a byte 0xff, after which the file has a zero that is none of its bits (T.81 B.1.1.5). */
// @ts-ignore: decorator
@inline
function stuffing(word: u32): u32 {
  return (0xfefefefe - word) & word & 0x80808080;
}

/** How many bytes `bytes` of CODED will be in the file. */
export function stuffedBytes(bytes: usize): usize {
  let count = bytes;
  for (let i: usize = 0; i < bytes; i++) {
    if (load<u8>(CODED + (i ^ 3)) == 0xff) count++; // the most significant byte of a word comes first
  }
  return count;
}

/** Takes the words of CODED to the file at `out`; there must be room. Returns its end. */
export function append(out: usize): usize {
  guard(out);
  const end = CODED + (load<usize>(CODED_BYTES) & CODED_MASK);
  let at = CODED;
  for (; at + 4 < end; at += 8) {
    const first = load<u32>(at);
    const second = load<u32>(at, 4);
    if (stuffing(first) | stuffing(second)) {
      out = appendBytes(appendBytes(out, first, 4), second, 4);
    } else {
      const to = out & WINDOW;
      store<u32>(to, bswap<u32>(first));
      store<u32>(to, bswap<u32>(second), 4);
      out = to + 8;
    }
  }
  if (at == end) return out;
  const last = load<u32>(at);
  if (stuffing(last)) return appendBytes(out, last, 4);
  store<u32>(out & WINDOW, bswap<u32>(last));
  return out + 4;
}

/** Appends the first bytes of a word, with a zero after each 0xff. Returns the file's end. */
export function appendBytes(out: usize, word: u32, count: usize): usize {
  for (; count > 0; count--, word <<= 8) {
    store<u8>(out++, <u8>(word >>> 24));
    if (word >>> 24 == 0xff) store<u8>(out++, 0);
  }
  return out;
}
