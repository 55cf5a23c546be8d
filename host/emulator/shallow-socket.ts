/**
 * TCP sockets for which the kernel keeps little of what a program has not read yet. Left to itself Linux takes
 * megabytes for a connection within the machine, on either side of it, and whoever reads slowly reads what was seconds
 * ago.
 *
 * Node has no call for these options, so a socket is made by libc's own calls and handed to it. Where that can't be
 * done it is Node's own socket, with the kernel's idea of enough.
 */

import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";

/** Bytes that arrive ahead of the program, about half of which the kernel counts for itself. */
const RECEIVE_BYTES = 16 * 1024;
/**
 * Bytes of a segment at most, as on Ethernet. A segment within the machine is 64 KB otherwise, and what the peer's
 * kernel takes ahead of us is counted in segments.
 */
const SEGMENT_BYTES = 1448;

// From Linux' <sys/socket.h> and <netinet/tcp.h>.
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const IPPROTO_TCP = 6;
const TCP_MAXSEG = 2;

/** Makes sockets that are not connected yet. */
export type SocketMaker = (options: SocketConstructorOpts & { onread?: OnReadOpts }) => Socket;

export async function shallowSockets(): Promise<SocketMaker> {
  // It has no binary for every system, and the numbers above are Linux'.
  const koffi = process.platform === "linux" ? await import("koffi").catch(() => undefined) : undefined;
  if (!koffi) return (options) => new Socket(options);
  const libc = koffi.default.load(null);
  const socket = libc.func("int socket(int domain, int type, int protocol)");
  const setsockopt = libc.func("int setsockopt(int fd, int level, int option, const void *value, uint32_t length)");
  return (options) => {
    const fd: number = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return new Socket(options);
    const set = (level: number, option: number, number: number): void => {
      const value = Buffer.alloc(4);
      value.writeInt32LE(number);
      setsockopt(fd, level, option, value, value.length);
    };
    set(SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
    set(IPPROTO_TCP, TCP_MAXSEG, SEGMENT_BYTES);
    return new Socket({ ...options, fd });
  };
}
