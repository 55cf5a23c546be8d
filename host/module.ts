/**
 * The camera's module: loads it, fills its imports, calls its exports. What to do about a trap is `supervisor.ts`'s.
 */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { instantiateSync } from "@assemblyscript/loader";
import type { Board } from "./board.ts";
import { type CameraExports, IMPORT_MODULE } from "./board-table.ts";

/** Whose limits the module was compiled with; see `assembly/limits.ts`. */
export type Profile = "board" | "server";

const FILES: Record<Profile, string> = { board: "wasmcam.wasm", server: "wasmcam-server.wasm" };

/** Where the build puts a module. */
export function modulePath(profile: Profile): string {
  return fileURLToPath(new URL(`../build/${FILES[profile]}`, import.meta.url));
}

export async function loadModule(path: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(path));
}

/** A running instance of the module. */
export class Camera {
  readonly #exports: CameraExports;

  /** Instantiates the module on `board` and begins. @throws what made it trap */
  constructor(module: WebAssembly.Module, board: Board) {
    const { exports } = instantiateSync<CameraExports>(module, { [IMPORT_MODULE]: board.table });
    this.#exports = exports;
    board.attach(exports.memory);
    exports.begin();
  }

  /**
   * Lets the module work.
   * @param now µs since the board's start
   * @returns when it wants to be called next; Infinity: only on an event
   * @throws what made it trap
   */
  step(now: number): number {
    const due = this.#exports.step(BigInt(now));
    return due > Number.MAX_SAFE_INTEGER ? Infinity : Number(due);
  }

  /** Bytes of memory that it has; it never changes. */
  get memory(): WebAssembly.Memory {
    return this.#exports.memory;
  }
}

/** A frame of the module's in a stack trace: its number among the functions, and where in the file it stands. */
const WASM_FRAME = /wasm-function\[(\d+)\]:(0x[0-9a-f]+)/;

/** What a trap, or a throw out of an import, is called in the log, and where in the module that was. */
export function trapText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = WASM_FRAME.exec(error.stack ?? "");
  return frame ? `${error.message}, in function ${frame[1]} at ${frame[2]}` : error.message;
}
