/**
 * Those who come to the camera during a soak, over real sockets: viewers that read well, slowly or not at all, people
 * who want a picture, the page or the state, who set something, and who do not speak HTTP. What is answered is read as
 * strictly as in the simulated world.
 */

import { connect, type Socket } from "node:net";
import { type Part, type Response, ResponseReader } from "../../host/simulated/http.ts";
import type { Random } from "../../host/simulated/random.ts";

/** Shows the admin secret, where the camera wants one. */
export type Secret = { Authorization: string } | Record<string, never>;

export function request(method: string, path: string, fields: Record<string, string>, body = ""): string {
  const all = { Host: "127.0.0.1", ...fields, ...(method === "POST" && { "Content-Length": String(body.length) }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** A connection on which something is asked. */
export class Visitor {
  readonly socket: Socket;
  readonly reader = new ResponseReader();
  /** Whole parts, of a stream, and the last one's number. */
  parts = 0;
  sequence = 0;
  /** Frames that it did not get, of those between its first and its last. */
  missed = 0;
  /** What was wrong, in words. */
  problem: string | undefined;
  isOver = false;
  onPart: (part: Part) => void = () => {};

  constructor(port: number, says: string, method = "GET") {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.reader.expect(method);
    this.reader.onPart = (part) => {
      if (part.sequence <= this.sequence) this.problem ??= `frame ${part.sequence} came after ${this.sequence}`;
      if (this.sequence > 0) this.missed += part.sequence - this.sequence - 1;
      this.sequence = part.sequence;
      this.parts++;
      this.onPart(part);
    };
    this.socket.on("data", (chunk) => {
      this.reader.push(chunk, 0);
      this.problem ??= this.reader.problem;
    });
    this.socket.on("error", () => {}); // a reset: the close that follows says all
    this.socket.on("close", () => (this.isOver = true));
    this.socket.write(says, "latin1");
  }

  /** The answer, or undefined where none came in `ms`. */
  async answer(ms: number): Promise<Response | undefined> {
    const until = performance.now() + ms;
    while (!this.isOver && this.reader.responses.length === 0 && performance.now() < until) await pause(20);
    return this.reader.responses[0];
  }

  leave(byReset: boolean): void {
    if (byReset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How one visit went: what was done, and what was wrong with it, if something was. */
export type Visit = { kind: string; problem?: string };

/** How long an answer may take, ms: the emulated board shares a machine. */
const PATIENCE = 30_000;

type Kind = [name: string, share: number, visit: (port: number, random: Random, secret: Secret) => Promise<Visit>];

const KINDS: Kind[] = [
  ["viewer", 4, (port, random) => watch(port, random, 0)],
  ["slow viewer", 2, (port, random) => watch(port, random, random.between(50, 500))],
  ["stalled viewer", 1, stall],
  ["snapshot", 5, (port) => ask(port, "snapshot", "GET", "/snapshot.jpg", {}, "", [200, 503])],
  ["state", 5, (port) => ask(port, "state", "GET", "/state", {}, "", [200])],
  ["page", 3, (port) => ask(port, "page", "GET", "/", {}, "", [200])],
  ["control", 2, control],
  ["not there", 1, (port) => ask(port, "not there", "GET", "/nowhere", {}, "", [404])],
  ["rude", 2, rude],
];

/** One visit, of a kind that chance picks. */
export function visit(port: number, random: Random, secret: Secret): Promise<Visit> {
  let at = random.between(1, KINDS.reduce((sum, [, share]) => sum + share, 0));
  const [, , come] = KINDS.find(([, share]) => (at -= share) <= 0)!;
  return come(port, random, secret);
}

async function watch(port: number, random: Random, pauseMs: number): Promise<Visit> {
  const kind = pauseMs > 0 ? "slow viewer" : "viewer";
  const visitor = new Visitor(port, request("GET", "/stream.jpg", {}));
  const until = performance.now() + random.between(500, 20_000);
  while (performance.now() < until && !visitor.isOver) {
    if (pauseMs > 0) visitor.socket.pause();
    await pause(pauseMs || 100);
    visitor.socket.resume();
    await pause(10);
  }
  const response = visitor.reader.responses[0];
  visitor.leave(random.chance(0.5));
  const isPutOff = response?.status === 503;
  return { kind: isPutOff ? "viewer put off" : kind, problem: visitor.problem };
}

/** Reads nothing any more; the camera must cut it. */
async function stall(port: number): Promise<Visit> {
  const visitor = new Visitor(port, request("GET", "/stream.jpg", {}));
  await pause(1000);
  visitor.socket.pause();
  await pause(15_000);
  visitor.leave(true);
  return { kind: "stalled viewer", problem: visitor.problem };
}

async function ask(
  port: number,
  kind: string,
  method: string,
  path: string,
  fields: Record<string, string>,
  body: string,
  statuses: number[],
): Promise<Visit> {
  const visitor = new Visitor(port, request(method, path, { Connection: "close", ...fields }, body), method);
  const response = await visitor.answer(PATIENCE);
  visitor.leave(false);
  if (visitor.problem) return { kind, problem: visitor.problem };
  // Where all places are taken, somebody who waits longest gives way: no answer is no fault then.
  if (!response) return visitor.isOver ? { kind: "gave way" } : { kind, problem: `no answer to ${path}` };
  const isRight = statuses.includes(response.status) || response.status === 503;
  return isRight ? { kind } : { kind, problem: `${path} was answered ${response.status}` };
}

function control(port: number, random: Random, secret: Secret): Promise<Visit> {
  const form = random.chance(0.3)
    ? "quality=101"
    : random.chance(0.5)
      ? `quality=${random.between(30, 90)}`
      : `sampling=${["4:2:0", "4:2:2", "4:4:4"][random.between(0, 2)]}`;
  const isKnown = "Authorization" in secret;
  const statuses = [form === "quality=101" ? 400 : 200, ...(isKnown ? [] : [401, 403, 429])];
  const fields = { "Content-Type": "application/x-www-form-urlencoded", ...secret };
  return ask(port, "control", "POST", "/control", fields, form, statuses);
}

async function rude(port: number, random: Random): Promise<Visit> {
  const says = ["\x16\x03\x01\x02\x00", "GET / HTTP/1.1\r\nHos", "hello\r\n\r\n", ""][random.between(0, 3)];
  const visitor = new Visitor(port, says);
  await pause(random.between(10, 7000));
  visitor.leave(random.chance(0.5));
  return { kind: "rude" };
}
