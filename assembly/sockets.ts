/**
 * Sockets as tasks see them, and the taking of the board's events: one call a step wakes every task whose socket, or
 * whose sensor, became ready.
 *
 * The board tells readiness once. A socket remembers it until a call answers that there is no more, so that a task may
 * leave bytes lying (and so slow its peer down) and still find them later.
 */

import {
  Close,
  Fault,
  Ready,
  SENSOR_HANDLE,
  events,
  tcpAccept,
  tcpClose,
  tcpConnect,
  tcpListen,
  tcpPeer,
  tcpReceive,
  tcpSend,
} from "./board";
import { HANDLES_MAX } from "./limits";
import { Task } from "./scheduler";

export class Socket {
  /** Whether receiving (or accepting) is worth trying. */
  readable: bool = true;
  /** Whether sending is worth trying. */
  writable: bool = true;

  constructor(
    /** Who is woken. */
    readonly owner: Task,
  ) {}

  /** The board's handle; 0 while closed. */
  handle: i32 = 0;

  get isOpen(): bool {
    return this.handle != 0;
  }

  /** Begins to stand for the board's socket `handle`. */
  open(handle: i32): void {
    assert(!this.isOpen, "the socket is open already");
    assert(handle > 0 && handle <= HANDLES_MAX, "the board gave a handle out of range");
    this.handle = handle;
    this.readable = true;
    this.writable = true;
    byHandle[handle] = this;
  }

  /** Listens on `port`. @returns 0 or REFUSED */
  listen(port: u32): i32 {
    const handle = tcpListen(port);
    if (handle < 0) return handle;
    this.open(handle);
    return 0;
  }

  /** As {@link tcpConnect}. @returns 0 or REFUSED */
  connect(name: usize, nameLength: u32, port: u32): i32 {
    const handle = tcpConnect(name, nameLength, port);
    if (handle < 0) return handle;
    this.open(handle);
    return 0;
  }

  /** Of a listener: the board's handle of a new connection, or AGAIN. */
  accept(): i32 {
    const handle = tcpAccept(this.handle);
    if (handle < 0) this.readable = false;
    return handle;
  }

  /** As {@link tcpPeer}. */
  peer(address: usize, length: u32): i32 {
    return tcpPeer(this.handle, address, length);
  }

  /** As {@link tcpReceive}. */
  receive(address: usize, length: u32): i32 {
    const result = tcpReceive(this.handle, address, length);
    // An end stays to be found: it is not told again.
    if (result == Fault.AGAIN || (result > 0 && <u32>result < length)) this.readable = false;
    return result;
  }

  /** As {@link tcpSend}. */
  send(address: usize, length: u32): i32 {
    const result = tcpSend(this.handle, address, length);
    if (result == Fault.AGAIN || (result > 0 && <u32>result < length)) this.writable = false;
    return result;
  }

  close(how: Close): void {
    byHandle[this.handle] = null;
    tcpClose(this.handle, how);
    this.handle = 0;
  }
}

/** Who is woken when the sensor has something. */
let sensorTask: Task | null = null;

export function watchSensor(task: Task): void {
  sensorTask = task;
}

const byHandle: StaticArray<Socket | null> = new StaticArray<Socket | null>(HANDLES_MAX + 1);
const WORDS_BYTES: u32 = 4 * u32(HANDLES_MAX + 1);
const words = memory.data(<i32>WORDS_BYTES, 4);

/** Takes what the board has to tell and wakes whom it concerns. */
export function takeEvents(): void {
  const count = events(words, WORDS_BYTES);
  for (let i = 0; i < count; i++) {
    const word = load<u32>(words + (<usize>i << 2));
    const handle = <i32>(word >> 8);
    if (handle == SENSOR_HANDLE) {
      const task = sensorTask;
      if (task) task.wake();
      continue;
    }
    const socket = handle <= HANDLES_MAX ? byHandle[handle] : null;
    if (!socket) continue; // closed by us in the meantime
    if (word & Ready.READABLE) socket.readable = true;
    if (word & Ready.WRITABLE) socket.writable = true;
    socket.owner.wake();
  }
}
