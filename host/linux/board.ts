/**
 * The program that is the board `linux`, in a process of its own: starts it with the scene that its soft sensor sees,
 * follows its log, ends it. For `make flash`, tests and benchmarks alike.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Profile } from "../module.ts";
import { withParent } from "../with-parent.ts";

const { WASMCAM_PROGRAM, WASMCAM_EMULATOR, WASMCAM_PROCESSOR } = process.env;

/** Where board/build.sh puts the program; the environment may name one that was built otherwise, such as for tests. */
export const PROGRAM = WASMCAM_PROGRAM ?? fileURLToPath(new URL("../../build/wasmcam-linux", import.meta.url));

/** Runs it, with its arguments behind: where it is for another processor, by an emulator that the environment names. */
export const COMMAND: readonly string[] = WASMCAM_EMULATOR ? [WASMCAM_EMULATOR, PROGRAM] : [PROGRAM];

/** Which processor that is, as board/build.sh calls it. */
export const PROCESSOR = WASMCAM_PROCESSOR ?? "native";

const MAKES_IT = "board/build.sh firmware linux makes it";

/** How long it may take to start, to write a line, and to end when it is asked to, ms. */
const PATIENCE_MS = 30_000;
const END_PATIENCE_MS = 3_000;

/** Why the program can't run, or ended, in one line. */
export class LinuxBoardError extends Error {}

export type LinuxOptions = {
  /** Port on which it listens; 0: any that is free. */
  port?: number;
  /** The same for upstreams, where the setting source is `push`; 0: any that is free. */
  pushPort?: number;
  host?: string;
  profile?: Profile;
  /** What the soft sensor sees, as `renderScene` makes it; without it none is plugged in. */
  scene?: Buffer;
  /** A camera in its place: the device's path. */
  camera?: string;
  /** What looks at the program while it runs, as `strace -D`, which the program becomes. */
  under?: string[];
  /** What the program's environment has besides. */
  env?: Record<string, string>;
  /** What the camera is told (`sampling`, `quality`, `fps`…): it hides what is kept. */
  settings?: Record<string, string>;
  /** Where settings are kept; without it they are gone with the program. */
  settingsFile?: string;
  /** An AOT file to run in place of the one in the program. */
  module?: string;
  /** Whether the log tells every 10 s how long the module's steps take. */
  report?: boolean;
  /** What it is told of other machines, as it is said on the command line. */
  nats?: string[];
  /** Sees every line at once. */
  onLine?: (line: string) => void;
};

export class LinuxBoard {
  readonly url: string;
  readonly port: number;
  /** Where upstreams connect to; 0 where they can't. */
  readonly pushPort: number;
  readonly pid: number;
  /** Every line so far, the address among them. */
  readonly log: readonly string[];
  /** Resolves when the program has ended by itself, with why; when it was stopped, with nothing. */
  readonly ended: Promise<LinuxBoardError | undefined>;
  readonly #child: ChildProcess;
  #stopping = false;

  constructor(child: ChildProcess, url: string, log: string[], ended: Promise<LinuxBoardError>) {
    this.#child = child;
    this.url = url;
    this.port = Number(new URL(url).port) || 80;
    const upstreams = log.find((line) => line.startsWith("upstreams: "));
    this.pushPort = Number(/port (\d+)/.exec(upstreams ?? "")?.[1] ?? 0);
    this.pid = child.pid!;
    this.log = log;
    this.ended = ended.then((error) => (this.#stopping ? undefined : error));
  }

  /** Resolves with the first line of the log, past or to come, that matches. */
  async line(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + PATIENCE_MS;
    for (let seen = 0; ; ) {
      for (; seen < this.log.length; seen++) if (pattern.test(this.log[seen])) return this.log[seen];
      const end = await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, 20))]);
      if (end instanceof LinuxBoardError) throw end;
      if (Date.now() > deadline) throw new LinuxBoardError(`the log has no line ${pattern}: ${this.log.join("\n")}`);
    }
  }

  /** Ends the program, if it has not ended by itself. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const impatience = setTimeout(() => this.#child.kill("SIGKILL"), END_PATIENCE_MS);
    this.#child.kill("SIGTERM");
    await this.ended;
    clearTimeout(impatience);
  }
}

/** Starts the program. Resolves when it listens. */
export async function startLinuxBoard(options: LinuxOptions = {}): Promise<LinuxBoard> {
  if (!existsSync(PROGRAM)) throw new LinuxBoardError(`${PROGRAM} is not there; ${MAKES_IT}`);
  const folder = await mkdtemp(join(tmpdir(), "wasmcam-"));
  const forget = () => rmSync(folder, { recursive: true, force: true });
  try {
    const scene = join(folder, "scene");
    if (options.scene) await writeFile(scene, options.scene);
    const [command, ...args] = withParent([...(options.under ?? []), ...COMMAND, ...programArguments(options, scene)]);
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const onExit = () => {
      child.kill("SIGKILL");
      forget();
    };
    process.once("exit", onExit);
    const log: string[] = [];
    let complaint = "";
    child.stderr.on("data", (data) => (complaint += data));
    const listens = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        log.push(line);
        if (line.startsWith("http://")) resolve(line);
        options.onLine?.(line);
      });
    });
    const ended = once(child, "close").then(([code, signal]) => {
      process.off("exit", onExit);
      return new LinuxBoardError(complaint.trim().replace(/^error: /, "") || `the camera ended (${code ?? signal})`);
    });
    const url = await Promise.race([listens, ended]);
    if (url instanceof LinuxBoardError) throw url;
    return new LinuxBoard(child, url, log, ended);
  } finally {
    await rm(folder, { recursive: true, force: true }); // it has read its scene when it says where it is
  }
}

function programArguments(options: LinuxOptions, scene: string): string[] {
  const { port = 0, pushPort = 0, host, profile, settings = {}, settingsFile, module, report = false } = options;
  return [
    `--port=${port}`,
    `--push-port=${pushPort}`,
    ...(host === undefined ? [] : [`--host=${host}`]),
    ...(profile === undefined ? [] : [`--profile=${profile}`]),
    ...(options.camera === undefined ? [] : [`--camera=${options.camera}`]),
    ...(options.scene ? [`--scene-file=${scene}`] : []),
    ...Object.entries(settings).map(([name, value]) => `--set=${name}=${value}`),
    ...(settingsFile === undefined ? [] : [`--settings=${settingsFile}`]),
    ...(module === undefined ? [] : [`--module=${module}`]),
    ...(report ? ["--report"] : []),
    ...(options.nats ?? []),
  ];
}
