/**
 * A module that is evil, on Node: within its thread it is started afresh as anywhere, and where it does not return from
 * a step another thread goes on with the port, the settings and the log of the first.
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { Keeper, ListenError } from "../host/live/keeper.ts";
import { Format } from "../host/board-table.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";
import { attempt } from "./attempt.ts";
import { evilModule, Way } from "./evil/compile.ts";

describe("a module that is evil, on Node", () => {
  let module: WebAssembly.Module;
  let scene: SharedArrayBuffer;
  const keepers: Keeper[] = [];

  before(async () => {
    module = await evilModule();
    const bytes = await renderScene({ scene: PATTERN, width: 16, height: 16, format: Format.GRAY, bytesMax: 100_000 });
    scene = new SharedArrayBuffer(bytes.length);
    bytes.copy(Buffer.from(scene));
  });
  after(() => Promise.all(keepers.map((keeper) => keeper.stop())));

  async function start(way: Way, log: string[] = []): Promise<Keeper> {
    const plan = { module, host: "127.0.0.1", port: 0, sensor: { scene }, given: [["way", way]] as [string, string][] };
    const keeper = await Keeper.start(plan, (_level, text) => log.push(text));
    keepers.push(keeper);
    return keeper;
  }

  /** What is answered as soon as somebody does. */
  async function answerOf(keeper: Keeper): Promise<string> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const text = await (await attempt(`http://${keeper.address}/`))?.text().catch(() => undefined);
      if (text !== undefined) return text;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return assert.fail("nobody answers");
  }

  /** Nobody listens there any more. */
  async function isGone(port: number): Promise<void> {
    const socket = connect(port, "127.0.0.1");
    const connected = new Promise((resolve, reject) => socket.on("connect", resolve).on("error", reject));
    await assert.rejects(connected, /ECONNREFUSED/);
  }

  for (const [way, name, reason] of [
    [Way.TRAP, "traps", "unreachable, in function \\d+ at 0x[0-9a-f]+"],
    [Way.RECURSION, "recurses without end", "Maximum call stack size exceeded, in function \\d+ at 0x[0-9a-f]+"],
    [Way.GROW, "asks for memory that it may not have", "memory access out of bounds, in function \\d+ at 0x[0-9a-f]+"],
    [Way.LOOP, "loops for ever", "the step did not return"],
    [Way.LOOP_IN_BEGIN, "loops for ever before its first step", "the step did not return"],
    [Way.LOOP_OF_CALLS, "calls an import for ever", "the step did not return"],
    [Way.LOOP_OF_FILLS, "has the runtime fill its memory for ever", "the step did not return"],
    [Way.LOOP_AFTER_PUT, "loops for ever after it put a setting", "the step did not return"],
  ] as const) {
    test(`and ${name} is stopped, and a fresh one answers`, async () => {
      const log: string[] = [];
      const keeper = await start(way, log);
      const { address } = keeper;
      const line = new RegExp(`the module stopped: ${reason}; it ran for \\d+\\.\\d{6} s; fresh start 1 in 100 ms`);
      assert.match(await answerOf(keeper), new RegExp(`^\\[ *\\d+\\.\\d{6}\\] ERROR   ${line.source}\\n$`));
      assert.match(log[0], new RegExp(`^${line.source}$`));
      assert.equal(log.length, 1);
      assert.equal(keeper.address, address);
      await keeper.stop();
      await isGone(keeper.port);
    });
  }

  test("a camera is ended in the middle of a step that does not return", async () => {
    const keeper = await start(Way.LOOP);
    await keeper.stop();
    await isGone(keeper.port);
  });

  test("a port in use is told with its code", async () => {
    const { port } = await start(Way.TRAP);
    const plan = { module, host: "127.0.0.1", port, sensor: { scene }, given: [] };
    const isInUse = (error: Error): boolean => error instanceof ListenError && error.code === "EADDRINUSE";
    await assert.rejects(Keeper.start(plan, () => {}), isInUse);
  });
});
