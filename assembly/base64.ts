/**
 * Base64 (RFC 4648, 4).
 */

import { EQUALS, isDigit } from "./ascii";
import { Writer } from "./writer";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Writes the `length` bytes at `at`, padded. */
export function writeBase64(writer: Writer, at: usize, length: u32): void {
  let bits: u32 = 0;
  let count = 0;
  for (let i: u32 = 0; i < length; i++) {
    bits = bits << 8 | load<u8>(at + i);
    for (count += 8; count >= 6; ) {
      count -= 6;
      writer.byte(LETTERS.charCodeAt(bits >> count & 63));
    }
  }
  if (count == 0) return;
  writer.byte(LETTERS.charCodeAt(bits << (6 - count) & 63)).byte(EQUALS);
  if (count == 2) writer.byte(EQUALS);
}

/** What a letter of base64 stands for (RFC 4648, table 1), or -1. */
export function base64Value(c: u32): i32 {
  if (c - 0x41 <= 25) return c - 0x41;
  if (c - 0x61 <= 25) return c - 0x61 + 26;
  if (isDigit(c)) return c - 0x30 + 52;
  return c == 0x2b /* + */ ? 62 : c == 0x2f /* / */ ? 63 : -1;
}
