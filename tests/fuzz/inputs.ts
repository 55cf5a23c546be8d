/**
 * What the fuzzers begin with: the requests of the conversations, forms, and files like a sensor's; and the inputs
 * under `kept/`, each of which once showed that something was wrong (its name says what).
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readConversations } from "../conversation.ts";

export const TARGETS = ["server", "control", "passthrough"] as const;
export type Target = (typeof TARGETS)[number];

const KEPT = new URL("kept/", import.meta.url);

/** Inputs that once failed, by name; none of a target that has no folder. */
export function keptInputs(target: Target): Map<string, Buffer> {
  const folder = new URL(`${target}/`, KEPT);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".bin")) : [];
  return new Map(names.sort().map((name) => [name, readFileSync(new URL(name, folder))]));
}

/** Good and bad inputs to begin with. */
export function seedInputs(target: Target): Buffer[] {
  switch (target) {
    case "server":
      return readConversations().map(({ request }) => request);
    case "control":
      return FORMS.map((form) => Buffer.from(form));
    case "passthrough":
      return FILES.map((bytes) => Buffer.from(bytes, "hex"));
  }
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
