/**
 * What `make fuzz` looks for at length, in little and without its tools: inputs that once failed, and mutations of
 * conversations, forms, upstreams' streams and JPEG files from a seed, in the simulated world. SEED=n tries others; a
 * failure says which input it was.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CALM, type Conditions } from "../host/simulated/link.ts";
import { Random } from "../host/simulated/random.ts";
import { SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { simulatedLine } from "./conversation-lines.ts";
import { splitAnswers } from "./conversation.ts";
import { compileGlue, GLUE_WASM, glueSensor, performOnNode } from "./fuzz/glue.ts";
import { keptInputs, keptTraces, seedInputs } from "./fuzz/inputs.ts";
import { declaredImports } from "./import-tables.ts";
import { compilePassthrough } from "./jpeg/passthrough.ts";
import { module, scene } from "./simulated-scenario.ts";

const SEED = Number(process.env.SEED ?? 1);
/** How many mutations of each kind: a few seconds' worth. */
const MUTATIONS = process.env.LONG ? 20_000 : 600;

/** Bytes on which much depends. */
const TELLING = "\r\n :,%/?*&=\0\x7f\xff9";

/** Changes a few bytes of one input, or puts parts of two together. */
function mutate(random: Random, inputs: Buffer[], bytesMax: number): Buffer {
  const any = () => inputs[random.between(0, inputs.length - 1)];
  let bytes = Buffer.from(any());
  for (let changes = random.between(1, 4); changes > 0; changes--) {
    const at = random.between(0, bytes.length);
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (random.between(0, 5)) {
      case 0: // another byte
        bytes = Buffer.concat([before, Buffer.of(random.between(0, 255)), behind.subarray(1)]);
        break;
      case 1: // a byte more, of those that matter
        bytes = Buffer.concat([before, Buffer.of(TELLING.charCodeAt(random.between(0, TELLING.length - 1))), behind]);
        break;
      case 2: // some bytes less
        bytes = Buffer.concat([before, behind.subarray(random.between(1, 10))]);
        break;
      case 3: // some bytes again and again
        bytes = Buffer.concat([before, ...Array(random.between(1, 40)).fill(behind.subarray(0, 8)), behind]);
        break;
      case 4: // a part of another one
        bytes = Buffer.concat([before, any().subarray(random.between(0, 40))]);
        break;
      default: // one bit
        if (at < bytes.length) bytes[at] ^= 1 << random.between(0, 7);
    }
  }
  return bytes.subarray(0, bytesMax);
}

/** The same world again and again, up to the moment at which a client comes. */
function freshWorld(): SimulatedWorld {
  const world = new SimulatedWorld({ module, scene, seed: SEED, settings: { size: "64x48" } });
  world.run(SECOND);
  return world;
}

/** What the camera says to `pieces`, and whether it then ends the connection. */
async function talk(world: SimulatedWorld, pieces: Buffer[]): Promise<{ said: string; closed: boolean }> {
  const line = simulatedLine(world);
  for (const piece of pieces) await line.send(piece);
  world.run(SECOND / 5);
  const [said, closed] = [line.received().toString("latin1"), line.isClosed()];
  line.drop();
  world.run(SECOND / 100);
  return { said, closed };
}

/** What an answer says that another one to the same bytes says as well. */
function outline({ said, closed }: { said: string; closed: boolean }): string[] {
  const { answers } = splitAnswers(Buffer.from(said, "latin1"), undefined, closed);
  return answers.map(({ status, fields }) => `${status} ${fields.get("content-type")} ${fields.get("connection")}`);
}

const named = (input: Buffer) => `SEED=${SEED}, input ${JSON.stringify(input.toString("latin1")).slice(0, 2000)}`;

async function checkServer(world: SimulatedWorld, input: Buffer): Promise<void> {
  const whole = await talk(world, [input]);
  const cut = await talk(world, Array.from(input, (byte) => Buffer.of(byte)));
  assert.equal(world.board.restarts, 0, `the module trapped: ${world.log.at(-1)?.text}; ${named(input)}`);
  assert.deepEqual(outline(cut), outline(whole), `cut up, it is answered otherwise; ${named(input)}`);
  assert.equal(cut.closed, whole.closed, `cut up, it ends otherwise; ${named(input)}`);
  assert.equal(world.board.openSockets, 1, `only the listener is left; ${named(input)}`);
}

/** Sends a form. @returns the answer's status */
function post(world: SimulatedWorld, form: Buffer): number | undefined {
  const conversation = world.converse();
  const headers = { "Content-Length": `${form.length}`, Connection: "close" };
  conversation.ask("/control", { method: "POST", headers });
  conversation.client.send(form);
  world.runUntil(() => conversation.client.isOver, 5 * SECOND, `an answer; ${named(form)}`);
  return conversation.response?.status;
}

test("inputs that once failed, and mutations of requests, are answered the same however they are cut", async () => {
  const inputs = seedInputs("server").filter((input) => input.length < 2000);
  const random = new Random(SEED);
  let world = freshWorld();
  for (const input of keptInputs("server").values()) await checkServer(world, input);
  for (let i = 0; i < MUTATIONS; i++) {
    if (i % 100 === 0) world = freshWorld(); // what POST has set does not pile up
    await checkServer(world, mutate(random, inputs, 2000));
  }
});

/** What the camera counts of an upstream's bytes, and the newest frame, where there is one. */
function relayed(input: Buffer, conditions: Conditions): { counts: string; frame: string } {
  const world = new SimulatedWorld({ module, scene, seed: SEED, settings: { source: "push" } });
  world.run(SECOND / 100);
  const upstream = world.upstream(conditions).send(input);
  world.run(SECOND / 5);
  upstream.reset();
  world.run(SECOND / 100);
  const { capture } = JSON.parse(world.fetch("/state").body.toString());
  const counted = ["published", "broken", "oversized", "foreign", "mismeasured"];
  const counts = counted.map((what) => `${what} ${capture[what]}`);
  const snapshot = world.fetch("/snapshot.jpg");
  assert.equal(world.board.restarts, 0, `the module trapped: ${world.log.at(-1)?.text}; ${named(input)}`);
  return { counts: counts.join(), frame: snapshot.status === 200 ? snapshot.body.toString("hex") : "none" };
}

test("what an upstream sends, and mutations of it, comes to the same however it is cut", () => {
  const random = new Random(SEED + 3);
  const inputs = seedInputs("relay");
  const mutations = Array.from({ length: MUTATIONS / 6 }, () => mutate(random, inputs, 1000));
  let shown = 0;
  for (const input of [...keptInputs("relay").values(), ...inputs, ...mutations]) {
    const whole = relayed(input, CALM);
    assert.deepEqual(relayed(input, { ...CALM, chunk: [1, 1] }), whole, `cut up, it is another; ${named(input)}`);
    if (whole.frame !== "none") shown++;
  }
  assert.ok(shown > 30, `${shown} had a frame`);
});

test("mutations of forms are applied whole or not at all", () => {
  const random = new Random(SEED + 1);
  const world = freshWorld();
  const controls = () => world.fetch("/control").body.toString();
  const inputs = [...keptInputs("control").values(), ...seedInputs("control")];
  for (let i = 0; i < MUTATIONS; i++) {
    const form = mutate(random, inputs, 1024);
    const before = controls();
    const status = post(world, form);
    assert.ok(status === 200 || status === 400, `${status}; ${named(form)}`);
    if (status === 400) assert.equal(controls(), before, `refused, and yet something was set; ${named(form)}`);
    assert.equal(world.board.restarts, 0, named(form));
  }
});

test("mutations of a sensor's JPEG files: what is found whole is whole", async () => {
  const random = new Random(SEED + 2);
  const { look } = await compilePassthrough();
  const inputs = [...keptInputs("passthrough").values(), ...seedInputs("passthrough")];
  let whole = 0;
  for (let i = 0; i < 20 * MUTATIONS; i++) {
    const bytes = mutate(random, inputs, 4096);
    const length = look(bytes);
    if (length === undefined) continue;
    whole++;
    assert.ok(length >= 4 && length <= bytes.length, named(bytes));
    assert.equal(bytes.readUInt16BE(0), 0xffd8, named(bytes));
    assert.equal(bytes.readUInt16BE(length - 2), 0xffd9, named(bytes));
    assert.equal(look(bytes.subarray(0, length)), length, `without what lies behind it; ${named(bytes)}`);
    assert.equal(look(bytes.subarray(0, length - 1)), undefined, `without its last byte; ${named(bytes)}`);
  }
  assert.ok(whole > 10, `${whole} were whole`);
});

test("programs of calls that Node once answered otherwise than the board linux", () => {
  compileGlue();
  const glue = new WebAssembly.Module(readFileSync(GLUE_WASM));
  for (const [name, trace] of keptTraces()) {
    const { compared, difference } = performOnNode(glue, glueSensor(), trace);
    assert.equal(difference, undefined, name);
    assert.equal(compared, trace.calls.length, name);
  }
});

test("the fuzzer's board has every import", () => {
  const source = readFileSync(new URL("fuzz/board.c", import.meta.url), "utf8");
  const filled = [...source.matchAll(/^(?:u32|void) Z_boardZ_(\w+)\(/gm)].map((match) => match[1]);
  const contract = readFileSync(new URL("../assembly/board.ts", import.meta.url), "utf8");
  assert.deepEqual(filled.sort(), [...declaredImports(contract).keys()].sort());
});
