/**
 * Viewers for benchmarks: each watches over its own connection and counts whole frames, as parts of the stream or as
 * messages of a WebSocket. They know nothing of what they watch but these forms. Most read as fast as they can; slow
 * ones so many bytes a second.
 */

import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketClient } from "../../host/simulated/websocket.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const LENGTH = /content-length: (\d+)/i;
const TIMESTAMP = /x-timestamp: ([\d.]+)/i;
/** What a slow viewer reads at once, of what its kernel has. */
const SLOW_READ_BYTES = 2048;

/** How a viewer watches. */
export type Way = "stream" | "WebSocket";

/** The machine's clock, s: the same in every process. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

export class Viewer {
  /** Whole parts that came. */
  frames = 0;
  bytes = 0;
  readonly socket: Socket;
  /** Bytes that came and are not dealt with: at most a head. */
  #pending = Buffer.alloc(0);
  /** Bytes of the part that are still to come. */
  #missing = 0;
  #isInStream = false;
  /** When the part that comes was captured, on the camera's clock, s. */
  #timestamp = NaN;
  readonly #onPart: (timestamp: number) => void;
  readonly #webSocket: WebSocketClient | undefined;

  /**
   * @param rate bytes a second; Infinity: as fast as it can
   * @param onPart is told of each whole part when it was captured, on the camera's clock, s
   */
  constructor(
    port: number,
    way: Way,
    rate = Infinity,
    onPart: (timestamp: number) => void = () => {},
    host = "127.0.0.1",
  ) {
    this.#onPart = onPart;
    const address = { port, host, noDelay: true };
    if (rate === Infinity) {
      this.socket = connect(address);
      this.socket.on("data", (chunk) => this.#read(chunk));
    } else {
      // It may read from now on if it read at this rate.
      let mayReadAt = performance.now();
      const callback = (count: number, buffer: Uint8Array): boolean => {
        this.#read(Buffer.from(buffer.subarray(0, count)));
        const now = performance.now();
        mayReadAt = Math.max(mayReadAt, now - 50) + (count * 1000) / rate;
        if (mayReadAt <= now) return true;
        setTimeout(() => this.socket.resume(), mayReadAt - now);
        return false;
      };
      this.socket = connect({ ...address, onread: { buffer: Buffer.alloc(SLOW_READ_BYTES), callback } });
    }
    this.socket.on("error", () => {}); // a viewer that is gone counts no more frames, which the table shows
    if (way === "stream") {
      this.socket.write("GET /stream.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n");
      return;
    }
    this.#webSocket = new WebSocketClient((bytes) => this.socket.write(bytes), { Host: "localhost" });
    this.#webSocket.onPart = ({ timestamp }) => {
      this.frames++;
      this.#onPart(timestamp / 1e6);
    };
  }

  #read(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#webSocket) {
      this.#webSocket.push(chunk, 0);
      if (this.#webSocket.problem) throw new Error(`a viewer by WebSocket was told ${this.#webSocket.problem}`);
      return;
    }
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, rest.length);
        rest = rest.subarray(taken);
        this.#missing -= taken;
        if (this.#missing === 0) {
          this.frames++;
          this.#onPart(this.#timestamp);
        }
        continue;
      }
      this.#pending = Buffer.concat([this.#pending, rest]);
      const end = this.#pending.indexOf(HEAD_END);
      if (end < 0) return;
      const head = this.#pending.toString("latin1", 0, end);
      rest = this.#pending.subarray(end + HEAD_END.length);
      this.#pending = Buffer.alloc(0);
      if (!this.#isInStream) {
        if (!head.startsWith("HTTP/1.1 200")) throw new Error(`a viewer was answered ${head.split("\r\n")[0]}`);
        this.#isInStream = true;
      } else {
        this.#missing = Number(LENGTH.exec(head)?.[1]);
        this.#timestamp = Number(TIMESTAMP.exec(head)?.[1]);
      }
    }
  }
}

export interface Watched {
  viewers: number;
  /** Frames a second that a viewer got: the mean, and the one that got fewest. */
  fps: number;
  fpsLeast: number;
  /** Frames a second that were delivered, to all together. */
  delivered: number;
  /** Bytes a frame. */
  bytes: number;
}

/** Has `count` viewers watch the camera at `port` for so many seconds, after one in which they settle. */
export async function watch(port: number, count: number, seconds: number, onMeasure = () => {}): Promise<Watched> {
  const viewers: Viewer[] = [];
  for (let i = 0; i < count; i++) viewers.push(new Viewer(port, "stream"));
  try {
    await sleep(1000);
    const before = viewers.map(({ frames }) => frames);
    const bytesBefore = viewers.reduce((sum, { bytes }) => sum + bytes, 0);
    const startedAt = performance.now();
    onMeasure();
    await sleep(seconds * 1000);
    const elapsed = (performance.now() - startedAt) / 1000;
    const rates = viewers.map(({ frames }, i) => (frames - before[i]) / elapsed);
    const bytes = viewers.reduce((sum, viewer) => sum + viewer.bytes, 0) - bytesBefore;
    const delivered = rates.reduce((sum, rate) => sum + rate, 0);
    return {
      viewers: count,
      fps: delivered / count,
      fpsLeast: Math.min(...rates),
      delivered,
      bytes: bytes / (delivered * elapsed),
    };
  } finally {
    for (const { socket } of viewers) socket.destroy();
  }
}

/** How old pictures are when a viewer has them whole, s: the median, and what 99 of 100 are below. */
export interface Ages {
  viewers: string;
  fps: number;
  median: number;
  p99: number;
}

/** Of ages the one in the middle, and the one that 99 of 100 are below. */
export function oldness(ages: number[]): { median: number; p99: number } {
  const sorted = [...ages].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { median: at(0.5), p99: at(0.99) };
}

/** The camera's clock less the machine's, s, as its state tells it. */
export async function clockOffset(port: number): Promise<number> {
  let best = { took: Infinity, offset: NaN };
  for (let tries = 0; tries < 10; tries++) {
    const asked = machineTime();
    const { time } = (await (await fetch(`http://127.0.0.1:${port}/state`)).json()) as { time: number };
    const took = machineTime() - asked;
    if (took < best.took) best = { took, offset: time - (asked + took / 2) };
  }
  return best.offset;
}

/** Has fast viewers and slow ones watch together, and tells how old their pictures are. */
export async function watchWithSlow(
  port: number,
  way: Way,
  { fast, slow, rate, seconds }: { fast: number; slow: number; rate: number; seconds: number },
): Promise<Ages[]> {
  const offset = await clockOffset(port);
  const groups = [
    { name: `${fast} fast, ${way}`, count: fast, rate: Infinity, ages: [] as number[] },
    { name: `${slow} at ${rate / 1000} KB/s, ${way}`, count: slow, rate, ages: [] as number[] },
  ];
  let isMeasuring = false;
  const viewers = groups.flatMap(({ count, rate, ages }) =>
    Array.from({ length: count }, () => {
      return new Viewer(port, way, rate, (timestamp) => {
        if (isMeasuring) ages.push(machineTime() + offset - timestamp);
      });
    }),
  );
  try {
    await sleep(3000); // slow ones have had their first frames
    isMeasuring = true;
    await sleep(seconds * 1000);
    return groups.map(({ name, count, ages }) => {
      return { viewers: name, fps: ages.length / count / seconds, ...oldness(ages) };
    });
  } finally {
    for (const { socket } of viewers) socket.destroy();
  }
}
