/**
 * Resets a TCP connection, so that its peer sees that it was cut off.
 *
 * `resetAndDestroy` alone must not be called while the kernel is yet to be told of an `end()`: libuv refuses, Node
 * takes no notice and forgets the handle, and the process then spins for ever where it should exit. In that one moment
 * the connection is closed instead; all that it had to deliver is the kernel's already.
 */

import type { Socket } from "node:net";

export function reset(socket: Socket): void {
  const ending = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished;
  // One that does not stand yet would be waited for, to be reset then.
  if (ending || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
