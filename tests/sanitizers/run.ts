/**
 * `make sanitize`: has the program that `board/build.sh sanitized` makes do what the board `linux` does in its tests,
 * watched for errors of memory and for what C leaves undefined. What is found is shown, and counts as failed, whether a
 * test noticed it or not.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeSuite } from "../suites.ts";

const BUILD = fileURLToPath(new URL("../../build/", import.meta.url));
const REPORTS = `${BUILD}sanitizer-reports`;
const FILES = [
  ...["sanitizers/mistakes.ts", "conversation-linux.test.ts", "linux-board.test.ts", "linux-video.test.ts"],
  "nats.test.ts",
];

rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });
const path = `log_path=${REPORTS}/report`;
const env = {
  ...process.env,
  WASMCAM_PROGRAM: `${BUILD}wasmcam-linux-sanitized`,
  // What stays for ever, such as the scene, is no leak.
  ASAN_OPTIONS: `detect_leaks=0:${path}`,
  UBSAN_OPTIONS: path,
};
const [program, ...args] = nodeSuite("", FILES).command;
const [code] = await once(spawn(program, args, { env, stdio: "inherit" }), "close");
const reports = readdirSync(REPORTS);
for (const name of reports) console.log(`\n${REPORTS}/${name}:\n${readFileSync(`${REPORTS}/${name}`, "utf8")}`);
console.log(`${reports.length} reports of sanitizers`);
process.exitCode = code === 0 && reports.length === 0 ? 0 : 1;
