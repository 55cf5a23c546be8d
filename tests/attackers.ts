/**
 * Attacks over real sockets on a camera of this machine, and those who notice if they do harm: viewers that count the
 * frames that they miss, and a visitor who asks for every page in turn.
 */

import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Part, ResponseReader } from "../host/simulated/http.ts";

const PAGES = ["/snapshot.jpg", "/", "/state", "/control"];

/** What one attacker does with a connection. It comes again when it was cut. */
interface Habit {
  /** What it does first. */
  begin: (socket: Socket) => void;
  /** What it does after about each second. */
  every: (socket: Socket) => void;
}

const WATCH = "GET /stream.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
/** Bytes that a slow viewer reads in a second. */
const SLOW = 1024;

/** Attacks by name, and how many make a crowd. The good viewers come first, and keep their places. */
export const ATTACKS = {
  nobody: { crowd: 0, begin: () => {}, every: () => {} },
  "dripping heads": {
    crowd: 200,
    begin: (socket) => socket.write("GET /snapshot.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"),
    every: (socket) => socket.write("a"),
  },
  "silent connections": { crowd: 200, begin: () => {}, every: () => {} },
  "viewers that stop reading": {
    crowd: 8,
    begin: (socket) => socket.write(WATCH, () => socket.pause()),
    every: () => {},
  },
  "viewers at 1 KB/s": {
    crowd: 8,
    begin: (socket) => {
      socket.write(WATCH);
      socket.pause();
    },
    every: (socket) => void socket.read(Math.min(SLOW, socket.readableLength)),
  },
  "a flood of connections": {
    crowd: 200,
    begin: (socket) => socket.write("GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", () => socket.resetAndDestroy()),
    every: () => {},
  },
} satisfies Record<string, Habit & { crowd: number }>;

export type Attack = keyof typeof ATTACKS;

/** Has a crowd attack until `stop` is called. `cut` answers how often one of their connections has ended. */
export function attack(port: number, name: Attack, crowd: number = ATTACKS[name].crowd) {
  const { begin, every }: Habit = ATTACKS[name];
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let cut = 0;
  let stopped = false;
  const later = (time: number, call: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!stopped) call();
    }, time);
    timers.add(timer);
  };
  const come = (): void => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    sockets.add(socket);
    const again = (): void => {
      if (socket.destroyed) return;
      every(socket);
      later(1000, again);
    };
    socket.on("connect", () => {
      begin(socket);
      later(1000, again);
    });
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      cut++;
      later(500 + (cut % 10) * 100, come);
    });
    if (!socket.isPaused()) socket.resume();
  };
  for (let i = 0; i < crowd; i++) later(i * 5, come);
  return {
    cut: () => cut,
    stop: () => {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** How long a viewer tries to get a first frame, ms: far longer than it takes. */
const PATIENCE_MS = 30_000;
/** Before it connects again, where it was cut before that, ms. */
const AGAIN_AFTER_MS = 100;

/** A viewer that reads as fast as it can. */
export class GoodViewer {
  readonly parts: Part[] = [];
  /** Resolves when it watches. */
  readonly watches: Promise<void>;
  /** Whether its connection has ended while it watched. */
  wasCut = false;
  readonly #port: number;
  #reader = new ResponseReader();
  #socket: Socket;
  #isOver = false;
  #onFirst = (): void => {};

  constructor(port: number) {
    this.#port = port;
    this.#socket = this.#connect();
    this.watches = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("a viewer gets no frame")), PATIENCE_MS);
      this.#onFirst = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  #connect(): Socket {
    const reader = (this.#reader = new ResponseReader());
    reader.onPart = (part) => {
      this.parts.push({ ...part, jpeg: Buffer.alloc(0) });
      this.#onFirst();
    };
    reader.expect("GET");
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => {});
    socket.on("data", (bytes) => reader.push(bytes, performance.now() * 1000));
    socket.on("close", () => this.#closed());
    socket.write(WATCH);
    return socket;
  }

  /** What is left of the crowd before may have had the places yet: until it watches, it comes again. */
  #closed(): void {
    if (this.#isOver) return;
    if (this.parts.length > 0) this.wasCut = true;
    else setTimeout(() => this.#isOver || (this.#socket = this.#connect()), AGAIN_AFTER_MS);
  }

  get problem(): string | undefined {
    return this.#reader.problem;
  }

  /** Frames that were published while it watched and that it did not get. */
  get lost(): number {
    const { parts } = this;
    return parts.length === 0 ? 0 : parts.at(-1)!.sequence - parts[0].sequence + 1 - parts.length;
  }

  leave(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }
}

export interface Visit {
  path: string;
  /** 0: the connection was refused, or ended without an answer. */
  status: number;
  /** From the first try to connect to the answer's last byte, ms. */
  time: number;
}

/** Asks for a page on a connection of its own. */
export function visit(port: number, path: string): Promise<Visit> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const reader = new ResponseReader();
    reader.expect("GET");
    const over = () => {
      resolve({ path, status: reader.responses[0]?.status ?? 0, time: performance.now() - startedAt });
      socket.destroy();
    };
    reader.onResponse = over;
    socket.on("data", (bytes) => reader.push(bytes, 0));
    socket.on("error", over);
    socket.on("close", over);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  });
}

export interface Harm {
  visits: Visit[];
  viewers: GoodViewer[];
  /** How often an attacker was cut, or left. */
  cut: number;
}

/** Has two good viewers and a visitor at the camera for a time in which it is attacked. */
export async function suffer(port: number, name: Attack, seconds: number, crowd?: number, good = 2): Promise<Harm> {
  const viewers = Array.from({ length: good }, () => new GoodViewer(port));
  let stop = (): void => {};
  try {
    await Promise.all(viewers.map(({ watches }) => watches)); // they are in before the crowd comes
    const attackers = attack(port, name, crowd);
    stop = attackers.stop;
    await sleep(1200);
    const visits: Visit[] = [];
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end || visits.length < PAGES.length) {
      visits.push(await visit(port, PAGES[visits.length % PAGES.length]));
      await sleep(10);
    }
    return { visits, viewers, cut: attackers.cut() };
  } finally {
    stop();
    for (const viewer of viewers) viewer.leave();
  }
}
