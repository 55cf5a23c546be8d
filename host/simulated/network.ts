/**
 * The simulated network: TCP in memory and virtual time, between the module and clients that a test drives. What a
 * connection does on its way is `link.ts`'s; how a client reads is `client.ts`'s.
 */

import { Close, DRAIN_DEADLINE, Fault, Ready } from "../board-table.ts";
import { addressBytes, type Connection, type Listener, type Network } from "../network.ts";
import { Client } from "./client.ts";
import { CALM, type Conditions, Link } from "./link.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** Connections that wait to be accepted, at most; more are refused. */
const BACKLOG_MAX = 16;
/** Bytes of a socket's buffers: as small on the camera's side as on a small board. */
const CAMERA_SEND_BYTES = 16 * 1024;
const CAMERA_RECEIVE_BYTES = 2 * 1024;
const CLIENT_RECEIVE_BYTES = 64 * 1024;
const CLIENT_SEND_BYTES = Infinity;

/** Tells a listener what the module does with its connections; for transcripts. */
export type Witness = (what: string, bytes?: Uint8Array) => void;

/** Stands at the camera's end of one connection and sees what the module does with it, at the moment that it does. */
export interface Observer {
  /** The module has taken the connection; or one that it has begun itself stands. */
  accepted(): void;
  received(bytes: Uint8Array): void;
  sent(bytes: Uint8Array): void;
  /** There is room again after there was none, or less than was asked for. */
  room(): void;
  /** @param peer whether the peer was known to be gone, or to say no more */
  closed(how: Close, peer: { isGone: boolean; hasEnded: boolean }): void;
}

/** What is particular about one connection. */
export type ConnectOptions = {
  /** Chance of its own, so that what becomes of it does not depend on what else there is. */
  random?: Random;
  observer?: Observer;
  /** Bytes of the buffers on its way to the client: the camera's and the client's. */
  sendBytes?: number;
  receiveBytes?: number;
};

/**
 * Is given each connection of the camera's to a host of the simulated world, at that host's end; and who observes it at
 * the camera's.
 */
export type Serve = (peer: Client, observer?: Observer) => void;

/** How hosts behave to which the camera connects. */
export type Outside = {
  conditions: Conditions;
  /** The share of attempts that are refused, or that nothing answers, whoever serves there. */
  refused: number;
  unanswered: number;
};

/** What is particular about one connection that the camera begins. */
export type DialOptions = Omit<ConnectOptions, "sendBytes"> &
  Partial<Outside> & {
    /** Whether nobody knows the name, whoever serves there. */
    isMissing?: boolean;
  };

export class SimulatedNetwork implements Network {
  /** How those are to which the camera connects from now on. */
  outside: Outside = { conditions: CALM, refused: 0, unanswered: 0 };
  /** Asked each time that the camera begins to connect; undefined: the board has no socket left. */
  onDial: (name: string, port: number) => DialOptions | undefined = () => ({});
  /** Who serves, by the host's name and port; a host may be there without anybody who does. */
  readonly #hosts = new Map<string, Map<number, Serve>>();
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #witness: Witness;
  readonly #listeners = new Map<number, SimulatedListener>();
  #connections = 0;

  constructor(timeline: Timeline, random: Random, witness: Witness) {
    this.#timeline = timeline;
    this.#random = random;
    this.#witness = witness;
  }

  listen(port: number): Listener | undefined {
    if (this.#listeners.has(port)) return undefined;
    const listener = new SimulatedListener(() => this.#listeners.delete(port));
    this.#listeners.set(port, listener);
    return listener;
  }

  /** Has a host be there by this name, and serve on a port. @returns what ends that; the host stays */
  serve(name: string, port: number, serve: Serve): () => void {
    const ports = this.#hosts.get(name) ?? new Map<number, Serve>();
    this.#hosts.set(name, ports.set(port, serve));
    return () => ports.delete(port);
  }

  /** The camera begins to connect. */
  dial(name: string, port: number): Connection | undefined {
    const options = this.onDial(name, port);
    if (!options) return undefined;
    const timeline = this.#timeline;
    const { random = this.#random, receiveBytes = CLIENT_RECEIVE_BYTES, observer } = options;
    const { conditions, refused, unanswered } = { ...this.outside, ...options };
    const toCamera = new Link(timeline, random, conditions, CLIENT_SEND_BYTES, CAMERA_RECEIVE_BYTES);
    const toPeer = new Link(timeline, random, conditions, CAMERA_SEND_BYTES, receiveBytes);
    const title = `connection ${++this.#connections}`;
    const witness: Witness = (what, bytes) => this.#witness(`${title} ${what}`, bytes);
    witness(`to ${name}:${port}`);
    const connection = new SimulatedConnection(timeline, toCamera, toPeer, undefined, witness, observer);
    connection.isConnecting = true;
    timeline.after(toPeer.delay(), () => {
      const host = options.isMissing ? undefined : this.#hosts.get(name);
      if (!host) return connection.failed(Fault.MISSING);
      if (random.chance(unanswered)) return; // the camera gives up when it has waited enough
      const serve = random.chance(refused) ? undefined : host.get(port);
      timeline.after(toCamera.delay(), () => {
        if (connection.isClosed) return;
        if (!serve) return connection.failed(Fault.CLOSED);
        const peer = new Client(timeline, toCamera, toPeer, {
          reset: () => timeline.after(toCamera.delay(), () => connection.peerGone()),
        });
        connection.onPeerReset = () => timeline.after(toPeer.delay(), () => peer.peerGone());
        toCamera.onReset = toPeer.onReset = () => {
          connection.peerGone();
          peer.peerGone();
        };
        peer.established();
        toPeer.open();
        toCamera.open();
        connection.established();
        serve(peer, observer);
      });
    });
    return connection;
  }

  /** A client that begins to connect to the camera's `port`, from the IP address `from`. */
  connect(port: number, conditions: Conditions, from: string, options: ConnectOptions = {}): Client {
    const timeline = this.#timeline;
    const { random = this.#random, sendBytes = CAMERA_SEND_BYTES, receiveBytes = CLIENT_RECEIVE_BYTES } = options;
    const toCamera = new Link(timeline, random, conditions, CLIENT_SEND_BYTES, CAMERA_RECEIVE_BYTES);
    const toClient = new Link(timeline, random, conditions, sendBytes, receiveBytes);
    const name = `connection ${++this.#connections}`;
    const witness: Witness = (what, bytes) => this.#witness(`${name} ${what}`, bytes);
    const peer = addressBytes(from);
    const connection = new SimulatedConnection(timeline, toCamera, toClient, peer, witness, options.observer);
    const client = new Client(timeline, toCamera, toClient, {
      reset: () => timeline.after(toCamera.delay(), () => connection.peerGone()),
    });
    connection.onPeerReset = () => timeline.after(toClient.delay(), () => client.peerGone());
    toCamera.onReset = toClient.onReset = () => {
      connection.peerGone();
      client.peerGone();
    };
    timeline.after(toCamera.delay(), () => {
      const listener = this.#listeners.get(port);
      const isTaken = listener !== undefined && listener.waiting < BACKLOG_MAX;
      if (isTaken) {
        toClient.open();
        listener.arrive(connection);
      }
      timeline.after(toClient.delay(), () => {
        if (!isTaken) client.refused();
        else if (client.established()) toCamera.open();
        else timeline.after(toCamera.delay(), () => connection.peerGone()); // nobody waits for it any more
      });
    });
    return client;
  }
}

class SimulatedListener implements Listener {
  onReady: (what: Ready.READABLE) => void = () => {};
  readonly #connections: SimulatedConnection[] = [];
  readonly #onClose: () => void;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  get waiting(): number {
    return this.#connections.length;
  }

  arrive(connection: SimulatedConnection): void {
    this.#connections.push(connection);
    this.onReady(Ready.READABLE);
  }

  accept(): Connection | undefined {
    const connection = this.#connections.shift();
    connection?.observer?.accepted();
    return connection;
  }

  close(): void {
    this.#onClose();
    for (const connection of this.#connections) connection.close(Close.ABORT);
  }
}

/** The camera's end of a connection. */
class SimulatedConnection implements Connection {
  onReady: (what: number) => void = () => {};
  onPeerReset: () => void = () => {};
  readonly peer: Uint8Array | undefined;
  readonly #timeline: Timeline;
  readonly #in: Link;
  readonly #out: Link;
  readonly #witness: Witness;
  readonly observer: Observer | undefined;
  /** The camera has begun it, and it does not stand yet. */
  isConnecting = false;
  /** What is told of it when it is gone. */
  #fault = Fault.CLOSED;
  #isGone = false;
  isClosed = false;

  constructor(
    timeline: Timeline,
    incoming: Link,
    outgoing: Link,
    peer: Uint8Array | undefined,
    witness: Witness,
    observer?: Observer,
  ) {
    this.#timeline = timeline;
    this.peer = peer;
    this.observer = observer;
    this.#in = incoming;
    this.#out = outgoing;
    this.#witness = witness;
    incoming.onArrival = () => {
      if (this.isClosed) this.#discard();
      else this.onReady(Ready.READABLE);
    };
    outgoing.onRoom = () => {
      observer?.room();
      this.onReady(Ready.WRITABLE);
    };
  }

  get readable(): boolean {
    return this.#isGone || this.#in.available > 0 || this.#in.ended;
  }

  get writable(): boolean {
    return this.#isGone || (!this.isConnecting && this.#out.room > 0);
  }

  receive(memory: Buffer, start: number, end: number): number {
    if (this.#isGone) return this.#fault;
    if (this.isConnecting) return Fault.AGAIN;
    const count = this.#in.read(memory, start, end);
    if (count === 0) return this.#in.ended ? Fault.END : Fault.AGAIN;
    const bytes = memory.subarray(start, start + count);
    this.#witness("received", bytes);
    this.observer?.received(bytes);
    return count;
  }

  send(memory: Buffer, start: number, end: number): number {
    if (this.#isGone) return this.#fault;
    if (this.isConnecting) return Fault.AGAIN;
    const count = this.#out.write(memory.subarray(start, end));
    if (count === 0) return Fault.AGAIN;
    const bytes = memory.subarray(start, start + count);
    this.#witness("sent", bytes);
    this.observer?.sent(bytes);
    return count;
  }

  close(how: Close): void {
    this.isClosed = true;
    this.onReady = () => {};
    this.#witness(how === Close.ORDERLY ? "closed" : "aborted");
    this.observer?.closed(how, { isGone: this.#isGone, hasEnded: this.#in.ended });
    if (how === Close.ABORT || this.isConnecting) {
      this.#reset();
      return;
    }
    this.#out.finish();
    this.#discard();
    this.#timeline.after(DRAIN_DEADLINE, () => {
      if (!this.#out.ended) this.#reset();
    });
  }

  /** The connection that the camera has begun stands. */
  established(): void {
    this.isConnecting = false;
    this.#witness("stands");
    this.observer?.accepted();
    this.onReady(Ready.WRITABLE);
  }

  /** It will never stand. */
  failed(fault: Fault): void {
    this.#fault = fault;
    this.peerGone();
  }

  /** The peer has reset the connection, or the network has. */
  peerGone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#in.cut();
    this.#out.cut();
    this.onReady(Ready.READABLE | Ready.WRITABLE);
  }

  #reset(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#in.cut();
    this.#out.cut();
    this.onPeerReset();
  }

  /** Throws away what still arrives. */
  #discard(): void {
    const waste = new Uint8Array(this.#in.available);
    this.#in.read(waste, 0, waste.length);
  }
}
