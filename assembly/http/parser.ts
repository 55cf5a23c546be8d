/**
 * Reads the head of an HTTP request (RFC 9112) one byte at a time, as a list of named states: the same bytes give the
 * same answer however they are cut up. It keeps the method, the path (percent-decoded), the query and what the header
 * fields that matter to us say; it stores nothing else, and allocates nothing. Who may ask what is `access.ts`'s.
 *
 * It is strict where requests get smuggled: a bare CR or LF, white space before a colon, folded lines, two lengths, a
 * length beside a transfer coding, no Host or two, or a name that can't be a host's are errors. What is wrong is an
 * {@link Outcome}, which is the status of the answer; whoever asked is answered and the connection closed, since where
 * the next request begins is unknown. docs/http.md lists it all, with the sections.
 */

import {
  COLON,
  COMMA,
  CR,
  DOT,
  LF,
  PERCENT,
  QUESTION,
  SEMICOLON,
  SLASH,
  SPACE,
  STAR,
  TAB,
  equals,
  equalsInAnyCase,
  hexDigit,
  isBlank,
  isDigit,
  isLetter,
  lower,
} from "../ascii";
import { HEAD_BYTES_MAX, TARGET_BYTES_MAX, VALUES_BYTES, VALUE_BYTES_MAX, WEBSOCKET_KEY_BYTES } from "../limits";

/** What the bytes so far amount to: a status of HTTP where they are wrong. */
export enum Outcome {
  /** The head is not whole yet. */
  MORE = 0,
  /** The head is whole: its fields can be read. */
  DONE = 1,
  MALFORMED = 400,
  /** A body follows that is coded for transfer, of a length that nobody says. */
  LENGTH_REQUIRED = 411,
  TARGET_TOO_LONG = 414,
  EXPECTATION_UNKNOWN = 417,
  HEAD_TOO_LARGE = 431,
  /** A body follows in a coding that we have never heard of. */
  CODING_UNKNOWN = 501,
  VERSION_UNKNOWN = 505,
}

export enum Method {
  GET,
  HEAD,
  OPTIONS,
  POST,
  /** Only upstreams put something. */
  PUT,
  /** Any other: no route takes it. */
  OTHER,
}

enum State {
  /** Before a request: empty lines are passed over (RFC 9112, 2.2). */
  START,
  /** After the CR of such an empty line. */
  START_LF,
  METHOD,
  /** At the target's first byte. */
  TARGET,
  /** In `http://host` of a target in absolute form, before its path. */
  AUTHORITY,
  PATH,
  /** At the first and second digit of a percent-encoded byte of the path. */
  PERCENT_HIGH,
  PERCENT_LOW,
  QUERY,
  /** In `HTTP/1.1`. */
  VERSION,
  /** After the CR of the request line. */
  REQUEST_LF,
  /** At the first byte of a header line, or of the empty line that ends the head. */
  NAME_START,
  NAME,
  /** Before a value: white space. */
  VALUE_START,
  VALUE,
  /** After the CR of a header line. */
  VALUE_LF,
  /** After the CR of the empty line. */
  END_LF,
  /** The outcome is known. */
  OVER,
}

/** Header fields that matter to us. */
enum Field {
  OTHER,
  HOST,
  CONNECTION,
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  ACCEPT_ENCODING,
  EXPECT,
  ORIGIN,
  AUTHORIZATION,
  UPGRADE,
  WEBSOCKET_KEY,
  WEBSOCKET_VERSION,
}

/** What the transfer codings that were named so far, in order, come to (RFC 9112, 6.1 and 6.3). */
enum Coding {
  NONE,
  /** `chunked` came last, and alone. */
  CHUNKED,
  /** `chunked` came last, behind others. */
  CODED_CHUNKED,
  /** `chunked` did not come yet: where such a body ends nobody knows. */
  ENDLESS,
  /** Something came behind `chunked`. */
  WRONG,
}

const NAME_BYTES_MAX: u32 = 24;
/** The version of WebSocket that RFC 6455 is. */
const WEBSOCKET_VERSION = "13";
const METHOD_BYTES_MAX: u32 = 16;
/** A body's length from which on it is not counted exactly; ten times it still fits 32 bits. */
export const BODY_UNCOUNTED: u32 = 100_000_000;

export class Parser {
  outcome: Outcome = Outcome.MORE;
  method: Method = Method.OTHER;
  /** HTTP/1.x: the x. */
  minor: i32 = 0;
  /** Whether another request may follow on the connection. */
  keepAlive: bool = false;
  /** Whether the answer may be compressed with gzip. */
  acceptsGzip: bool = false;
  /** Whether the body is sent only once we have said `100 Continue`. */
  expectsContinue: bool = false;
  /** Bytes of the body that follows; more than any limit of ours if there are more than can be counted. */
  bodyBytes: u32 = 0;
  /** Bytes of the path, percent-decoded, and of the query behind its `?`. */
  pathBytes: u32 = 0;
  queryBytes: u32 = 0;
  /** Whom the request is for, with its port: the target's authority where it has one, else Host (RFC 9112, 3.2.2). */
  host: usize = 0;
  hostBytes: u32 = 0;
  /** The values of Origin and Authorization, as they came; no bytes if there are none. */
  origin: usize = 0;
  originBytes: u32 = 0;
  authorization: usize = 0;
  authorizationBytes: u32 = 0;
  /** Whether it asks to go on as a WebSocket (RFC 6455, 4.1), and whether in the version that we speak. */
  wantsWebSocket: bool = false;
  speaksWebSocket: bool = false;
  /** The handshake's key, where that has its length; no bytes if there is none. */
  readonly key: usize = heap.alloc(WEBSOCKET_KEY_BYTES);
  keyBytes: u32 = 0;

  private state: State = State.START;
  /** Bytes of the head so far. */
  private count: u32 = 0;
  /** Bytes of the target as it came. */
  private targetBytes: u32 = 0;
  private tokenBytes: u32 = 0;
  private valueBytes: u32 = 0;
  private field: Field = Field.OTHER;
  private escaped: u32 = 0;
  private hosts: i32 = 0;
  private lengths: i32 = 0;
  private coding: Coding = Coding.NONE;
  /** Whether a Connection field has said `close`, or `keep-alive`. */
  private saysClose: bool = false;
  private saysKeepAlive: bool = false;
  /** Whether a Connection field has said `upgrade`, and an Upgrade field `websocket`. */
  private saysUpgrade: bool = false;
  private namesWebSocket: bool = false;
  private isUnmet: bool = false;
  /** Where the target, a token (method, version, field's name) and values are kept. */
  private readonly target: usize;
  private readonly token: usize;
  private readonly values: usize;
  /** Where the next value goes: behind those that are kept. */
  private value: usize = 0;

  constructor() {
    this.target = heap.alloc(TARGET_BYTES_MAX);
    this.token = heap.alloc(NAME_BYTES_MAX);
    this.values = heap.alloc(VALUES_BYTES);
    this.begin();
  }

  /** Whether not one byte of a request came yet, but maybe empty lines. */
  get isIdle(): bool {
    return this.state == State.START || this.state == State.START_LF;
  }

  /** Whether the request says how long its body is. */
  get hasLength(): bool {
    return this.lengths > 0;
  }

  /** Gets ready for the next request. */
  begin(): void {
    this.outcome = Outcome.MORE;
    this.method = Method.OTHER;
    this.minor = 0;
    this.keepAlive = false;
    this.acceptsGzip = false;
    this.expectsContinue = false;
    this.bodyBytes = 0;
    this.pathBytes = 0;
    this.queryBytes = 0;
    this.hostBytes = 0;
    this.originBytes = 0;
    this.authorizationBytes = 0;
    this.wantsWebSocket = false;
    this.speaksWebSocket = false;
    this.keyBytes = 0;
    this.state = State.START;
    this.count = 0;
    this.targetBytes = 0;
    this.tokenBytes = 0;
    this.hosts = 0;
    this.lengths = 0;
    this.coding = Coding.NONE;
    this.saysClose = false;
    this.saysKeepAlive = false;
    this.saysUpgrade = false;
    this.namesWebSocket = false;
    this.isUnmet = false;
    this.value = this.values;
  }

  /** Reads bytes up to the head's end or an error. @returns how many of the `length` at `address` belong to the head */
  read(address: usize, length: u32): u32 {
    for (let i: u32 = 0; i < length; i++) {
      if (this.outcome != Outcome.MORE) return i;
      this.readByte(load<u8>(address + i));
    }
    return length;
  }

  /** Whether the path is `text`. */
  pathIs(text: string): bool {
    return equals(this.target, this.pathBytes, text);
  }

  /** Whether the path is `text` with something behind it. */
  pathIsBelow(text: string): bool {
    return this.pathBytes > <u32>text.length && equals(this.target, text.length, text);
  }

  /** Where the path is. */
  get path(): usize {
    return this.target;
  }

  /** Where the query is. */
  get query(): usize {
    return this.target + this.pathBytes;
  }

  /** Whether the query is `text`. */
  queryIs(text: string): bool {
    return equals(this.query, this.queryBytes, text);
  }

  private fail(outcome: Outcome): void {
    this.outcome = outcome;
    this.state = State.OVER;
  }

  private readByte(c: u32): void {
    if (++this.count > HEAD_BYTES_MAX) return this.fail(Outcome.HEAD_TOO_LARGE);
    switch (this.state) {
      case State.START: {
        if (c == CR) this.state = State.START_LF;
        else if (isToken(c)) {
          this.keep(c, METHOD_BYTES_MAX);
          this.state = State.METHOD;
        } else this.fail(Outcome.MALFORMED);
        break;
      }
      case State.START_LF: {
        if (c != LF) return this.fail(Outcome.MALFORMED);
        this.state = State.START;
        break;
      }
      case State.METHOD: {
        if (isToken(c)) this.keep(c, METHOD_BYTES_MAX);
        else if (c == SPACE) {
          this.endMethod();
          this.state = State.TARGET;
        } else this.fail(Outcome.MALFORMED);
        break;
      }
      case State.TARGET: {
        if (c == SLASH || c == STAR) {
          this.state = State.PATH;
          this.inPath(c);
        } else if ((c | 0x20) == 0x68 /* h of http:// */) {
          this.state = State.AUTHORITY;
          this.escaped = 0;
          this.valueBytes = 0;
          this.inTarget();
        } else this.fail(Outcome.MALFORMED); // the authority form is CONNECT's alone
        break;
      }
      case State.AUTHORITY: {
        // "ttp://" and then the host up to the path, which may be missing
        if (!this.inTarget()) return;
        if (this.escaped < 6) {
          if (lower(c) != <u32>"ttp://".charCodeAt(this.escaped++)) this.fail(Outcome.MALFORMED);
        } else if (c == SLASH || c == SPACE) {
          if (!this.keepHost(this.valueBytes)) return this.fail(Outcome.MALFORMED);
          this.keepTarget(SLASH);
          this.pathBytes = 1;
          this.state = c == SLASH ? State.PATH : State.VERSION;
        } else store<u8>(this.value + this.valueBytes++, c); // fits: no target is longer than a value
        break;
      }
      case State.PATH: {
        if (c == SPACE) this.state = State.VERSION;
        else if (c == QUESTION) {
          if (this.inTarget()) this.state = State.QUERY;
        } else if (c == PERCENT) {
          if (this.inTarget()) this.state = State.PERCENT_HIGH;
        } else this.inPath(c);
        break;
      }
      case State.PERCENT_HIGH: {
        const digit = hexDigit(c);
        if (digit < 0) return this.fail(Outcome.MALFORMED);
        if (!this.inTarget()) return;
        this.escaped = digit << 4;
        this.state = State.PERCENT_LOW;
        break;
      }
      case State.PERCENT_LOW: {
        const digit = hexDigit(c);
        const decoded = this.escaped | digit;
        if (digit < 0 || !isPath(decoded)) return this.fail(Outcome.MALFORMED);
        if (!this.inTarget()) return;
        this.keepTarget(decoded);
        this.pathBytes++;
        this.state = State.PATH;
        break;
      }
      case State.QUERY: {
        if (c == SPACE) {
          this.state = State.VERSION;
          break;
        }
        if (!isTarget(c)) return this.fail(Outcome.MALFORMED);
        if (!this.inTarget()) return;
        this.keepTarget(c);
        this.queryBytes++;
        break;
      }
      case State.VERSION: {
        if (c == CR) {
          this.endVersion();
          if (this.state == State.VERSION) this.state = State.REQUEST_LF;
        } else if (c > SPACE && c < 0x7f && this.tokenBytes < 8) this.keep(c, 8);
        else this.fail(Outcome.MALFORMED);
        break;
      }
      case State.REQUEST_LF: {
        if (c != LF) return this.fail(Outcome.MALFORMED);
        this.state = State.NAME_START;
        break;
      }
      case State.NAME_START: {
        if (c == CR) this.state = State.END_LF;
        else if (isToken(c)) {
          this.tokenBytes = 0;
          this.keep(lower(c), NAME_BYTES_MAX);
          this.state = State.NAME;
        } else this.fail(Outcome.MALFORMED); // among others, a folded line
        break;
      }
      case State.NAME: {
        if (isToken(c)) this.keep(lower(c), NAME_BYTES_MAX);
        else if (c == COLON) {
          this.field = this.fieldOf();
          this.valueBytes = 0;
          this.state = State.VALUE_START;
        } else this.fail(Outcome.MALFORMED);
        break;
      }
      case State.VALUE_START:
      case State.VALUE: {
        if (c == CR) this.state = State.VALUE_LF;
        else if (c == SPACE || c == TAB) {
          if (this.state == State.VALUE) this.keepValue(c);
        } else if (c < SPACE || c == 0x7f) this.fail(Outcome.MALFORMED);
        else {
          this.state = State.VALUE;
          this.keepValue(c);
        }
        break;
      }
      case State.VALUE_LF: {
        if (c != LF) return this.fail(Outcome.MALFORMED);
        this.endValue();
        if (this.state == State.VALUE_LF) this.state = State.NAME_START;
        break;
      }
      case State.END_LF: {
        if (c != LF) return this.fail(Outcome.MALFORMED);
        this.endHead();
        break;
      }
      default:
        assert(false, "read past the head's end");
    }
  }

  /** Keeps a byte of a token. One that is too long is kept in part: no name of ours is as long, so it matches none. */
  private keep(c: u32, most: u32): void {
    if (this.tokenBytes < most) store<u8>(this.token + this.tokenBytes, c);
    this.tokenBytes++;
  }

  /** Counts a byte of the target. */
  private inTarget(): bool {
    if (++this.targetBytes <= TARGET_BYTES_MAX) return true;
    this.fail(Outcome.TARGET_TOO_LONG);
    return false;
  }

  private keepTarget(c: u32): void {
    store<u8>(this.target + this.pathBytes + this.queryBytes, c);
  }

  private inPath(c: u32): void {
    if (!isTarget(c)) return this.fail(Outcome.MALFORMED);
    if (!this.inTarget()) return;
    this.keepTarget(c);
    this.pathBytes++;
  }

  private keepValue(c: u32): void {
    if (this.field == Field.OTHER) return;
    if (this.valueBytes == VALUE_BYTES_MAX) return this.fail(Outcome.HEAD_TOO_LARGE);
    store<u8>(this.value + this.valueBytes++, c);
  }

  private endMethod(): void {
    if (equals(this.token, this.tokenBytes, "GET")) this.method = Method.GET;
    else if (equals(this.token, this.tokenBytes, "HEAD")) this.method = Method.HEAD;
    else if (equals(this.token, this.tokenBytes, "OPTIONS")) this.method = Method.OPTIONS;
    else if (equals(this.token, this.tokenBytes, "POST")) this.method = Method.POST;
    else if (equals(this.token, this.tokenBytes, "PUT")) this.method = Method.PUT;
    this.tokenBytes = 0;
  }

  private endVersion(): void {
    const t = this.token;
    const shaped = this.tokenBytes == 8 && equals(t, 5, "HTTP/") && isDigit(load<u8>(t, 5)) && isDigit(load<u8>(t, 7));
    if (!shaped || load<u8>(t, 6) != DOT) return this.fail(Outcome.MALFORMED);
    if (load<u8>(t, 5) != 0x31) return this.fail(Outcome.VERSION_UNKNOWN);
    this.minor = load<u8>(t, 7) - 0x30;
  }

  private fieldOf(): Field {
    const t = this.token;
    const n = this.tokenBytes;
    if (equals(t, n, "host")) return Field.HOST;
    if (equals(t, n, "connection")) return Field.CONNECTION;
    if (equals(t, n, "content-length")) return Field.CONTENT_LENGTH;
    if (equals(t, n, "transfer-encoding")) return Field.TRANSFER_ENCODING;
    if (equals(t, n, "accept-encoding")) return Field.ACCEPT_ENCODING;
    if (equals(t, n, "expect")) return Field.EXPECT;
    if (equals(t, n, "origin")) return Field.ORIGIN;
    if (equals(t, n, "authorization")) return Field.AUTHORIZATION;
    if (equals(t, n, "upgrade")) return Field.UPGRADE;
    if (equals(t, n, "sec-websocket-key")) return Field.WEBSOCKET_KEY;
    if (equals(t, n, "sec-websocket-version")) return Field.WEBSOCKET_VERSION;
    return Field.OTHER;
  }

  private endValue(): void {
    const at = this.value;
    let n = this.valueBytes;
    while (n > 0 && isBlank(load<u8>(at + n - 1))) n--;
    switch (this.field) {
      case Field.HOST: {
        if (this.hosts++ || !this.keepHost(n)) return this.fail(Outcome.MALFORMED);
        break;
      }
      case Field.CONNECTION: {
        if (lists(at, n, "close")) this.saysClose = true;
        if (lists(at, n, "keep-alive")) this.saysKeepAlive = true;
        if (lists(at, n, "upgrade")) this.saysUpgrade = true;
        break;
      }
      case Field.CONTENT_LENGTH: {
        if (n == 0 || this.lengths++) return this.fail(Outcome.MALFORMED);
        for (let i: u32 = 0; i < n; i++) {
          const c = load<u8>(at + i);
          if (!isDigit(c)) return this.fail(Outcome.MALFORMED);
          this.bodyBytes = min(this.bodyBytes * 10 + (c - 0x30), BODY_UNCOUNTED);
        }
        break;
      }
      case Field.TRANSFER_ENCODING: {
        this.addCodings(at, n);
        break;
      }
      case Field.ACCEPT_ENCODING: {
        if (lists(at, n, "gzip")) this.acceptsGzip = true;
        break;
      }
      case Field.EXPECT: {
        if (equalsInAnyCase(at, n, "100-continue")) this.expectsContinue = true;
        else this.isUnmet = true;
        break;
      }
      case Field.ORIGIN: {
        if (n == 0 || this.originBytes) return this.fail(Outcome.MALFORMED);
        this.origin = at;
        this.originBytes = n;
        this.value += n;
        break;
      }
      case Field.AUTHORIZATION: {
        if (n == 0 || this.authorizationBytes) return this.fail(Outcome.MALFORMED);
        this.authorization = at;
        this.authorizationBytes = n;
        this.value += n;
        break;
      }
      case Field.UPGRADE: {
        if (lists(at, n, "websocket")) this.namesWebSocket = true;
        break;
      }
      case Field.WEBSOCKET_KEY: {
        if (n == 0 || this.keyBytes) return this.fail(Outcome.MALFORMED);
        if (n == WEBSOCKET_KEY_BYTES) memory.copy(this.key, at, n);
        this.keyBytes = n;
        break;
      }
      case Field.WEBSOCKET_VERSION: {
        this.speaksWebSocket = equals(at, n, WEBSOCKET_VERSION);
        break;
      }
      default:
        break;
    }
  }

  /**
   * Keeps the value that was read, of `length` bytes, as the host, unless the target has named one. @returns false if
   * it can't be a host's name
   */
  private keepHost(length: u32): bool {
    if (!isHost(this.value, length)) return false;
    if (this.hostBytes) return true;
    this.host = this.value;
    this.hostBytes = length;
    this.value += length;
    return true;
  }

  /** Goes on with the transfer codings of another field. */
  private addCodings(at: usize, length: u32): void {
    const before = this.coding;
    let i: u32 = 0;
    while (i < length) {
      const from = i;
      while (i < length && load<u8>(at + i) != COMMA) i++;
      let to = i++;
      let first = from;
      while (first < to && isBlank(load<u8>(at + first))) first++;
      while (to > first && isBlank(load<u8>(at + to - 1))) to--;
      if (to == first) continue; // an empty element says nothing
      const isChunked = equalsInAnyCase(at + first, to - first, "chunked");
      if (this.coding == Coding.NONE) this.coding = isChunked ? Coding.CHUNKED : Coding.ENDLESS;
      else if (this.coding == Coding.ENDLESS && isChunked) this.coding = Coding.CODED_CHUNKED;
      else if (this.coding != Coding.ENDLESS) this.coding = Coding.WRONG;
    }
    if (this.coding == before && before != Coding.ENDLESS) this.coding = Coding.WRONG; // nothing was named
  }

  private endHead(): void {
    this.outcome = this.judge();
    this.state = State.OVER;
    // HTTP/1.0 knows of no other protocol (RFC 9110, 7.8).
    this.wantsWebSocket = this.saysUpgrade && this.namesWebSocket && this.method == Method.GET && this.minor > 0;
    const mayStay = this.minor > 0 || this.saysKeepAlive;
    this.keepAlive = this.outcome == Outcome.DONE && mayStay && !this.saysClose;
  }

  /** Whether the head as a whole makes sense. */
  private judge(): Outcome {
    if (this.minor > 0 && this.hosts == 0) return Outcome.MALFORMED;
    // "*" is the whole server, and only OPTIONS asks for that
    const isStar = load<u8>(this.target) == STAR;
    if (isStar && (this.method != Method.OPTIONS || this.targetBytes > 1)) return Outcome.MALFORMED;
    switch (this.coding) {
      case Coding.NONE:
        break;
      case Coding.CHUNKED:
      case Coding.CODED_CHUNKED:
        // HTTP/1.0 has no transfer codings: whoever sends one has read the request otherwise than whoever wrote it.
        if (this.lengths || this.minor == 0) return Outcome.MALFORMED;
        return this.coding == Coding.CHUNKED ? Outcome.LENGTH_REQUIRED : Outcome.CODING_UNKNOWN;
      default:
        return Outcome.MALFORMED;
    }
    if (this.minor == 0) this.expectsContinue = false; // RFC 9110, 10.1.1
    else if (this.isUnmet) return Outcome.EXPECTATION_UNKNOWN;
    return Outcome.DONE;
  }
}


/** Whether `c` may stand in a token (RFC 9110, 5.6.2). */
function isToken(c: u32): bool {
  if (isDigit(c) || isLetter(c)) return true;
  switch (c) {
    case 0x21: // !
    case 0x23: // #
    case 0x24: // $
    case 0x25: // %
    case 0x26: // &
    case 0x27: // '
    case 0x2a: // *
    case 0x2b: // +
    case 0x2d: // -
    case 0x2e: // .
    case 0x5e: // ^
    case 0x5f: // _
    case 0x60: // `
    case 0x7c: // |
    case 0x7e: // ~
      return true;
    default:
      return false;
  }
}

/** Whether `c` may stand in a target: printable ASCII but for what RFC 3986 keeps out of any URI, and the #. */
function isTarget(c: u32): bool {
  return c > SPACE && c < 0x7f && c != 0x22 && c != 0x23 && c != 0x3c && c != 0x3e && c != 0x5c;
}

/** Whether a decoded byte may stand in a path: nothing that ends a name or a line where somebody decodes it again. */
function isPath(c: u32): bool {
  return c >= SPACE && c != 0x7f && c != SLASH && c != 0x5c /* \ */;
}

/** Whether `length` bytes at `at` can be a host with its port: a name, an IPv4 address, or an IPv6 one in brackets. */
function isHost(at: usize, length: u32): bool {
  let i: u32 = 0;
  if (length > 0 && load<u8>(at) == 0x5b /* [ */) {
    for (i = 1; i < length && load<u8>(at + i) != 0x5d /* ] */; i++) {
      const c = load<u8>(at + i);
      if (hexDigit(c) < 0 && c != COLON && c != DOT) return false;
    }
    if (i < 3 || i++ == length) return false;
  } else {
    while (i < length && isName(load<u8>(at + i))) i++;
    if (i == 0) return false;
  }
  if (i == length) return true;
  if (load<u8>(at + i++) != COLON) return false;
  while (i < length && isDigit(load<u8>(at + i))) i++;
  return i == length;
}

/** Whether `c` may stand in a host's name: RFC 3986, 3.2.2, without the percent codes that nobody resolves. */
function isName(c: u32): bool {
  return isToken(c) && c != PERCENT && c != 0x23 /* # */ && c != 0x5e /* ^ */ && c != 0x60 /* ` */ && c != 0x7c /* | */;
}

/** Whether the comma-separated list of `length` bytes at `at` has the element `name` (in small letters), not at q=0. */
function lists(at: usize, length: u32, name: string): bool {
  let i: u32 = 0;
  while (i < length) {
    while (i < length && (isBlank(load<u8>(at + i)) || load<u8>(at + i) == COMMA)) i++;
    const from = i;
    while (i < length && load<u8>(at + i) != COMMA) i++;
    let to = from;
    while (to < i && !isBlank(load<u8>(at + to)) && load<u8>(at + to) != SEMICOLON) to++;
    if (equalsInAnyCase(at + from, to - from, name)) return !refused(at + to, i - to);
  }
  return false;
}

/** Whether an element's parameters say `q=0` (or `q=0.000`), "not this one". */
function refused(at: usize, length: u32): bool {
  let i: u32 = 0;
  while (i < length && lower(load<u8>(at + i)) != 0x71 /* q */) i++;
  if (i + 2 >= length || load<u8>(at + i + 1) != 0x3d /* = */) return false;
  for (i += 2; i < length; i++) {
    const c = load<u8>(at + i);
    if (isDigit(c) && c != 0x30) return false;
  }
  return true;
}
