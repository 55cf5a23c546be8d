/**
 * What a world's network is to the board: streams of bytes that say when they became worth trying. The live world
 * answers with `node:net`, the simulated one from memory. Handles, and the rule that readiness is told once, are
 * `sockets.ts`'s.
 */

import { isIPv4 } from "node:net";
import type { Close, Ready } from "./board-table.ts";

/** A TCP connection on the board's side. */
export interface Connection {
  /** Called with bits of Ready whenever they come about; the board sets it. */
  onReady: (what: number) => void;
  /** The peer's IP address, of 4 or 16 bytes; undefined while it is not known, or gone before anybody asked. */
  readonly peer: Uint8Array | undefined;
  /** Whether receive would answer anything but AGAIN. */
  readonly readable: boolean;
  /** Whether send would answer anything but AGAIN. */
  readonly writable: boolean;
  /** Receives up to the range's length. @returns how many, at least 1, or AGAIN, END, CLOSED, MISSING */
  receive(memory: Buffer, start: number, end: number): number;
  /** Takes bytes, which the caller changes right after. @returns how many, at least 1, or AGAIN, CLOSED, MISSING */
  send(memory: Buffer, start: number, end: number): number;
  /** As the module's tcpClose: the connection looks after itself from here. */
  close(how: Close): void;
}

/** A port on which connections arrive. */
export interface Listener {
  /** Called whenever a connection arrives; the board sets it. */
  onReady: (what: Ready.READABLE) => void;
  /** The connection that waits longest, which is the caller's from here. */
  accept(): Connection | undefined;
  /** Stops listening; those that still wait are reset. */
  close(): void;
}

export interface Network {
  /** @returns undefined where the port is taken or can't be had */
  listen(port: number): Listener | undefined;
  /** Begins to connect, to a name or an IP address and a port of 1 to 65535. @returns undefined where it can't */
  dial(name: string, port: number): Connection | undefined;
}

/** The bytes of an IP address as `node:net` writes it. One of IPv4 in IPv6's clothes (RFC 4291, 2.5.5.2) is IPv4. */
export function addressBytes(text: string): Uint8Array {
  const inner = text.slice(text.lastIndexOf(":") + 1);
  if (isIPv4(inner)) return Uint8Array.from(inner.split("."), Number);
  const [address] = text.split("%"); // behind it is the name of an interface
  const [front, back] = address.split("::").map((side) => (side === "" ? [] : side.split(":")));
  const zeros = back === undefined ? [] : Array<string>(8 - front.length - back.length).fill("0");
  const groups = [...front, ...zeros, ...(back ?? [])].map((group) => parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
