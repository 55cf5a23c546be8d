/**
 * SHA-1 (FIPS 180-4), of a message that lies in one piece. Nothing secret may rest on it: it is here because
 * WebSocket's handshake answers with it, to show that whoever answers has understood the question (RFC 6455, 1.3).
 */

/** Bytes of a hash, and of a block. */
export const SHA1_BYTES: u32 = 20;
const BLOCK_BYTES: u32 = 64;

/** The 16 words of a block, of which the last 16 of the schedule's 80 take the places in turn. */
const schedule: usize = memory.data(16 * 4, 4);
/** The end of the message: what does not fill a block, with what FIPS 180-4, 5.1.1 puts behind it. */
const tail: usize = memory.data(2 * 64);

let h0: u32 = 0;
let h1: u32 = 0;
let h2: u32 = 0;
let h3: u32 = 0;
let h4: u32 = 0;

/** Writes the hash of the `length` bytes at `at` to `to`. */
export function sha1To(to: usize, at: usize, length: u32): void {
  h0 = 0x67452301;
  h1 = 0xefcdab89;
  h2 = 0x98badcfe;
  h3 = 0x10325476;
  h4 = 0xc3d2e1f0;
  const whole = length - length % BLOCK_BYTES;
  for (let done: u32 = 0; done < whole; done += BLOCK_BYTES) compress(at + done);
  const rest = length - whole;
  const tailBytes: u32 = rest + 9 > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES;
  memory.fill(tail, 0, tailBytes);
  memory.copy(tail, at + whole, rest);
  store<u8>(tail + rest, 0x80);
  store<u64>(tail + tailBytes - 8, bswap(<u64>length << 3));
  for (let done: u32 = 0; done < tailBytes; done += BLOCK_BYTES) compress(tail + done);
  store<u32>(to, bswap(h0));
  store<u32>(to, bswap(h1), 4);
  store<u32>(to, bswap(h2), 8);
  store<u32>(to, bswap(h3), 12);
  store<u32>(to, bswap(h4), 16);
}

/** Takes a block into the hash: FIPS 180-4, 6.1.3, which needs no more than 16 words of the schedule at once. */
function compress(block: usize): void {
  let a = h0;
  let b = h1;
  let c = h2;
  let d = h3;
  let e = h4;
  for (let t: u32 = 0; t < 80; t++) {
    const w = t < 16 ? bswap(load<u32>(block + (t << 2))) : rotl(word(t - 3) ^ word(t - 8) ^ word(t - 14) ^ word(t), 1);
    store<u32>(schedule + ((t & 15) << 2), w);
    const mixed =
      t < 20 ? ((b & c) | (~b & d)) + 0x5a827999
      : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1
      : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
      : (b ^ c ^ d) + 0xca62c1d6;
    const next = rotl(a, 5) + mixed + e + w;
    e = d;
    d = c;
    c = rotl(b, 30);
    b = a;
    a = next;
  }
  h0 += a;
  h1 += b;
  h2 += c;
  h3 += d;
  h4 += e;
}

/** The schedule's word `t`, of those that are kept: 16 before is in the same place. */
// @ts-ignore: decorator
@inline
function word(t: u32): u32 {
  return load<u32>(schedule + ((t & 15) << 2));
}

// @ts-ignore: decorator
@inline
function rotl(value: u32, by: u32): u32 {
  return (value << by) | (value >> (32 - by));
}
