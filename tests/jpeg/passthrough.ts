/**
 * The module's look at a sensor's JPEG files, compiled by itself. The bytes lie at the very end of its memory: whoever
 * looks behind them traps.
 */

import assert from "node:assert/strict";
import { compile } from "./encoder.ts";

/** A Progress of the module. */
const [MORE, DONE] = [0, 1];

interface Exports {
  memory: WebAssembly.Memory;
  beginFile(address: number, length: number): void;
  lookOn(): number;
  fileLength(): number;
  completeFile(): number;
}

export type Passthrough = {
  /** How long the file is that bytes begin with; undefined if it is broken. */
  look(bytes: Buffer): number | undefined;
  /** The file that was looked at last, with all tables that it needs. */
  complete(): Buffer;
};

export async function compilePassthrough(): Promise<Passthrough> {
  const env = {
    abort(): never {
      throw new Error("an assert failed");
    },
  };
  const instance = await WebAssembly.instantiate(await compile("assembly/jpeg/passthrough.ts"), { env });
  const { memory, beginFile, lookOn, fileLength, completeFile } = instance.exports as unknown as Exports;
  const all = new Uint8Array(memory.buffer);
  const look = (bytes: Buffer) => {
    all.set(bytes, all.length - bytes.length);
    beginFile(all.length - bytes.length, bytes.length);
    let progress = MORE;
    for (let slices = 0; progress === MORE; slices++) {
      assert.ok(slices <= bytes.length / 65_536 + 2, "it comes to an end");
      progress = lookOn();
    }
    return progress === DONE ? fileLength() : undefined;
  };
  const complete = () => {
    const at = completeFile();
    return Buffer.from(all.subarray(at, at + fileLength()));
  };
  return { look, complete };
}
