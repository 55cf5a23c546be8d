/**
 * Builds what is older than its sources: the page, then the module in both profiles. `npm run build` runs this, and
 * `npm start` and the tests begin with it, so it says nothing and costs little where nothing changed.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writePages } from "./page.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ASC = join(ROOT, "node_modules/assemblyscript/bin/asc.js");
/** What asc says when it keeps the smaller result of the round before the last: nothing is wrong with that. */
const CONVERGED = "Last converge was suboptimal.\n";

/** When the newest of `paths` (files, or folders with all that is in them) was written, ms. */
function newest(paths: string[]): number {
  let time = 0;
  for (const path of paths) {
    const entry = statSync(join(ROOT, path));
    const below = entry.isDirectory() ? readdirSync(join(ROOT, path)).map((name) => join(path, name)) : [];
    time = Math.max(time, entry.mtimeMs, newest(below));
  }
  return time;
}

/** When `path` was written, or 0 if it is not there. */
function written(path: string): number {
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const PAGE = "assembly/generated/page.ts";
if (written(PAGE) < newest(["assembly/page", "host/page.ts", "package-lock.json"])) {
  console.log("building the pages");
  await writePages();
}

/** Compiles the module. @returns whether it could, and what asc said */
async function compile(target: string, file: string, entries: string[]): Promise<{ isThere: boolean; said: string }> {
  console.log(`building ${file}`);
  // As a program of its own: inside of tsx, asc takes ten times as long to load.
  const args = [ASC, ...entries, "--target", target];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "inherit", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [code] = await once(child, "close");
  if (code !== 0) rmSync(join(ROOT, file), { force: true });
  return { isThere: code === 0, said: said.replace(CONVERGED, "") };
}

mkdirSync(join(ROOT, "build"), { recursive: true });
// Entries beside those of asconfig.json stand here: asc does not take any from a target.
const modules = [
  { target: "board", file: "build/wasmcam.wasm", entries: [] },
  { target: "server", file: "build/wasmcam-server.wasm", entries: ["assembly/profile-server.ts"] },
];
const sources = newest(["assembly", "asconfig.json", "package-lock.json"]);
const older = modules.filter(({ file }) => written(file) <= sources);
const results = await Promise.all(older.map(({ target, file, entries }) => compile(target, file, entries)));
// What is wrong with one is mostly wrong with both.
for (const said of new Set(results.map(({ said }) => said))) process.stderr.write(said);
if (results.some(({ isThere }) => !isThere)) process.exitCode = 1;
