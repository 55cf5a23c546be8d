/**
 * A strict reader of what the camera answers: HTTP/1.1 responses one after another, and the endless multipart body of a
 * stream. Anything that is not as it should be is kept as the problem, and ends the reading.
 */

/** A response, or of a stream its head. */
export type Response = {
  status: number;
  reason: string;
  /** By name in lower case. */
  headers: Map<string, string>;
  body: Buffer;
  /** When its last byte came, µs. */
  time: number;
};

/** A part of a stream. */
export type Part = {
  /** X-Sequence. */
  sequence: number;
  /** X-Timestamp in µs. */
  timestamp: number;
  jpeg: Buffer;
  /** When the last byte of the boundary that closes it came, µs. */
  time: number;
};

/** What comes next. */
enum Reading {
  /** A response's status line and headers. */
  HEAD,
  /** So many bytes as Content-Length said. */
  BODY,
  /** Everything until the connection ends. */
  UNTIL_END,
  /** The boundary that opens a stream. */
  STREAM_START,
  /** A part's headers. */
  PART_HEAD,
  /** A part's file and the boundary behind it. */
  PART_BODY,
  /** Something was wrong: nothing is read any more. */
  STOPPED,
}

const HEAD_END = "\r\n\r\n";
const STREAM_TYPE = /^multipart\/x-mixed-replace; ?boundary=("?)([^"]+)\1$/;

export class ResponseReader {
  /** Whole responses, and the head of a stream. */
  readonly responses: Response[] = [];
  /** What is wrong, in words, if something is. */
  problem: string | undefined;
  onResponse: (response: Response) => void = () => {};
  onPart: (part: Part) => void = () => {};
  /** Called as soon as a part's header is there. */
  onPartHead: (part: Pick<Part, "sequence" | "timestamp">) => void = () => {};
  readonly #methods: string[] = [];
  #reading = Reading.HEAD;
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Fewer bytes than this are not worth looking at. */
  #needed = 0;
  #current: Response | undefined;
  #boundary = "";
  #part: Omit<Part, "jpeg" | "time"> & { bytes: number } = { sequence: 0, timestamp: 0, bytes: 0 };

  /** Says that a request with this method was sent; a HEAD's answer has no body. */
  expect(method: string): void {
    this.#methods.push(method);
  }

  /** Whether what is read next begins a response, or a part. */
  get isBetween(): boolean {
    return this.#length === 0 && (this.#reading === Reading.HEAD || this.#reading === Reading.PART_HEAD);
  }

  /** Whether a stream has begun. */
  get isStream(): boolean {
    return this.#boundary !== "";
  }

  /** Takes bytes as they come. */
  push(bytes: Uint8Array, time: number): void {
    if (this.#reading === Reading.STOPPED) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#needed) return;
    let rest = Buffer.concat(this.#chunks);
    for (;;) {
      this.#needed = 0;
      const used = this.#read(rest, time);
      if (used === 0) break;
      rest = rest.subarray(used);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
  }

  /** The connection has come to its end. */
  end(time: number): void {
    if (this.#reading === Reading.UNTIL_END && this.#current) this.#finish(Buffer.concat(this.#chunks), time);
    else if (this.#length > 0 && this.#reading !== Reading.STOPPED) this.#wrong("the connection ended in the middle");
  }

  /** @returns how many bytes of `bytes` are dealt with; 0: more must come first */
  #read(bytes: Buffer, time: number): number {
    switch (this.#reading) {
      case Reading.HEAD:
        return this.#readHead(bytes, time);
      case Reading.BODY: {
        const length = Number(this.#current!.headers.get("content-length"));
        if (bytes.length < length) return this.#need(length);
        this.#finish(bytes.subarray(0, length), time);
        return length;
      }
      case Reading.STREAM_START: {
        const opening = `--${this.#boundary}\r\n`;
        if (bytes.length < opening.length) return this.#need(opening.length);
        if (bytes.toString("latin1", 0, opening.length) !== opening) return this.#wrong("no boundary opens the stream");
        this.#reading = Reading.PART_HEAD;
        return opening.length;
      }
      case Reading.PART_HEAD:
        return this.#readPartHead(bytes);
      case Reading.PART_BODY:
        return this.#readPartBody(bytes, time);
      case Reading.UNTIL_END:
        return this.#need(Infinity);
      case Reading.STOPPED:
        return 0;
    }
  }

  #readHead(bytes: Buffer, time: number): number {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return 0;
    const [first, ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
    const status = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(first);
    const headers = readHeaders(lines);
    if (!status || !headers) return this.#wrong(`not a response: ${first}`);
    this.#current = { status: Number(status[1]), reason: status[2], headers, body: Buffer.alloc(0), time };
    const stream = STREAM_TYPE.exec(headers.get("content-type") ?? "");
    const isInterim = status[1].startsWith("1"); // the answer itself is still to come
    const isBodiless = isInterim || this.#methods.shift() === "HEAD" || status[1] === "204" || status[1] === "304";
    if (isBodiless) {
      this.#finish(this.#current.body, time);
    } else if (stream) {
      this.#boundary = stream[2];
      this.#finish(this.#current.body, time);
      this.#reading = Reading.STREAM_START;
    } else {
      this.#reading = headers.has("content-length") ? Reading.BODY : Reading.UNTIL_END;
    }
    return end + HEAD_END.length;
  }

  #readPartHead(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return 0;
    const headers = readHeaders(bytes.toString("latin1", 0, end).split("\r\n"));
    const length = headers?.get("content-length") ?? "";
    const timestamp = headers?.get("x-timestamp") ?? "";
    const sequence = headers?.get("x-sequence") ?? "";
    const isWhole = headers?.get("content-type") === "image/jpeg" && /^\d+$/.test(length) && /^\d+$/.test(sequence);
    if (!isWhole || !/^\d+\.\d{6}$/.test(timestamp)) {
      return this.#wrong(`not a part's header: ${bytes.toString("latin1", 0, end)}`);
    }
    this.#part = {
      sequence: Number(sequence),
      timestamp: Number(timestamp.replace(".", "")),
      bytes: Number(length),
    };
    this.#reading = Reading.PART_BODY;
    this.onPartHead(this.#part);
    return end + HEAD_END.length;
  }

  #readPartBody(bytes: Buffer, time: number): number {
    const { bytes: length, sequence, timestamp } = this.#part;
    const closing = `\r\n--${this.#boundary}\r\n`;
    const whole = length + closing.length;
    if (bytes.length < whole) return this.#need(whole);
    const jpeg = Buffer.from(bytes.subarray(0, length));
    if (bytes.toString("latin1", length, whole) !== closing) {
      return this.#wrong(`no boundary closes part ${sequence}`);
    }
    if (length < 4 || jpeg.readUInt16BE(0) !== 0xffd8 || jpeg.readUInt16BE(length - 2) !== 0xffd9) {
      return this.#wrong(`part ${sequence} is not a whole JPEG file`);
    }
    this.#reading = Reading.PART_HEAD;
    this.onPart({ sequence, timestamp, jpeg, time });
    return whole;
  }

  #finish(body: Buffer, time: number): void {
    const response = { ...this.#current!, body: Buffer.from(body), time };
    this.#current = undefined;
    this.#reading = Reading.HEAD;
    this.responses.push(response);
    this.onResponse(response);
  }

  #need(bytes: number): 0 {
    this.#needed = bytes;
    return 0;
  }

  #wrong(problem: string): 0 {
    this.problem ??= problem;
    this.#reading = Reading.STOPPED;
    return 0;
  }
}

/** @returns undefined where a line is not a header, or says again what one before has said */
function readHeaders(lines: string[]): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const header = /^([A-Za-z0-9-]+): (.*)$/.exec(line);
    if (!header || headers.has(header[1].toLowerCase())) return undefined;
    headers.set(header[1].toLowerCase(), header[2]);
  }
  return headers;
}
