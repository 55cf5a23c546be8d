/**
 * An emulated board with its cable: starts it, follows its log, ends it. For `make flash`, tests and benchmarks alike.
 */

import { randomBytes } from "node:crypto";
import { get } from "node:http";
import { createServer } from "node:net";
import { resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { readSettings, SettingsError } from "../settings.ts";
import { Cable } from "./cable.ts";
import { EmulatorError, Qemu } from "./qemu.ts";

export { EmulatorError, SettingsError };

/** Where board/build.sh puts the firmware. */
export const FIRMWARE = fileURLToPath(new URL("../../build/firmware-mps2-an500.elf", import.meta.url));

/** The camera's ports on the board: for HTTP, and for upstreams. */
const CAMERA_PORT = 80;
const PUSH_PORT = 9999;
/** What QEMU calls the board's own cable. */
const CABLE = "cable";
/** What the firmware makes its chance of. */
const ENTROPY_BYTES = 32;
/** How long the board may take to start, and the camera to answer. An emulated second can take several of ours. */
const START_PATIENCE_MS = 60_000;
const ASK_INTERVAL_MS = 100;
/** Somebody else may take the port that we found free before QEMU does. */
const PORT_TRIES = 3;

export type BoardOptions = {
  /** Port on 127.0.0.1 at which the board is reached; 0: any that is free. */
  port?: number;
  /** The same for upstreams, where the setting source is `push`; 0: any that is free. */
  pushPort?: number;
  /** What the soft sensor sees, as `renderScene` makes it; without it none is plugged in. */
  scene?: Buffer;
  /** What the camera is told (`sampling`, `quality`, `fps`…), values as text: it hides what the board keeps. */
  settings?: Record<string, string>;
  /** Where the board keeps settings, as Node does; without it they are gone with the board. */
  settingsFile?: string;
  /** An AOT file to run in place of the one in the firmware. */
  module?: string;
  /** The 32 bytes of which the board makes its chance; without them new ones, which nobody can guess. */
  entropy?: Buffer;
  /** Whether the log tells every 10 s how long the module's steps take. */
  report?: boolean;
  /** Whether the board's time is counted in instructions, one a nanosecond. */
  countInstructions?: boolean;
  /** The same, and whether time in which the board sleeps takes none. */
  skipSleep?: boolean;
  firmware?: string;
  /** Sees every line of the log at once. */
  onLine?: (line: string) => void;
};

export class EmulatedBoard {
  /** Port on 127.0.0.1 at which the board is reached. */
  readonly port: number;
  /** Where upstreams connect to; 0 where they can't. */
  readonly pushPort: number;
  /** QEMU's process. */
  readonly pid: number;
  /** Every line so far. */
  readonly log: readonly string[];
  /** Resolves when the board has ended by itself, with why; when it was stopped, with nothing. */
  readonly ended: Promise<EmulatorError | undefined>;
  readonly #qemu: Qemu;
  readonly #cables: Cable[];
  #stopping = false;

  constructor(qemu: Qemu, cables: Cable[], log: string[]) {
    this.#qemu = qemu;
    this.#cables = cables;
    this.log = log;
    this.port = cables[0].port;
    this.pushPort = cables[1]?.port ?? 0;
    this.pid = qemu.pid;
    this.ended = qemu.ended.then((end) => (this.#stopping ? undefined : endError(end, log)));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Resolves when the camera answers. */
  async answers(): Promise<void> {
    const deadline = Date.now() + START_PATIENCE_MS;
    while (!(await answersOnce(`${this.url}state`))) {
      if (this.#stopping) throw new EmulatorError("the board was stopped");
      if (Date.now() > deadline) throw new EmulatorError("the board is up, but its camera does not answer");
      const end = await Promise.race([this.ended, pause(ASK_INTERVAL_MS)]);
      if (end instanceof EmulatorError) throw end;
    }
  }

  /** Resolves with the first line of the log, past or to come, that matches. */
  async line(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + START_PATIENCE_MS;
    for (let seen = 0; ; ) {
      for (; seen < this.log.length; seen++) if (pattern.test(this.log[seen])) return this.log[seen];
      const end = await Promise.race([this.ended, pause(ASK_INTERVAL_MS)]);
      if (end instanceof EmulatorError) throw end;
      if (Date.now() > deadline) throw new EmulatorError(`the log has no line ${pattern}: ${this.log.join("\n")}`);
    }
  }

  /** Pulls the cable from the board, or plugs it in. */
  async plug(isIn: boolean): Promise<void> {
    await this.#qemu.control.command("set_link", { name: CABLE, up: isIn });
  }

  /** Has QEMU's monitor do what `line` says, such as letting a debugger in. */
  async monitor(line: string): Promise<void> {
    await this.#qemu.control.command("human-monitor-command", { "command-line": line });
  }

  /** Ends the board; nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#cables.map((cable) => cable.close()), this.#qemu.stop()]);
  }
}

/** Starts a board. Resolves when it has its address; see also {@link EmulatedBoard.answers}. */
export async function startBoard(options: BoardOptions = {}): Promise<EmulatedBoard> {
  for (let tries = PORT_TRIES; ; tries--) {
    try {
      return await startOnce(options);
    } catch (error) {
      const taken = error instanceof EmulatorError && /Could not set up host forwarding rule/.test(error.message);
      if (!taken || tries === 1) throw error;
    }
  }
}

async function startOnce(options: BoardOptions): Promise<EmulatedBoard> {
  const { port = 0, scene, settings = {}, settingsFile, module, report = false, onLine } = options;
  const { entropy = randomBytes(ENTROPY_BYTES) } = options;
  const kept = settingsFile === undefined ? undefined : keptFile(settingsFile);
  // In a file, since everybody on this computer can read a command line: there are secrets' hashes among them.
  const given = textsFile("settings", Object.entries(settings).flat());
  // First of all: where a port is in use, nothing was started in vain.
  const cables: Cable[] = [];
  const forwards: string[] = [];
  const lay = async (outside: number, inside: number): Promise<void> => {
    const boardPort = await freePort();
    cables.push(await Cable.listen(outside, boardPort));
    forwards.push(`hostfwd=tcp:127.0.0.1:${boardPort}-:${inside}`);
  };
  await lay(port, CAMERA_PORT);
  const source = settings.source ?? (settingsFile === undefined ? undefined : readSettings(settingsFile).source);
  try {
    if (source === "push") await lay(options.pushPort ?? 0, PUSH_PORT);
  } catch (error) {
    await cables[0].close();
    throw error;
  }
  const log: string[] = [];
  let haveAddress = (): void => {};
  const addressed = new Promise<void>((resolve) => (haveAddress = resolve));
  let qemu: Qemu | undefined;
  try {
    qemu = await Qemu.start({
      firmware: options.firmware ?? FIRMWARE,
      words: [
        ...(report ? ["report"] : []),
      ],
      files: {
        ...(scene && { scene }),
        ...(module !== undefined && { module }),
        ...(kept && { kept }),
        given,
        entropy,
      },
      // Reached from this computer only. It connects to nothing but where a setting tells it to.
      network: [`user,id=${CABLE}`, ...forwards].join(","),
      countInstructions: options.countInstructions,
      skipSleep: options.skipSleep,
      onLine: (line) => {
        if (log.push(line) === 1) void qemu?.forgetFiles(); // it is up, and has them
        if (/ network: address /.test(line)) haveAddress();
        onLine?.(line);
      },
    });
    const started = await Promise.race([addressed, qemu.ended, pause(START_PATIENCE_MS).then(() => "late" as const)]);
    if (started === "late") throw new EmulatorError("the board got no address");
    if (started) throw endError(started, log);
    return new EmulatedBoard(qemu, cables, log);
  } catch (error) {
    await Promise.all([...cables.map((cable) => cable.close()), qemu?.stop()]);
    throw error;
  }
}

/** What the firmware reads of a settings file: its path, and then names and values. */
function keptFile(path: string): Buffer {
  return textsFile(`settings in ${path}`, [resolvePath(path), ...Object.entries(readSettings(path)).flat()]);
}

/** Texts as the firmware reads them, with a NUL behind each. */
function textsFile(what: string, texts: string[]): Buffer {
  if (texts.some((text) => text.includes("\0"))) throw new SettingsError(`${what} have a NUL`);
  return Buffer.from(texts.map((text) => `${text}\0`).join(""));
}

function endError({ code, complaint }: { code: number | string; complaint: string }, log: string[]): EmulatorError {
  // The firmware's last words, if it had any, are in the log.
  const failure = log.find((line) => line.startsWith("the firmware failed: "));
  return new EmulatorError(`the emulated board ended (${code}): ${failure ?? (complaint || "QEMU gave no reason")}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answersOnce(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: START_PATIENCE_MS }, (response) => {
      response.resume();
      resolve(true);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
