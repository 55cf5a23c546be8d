/**
 * A small module that fails, in the way that the setting `way` names: for tests of what the hosts do about it.
 *
 * It is compiled by asc as a program of its own: inside of tsx, asc takes ten times as long to load.
 */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ASC = fileURLToPath(new URL("../node_modules/assemblyscript/bin/asc.js", import.meta.url));

/** The ways to fail, each a setting's value; without the setting it does not. */
export enum Way {
  /** An `unreachable` in the first step. */
  UNREACHABLE = "U",
  /** An assert in the first step. */
  ASSERT = "A",
  /** A write beyond the memory in the first step. */
  MEMORY = "M",
  /** A division by zero in the first step. */
  DIVISION = "D",
  /** An endless recursion in the first step. */
  RECURSION = "R",
  /** An `unreachable` before the first step. */
  BEGIN = "B",
  /** When it accepts a connection. */
  ACCEPT = "C",
  /** When it is a second old; those that begin later than three seconds, when they are 61 s old. */
  LATE = "L",
}

const SOURCE = `
// @ts-ignore: decorator
@external("board", "settingGet")
declare function settingGet(name: usize, nameLength: u32, address: usize, length: u32): i32;
// @ts-ignore: decorator
@external("board", "tcpListen")
declare function tcpListen(port: u32): i32;
// @ts-ignore: decorator
@external("board", "tcpAccept")
declare function tcpAccept(listener: i32): i32;

const name = memory.data<u8>([0x77, 0x61, 0x79]);
const value = memory.data(8);
const way: u8 = settingGet(name, 3, value, 8) == 1 ? load<u8>(value) : 0;
if (way == 0x42) unreachable();
let beganAt: i64 = -1;
let listener: i32 = 0;

function deeper(now: i64): i64 {
  return now < 0 ? 0 : deeper(now + 1) + deeper(now + 2);
}

export function step(now: i64): i64 {
  if (beganAt < 0) {
    beganAt = now;
    listener = tcpListen(80);
  }
  switch (way) {
    case 0x55: unreachable();
    case 0x41: assert(false, "two and two make five"); break;
    case 0x4d: store<u8>(0x7fffffff, 1); break;
    case 0x44: store<i64>(value, 1 / (now - now)); break;
    case 0x52: store<i64>(value, deeper(now)); break;
    case 0x43: if (tcpAccept(listener) > 0) unreachable(); break;
    case 0x4c: if (now - beganAt > (beganAt > 3000000 ? 61000000 : 1000000)) unreachable(); break;
  }
  return now + 1000;
}
`;

export async function compileFailingModule(): Promise<WebAssembly.Module> {
  const folder = await mkdtemp(join(tmpdir(), "wasmcam-module-"));
  try {
    const [source, output] = [join(folder, "failing.ts"), join(folder, "failing.wasm")];
    await writeFile(source, SOURCE);
    const options = ["--runtime", "stub", "--exportStart", "begin", "--outFile", output];
    await promisify(execFile)(process.execPath, [ASC, source, ...options], { cwd: folder });
    return await WebAssembly.compile(await readFile(output));
  } finally {
    await rm(folder, { recursive: true });
  }
}
