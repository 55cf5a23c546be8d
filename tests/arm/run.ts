/**
 * `make arm`: has the program for 64-bit Arm do what the board `linux` does in its tests, on a computer that is none,
 * under QEMU. The processor that QEMU then is, is the oldest that the program is for: newer instructions end it.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isInPath } from "../../host/with-parent.ts";
import { nodeSuite } from "../suites.ts";

const FILES = [
  ...["arm/processor.ts", "linux-pictures.test.ts", "conversation-linux.test.ts", "linux-board.test.ts"],
  ...["linux-video.test.ts", "nats.test.ts"],
];

const env = {
  ...process.env,
  WASMCAM_PROGRAM: fileURLToPath(new URL("../../build/wasmcam-linux-aarch64", import.meta.url)),
  WASMCAM_PROCESSOR: "aarch64",
  // Distributions have the one, the other or both.
  WASMCAM_EMULATOR: isInPath("qemu-aarch64") ? "qemu-aarch64" : "qemu-aarch64-static",
  // These two are QEMU's own. Where the C library is comes from Debian's libc6-arm64-cross.
  QEMU_CPU: "cortex-a53",
  QEMU_LD_PREFIX: process.env.QEMU_LD_PREFIX ?? "/usr/aarch64-linux-gnu",
};
const [program, ...args] = nodeSuite("", FILES).command;
const [code] = await once(spawn(program, args, { env, stdio: "inherit" }), "close");
process.exitCode = code ?? 1;
