/**
 * The HTTP server's task: listens, lets connections into the fixed table, and finds the route for each request. Viewers
 * never take the table's last places, so that the page, the state and snapshots answer however many watch. Who comes
 * when the table is full takes the place of the connection whose peer has kept us waiting longest, with its request or
 * in taking its answer, so that nobody can hold the last places by doing nothing, or little; where there is none such,
 * the newcomer is told to come back later.
 */

import { Close, Level, tcpClose, tcpSend } from "../board";
import { beginLine, endLine, say } from "../journal";
import {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  SECOND,
  SNAPSHOTS_MAX,
  SNAPSHOTS_WAITING_MAX,
  SNAPSHOT_STALL,
  TELL_FULL_EVERY,
  VIEWERS_MAX,
} from "../limits";
import { Pusher } from "../relay/pusher";
import { Task } from "../scheduler";
import { Slots } from "../slot";
import { Socket } from "../sockets";
import { Source } from "../source";
import { Writer } from "../writer";
import { Access, Guard } from "./access";
import { Connection, State } from "./connection";
import { Method, Outcome, Parser } from "./parser";

/** Answers a request by one of the connection's calls for routes. */
export type Handler = (connection: Connection, server: Server, now: i64) => void;

class Route {
  constructor(
    /** With a `/` behind it: all that is below. */
    readonly path: string,
    /** The query it answers to, without the `?`, or "" for any. */
    readonly query: string,
    /** What whoever asks has to show. */
    readonly access: Access,
    /** Whether it answers POST, which may have a body, else GET and HEAD. */
    readonly isPost: bool,
    readonly handler: Handler,
  ) {}

  isAt(parser: Parser): bool {
    const last = this.path.length - 1;
    if (last > 0 && this.path.charCodeAt(last) == 0x2f) return parser.pathIsBelow(this.path);
    return parser.pathIs(this.path);
  }

  takes(method: Method): bool {
    return this.isPost ? method == Method.POST : method == Method.GET || method == Method.HEAD;
  }
}

const ALLOW_GET = "Allow: GET, HEAD, OPTIONS\r\n";
const ALLOW_POST = "Allow: POST, OPTIONS\r\n";
const ALLOW_BOTH = "Allow: GET, HEAD, POST, OPTIONS\r\n";

/** For who brings frames, as a relay's upstream does, to where they are shown. */
const PUSH_HINT = "frames are taken at TCP port 9999, or another --push-port, where the setting source is push";

/** Connections let in at most in one run. */
const ACCEPTS: i32 = 4;

const FULL_BYTES: i32 = 192;
const full = memory.data(FULL_BYTES);

export class Server extends Task {
  /** The fixed table. */
  readonly connections: StaticArray<Connection> = new StaticArray<Connection>(CONNECTIONS_MAX);
  /** How many watch. */
  viewers: i32 = 0;
  /** What sends the stream to a relay, if anything does. */
  pusher: Pusher | null = null;
  /** Snapshots on their way. */
  snapshots: i32 = 0;

  private readonly routes: Route[] = [];
  private readonly listener: Socket = new Socket(this);
  private fullBytes: u32 = 0;
  /** When the log was last told that all viewers' places are taken. */
  private fullToldAt: i64 = -TELL_FULL_EVERY;

  constructor(
    readonly port: u32,
    readonly source: Source,
    readonly slots: Slots,
    readonly guard: Guard,
  ) {
    super();
    for (let i = 0; i < CONNECTIONS_MAX; i++) this.connections[i] = new Connection(this);
    const why = "too many connections, try again later\n";
    const answer = new Writer().begin(full, FULL_BYTES);
    answer.text("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ");
    answer.number(why.length).text("\r\nRetry-After: 1\r\nConnection: close\r\n\r\n").text(why);
    this.fullBytes = answer.length;
  }

  /**
   * Has `handler` answer GET and HEAD for `path`, where `query` is "" or the request's, to whoever shows what `access`
   * asks for. A path that ends with `/` stands for all that is below it. Earlier ones come first.
   */
  route(path: string, query: string, access: Access, handler: Handler): void {
    this.routes.push(new Route(path, query, access, false, handler));
  }

  /** Has `handler` answer POST for `path`. */
  post(path: string, access: Access, handler: Handler): void {
    this.routes.push(new Route(path, "", access, true, handler));
  }

  /** Gives the pusher a viewer's place for good. */
  keepPusher(pusher: Pusher): void {
    this.pusher = pusher;
    this.viewers++;
  }

  /** Whether one more can watch. The log tells, once in a while, that somebody could not. */
  hasRoomForViewer(now: i64): bool {
    if (this.viewers < VIEWERS_MAX) return true;
    if (now >= this.fullToldAt + TELL_FULL_EVERY) {
      this.fullToldAt = now;
      beginLine().text("all ").number(VIEWERS_MAX).text(" viewers' places are taken, others are put off");
      endLine(Level.WARNING);
    }
    return false;
  }

  /** Whether one more snapshot can be sent, now that maybe the one that takes longest has given way. */
  makeRoomForSnapshot(now: i64): bool {
    if (this.snapshots < SNAPSHOTS_MAX) return true;
    const longest = this.longestWaitedFor(now, true);
    if (longest && longest.hasWaited(now) >= SNAPSHOT_STALL) longest.giveWay();
    return this.snapshots < SNAPSHOTS_MAX;
  }

  /** Whether a further connection may wait for a snapshot. */
  get hasRoomToAwaitSnapshot(): bool {
    let waiting = 0;
    for (let i = 0; i < CONNECTIONS_MAX; i++) if (this.connections[i].state == State.AWAITING_FRAME) waiting++;
    return waiting < SNAPSHOTS_WAITING_MAX;
  }

  /** Whether nobody has waited for a snapshot longer than `connection`. */
  isNextSnapshot(connection: Connection): bool {
    for (let i = 0; i < CONNECTIONS_MAX; i++) {
      const other = this.connections[i];
      if (other.state == State.AWAITING_FRAME && other.frameBy < connection.frameBy) return false;
    }
    return true;
  }

  /** Connections in use. */
  get open(): i32 {
    let open = 0;
    for (let i = 0; i < CONNECTIONS_MAX; i++) if (this.connections[i].state != State.FREE) open++;
    return open;
  }

  /** Whether no other connection has waited for the keeper of secrets for longer. */
  isFirst(connection: Connection): bool {
    for (let i = 0; i < CONNECTIONS_MAX; i++) {
      const other = this.connections[i];
      if (other == connection || other.state != State.AWAITING_KEEPER) continue;
      if (connection.place == 0 || other.place < connection.place) return false;
    }
    return true;
  }

  /** Ends every stream: whoever watched may have to show a new secret. */
  closeViewers(): void {
    for (let i = 0; i < CONNECTIONS_MAX; i++) {
      if (this.connections[i].isWatching) this.connections[i].close(Close.ABORT);
    }
  }

  run(now: i64): void {
    if (!this.listener.isOpen && this.listener.listen(this.port) < 0) {
      say(Level.ERROR, "can't listen for HTTP, trying again in a second");
      this.waitUntil(now + SECOND);
      return;
    }
    for (let i = 0; i < ACCEPTS && this.listener.readable; i++) {
      const handle = this.listener.accept();
      if (handle < 0) return;
      const place = this.place(now);
      if (place) place.open(handle, now);
      else {
        tcpSend(handle, full, this.fullBytes);
        tcpClose(handle, Close.ORDERLY);
      }
    }
    if (this.listener.readable) this.wake();
  }

  /** Finds the answer to what the connection has read. */
  answer(connection: Connection, now: i64): void {
    const parser = connection.parser;
    switch (parser.outcome) {
      case Outcome.MALFORMED:
        return connection.refuse("400 Bad Request", "not an HTTP request", now);
      case Outcome.LENGTH_REQUIRED:
        return connection.refuse("411 Length Required", "a body must have a Content-Length", now);
      case Outcome.TARGET_TOO_LONG:
        return connection.refuse("414 URI Too Long", "the address is too long", now);
      case Outcome.HEAD_TOO_LARGE:
        return connection.refuse("431 Request Header Fields Too Large", "the request's head is too large", now);
      case Outcome.EXPECTATION_UNKNOWN:
        return connection.refuse("417 Expectation Failed", "only 100-continue can be expected here", now);
      case Outcome.CODING_UNKNOWN:
        return connection.refuse("501 Not Implemented", "this transfer coding is not understood here", now);
      case Outcome.VERSION_UNKNOWN:
        return connection.refuse("505 HTTP Version Not Supported", "only HTTP/1.1 and HTTP/1.0 are spoken here", now);
      default:
    }
    if (!this.guard.isForUs(connection, now)) return;
    const allow = this.allowed(parser);
    if (!allow.length) return connection.refuse("404 Not Found", "there is nothing at this address", now);
    if (parser.method == Method.OPTIONS) {
      if (parser.bodyBytes) return connection.refuse("413 Content Too Large", "no body is taken here", now);
      return connection.sendOptions(allow, now);
    }
    for (let i = 0; i < this.routes.length; i++) {
      const route = this.routes[i];
      if (!route.isAt(parser) || !route.takes(parser.method)) continue;
      if (route.query.length && !parser.queryIs(route.query)) continue;
      if (!this.guard.admits(connection, route.access, now)) return;
      if (parser.bodyBytes > (route.isPost ? BODY_BYTES_MAX : 0)) {
        const why = route.isPost ? "the body is too long" : "no body is taken here";
        return connection.refuse("413 Content Too Large", why, now);
      }
      if (!connection.hasBody) return connection.takeBody(now);
      return route.handler(connection, this, now);
    }
    const brings = parser.method == Method.POST || parser.method == Method.PUT;
    const why = brings && allow == ALLOW_GET ? PUSH_HINT : "this method is not understood here";
    connection.refuse("405 Method Not Allowed", why, now, allow);
  }

  /** The Allow line for a path, or for the whole server (`*`); "" where there is nothing. */
  private allowed(parser: Parser): string {
    if (parser.pathIs("*")) return ALLOW_BOTH; // which only OPTIONS asks for
    let isThere = false;
    let takesPost = false;
    let takesGet = false;
    for (let i = 0; i < this.routes.length; i++) {
      const route = this.routes[i];
      if (!route.isAt(parser)) continue;
      isThere = true;
      if (route.isPost) takesPost = true;
      else takesGet = true;
    }
    if (!isThere) return "";
    return takesGet && takesPost ? ALLOW_BOTH : takesPost ? ALLOW_POST : ALLOW_GET;
  }

  /** A connection that is free, maybe because the one that was waited for longest gave way; null if all are busy. */
  private place(now: i64): Connection | null {
    for (let i = 0; i < CONNECTIONS_MAX; i++) {
      if (this.connections[i].state == State.FREE) return this.connections[i];
    }
    const longest = this.longestWaitedFor(now, false);
    if (longest) longest.giveWay();
    return longest;
  }

  /** The connection, of all or of those that send a snapshot, whose peer has kept us waiting longest; null if none. */
  private longestWaitedFor(now: i64, amongSnapshots: bool): Connection | null {
    let longest: Connection | null = null;
    let time: i64 = -1;
    for (let i = 0; i < CONNECTIONS_MAX; i++) {
      const connection = this.connections[i];
      if (amongSnapshots && !connection.isSendingSnapshot) continue;
      const waited = connection.hasWaited(now);
      if (waited <= time) continue;
      longest = connection;
      time = waited;
    }
    return longest;
  }
}
