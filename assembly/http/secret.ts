/**
 * `POST /secret` sets the secrets: `admin=…`, `viewer=…` or both, as a form; an empty viewer secret lets everybody
 * watch. `/access` tells, and by POST sets, under which names the camera is reached (`hosts=…`) and which foreign pages
 * may use it (`origins=…`). All need the admin secret. Who is asked for which is `access.ts`'s.
 *
 * A secret comes in a body only: what stands in an address is kept in histories and logs.
 */

import { equals, equalsInAnyCase } from "../ascii";
import { SECRET_BYTES_MAX, SECRET_BYTES_MIN, SETTING_BYTES } from "../limits";
import { Change } from "../security/keeper";
import { Names } from "../security/names";
import { Connection } from "./connection";
import { decode } from "./control";
import { Server } from "./server";

const TEXT = "text/plain; charset=utf-8";

/** A pair `name=value` of a form, decoded in place. */
class Pair {
  at: usize = 0;
  nameBytes: u32 = 0;
  value: usize = 0;
  valueBytes: u32 = 0;

  is(name: string): bool {
    return equalsInAnyCase(this.at, this.nameBytes, name);
  }
}

const pair: Pair = new Pair();

/** Reads the pair at `at` to `pair`. @returns where the next one begins, `end` or behind it after the last */
function readPair(at: usize, end: usize): usize {
  let pairEnd = at;
  while (pairEnd < end && load<u8>(pairEnd) != 0x26 /* & */) pairEnd++;
  let equals = at;
  while (equals < pairEnd && load<u8>(equals) != 0x3d /* = */) equals++;
  pair.at = at;
  pair.nameBytes = decode(at, equals);
  pair.value = min(equals + 1, pairEnd);
  pair.valueBytes = decode(pair.value, pairEnd);
  return pairEnd + 1;
}

export function setSecrets(connection: Connection, server: Server, now: i64): void {
  const keeper = server.guard.keeper;
  if (connection.awaitsChange) {
    const change = keeper.takeChange();
    if (change == Change.UNKNOWN) return connection.awaitKeeper();
    connection.awaitsChange = false;
    return answer(connection, server, change, now);
  }
  if (keeper.isBusy || !connection.isFirst) return connection.awaitKeeper();
  let viewer: usize = 0;
  let viewerBytes: u32 = 0;
  let admin: usize = 0;
  let adminBytes: u32 = 0;
  const end = connection.body + connection.parser.bodyBytes;
  for (let at = connection.body; at < end; ) {
    at = readPair(at, end);
    if (pair.nameBytes == 0 && pair.valueBytes == 0) continue;
    const isViewer = pair.is("viewer");
    if (!isViewer && !pair.is("admin")) {
      return badRequest(connection, "there are only the secrets viewer and admin", now);
    }
    const isNone = isViewer && pair.valueBytes == 0;
    if (!isNone && !isSecret(pair.value, pair.valueBytes)) {
      const text = connection.beginRefusal();
      text.text("a secret has ").number(SECRET_BYTES_MIN).text(" to ").number(SECRET_BYTES_MAX);
      text.text(" bytes, and no control characters");
      return connection.endRefusal("400 Bad Request", now);
    }
    if (isViewer ? viewer : admin) return badRequest(connection, "a secret is given twice", now);
    if (isViewer) {
      viewer = pair.value;
      viewerBytes = pair.valueBytes;
    } else {
      admin = pair.value;
      adminBytes = pair.valueBytes;
    }
  }
  if (!viewer && !admin) return badRequest(connection, "no secret is given in the body: viewer=... or admin=...", now);
  connection.awaitsChange = true;
  keeper.changeTo(viewer, viewerBytes, admin, adminBytes);
  // Nothing of them is to stay here.
  memory.fill(connection.body, 0, connection.parser.bodyBytes);
  connection.awaitKeeper();
}

function answer(connection: Connection, server: Server, change: Change, now: i64): void {
  if (change == Change.NO_ROOM) return refuseRoom(connection, now);
  if (change == Change.NO_CHANCE) {
    return connection.refuse("501 Not Implemented", "this board has no chance to hash a secret with", now);
  }
  // Whoever watches may have to show a secret that he does not know.
  if (server.guard.keeper.viewer.isSet) server.closeViewers();
  connection.beginText().text("kept\n");
  connection.endText("200 OK", TEXT, "", now);
}

export function sendNames(connection: Connection, server: Server, now: i64): void {
  const guard = server.guard;
  const json = connection.beginText();
  json.text('{"viewer":').text(guard.keeper.viewer.isSet ? "true" : "false");
  json.text(',"hosts":').quoted(guard.hosts.text, guard.hosts.bytes);
  json.text(',"origins":').quoted(guard.origins.text, guard.origins.bytes).text("}\n");
  connection.endText("200 OK", "application/json", "", now);
}

export function setNames(connection: Connection, server: Server, now: i64): void {
  const guard = server.guard;
  let hosts: usize = 0;
  let hostsBytes: u32 = 0;
  let origins: usize = 0;
  let originsBytes: u32 = 0;
  const end = connection.body + connection.parser.bodyBytes;
  for (let at = connection.body; at < end; ) {
    at = readPair(at, end);
    if (pair.nameBytes == 0 && pair.valueBytes == 0) continue;
    const isHosts = pair.is("hosts");
    if (!isHosts && !pair.is("origins")) {
      return badRequest(connection, "there are only the lists hosts and origins", now);
    }
    if (!isList(pair.value, pair.valueBytes)) {
      const text = connection.beginRefusal();
      text.text("a list has names with commas between them, ").number(SETTING_BYTES).text(" bytes at most");
      return connection.endRefusal("400 Bad Request", now);
    }
    if (isHosts) {
      hosts = pair.value;
      hostsBytes = pair.valueBytes;
    } else {
      origins = pair.value;
      originsBytes = pair.valueBytes;
    }
  }
  if (hosts && !guard.hosts.replace(hosts, hostsBytes)) return refuseRoom(connection, now);
  if (origins && !guard.origins.replace(origins, originsBytes)) return refuseRoom(connection, now);
  sendNames(connection, server, now);
}

function isSecret(at: usize, bytes: u32): bool {
  for (let i: u32 = 0; i < bytes; i++) {
    const c = load<u8>(at + i);
    if (c < 0x20 || c == 0x7f) return false;
  }
  return bytes >= SECRET_BYTES_MIN && bytes <= SECRET_BYTES_MAX;
}

/** Whether it can be kept as a list: printable ASCII. What is no name in it matches nothing. */
function isList(at: usize, bytes: u32): bool {
  for (let i: u32 = 0; i < bytes; i++) {
    const c = load<u8>(at + i);
    if (c < 0x20 || c > 0x7e) return false;
  }
  return bytes <= SETTING_BYTES;
}

function badRequest(connection: Connection, why: string, now: i64): void {
  connection.refuse("400 Bad Request", why, now);
}

function refuseRoom(connection: Connection, now: i64): void {
  connection.refuse("507 Insufficient Storage", "this board has no room to keep settings", now);
}
