/**
 * A connection to a NATS server that is kept: whenever it can't be had, or is lost, it is tried again after a pause
 * that grows, and the log says so once. What goes over it begins anew with each connection.
 */

import { readFile } from "node:fs/promises";
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";
import { Level } from "../board-table.ts";
import type { Log } from "../board.ts";
import type { NatsServer } from "./plan.ts";

/**
 * The pause before it is tried again, ms; doubled with each time, up to a connection that lasts for longer than the
 * longest one, and a little longer by chance.
 */
const PAUSE_MIN = 250;
const PAUSE_MAX = 8000;
/** How long a server may take to answer, and how often it is asked whether it is still there, ms. */
const CONNECT_PATIENCE = 5000;
const ASK_EVERY = 10_000;
/** Complaints of the server that the log is told, for a connection; each once. */
const COMPLAINTS_MAX = 8;

export class Link {
  /** The connection, while there is one. */
  connection: NatsConnection | undefined;
  readonly #server: NatsServer;
  readonly #log: Log;
  readonly #onUp: ((connection: NatsConnection) => void)[] = [];
  #pause = PAUSE_MIN;
  /** What the log was told last. */
  #told = "";
  #stopped = false;
  #waking: (() => void) | undefined;
  readonly #running: Promise<void>;

  constructor(server: NatsServer, log: Log) {
    this.#server = server;
    this.#log = log;
    this.#running = this.#run();
  }

  /** Has `begin` called with each new connection. */
  onUp(begin: (connection: NatsConnection) => void): void {
    this.#onUp.push(begin);
    if (this.connection) begin(this.connection);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waking?.();
    await this.connection?.close();
    await this.#running;
  }

  tell(level: Level, text: string): void {
    this.#log(level, `NATS server ${this.#server.address}: ${text}`);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const beganAt = performance.now();
      const reason = await this.#live().catch((error: Error) => reasonOf(error));
      if (this.connection && performance.now() - beganAt > PAUSE_MAX) this.#pause = PAUSE_MIN;
      this.connection = undefined;
      if (this.#stopped) return;
      if (reason !== this.#told) this.tell(Level.WARNING, `${reason}; it is tried again`);
      this.#told = reason;
      const pause = this.#pause * (1 + Math.random() / 4);
      this.#pause = Math.min(2 * this.#pause, PAUSE_MAX);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        this.#waking = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Connects, and resolves when the connection is gone, with why. */
  async #live(): Promise<string> {
    const connection = await connect(await this.#options());
    if (this.#stopped) {
      await connection.close();
      return "stopped";
    }
    this.connection = connection;
    this.#told = "";
    this.tell(Level.INFO, "connected");
    void this.#listen(connection);
    for (const begin of this.#onUp) begin(connection);
    const error = await connection.closed();
    return error instanceof Error ? `the connection is lost: ${error.message}` : "the connection is lost";
  }

  /** The server may tell that something is not allowed. */
  async #listen(connection: NatsConnection): Promise<void> {
    const complaints = new Set<string>();
    for await (const status of connection.status()) {
      if (status.type !== "error") continue;
      const { message } = status.error;
      if (complaints.size === COMPLAINTS_MAX || complaints.has(message)) continue;
      complaints.add(message);
      this.tell(Level.WARNING, message);
    }
  }

  async #options(): Promise<NodeConnectionOptions> {
    const { address, tls, token, user, password, credsFile, caFile } = this.#server;
    return {
      servers: address,
      name: "wasmcam",
      reconnect: false,
      timeout: CONNECT_PATIENCE,
      pingInterval: ASK_EVERY,
      ignoreClusterUpdates: true,
      ...(token !== undefined && { token }),
      ...(user !== undefined && { user, pass: password }),
      ...(credsFile !== undefined && { authenticator: credsAuthenticator(await readFile(credsFile)) }),
      ...((tls || caFile !== undefined) && { tls: tlsOptions(address, caFile) }),
    };
  }
}

/** With the host's name, which the library leaves out where it is an address: a certificate may well be for that. */
function tlsOptions(address: string, caFile: string | undefined): NodeConnectionOptions["tls"] {
  const options: NodeConnectionOptions["tls"] & { host: string } = { host: new URL(`nats://${address}`).hostname };
  if (caFile !== undefined) options.caFile = caFile;
  return options;
}

function reasonOf({ name, message }: Error): string {
  return /authorization|authentication/i.test(`${name} ${message}`)
    ? "it does not let us in: wrong token, user or credentials"
    : `no connection: ${message}`;
}
