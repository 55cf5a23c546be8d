/**
 * Modules that do what they must not, on Node, where nothing has to be waited for: each ends with its own life, and
 * leaves nothing behind. What loops for ever can't be stopped here (a thread can: live-keeper.test.ts).
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { HOUR, SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { evilModule, Way, WILD_CASES } from "./evil/compile.ts";
import { scene } from "./simulated-scenario.ts";

const module = await evilModule();

function evilWorld(way: Way): SimulatedWorld {
  return new SimulatedWorld({ module, scene, seed: 1, settings: { way } });
}

test("wild pointers get nowhere with any import", () => {
  const world = evilWorld(Way.WILD);
  world.runUntil(() => world.board.restarts === WILD_CASES, HOUR, "all cases");
  world.run(11 * SECOND); // the longest pause
  const client = world.connect();
  let answer = "";
  client.onBytes = (bytes) => (answer += Buffer.from(bytes).toString());
  client.send("GET / HTTP/1.1\r\n\r\n");
  world.run(SECOND);
  assert.match(answer, /^HTTP\/1.1 200 /);
  const reason = /\d+ bytes at \d+ are not within the module's memory|capturePoll wants 8 bytes for a time/;
  const outside = new RegExp(`^the module stopped: (${reason.source})`);
  assert.deepEqual(world.log.filter(({ text }) => !outside.test(text)), []);
  assert.equal(world.log.length, WILD_CASES);
});

test("300 modules that stopped leave nothing behind", async () => {
  const world = evilWorld(Way.ALWAYS);
  const memories: WeakRef<WebAssembly.Memory>[] = [];
  const { attach } = world.board;
  world.board.attach = (memory) => {
    memories.push(new WeakRef(memory));
    attach.call(world.board, memory);
  };
  world.runUntil(() => world.board.restarts === 300, 2 * HOUR, "300 restarts");
  assert.equal(memories.length, 300);
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  await new Promise((resolve) => setImmediate(resolve)); // what a turn has looked at is held to its end
  collect();
  const held = memories.filter((memory) => memory.deref() !== undefined).length;
  assert.ok(held <= 1, `${held} of them are held`); // the board may still know the last one's
});
