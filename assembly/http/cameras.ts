/**
 * The cameras that the board hears from other machines: `/cameras` lists them as JSON, `/cameras/NAME.jpg` is the last
 * picture of one, and `/dashboard` the page that shows all. What is heard, and kept of it, is the board's business.
 */

import { DASH, isDigit, isLetter } from "../ascii";
import { CAMERA_NAME_MAX, Fault, Heard, cameraAt, cameraFile } from "../board";
import { DASHBOARD, DASHBOARD_BYTES, DASHBOARD_GZIP, DASHBOARD_GZIP_BYTES, DASHBOARD_POLICY } from "../generated/page";
import { CAMERAS_MAX, JPEG_BYTES_MAX } from "../limits";
import { Writer } from "../writer";
import { Connection } from "./connection";
import { Server } from "./server";

const HEARD_BYTES: u32 = <u32>Heard.NAME + CAMERA_NAME_MAX;
const heard = memory.data(<i32>HEARD_BYTES, 8);

/** In front of a camera's name in an address, and behind it. */
export const CAMERA_PATH = "/cameras/";
const SUFFIX = ".jpg";

const NOBODY = "this camera hears no others";

export function sendDashboard(connection: Connection, _server: Server, now: i64): void {
  const type = "text/html; charset=utf-8";
  if (connection.parser.acceptsGzip) {
    connection.sendBytes(type, "gzip", DASHBOARD_POLICY, DASHBOARD_GZIP, DASHBOARD_GZIP_BYTES, now);
  } else connection.sendBytes(type, "", DASHBOARD_POLICY, DASHBOARD, DASHBOARD_BYTES, now);
}

export function sendCameras(connection: Connection, server: Server, now: i64): void {
  let bytes = cameraAt(0, heard, HEARD_BYTES);
  if (bytes == Fault.MISSING) return connection.refuse("404 Not Found", NOBODY, now);
  if (!server.makeRoomForSnapshot(now)) {
    return connection.putOff("too many snapshots under way, try again later", now);
  }
  const slot = server.slots.lendMemory();
  const json = connection.beginLent(slot);
  json.text('{"time":').seconds(now).text(',"cameras":[');
  for (let i = 0; i < CAMERAS_MAX && bytes > 0; bytes = cameraAt(++i, heard, HEARD_BYTES)) {
    if (i) json.byte(0x2c);
    describe(json, bytes);
  }
  connection.sendLent("application/json", slot, json.text("]}\n").length, now);
}

/** One camera, of whom `bytes` were written. */
function describe(json: Writer, bytes: u32): void {
  const size = load<u32>(heard + Heard.SIZE);
  json.text('{"name":').quoted(heard + Heard.NAME, bytes - Heard.NAME);
  json.text(',"sequence":').number(load<u32>(heard + Heard.SEQUENCE));
  json.text(',"bytes":').number(load<u32>(heard + Heard.BYTES));
  json.text(',"width":').number(size >> 16).text(',"height":').number(size & 0xffff);
  json.text(',"captured":').seconds(max<i64>(load<i64>(heard + Heard.TIME), 0));
  json.text(',"silence":').thousandths(load<u32>(heard + Heard.SILENCE)).text("}");
}

export function sendCamera(connection: Connection, server: Server, now: i64): void {
  const parser = connection.parser;
  const name = parser.path + CAMERA_PATH.length;
  const bytes = <i32>parser.pathBytes - CAMERA_PATH.length - SUFFIX.length;
  if (bytes < 1 || bytes > <i32>CAMERA_NAME_MAX || !endsWithSuffix(name + bytes) || !isName(name, bytes)) {
    return connection.refuse("404 Not Found", "there is no camera of such a name", now);
  }
  if (!server.makeRoomForSnapshot(now)) {
    return connection.putOff("too many snapshots under way, try again later", now);
  }
  const slot = server.slots.lendMemory();
  const length = cameraFile(name, bytes, slot.at, JPEG_BYTES_MAX);
  if (length > 0) return connection.sendLent("image/jpeg", slot, length, now);
  server.slots.giveBack(slot);
  if (length == Fault.MISSING) return connection.refuse("404 Not Found", "no camera of that name is heard", now);
  connection.putOff("no frame yet", now);
}

function endsWithSuffix(at: usize): bool {
  for (let i = 0; i < SUFFIX.length; i++) if (load<u8>(at + i) != SUFFIX.charCodeAt(i)) return false;
  return true;
}

/** Whether the bytes are a camera's name: letters, digits, `-` and `_`. */
function isName(at: usize, bytes: i32): bool {
  for (let i = 0; i < bytes; i++) {
    const c = load<u8>(at + i);
    if (!isLetter(c) && !isDigit(c) && c != DASH && c != 0x5f /* _ */) return false;
  }
  return true;
}
