/**
 * The opening handshake of WebSocket (RFC 6455, 4.2): whether a request asks for it as it should, and what it is
 * answered with. Who may ask is `http/access.ts`'s.
 */

import { EQUALS } from "../ascii";
import { base64Value, writeBase64 } from "../base64";
import { WEBSOCKET_KEY_BYTES } from "../limits";
import { SHA1_BYTES, sha1To } from "../security/sha1";
import { Writer } from "../writer";

/** RFC 6455, 1.3: known to whoever speaks WebSocket, and to nobody else. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const text: usize = memory.data(<i32>WEBSOCKET_KEY_BYTES + 36);
const hash: usize = memory.data(<i32>SHA1_BYTES);

/** Whether the `length` bytes at `at` are 16 bytes in base64. */
export function isKey(at: usize, length: u32): bool {
  if (length != WEBSOCKET_KEY_BYTES) return false;
  for (let i: u32 = 0; i < WEBSOCKET_KEY_BYTES - 2; i++) if (base64Value(load<u8>(at + i)) < 0) return false;
  // The 22nd letter has two bits of the last byte; its others are zero, and two signs fill up.
  return base64Value(load<u8>(at + 21)) % 16 == 0 && load<u8>(at + 22) == EQUALS && load<u8>(at + 23) == EQUALS;
}

/** Writes what the key at `key` is answered with. */
export function writeAccept(writer: Writer, key: usize): void {
  memory.copy(text, key, WEBSOCKET_KEY_BYTES);
  for (let i = 0; i < GUID.length; i++) store<u8>(text + WEBSOCKET_KEY_BYTES + i, GUID.charCodeAt(i));
  sha1To(hash, text, WEBSOCKET_KEY_BYTES + GUID.length);
  writeBase64(writer, hash, SHA1_BYTES);
}
