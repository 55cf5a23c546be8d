/**
 * The board's sockets: handles, what the module may do with each, and what `events` has to tell of them. Bytes and
 * connections are the network's.
 *
 * Readiness is told once, exactly as `assembly/board.ts` promises and no more often, so that a module that works here
 * works on boards that tell more: a socket is *armed* for a Ready bit by a call that found nothing (or no more), and
 * the first time that bit comes about after that, it is told and disarmed.
 */

import { BoardTrap, Close, Fault, Ready } from "./board-table.ts";
import type { Connection, Listener, Network } from "./network.ts";

/** Which handles have something to tell, in the order in which they came to have it. */
export class Events {
  /** The Ready bits of each handle that were not told yet. */
  readonly #bits: number[] = [];
  readonly #order: number[] = [];
  readonly #onFirst: () => void;

  /** @param onFirst called when there is something to tell and there was nothing before */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  get pending(): boolean {
    return this.#order.length > 0;
  }

  add(handle: number, what: number): void {
    if (!this.#bits[handle]) this.#order.push(handle);
    this.#bits[handle] |= what;
    if (this.#order.length === 1) this.#onFirst();
  }

  /** Forgets what was to be told of a handle that is free again. */
  drop(handle: number): void {
    if (!this.#bits[handle]) return;
    this.#bits[handle] = 0;
    this.#order.splice(this.#order.indexOf(handle), 1);
  }

  /** Writes at most `words` words to `memory` from `start` on. @returns how many */
  take(memory: Buffer, start: number, words: number): number {
    const count = Math.min(words, this.#order.length);
    for (let i = 0; i < count; i++) {
      const handle = this.#order[i];
      memory.writeUInt32LE((handle << 8) | this.#bits[handle], start + 4 * i);
      this.#bits[handle] = 0;
    }
    if (count > 0) this.#order.splice(0, count);
    return count;
  }
}

const PORT_MAX = 65_535;

/** What stands behind a handle. */
type Socket = {
  /** The Ready bits that are to be told as soon as they come about. */
  armed: number;
  listener?: Listener;
  connection?: Connection;
};

export class Sockets {
  readonly #network: Network;
  readonly #events: Events;
  /** By handle; 0 is the sensor's. */
  readonly #sockets: (Socket | undefined)[] = [undefined];

  constructor(network: Network, events: Events) {
    this.#network = network;
    this.#events = events;
  }

  listen(port: number): number {
    const listener = this.#network.listen(port >>> 0);
    if (!listener) return Fault.REFUSED;
    const handle = this.#add({ armed: Ready.READABLE, listener });
    listener.onReady = (what) => this.#became(handle, what);
    return handle;
  }

  accept(handle: number): number {
    const socket = this.#socket(handle);
    if (!socket.listener) throw new BoardTrap(`socket ${handle} does not listen`);
    const connection = socket.listener.accept();
    if (!connection) {
      socket.armed |= Ready.READABLE;
      return Fault.AGAIN;
    }
    return this.#open(connection);
  }

  connect(name: string, port: number): number {
    const isPort = port >= 1 && port <= PORT_MAX;
    const connection = isPort ? this.#network.dial(name, port) : undefined;
    return connection ? this.#open(connection) : Fault.REFUSED;
  }

  peer(handle: number): Uint8Array | undefined {
    return connectionOf(this.#socket(handle), handle).peer;
  }

  receive(handle: number, memory: Buffer, start: number, end: number): number {
    const socket = this.#socket(handle);
    const connection = connectionOf(socket, handle);
    const count = connection.receive(memory, start, end);
    this.#arm(handle, socket, Ready.READABLE, count, end - start, connection);
    return count;
  }

  send(handle: number, memory: Buffer, start: number, end: number): number {
    const socket = this.#socket(handle);
    const connection = connectionOf(socket, handle);
    const count = connection.send(memory, start, end);
    this.#arm(handle, socket, Ready.WRITABLE, count, end - start, connection);
    return count;
  }

  close(handle: number, how: number): void {
    const { listener, connection } = this.#socket(handle);
    if (how !== Close.ORDERLY && how !== Close.ABORT) throw new BoardTrap(`tcpClose in an unknown way, ${how}`);
    this.#sockets[handle] = undefined;
    this.#events.drop(handle);
    listener?.close();
    connection?.close(how);
  }

  /** How many handles are in use. */
  get open(): number {
    return this.#sockets.reduce((count, socket) => count + (socket ? 1 : 0), 0);
  }

  /** Ends everything at once, for a module that is no more. */
  abortAll(): void {
    this.#sockets.forEach((socket, handle) => socket && this.close(handle, Close.ABORT));
  }

  /** @returns the lowest handle that was free */
  #add(socket: Socket): number {
    let handle = 1;
    while (this.#sockets[handle]) handle++;
    this.#sockets[handle] = socket;
    return handle;
  }

  #open(connection: Connection): number {
    const handle = this.#add({ armed: 0, connection });
    connection.onReady = (what) => this.#became(handle, what);
    return handle;
  }

  #socket(handle: number): Socket {
    const socket = this.#sockets[handle];
    if (!socket) throw new BoardTrap(`there is no socket ${handle}`);
    return socket;
  }

  /** After a call that answered `count` of `asked` bytes: what to tell from now on, or at once if it is so already. */
  #arm(handle: number, socket: Socket, what: Ready, count: number, asked: number, connection: Connection): void {
    if (count !== Fault.AGAIN && (count < 0 || count >= asked)) return;
    socket.armed |= what;
    if (what === Ready.READABLE ? connection.readable : connection.writable) this.#became(handle, what);
  }

  #became(handle: number, what: number): void {
    const socket = this.#sockets[handle];
    const told = socket ? socket.armed & what : 0;
    if (!socket || told === 0) return;
    socket.armed &= ~told;
    this.#events.add(handle, told);
  }
}

function connectionOf(socket: Socket, handle: number): Connection {
  if (!socket.connection) throw new BoardTrap(`socket ${handle} listens, it carries no bytes`);
  return socket.connection;
}
