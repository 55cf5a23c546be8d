/**
 * A secret as the board keeps it: only its hash, in a setting of the shape `rounds$salt$hash`, the last two in
 * hexadecimal (PBKDF2-HMAC-SHA-256). Whoever reads the settings learns no secret, only how to check a guess.
 *
 * Once somebody has shown the right one, a digest of it under a key that the camera makes at each start stays in
 * memory, so that the next request costs a hash of two blocks and not of thousands. Comparing takes constant time.
 */

import { hexDigit } from "../ascii";
import { Fault, Level } from "../board";
import { beginLine, endLine } from "../journal";
import { SECRET_ROUNDS_MAX, SETTING_BYTES } from "../limits";
import { putSetting, readSetting, settingValue } from "../settings";
import { Writer } from "../writer";
import { isSame } from "./constant-time";
import { HASH_BYTES } from "./sha256";

export const SALT_BYTES: u32 = 16;
const DOLLAR: u32 = 0x24;

const text: usize = memory.data(<i32>SETTING_BYTES);

export class Secret {
  /** Whether the board keeps one. Where what it keeps makes no sense, it does, and nobody can show it. */
  isSet: bool = false;
  rounds: u32 = 0;
  readonly salt: usize = heap.alloc(SALT_BYTES);
  private readonly hash: usize = heap.alloc(HASH_BYTES);
  /** Whether somebody has shown it, and its digest. */
  private isKnown: bool = false;
  private readonly digest: usize = heap.alloc(HASH_BYTES);
  private readonly writer: Writer = new Writer();

  /** @param setting what the board keeps it as */
  constructor(readonly setting: string) {
    const length = readSetting(setting);
    this.isSet = length != Fault.MISSING;
    if (this.isSet && (length < 0 || !this.read(settingValue, length))) {
      this.rounds = 0;
      beginLine().text("nobody can show the secret: its setting makes no sense: ").text(setting);
      endLine(Level.ERROR);
    }
  }

  /** Whether there is a hash that a guess can be checked against. */
  get canBeChecked(): bool {
    return this.rounds > 0;
  }

  /** Whether `digest` is that of the secret, which somebody has shown before. */
  isDigest(digest: usize): bool {
    return isSame(this.digest, digest, HASH_BYTES) && this.isKnown;
  }

  /** Whether `hash`, made with its salt and in its rounds, is its hash. */
  isHash(hash: usize): bool {
    return isSame(this.hash, hash, HASH_BYTES) && this.canBeChecked;
  }

  /** Somebody has shown it. */
  know(digest: usize): void {
    memory.copy(this.digest, digest, HASH_BYTES);
    this.isKnown = true;
  }

  /** Has the board keep a new one. @returns whether it could; if not, all is as it was */
  replace(rounds: u32, salt: usize, hash: usize): bool {
    const writer = this.writer.begin(text, SETTING_BYTES);
    writer.number(rounds).byte(DOLLAR).hexadecimal(salt, SALT_BYTES).byte(DOLLAR).hexadecimal(hash, HASH_BYTES);
    if (!putSetting(this.setting, text, writer.length)) return false;
    this.use(rounds, salt, hash);
    return true;
  }

  /** Takes a new one, whether the board keeps it or not. */
  use(rounds: u32, salt: usize, hash: usize): void {
    memory.copy(this.salt, salt, SALT_BYTES);
    memory.copy(this.hash, hash, HASH_BYTES);
    this.rounds = rounds;
    this.isSet = true;
    this.isKnown = false;
  }

  /** Has the board keep none. @returns whether it could */
  remove(): bool {
    if (!putSetting(this.setting, text, 0)) return false;
    this.isSet = false;
    this.isKnown = false;
    this.rounds = 0;
    return true;
  }

  /** Reads a setting's value. @returns whether it is one */
  private read(at: usize, length: u32): bool {
    const tail = 2 + 2 * (SALT_BYTES + HASH_BYTES);
    if (length < 1 + tail || length > 7 + tail) return false;
    const saltAt = at + length - tail;
    for (let digit = at; digit < saltAt; digit++) {
      const value: u32 = <u32>load<u8>(digit) - 0x30;
      if (value > 9) return false;
      this.rounds = this.rounds * 10 + value;
    }
    const hashAt = saltAt + 1 + 2 * SALT_BYTES;
    return (
      this.rounds > 0 &&
      this.rounds <= SECRET_ROUNDS_MAX &&
      load<u8>(saltAt) == DOLLAR &&
      readHexadecimal(saltAt + 1, this.salt, SALT_BYTES) &&
      load<u8>(hashAt) == DOLLAR &&
      readHexadecimal(hashAt + 1, this.hash, HASH_BYTES)
    );
  }
}

/** Reads `bytes` bytes in hexadecimal from `at` to `to`. @returns whether they are */
function readHexadecimal(at: usize, to: usize, bytes: u32): bool {
  for (let i: u32 = 0; i < bytes; i++) {
    const high = hexDigit(load<u8>(at + 2 * i));
    const low = hexDigit(load<u8>(at + 2 * i + 1));
    if (high < 0 || low < 0) return false;
    store<u8>(to + i, high << 4 | low);
  }
  return true;
}
