/**
 * Lists of names that somebody put in a setting: hosts under which the camera is reached, and origins of pages that may
 * use it. Names are separated by commas or spaces; capitals don't count (RFC 9110, 4.2.3).
 */

import { COMMA, SPACE, lower } from "../ascii";
import { SETTING_BYTES } from "../limits";
import { putSetting, readSetting, settingValue } from "../settings";

export class Names {
  /** The list as it was written. */
  readonly text: usize = heap.alloc(SETTING_BYTES);
  bytes: u32 = 0;

  /** @param setting what the board keeps it as */
  constructor(readonly setting: string) {
    const length = readSetting(setting);
    if (length > 0) this.use(settingValue, length);
  }

  /** Whether the list has the name of `length` bytes at `at`. */
  has(at: usize, length: u32): bool {
    let from: u32 = 0;
    while (from < this.bytes) {
      let to = from;
      while (to < this.bytes && !isBetween(load<u8>(this.text + to))) to++;
      if (to - from == length && isSameName(this.text + from, at, length)) return length > 0;
      from = to + 1;
    }
    return false;
  }

  /** Whether nobody is in it. */
  get isEmpty(): bool {
    for (let i: u32 = 0; i < this.bytes; i++) if (!isBetween(load<u8>(this.text + i))) return false;
    return true;
  }

  /** Has the board keep another list. @returns whether it could */
  replace(at: usize, length: u32): bool {
    if (!putSetting(this.setting, at, length)) return false;
    this.use(at, length);
    return true;
  }

  private use(at: usize, length: u32): void {
    memory.copy(this.text, at, length);
    this.bytes = length;
  }
}

function isBetween(c: u32): bool {
  return c == COMMA || c == SPACE;
}

/** Whether two names of `length` bytes are the same, but for capitals. */
export function isSameName(one: usize, other: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) if (lower(load<u8>(one + i)) != lower(load<u8>(other + i))) return false;
  return true;
}
