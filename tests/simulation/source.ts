/**
 * What the host says from which the camera pulls: streams as cameras and servers write them, with things in them that
 * should not be there, and answers that are none. Each file has a number of its own within.
 */

import type { Random } from "../../host/simulated/random.ts";
import type { RelayLedger } from "./relay-ledger.ts";
import { framedPiece, type Item, type Piece } from "./upstream.ts";

/** How a stream is written. */
export const STREAMS = {
  /** with lengths, until the connection ends */
  plain: {},
  "without lengths": { hasNoLengths: true },
  /** lengths of parts that are too short, too long, or no numbers */
  "with wrong lengths": { hasWrongLengths: true },
  chunked: { isChunked: true },
  /** each part in two chunks, the file cut in the middle */
  "in halves of chunks": { isChunked: true, isHalved: true },
  "behind an interim answer": { isInterim: true },
  /** a length of the whole that comes true in the middle of a part */
  "that ends by its length": { hasLength: true },
  /** something between the parts that is neither a part nor a boundary */
  "with rubbish between": { hasRubbish: true },
  /** another boundary than the one that it began with, after some parts */
  "that changes its boundary": { changesBoundary: true },
  /** chunks whose size is none, after some parts */
  "whose chunks break": { isChunked: true, breaks: true },
} satisfies Record<string, Stream>;

type Stream = {
  hasNoLengths?: boolean;
  hasWrongLengths?: boolean;
  isChunked?: boolean;
  isHalved?: boolean;
  isInterim?: boolean;
  hasLength?: boolean;
  hasRubbish?: boolean;
  changesBoundary?: boolean;
  breaks?: boolean;
};
export type StreamName = keyof typeof STREAMS;

const MIXED = "Content-Type: multipart/x-mixed-replace; boundary=source\r\n";
const NOT_HTTP = "answered with something that is not HTTP";
const NO_STREAM = "has no multipart stream of JPEG files there";

/** Answers that are no stream, and what the camera says of them. */
export const ANSWERS: Record<string, { says: string; trouble: string }> = {
  "another password": {
    says: 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
    trouble: "401, the user name or the password is wrong",
  },
  nothing: { says: "", trouble: "ended the connection" },
  "not found": { says: "HTTP/1.1 404 Not Found\r\n\r\n", trouble: "answered with status 404" },
  "elsewhere, for now": {
    says: "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.home/\r\n\r\n",
    trouble: "answered with status 302",
  },
  "elsewhere, for ever": {
    says: "HTTP/1.1 301 Moved Permanently\r\nLocation: https://source.home/\r\n\r\n",
    trouble: "answered with status 301",
  },
  "an upgrade": { says: "HTTP/1.1 101 Switching Protocols\r\n\r\n", trouble: "answered with status 101" },
  "a page": { says: "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>--source\r\n", trouble: NO_STREAM },
  "a picture": {
    says: "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff\xd9",
    trouble: NO_STREAM,
  },
  mail: { says: "220 mail ready\r\n", trouble: NOT_HTTP },
  "another version": { says: "HTTP/2.0 200 OK\r\n\r\n", trouble: NOT_HTTP },
  "a head without end": { says: `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(999)}`, trouble: NOT_HTTP },
  "a length and chunks": {
    says: `HTTP/1.1 200 OK\r\n${MIXED}Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n`,
    trouble: NOT_HTTP,
  },
  "chunks that are none": {
    says: `HTTP/1.1 200 OK\r\n${MIXED}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
    trouble: NOT_HTTP,
  },
  "a stream of nothing": { says: `HTTP/1.1 200 OK\r\n${MIXED}\r\n${"nothing ".repeat(270_000)}`, trouble: NO_STREAM },
};

/** What is sent at once, and whether it makes all that follows unsure. */
export type SourcePiece = Piece & { isTurn?: boolean };

/** Parts before a stream becomes another. */
const TURNS_AFTER = 5;
const BYTES_OF_RUBBISH = 200;

/** One stream, as it is sent on one connection. */
export class SourceStream {
  readonly head: string;
  readonly #stream: Stream;
  readonly #items: readonly Item[];
  readonly #jpegs: readonly Buffer[];
  readonly #random: Random;
  readonly #ledger: RelayLedger;
  /** Those that were made before they are sent. */
  readonly #made: SourcePiece[] = [];
  #boundary = "source";
  #count = 0;

  constructor(name: StreamName, items: readonly Item[], jpegs: readonly Buffer[], random: Random, ledger: RelayLedger) {
    this.#stream = STREAMS[name];
    this.#items = items.length > 0 ? items : ["file"];
    this.#jpegs = jpegs;
    this.#random = random;
    this.#ledger = ledger;
    const { isInterim, isChunked, hasLength } = this.#stream;
    const interim = isInterim ? "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" : "";
    const length = hasLength ? `Content-Length: ${this.#cut()}\r\n` : "";
    const chunks = isChunked ? "Transfer-Encoding: chunked\r\n" : "";
    this.head = `${interim}HTTP/1.1 200 OK\r\n${MIXED}${chunks}${length}\r\n`;
  }

  next(): SourcePiece {
    return this.#made.shift() ?? this.#make();
  }

  /** Makes some parts, so that their length is known. @returns the body's length, which ends within the last of them */
  #cut(): number {
    for (let n = 0; n <= TURNS_AFTER; n++) this.#made.push(this.#make());
    const whole = this.#made.slice(0, -1).reduce((sum, { bytes }) => sum + bytes.length, 0);
    const last = this.#made[TURNS_AFTER];
    this.#made[TURNS_AFTER] = { bytes: last.bytes, isTurn: true };
    return whole + (last.bytes.length >> 1);
  }

  #make(): SourcePiece {
    const n = this.#count++;
    const { changesBoundary, breaks, hasRubbish, hasLength } = this.#stream;
    const isTurn = n === TURNS_AFTER && (changesBoundary || breaks);
    if (isTurn && breaks) return { bytes: Buffer.from("no size\r\n"), isTurn };
    if (isTurn) this.#boundary = "another";
    const jpeg = this.#jpegs[n % this.#jpegs.length];
    const frame = (bytes: Buffer, type: string): Buffer => this.#frame(bytes, type);
    const item = this.#items[n % this.#items.length];
    const piece = framedPiece(frame, true, item, jpeg, this.#ledger);
    // Behind a file without its end it might pass for more of that.
    if (hasRubbish && item !== "short") piece.bytes = Buffer.concat([piece.bytes, this.#rubbish()]);
    if (hasLength && n > TURNS_AFTER) return { bytes: piece.bytes }; // behind the body's end
    return { ...piece, isTurn };
  }

  #frame(bytes: Buffer, type: string): Buffer {
    const { hasNoLengths, hasWrongLengths, isChunked, isHalved } = this.#stream;
    const { length } = bytes;
    const said = hasWrongLengths ? this.#random.pick([length - 7, length + 300, 0, 99_999_999_999, "x"]) : length;
    const line = hasNoLengths ? "" : `Content-Length: ${said}\r\n`;
    const head = Buffer.from(`--${this.#boundary}\r\nContent-Type: ${type}\r\n${line}\r\n`);
    const part = Buffer.concat([head, bytes, Buffer.from("\r\n")]);
    if (!isChunked) return part;
    const middle = isHalved ? head.length + (length >> 1) : part.length;
    return Buffer.concat([chunk(part.subarray(0, middle)), chunk(part.subarray(middle))]);
  }

  #rubbish(): Buffer {
    const random = this.#random;
    const text = random.pick(["\r\n\r\n\r\n", "--sourc\r\n", "--sourcery\r\n\r\n", "\xff\xd8\xff\xe0", ""]);
    const noise = new Uint8Array(random.between(0, BYTES_OF_RUBBISH));
    random.fill(noise);
    return Buffer.concat([Buffer.from(text, "latin1"), noise, Buffer.from("\r\n")]);
  }
}

function chunk(data: Buffer): Buffer {
  if (data.length === 0) return data; // it would be the last
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
}
