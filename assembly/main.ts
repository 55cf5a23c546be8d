/**
 * What the camera is made of: its tasks and its routes. This is the place to add your own: make a task (a class that
 * extends Task, see docs/architecture.md for an example) or a route in {@link start}, and it takes its turns.
 */

import { Capture } from "./capture";
import { Connection } from "./http/connection";
import { PAGE, PAGE_BYTES, PAGE_GZIP, PAGE_GZIP_BYTES } from "./generated/page";
import { Server } from "./http/server";
import { sendState } from "./http/state";
import { SLOTS, SLOT_BYTES } from "./limits";
import { readSettings } from "./settings";
import { Slots } from "./slot";

const HTTP_PORT: u32 = 80;

const slotMemory = memory.data(SLOTS * <i32>SLOT_BYTES, 16);

/** Makes all tasks. They begin with the first step. */
export function start(): void {
  const slots = new Slots(slotMemory);
  const capture = new Capture(readSettings(), slots);
  const server = new Server(HTTP_PORT, capture, slots);

  server.route("/", "action=stream", stream);
  server.route("/", "action=snapshot", snapshot);
  server.route("/", "", page);
  server.route("/stream.jpg", "", stream);
  server.route("/stream", "", stream);
  server.route("/video_feed", "", stream);
  server.route("/snapshot.jpg", "", snapshot);
  server.route("/state", "", sendState);
}

function page(connection: Connection, _server: Server, now: i64): void {
  const type = "text/html; charset=utf-8";
  if (connection.parser.acceptsGzip) connection.sendBytes(type, "gzip", PAGE_GZIP, PAGE_GZIP_BYTES, now);
  else connection.sendBytes(type, "", PAGE, PAGE_BYTES, now);
}

function stream(connection: Connection, _server: Server, now: i64): void {
  connection.sendStream(now);
}

function snapshot(connection: Connection, _server: Server, now: i64): void {
  connection.sendSnapshot(now);
}
