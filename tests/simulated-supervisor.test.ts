/**
 * What happens when the module fails: all that it held is taken back, a fresh one starts after a pause, and the pause
 * grows while it keeps failing. With the camera itself, and with small modules that fail in each way there is.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import asc from "assemblyscript/asc";
import { Level } from "../host/board-table.ts";
import { ClientState } from "../host/simulated/client.ts";
import { MILLISECOND, MINUTE, SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { areGapless, checkParts, scenario, scene, stateOf } from "./simulated-scenario.ts";

/** A module whose step does `work`, with `now` at hand, and comes back at once. */
async function moduleThat(work: string, onBegin = ""): Promise<WebAssembly.Module> {
  const source = `${onBegin}\nexport function step(now: i64): i64 { ${work}; return now + 1000; }`;
  const { error, binary, stderr } = await asc.compileString(source, { runtime: "stub", exportStart: "begin" });
  if (error || !binary) throw new Error(stderr.toString());
  return WebAssembly.compile(binary as Uint8Array<ArrayBuffer>);
}

/** When each failure was logged, and what was said of it. */
function failures(world: SimulatedWorld): { time: number; text: string }[] {
  return world.log.filter(({ level, text }) => level === Level.ERROR && text.startsWith("the module stopped: "));
}

scenario("a camera that traps: every connection is reset, and a fresh one serves on", {}, async (world) => {
  const viewers = [world.watch(), world.watch()];
  const idle = world.converse().ask("/state");
  world.run(2 * SECOND);
  const { poll } = world.sensor;
  world.sensor.poll = () => {
    world.sensor.poll = poll;
    throw new Error("the sensor answers nonsense");
  };
  world.runUntil(() => failures(world).length === 1, SECOND, "the failure");
  assert.equal(world.log.at(-1)!.text, "the module stopped: the sensor answers nonsense; a fresh start in 100 ms");
  assert.equal(world.board.openSockets, 0);
  assert.equal(world.memory, undefined);
  const tooEarly = world.watch();
  world.run(50 * MILLISECOND);
  for (const { client } of [...viewers, idle]) assert.equal(client.state, ClientState.RESET);
  assert.equal(tooEarly.client.state, ClientState.REFUSED);
  world.run(100 * MILLISECOND);
  const late = world.watch();
  world.run(2 * SECOND);
  assert.ok(late.parts.length > 50 && areGapless(late.parts));
  assert.ok(late.parts[0].sequence < 5, "it counts anew");
  assert.equal(stateOf(world).restarts, 1);
  await checkParts(world, viewers);
  await checkParts(world, [late]);
});

/** Ways to fail, and what the log says of each. */
const WAYS: [string, string, RegExp][] = [
  ["an unreachable place", "unreachable()", /unreachable/],
  ["a failed assert", 'assert(now < 0, "time runs backwards")', /time runs backwards/],
  ["memory that is not there", "store<u8>(0x7fffffff, 1)", /memory access out of bounds/],
  ["a division by zero", "store<i64>(0, 1 / (now - now))", /divide by zero/],
  ["an endless recursion", "step(now); store<u8>(0, 1)", /call stack/],
];
for (const [name, work, text] of WAYS) {
  test(`${name} is a failure with its text`, async () => {
    const world = new SimulatedWorld({ module: await moduleThat(work), scene, seed: 1 });
    world.run(50 * MILLISECOND);
    assert.equal(failures(world).length, 1);
    assert.match(failures(world)[0].text, text);
  });
}

test("a module that fails while it begins is started again too", async () => {
  const world = new SimulatedWorld({ module: await moduleThat("", "unreachable();"), scene, seed: 1 });
  world.run(SECOND);
  assert.equal(failures(world).length, 4);
  assert.equal(world.board.restarts, 4);
});

test("the pause doubles from 100 ms to 10 s while the module keeps failing", async () => {
  const world = new SimulatedWorld({ module: await moduleThat("unreachable()"), scene, seed: 1 });
  world.run(MINUTE);
  const times = failures(world).map(({ time }) => time);
  const pauses = times.slice(1).map((time, i) => Math.round((time - times[i]) / MILLISECOND));
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000]);
});

test("after a minute without a failure the pause is 100 ms again", async () => {
  // Fails when it is a second old, three times, and from then on when it is 61 s old. It knows its age from memory, which is
  // fresh each time, and how often it has failed from the time at which it began.
  const work = "if (!begunAt) begunAt = now; if (now - begunAt > (begunAt > 3000000 ? 61000000 : 1000000)) unreachable()";
  const world = new SimulatedWorld({ module: await moduleThat(work, "let begunAt: i64 = 0;"), scene, seed: 1 });
  world.run(2 * MINUTE + 15 * SECOND);
  const texts = failures(world).map(({ text }) => /(\d+) ms$/.exec(text)![1]);
  assert.deepEqual(texts, ["100", "200", "400", "100", "100"]);
});
