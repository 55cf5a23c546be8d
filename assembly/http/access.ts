/**
 * Who may do what: the level that each route has, and the one place that every request passes before it is answered.
 * What secrets are, and how they are checked, is `security/`'s; `server.ts` lets nobody past without asking here.
 *
 * Three questions, in this order:
 *
 * 1. *Is the request meant for us?* A web page can have its visitors' browsers ask for whatever host it names, and make
 *    that name an address of the camera's network (DNS rebinding): for the browser the camera is then that page's own
 *    server. So the host must be one that only we have, an address or a name that we know, else 421.
 * 2. *Does a page of ours ask?* What changes something (POST), or opens a WebSocket, which browsers let every page do
 *    and read, comes from our own page, from a page whose origin is listed, or from a program that is no browser and so
 *    has no Origin; else 403.
 * 3. *Who asks?* Pictures and state: the viewer secret, where one is set. Whatever changes something: the admin secret.
 *    Else 401; or 429 after too many wrong tries from one address.
 */

import { equalsInAnyCase, isDigit, startsWith } from "../ascii";
import { readCredentials, shownSecret } from "../security/credentials";
import { Keeper } from "../security/keeper";
import { Names, isSameName } from "../security/names";
import { HASH_BYTES } from "../security/sha256";
import { addressOf } from "../security/tries";
import { Connection } from "./connection";
import { Method, Parser } from "./parser";

/** What whoever asks has to show. */
export enum Access {
  /** Nothing: what it answers tells nothing of the camera or its pictures. */
  OPEN,
  /** Where a viewer secret is set, that or the admin secret: pictures, and whatever tells of the camera. */
  VIEWER,
  /** The admin secret, always: whatever changes something, or tells what only the owner should know. */
  ADMIN,
}

/** What an Authorization field shows. */
export enum Shown {
  /** Nothing that can be a secret. */
  NOTHING,
  /** A secret that nobody has shown before: the keeper has to look at it first. */
  UNKNOWN,
  WRONG,
  /** Something, after too many wrong secrets from the same address. */
  TOO_OFTEN,
  VIEWER,
  ADMIN,
}

export const CHALLENGE = 'WWW-Authenticate: Basic realm="wasmcam", charset="UTF-8"\r\n';

const RETRY_AFTER = "Retry-After: 60\r\n";

/** The digest of what was shown last. */
const digest: usize = memory.data(<i32>HASH_BYTES);

export class Guard {
  readonly keeper: Keeper = new Keeper();
  /** Names of the camera beside those that it always has. */
  readonly hosts: Names = new Names("hosts");
  /** Origins of foreign pages that may use the camera. */
  readonly origins: Names = new Names("origins");
  /** Places in the line before the keeper that were given out. */
  private places: u32 = 0;
  /** Bytes of what was shown last. */
  private shownBytes: u32 = 0;

  /** The next place in that line. */
  drawPlace(): u32 {
    if (++this.places == 0) this.places = 1; // after four thousand million of them
    return this.places;
  }

  /** Whether the request is for us. If not, it was answered. */
  isForUs(connection: Connection, now: i64): bool {
    const parser = connection.parser;
    const bytes = nameBytes(parser.host, parser.hostBytes);
    if (this.isOurs(parser)) return true;
    const text = connection.beginRefusal();
    text.text("this camera is not known as ").printable(parser.host, min(bytes, 64));
    text.text("; use its address, or add the name to its hosts");
    connection.endRefusal("421 Misdirected Request", now);
    return false;
  }

  /** Whether the request comes from a foreign page that is listed, which may then read the answer. */
  isListed(parser: Parser): bool {
    return parser.originBytes > 0 && this.origins.has(parser.origin, parser.originBytes);
  }

  /** Whether whoever asks may have an answer of a route of this level. If not, it was answered or has to wait. */
  admits(connection: Connection, access: Access, now: i64): bool {
    if (connection.awaitsChange) return true; // it was let in when it asked for it
    const parser = connection.parser;
    if ((parser.method == Method.POST || parser.wantsWebSocket) && !this.isOwnPage(parser)) {
      const what = parser.wantsWebSocket ? "open a WebSocket here" : "change anything here";
      connection.beginRefusal().text("pages of other sites may not ").text(what);
      connection.endRefusal("403 Forbidden", now);
      return false;
    }
    if (access == Access.OPEN || (access == Access.VIEWER && !this.keeper.viewer.isSet)) return true;
    return this.knows(connection, access, now);
  }

  /** Whether the host that is asked is one that only we have. */
  isOurs(parser: Parser): bool {
    const at = parser.host;
    const bytes = nameBytes(at, parser.hostBytes);
    // Whoever names no host at all (HTTP/1.0) is no browser.
    if (bytes == 0 || isAddress(at, bytes) || this.hosts.has(at, bytes)) return true;
    return (
      equalsInAnyCase(at, bytes, "localhost") ||
      equalsInAnyCase(at, bytes, "wasmcam") ||
      equalsInAnyCase(at, bytes, "wasmcam.local")
    );
  }

  /** Whether a page of ours asks, or one that is listed, or a program that is no browser. */
  isOwnPage(parser: Parser): bool {
    const at = parser.origin;
    const bytes = parser.originBytes;
    if (bytes == 0 || this.isListed(parser)) return true;
    // Another origin by its scheme alone is ours too: behind a proxy that speaks TLS.
    const scheme: u32 = startsWith(at, bytes, "https://") ? 8 : startsWith(at, bytes, "http://") ? 7 : 0;
    if (scheme == 0 || bytes - scheme != parser.hostBytes) return false;
    return isSameName(at + scheme, parser.host, parser.hostBytes);
  }

  private knows(connection: Connection, access: Access, now: i64): bool {
    const keeper = this.keeper;
    const parser = connection.parser;
    if (!keeper.admin.isSet && access == Access.ADMIN && !keeper.isBusy) {
      connection.refuse("403 Forbidden", "no admin secret is set, and this board can't make one", now);
      return false;
    }
    switch (this.shown(parser, connection.peer, connection.peerBytes, now)) {
      case Shown.ADMIN:
        return true;
      case Shown.VIEWER:
        return access == Access.VIEWER || this.challenge(connection, access, now);
      case Shown.TOO_OFTEN:
        connection.refuse("429 Too Many Requests", "too many wrong secrets, try again in a minute", now, RETRY_AFTER);
        return false;
      case Shown.UNKNOWN:
        if (connection.isFirst) this.check(connection.peer, connection.peerBytes, now);
        connection.awaitKeeper();
        return false;
      default:
        return this.challenge(connection, access, now);
    }
  }

  /** What a request shows that comes from the IP address of `peerBytes` bytes at `peer`. */
  shown(parser: Parser, peer: usize, peerBytes: u32, now: i64): Shown {
    const keeper = this.keeper;
    if (parser.authorizationBytes == 0) return Shown.NOTHING;
    const address = addressOf(peer, peerBytes);
    const bytes = readCredentials(parser.authorization, parser.authorizationBytes);
    if (bytes < 0) return Shown.NOTHING;
    this.shownBytes = bytes;
    keeper.digestTo(digest, shownSecret, bytes);
    if (keeper.tries.wasWrong(address, digest)) return Shown.WRONG;
    if (!keeper.tries.isOpen(address, now)) return Shown.TOO_OFTEN;
    const isAdmin = keeper.admin.isDigest(digest);
    const isViewer = keeper.viewer.isDigest(digest);
    if (!isAdmin && !isViewer) return Shown.UNKNOWN;
    keeper.tries.countRight(address, now);
    return isAdmin ? Shown.ADMIN : Shown.VIEWER;
  }

  /** Has the keeper look at what was shown a moment ago, and was UNKNOWN, unless it is busy. Its `done` tells. */
  check(peer: usize, peerBytes: u32, now: i64): void {
    if (!this.keeper.isBusy) this.keeper.check(shownSecret, this.shownBytes, addressOf(peer, peerBytes), now);
  }

  private challenge(connection: Connection, access: Access, now: i64): bool {
    const why = access == Access.ADMIN ? "this needs the admin secret" : "this needs the viewer secret";
    connection.refuse("401 Unauthorized", why, now, CHALLENGE);
    return false;
  }
}

/** Bytes of a host without its port, and without the dot that a name may end with. */
function nameBytes(at: usize, bytes: u32): u32 {
  let end = bytes;
  while (end > 0 && isDigit(load<u8>(at + end - 1))) end--;
  if (end == 0 || load<u8>(at + end - 1) != 0x3a /* : */) end = bytes;
  else end--;
  return end > 1 && load<u8>(at + end - 1) == 0x2e /* . */ ? end - 1 : end;
}

/**
 * Whether a host is an IP address. A browser got there without asking any name server, so nobody can have turned a
 * name of his into it. The parser has let nothing in brackets through but hexadecimal digits, colons and dots.
 */
function isAddress(at: usize, bytes: u32): bool {
  if (load<u8>(at) == 0x5b /* [ */) return true;
  let dots = 0;
  let digits = 0;
  for (let i: u32 = 0; i < bytes; i++) {
    const c: u32 = load<u8>(at + i);
    if (c == 0x2e /* . */) {
      if (digits == 0) return false;
      dots++;
      digits = 0;
    } else if (c - 0x30 > 9 || ++digits > 3) return false;
  }
  return dots == 3 && digits > 0;
}
