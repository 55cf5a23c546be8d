/**
 * Counts wrong secrets by the address from which they come: five a minute, and then none is looked at until that
 * minute is over. An IPv6 address counts with all of its network's (/64), since whoever has one has them all.
 *
 * The table is fixed, and in two parts. Whoever has many addresses can fill the one for strangers, and then no further
 * stranger gets in until a minute is over: guesses stay bounded, whatever an attacker owns. But addresses that showed a
 * right secret since the start have places of their own, which nobody without one can take; their owners still get in.
 */

import { FRIENDS_MAX, STRANGERS_MAX, TRIES_MAX, TRIES_WINDOW } from "../limits";
import { HASH_BYTES } from "./sha256";

/** Bytes of an address that count: all of IPv4's, the network of IPv6's. */
const ADDRESS_BYTES: u32 = 8;

class Entry {
  /** Whether it stands for an address. */
  isUsed: bool = false;
  address: u64 = 0;
  /** Wrong secrets since `since`. */
  wrong: u32 = 0;
  since: i64 = 0;
  /** When a right one came last; of a friend. */
  rightAt: i64 = 0;
  /** The last wrong one's digest: shown again, it is no further guess. */
  readonly digest: usize = heap.alloc(HASH_BYTES);

  begin(address: u64, now: i64): void {
    this.isUsed = true;
    this.address = address;
    this.rightAt = now;
    this.forget(now);
  }

  forget(now: i64): void {
    this.wrong = 0;
    this.since = now;
  }

  isOver(now: i64): bool {
    return now - this.since >= TRIES_WINDOW;
  }
}

export class Tries {
  private readonly strangers: StaticArray<Entry> = new StaticArray<Entry>(STRANGERS_MAX);
  private readonly friends: StaticArray<Entry> = new StaticArray<Entry>(FRIENDS_MAX);

  constructor() {
    for (let i = 0; i < STRANGERS_MAX; i++) this.strangers[i] = new Entry();
    for (let i = 0; i < FRIENDS_MAX; i++) this.friends[i] = new Entry();
  }

  /** Whether a secret from there is looked at. */
  isOpen(address: u64, now: i64): bool {
    const entry = this.find(address);
    if (entry) return entry.wrong < TRIES_MAX || entry.isOver(now);
    for (let i = 0; i < STRANGERS_MAX; i++) {
      const stranger = this.strangers[i];
      if (!stranger.isUsed || stranger.isOver(now)) return true;
    }
    return false;
  }

  /** Whether the last secret that came from there was wrong, and had this digest. */
  wasWrong(address: u64, digest: usize): bool {
    const entry = this.find(address);
    return entry !== null && entry.wrong > 0 && memory.compare(entry.digest, digest, HASH_BYTES) == 0;
  }

  /** A wrong secret came from there. */
  countWrong(address: u64, digest: usize, now: i64): void {
    let entry = this.find(address);
    if (!entry) {
      entry = this.place();
      entry.begin(address, now);
    }
    if (entry.wrong == 0 || entry.isOver(now)) entry.forget(now);
    entry.wrong++;
    memory.copy(entry.digest, digest, HASH_BYTES);
  }

  /** A right secret came from there: it is a friend's address from now on. What was wrong before it still counts. */
  countRight(address: u64, now: i64): void {
    const known = this.findIn(this.friends, address);
    if (known) {
      known.rightAt = now;
      return;
    }
    let friend = this.friends[0];
    for (let i = 1; i < FRIENDS_MAX && friend.isUsed; i++) {
      const other = this.friends[i];
      if (!other.isUsed || other.rightAt < friend.rightAt) friend = other;
    }
    friend.begin(address, now);
    const stranger = this.findIn(this.strangers, address);
    if (!stranger) return;
    stranger.isUsed = false;
    friend.wrong = stranger.wrong;
    friend.since = stranger.since;
    memory.copy(friend.digest, stranger.digest, HASH_BYTES);
  }

  /** A secret was changed: what was wrong may be right now. */
  forgetDigests(): void {
    for (let i = 0; i < STRANGERS_MAX; i++) memory.fill(this.strangers[i].digest, 0, HASH_BYTES);
    for (let i = 0; i < FRIENDS_MAX; i++) memory.fill(this.friends[i].digest, 0, HASH_BYTES);
  }

  private find(address: u64): Entry | null {
    const friend = this.findIn(this.friends, address);
    return friend ? friend : this.findIn(this.strangers, address);
  }

  private findIn(entries: StaticArray<Entry>, address: u64): Entry | null {
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (entry.isUsed && entry.address == address) return entry;
    }
    return null;
  }

  /** A place for a stranger: free, or of the one whose minute began first. */
  private place(): Entry {
    let oldest = this.strangers[0];
    for (let i = 0; i < STRANGERS_MAX; i++) {
      const entry = this.strangers[i];
      if (!entry.isUsed) return entry;
      if (entry.since < oldest.since) oldest = entry;
    }
    return oldest;
  }
}

/** What counts of the IP address of `bytes` bytes at `at`; one that is not known (0 bytes) is one like any other. */
export function addressOf(at: usize, bytes: u32): u64 {
  let address: u64 = bytes;
  for (let i: u32 = 0; i < min(bytes, ADDRESS_BYTES); i++) address = address << 8 | load<u8>(at + i);
  return address;
}
