/**
 * Sends frames to a NATS server, the newest or none: while two frames are under way and the server has not said that it
 * has them, further ones are dropped whole. So nothing queues up before a slow server, here or in the kernel.
 */

import type { NatsConnection } from "@nats-io/transport-node";
import { Fault, Level } from "../board-table.ts";
import type { OutFrame } from "../fleet.ts";
import type { Link } from "./link.ts";
import { infoSubject, jpegSubject, timeNow, writeFacts } from "./message.ts";

/** Frames that may be under way: at this many a round trip of 66 ms still lets 30 a second through. */
const UNDER_WAY_MAX = 2;
/** Room that the headers take of what a server allows a message. */
const HEADERS_BYTES = 256;
/** How often is told of what, ms. */
const INFO_EVERY = 1000;
const TELL_EVERY = 60_000;

/** What belongs to one connection. */
type Flight = { connection: NatsConnection; underWay: number };

export class Publisher {
  readonly #link: Link;
  readonly #name: string;
  #flight: Flight | undefined;
  #informedAt = -INFO_EVERY;
  #toldAt = -TELL_EVERY;
  #dropped = 0;

  constructor(link: Link, name: string) {
    this.#link = link;
    this.#name = name;
    link.onUp((connection) => (this.#flight = { connection, underWay: 0 }));
  }

  /** As frameOut. */
  offer(frame: OutFrame | undefined): number {
    const flight = this.#flight;
    if (!flight || flight.connection !== this.#link.connection) return Fault.AGAIN;
    if (!frame) return 0;
    const most = (flight.connection.info?.max_payload ?? 0) - HEADERS_BYTES;
    if (frame.file.length > most) this.#drop(`takes no frame of ${frame.file.length} bytes`);
    else if (flight.underWay >= UNDER_WAY_MAX) this.#drop("takes frames too slowly");
    else this.#send(flight, frame);
    return 0;
  }

  #send(flight: Flight, { file, sequence, age, size }: OutFrame): void {
    const { connection } = flight;
    const headers = writeFacts({ sequence, time: timeNow() - age, size, bytes: file.length });
    // The module's memory changes; what the library holds may not.
    connection.publish(jpegSubject(this.#name), Uint8Array.prototype.slice.call(file), { headers });
    const now = performance.now();
    if (now - this.#informedAt >= INFO_EVERY) {
      this.#informedAt = now;
      connection.publish(infoSubject(this.#name), undefined, { headers });
    }
    flight.underWay++;
    const landed = () => void flight.underWay--;
    connection.flush().then(landed, landed);
  }

  #drop(why: string): void {
    this.#dropped++;
    const now = performance.now();
    if (now - this.#toldAt < TELL_EVERY) return;
    this.#toldAt = now;
    this.#link.tell(Level.WARNING, `it ${why}: ${this.#dropped} dropped since this was told last`);
    this.#dropped = 0;
  }
}
