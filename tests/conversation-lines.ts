/** The two kinds of connection that conversations are held over: real TCP, and the simulated world's network. */

import { connect } from "node:net";
import { once } from "node:events";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { ClientState } from "../host/simulated/client.ts";
import { SECOND } from "../host/simulated/timeline.ts";
import type { SimulatedWorld } from "../host/simulated/world.ts";
import type { Line } from "./conversation.ts";

/** Ample, on a machine that does much else. */
const PATIENCE_MS = 20_000;

/** A connection to a camera on this machine. */
export async function tcpLine(port: number): Promise<Line> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  let closed = false;
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("end", () => (closed = true));
  socket.on("close", () => (closed = true));
  socket.on("error", () => (closed = true));
  await once(socket, "connect");
  return {
    async send(piece) {
      socket.write(piece);
      await turn();
    },
    async until(isDone, what) {
      const deadline = performance.now() + PATIENCE_MS;
      while (!isDone()) {
        if (performance.now() > deadline) throw new Error(`${what} did not come within ${PATIENCE_MS} ms`);
        await sleep(2);
      }
    },
    received() {
      if (chunks.length) bytes = Buffer.concat([bytes, ...chunks.splice(0)]);
      return bytes;
    },
    isClosed: () => closed,
    drop: () => void socket.destroy(),
  };
}

/** A connection in a simulated world. */
export function simulatedLine(world: SimulatedWorld): Line {
  const client = world.connect();
  let bytes = Buffer.alloc(0);
  client.onBytes = (chunk) => (bytes = Buffer.concat([bytes, chunk]));
  return {
    send: async (piece) => void client.send(piece),
    until: async (isDone, what) => world.runUntil(isDone, 20 * SECOND, what),
    received: () => bytes,
    isClosed: () => client.state === ClientState.ENDED || client.state === ClientState.RESET,
    drop: () => void client.reset(),
  };
}
