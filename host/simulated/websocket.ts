/**
 * A strict WebSocket client of the camera's `/ws` (RFC 6455), over whatever carries its bytes: asks for the WebSocket,
 * takes frames as messages, acknowledges each, answers pings. Anything that is not as it should be is kept as the
 * problem, and ends the reading.
 */

import { createHash } from "node:crypto";
import type { Part } from "./http.ts";

export enum Opcode {
  CONTINUATION = 0,
  TEXT = 1,
  BINARY = 2,
  CLOSE = 8,
  PING = 9,
  PONG = 10,
}

/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const HEAD_END = "\r\n\r\n";
const MESSAGE_HEAD =
  /^Content-Type: image\/jpeg\r\nContent-Length: (\d+)\r\nX-Timestamp: (\d+)\.(\d{6})\r\nX-Sequence: (\d+)(\r\n|$)/;
/** A client that is not asked for chance has a key and masks of its own. */
const KEY = Buffer.from("a camera's guest").toString("base64");
const MASK = [0x12, 0xd9, 0x00, 0x7e];

/** What a key is answered with. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(key + GUID).digest("base64");
}

/** The request that asks for a WebSocket. */
export function openingRequest(fields: Record<string, string> = {}, path = "/ws"): string {
  const all = {
    Host: "camera",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A frame as a client sends it: masked, and by itself a whole message. */
export function clientFrame(opcode: Opcode, payload: string | Uint8Array = "", isLast = true): Buffer {
  const bytes = Buffer.from(payload as string);
  const { length } = bytes;
  const head = [(isLast ? 0x80 : 0) | opcode];
  if (length < 126) head.push(0x80 | length);
  else if (length < 0x10000) head.push(0x80 | 126, length >> 8, length & 0xff);
  else head.push(0x80 | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
  return Buffer.concat([Buffer.from([...head, ...MASK]), bytes.map((byte, i) => byte ^ MASK[i % 4])]);
}

/** A close frame. */
export function closeFrame(code?: number, reason = ""): Buffer {
  const payload = code === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
  if (code !== undefined) payload.writeUInt16BE(code);
  return clientFrame(Opcode.CLOSE, payload);
}

export class WebSocketClient {
  /** The status that the handshake was answered with; 0 before. */
  status = 0;
  /** The answer's head. */
  head = "";
  /** Why the camera closed, once it did. */
  closed: { code: number; reason: string } | undefined;
  problem: string | undefined;
  /** Whether frames are acknowledged as soon as they are there. */
  acknowledges = true;
  /** Whether pings are answered. */
  answersPings = true;
  /** How many pings came. */
  pings = 0;
  /** Payloads of pongs. */
  readonly pongs: string[] = [];
  /** Bytes of messages that came whole. */
  bytes = 0;
  onPart: (part: Part) => void = () => {};
  readonly #send: (bytes: Uint8Array) => void;
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Fewer bytes than this are not worth looking at. */
  #needed = 0;

  /** @param send takes what is to go to the camera */
  constructor(send: (bytes: Uint8Array) => void, fields?: Record<string, string>) {
    this.#send = send;
    send(Buffer.from(openingRequest(fields)));
  }

  /** Says that the frame is there. */
  acknowledge(sequence: number): void {
    this.#send(clientFrame(Opcode.TEXT, String(sequence)));
  }

  /** Whether what is read next begins a frame. */
  get isBetween(): boolean {
    return this.#length === 0;
  }

  /** Takes bytes as they come. */
  push(bytes: Uint8Array, time: number): void {
    if (this.problem) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#needed) return;
    let rest = Buffer.concat(this.#chunks);
    for (;;) {
      this.#needed = 0;
      const used = this.status === 0 ? this.#readHead(rest) : this.#readFrame(rest, time);
      if (used === 0 || this.problem) break;
      rest = rest.subarray(used);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
  }

  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return 0;
    this.head = bytes.toString("latin1", 0, end);
    const [first, ...lines] = this.head.split("\r\n");
    this.status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? NaN);
    if (this.status !== 101) return this.#wrong(first);
    const expected = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${acceptOf(KEY)}`];
    if (lines.sort().join() !== expected.sort().join()) return this.#wrong(`answered ${lines.join(", ")}`);
    return end + HEAD_END.length;
  }

  #readFrame(bytes: Buffer, time: number): number {
    if (bytes.length < 2) return 0;
    if (this.closed) return this.#wrong("something behind the close");
    if ((bytes[0] & 0xf0) !== 0x80) return this.#wrong("a frame that is no whole message");
    const short = bytes[1]; // with the bit that says that it is masked
    const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < headBytes) return 0;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (short > 127 || (short === 126 && length < 126) || (short === 127 && length < 0x10000)) {
      return this.#wrong("a masked frame, or a length that is too long");
    }
    if (bytes.length < headBytes + length) return this.#need(headBytes + length);
    this.#take(bytes[0] & 15, bytes.subarray(headBytes, headBytes + length), time);
    return headBytes + length;
  }

  #take(opcode: Opcode, payload: Buffer, time: number): void {
    switch (opcode) {
      case Opcode.BINARY:
        this.#takeMessage(payload, time);
        break;
      case Opcode.PING:
        this.pings++;
        if (this.answersPings) this.#send(clientFrame(Opcode.PONG, payload));
        break;
      case Opcode.PONG:
        this.pongs.push(payload.toString("latin1"));
        break;
      case Opcode.CLOSE:
        this.closed = {
          code: payload.length ? payload.readUInt16BE(0) : 1005,
          reason: payload.toString("utf8", 2),
        };
        break;
      default:
        this.#wrong(`opcode ${opcode}`);
    }
  }

  #takeMessage(message: Buffer, time: number): void {
    const end = message.indexOf(HEAD_END);
    const head = message.toString("latin1", 0, end);
    const match = end < 0 ? null : MESSAGE_HEAD.exec(head);
    const jpeg = Buffer.from(message.subarray(end + HEAD_END.length));
    if (!match || Number(match[1]) !== jpeg.length) return void this.#wrong(`not a message: ${head}`);
    if (jpeg.length < 4 || jpeg.readUInt16BE(0) !== 0xffd8 || jpeg.readUInt16BE(jpeg.length - 2) !== 0xffd9) {
      return void this.#wrong("a message without a whole JPEG file");
    }
    this.bytes += message.length;
    const sequence = Number(match[4]);
    if (this.acknowledges) this.acknowledge(sequence);
    this.onPart({ sequence, timestamp: Number(match[2] + match[3]), jpeg, time });
  }

  #need(bytes: number): 0 {
    this.#needed = bytes;
    return 0;
  }

  #wrong(problem: string): 0 {
    this.problem ??= problem;
    return 0;
  }
}
