/**
 * The board as Node plays it: fills the table of imports from a network, a sensor, a clock, settings and a log. Both
 * worlds are made of one; what differs between them comes in from outside.
 *
 * What each call promises stands in `assembly/board.ts`. A mistake of the module's own throws {@link BoardTrap}.
 */

import {
  type BoardTable,
  BoardTrap,
  Fault,
  Format,
  FRAME_TIME_BYTES,
  Identity,
  Level,
  LINE_BYTES_MAX,
  ModuleMemory,
  Ready,
  SENSOR_HANDLE,
} from "./board-table.ts";
import { type Fleet, heardBytes, NO_FLEET } from "./fleet.ts";
import { cutText, LogRing } from "./log-ring.ts";
import type { Network } from "./network.ts";
import type { Settings } from "./settings.ts";
import { NO_PAST, type Past } from "./past.ts";
import { Events, Sockets } from "./sockets.ts";
import type { Sensor } from "./soft-sensor.ts";

/** The addresses that a bus has: 7 bits. */
const DEVICES = 1 << 7;

/** Takes a line of the log; `level` is a Level. */
export type Log = (level: number, text: string) => void;

export type BoardParts = {
  /** The board's kind, as `/state` names it. */
  kind: string;
  /** Where it is reached, as far as is known. */
  address: () => string;
  /** µs since the board's start, a whole number that never goes back. */
  now: () => number;
  network: Network;
  sensor: Sensor;
  /** Other machines, where there are any. */
  fleet?: Fleet;
  settings: Settings;
  /** Fills bytes with chance; undefined on a board that has none. */
  random: ((bytes: Uint8Array) => void) | undefined;
  log: Log;
  /** Where the last lines of the log are kept, if they have a place already. */
  recent?: LogRing;
  /** What was before this board was made, if anything. */
  past?: Past;
  /** Called when the network gave `events` something to tell. */
  wake: () => void;
};

export class Board {
  readonly table: BoardTable;
  /** What happened to the modules before the one that runs; the supervisor keeps it. */
  past: Past;
  /** The last line of level ERROR that the module wrote; whoever wants to know since when empties it. */
  complaint = "";
  readonly #parts: BoardParts;
  readonly #memory = new ModuleMemory();
  readonly #events: Events;
  readonly #sockets: Sockets;
  readonly #recent: LogRing;
  /** Whether the sensor's readiness is still to be told. */
  #capturing = false;

  constructor(parts: BoardParts) {
    this.#parts = parts;
    this.#events = new Events(parts.wake);
    this.#sockets = new Sockets(parts.network, this.#events);
    this.past = parts.past ?? NO_PAST;
    this.#recent = parts.recent ?? new LogRing();
    this.table = this.#fill();
  }

  /** Writes a line of the log. */
  log(level: number, text: string): void {
    this.#recent.write(this.#parts.now(), level, text);
    this.#parts.log(level, text);
  }

  /** How often a module was started afresh. */
  get restarts(): number {
    return this.past.restarts;
  }

  /** Serves the module whose memory this is. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory.attach(memory);
  }

  /** Takes everything back from a module that is no more. */
  abortAll(): void {
    this.#parts.sensor.stop();
    this.#capturing = false;
    this.#sockets.abortAll();
    this.#events.drop(SENSOR_HANDLE);
  }

  /** How many sockets the module holds. */
  get openSockets(): number {
    return this.#sockets.open;
  }

  /** Whether `events` has something to tell at `now`. */
  pending(now: number): boolean {
    if (this.#capturing && this.#parts.sensor.readyAt <= now) {
      this.#capturing = false;
      this.#events.add(SENSOR_HANDLE, Ready.READABLE);
    }
    return this.#events.pending;
  }

  /** When `events` will have something to tell even if nothing comes over the network; Infinity if never. */
  get pendingAt(): number {
    return this.#capturing ? this.#parts.sensor.readyAt : Infinity;
  }

  #fill(): BoardTable {
    const { sensor, settings, random, now, kind, address: reachedAt } = this.#parts;
    const fleet = this.#parts.fleet ?? NO_FLEET;
    const memory = this.#memory;
    const sockets = this.#sockets;
    return {
      events: (address, length) => {
        const start = memory.start(address, length);
        this.pending(now());
        return this.#events.take(memory.bytes, start, length >>> 2);
      },
      tcpListen: (port) => sockets.listen(port),
      tcpAccept: (listener) => sockets.accept(listener),
      tcpConnect: (name, nameLength, port) => sockets.connect(memory.text(name, nameLength), port),
      tcpPeer: (socket, address, length) => {
        const peer = sockets.peer(socket);
        memory.start(address, length);
        return peer ? memory.write(peer, address, length) : Fault.CLOSED;
      },
      tcpReceive: (socket, address, length) => {
        const start = memory.transferStart(address, length);
        return sockets.receive(socket, memory.bytes, start, start + (length >>> 0));
      },
      tcpSend: (socket, address, length) => {
        const start = memory.transferStart(address, length);
        return sockets.send(socket, memory.bytes, start, start + (length >>> 0));
      },
      tcpClose: (socket, how) => sockets.close(socket, how),
      softSensorSet: (width, height, format, interval) => {
        if (!(format in Format)) throw new BoardTrap(`softSensorSet with an unknown format, ${format}`);
        return sensor.set(width >>> 0, height >>> 0, format, interval >>> 0, now());
      },
      sensorLines: (power, reset, clock) => sensor.lines(power !== 0, reset !== 0, clock >>> 0, now()),
      busTransfer: (device, write, writeLength, read, readLength) => {
        if (device >>> 0 >= DEVICES) throw new BoardTrap(`busTransfer with ${device}, which is no 7-bit address`);
        const from = memory.start(write, writeLength);
        const to = memory.start(read, readLength);
        // What is written may lie where is read to.
        const written = Uint8Array.prototype.slice.call(memory.bytes, from, from + (writeLength >>> 0));
        return sensor.transfer(device, written, memory.bytes.subarray(to, to + (readLength >>> 0)), now());
      },
      captureStart: (address, length) => {
        const start = memory.start(address, length);
        const result = sensor.start(memory, start, start + (length >>> 0), now());
        this.#capturing = result === 0;
        return result;
      },
      capturePoll: (address, length) => {
        const start = memory.start(address, length);
        if (length !== FRAME_TIME_BYTES) throw new BoardTrap(`capturePoll wants ${FRAME_TIME_BYTES} bytes for a time`);
        const result = sensor.poll(now());
        if (result !== Fault.AGAIN) this.#capturing = false;
        if (result >= 0) memory.bytes.writeBigInt64LE(BigInt(sensor.frameTime), start);
        return result;
      },
      captureStop: () => {
        sensor.stop();
        this.#capturing = false;
        this.#events.drop(SENSOR_HANDLE);
      },
      frameOut: (file, length, sequence, age, size) => {
        const start = memory.start(file, length);
        if (length === 0) return fleet.out(undefined);
        const bytes = memory.bytes.subarray(start, start + (length >>> 0));
        return fleet.out({ file: bytes, sequence: sequence >>> 0, age: age >>> 0, size: size >>> 0 });
      },
      cameraAt: (index, address, length) => {
        memory.start(address, length);
        const cameras = fleet.cameras();
        if (!cameras) return Fault.MISSING;
        const camera = cameras[index];
        return camera ? memory.write(heardBytes(camera), address, length) : Fault.AGAIN;
      },
      cameraFile: (name, nameLength, address, length) => {
        const file = fleet.file(memory.text(name, nameLength));
        memory.start(address, length);
        return typeof file === "number" ? file : memory.write(file, address, length);
      },
      settingGet: (name, nameLength, address, length) => {
        const value = settings.get(memory.text(name, nameLength));
        memory.start(address, length);
        return value === undefined ? Fault.MISSING : memory.writeText(value, address, length);
      },
      settingPut: (name, nameLength, value, valueLength) =>
        settings.put(memory.text(name, nameLength), memory.text(value, valueLength)) ? 0 : Fault.REFUSED,
      identify: (what, address, length) => {
        switch (what) {
          case Identity.BOARD:
            return memory.writeText(kind, address, length);
          case Identity.ADDRESS:
            return memory.writeText(reachedAt(), address, length);
          case Identity.RESTARTS:
            return memory.writeText(String(this.restarts), address, length);
          case Identity.CRASH:
            return memory.writeText(this.past.crash?.text ?? "", address, length);
          case Identity.CRASH_TIME:
            return memory.writeText(this.past.crash ? String(this.past.crash.time) : "", address, length);
          default:
            throw new BoardTrap(`identify with an unknown question, ${what}`);
        }
      },
      random: (address, length) => {
        const start = memory.start(address, length);
        if (!random) return Fault.MISSING;
        random(memory.bytes.subarray(start, start + (length >>> 0)));
        return 0;
      },
      log: (level, address, length) => {
        if (!(level in Level)) throw new BoardTrap(`log with an unknown level, ${level}`);
        const text = cutText(memory.line(address, length, LINE_BYTES_MAX), LINE_BYTES_MAX);
        if (level === Level.ERROR) this.complaint = text;
        this.log(level, text);
      },
      logRead: (address, length) => {
        const start = memory.start(address, length);
        return this.#recent.read(memory.bytes, start, start + (length >>> 0));
      },
    };
  }
}
