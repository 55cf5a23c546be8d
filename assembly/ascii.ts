/**
 * Characters and words of the protocols that are spoken here, all of them ASCII. Text lies in memory as bytes; words to
 * compare with are strings.
 */

export const TAB: u32 = 0x09;
export const LF: u32 = 0x0a;
export const CR: u32 = 0x0d;
export const SPACE: u32 = 0x20;
export const HASH: u32 = 0x23;
export const PERCENT: u32 = 0x25;
export const STAR: u32 = 0x2a;
export const COMMA: u32 = 0x2c;
export const DASH: u32 = 0x2d;
export const DOT: u32 = 0x2e;
export const SLASH: u32 = 0x2f;
export const COLON: u32 = 0x3a;
export const SEMICOLON: u32 = 0x3b;
export const EQUALS: u32 = 0x3d;
export const QUESTION: u32 = 0x3f;
export const AT: u32 = 0x40;

export function isDigit(c: u32): bool {
  return c - 0x30 <= 9;
}

export function isLetter(c: u32): bool {
  return (c | 0x20) - 0x61 <= 25;
}

/** Whether `c` is a blank between words of a line (RFC 9110, 5.6.3). */
export function isBlank(c: u32): bool {
  return c == SPACE || c == TAB;
}

export function lower(c: u32): u32 {
  return c - 0x41 <= 25 ? c | 0x20 : c;
}

/** The value of a hexadecimal digit, or -1 where `c` is none. */
export function hexDigit(c: u32): i32 {
  if (isDigit(c)) return <i32>(c - 0x30);
  const letter = (c | 0x20) - 0x61;
  return letter <= 5 ? <i32>(letter + 10) : -1;
}

/** Whether the `length` bytes at `at` are `text`. */
export function equals(at: usize, length: u32, text: string): bool {
  if (<u32>text.length != length) return false;
  for (let i: u32 = 0; i < length; i++) if (load<u8>(at + i) != text.charCodeAt(i)) return false;
  return true;
}

/** Whether the `length` bytes at `at` are `text`, which is in small letters, in whatever case. */
export function equalsInAnyCase(at: usize, length: u32, text: string): bool {
  return <u32>text.length == length && startsWith(at, length, text);
}

/** Whether the `length` bytes at `at` begin with `text`, which is in small letters, in whatever case. */
export function startsWith(at: usize, length: u32, text: string): bool {
  if (length < <u32>text.length) return false;
  for (let i = 0; i < text.length; i++) if (lower(load<u8>(at + i)) != <u32>text.charCodeAt(i)) return false;
  return true;
}
