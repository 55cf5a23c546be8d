/** The part of the log that Node keeps: whole lines, the last of them, the same for two threads that share it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Level, LOG_BYTES } from "../host/board-table.ts";
import { cutText, logLine, LogRing } from "../host/log-ring.ts";

function read(ring: LogRing, room: number): string {
  const memory = Buffer.alloc(room + 2, "-");
  const count = ring.read(memory, 1, room + 1);
  assert.equal(memory.toString("latin1", count + 1), "-".repeat(room + 1 - count), "it keeps to its room");
  assert.equal(memory.toString("latin1", 0, 1), "-");
  return memory.toString("utf8", 1, count + 1);
}

test("a line carries time and level, and stays one line", () => {
  assert.equal(logLine(12_345_678, Level.WARNING, "a\r\nb\u0085c"), "[   12.345678] WARNING a??b?c\n");
});

test("the last whole lines that fit are read", () => {
  const ring = new LogRing();
  assert.equal(read(ring, 100), "");
  ring.write(0, Level.INFO, "one");
  ring.write(0, Level.CONSOLE, "a secret");
  ring.write(1, Level.INFO, "two");
  const [one, two] = [logLine(0, Level.INFO, "one"), logLine(1, Level.INFO, "two")];
  assert.equal(read(ring, 100), one + two);
  assert.equal(read(ring, 2 * one.length), one + two);
  assert.equal(read(ring, 2 * one.length - 1), two);
  assert.equal(read(ring, two.length), two);
  assert.equal(read(ring, two.length - 1), "");
  assert.equal(read(ring, 0), "");
});

test("the oldest lines go first, also where the ring's end cuts one in two", () => {
  const ring = new LogRing();
  let all = "";
  for (let n = 0; n < 2000; n++) {
    const text = "x".repeat(n % 40);
    ring.write(n, Level.INFO, text);
    all += logLine(n, Level.INFO, text);
    const kept = read(ring, 2 * LOG_BYTES);
    assert.ok(`\n${all}`.endsWith(`\n${kept}`) && kept.length <= LOG_BYTES);
    assert.ok(kept.length > Math.min(all.length, LOG_BYTES) - 100);
  }
});

test("who is given the same memory goes on where the other was", () => {
  const one = new LogRing();
  one.write(0, Level.INFO, "from the one");
  const other = new LogRing(one.memory);
  other.write(1, Level.INFO, "from the other");
  assert.equal(read(one, 200), logLine(0, Level.INFO, "from the one") + logLine(1, Level.INFO, "from the other"));
});

test("a text is cut between characters", () => {
  assert.equal(cutText("abc", 3), "abc");
  assert.equal(cutText("abcd", 3), "abc");
  assert.equal(cutText("a\u00e9\u96ea", 6), "a\u00e9\u96ea");
  assert.equal(cutText("a\u00e9\u96ea", 5), "a\u00e9");
  assert.equal(cutText("a\u00e9\u96ea", 2), "a");
  assert.equal(cutText("\u{1f4f7}", 3), "");
});
