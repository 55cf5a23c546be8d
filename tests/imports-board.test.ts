/** The firmware's table of imports, as the crate itself prints it, is the one that `assembly/board.ts` declares. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { declaredImports } from "./import-tables.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

test("the firmware's table has the names and signatures that assembly/board.ts declares", async () => {
  const declared = declaredImports(await readFile(`${ROOT}assembly/board.ts`, "utf8"));
  const args = ["cargo", "run", "--quiet", "--locked", "--bin", "import-table"];
  const { stdout } = await promisify(execFile)("board/build.sh", args, { cwd: ROOT });
  const printed = stdout.trim().split("\n").map((line): [string, string] => {
    const [, name, signature] = /^(\w+)(\(\w*\)\w*)$/.exec(line)!;
    return [name, signature];
  });
  assert.deepEqual(new Map(printed.sort()), declared);
});
