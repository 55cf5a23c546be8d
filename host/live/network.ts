/**
 * The live network: TCP through `node:net`. Connections arrive at servers that were bound before the module ran; when
 * the module listens on their port they are its own, and while it does not (it is being restarted) they are reset, as a
 * board without a listener would. Names of hosts that the module connects to are the system's to look up.
 */

import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { ByteQueue } from "../byte-queue.ts";
import { Close, DRAIN_DEADLINE, Fault, Ready } from "../board-table.ts";
import { addressBytes, type Connection, type Listener, type Network } from "../network.ts";
import { reset } from "../reset.ts";
import { prepareBound } from "./unsent.ts";

/** Connections that wait for the module to accept them, at most; more are reset. */
const BACKLOG_MAX = 511;
/** Bytes that are received ahead of the module before the peer is slowed down. */
const RECEIVE_AHEAD = 16 * 1024;
/** Bytes that are handed to the kernel at once, and so the most that ever waits in this process for a slow peer. */
const SEND_BYTES = 64 * 1024;

export class LiveNetwork implements Network {
  /** By the camera's port for which they stand. */
  readonly #servers = new Map<number, Server>();
  readonly #listeners = new Map<number, LiveListener>();
  /** Every socket there is, also those that the module has closed and that still drain. */
  readonly #sockets = new Set<Socket>();

  /** @param port the camera's port for which `server` stands */
  constructor(server: Server, port: number) {
    this.add(server, port);
  }

  /** One more server, before the module listens. */
  add(server: Server, port: number): void {
    this.#servers.set(port, server);
    server.on("connection", (socket) => this.#arrive(socket, port));
  }

  listen(port: number): Listener | undefined {
    if (!this.#servers.has(port) || this.#listeners.has(port)) return undefined;
    const listener = new LiveListener(() => this.#listeners.delete(port));
    this.#listeners.set(port, listener);
    return listener;
  }

  dial(name: string, port: number): Connection {
    const socket = connect({ host: name, port, allowHalfOpen: true, noDelay: true });
    this.#hold(socket);
    return new LiveConnection(socket);
  }

  /** Stops for good: no more connections, and those that are there end at once. */
  async close(): Promise<void> {
    const closed = [...this.#servers.values()].map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#sockets) reset(socket);
    await Promise.all(closed);
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #arrive(socket: Socket, port: number): void {
    this.#hold(socket);
    const listener = this.#listeners.get(port);
    if (listener && listener.waiting < BACKLOG_MAX) {
      listener.arrive(new LiveConnection(socket));
    } else {
      socket.on("error", () => {}); // that it is gone is all there is to know
      reset(socket);
    }
  }
}

/** Binds a port. @throws what `node:net` throws, such as EADDRINUSE */
export async function openServer(host: string, port: number): Promise<Server> {
  const boundUnsent = await prepareBound();
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: BACKLOG_MAX }, () => {
      server.off("error", reject);
      boundUnsent(server);
      resolve();
    });
  });
  return server;
}

class LiveListener implements Listener {
  onReady: (what: Ready.READABLE) => void = () => {};
  readonly #connections: LiveConnection[] = [];
  readonly #onClose: () => void;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  get waiting(): number {
    return this.#connections.length;
  }

  arrive(connection: LiveConnection): void {
    this.#connections.push(connection);
    this.onReady(Ready.READABLE);
  }

  accept(): Connection | undefined {
    const connection = this.#connections.shift();
    connection?.begin();
    return connection;
  }

  close(): void {
    this.#onClose();
    for (const connection of this.#connections) connection.close(Close.ABORT);
  }
}

/** How far the peer's side of a connection is. */
enum Peer {
  /** It may send. */
  OPEN,
  /** It will send nothing more; what it sent may still lie here. */
  ENDED,
  /** The connection is gone. */
  GONE,
}

class LiveConnection implements Connection {
  onReady: (what: number) => void = () => {};
  peer: Uint8Array | undefined;
  readonly #socket: Socket;
  readonly #received = new ByteQueue();
  #peer = Peer.OPEN;
  /** What is told of it when it is gone. */
  #fault = Fault.CLOSED;
  /** Whether the module has closed it: what still arrives is thrown away. */
  #closed = false;
  /** What the kernel did not take yet lies here; reused as soon as it has. */
  #sending: Buffer | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#learnPeer();
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      // "close" follows. Of a name that nobody knows the system says these (getaddrinfo).
      if (code === "ENOTFOUND" || code?.startsWith("EAI_")) this.#fault = Fault.MISSING;
    });
    socket.once("connect", () => {
      this.#learnPeer();
      void prepareBound().then((bound) => bound(socket));
      this.begin();
      this.onReady(Ready.WRITABLE);
    });
    socket.on("close", () => {
      this.#peer = Peer.GONE;
      this.onReady(Ready.READABLE | Ready.WRITABLE);
    });
    socket.on("end", () => {
      if (this.#peer === Peer.OPEN) this.#peer = Peer.ENDED;
      this.onReady(Ready.READABLE);
    });
    socket.on("data", (chunk: Buffer) => {
      if (this.#closed) return;
      this.#received.push(chunk);
      if (this.#received.length >= RECEIVE_AHEAD) socket.pause();
      this.onReady(Ready.READABLE);
    });
    socket.pause();
  }

  /** The module has accepted it. */
  begin(): void {
    this.#socket.resume();
  }

  get readable(): boolean {
    return this.#received.length > 0 || this.#peer !== Peer.OPEN;
  }

  get writable(): boolean {
    return this.#socket.destroyed || (!this.#socket.connecting && this.#socket.writableLength === 0);
  }

  receive(memory: Buffer, start: number, end: number): number {
    if (this.#socket.destroyed) return this.#fault;
    if (this.#received.length === 0) return this.#peer === Peer.OPEN ? Fault.AGAIN : Fault.END;
    const count = this.#received.take(memory, start, end);
    if (this.#socket.isPaused() && this.#received.length < RECEIVE_AHEAD) this.#socket.resume();
    return count;
  }

  /** Takes only while the kernel has taken everything before: a slow peer gets no past from here. */
  send(memory: Buffer, start: number, end: number): number {
    const socket = this.#socket;
    if (socket.destroyed) return this.#fault;
    if (socket.connecting) return Fault.AGAIN;
    let at = start;
    while (at < end && socket.writableLength === 0 && !socket.destroyed) {
      const sending = (this.#sending ??= Buffer.allocUnsafeSlow(SEND_BYTES));
      const count = memory.copy(sending, 0, at, Math.min(end, at + SEND_BYTES));
      socket.write(count === SEND_BYTES ? sending : sending.subarray(0, count), this.#onWritten);
      at += count;
    }
    return at > start ? at - start : Fault.AGAIN;
  }

  close(how: Close): void {
    const socket = this.#socket;
    this.#closed = true;
    this.onReady = () => {};
    this.#received.clear();
    if (how === Close.ABORT || socket.connecting) {
      reset(socket);
      return;
    }
    socket.end();
    socket.resume(); // what still arrives is read and thrown away: left unread, it would make the end a reset
    const deadline = setTimeout(() => reset(socket), DRAIN_DEADLINE / 1000);
    socket.once("close", () => clearTimeout(deadline));
  }

  #learnPeer(): void {
    const { remoteAddress } = this.#socket;
    this.peer = remoteAddress === undefined ? undefined : addressBytes(remoteAddress);
  }

  readonly #onWritten = (): void => {
    if (this.#socket.writableLength === 0) this.onReady(Ready.WRITABLE);
  };
}
