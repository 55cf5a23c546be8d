/**
 * A client of the simulated network, driven by a test: it connects, sends, and reads as fast or as slowly as it is
 * told. What it reads goes to `onBytes`.
 */

import type { Link } from "./link.ts";
import { MILLISECOND, type Timeline } from "./timeline.ts";

/** How a client stands with its connection. */
export enum ClientState {
  /** It waits for the camera to answer. */
  CONNECTING,
  OPEN,
  /** Nobody listens, or too many wait. */
  REFUSED,
  /** The camera has said all, and the client has read it. */
  ENDED,
  /** The connection was reset, by either side or by the network. */
  RESET,
  /** It has closed its end. */
  LEFT,
}

/** How often a client that reads slowly reads. */
const READ_EVERY = 10 * MILLISECOND;

export class Client {
  state = ClientState.CONNECTING;
  /** Bytes that were read, in all. */
  received = 0;
  /** When the first byte was read, or the connection came to its end; µs. */
  firstByteAt: number | undefined;
  endedAt: number | undefined;
  /** Takes what was read. */
  onBytes: (bytes: Uint8Array, time: number) => void = () => {};
  /** There will be no more: the camera has said all, or the connection is gone. */
  onEnd: () => void = () => {};
  readonly #timeline: Timeline;
  readonly #out: Link;
  readonly #in: Link;
  readonly #peer: { reset: () => void };
  /** Bytes a second that it reads; 0: it has stalled. */
  #rate = Infinity;
  #readPlanned = false;

  /** @param peer what the other side learns of at once */
  constructor(timeline: Timeline, outgoing: Link, incoming: Link, peer: { reset: () => void }) {
    this.#timeline = timeline;
    this.#out = outgoing;
    this.#in = incoming;
    this.#peer = peer;
    incoming.onArrival = () => this.#read();
  }

  /** Sends text, or bytes; before the connection stands they wait. */
  send(data: string | Uint8Array): this {
    this.#out.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
    return this;
  }

  /** Says that it will send nothing more; it still reads. */
  end(): this {
    this.#out.finish();
    return this;
  }

  /** Resets the connection. */
  reset(): this {
    if (this.isOver) return this;
    this.#peer.reset();
    this.#over(ClientState.RESET);
    return this;
  }

  /**
   * Leaves as a program does that closes its socket: an end to the camera, a reset if something is unread or as soon as
   * something still arrives.
   */
  close(): this {
    if (this.isOver) return this;
    if (this.#in.available > 0) return this.reset();
    this.#out.finish();
    this.#over(ClientState.LEFT);
    this.#in.onArrival = () => {
      if (this.#in.available > 0) this.#peer.reset();
    };
    return this;
  }

  /** Reads so many bytes a second from now on: 0 stalls, Infinity takes all at once. */
  readAt(bytesPerSecond: number): this {
    this.#rate = bytesPerSecond;
    this.#read();
    return this;
  }

  get isOver(): boolean {
    return this.state !== ClientState.CONNECTING && this.state !== ClientState.OPEN;
  }

  /** Whether the camera could send to it: whether there is room in the buffers on the way. */
  get hasRoom(): boolean {
    return this.#in.room > 0;
  }

  /** Of the network: the connection stands. @returns whether the client still wants it */
  established(): boolean {
    if (this.isOver) return false;
    this.state = ClientState.OPEN;
    return true;
  }

  /** Of the network: nobody listens. */
  refused(): void {
    if (!this.isOver) this.#over(ClientState.REFUSED);
  }

  /** Of the network: the camera's end is gone. */
  peerGone(): void {
    if (!this.isOver) this.#over(ClientState.RESET);
  }

  #over(state: ClientState): void {
    this.state = state;
    this.endedAt = this.#timeline.now;
    this.onEnd();
  }

  #read(): void {
    if (this.isOver || this.#rate === 0 || this.#readPlanned) return;
    if (this.#rate === Infinity) {
      this.#take(this.#in.available);
      return;
    }
    this.#readPlanned = true;
    this.#timeline.after(READ_EVERY, () => {
      this.#readPlanned = false;
      if (this.#rate === Infinity) return this.#read();
      this.#take(Math.ceil((this.#rate * READ_EVERY) / 1e6));
      if (this.#in.available > 0) this.#read();
    });
  }

  #take(most: number): void {
    if (this.isOver) return;
    const count = Math.min(most, this.#in.available);
    if (count > 0) {
      const bytes = new Uint8Array(count);
      this.#in.read(bytes, 0, count);
      this.received += count;
      this.firstByteAt ??= this.#timeline.now;
      this.onBytes(bytes, this.#timeline.now);
    }
    if (this.#in.ended && this.#in.available === 0) this.#over(ClientState.ENDED);
  }
}
