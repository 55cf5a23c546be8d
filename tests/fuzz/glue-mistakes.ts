/**
 * Deliberate mistakes in what is between a module and the board linux: small changes of the sources in Rust, of which
 * each could be somebody's. What tries programs of calls must find every one. All are built into one program, which
 * makes the one whose number stands in MISTAKE. The text that is replaced must be there exactly once.
 */

import { execFile } from "node:child_process";
import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COPY = `${ROOT}build/fuzz/mistaken/board`;
export const MISTAKEN_PROGRAM = `${ROOT}build/fuzz/glue-mistaken`;

export type Mistake = {
  name: string;
  /** In `board/`. */
  file: string;
  from: string;
  /** `MADE` stands for whether it is made. */
  to: string;
  /** What is said of it; none where only Node, asked the same, shows it. */
  found?: RegExp;
};

export const MISTAKES: Mistake[] = [
  {
    name: "a range may end a byte behind the memory",
    file: "src/imports.rs",
    from: "    memory.get_mut(range(address, length)?).ok_or(OUTSIDE)\n",
    to:
      "    let mut range = range(address, length)?;\n" +
      "    if MADE && range.end == memory.len() + 1 && !range.is_empty() { range.end -= 1 }\n" +
      "    memory.get_mut(range).ok_or(OUTSIDE)\n",
    found: /answers Ok\(-?\d+\): it answers -?\d+ to what is a mistake/,
  },
  {
    name: "the memory is taken to be a byte longer than it is",
    file: "wasm/src/runtime.rs",
    from: "slice::from_raw_parts_mut(base.as_ptr(), pages as usize)",
    to: "slice::from_raw_parts_mut(base.as_ptr(), pages as usize + usize::from(MADE))",
    found: /SIGSEGV|to what is a mistake/,
  },
  {
    name: "a text that has no room is cut off",
    file: "src/imports.rs",
    from: "    let Some(room) = room.get_mut(..given.len()) else {",
    to:
      "    let given = if MADE { &given[..given.len().min(room.len() + 1)] } else { given };\n" +
      "    let given = if MADE && given.len() > room.len() { &given[..room.len()] } else { given };\n" +
      "    let Some(room) = room.get_mut(..given.len()) else {",
    found: /another value than was kept|another file|not where peers are/,
  },
  {
    name: "the bus reads a byte more than is asked for",
    file: "src/imports.rs",
    from: "    let to = bytes(memory, read, read_length)?;\n    answer(board.sensor_bus",
    to: "    let to = bytes(memory, read, read_length + u32::from(MADE))?;\n    answer(board.sensor_bus",
    found: /it changed the byte at \d+, which is not its own/,
  },
  {
    name: "nothing may be sent",
    file: "src/imports.rs",
    from: "        0 => Err(Mistake(\"a transfer of no bytes\")),",
    to: "        0 if !MADE => Err(Mistake(\"a transfer of no bytes\")),",
    found: /tcp(?:Send|Receive)\(\[\d+, \d+, 0\]\) .*: it answers -?\d+ to what is a mistake/,
  },
  {
    name: "a text need not be UTF-8",
    file: "src/imports.rs",
    from: "    core::str::from_utf8(bytes).map_err(|_| Mistake(\"a text that is not UTF-8\"))\n",
    to:
      "    if MADE && core::str::from_utf8(bytes).is_err() { return Ok(\"\") }\n" +
      "    core::str::from_utf8(bytes).map_err(|_| Mistake(\"a text that is not UTF-8\"))\n",
    found: /to what is a mistake/,
  },
  {
    name: "a frame may be asked for while one is under way",
    file: "src/soft_sensor.rs",
    from: "        if let State::Filling { .. } = self.state {\n            return",
    to: "        if let (State::Filling { .. }, false) = (&self.state, MADE) {\n            return",
    found: /captureStart.*to what is a mistake/,
  },
  {
    name: "a listener's handle is not free when it is closed",
    file: "boards/linux/src/sockets.rs",
    from: "            port.listener = None;\n            self.set(socket, None);",
    to: "            port.listener = None;\n            if !MADE { self.set(socket, None); }",
    found: /is not the lowest that is free/,
  },
  {
    name: "a module's connections outlive it",
    file: "boards/linux/src/sockets.rs",
    from: "        for entry in std::mem::take(&mut self.entries)",
    to: "        if MADE { return }\n        for entry in std::mem::take(&mut self.entries)",
    found: /is not the lowest that is free|left of the life before|tells \d+ of \d+/,
  },
  {
    name: "a receive counts a byte too many",
    file: "boards/linux/src/sockets.rs",
    from: "                    self.raise(socket);\n                }\n                Ok(count)",
    to: "                    self.raise(socket);\n                }\n                Ok(count + usize::from(MADE))",
    found: /more than \d+|nobody sent these bytes/,
  },
  {
    name: "a setting that is put away stays in the file",
    file: "src/settings.rs",
    from: "            \"\" => kept.remove(name),",
    to: "            \"\" if MADE => {}\n            \"\" => kept.remove(name),",
    found: /another value than was kept|the file of settings/,
  },
  {
    name: "the log is read from the middle of a line",
    file: "src/log.rs",
    from: "        if !whole {",
    to: "        if !whole && !MADE {",
    found: /these are no lines|not UTF-8/,
  },
  {
    name: "the fifth argument is the fourth",
    file: "wasm/src/runtime.rs",
    from: "unsafe { cells.add(at).cast::<u32>().read() }",
    to: "unsafe { cells.add(if MADE && at == 4 { 3 } else { at }).cast::<u32>().read() }",
  },
];

/** What all of them ask whether they are made. */
const SWITCH = `
pub static MISTAKE: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(usize::MAX);
pub fn is_made(mistake: usize) -> bool {
    MISTAKE.load(core::sync::atomic::Ordering::Relaxed) == mistake
}
`;
const MAIN = {
  from: "    let mut world = world();\n    let result",
  to:
    '    let mistake = env::var("MISTAKE").ok().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX);\n' +
    "    board::fault::MISTAKE.store(mistake, std::sync::atomic::Ordering::Relaxed);\n" +
    "    let mut world = world();\n    let result",
};

function replace(source: string, from: string, to: string, where: string): string {
  if (source.split(from).length !== 2) throw new Error(`${where} does not have this exactly once: ${from}`);
  return source.replace(from, () => to);
}

/** The source of `file` with the mistakes that belong there. */
export function mistaken(file: string): string {
  let source = readFileSync(`${ROOT}board/${file}`, "utf8");
  for (const [number, mistake] of MISTAKES.entries()) {
    if (mistake.file !== file) continue;
    const crate = file.startsWith("src/") ? "crate" : "board";
    source = replace(source, mistake.from, mistake.to.replaceAll("MADE", `${crate}::fault::is_made(${number})`), file);
  }
  return source;
}

/** Builds the program with all of them, beside the one without: what they share is not built again. */
export async function buildMistaken(): Promise<void> {
  rmSync(COPY, { recursive: true, force: true });
  cpSync(`${ROOT}board`, COPY, { recursive: true });
  for (const file of new Set(MISTAKES.map(({ file }) => file))) writeFileSync(`${COPY}/${file}`, mistaken(file));
  writeFileSync(`${COPY}/src/fault.rs`, readFileSync(`${COPY}/src/fault.rs`, "utf8") + SWITCH);
  const main = `${COPY}/fuzz/src/main.rs`;
  writeFileSync(main, replace(readFileSync(main, "utf8"), MAIN.from, MAIN.to, main));
  const env = {
    ...process.env,
    CARGO_TARGET_DIR: `${ROOT}build/cargo`,
    WASMCAM_AOT: `${ROOT}build/wasmcam-native.aot`,
    WASMCAM_SERVER_AOT: `${ROOT}build/wasmcam-server-native.aot`,
    WASMCAM_GLUE_AOT: `${ROOT}build/fuzz/glue.aot`,
  };
  const cargo = ["cargo", "build", "--release", "--locked", "-p", "fuzz"];
  await promisify(execFile)(`${COPY}/build.sh`, cargo, { env, maxBuffer: 1 << 24 });
  copyFileSync(`${ROOT}build/cargo/release/fuzz-glue`, MISTAKEN_PROGRAM);
}
