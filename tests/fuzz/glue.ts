/**
 * Programs of calls that were tried on the board `linux` (glue-board.ts), performed on Node's table of imports, which
 * has to answer alike.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type BoardTable, BoardTrap, type CameraExports, Fault, IMPORT_MODULE } from "../../host/board-table.ts";
import { Board } from "../../host/board.ts";
import type { Fleet, HeardCamera } from "../../host/fleet.ts";
import type { Connection, Listener, Network } from "../../host/network.ts";
import { Scene } from "../../host/scenes/file.ts";
import { MemorySettings } from "../../host/settings.ts";
import { SoftSensor } from "../../host/soft-sensor.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BUILD = `${ROOT}build/fuzz/`;
export const GLUE_WASM = `${BUILD}glue.wasm`;

/** Compiles the module that performs programs (glue.as.ts). */
export function compileGlue(): void {
  mkdirSync(BUILD, { recursive: true });
  const asc = [`${ROOT}node_modules/assemblyscript/bin/asc.js`, `${ROOT}tests/fuzz/glue.as.ts`, "--config", "none"];
  const memory = ["--memoryBase", "8192", "--initialMemory", "2", "--maximumMemory", "2"];
  execFileSync(process.execPath, [...asc, "-O3", "--runtime", "stub", ...memory, "-o", GLUE_WASM], { cwd: ROOT });
}

/**
 * A call as the board linux was asked: name, time (µs), arguments, the answer, or why it stopped the module, and the
 * bytes that it was given and no other host can know.
 */
export type TracedCall = [keyof BoardTable, number, number[], number | string, number[]];
/** A program that was tried. */
export type Trace = { program: number[]; calls: TracedCall[] };

/** Where the module looks for a program and its length: as in glue.as.ts. */
const [LENGTH, PROGRAM] = [192, 1024];
/** Answers that are each host's own: where it is reached, what happened before, in which order it tells of events. */
const OWN: readonly string[] = ["events", "identify", "logRead"];
/** Which argument says where to what the world gives is written, where it is not the first. */
const WRITES_TO: Partial<Record<keyof BoardTable, number>> = { tcpPeer: 1, tcpReceive: 1, identify: 1 };
const [WIDTH, HEIGHT] = [64, 48];

/** The world around the board, as the trace says that it was. */
class TracedNetwork implements Network {
  /** What the call under way was answered. */
  answer = 0;
  readonly #listening = new Set<number>();

  listen(port: number): Listener | undefined {
    if (this.answer < 0 && !this.#listening.has(port)) return undefined; // there is no such port on that board
    if (this.#listening.has(port)) return undefined;
    this.#listening.add(port);
    return {
      onReady: () => {},
      accept: () => (this.answer < 0 ? undefined : this.#connection()),
      close: () => this.#listening.delete(port),
    };
  }

  dial(): Connection | undefined {
    return this.answer < 0 ? undefined : this.#connection();
  }

  #connection(): Connection {
    const network = this;
    return {
      onReady: () => {},
      get peer() {
        if (network.answer === Fault.CLOSED) return undefined;
        return new Uint8Array(network.answer === 4 ? 4 : 16);
      },
      readable: false,
      writable: false,
      receive: () => this.answer,
      send: () => this.answer,
      close: () => {},
    };
  }
}

/** As EchoBus in board/fuzz/src/outside.rs. */
class GlueSensor extends SoftSensor {
  override lines(power = false): number {
    return power ? 0 : Fault.MISSING;
  }

  override transfer(device = 0): number {
    return device % 2 === 1 ? Fault.MISSING : 0;
  }
}

class TracedSettings extends MemorySettings {
  isFull = false;

  override put(name: string, value: string): boolean {
    return !this.isFull && super.put(name, value);
  }
}

/** As TwoCameras there. */
const FILE = Buffer.from("\xff\xd8 a picture of another camera \xff\xd9", "latin1");
const camera = (name: string): HeardCamera => ({ name, sequence: 7, bytes: 0, size: 0, time: 0, silence: 0 });
const FLEET: Fleet = {
  out: () => 0,
  cameras: () => [camera("front"), camera(`front${"c".repeat(27)}`)],
  file: (name) => (name === "front" ? FILE : name === "size" ? Fault.AGAIN : Fault.MISSING),
};

function scene(): Scene {
  const head = Buffer.alloc(28);
  head.write("WCSC\x01\x00", "latin1");
  [WIDTH, HEIGHT, WIDTH, HEIGHT, 1, 1].forEach((number, index) => head.writeUInt16LE(number, 6 + 2 * index));
  return new Scene(Buffer.concat([head, Buffer.from(Array.from({ length: WIDTH * HEIGHT }, (_, at) => at))]));
}

/** The sensor of all programs: it plays on as the one before had it play, as on the board. */
export function glueSensor(): SoftSensor {
  return new GlueSensor(scene());
}

/**
 * Has Node perform a program that the board linux performed, in the same world.
 * @returns how many calls were compared, and what was different
 */
export function performOnNode(
  module: WebAssembly.Module,
  sensor: SoftSensor,
  trace: Trace,
): { compared: number; difference?: string } {
  const network = new TracedNetwork();
  const settings = new TracedSettings();
  let [at, now] = [0, 0];
  let difference: string | undefined;
  const board = new Board({
    kind: "linux",
    address: () => "",
    now: () => now,
    network,
    sensor,
    fleet: FLEET,
    settings,
    random: (bytes) => bytes.fill(1),
    log: () => {},
    wake: () => {},
  });
  const perform = (name: keyof BoardTable, args: number[]): number => {
    const asked = args.map((argument) => argument >>> 0);
    const [tracedName, tracedNow, tracedArgs, answer, written] = trace.calls[at] ?? [];
    if (answer === undefined || name !== tracedName || asked.join() !== tracedArgs.join()) {
      const traced = `${tracedName}(${tracedArgs?.join(", ")})`;
      difference = `call ${at} is ${traced} on linux, ${name}(${asked.join(", ")}) on Node`;
      throw new BoardTrap(difference);
    }
    at++;
    now = tracedNow;
    network.answer = Number(answer) || 0; // a mistake is found before the network is asked
    settings.isFull = answer === Fault.REFUSED;
    let answered: number | string;
    try {
      answered = (board.table[name] as (...all: number[]) => number)(...args) ?? 0;
    } catch (error) {
      if (!(error instanceof BoardTrap)) throw error;
      answered = error.message;
    }
    const isOwn = typeof answer === "string" || OWN.includes(name);
    const isSame = isOwn ? typeof answer === typeof answered : answer === answered;
    if (!isSame) difference = `${name}(${asked.join(", ")}) is ${answer} on linux, ${answered} on Node`;
    if (typeof answer === "string" || typeof answered === "string") throw new BoardTrap(String(answered));
    if (written.length > 0) new Uint8Array(memory.buffer).set(written, asked[WRITES_TO[name] ?? 0]);
    return answer;
  };
  const names = Object.keys(board.table) as (keyof BoardTable)[];
  const table = Object.fromEntries(names.map((name) => [name, (...args: number[]) => perform(name, args)]));
  const { exports } = new WebAssembly.Instance(module, { [IMPORT_MODULE]: table });
  const { memory, begin, step } = exports as CameraExports;
  board.attach(memory);
  new DataView(memory.buffer).setUint32(LENGTH, trace.program.length, true);
  new Uint8Array(memory.buffer).set(trace.program, PROGRAM);
  try {
    begin();
    while (!difference) step(BigInt(now));
  } catch (error) {
    const isEnd = error instanceof WebAssembly.RuntimeError || error instanceof BoardTrap;
    if (!isEnd) throw error;
    if (error instanceof WebAssembly.RuntimeError && at < trace.calls.length) {
      difference ??= `${trace.calls[at][0]} is called on linux, and Node's ends before`;
    }
  }
  board.abortAll();
  return { compared: at, difference };
}
