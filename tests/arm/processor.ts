/**
 * The program for 64-bit Arm asks for no more than a Cortex-A53 has: the module's machine code consists of nothing
 * else, and the emulator in which the rest of this suite runs would end the program where it asked for more. That both
 * would be noticed is seen with a program that does.
 */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const BUILD = fileURLToPath(new URL("../../build/", import.meta.url));
const BINUTILS = "aarch64-linux-gnu-";
/** The AOT compiler's, so that it knows what that knows. */
const OBJDUMP = `${text(process.env.LLVM_CONFIG ?? "llvm-config-19", ["--bindir"]).trim()}/llvm-objdump`;
/** As the Raspberry Pi 3 has it, without the instructions for ciphers that others of its name may have. */
const PROCESSOR = ["--mcpu=cortex-a53", "--mattr=-aes,-sha2"];

const folder = mkdtempSync(join(tmpdir(), "wasmcam-arm-"));
after(() => rmSync(folder, { recursive: true }));

function text(command: string, args: string[], input = ""): string {
  return execFileSync(command, args, { input, encoding: "utf8", maxBuffer: 64e6, stdio: ["pipe", "pipe", "inherit"] });
}

/** A program that adds in memory at one go: for a Cortex-A53 by a loop, for newer ones by an instruction of theirs. */
function adder(architecture: string): string {
  const path = join(folder, architecture);
  const source = "int main(void) { static long n; return __atomic_fetch_add(&n, 1, __ATOMIC_SEQ_CST); }";
  const options = ["-O1", `-march=${architecture}`, "-mno-outline-atomics", "-x", "c", "-", "-o", path];
  text(`${BINUTILS}gcc`, options, source);
  return path;
}

/** The machine code in an AOT file, which is the section of kind 2 behind its literals. */
function machineCode(aot: Buffer): Buffer {
  for (let at = 8; at < aot.length; ) {
    const [kind, bytes] = [aot.readUInt32LE(at), aot.readUInt32LE(at + 4)];
    if (kind === 2) return aot.subarray(at + 12 + aot.readUInt32LE(at + 8), at + 8 + bytes);
    at = (at + 8 + bytes + 3) & ~3;
  }
  assert.fail("it has no machine code");
}

/** An object file of bare machine code. */
function objectOf(code: Buffer): string {
  const [bare, object] = [join(folder, "code"), join(folder, "code.o")];
  writeFileSync(bare, code);
  const section = ".data=.text,alloc,load,readonly,code,contents";
  text(`${BINUTILS}objcopy`, [
    ...["-I", "binary", "-O", "elf64-littleaarch64", "--rename-section", section, "--strip-all"],
    ...[bare, object],
  ]);
  return object;
}

/** The instructions of an object file or a program, one a line. */
function instructions(object: string): string[] {
  const lines = text(OBJDUMP, ["-d", "-j", ".text", "--no-leading-addr", "--no-show-raw-insn", ...PROCESSOR, object]);
  return lines.split("\n").filter((line) => line.startsWith(" ") || line.startsWith("\t"));
}

const isUnknown = (line: string) => line.includes("<unknown>");

for (const profile of ["", "-server"]) {
  test(`the machine code of wasmcam${profile} is for a Cortex-A53`, () => {
    const code = machineCode(readFileSync(`${BUILD}wasmcam${profile}-aarch64.aot`));
    const all = instructions(objectOf(code));
    assert.equal(all.length, code.length / 4);
    assert.deepEqual(all.filter(isUnknown), []);
  });
}

test("an instruction that a Cortex-A53 lacks would be found", () => {
  assert.equal(instructions(adder("armv8-a")).filter(isUnknown).length, 0);
  assert.equal(instructions(adder("armv8.1-a")).filter(isUnknown).length, 1);
});

test("the emulator is a Cortex-A53, and ends who asks for more", () => {
  const run = (program: string) => spawnSync(process.env.WASMCAM_EMULATOR!, [program], { cwd: folder });
  assert.deepEqual([run(adder("armv8-a")).status, run(adder("armv8.1-a")).signal], [0, "SIGILL"]);
});
