/**
 * The request for a stream, made of `http://user:password@host:port/path` (RFC 3986, 3; RFC 7617). User name and
 * password go into the request and nowhere else: not to `/state`, not to the log.
 */

import { AT, COLON, HASH, PERCENT, QUESTION, SLASH, hexDigit, startsWith } from "../ascii";
import { writeBase64 } from "../base64";
import { REQUEST_BYTES_MAX, SETTING_BYTES } from "../limits";
import { VERSION } from "../version";
import { Writer } from "../writer";
import { Peer } from "./peer";

export enum Address {
  RIGHT,
  /** It wants TLS, which the module does not have. */
  SECURE,
  /** It makes no sense. */
  WRONG,
}

const HTTP_PORT: u32 = 80;

export class Request {
  /** The whole request, as it is sent. */
  readonly at: usize = heap.alloc(REQUEST_BYTES_MAX);
  bytes: u32 = 0;
  private readonly writer: Writer = new Writer();
  /** `user:password` */
  private readonly user: usize = heap.alloc(SETTING_BYTES);

  /** Reads the address, and where the host is to `peer`. */
  read(address: usize, length: u32, peer: Peer): Address {
    const end = address + length;
    if (startsWith(address, length, "https:")) return Address.SECURE;
    if (!startsWith(address, length, "http://")) return Address.WRONG;
    const start = address + 7;
    let path = start;
    while (path < end && !endsAuthority(load<u8>(path))) path++;
    let host = path;
    while (host > start && load<u8>(host - 1) != AT) host--;
    const userBytes = host > start ? this.decode(start, host - 1) : 0;
    if (userBytes < 0 || !peer.read(host, u32(path - host), HTTP_PORT)) return Address.WRONG;
    let pathEnd = path;
    while (pathEnd < end && load<u8>(pathEnd) != HASH) {
      if (<u32>load<u8>(pathEnd++) - 0x21 > 0x5d) return Address.WRONG;
    }
    const text = this.writer.begin(this.at, REQUEST_BYTES_MAX).text("GET ");
    if (path == pathEnd || load<u8>(path) != SLASH) text.byte(SLASH);
    text.bytes(path, u32(pathEnd - path)).text(" HTTP/1.1\r\nHost: ");
    peer.write(text, HTTP_PORT).text("\r\nUser-Agent: wasmcam/").text(VERSION);
    text.text("\r\nAccept: multipart/x-mixed-replace, image/jpeg;q=0.1\r\n");
    if (host > start) {
      text.text("Authorization: Basic ");
      writeBase64(text, this.user, userBytes);
      text.text("\r\n");
    }
    this.bytes = text.text("Connection: close\r\n\r\n").length;
    return Address.RIGHT;
  }

  /** Decodes `user:password`. @returns its length, or -1 where it makes no sense */
  private decode(at: usize, end: usize): i32 {
    let length = 0;
    let hasColon = false;
    while (at < end) {
      let c: u32 = load<u8>(at++);
      if (c == COLON) hasColon = true;
      else if (c == PERCENT) {
        const high = at + 1 < end ? hexDigit(load<u8>(at)) : -1;
        const low = high < 0 ? -1 : hexDigit(load<u8>(at + 1));
        if (low < 0) return -1;
        c = high << 4 | low;
        at += 2;
      }
      if (c < 0x20 || c == 0x7f) return -1; // RFC 7617, 2
      store<u8>(this.user + length++, c);
    }
    if (!hasColon) store<u8>(this.user + length++, COLON);
    return length;
  }
}

function endsAuthority(c: u32): bool {
  return c == SLASH || c == QUESTION || c == HASH;
}
