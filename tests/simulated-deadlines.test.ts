/** How long a connection may take for what: each deadline of assembly/limits.ts, just before and just after. */

import assert from "node:assert/strict";
import { ClientState } from "../host/simulated/client.ts";
import { MILLISECOND, SECOND } from "../host/simulated/timeline.ts";
import type { Conversation, SimulatedWorld } from "../host/simulated/world.ts";
import { scenario } from "./simulated-scenario.ts";

/** More than the way there and back. */
const SLACK = 10 * MILLISECOND;
const HEAD = "GET /state HTTP/1.1\r\nHost: camera\r\n";

/** A connection that stands, and from which something was sent just now. */
function begun(world: SimulatedWorld, text: string): Conversation {
  const conversation = world.converse();
  world.run(SLACK);
  conversation.reader.expect("GET");
  conversation.client.send(text);
  return conversation;
}

/** Sends `piece` again and again, until the camera has had enough or `duration` is over. */
function drip(world: SimulatedWorld, { client }: Conversation, piece: string, every: number, duration: number): void {
  for (let past = 0; past < duration && !client.isOver; past += every) {
    world.run(every);
    client.send(piece);
  }
}

function checkTimeout({ responses, client }: Conversation): void {
  const last = responses.at(-1)!;
  assert.deepEqual([last.status, last.headers.get("connection")], [408, "close"]);
  assert.equal(client.state, ClientState.ENDED, "in order, not by a reset");
}

scenario("a head has 5 s from its first byte", {}, (world) => {
  const late = begun(world, "G");
  const timely = begun(world, "GET /sta");
  world.run(5 * SECOND - SLACK);
  timely.client.send("te HTTP/1.1\r\nHost: camera\r\n\r\n");
  assert.equal(late.responses.length, 0);
  world.run(2 * SLACK);
  checkTimeout(late);
  assert.equal(timely.response?.status, 200);
});

scenario("a head that drips in has no more", {}, (world) => {
  const slow = begun(world, `${HEAD}X: `);
  const startedAt = world.now;
  drip(world, slow, "a", 100 * MILLISECOND, 20 * SECOND);
  checkTimeout(slow);
  assert.ok(slow.response!.time - startedAt < 5 * SECOND + 100 * MILLISECOND);
});

scenario("each head on a connection has its own 5 s, which begin when it does", {}, (world) => {
  const conversation = begun(world, `${HEAD}\r\n`);
  for (let requests = 1; requests < 4; requests++) {
    world.run(20 * SECOND);
    conversation.reader.expect("GET");
    conversation.client.send(HEAD);
    world.run(4 * SECOND);
    conversation.client.send("\r\n");
    world.run(SLACK);
    assert.deepEqual(conversation.responses.map(({ status }) => status), Array(requests + 1).fill(200));
  }
});

scenario("a body has 10 s from its head's end, and drips do not help", {}, (world) => {
  const ask = (headers = {}) =>
    world.converse().ask("/control", { method: "POST", headers: { "Content-Length": "10", ...headers } });
  const silent = ask();
  const dripping = ask();
  const timely = ask();
  const asked = ask({ Expect: "100-continue" });
  timely.client.send("quality=8");
  world.run(SLACK);
  for (let second = 0; second < 9; second++) {
    dripping.client.send("q");
    world.run(SECOND);
  }
  timely.client.send("5");
  world.run(SECOND - 2 * SLACK);
  assert.equal(timely.response?.status, 200);
  for (const { client } of [silent, dripping, asked]) assert.equal(client.state, ClientState.OPEN);
  assert.equal(asked.response?.status, 100);
  world.run(4 * SLACK);
  for (const late of [silent, dripping, asked]) checkTimeout(late);
});

scenario("who asks nothing for 30 s is left, without a word", {}, (world) => {
  const silent = begun(world, "");
  const emptyLines = begun(world, "\r\n");
  const after = begun(world, `${HEAD}\r\n`);
  world.run(15 * SECOND);
  emptyLines.client.send("\r\n\r\n");
  world.run(15 * SECOND - 4 * SLACK);
  for (const { client } of [silent, emptyLines, after]) assert.equal(client.state, ClientState.OPEN);
  world.run(8 * SLACK);
  for (const { client } of [silent, emptyLines, after]) assert.equal(client.state, ClientState.ENDED);
  assert.deepEqual([silent, emptyLines, after].map(({ responses }) => responses.length), [0, 0, 1]);
});

scenario("who takes nothing of an answer for 10 s is cut, who takes something is not", {}, (world) => {
  // More pages than all buffers hold.
  const many = "GET / HTTP/1.1\r\nHost: camera\r\n\r\n".repeat(8);
  const stalled = begun(world, "");
  const slow = begun(world, "");
  stalled.client.readAt(0).send(many);
  slow.client.readAt(1000).send(many);
  world.run(10 * SECOND - 4 * SLACK);
  assert.equal(stalled.client.state, ClientState.OPEN);
  world.run(30 * SECOND);
  assert.equal(stalled.client.state, ClientState.RESET);
  assert.equal(slow.client.state, ClientState.OPEN);
  assert.equal(slow.problem, undefined);
});
