/**
 * Builds what is older than its sources: the page, then the module in both profiles. `npm run build` runs this, and
 * `npm start` and the tests begin with it, so it says nothing and costs little where nothing changed.
 */

import { spawnSync } from "node:child_process";
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

mkdirSync(join(ROOT, "build"), { recursive: true });
// Entries beside those of asconfig.json stand here: asc does not take any from a target.
for (const [target, file, entries] of [
  ["board", "build/wasmcam.wasm", []],
  ["server", "build/wasmcam-server.wasm", ["assembly/profile-server.ts"]],
] as const) {
  if (written(file) > newest(["assembly", "asconfig.json", "package-lock.json"])) continue;
  console.log(`building ${file}`);
  // As a program of its own: inside of tsx, asc takes ten times as long to load.
  const args = [ASC, ...entries, "--target", target];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "inherit", "pipe"] });
  process.stderr.write(String(stderr).replace(CONVERGED, ""));
  if (status !== 0) {
    rmSync(join(ROOT, file), { force: true });
    process.exit(1);
  }
}
