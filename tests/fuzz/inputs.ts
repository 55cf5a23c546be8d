/**
 * What the fuzzers begin with: the requests of the conversations, forms, and files like a sensor's; and the inputs
 * under `kept/`, each of which once showed that something was wrong (its name says what).
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readConversations } from "../conversation.ts";
import type { Trace } from "./glue.ts";

export const TARGETS = ["server", "control", "relay", "passthrough", "glue"] as const;
export type Target = (typeof TARGETS)[number];

const KEPT = new URL("kept/", import.meta.url);

/** Inputs that once failed, by name; none of a target that has no folder. */
export function keptInputs(target: Target): Map<string, Buffer> {
  const folder = new URL(`${target}/`, KEPT);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".bin")) : [];
  return new Map(names.sort().map((name) => [name, readFileSync(new URL(name, folder))]));
}

/** Programs of calls that hosts once answered differently, and how it has to be, by name. */
export function keptTraces(): Map<string, Trace> {
  const folder = new URL("glue/", KEPT);
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(names.sort().map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Trace]));
}

/** Good and bad inputs to begin with. */
export function seedInputs(target: Target): Buffer[] {
  switch (target) {
    case "server":
      return readConversations().map(({ request }) => request);
    case "control":
      return FORMS.map((form) => Buffer.from(form));
    case "relay":
      return STREAMS;
    case "passthrough":
      return FILES.map((bytes) => Buffer.from(bytes, "hex"));
    case "glue":
      return [...keptTraces().values()].map(({ program }) => Buffer.from(program));
  }
}

/** A small file, and streams with it in the forms that there are. */
const FILE = Buffer.from("ffd8ffc0000b080030004001011100ffda00020102ff00ffd003ffd9", "hex");
const PART = stream("--b\r\nContent-Type: image/jpeg\r\nContent-Length: 28\r\n\r\n", FILE, "\r\n");
const POST = "POST / HTTP/1.1\r\nHost: camera\r\n";
const STREAMS = [
  stream(PART, PART, PART),
  stream(PART, "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n", PART, "--b--\r\n"),
  stream("--b\n\n", FILE, "--b\n\n", FILE.subarray(0, 20), "--b\n\n", FILE, "--b\n"),
  stream("--frame\r\nContent-Length: 7\r\n\r\n", FILE, "\r\n--frame\r\n\r\n", FILE, "\r\n--frame\r\n"),
  stream(FILE, FILE, "\r\n", FILE),
  stream(FILE.subarray(0, -2), FILE, "text", FILE),
  stream("HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n", PART, PART),
  stream(POST, "Transfer-Encoding: chunked\r\n\r\n1c\r\n", FILE, "\r\ne;x=y\r\n", FILE.subarray(0, 14)),
  stream(POST, "Transfer-Encoding: chunked\r\n\r\n1c\r\n", FILE, "\r\n0\r\n\r\n"),
  stream(POST, "Content-Length: 56\r\nExpect: 100-continue\r\n\r\n", FILE, FILE),
  stream(POST, "Authorization: Bearer admin-of-the-tests\r\n\r\n", FILE, PART),
  stream("H", FILE),
  stream("GET / HTTP/1.1\r\nHost: camera\r\n\r\n"),
];

function stream(...pieces: (string | Buffer)[]): Buffer {
  return Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)));
}

const FORMS = [
  "quality=85",
  "quality=85&fps=30&sampling=4:2:0",
  "quality=%38%35&fps=30&sampling=4%3A2:0",
  "size=16x16&format=rgb565",
  "frame_bytes=1000&byte_rate=0",
  "quality=1&quality=100",
  "qualty=20",
  "quality=101",
  "&&=&quality",
  "mirror=on&exposure=100",
];

const FILES = [
  "ffd8ffc0000b080030004001011100ffda00020102ff00ffd003ffd9",
  "ffd8ffffc00008080010001000ffda000200ffd9ffd90000",
  "ffd8ffdb0003aaffc2000b080030004001011100ffc40002ffda0002ffffd9",
  "ffd8ffd9",
  "ffd8ffc0ffff",
  "ffd8ffda0002ffd9",
  "ffd8ffc00002ffda000201ffd9",
  "ffd8ffc0000b080030004001011100ffda00020102ffd8ffd9",
];
