/**
 * Viewers for benchmarks: each watches the stream over its own connection and counts whole parts. They know nothing of
 * what they watch but the multipart form, and read as fast as they can.
 */

import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const HEAD_END = Buffer.from("\r\n\r\n");
const LENGTH = /content-length: (\d+)/i;

class Viewer {
  /** Whole parts that came. */
  frames = 0;
  bytes = 0;
  readonly socket: Socket;
  /** Bytes that came and are not dealt with: at most a head. */
  #pending = Buffer.alloc(0);
  /** Bytes of the part that are still to come. */
  #missing = 0;
  #isInStream = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk) => this.#read(chunk));
    this.socket.on("error", () => {}); // a viewer that is gone counts no more frames, which the table shows
    this.socket.write("GET /stream.jpg HTTP/1.1\r\nHost: camera\r\n\r\n");
  }

  #read(chunk: Buffer): void {
    this.bytes += chunk.length;
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, rest.length);
        rest = rest.subarray(taken);
        this.#missing -= taken;
        if (this.#missing === 0) this.frames++;
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
  for (let i = 0; i < count; i++) viewers.push(new Viewer(port));
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
