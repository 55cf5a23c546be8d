/**
 * The suites of tests: what runs each, what it needs, and how its own report is counted. `run.ts` runs them.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

const FOLDER = new URL(".", import.meta.url);

const ALL_FILES: string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".test.ts"))
  .sort();

/** Those whose name says that they are for a long run alone, such as by what they have fetched; and all others. */
const LONG_FILES: string[] = ALL_FILES.filter((name) => name.endsWith(".long.test.ts"));
export const TEST_FILES: string[] = ALL_FILES.filter((name) => !LONG_FILES.includes(name));

/** What a test says in its source if it needs more than Node: a browser, a board, ffmpeg, gstreamer, cjpeg, NATS… */
const BEYOND_NODE = new RegExp(
  [
    /"\.\/(?:browser|nats-server)\.ts"|"\.\.\/host\/(?:emulator|linux)\//,
    /\("(?:ffmpeg|cjpeg|gst-launch-1\.0|board\/build\.sh)", /, // run as a program
  ]
    .map(({ source }) => source)
    .join("|"),
);

/** And what it says if it meets the machine's own clock, in sockets or in other programs. */
const IN_REAL_TIME = /"node:(?:net|http|child_process|timers\/promises)"/;

/** Whether a file of tests, or one of this folder that it imports, says so. One that is missing fails in its test. */
function says(what: RegExp, file: string, from = FOLDER, seen = new Set<string>()): boolean {
  const { href } = new URL(file, from);
  if (seen.has(href) || !href.startsWith(FOLDER.href) || !existsSync(new URL(href))) return false;
  seen.add(href);
  const source = readFileSync(new URL(href), "utf8");
  const imported = [...source.matchAll(/from "(\.[\w./-]+\.ts)"/g)].map((match) => match[1]);
  return what.test(source) || imported.some((name) => says(what, name, new URL(href), seen));
}

/** The files of tests that need more than Node. All others run everywhere. */
export const FILES_BEYOND_NODE: string[] = TEST_FILES.filter((file) => says(BEYOND_NODE, file));
const NODE_FILES: string[] = TEST_FILES.filter((file) => !FILES_BEYOND_NODE.includes(file));
const REAL_TIME_FILES: string[] = NODE_FILES.filter((file) => says(IN_REAL_TIME, file));

export interface Count {
  passed: number;
  failed: number;
}

export interface Suite {
  /** What is examined, and where. */
  name: string;
  /** Started in the project's root. */
  command: string[];
  /** Added to the environment. */
  env?: Record<string, string>;
  /** Whether it needs nothing but Node. */
  alone: boolean;
  /** Whether it meets the machine's own clock. To the others it makes no difference how busy the machine is. */
  inRealTime: boolean;
  /** Reads what the suite wrote, without colours. */
  count: (output: string) => Count;
}

/** The sum of the numbers that a pattern's first group finds. */
function sum(output: string, pattern: RegExp): number {
  return [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
}

/** A file of tests, or a test, that takes longer hangs, ms: it is ended, named, and counts as failed. */
const HANGS = 20 * 60_000;

/** Node's runner. One file at a time, or `atOnce`: the machine may have two cores, and an emulator takes one. */
export function nodeSuite(name: string, files: string[], atOnce = 1): Suite {
  const runner = ["--test", "--test-reporter=spec", `--test-concurrency=${atOnce}`, `--test-timeout=${HANGS}`];
  const options = ["--import", "tsx", ...runner];
  return {
    name,
    command: [process.execPath, ...options, ...files.map((file) => `tests/${file}`)],
    alone: !files.some((file) => FILES_BEYOND_NODE.includes(file)),
    inRealTime: files.some((file) => says(IN_REAL_TIME, file)),
    count: (output) => ({
      passed: sum(output, /^ℹ pass (\d+)$/gm),
      failed: sum(output, /^ℹ (?:fail|cancelled|skipped|todo) (\d+)$/gm), // what does not run does not pass
    }),
  };
}

function cargoCount(output: string): Count {
  return {
    passed: sum(output, /^test result: .*? (\d+) passed/gm),
    failed: sum(output, /^test result: .*? (\d+) failed/gm),
  };
}

export const SUITES: Suite[] = [
  {
    name: "parts of the module, in WebAssembly",
    command: [process.execPath, "node_modules/@as-pect/cli/bin/asp.js", "--summary"],
    alone: true,
    inRealTime: false,
    count: (output) => {
      const passed = sum(output, /^\s*\[Tests\]: (\d+) \/ \d+$/gm);
      return { passed, failed: sum(output, /^\s*\[Tests\]: \d+ \/ (\d+)$/gm) - passed };
    },
  },
  // What these two compile, cargo lets nobody else compile meanwhile: so they are the first.
  {
    name: "parts of the firmware, on this machine",
    command: ["board/build.sh", "cargo", "test", "--locked"],
    alone: false,
    inRealTime: false,
    count: cargoCount,
  },
  {
    name: "parts of the board linux",
    // As it was built a moment ago, or WAMR would be compiled once more.
    command: ["board/build.sh", "cargo", "test", "--release", "--locked", "-p", "linux", "--lib"],
    alone: false,
    inRealTime: false,
    count: cargoCount,
  },
  nodeSuite("the camera on Node", REAL_TIME_FILES),
  nodeSuite(
    "parts on Node, and the camera in the simulated world",
    NODE_FILES.filter((file) => !REAL_TIME_FILES.includes(file)),
    availableParallelism(),
  ),
  nodeSuite("the camera on the emulated board, in Chromium and in ffmpeg", FILES_BEYOND_NODE),
];

/** The board `linux` as `board/build.sh sanitized` builds it. */
const SANITIZED: Suite = {
  ...nodeSuite("the board linux, with sanitizers", []),
  command: [process.execPath, "--import", "tsx", "tests/sanitizers/run.ts"],
  alone: false,
  inRealTime: true,
};

/** The board `linux` as `board/build.sh firmware linux aarch64` builds it elsewhere. */
const ARM: Suite = {
  ...nodeSuite("the board linux for 64-bit Arm, under QEMU", []),
  command: [process.execPath, "--import", "tsx", "tests/arm/run.ts"],
  alone: false,
  inRealTime: true,
};

/**
 * What a long run adds: the whole of what the suites otherwise take samples of, files for it alone, and chance under
 * seeds never tried.
 */
export function longSuites(seeds: number[]): Suite[] {
  const seeded = TEST_FILES.filter((file) => file.startsWith("simulated-"));
  return [
    ...SUITES.map((suite) => ({ ...suite, env: { LONG: "1" } })),
    SANITIZED,
    ...(process.arch === "arm64" ? [] : [ARM]), // there it is what all others examine
    nodeSuite("what is for a long run alone", LONG_FILES),
    ...seeds.map((seed) => ({
      ...nodeSuite(`the simulated world under seed ${seed}`, seeded, availableParallelism()),
      env: { LONG: "1", SEED: String(seed) },
    })),
  ];
}
