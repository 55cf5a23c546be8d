/** The writer: texts that come from outside, as JSON. */

import { Writer } from "../writer";

const room = memory.data(64);
const writer: Writer = new Writer();

function quoted(text: string): string {
  const bytes = String.UTF8.encode(text);
  writer.begin(room, 64).quoted(changetype<usize>(bytes), bytes.byteLength);
  return String.UTF8.decodeUnsafe(room, writer.length);
}

describe("a string of JSON", () => {
  it("has quotes and backslashes escaped", () => {
    expect(quoted("plain")).toBe('"plain"');
    expect(quoted('say "a\\b"')).toBe('"say \\"a\\\\b\\""');
  });

  it("has no control characters, and other text as it is", () => {
    expect(quoted("a\r\n\t\0\x1f\x7fz")).toBe('"a??????z"');
    expect(quoted("Grüße 雪")).toBe('"Grüße 雪"');
  });
});
