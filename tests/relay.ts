/**
 * A relay between a browser and a camera that hands a stream's parts on one at a time, so that a test decides what the
 * browser has, and not the clock. Whatever is not a stream passes as it is. WebSockets are refused, as by a proxy that
 * knows nothing of them, unless the test says otherwise.
 */
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface Part {
  sequence: number;
  /** When it was captured, in seconds on the camera's clock. */
  time: number;
  jpeg: Buffer;
}

/** What becomes of a request for a WebSocket. */
export type Tunnel =
  /** It is answered that there is no such thing. */
  | "refused"
  /** Its bytes pass both ways; while the relay holds, none come from the camera. */
  | "passed"
  /** Nothing comes of it. */
  | "swallowed";

/** Fields that are about one connection (RFC 9110, section 7.6.1), and the length, which may change. */
const OF_CONNECTION = ["connection", "keep-alive", "transfer-encoding", "content-length"];

export class Relay {
  /** Changes what the camera says in /state. */
  editState: (state: any) => void = () => {};
  /** The camera's address, such as http://127.0.0.1:8080 */
  camera: string;
  webSockets: Tunnel = "refused";
  /** How many WebSockets were asked for, where they are not refused. */
  tunnels = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #held = false;
  /** Those that wait for a part to be handed on; it is kept back until there is one. */
  #asking: ((part: Part) => void)[] = [];
  #asked = (): void => {};

  private constructor(camera: string) {
    this.camera = camera;
    this.#server = createServer((request, response) => this.#pass(request, response));
    this.#server.on("upgrade", (request, socket) => this.#tunnel(request, socket as Socket));
  }

  static async open(camera: string): Promise<Relay> {
    const relay = new Relay(camera);
    await new Promise<void>((done) => relay.#server.listen(0, "127.0.0.1", done));
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on a part is handed on only for {@link nextPart}. */
  hold(): void {
    this.#held = true;
    for (const socket of this.#open) socket.pause();
  }

  /** Parts flow again. */
  release(): void {
    this.#held = false;
    this.#asked();
    for (const socket of this.#open) socket.resume();
  }

  /** Ends all connections. */
  breakOff(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#open) socket.destroy();
  }

  /** Hands one more part on, to the last byte of its picture and no further. */
  nextPart(): Promise<Part> {
    return new Promise((done) => {
      this.#asking.push(done);
      this.#asked();
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.breakOff();
    await closed;
  }

  #tunnel(request: IncomingMessage, browser: Socket): void {
    browser.on("error", () => browser.destroy());
    if (this.webSockets === "refused") {
      browser.end("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.tunnels++;
    if (this.webSockets === "swallowed") {
      this.#open.add(browser);
      return;
    }
    const { hostname, port } = new URL(this.camera);
    const camera = connect(Number(port), hostname);
    this.#open.add(camera);
    const { rawHeaders } = request;
    const lines = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`));
    camera.write(`GET ${request.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    camera.on("data", (bytes) => browser.write(bytes));
    if (this.#held) camera.pause();
    browser.on("data", (bytes) => camera.write(bytes));
    camera.on("error", () => camera.destroy());
    camera.on("close", () => {
      this.#open.delete(camera);
      browser.destroy();
    });
    browser.on("close", () => camera.destroy());
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { authorization } = request.headers;
    const headers = authorization === undefined ? {} : { authorization };
    const upstream = get(new URL(request.url ?? "/", this.camera), { agent: false, headers }, async (answer) => {
      try {
        await this.#answer(request, answer, response);
      } catch {
        response.destroy(); // one of the two sides is gone, so the other shall know
      }
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
  }

  async #answer(request: IncomingMessage, answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const fields = Object.entries(answer.headers).filter(([name]) => !OF_CONNECTION.includes(name));
    response.writeHead(answer.statusCode ?? 502, Object.fromEntries(fields));
    if (answer.headers["content-type"]?.startsWith("multipart/")) {
      response.flushHeaders();
      await this.#passParts(answer, response);
    } else {
      const pieces: Buffer[] = [];
      for await (const piece of answer) pieces.push(piece);
      let body = Buffer.concat(pieces);
      if (request.url === "/state") {
        const state = JSON.parse(body.toString());
        this.editState(state);
        body = Buffer.from(JSON.stringify(state));
      }
      response.write(body);
    }
    response.end();
  }

  async #passParts(stream: IncomingMessage, response: ServerResponse): Promise<void> {
    let bytes = Buffer.alloc(0);
    for await (const piece of stream) {
      bytes = Buffer.concat([bytes, piece]);
      for (;;) {
        const headEnd = bytes.indexOf("\r\n\r\n") + 4;
        if (headEnd < 4) break;
        const head = bytes.toString("latin1", 0, headEnd);
        const field = (name: string): number => Number(new RegExp(`^${name}: (\\S+)`, "im").exec(head)?.[1]);
        const partEnd = headEnd + field("Content-Length");
        if (bytes.length < partEnd) break;
        while (this.#held && this.#asking.length === 0) {
          await new Promise<void>((done) => (this.#asked = done));
          if (response.destroyed) return;
        }
        response.write(bytes.subarray(0, partEnd));
        const jpeg = bytes.subarray(headEnd, partEnd);
        this.#asking.shift()?.({ sequence: field("X-Sequence"), time: field("X-Timestamp"), jpeg });
        bytes = bytes.subarray(partEnd);
      }
    }
  }
}
