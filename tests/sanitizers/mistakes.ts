/**
 * The program that is built with sanitizers finds deliberate mistakes of several kinds, in C and in what Rust lent to
 * C; without one it finds nothing. That the rest of this suite finds nothing means something therefore.
 */

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LinuxBoardError, startLinuxBoard } from "../../host/linux/board.ts";

const MISTAKES = {
  "past-rust": /AddressSanitizer: stack-buffer-overflow .*\n(?:.*\n)*? *#\d .*wasm\b.*runtime/,
  "past-block": /AddressSanitizer: heap-buffer-overflow /,
  "after-free": /AddressSanitizer: heap-use-after-free /,
  overflow: /runtime error: signed integer overflow/,
};

for (const [mistake, report] of Object.entries(MISTAKES)) {
  test(`a mistake is found: ${mistake}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wasmcam-"));
    t.after(() => rm(folder, { recursive: true }));
    const path = `log_path=${join(folder, "report")}`;
    const env = { WASMCAM_MISTAKE: mistake, ASAN_OPTIONS: `detect_leaks=0:${path}`, UBSAN_OPTIONS: path };
    await assert.rejects(startLinuxBoard({ env }), LinuxBoardError);
    const files = await readdir(folder);
    assert.equal(files.length, 1, "one report");
    assert.match(await readFile(join(folder, files[0]), "utf8"), report);
  });
}

test("nothing is found in a start and an end without one", async () => {
  const board = await startLinuxBoard();
  assert.equal((await fetch(`${board.url}state`)).status, 200);
  await board.stop();
});
