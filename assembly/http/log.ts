/** `/log`: the last lines of the board's log as text, also those from before the module was started afresh. */

import { logRead } from "../board";
import { LOG_BYTES } from "../limits";
import { Connection } from "./connection";
import { Server } from "./server";

export function sendLog(connection: Connection, server: Server, now: i64): void {
  if (!server.makeRoomForSnapshot(now)) {
    connection.putOff("too many snapshots under way, try again later", now);
    return;
  }
  const slot = server.slots.lendMemory();
  connection.sendLent("text/plain; charset=utf-8", slot, logRead(slot.at, LOG_BYTES), now);
}
