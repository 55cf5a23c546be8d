/** HMAC-SHA-256 (RFC 2104). */

import { BLOCK_BYTES, HASH_BYTES, SCHEDULE, Sha256, compress, turnWords } from "./sha256";

export class Hmac {
  private readonly hash: Sha256 = new Sha256();
  /** The hashes after the key's first block, and after its second. */
  private readonly inner: usize = heap.alloc(HASH_BYTES);
  private readonly outer: usize = heap.alloc(HASH_BYTES);
  private readonly key: usize = heap.alloc(BLOCK_BYTES);

  setKey(at: usize, length: u32): void {
    memory.fill(this.key, 0, BLOCK_BYTES);
    if (length > BLOCK_BYTES) this.hash.begin().add(at, length).endTo(this.key);
    else memory.copy(this.key, at, length);
    this.absorb(0x36, this.inner);
    this.absorb(0x5c, this.outer);
    memory.fill(this.key, 0, BLOCK_BYTES);
  }

  begin(): void {
    this.hash.resume(this.inner, BLOCK_BYTES);
  }

  add(at: usize, length: u32): void {
    this.hash.add(at, length);
  }

  /** Ends the message and writes its code to `to`: HASH_BYTES, as words. */
  end(to: usize): void {
    this.hash.end();
    memory.copy(to, this.hash.state, HASH_BYTES);
    this.finish(to);
  }

  /** Writes the code of one short message, as bytes, to `to`: HASH_BYTES. */
  codeTo(to: usize, key: usize, keyBytes: u32, message: usize, messageBytes: u32): void {
    this.setKey(key, keyBytes);
    this.begin();
    this.add(message, messageBytes);
    this.end(to);
    turnWords(to, to, HASH_BYTES);
  }

  /** Replaces the code at `code` by that of its bytes: two blocks, and the whole of PBKDF2's work. */
  again(code: usize): void {
    const state = this.hash.state;
    memory.copy(state, this.inner, HASH_BYTES);
    compressHash(state, code);
    memory.copy(code, state, HASH_BYTES);
    this.finish(code);
  }

  /** Replaces the inner hash at `code` by the outer one. */
  private finish(code: usize): void {
    const state = this.hash.state;
    memory.copy(state, this.outer, HASH_BYTES);
    compressHash(state, code);
    memory.copy(code, state, HASH_BYTES);
  }

  /** The hash after one block: the key with `pad` over it. */
  private absorb(pad: u32, to: usize): void {
    this.hash.begin();
    for (let i: u32 = 0; i < BLOCK_BYTES; i++) this.hash.addByte(load<u8>(this.key + i) ^ pad);
    memory.copy(to, this.hash.state, HASH_BYTES);
  }
}

/** Takes the last block of a message of BLOCK_BYTES + HASH_BYTES into `state`: the hash at `hash`, and padding. */
function compressHash(state: usize, hash: usize): void {
  memory.copy(SCHEDULE, hash, HASH_BYTES);
  store<u32>(SCHEDULE, 0x80000000, 32);
  memory.fill(SCHEDULE + 36, 0, 24);
  store<u32>(SCHEDULE, (BLOCK_BYTES + HASH_BYTES) << 3, 60);
  compress(state);
}
