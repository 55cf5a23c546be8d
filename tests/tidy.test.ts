/**
 * The house rules that a machine can check, over every file that git knows or would add.
 *
 * A rule looks at one file and answers the lines that break it. Each rule brings a file that breaks it, so that a rule
 * that sees nothing is noticed. What only a reader can judge (names, comments, where a line lives) is not here.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { basename, extname, join } from "node:path";
import { test } from "node:test";
import { longSuites } from "./suites.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LINE_MAX = 120; // characters

/** The Rust files that may let `unsafe` in, for themselves and what is below them. The compiler denies it elsewhere. */
const UNSAFE_CORNERS = [
  "board/aotc/src/main.rs", // one call into C
  "board/boards/mps2-an500/src/lib.rs", // the addresses of devices and memory
  "board/boards/mps2-an500/src/watch.rs", // the watchdog's interrupt, and faults
  "board/boards/linux/src/camera.rs", // one call into libc: a thread's signals
  "board/boards/linux/src/controls.rs", // one call into libc: a device's controls
  "board/boards/linux/src/video.rs", // one call into libc: a format's levels
  "board/boards/linux/src/queue.rs", // calls into libc that rustix does not have
  "board/drivers/src/lib.rs", // registers
  "board/fuzz/src/libfuzzer.rs", // called from C
  "board/fuzz/src/names.rs", // called from C, in the place of a function of libc's
  "board/wasm/src/platform.rs", // called from C, and hands memory to it
  "board/wasm/src/runtime.rs", // WAMR's C interface
  "board/wasm/src/stop.rs", // a stack pointer of before
  "board/wasm/src/stop_linux.rs", // calls into C that is left by a jump
];

interface File {
  /** From the project's root, with forward slashes. */
  path: string;
  text: string;
}

interface Rule {
  name: string;
  /** Whether the rule is about this file. */
  concerns: (path: string) => boolean;
  /** Numbers, from 1, of the lines that break it. */
  broken: (file: File) => number[];
  /** A file that breaks it. */
  example: File;
}

const SOURCES = [".ts", ".rs", ".sh", ".c", ".h", ".x", ".html", ".css", ".js", ".mjs"];
const TEXTS = [...SOURCES, ".md", ".json", ".toml", ".txt"];
const SOURCES_WITHOUT_EXTENSION = ["Makefile", "run"];

const isSource = (path: string): boolean =>
  SOURCES.includes(extname(path)) || SOURCES_WITHOUT_EXTENSION.includes(basename(path));
const isText = (path: string): boolean => isSource(path) || TEXTS.includes(extname(path));
const isModule = (path: string): boolean => path.startsWith("assembly/") && path.endsWith(".ts");
/** Node's TypeScript; what asc compiles for a test or a measurement is named so. */
const isNode = (path: string): boolean => /^(host|tests)\/.*(?<!\.as|bench\/encode)\.ts$/.test(path);
const isTest = (path: string): boolean => path.startsWith("tests/") && path.endsWith(".ts");

/** The lines of a file in which a pattern is found. */
function linesWith(pattern: RegExp): (file: File) => number[] {
  return ({ text }) => text.split("\n").flatMap((line, index) => (pattern.test(line) ? [index + 1] : []));
}

/** The line, and the comment lines that stand above its statement. */
function commentAt(lines: string[], index: number): string {
  let first = index;
  while (first > 0 && !/^\s*\/\//.test(lines[first]) && !/[;{}]\s*(\/\/.*)?$/.test(lines[first - 1])) first--;
  while (first > 0 && /^\s*\/\//.test(lines[first - 1])) first--;
  return lines.slice(first, index + 1).join("\n");
}

// Words that this file may not hold itself are put together here.
const LATER = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "XX" + "X"];

const RULES: Rule[] = [
  {
    name: `a line has at most ${LINE_MAX} characters`,
    concerns: isSource,
    broken: linesWith(new RegExp(`^.{${LINE_MAX + 1}}`, "u")),
    example: { path: "host/wide.ts", text: `// ${"x".repeat(LINE_MAX)}\n` },
  },
  {
    name: "no space at the end of a line, no carriage return, a newline at the file's end",
    concerns: isText,
    broken: (file) => [
      ...linesWith(/[ \t\r]$/)(file),
      ...(file.text.endsWith("\n") && !file.text.endsWith("\n\n") ? [] : [file.text.split("\n").length]),
    ],
    example: { path: "docs/loose.md", text: "word \n" },
  },
  {
    name: "no tabs, but for make",
    concerns: (path) => isText(path) && basename(path) !== "Makefile",
    broken: linesWith(/\t/),
    example: { path: "host/tabs.ts", text: "// a tab:\t\n" },
  },
  {
    name: "nothing is left for later",
    concerns: isText,
    broken: linesWith(new RegExp(`\\b(${LATER.join("|")})\\b`)),
    example: { path: "host/later.ts", text: `// ${LATER[0]}: more\n` },
  },
  {
    name: "a file opens with what it is for",
    concerns: isSource,
    broken: ({ text }) =>
      /^(#!.*\n)?(\/\*|\/\/|#(?![!\[])|<!--|<!doctype html>\s*<!--|\/\/!)/i.test(text) ? [] : [1],
    example: { path: "host/mute.ts", text: "export {};\n" },
  },
  {
    name: "no file is a drawer for the rest",
    concerns: () => true,
    broken: ({ path }) => (/(^|\/)(utils?|common|types|misc|helpers?)(\.|\/|$)/.test(path) ? [1] : []),
    example: { path: "host/utils.ts", text: "" },
  },
  {
    name: "the project stands alone: no path leads out of it",
    concerns: isText,
    broken: linesWith(new RegExp(`(\\.\\./|/)${"shar" + "ed"}/|/${"wo" + "rk"}/`)),
    example: { path: "docs/outside.md", text: `see ../${"shar" + "ed"}/notes\n` },
  },
  {
    name: "all imports of the module are declared in assembly/board.ts",
    concerns: (path) => isModule(path) && path !== "assembly/board.ts",
    broken: linesWith(/^\s*@external\b|^\s*(export )?declare (function|const|let)/),
    example: { path: "assembly/door.ts", text: '@external("board", "door")\n' },
  },
  {
    name: "time and chance enter the module as arguments or through the board",
    concerns: isModule,
    broken: linesWith(/\bMath\.random\b|\bDate\b\s*[.(]|\bperformance\b/),
    example: { path: "assembly/dice.ts", text: "// d\nconst d = Math.random();\n" },
  },
  {
    name: "the module's source is never imported by Node code",
    concerns: isNode,
    broken: linesWith(/\bfrom ["'](\.\.\/)+assembly\//),
    example: { path: "host/mix.ts", text: `// m\nimport { x } from "${".."}/assembly/limits.ts";\n` },
  },
  {
    name: "unsafe lives in named corners",
    concerns: (path) => path.endsWith(".rs") && !UNSAFE_CORNERS.includes(path),
    broken: linesWith(/\b(allow|expect|warn)\(.*\bunsafe_code\b/),
    example: { path: "board/src/loose.rs", text: "//! Loose.\n#![allow(unsafe_code)]\n" },
  },
  {
    name: "unsafe carries its argument, in the comment just above it or on its line",
    concerns: (path) => path.endsWith(".rs"),
    broken: ({ text }) => {
      const lines = text.split("\n");
      return lines.flatMap((line, index) =>
        /^(?!\s*\/\/).*\bunsafe (\{|impl)/.test(line) && !/SAFETY: /.test(commentAt(lines, index)) ? [index + 1] : [],
      );
    },
    example: { path: "board/src/bold.rs", text: "//! Bold.\nfn f() {\n    unsafe { g() }\n}\n" },
  },
  {
    name: "every test is run",
    concerns: isTest,
    broken: linesWith(/\b(test|it|describe|suite)\.(skip|only|todo)\b|\{[^}]*\b(skip|only|todo): |\b[xf](it|test)\(/),
    example: { path: "tests/lazy.test.ts", text: `// l\ntest.${"skip"}("x", () => {});\n` },
  },
];

const LIST = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
const files: File[] = execFileSync("git", LIST, { cwd: ROOT, encoding: "utf8" })
  .split("\0")
  .filter((path) => path !== "" && existsSync(join(ROOT, path))) // a file may be deleted and not yet committed so
  .map((path) => ({ path, text: isText(path) ? readFileSync(join(ROOT, path), "utf8") : "" }));

const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const paths = (pattern: RegExp): string[] => files.map(({ path }) => path).filter((path) => pattern.test(path));

for (const rule of RULES) {
  test(rule.name, () => {
    const { path } = rule.example;
    assert.ok(rule.concerns(path) && rule.broken(rule.example).length > 0, "the rule does not see its own example");
    const broken = files
      .filter(({ path }) => rule.concerns(path))
      .flatMap((file) => rule.broken(file).map((line) => `${file.path}:${line}`));
    assert.ok(broken.length === 0, `broken at\n  ${broken.join("\n  ")}`);
  });
}

// --- Rules about several files at once

test("the corners that may be unsafe are, and the compiler denies it to all others", () => {
  for (const path of UNSAFE_CORNERS) assert.match(textOf(path), /allow\(unsafe_code\)/, path);
  assert.match(textOf("board/Cargo.toml"), /^unsafe_code = "deny"$/m);
  for (const { path, text } of files.filter((file) => /^board\/.+\/Cargo\.toml$/.test(file.path))) {
    assert.match(text, /^\[lints\]\nworkspace = true$/m, path);
  }
});

test("every command of the Makefile is in its help, and the other way round", () => {
  const makefile = textOf("Makefile");
  const commands = /^\.PHONY: (.*)$/m.exec(makefile)![1].split(" ");
  const targets = [...makefile.matchAll(/^([\w-]+):(?!=)/gm)].map((match) => match[1]);
  const explained = [...makefile.matchAll(/^([a-z-]+):.*## \S/gm)].map((match) => match[1]);
  assert.deepEqual([...targets].sort(), [...commands].sort());
  assert.deepEqual([...explained].sort(), [...commands].sort());
});

test("every file of tests is run by a suite, and nothing else looks like one", () => {
  const run = longSuites([]).flatMap((suite) => suite.command).filter((word) => /^tests\/.*\.test\.ts$/.test(word));
  const inTests = paths(/^tests\/.*(test|spec)\.[^/]*$/);
  assert.deepEqual(run.sort(), inTests.sort());
  assert.deepEqual(paths(/\.spec\.ts$/), paths(/^assembly\/__tests__\/.*\.spec\.ts$/)); // as-pect takes these
});

test("every crate and every package of the camera is named with its licence", () => {
  const crates = [...textOf("board/Cargo.lock").matchAll(/^name = "(.+)"\nversion = ".+"\nsource = /gm)];
  const { dependencies, devDependencies } = JSON.parse(textOf("package.json"));
  const names = [...crates.map((match) => match[1]), ...Object.keys({ ...dependencies, ...devDependencies })];
  const licences = textOf("LICENSES.md");
  assert.deepEqual(names.filter((name) => !licences.includes(`\`${name}\``)), []);
});

test("packages are pinned", () => {
  const { dependencies, devDependencies } = JSON.parse(textOf("package.json"));
  for (const [name, version] of Object.entries<string>({ ...dependencies, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});
