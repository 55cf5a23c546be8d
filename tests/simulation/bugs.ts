/**
 * Deliberate bugs: small changes of the module's source, each a mistake that somebody could make. The simulator must
 * find every one of them. Each says what is replaced by what; the text must be there exactly once, so that a bug does
 * not vanish unnoticed as the source changes.
 */

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import asc from "assemblyscript/asc";
import { BUILD, ROOT } from "./files.ts";

export type Bug = {
  /** What is wrong, in words. */
  name: string;
  /** In `assembly/`. */
  file: string;
  from: string;
  to: string;
  /** One of `plans/`, which was made short for it and shows it too. */
  plan?: string;
  /** Whether chance meets it in thousands of lives only, so that the plan alone has to show it. */
  isRare?: boolean;
};

export const BUGS: Bug[] = [
  {
    name: "a slot is not given back when its viewer goes",
    file: "http/connection.ts",
    from: "if (slot) this.server.slots.giveBack(slot);",
    to: "",
  },
  {
    name: "a slot is not given back when it was sent to a snapshot",
    file: "http/connection.ts",
    from: "    if (!slot) return;\n    this.server.slots.giveBack(slot);",
    to: "    if (!slot) return;\n    if (!this.isSnapshot) this.server.slots.giveBack(slot);",
  },
  {
    name: "snapshots are not counted down",
    file: "http/connection.ts",
    from: "    if (this.isSnapshot) this.server.snapshots--;\n    this.isSnapshot = false;\n  }\n\n  // --- Frames",
    to: "    this.isSnapshot = false;\n  }\n\n  // --- Frames",
  },
  {
    name: "viewers are not counted down when they are reset",
    file: "http/connection.ts",
    from: "if (this.isViewer) this.server.viewers--;",
    to: "if (this.isViewer && how == Close.ORDERLY) this.server.viewers--;",
  },
  {
    name: "a torn copy: a file's last byte is not copied",
    file: "capture.ts",
    from: "memory.copy(slot.jpegAt, file, bytes);",
    to: "memory.copy(slot.jpegAt, file, bytes - 1);",
  },
  {
    name: "a file is not copied where the slot has one of the same length",
    file: "capture.ts",
    from: "memory.copy(slot.jpegAt, file, bytes);",
    to: "if (slot.jpegBytes != bytes) memory.copy(slot.jpegAt, file, bytes);",
  },
  {
    name: "a change of controls leaves the sensor writing",
    file: "capture.ts",
    from: "          captureStop();\n          this.held",
    to: "          this.held",
  },
  {
    name: "the slot that is newest is written to",
    file: "slot.ts",
    from: "if (slot != this.newest && slot != this.writing &&",
    to: "if (slot != this.writing &&",
  },
  {
    name: "a lost wake-up: a pulse wakes one of those who wait",
    file: "scheduler.ts",
    from: "        task.awaits = null;\n        task.wake();\n      }",
    to: "        task.awaits = null;\n        task.wake();\n        break;\n      }",
  },
  {
    name: "a lost wake-up: room for more is not noticed",
    file: "sockets.ts",
    from: "if (word & Ready.WRITABLE) socket.writable = true;",
    to: "",
  },
  {
    name: "a lost wake-up: a frame that came while one was sent is waited for",
    file: "http/connection.ts",
    from: "if (newest && newest.sequence != this.sequence) this.wake();",
    to: "",
  },
  {
    name: "a slow viewer gets the frame that was the newest when it had no room",
    file: "http/connection.ts",
    from: "if (count == 0) {",
    to: "if (count < 0) {",
    plan: "newest-when-there-is-room.json",
  },
  { name: "one slot too few", file: "limits.ts", from: "  1 + // being written\n", to: "" },
  {
    name: "one viewer too many",
    file: "http/server.ts",
    from: "if (this.viewers < VIEWERS_MAX) return true;",
    to: "if (this.viewers <= VIEWERS_MAX) return true;",
  },
  {
    name: "one connection too few",
    file: "http/server.ts",
    from: "      if (this.connections[i].state == State.FREE) return",
    to: "      if (i > 0 && this.connections[i].state == State.FREE) return",
  },
  {
    name: "a target of just the greatest length is refused",
    file: "http/parser.ts",
    from: "if (++this.targetBytes <= TARGET_BYTES_MAX) return true;",
    to: "if (++this.targetBytes < TARGET_BYTES_MAX) return true;",
  },
  {
    name: "a body of just the greatest length is refused",
    file: "http/server.ts",
    from: "(route.isPost ? BODY_BYTES_MAX : 0)",
    to: "(route.isPost ? BODY_BYTES_MAX - 1 : 0)",
  },
  {
    name: "a body's bytes are read again as the next request",
    file: "http/connection.ts",
    from: "    this.bodyCame += count;\n    this.inputAt += count;",
    to: "    this.bodyCame += count;\n    if (!this.hasBody) this.inputAt += count;",
  },
  {
    name: "numbers of frames come again after 255",
    file: "slot.ts",
    from: "if (++this.sequence == 0) this.sequence = 1;",
    to: "if (++this.sequence == 256) this.sequence = 1;",
  },
  {
    name: "the boundary behind a part lacks its last byte",
    file: "slot.ts",
    from: "slot.partBytes = u32(end - slot.partAt);",
    to: "slot.partBytes = u32(end - slot.partAt) - 1;",
  },
  {
    name: "each frame allocates",
    file: "source.ts",
    from: "    this.published++;\n",
    to: "    this.published++;\n    heap.alloc(16);\n",
  },
  {
    name: "no deadline for a head",
    file: "http/connection.ts",
    from: "this.headSince + HEAD_DEADLINE",
    to: "this.headSince + IDLE_DEADLINE",
  },
  {
    name: "no deadline for a peer that takes nothing",
    file: "http/connection.ts",
    from: "    if (!this.socket.writable) return 0;\n",
    to: "    if (!this.socket.writable) {\n      this.progressAt = now;\n      return 0;\n    }\n",
  },
  {
    name: "a deadline that is counted from the beginning of a part",
    file: "http/connection.ts",
    from: "    if (count > 0) {\n      this.progressAt = now;\n      return count;",
    to: "    if (count > 0) {\n      return count;",
  },
  {
    name: "a change of controls does not wait for frames that are under way",
    file: "capture.ts",
    from: "if (!this.encoding && !this.held(Holder.WAITING)) this.configure();",
    to: "this.configure();",
  },
  {
    name: "what is right of a wrong request is applied",
    file: "http/control.ts",
    from: "if (!read(controls, connection.body, parser.bodyBytes, connection, now)) return;",
    to: "if (!read(controls, connection.body, parser.bodyBytes, connection, now)) return controls.exchange();",
  },
  {
    name: "a stalled sensor's capture is not stopped",
    file: "capture.ts",
    from: "      captureStop();\n      buffer.holder = Holder.NOBODY;\n      this.stalled++;",
    to: "      buffer.holder = Holder.NOBODY;\n      this.stalled++;",
  },
  {
    name: "a frame that came damaged is published",
    file: "capture.ts",
    from: "} else if (result < 0 || (",
    to: "} else if (result < 0 && result != Fault.TORN || (result >= 0 && ",
  },
  {
    name: "/state counts damaged frames as stalls",
    file: "capture.ts",
    from: ".text(',\"torn\":').number(this.torn)",
    to: ".text(',\"torn\":').number(this.stalled)",
  },
  {
    name: "/state counts a frame too many as missed",
    file: "http/connection.ts",
    from: "if (this.sequence) this.dropped += newest.sequence - this.sequence - 1;",
    to: "if (this.sequence) this.dropped += newest.sequence - this.sequence;",
  },
  {
    name: "/state tells the rate from before it was lowered",
    file: "source.ts",
    from: "return min(this.thousandths, u32(<i64>(this.counted + 1) * 1000 * SECOND / elapsed));",
    to: "return this.thousandths;",
    plan: "rate-after-it-was-lowered.json",
    isRare: true,
  },
  {
    name: "by WebSocket more is under way than is taken in time",
    file: "websocket/window.ts",
    from: "if (<i64>this.bytes * SECOND > this.rate * time) return false;",
    to: "",
  },
  {
    name: "by WebSocket who acknowledges nothing is not cut",
    file: "http/connection.ts",
    from: "    const deadline = talk.window.heardAt + WRITE_DEADLINE;\n    if (now >= deadline) {",
    to: "    const deadline = talk.window.heardAt + WRITE_DEADLINE;\n    if (now < 0) {",
  },
  {
    name: "a pong gets into the middle of a frame",
    file: "http/connection.ts",
    from: "    if (this.state == State.SENDING_PART) return true;\n",
    to: "",
  },
  {
    name: "an upstream's next bytes are lost that lay behind a file",
    file: "relay/stream-reader.ts",
    from: "    memory.copy(this.base, behind, hidden);\n",
    to: "",
  },
  {
    name: "an upstream takes the seat from one that delivers",
    file: "relay/push.ts",
    from: "return !seat || now - seat.frameAt >= UPSTREAM_SILENCE;",
    to: "return !seat || now > seat.frameAt;",
  },
  {
    name: "an upstream's place is not given back when it ends in a request's head",
    file: "relay/upstream.ts",
    from: "Fault.CLOSED) {\n      this.close(Close.ORDERLY);\n      return false;",
    to: "Fault.CLOSED) {\n      return false;",
  },
  {
    name: "a relay's last frame is not stale when its upstream is gone",
    file: "relay/relay.ts",
    from: "(this.hasUpstream ? UPSTREAM_SILENCE : STALE_AFTER)",
    to: "UPSTREAM_SILENCE",
  },
  {
    name: "a source is pulled from though nobody watches",
    file: "relay/pull.ts",
    from: "      if (!isWanted) return this.letGo();\n",
    to: "",
  },
  {
    name: "a source is let go when its first frame comes to who has waited for long",
    file: "relay/pull.ts",
    from: "if (!isWanted) return",
    to: "if (!this.isWanted(now)) return",
    plan: "source-comes-back-late.json",
  },
  {
    name: "a source is let go while a frame is taken slowly",
    file: "http/connection.ts",
    from: "    this.server.source.want(now); // whoever takes long for a frame watches meanwhile\n",
    to: "",
    plan: "frame-taken-slowly.json",
    isRare: true,
  },
  {
    name: "a file that was cut short takes what is behind it for more of it",
    file: "relay/stream-reader.ts",
    from: "        if (this.hasEnd && end == this.partEnd) {",
    to: "        this.hasEnd = false;\n        if (this.hasEnd) {",
    plan: "file-cut-short.json",
    isRare: true,
  },
  {
    name: "who comes while a source is being let go does not wake it",
    file: "relay/pull.ts",
    from: "    if (this.state == State.RESTING) this.wake();\n",
    to: "",
  },
  {
    name: "pauses between attempts do not grow",
    file: "relay/peer.ts",
    from: "this.pause = min(this.pause * 2, RETRY_PAUSE_MAX);",
    to: "",
  },
  {
    name: "pauses between attempts stay long when it works again",
    file: "relay/peer.ts",
    from: "    this.pause = RETRY_PAUSE_MIN;\n    this.begin()",
    to: "    this.begin()",
  },
  {
    name: "a handle is left when a source does not answer",
    file: "relay/peer.ts",
    from: "i32 = 0): void {\n    if (this.socket.isOpen)",
    to: "i32 = 0): void {\n    if (trouble == Trouble.SILENT) this.socket.handle = 0;\n    if (this.socket.isOpen)",
  },
  {
    name: "a source that has stalled is waited for",
    file: "relay/pull.ts",
    from: "    if (now >= deadline) return this.fail(Trouble.STALLED, now);\n    this.waitUntil(deadline);",
    to: "",
  },
  {
    name: "a cut frame is published",
    file: "relay/stream-reader.ts",
    from: "      default: {\n        this.broken++;\n        return",
    to: "      default: {\n        this.state = State.WHOLE;\n        if (walk.size) return Reading.FILE; return",
  },
  {
    name: "chunks' framing gets into a source's files",
    file: "relay/body.ts",
    from: "        if (to != from) memory.copy(to, from, own);\n",
    to: "",
  },
  {
    name: "what lies behind a source's head is lost",
    file: "relay/pull.ts",
    from: "head.bodyBytes, at, held);",
    to: "head.bodyBytes, at, 0);",
  },
  {
    name: "a part is pushed from its beginning again where it was taken in pieces",
    file: "relay/pusher.ts",
    from: "    this.at += count;\n    if (count > 0) this",
    to: "    if (count > 0) this",
  },
  {
    name: "the frame is pushed that was the newest when there was no room",
    file: "relay/pusher.ts",
    from: "    this.at = newest.partAt;\n    this.end = newest.partAt + newest.partBytes;\n",
    to: "    if (this.at == this.end) this.end = (this.at = newest.partAt) + newest.partBytes;\n",
  },
  {
    name: "a slot is not given back when whom it is pushed to goes",
    file: "relay/pusher.ts",
    from: "    this.returnSlot();\n    this.relay.fail(trouble, now);",
    to: "    this.slot = null;\n    this.relay.fail(trouble, now);",
  },
  {
    name: "whom it pushes to goes unnoticed before the first frame",
    file: "relay/pusher.ts",
    from: "    if (this.relayStays(now)) this.watch(now); // looked",
    to: "    this.watch(now); // looked",
    plan: "receiver-gone-before-a-frame.json",
    isRare: true,
  },
  {
    name: "/state does not forget what was wrong with a source",
    file: "relay/peer.ts",
    from: "    this.trouble = Trouble.NONE;\n    this.pause",
    to: "    this.pause",
  },
];

/** Changes the source as the bug says. @throws where its text is not there exactly once */
export function applyBug({ name, from, to }: Bug, source: string): string {
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`"${name}": its text is there ${parts.length - 1} times`);
  return parts.join(to);
}

/** Compiles the module with a bug in it. @returns the file, which is the caller's to remove with {@link BUGGY} */
export async function buildBug(bug: Bug): Promise<string> {
  const folder = join(BUGGY, bug.name.replaceAll(/\W+/g, "-"));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, "assembly"), join(folder, "assembly"), { recursive: true });
  const file = join(folder, "assembly", bug.file);
  writeFileSync(file, applyBug(bug, readFileSync(file, "utf8")));
  const config = JSON.parse(readFileSync(join(ROOT, "asconfig.json"), "utf8"));
  // Whether a bug is found does not depend on how well it is compiled.
  Object.assign(config.options, { converge: false, optimizeLevel: 1 });
  config.targets = { bug: { ...config.targets.board, outFile: "bug.wasm", textFile: undefined } };
  writeFileSync(join(folder, "asconfig.json"), JSON.stringify(config));
  // In this process: a compiler that has run before takes a third of the time.
  const { error, stderr } = await asc.main(["--target", "bug", "--baseDir", folder], {
    stdout: asc.createMemoryStream(),
    stderr: asc.createMemoryStream(),
  });
  if (error) throw new Error(`"${bug.name}": ${error.message}\n${stderr.toString()}`);
  return join(folder, "bug.wasm");
}

/** Where modules with bugs are built. */
export const BUGGY = join(BUILD, "bugs");
