/**
 * A camera at the other end of NATS as a sensor that makes JPEG files: of what comes only the newest is kept.
 *
 * Frames are asked for two at a time, each by a subscription that ends with its first message; the two are in one queue
 * group, so that no frame comes twice. While both are under way the server throws away what is published: a slow way to
 * it loses whole frames and does not fall behind. (To an ordinary subscriber a NATS server keeps up to 64 MB of past.)
 * And where nobody watches, so that the module asks for no frame, none is asked for here.
 */

import { randomUUID } from "node:crypto";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { BoardTrap, Fault, Format, type ModuleMemory } from "../board-table.ts";
import type { Sensor } from "../soft-sensor.ts";
import type { Link } from "./link.ts";
import { jpegSubject, readFacts, timeNow } from "./message.ts";

/** Frames that are asked for at once: at this many a round trip of 66 ms still lets 30 a second through. */
const ASKED_MAX = 2;
/** A frame for which nobody has asked is forgotten after this, µs. */
const FRESH = 1_000_000;
/** A frame can't have been under way for longer, µs: then the clocks of the two machines differ. */
const AGE_MAX = 10_000_000;

type Frame = { file: Buffer; heardAt: number; age: number };

export class NatsFeed implements Sensor {
  readyAt = Infinity;
  frameTime = 0;
  onReady: () => void = () => {};
  readonly #link: Link;
  readonly #subject: string;
  readonly #group = `wasmcam-${randomUUID()}`;
  /** µs since the board's start, as the board counts. */
  readonly #now: () => number;
  #newest: Frame | undefined;
  #target: { memory: ModuleMemory; start: number; end: number } | undefined;
  /** How many frames are asked for, on which connection. */
  #asked = 0;
  #askedOn: NatsConnection | undefined;

  constructor(link: Link, name: string, now: () => number) {
    this.#link = link;
    this.#subject = jpegSubject(name);
    this.#now = now;
    link.onUp(() => {
      if (this.#target) this.#ask();
    });
  }

  set(_width: number, _height: number, format: number): number {
    return format === Format.JPEG ? 0 : Fault.REFUSED;
  }

  lines(): number {
    return Fault.MISSING;
  }

  transfer(): number {
    return Fault.MISSING;
  }

  start(memory: ModuleMemory, start: number, end: number, now: number): number {
    if (this.#target) throw new BoardTrap("captureStart while a capture is under way");
    this.#target = { memory, start, end };
    if (this.#newest && now - this.#newest.heardAt > FRESH) this.#newest = undefined;
    this.readyAt = this.#newest ? now : Infinity;
    this.#ask();
    return 0;
  }

  poll(): number {
    if (!this.#target) throw new BoardTrap("capturePoll without a capture under way");
    if (!this.#newest) return Fault.AGAIN;
    const { memory, start, end } = this.#target;
    const { file, heardAt, age } = this.#newest;
    this.#newest = undefined;
    this.stop();
    if (start + file.length > end) return Fault.TORN;
    file.copy(memory.bytes, start);
    this.frameTime = Math.max(heardAt - age, 0);
    return file.length;
  }

  stop(): void {
    this.#target = undefined;
    this.readyAt = Infinity;
  }

  #ask(): void {
    const { connection } = this.#link;
    if (!connection) return;
    if (this.#askedOn !== connection) this.#asked = 0;
    this.#askedOn = connection;
    for (; this.#asked < ASKED_MAX; this.#asked++) {
      const callback = (error: Error | null, message: Msg) => this.#hear(connection, error ? undefined : message);
      connection.subscribe(this.#subject, { queue: this.#group, max: 1, callback });
    }
  }

  #hear(connection: NatsConnection, message: Msg | undefined): void {
    if (connection !== this.#askedOn) return;
    this.#asked--;
    if (!message) return; // such as one that is not allowed: the module asks again by and by
    if (this.#target) this.#ask();
    if (message.data.length === 0) return;
    const age = timeNow() - readFacts(message).time;
    const isPlausible = age >= 0 && age <= AGE_MAX;
    const heardAt = this.#now();
    this.#newest = { file: Buffer.from(message.data), heardAt, age: isPlausible ? age : 0 };
    if (!this.#target) return;
    this.readyAt = heardAt;
    this.onReady();
  }
}
