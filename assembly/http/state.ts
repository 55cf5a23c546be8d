/** `/state`: what the camera is doing, as JSON. Times are seconds on the camera's clock. */

import { CRASH_BYTES_MAX, Identity, identify } from "../board";
import { CONNECTIONS_MAX, VIEWERS_MAX } from "../limits";
import { VERSION } from "../version";
import { Writer } from "../writer";
import { Connection } from "./connection";
import { Server } from "./server";

const TEXT_BYTES: i32 = CRASH_BYTES_MAX;
const text = memory.data(TEXT_BYTES);

export function sendState(connection: Connection, server: Server, now: i64): void {
  const json = connection.beginText();
  json.text('{"board":');
  identity(json, Identity.BOARD);
  json.text(',"address":');
  identity(json, Identity.ADDRESS);
  json.text(',"version":"').text(VERSION).text('","restarts":');
  json.bytes(text, max(identify(Identity.RESTARTS, text, TEXT_BYTES), 0));
  json.text(',"crash":');
  crash(json);
  json.text(',"time":').seconds(now);
  json.text(',"capture":{');
  server.source.describe(json, now);
  const pusher = server.pusher;
  json.text('},"push":');
  if (pusher) pusher.describe(json);
  else json.text("null");
  json.text(',"connections":').number(server.open);
  json.text(',"viewers":[');
  let first = true;
  for (let i = 0; i < CONNECTIONS_MAX; i++) {
    const viewer = server.connections[i];
    if (!viewer.isWatching) continue;
    json.text(first ? '{"sent":' : ',{"sent":').number(viewer.sent);
    json.text(',"dropped":').number(viewer.dropped).text(',"age":').seconds(viewer.age).text("}");
    first = false;
  }
  json.text('],"limits":{"connections":').number(CONNECTIONS_MAX);
  json.text(',"viewers":').number(VIEWERS_MAX).text("}}\n");
  connection.endText("200 OK", "application/json", "", now);
}

/** The last crash: null where there was none, else its text and time. */
function crash(json: Writer): void {
  const digits = identify(Identity.CRASH_TIME, text, TEXT_BYTES);
  if (digits <= 0) {
    json.text("null");
    return;
  }
  let time: i64 = 0;
  for (let i = 0; i < digits; i++) time = time * 10 + load<u8>(text + i) - 0x30;
  json.text('{"text":');
  identity(json, Identity.CRASH);
  json.text(',"time":').seconds(time).text("}");
}

function identity(json: Writer, what: Identity): void {
  json.quoted(text, max(identify(what, text, TEXT_BYTES), 0));
}
