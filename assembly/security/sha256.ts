/**
 * SHA-256 (FIPS 180-4), a message at a time. What it is used for is its callers' business.
 *
 * Hashes are kept as eight words in the processor's own order; bytes are turned where they come in and go out.
 */

/** Bytes of a hash, and of a block. */
export const HASH_BYTES: u32 = 32;
export const BLOCK_BYTES: u32 = 64;

/** FIPS 180-4, 4.2.2: of the cube roots of the first 64 primes, the first 32 bits behind the point. */
const ROUNDS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
/** FIPS 180-4, 5.3.3: of the square roots of the first 8 primes. */
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
/** The message schedule: the 16 words of a block, and the 48 that are made of them. */
export const SCHEDULE: usize = memory.data(64 * 4, 4);

/** Takes the block in the first 16 words of {@link SCHEDULE} into the hash at `state`. */
export function compress(state: usize): void {
  for (let at: usize = SCHEDULE; at < SCHEDULE + 48 * 4; at += 4) {
    const w1 = load<u32>(at, 4);
    const w14 = load<u32>(at, 56);
    const s0 = rotr(w1, 7) ^ rotr(w1, 18) ^ (w1 >> 3);
    const s1 = rotr(w14, 17) ^ rotr(w14, 19) ^ (w14 >> 10);
    store<u32>(at, load<u32>(at) + s0 + load<u32>(at, 36) + s1, 64);
  }
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  for (let i: usize = 0; i < 64 * 4; i += 4) {
    const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
    const t1 = h + s1 + (g ^ (e & (f ^ g))) + load<u32>(ROUNDS + i) + load<u32>(SCHEDULE + i);
    const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
    const t2 = s0 + ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
  store<u32>(state, load<u32>(state, 20) + f, 20);
  store<u32>(state, load<u32>(state, 24) + g, 24);
  store<u32>(state, load<u32>(state, 28) + h, 28);
}

// @ts-ignore: decorator
@inline
function rotr(word: u32, by: u32): u32 {
  return (word >> by) | (word << (32 - by));
}

/** A message that comes in pieces. */
export class Sha256 {
  /** The hash of the blocks so far. */
  readonly state: usize = heap.alloc(HASH_BYTES);
  private readonly block: usize = heap.alloc(BLOCK_BYTES);
  /** Bytes so far, those in `block` with them. */
  private bytes: u32 = 0;

  begin(): this {
    return this.resume(INITIAL, 0);
  }

  /** Begins where the hash `state` stood after `bytes`, whole blocks. */
  resume(state: usize, bytes: u32): this {
    memory.copy(this.state, state, HASH_BYTES);
    this.bytes = bytes;
    return this;
  }

  add(at: usize, length: u32): this {
    for (let i: u32 = 0; i < length; i++) this.addByte(load<u8>(at + i));
    return this;
  }

  addByte(byte: u32): this {
    const filled = this.bytes++ % BLOCK_BYTES;
    store<u8>(this.block + filled, byte);
    if (filled == BLOCK_BYTES - 1) this.take();
    return this;
  }

  /** Ends the message: its hash is in `state`, as words. */
  end(): void {
    const bits = this.bytes << 3;
    this.addByte(0x80);
    while (this.bytes % BLOCK_BYTES != BLOCK_BYTES - 8) this.addByte(0);
    // The count of bits has 64; half a gigabyte is more than anything here.
    for (let shift = 56; shift >= 0; shift -= 8) this.addByte(shift < 32 ? bits >> shift & 0xff : 0);
  }

  /** Ends the message and writes its hash, as bytes, to `to`. */
  endTo(to: usize): void {
    this.end();
    turnWords(to, this.state, HASH_BYTES);
  }

  private take(): void {
    turnWords(SCHEDULE, this.block, BLOCK_BYTES);
    compress(this.state);
  }
}

/** Copies words, each turned: from the processor's order to that of SHA-256's bytes, or back. */
export function turnWords(to: usize, from: usize, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i += 4) store<u32>(to + i, bswap(load<u32>(from + i)));
}
