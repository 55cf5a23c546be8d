/**
 * The request for a stream, made of `http://user:password@host:port/path` (RFC 3986, 3; RFC 7617). User name and
 * password go into the request and nowhere else: not to `/state`, not to the log.
 */

import { REQUEST_BYTES_MAX, SETTING_BYTES } from "../limits";
import { VERSION } from "../version";
import { Writer } from "../writer";
import { Peer } from "./peer";
import { startsWith } from "./stream-reader";

export enum Address {
  RIGHT,
  /** It wants TLS, which the module does not have. */
  SECURE,
  /** It makes no sense. */
  WRONG,
}

const HTTP_PORT: u32 = 80;
const HASH: u32 = 0x23;
const PERCENT: u32 = 0x25;
const SLASH: u32 = 0x2f;
const COLON: u32 = 0x3a;
const QUESTION: u32 = 0x3f;
const AT: u32 = 0x40;

export class Request {
  /** The whole request, as it is sent. */
  readonly at: usize = heap.alloc(REQUEST_BYTES_MAX);
  bytes: u32 = 0;
  private readonly writer: Writer = new Writer();
  /** `user:password`, with a rest for the encoding. */
  private readonly user: usize = heap.alloc(SETTING_BYTES + 3);

  /** Reads the address, and where the host is to `peer`. */
  read(address: usize, length: u32, peer: Peer): Address {
    const end = address + length;
    if (startsWith(address, end, "https:")) return Address.SECURE;
    if (!startsWith(address, end, "http://")) return Address.WRONG;
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

/** RFC 4648, 4. Up to two bytes behind the last are read, and do not count. */
function writeBase64(text: Writer, at: usize, length: u32): void {
  store<u16>(at + length, 0);
  for (let i: u32 = 0; i < length; i += 3) {
    const bits = <u32>load<u8>(at + i) << 16 | <u32>load<u8>(at + i + 1) << 8 | <u32>load<u8>(at + i + 2);
    text.byte(letter(bits >> 18)).byte(letter(bits >> 12 & 63));
    text.byte(i + 1 < length ? letter(bits >> 6 & 63) : 0x3d).byte(i + 2 < length ? letter(bits & 63) : 0x3d);
  }
}

function letter(value: u32): u32 {
  if (value < 26) return 0x41 + value;
  if (value < 52) return 0x61 - 26 + value;
  if (value < 62) return 0x30 - 52 + value;
  return value == 62 ? 0x2b : SLASH;
}

function hexDigit(c: u32): i32 {
  if (c - 0x30 <= 9) return c - 0x30;
  const letter = (c | 0x20) - 0x61;
  return letter <= 5 ? letter + 10 : -1;
}

function endsAuthority(c: u32): bool {
  return c == SLASH || c == QUESTION || c == HASH;
}
