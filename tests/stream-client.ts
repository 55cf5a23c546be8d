/** A program that watches a camera's stream, or to which a camera pushes its own, for tests over real sockets. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Part, ResponseReader } from "../host/simulated/http.ts";

/** How long (ms) anything may take that is waited for: far longer than it does. */
const PATIENCE = 60_000;

export class StreamClient {
  readonly parts: Part[] = [];
  readonly reader = new ResponseReader();
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    this.reader.onPart = (part) => this.parts.push(part);
    this.reader.expect("GET");
    socket.on("error", () => {}); // that it is gone is all there is to know
    socket.on("data", (data: Buffer) => this.reader.push(data, performance.now() * 1000));
  }

  /** Waits until so many frames have come. */
  async frames(count: number): Promise<Part[]> {
    const signal = AbortSignal.timeout(PATIENCE);
    while (this.parts.length < count) await once(this.socket, "data", { signal });
    return this.parts.slice(0, count);
  }
}

/** Watches a camera's stream. */
export function watch(port: number, fields = ""): StreamClient {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(`GET /stream.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n`);
  return new StreamClient(socket);
}

/** A port to which cameras push; resolves with each that connects. */
export async function pushPort(): Promise<{ port: number; next: () => Promise<StreamClient>; stop: () => void }> {
  const server = createServer();
  const waiting: StreamClient[] = [];
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    const client = new StreamClient(socket);
    // What is pushed is the body of an answer, without its head.
    const head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
    client.reader.push(Buffer.from(head), 0);
    waiting.push(client);
    server.emit("client");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async next() {
      const signal = AbortSignal.timeout(PATIENCE);
      while (waiting.length === 0) await once(server, "client", { signal });
      return waiting.shift()!;
    },
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
