/**
 * One QEMU: started with the files that its firmware reads, its serial line as lines of text, and certain to end with
 * us. What the lines mean is the caller's business.
 */

import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { copyFile, mkdtemp, open, type FileHandle, rm, writeFile } from "node:fs/promises";
import { existsSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { isInPath, withParent } from "../with-parent.ts";
import { Control } from "./control.ts";

/** Why the emulated board can't run, or ended, in one line. */
export class EmulatorError extends Error {}

const QEMU = "qemu-system-arm";
/** How long QEMU may take to end when it is asked to. */
const END_PATIENCE_MS = 3_000;
/** The descriptor on which QEMU is controlled, and the first of those of files. */
const CONTROL_DESCRIPTOR = 3;
const FILES_DESCRIPTOR = 4;
/** The last lines that QEMU itself wrote, to say why it ended. */
const COMPLAINT_LINES_MAX = 5;

export type QemuOptions = {
  firmware: string;
  /** Words for the firmware's command line. */
  words: string[];
  /**
   * Files that the firmware may read: a path to copy, or the contents. The words say where, as `name=path`. They are
   * there, also when the board is reset, as long as QEMU runs, even if their folder is not.
   */
  files: Record<string, string | Buffer>;
  /** What `-nic` says, or none for a board without network. */
  network?: string;
  /** Whether time is counted in instructions, one a nanosecond: every run of the same is then the same. */
  countInstructions?: boolean;
  /** The same, and whether time in which the board sleeps takes none: an hour of waiting is over at once. */
  skipSleep?: boolean;
  onLine: (line: string) => void;
};

export class Qemu {
  readonly pid: number;
  /** The folder of `files`, in which QEMU runs: what the firmware writes without a path is there. */
  readonly folder: string;
  /** Resolves when QEMU has ended, with its exit code (or signal) and what it complained of. */
  readonly ended: Promise<{ code: number | string; complaint: string }>;
  readonly control: Control;
  readonly #child: ChildProcess;
  readonly #onExit: () => void;

  private constructor(child: ChildProcess, pid: number, folder: string, onLine: (line: string) => void) {
    this.#child = child;
    this.pid = pid;
    this.control = new Control(child.stdio[CONTROL_DESCRIPTOR] as Duplex);
    this.folder = folder;
    const complaints: string[] = [];
    if (child.stderr) {
      createInterface({ input: child.stderr }).on("line", (line) => {
        complaints.push(line);
        complaints.splice(0, complaints.length - COMPLAINT_LINES_MAX);
      });
    }
    if (child.stdout) createInterface({ input: child.stdout }).on("line", onLine);
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        resolve({ code: code ?? signal ?? "?", complaint: complaints.join("; ") });
      });
    });
    this.#onExit = () => {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    };
    process.once("exit", this.#onExit);
    void this.ended.then(() => process.off("exit", this.#onExit));
  }

  static async start(options: QemuOptions): Promise<Qemu> {
    if (!isInPath(QEMU)) throw new EmulatorError(`${QEMU} is not there; ./setup.sh board installs it`);
    if (!existsSync(options.firmware)) {
      throw new EmulatorError(`${options.firmware} is not there; board/build.sh firmware makes it`);
    }
    const folder = await mkdtemp(join(tmpdir(), "wasmcam-"));
    const files: FileHandle[] = [];
    try {
      const words = [...options.words];
      for (const [name, source] of Object.entries(options.files)) {
        if (typeof source === "string") await copyFile(source, join(folder, name));
        else await writeFile(join(folder, name), source);
        words.push(`${name}=/proc/self/fd/${FILES_DESCRIPTOR + files.length}`);
        files.push(await open(join(folder, name)));
      }
      const all = qemuArguments({ ...options, words });
      const command = withParent([QEMU, ...all]);
      const stdio: StdioOptions = ["ignore", "pipe", "pipe", "pipe", ...files.map(({ fd }) => fd)];
      const child = spawn(command[0], command.slice(1), { cwd: folder, stdio });
      const pid = await new Promise<number>((resolve, reject) => {
        child.once("spawn", () => resolve(child.pid!));
        child.once("error", (error) => reject(new EmulatorError(`can't start ${QEMU}: ${error.message}`)));
      });
      return new Qemu(child, pid, folder, options.onLine);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    } finally {
      await Promise.all(files.map((file) => file.close()));
    }
  }

  /** Takes the folder away, as if it had never been; QEMU keeps the files that it has. */
  async forgetFiles(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Ends QEMU, if it has not ended by itself, and takes its files away. */
  async stop(): Promise<void> {
    const impatience = setTimeout(() => this.#child.kill("SIGKILL"), END_PATIENCE_MS);
    this.#child.kill("SIGTERM");
    await this.ended;
    clearTimeout(impatience);
    await this.forgetFiles();
  }
}

function qemuArguments({ firmware, words, network, countInstructions, skipSleep }: QemuOptions): string[] {
  const wrong = words.find((word) => !/^[^\s"\\]+$/.test(word));
  if (wrong !== undefined) throw new EmulatorError(`'${wrong}' can't be given to the board: it is not one plain word`);
  // QEMU's lists are separated by commas; one within a value is written twice. The first word is the program's name.
  const given = ["firmware", ...words].map((word) => `,arg=${word.replaceAll(",", ",,")}`).join("");
  return [
    ...["-M", "mps2-an500", "-nodefaults", "-display", "none", "-serial", "stdio"],
    ...["-semihosting-config", `enable=on,target=native${given}`],
    ...["-chardev", `socket,id=control,fd=${CONTROL_DESCRIPTOR}`, "-mon", "chardev=control,mode=control"],
    ...(network === undefined ? [] : ["-nic", network]),
    ...(countInstructions ? ["-icount", "shift=0"] : []),
    // The watchdog may then run out twice before the processor has had its turn, which is nobody's fault.
    ...(skipSleep ? ["-icount", "shift=0,sleep=off", "-action", "watchdog=none"] : []),
    ...["-kernel", firmware],
  ];
}
