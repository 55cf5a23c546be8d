/** A camera's place among others: what it sends to NATS, what it shows from there, and whom it hears. */

import type { Log } from "../board.ts";
import { Fault } from "../board-table.ts";
import type { Fleet, HeardCamera, OutFrame } from "../fleet.ts";
import { Ear } from "./ear.ts";
import { NatsFeed } from "./feed.ts";
import { Link } from "./link.ts";
import type { NatsPlan } from "./plan.ts";
import { Publisher } from "./publisher.ts";

export class NatsFleet implements Fleet {
  /** What the sensor is, where frames come from a camera at a server. */
  readonly feed: NatsFeed | undefined;
  readonly #links: Link[] = [];
  readonly #publisher: Publisher | undefined;
  readonly #ear: Ear;

  /** @param now µs since the board's start */
  constructor({ source, publish }: NatsPlan, log: Log, now: () => number) {
    const [from, to] = [source, publish].map((named) => named && new Link(named.server, log));
    if (source && from) this.feed = new NatsFeed(from, source.name, now);
    if (publish && to) this.#publisher = new Publisher(to, publish.name);
    this.#links = [from, to].filter((link) => link !== undefined);
    this.#ear = new Ear(this.#links[0]);
  }

  out(frame: OutFrame | undefined): number {
    return this.#publisher?.offer(frame) ?? Fault.MISSING;
  }

  cameras(): readonly HeardCamera[] {
    return this.#ear.cameras();
  }

  file(name: string): Uint8Array | Fault.AGAIN | Fault.MISSING {
    return this.#ear.file(name);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.stop()));
  }
}
