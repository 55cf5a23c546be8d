/**
 * PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2): makes of a secret that a person can remember a hash that takes long to
 * guess. Its first block of output alone, which is as long as the hash. It works in slices, so that a camera goes on
 * meanwhile.
 */

import { Hmac } from "./hmac";
import { HASH_BYTES, turnWords } from "./sha256";

/** The number of the output's block, as PBKDF2 counts. */
const FIRST_BLOCK: usize = memory.data<u8>([0, 0, 0, 1]);

export class Derivation {
  private readonly hmac: Hmac = new Hmac();
  /** The last code, and all of them so far, one over the other. */
  private readonly code: usize = heap.alloc(HASH_BYTES);
  private readonly sum: usize = heap.alloc(HASH_BYTES);
  /** Rounds that are still to be done. */
  private left: u32 = 0;

  /** Begins with a secret and its salt; they are not needed any more when it returns. */
  begin(secret: usize, secretBytes: u32, salt: usize, saltBytes: u32, rounds: u32): void {
    assert(rounds > 0, "a hash of no rounds");
    this.hmac.setKey(secret, secretBytes);
    this.hmac.begin();
    this.hmac.add(salt, saltBytes);
    this.hmac.add(FIRST_BLOCK, 4);
    this.hmac.end(this.code);
    memory.copy(this.sum, this.code, HASH_BYTES);
    this.left = rounds - 1;
  }

  /** Does at most `rounds` rounds more. @returns whether that was all */
  work(rounds: u32): bool {
    const now = min(rounds, this.left);
    for (let i: u32 = 0; i < now; i++) {
      this.hmac.again(this.code);
      for (let word: usize = 0; word < HASH_BYTES; word += 4) {
        store<u32>(this.sum + word, load<u32>(this.sum + word) ^ load<u32>(this.code + word));
      }
    }
    this.left -= now;
    return this.left == 0;
  }

  /** Writes the hash, as bytes. */
  copyTo(to: usize): void {
    assert(this.left == 0, "the hash is not ready");
    turnWords(to, this.sum, HASH_BYTES);
  }
}
