/** The camera as the pusher, in the simulated world: it connects to a relay by itself and sends its stream there. */

import assert from "node:assert/strict";
import type { Client } from "../host/simulated/client.ts";
import { type Part, ResponseReader } from "../host/simulated/http.ts";
import { ROUGH } from "../host/simulated/link.ts";
import { MINUTE, SECOND } from "../host/simulated/timeline.ts";
import type { SimulatedWorld, Viewer } from "../host/simulated/world.ts";
import { areGapless, checkParts, heapEnd, scenario, SETTINGS, stateOf } from "./simulated-scenario.ts";

const settings = { ...SETTINGS, push: "relay.home:9999" };

/** A relay's end of a connection: what is pushed, read as a stream is. */
class Upstream {
  readonly parts: Part[] = [];
  readonly client: Client;
  readonly #reader = new ResponseReader();

  constructor(client: Client) {
    this.client = client;
    this.#reader.onPart = (part) => this.parts.push(part);
    this.#reader.expect("GET");
    const head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
    this.#reader.push(Buffer.from(head), 0);
    client.onBytes = (bytes, time) => this.#reader.push(bytes, time);
  }

  get problem(): string | undefined {
    return this.#reader.problem;
  }
}

/** A relay that takes whoever comes. */
function relay(world: SimulatedWorld): { upstreams: Upstream[]; stop: () => void } {
  const upstreams: Upstream[] = [];
  const stop = world.network.serve("relay.home", 9999, (client) => upstreams.push(new Upstream(client)));
  return { upstreams, stop };
}

function told(world: SimulatedWorld): string[] {
  return world.log.flatMap(({ text }) => /^push to relay\.home:9999: (.*)/.exec(text)?.slice(1) ?? []);
}

scenario("the stream is pushed without anybody who watches, and viewers see the same", { settings }, async (world) => {
  const { upstreams } = relay(world);
  const viewer = world.watch();
  world.run(20 * SECOND);
  viewer.client.close();
  world.run(40 * SECOND);
  assert.equal(upstreams.length, 1);
  const [{ parts }] = upstreams;
  assert.ok(areGapless(parts) && parts.length > 59 * 30, `${parts.length} frames`);
  assert.ok((await checkParts(world, [upstreams[0] as unknown as Viewer, viewer])) > 79 * 30);
  const { push, viewers } = stateOf(world);
  assert.ok(push.sent >= parts.length && push.sent <= parts.length + 5);
  assert.deepEqual({ ...push, sent: 0 }, { to: "relay.home:9999", state: "pushing", trouble: "", sent: 0, dropped: 0 });
  assert.deepEqual(viewers, []);
  assert.deepEqual(told(world), ["works"]);
});

scenario("it has a viewer's place", { settings }, (world) => {
  const { upstreams } = relay(world);
  const viewers = Array.from({ length: 8 }, () => world.watch());
  world.run(5 * SECOND);
  assert.equal(viewers.filter(({ parts }) => parts.length > 100).length, 7);
  assert.ok(upstreams[0].parts.length > 100);
});

scenario("a relay that reads slowly loses whole frames and gets the newest", { settings }, async (world) => {
  const { upstreams } = relay(world);
  world.run(SECOND);
  upstreams[0].client.readAt(20_000);
  world.run(MINUTE);
  const { parts } = upstreams[0];
  assert.ok(parts.length > 100 && !areGapless(parts), `${parts.length} frames`);
  assert.ok((await checkParts(world, [upstreams[0] as unknown as Viewer])) > 100);
  const { push, capture } = stateOf(world);
  assert.ok(push.dropped > 500);
  const begun = push.sent + push.dropped;
  assert.ok(begun <= capture.sequence && begun > capture.sequence - 60, "every frame is sent or counted");
});

scenario("it connects again, with growing pauses, and names each trouble once", { settings }, (world) => {
  world.run(20 * SECOND);
  assert.deepEqual(told(world), ["no such host, trying again"]);
  assert.equal(stateOf(world).push.state, "waiting");
  let stop = () => {};
  const seen: number[] = [];
  stop = world.network.serve("relay.home", 9999, (client) => {
    seen.push(world.now);
    client.reset();
  });
  world.run(2 * MINUTE);
  assert.ok(seen.length > 10 && seen.length < 20, `${seen.length} attempts`);
  stop();
  world.run(20 * SECOND);
  const { upstreams, stop: stopRelay } = relay(world);
  world.run(20 * SECOND);
  assert.equal(upstreams.length, 1);
  assert.ok(upstreams[0].parts.length > 5 * 30);
  upstreams[0].client.reset();
  world.run(SECOND); // what has worked is tried again soon
  assert.equal(upstreams.length, 2);
  world.run(2 * SECOND);
  upstreams[1].client.readAt(0);
  world.run(30 * SECOND);
  assert.ok(upstreams.length >= 3, "one that takes nothing is left");
  stopRelay();
  const trying = (what: string) => `${what}, trying again`;
  const refused = ["can't be reached", "ended the connection"].map(trying);
  const all = told(world);
  assert.deepEqual(all.slice(0, 3), [trying("no such host"), refused[1], refused[0]]);
  assert.deepEqual(all.slice(3), ["works", refused[1], "works", trying("stalled"), "works"]);
});

const WITHOUT_FRAMES = { source: "push", push: settings.push };
scenario("that a relay goes is noticed before there is a frame", { settings: WITHOUT_FRAMES }, (world) => {
  const { upstreams } = relay(world);
  world.run(20 * SECOND);
  assert.equal(upstreams.length, 1);
  upstreams[0].client.reset();
  world.run(SECOND);
  assert.equal(upstreams.length, 2);
  assert.deepEqual(told(world), ["ended the connection, trying again"]);
});

scenario("a relay that never answers is given up and tried again", { settings }, (world) => {
  const { upstreams } = relay(world);
  world.network.outside.unanswered = 1;
  world.run(15 * SECOND);
  assert.deepEqual(told(world), ["does not answer, trying again"]);
  world.network.outside.unanswered = 0;
  world.run(30 * SECOND);
  assert.equal(upstreams.length, 1);
  assert.equal(stateOf(world).push.trouble, "");
});

scenario("a bad network, for minutes: nothing leaks, every frame is whole", { settings }, async (world) => {
  world.network.outside = { conditions: { ...ROUGH, resetShare: 0.0005 }, refused: 0.2, unanswered: 0.1 };
  const { upstreams } = relay(world);
  world.run(SECOND);
  const before = heapEnd(world);
  world.run(4 * MINUTE);
  assert.equal(heapEnd(world), before);
  assert.ok(upstreams.length > 3, `${upstreams.length} connections`);
  assert.ok((await checkParts(world, upstreams as unknown as Viewer[])) > 30 * 30);
  assert.ok(world.board.openSockets <= 2, "the listener, and the relay");
});

scenario("an address that makes no sense is named, and the camera goes on", {}, (world) => {
  const senseless = ["relay", "relay:", "relay:0", "relay:65536", ":9999", "a b:1", "[::1:9999", "http://a:1", "a:1x"];
  for (const push of senseless) {
    world.settings.put("push", push);
    world.restart();
    world.log.length = 0;
    world.run(SECOND / 10);
    assert.ok(world.log.some(({ text }) => text === "setting ignored, it is no host:port: push"), push);
    assert.equal(stateOf(world).push, null);
  }
  for (const push of ["relay-1.example:1", "10.0.0.1:65535", "[::1]:9999", "[fe80::1%eth0]:1"]) {
    world.settings.put("push", push);
    world.restart();
    world.run(SECOND / 10);
    assert.equal(stateOf(world).push.to, push);
  }
});
