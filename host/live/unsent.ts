/**
 * Keeps the kernel from queueing the past of slow viewers: a socket takes more only while little of what it took
 * before is still unsent. Left to itself, Linux takes megabytes for a peer that reads slowly, which then shows what
 * was seconds ago; and it says that there is room again only when a third of them is sent, which looks like a peer
 * that has stalled.
 *
 * Node has no call for the option (TCP_NOTSENT_LOWAT), so libc's own is called.
 */

import type { Server, Socket } from "node:net";

/** Bytes that a connection may hold unsent in the kernel before it takes no more. */
const UNSENT_BYTES = 16 * 1024;
const IPPROTO_TCP = 6;
/** The option's number, from <linux/tcp.h> and macOS' <netinet/tcp.h>. Elsewhere there is none. */
const TCP_NOTSENT_LOWAT: Partial<Record<NodeJS.Platform, number>> = { linux: 25, darwin: 0x201 };

/**
 * Prepares to set the bound. A system on which that can't be done has a camera all the same, whose slow viewers see
 * older pictures.
 * @returns what sets it, for a connection that stands or for all that will arrive at a server, which inherit it, and
 * answers whether it did
 */
export async function prepareBound(): Promise<(socket: Server | Socket) => boolean> {
  const option = TCP_NOTSENT_LOWAT[process.platform];
  const koffi = await import("koffi").catch(() => undefined); // it has no binary for every system
  if (option === undefined || !koffi) return () => false;
  const libc = koffi.default.load(null);
  const setsockopt = libc.func("int setsockopt(int fd, int level, int option, const void *value, uint32_t length)");
  const value = Buffer.alloc(4);
  value.writeInt32LE(UNSENT_BYTES);
  return (socket) => {
    // Node tells a socket's descriptor only here.
    const fd = (socket as unknown as { _handle: { fd?: number } | null })._handle?.fd;
    return fd !== undefined && setsockopt(fd, IPPROTO_TCP, option, value, value.length) === 0;
  };
}
