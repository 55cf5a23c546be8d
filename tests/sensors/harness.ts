/**
 * A driver and the model of its chip, without the rest of the camera: the driver compiled by itself (`<chip>.as.ts`),
 * the model on its bus, time in the test's hand.
 */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { Fault, ModuleMemory } from "../../host/board-table.ts";
import { BusSensor } from "../../host/sensors/bus-sensor.ts";
import type { SensorModel, View } from "../../host/sensors/model.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SECOND = 1_000_000;
/** A step of the camera every so many µs while a driver works. */
const STEP = 200;
/** No chip takes longer to be set up. */
const READY_LIMIT = 5 * SECOND;

type Exports = {
  memory: WebAssembly.Memory;
  begin(): void;
  start(): void;
  describe(): void;
  apply(): void;
  run(now: bigint): number;
  wakeAt(): bigint;
  interval(): bigint;
  controlCount(): number;
  describeControl(place: number): number;
  isAvailable(place: number): number;
  least(place: number): number;
  most(place: number): number;
  initial(place: number): number;
  value(place: number): number;
  setValue(place: number, value: number): void;
  frame(): number;
  capture(): number;
  poll(): number;
  stopCapture(): void;
};

/** Compiles `tests/sensors/<chip>.as.ts`. */
export async function compileDriver(chip: string): Promise<WebAssembly.Module> {
  mkdirSync(`${ROOT}build/tests`, { recursive: true });
  const outFile = `build/tests/${chip}.wasm`;
  const { error, stderr } = await asc.main([
    `tests/sensors/${chip}.as.ts`,
    ...["--baseDir", ROOT, "--outFile", outFile, "--runtime", "stub", "--exportStart", "begin"],
    ...["--memoryBase", "32768"],
    ...["--initialMemory", "90", "--use", "abort=", "-O1", "--config", "none"],
  ]);
  assert(!error, `asc: ${stderr.toString()}`);
  return WebAssembly.compile(await readFile(ROOT + outFile));
}

/** What a driver tells of a control. */
export type ControlInfo = { available: boolean; least: number; most: number; initial: number; choices: string[] };

export class Driver {
  now = 0;
  readonly sensor: BusSensor;
  /** Transfers on the bus so far, and how many bytes they were. */
  transfers = 0;
  /** The most transfers that one run of the driver made. */
  transfersInRun = 0;
  readonly #exports: Exports;
  readonly #places = new Map<string, number>();

  constructor(module: WebAssembly.Module, model: SensorModel, view: View) {
    this.sensor = new BusSensor(model, view);
    const memory = new ModuleMemory();
    const bytes = (address: number, length: number) => new Uint8Array(exports.memory.buffer, address, length);
    const board = {
      sensorLines: (power: number, reset: number, clock: number) =>
        this.sensor.lines(power !== 0, reset !== 0, clock, this.now),
      busTransfer: (device: number, write: number, writeLength: number, read: number, readLength: number) => {
        this.transfers++;
        return this.sensor.transfer(device, bytes(write, writeLength).slice(), bytes(read, readLength), this.now);
      },
      captureStart: (address: number, length: number) =>
        this.sensor.start(memory, address, address + length, this.now),
      capturePoll: () => this.sensor.poll(this.now),
      captureStop: () => this.sensor.stop(),
    };
    const imports = Object.fromEntries(
      WebAssembly.Module.imports(module).map(({ name }) => [name, board[name as keyof typeof board] ?? (() => 0)]),
    );
    const instance = new WebAssembly.Instance(module, { board: imports, env: { abort: () => assert.fail("abort") } });
    const exports = instance.exports as unknown as Exports;
    memory.attach(exports.memory);
    this.#exports = exports;
    exports.begin();
    for (let place = 0; place < exports.controlCount(); place++) {
      this.#places.set(this.#text(place).split(":")[0], place);
    }
  }

  /** From the power switch on. @returns what the driver came to: 0, MISSING or REFUSED */
  start(): number {
    this.#exports.start();
    const result = this.#settle();
    if (result === 0) this.#exports.describe();
    return result;
  }

  /** Sets controls, numbers or the text of choices, and has the driver apply them. @returns as start */
  set(values: Record<string, number | string>): number {
    this.#put(values);
    return this.#settle();
  }

  /** Sets controls, but leaves the driver after so many runs of applying them. @returns what the last came to */
  setPartly(values: Record<string, number | string>, runs: number): number {
    this.#put(values);
    let result: number = Fault.AGAIN;
    for (let i = 0; i < runs && result === Fault.AGAIN; i++) result = this.#exports.run(BigInt((this.now += STEP)));
    return result;
  }

  #put(values: Record<string, number | string>): void {
    for (const [name, value] of Object.entries(values)) {
      const place = this.#place(name);
      const { choices, available } = this.control(name);
      assert(available, `${name} is not a control of this sensor`);
      const number = typeof value === "number" ? value : choices.indexOf(value);
      assert(number >= 0 || typeof value === "number", `${name} can't be ${value}: ${choices.join(", ")}`);
      this.#exports.setValue(place, number);
    }
    this.#exports.apply();
  }

  control(name: string): ControlInfo {
    const place = this.#place(name);
    const e = this.#exports;
    const choices = this.#text(place).split(":")[1].split(",").filter((choice) => choice !== "");
    return {
      available: e.isAvailable(place) !== 0,
      least: e.least(place),
      most: e.most(place),
      initial: e.initial(place),
      choices,
    };
  }

  /** µs a frame, as the driver reckons. */
  get interval(): number {
    return Number(this.#exports.interval());
  }

  /** The next frame's bytes, or what poll answered. Time passes. */
  capture(): Uint8Array {
    assert.equal(this.#exports.capture(), 0, "captureStart");
    const limit = this.now + READY_LIMIT;
    while (this.sensor.readyAt > this.now) {
      assert(this.sensor.readyAt < limit, "no frame");
      this.now = this.sensor.readyAt;
    }
    const length = this.#exports.poll();
    assert(length >= 0, `capturePoll answered ${length}`);
    return new Uint8Array(this.#exports.memory.buffer, this.#exports.frame(), length).slice();
  }

  #settle(): number {
    const limit = this.now + READY_LIMIT;
    for (;;) {
      const before = this.transfers;
      const result = this.#exports.run(BigInt(this.now));
      this.transfersInRun = Math.max(this.transfersInRun, this.transfers - before);
      if (result !== Fault.AGAIN) return result;
      const wakeAt = Number(this.#exports.wakeAt());
      assert(wakeAt < limit, "the driver does not come to an end");
      this.now = Math.max(wakeAt, this.now + STEP);
    }
  }

  #place(name: string): number {
    return this.#places.get(name) ?? assert.fail(`there is no control ${name}`);
  }

  #text(place: number): string {
    const bytes = new Uint8Array(this.#exports.memory.buffer);
    const at = this.#exports.describeControl(place);
    return Buffer.from(bytes.subarray(at, bytes.indexOf(0, at))).toString();
  }
}
