/**
 * Attacks in the simulated world that need no malformed byte: peers that ask slowly, not at all, or too much, and do
 * not read. Whoever comes to see is answered all the same, soon, and viewers miss nothing.
 */

import assert from "node:assert/strict";
import type { Client } from "../host/simulated/client.ts";
import { Random } from "../host/simulated/random.ts";
import { MILLISECOND, SECOND } from "../host/simulated/timeline.ts";
import type { Conversation, SimulatedWorld, Viewer } from "../host/simulated/world.ts";
import { areGapless, checkParts, scenario, stateOf } from "./simulated-scenario.ts";

/** Whose body is waited for: the owner's. */
const OWNER = "Authorization: Bearer admin-of-the-tests\r\n";
const PAGES = ["/snapshot.jpg", "/", "/state", "/control"];
/** What a visitor's answer may take, µs of virtual time; the 99th percentile is counted against it. */
const SOON = 100 * MILLISECOND;

/** One that connects, does something to hold the connection, and comes again a while after it was cut. */
class Attacker {
  readonly #world: SimulatedWorld;
  readonly #random: Random;
  readonly #begin: (client: Client) => void;
  readonly #every: (client: Client) => void;
  #client: Client | undefined;
  /** How often it was cut or refused. */
  cut = 0;

  /** @param begin what it does first, @param every what it does about once a second from then on */
  constructor(world: SimulatedWorld, random: Random, begin: (client: Client) => void, every: (client: Client) => void) {
    this.#world = world;
    this.#random = random;
    this.#begin = begin;
    this.#every = every;
    this.#next();
  }

  #next(): void {
    this.#world.timeline.after(this.#random.between(MILLISECOND, SECOND), () => {
      if (!this.#client || this.#client.isOver) {
        if (this.#client) this.cut++;
        this.#client = this.#world.connect();
        this.#begin(this.#client);
      } else this.#every(this.#client);
      this.#next();
    });
  }
}

const ATTACKS: Record<string, [begin: (client: Client) => void, every: (client: Client) => void]> = {
  "200 that send a head's next byte once a second": [
    (client) => client.send("GET /snapshot.jpg HTTP/1.1\r\nHost: camera\r\nX-"),
    (client) => client.send("a"),
  ],
  "200 that send the next byte of the request line": [(client) => client.send("G"), (client) => client.send("E")],
  "200 that send a body's next byte": [
    (client) => client.send(`POST /control HTTP/1.1\r\nHost: camera\r\n${OWNER}Content-Length: 1000\r\n\r\nquality=`),
    (client) => client.send("8"),
  ],
  "200 that say nothing": [() => {}, () => {}],
  "200 that send empty lines": [(client) => client.send("\r\n"), (client) => client.send("\r\n")],
  "60 that ask for the page again and again and read nothing": [
    (client) => client.readAt(0).send("GET / HTTP/1.1\r\nHost: camera\r\n\r\n".repeat(10)),
    (client) => client.received > 0 || client.reset(),
  ],
  "60 that ask for the page again and again and read a trickle": [
    (client) => client.readAt(1000).send("GET / HTTP/1.1\r\nHost: camera\r\n\r\n".repeat(10)),
    (client) => client.received > 5000 && client.reset(),
  ],
  "60 that ask for pictures again and again and read a trickle": [
    (client) => client.readAt(1000).send("GET /snapshot.jpg HTTP/1.1\r\nHost: camera\r\n\r\n".repeat(100)),
    (client) => client.received > 5000 && client.reset(),
  ],
  "200 that come and leave at once": [(client) => client.close(), () => {}],
  "200 that come and are reset": [
    (client) => client.send("GET /state HTTP/1.1\r\nHost: camera\r\n\r\n"),
    (client) => client.reset(),
  ],
};

/** Visits each page ten times a second, on a connection of its own. */
class Visitor {
  readonly visits: { path: string; at: number; conversation: Conversation }[] = [];
  readonly #world: SimulatedWorld;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#next();
  }

  #next(): void {
    const path = PAGES[this.visits.length % PAGES.length];
    this.visits.push({ path, at: this.#world.now, conversation: this.#world.get(path) });
    this.#world.timeline.after(25 * MILLISECOND, () => this.#next());
  }

  /** What became of the visits up to `end`: "200 soon", "200", another status, or "nothing", each with its path. */
  count(end: number): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { path, at, conversation } of this.visits) {
      if (at >= end) break;
      const { response } = conversation;
      const isSoon = response && response.time - at <= SOON;
      const isPutOff = response?.status === 503 && response.headers.has("retry-after");
      const what = !response ? "nothing" : isPutOff ? "put off" : `${response.status}${isSoon ? " soon" : ""}`;
      counts.set(`${path} ${what}`, (counts.get(`${path} ${what}`) ?? 0) + 1);
    }
    return counts;
  }
}

/**
 * Holds what visitors and viewers got against what they were to get: of each page 99 visits in 100 are soon over.
 * @param putOff a page whose visitors may also be told to come again
 */
async function checkHarm(world: SimulatedWorld, visitor: Visitor, viewers: Viewer[], putOff?: string): Promise<void> {
  const counts = visitor.count(world.now - SECOND);
  const told = [...counts].map(([what, count]) => `${count} x ${what}`).join(", ");
  const all = [...counts.values()].reduce((sum, count) => sum + count) / PAGES.length;
  assert.ok(all >= 100, told);
  for (const page of PAGES) {
    const soon = counts.get(`${page} 200 soon`) ?? 0;
    const late = ["200", "put off"].reduce((sum, what) => sum + (counts.get(`${page} ${what}`) ?? 0), 0);
    assert.ok(soon + (page === putOff ? late : 0) >= 0.99 * all, told);
  }
  for (const viewer of viewers) {
    assert.ok(areGapless(viewer.parts), "a good viewer misses nothing");
    assert.ok(viewer.parts.length > 30 * 12, `${viewer.parts.length} frames`);
  }
  await checkParts(world, viewers);
}

for (const [name, [begin, every]] of Object.entries(ATTACKS)) {
  scenario(`${name}: visitors are answered soon, viewers miss nothing`, {}, async (world) => {
    const random = new Random(world.seed);
    const viewers = [world.watch(), world.watch()];
    world.run(SECOND);
    const attackers = Array.from({ length: parseInt(name) }, () => new Attacker(world, random, begin, every));
    world.run(2 * SECOND);
    const visitor = new Visitor(world);
    world.run(12 * SECOND);
    assert.ok(attackers.reduce((sum, { cut }) => sum + cut, 0) > attackers.length, "the attack is one");
    // There are two places for snapshots: when so many want them all the time, most are told to come again.
    await checkHarm(world, visitor, viewers, name.includes("pictures") ? "/snapshot.jpg" : undefined);
    assert.equal(stateOf(world).restarts, 0);
  });
}

const SLOW: Record<string, (viewer: Viewer) => void> = {
  "viewers that stop reading": (viewer) => viewer.client.readAt(0),
  "viewers that read 1 KB a second": (viewer) => viewer.client.readAt(1000),
  "viewers that ask on while they watch": (viewer) => viewer.client.send("GET / HTTP/1.1\r\n".repeat(10_000)),
};

for (const [name, slow] of Object.entries(SLOW)) {
  scenario(`8 ${name}: visitors are answered soon, and who comes for the stream is put off`, {}, async (world) => {
    const bad = Array.from({ length: 8 }, () => world.watch());
    world.run(SECOND);
    bad.forEach(slow);
    const visitor = new Visitor(world);
    world.run(8 * SECOND);
    const ninth = world.fetch("/stream.jpg");
    assert.deepEqual([ninth.status, ninth.headers.get("retry-after")], [503, "1"]);
    world.run(4 * SECOND);
    await checkHarm(world, visitor, []);
  });

  scenario(`6 ${name}, beside two good ones, who miss nothing`, {}, async (world) => {
    const good = [world.watch(), world.watch()];
    const bad = Array.from({ length: 6 }, () => world.watch());
    world.run(SECOND);
    bad.forEach(slow);
    const visitor = new Visitor(world);
    world.run(12 * SECOND);
    await checkHarm(world, visitor, good);
  });
}

scenario("a crowd that all want a picture: four wait, the others are put off", {}, (world) => {
  world.run(15 * SECOND); // nobody watches: capture rests, so that a picture takes its time
  const crowd = Array.from({ length: 15 }, () => world.get("/snapshot.jpg"));
  world.run(5 * SECOND);
  const count = (status: number) => crowd.filter(({ response }) => response?.status === status).length;
  assert.deepEqual([count(200), count(503)], [4, 11]);
  for (const { response } of crowd) assert.equal(response!.headers.has("retry-after"), response!.status === 503);
});
