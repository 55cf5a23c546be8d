/**
 * The emulated board's cable: a TCP port of this computer whose connections end at the board.
 *
 * QEMU's own forwarding accepts one connection at a time (its backlog is 1), so that six at once, as a browser opens
 * them, stall for a second and more. The cable accepts them all and dials the board one after another. It belongs to
 * the emulated board as a cable and a switch belong to a real one; what runs over it is none of its business.
 *
 * It holds no more than a chunk of each connection, and has the kernel hold little: a viewer that reads slowly shall
 * see the newest frames, not those that lay in a cable.
 */

import { createServer, type Server, type Socket } from "node:net";
import { prepareBound } from "../live/unsent.ts";
import { reset } from "../reset.ts";
import { shallowSockets, type SocketMaker } from "./shallow-socket.ts";

const HOST = "127.0.0.1";
/** Between two connections to the board: QEMU has then taken the first. */
const DIAL_INTERVAL_MS = 20;
/** Connections that the operating system keeps until we accept them. */
const BACKLOG = 256;
/** Bytes read from the board at once. Nothing more is read before the viewer's side has taken them. */
const CHUNK_BYTES = 16 * 1024;

export class Cable {
  readonly #server: Server;
  readonly #boardPort: number;
  readonly #makeSocket: SocketMaker;
  /** Both ends of every connection. */
  readonly #sockets = new Set<Socket>();
  /** When the last dialling is over. */
  #dialled: Promise<void> = Promise.resolve();

  private constructor(boardPort: number, makeSocket: SocketMaker) {
    this.#boardPort = boardPort;
    this.#makeSocket = makeSocket;
    // The viewer may end its half first, and either side may be slow: neither is read before the other end stands.
    this.#server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      highWaterMark: CHUNK_BYTES,
    });
    this.#server.on("connection", (viewer) => this.#accept(viewer));
  }

  /** Listens on `port`, 0 for any that is free. Rejects where that is in use. */
  static async listen(port: number, boardPort: number): Promise<Cable> {
    const [makeSocket, bound] = await Promise.all([shallowSockets(), prepareBound()]);
    const cable = new Cable(boardPort, makeSocket);
    await new Promise<void>((resolve, reject) => {
      cable.#server.once("error", reject);
      cable.#server.listen({ port, host: HOST, backlog: BACKLOG }, () => {
        bound(cable.#server);
        resolve();
      });
    });
    return cable;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== "object" || !address) throw new Error("the cable was pulled");
    return address.port;
  }

  /** Pulls the cable: every connection is gone. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(viewer: Socket): void {
    this.#hold(viewer);
    this.#dialled = this.#dialled.then(() => {
      if (viewer.destroyed) return;
      this.#dial(viewer);
      return new Promise((resolve) => setTimeout(resolve, DIAL_INTERVAL_MS));
    });
  }

  #dial(viewer: Socket): void {
    const board = this.#makeSocket({
      allowHalfOpen: true,
      onread: {
        buffer: Buffer.alloc(CHUNK_BYTES),
        callback: (length, buffer) => {
          // The buffer is read into again once we answer.
          return viewer.write(Buffer.from(buffer.subarray(0, length)));
        },
      },
    });
    this.#hold(board);
    board.connect({ port: this.#boardPort, host: HOST, noDelay: true });
    viewer.on("drain", () => board.resume());
    board.on("end", () => viewer.end());
    viewer.pipe(board);
    viewer.resume();
    join(viewer, board);
    join(board, viewer);
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {}); // "close" follows, and says so
  }
}

/** Where `one` is cut off, so is `other`. */
function join(one: Socket, other: Socket): void {
  one.on("close", (hadError) => {
    if (hadError) reset(other);
    else if (!other.writableEnded) other.end();
  });
}
