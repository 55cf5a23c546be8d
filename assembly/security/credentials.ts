/**
 * Reads what an Authorization field shows (RFC 9110, 11.6.2): a secret, as the password of Basic (RFC 7617; any user)
 * or as the token of Bearer (RFC 6750). Whether it is right is `keeper.ts`'s.
 */

import { COLON, EQUALS, SPACE, startsWith } from "../ascii";
import { base64Value } from "../base64";
import { SECRET_BYTES_MAX, VALUE_BYTES_MAX } from "../limits";

/** Where the secret lies that was read last. */
export const shownSecret: usize = memory.data(<i32>VALUE_BYTES_MAX);

/** Reads the field's value. @returns the length of {@link shownSecret}, or -1 where it shows none that can be right */
export function readCredentials(at: usize, length: u32): i32 {
  if (startsWith(at, length, "bearer ")) {
    const bytes = copyToken(at + 7, length - 7);
    return bytes > 0 && <u32>bytes <= SECRET_BYTES_MAX ? bytes : -1;
  }
  if (!startsWith(at, length, "basic ")) return -1;
  const bytes = decodeBase64(at + 6, length - 6);
  let user = 0;
  while (user < bytes && load<u8>(shownSecret + user) != COLON) user++;
  const secretBytes = bytes - user - 1;
  if (secretBytes <= 0 || <u32>secretBytes > SECRET_BYTES_MAX) return -1;
  memory.copy(shownSecret, shownSecret + user + 1, secretBytes);
  return secretBytes;
}

/** Copies a token without the spaces before it. */
function copyToken(at: usize, length: u32): i32 {
  while (length > 0 && load<u8>(at) == SPACE) {
    at++;
    length--;
  }
  memory.copy(shownSecret, at, length);
  return length;
}

/** Decodes base64 (RFC 4648, 4), padded or not. @returns the bytes at {@link shownSecret}, or -1 where it is none */
function decodeBase64(at: usize, length: u32): i32 {
  while (length > 0 && load<u8>(at) == SPACE) {
    at++;
    length--;
  }
  let padding = 0;
  while (padding < 2 && length > 0 && load<u8>(at + length - 1) == EQUALS) {
    length--;
    padding++;
  }
  const rest = length % 4;
  if (length == 0 || rest == 1 || (padding && rest + padding != 4)) return -1;
  let bits: u32 = 0;
  let bytes = 0;
  for (let i: u32 = 0; i < length; i++) {
    const value = base64Value(load<u8>(at + i));
    if (value < 0) return -1;
    bits = bits << 6 | value;
    if (i % 4 != 0) store<u8>(shownSecret + bytes++, bits >> (6 - 2 * (i % 4)));
  }
  // What is left over of the last letter says nothing and has to be zero, or one secret could be written in many ways.
  if (rest && bits & (rest == 2 ? 15 : 3)) return -1;
  return bytes;
}
