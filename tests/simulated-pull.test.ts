/**
 * The relay's pull side in the simulated world: servers in several dialects, and everything that can be wrong with one.
 * What viewers get is held, byte for byte, against the files that were served.
 */

import assert from "node:assert/strict";
import sharp from "sharp";
import { type Client, ClientState } from "../host/simulated/client.ts";
import { CALM, ROUGH } from "../host/simulated/link.ts";
import { MILLISECOND, MINUTE, SECOND } from "../host/simulated/timeline.ts";
import type { SimulatedWorld } from "../host/simulated/world.ts";
import { heapEnd, scenario, stateOf } from "./simulated-scenario.ts";

/** From one frame to the next. */
const INTERVAL = 40 * MILLISECOND;
const PASSWORD = "s:e/c r@t%";
const SOURCE = `http://bob:${encodeURIComponent(PASSWORD)}@camera.home:8081/video?channel=2`;
const settings = { source: SOURCE };

const FILES: Buffer[] = await Promise.all(
  Array.from({ length: 5 }, (_, i) => {
    const raw = { width: 64 + 16 * i, height: 48, channels: 3 } as const;
    const pixels = Buffer.alloc(raw.width * raw.height * 3, `picture ${i}`);
    return sharp(pixels, { raw }).jpeg({ quality: 40 + 10 * i }).toBuffer();
  }),
);

type Dialect = { head: string; frame: (file: Buffer) => Buffer };
const bytes = (text: string) => Buffer.from(text, "latin1");
const chunk = (data: Buffer) => Buffer.concat([bytes(`${data.length.toString(16)}\r\n`), data, bytes("\r\n")]);
const MIXED = "Content-Type: multipart/x-mixed-replace";
const plain = (file: Buffer) =>
  Buffer.concat([
    bytes(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${file.length}\r\n\r\n`),
    file,
    bytes("\r\n"),
  ]);

const DIALECTS: Record<string, Dialect> = {
  "with lengths, as µStreamer": {
    head: `HTTP/1.0 200 OK\r\nServer: x\r\nConnection: close\r\n${MIXED};boundary=frame\r\n\r\n`,
    frame: plain,
  },
  "without lengths": {
    head: `HTTP/1.1 200 OK\r\n${MIXED}; boundary="--frame"\r\n\r\n`,
    frame: (file) => Buffer.concat([bytes("--frame\r\nContent-type: image/jpeg\r\n\r\n"), file, bytes("\r\n")]),
  },
  "with LF alone in all heads": {
    head: `HTTP/1.1 200 OK\n${MIXED}; boundary=b\n\n`,
    frame: (file) => Buffer.concat([bytes("--b\nContent-Type: image/jpeg\n\n"), file, bytes("\n")]),
  },
  "chunked, a chunk a part": {
    head: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${MIXED}; boundary=frame\r\n\r\n`,
    frame: (file) => chunk(plain(file)),
  },
  "chunked in small pieces": {
    head: `HTTP/1.1 200 OK\r\n${MIXED}; boundary=frame\r\ntransfer-encoding: CHUNKED\r\n\r\n`,
    frame: (file) => {
      const all = plain(file);
      const pieces = Array.from({ length: Math.ceil(all.length / 7) }, (_, i) => chunk(all.subarray(7 * i, 7 * i + 7)));
      return Buffer.concat(pieces);
    },
  },
  "with a length of the whole stream that has no end": {
    head: `HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n${MIXED}; boundary=frame\r\n\r\n`,
    frame: plain,
  },
  "behind an interim answer": {
    head: `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\n${MIXED}; boundary=frame\r\n\r\n`,
    frame: plain,
  },
};

/** A camera that serves its files one after another to whoever asks, and what it was asked. */
class Server {
  readonly requests: string[] = [];
  readonly clients: Client[] = [];
  /** Whether it sends frames. */
  isSending = true;
  /** Stops taking connections. */
  readonly stop: () => void;
  readonly #world: SimulatedWorld;

  constructor(world: SimulatedWorld, dialect: Dialect | string = DIALECTS["with lengths, as µStreamer"]) {
    this.#world = world;
    this.stop = world.network.serve("camera.home", 8081, (client) => {
      this.clients.push(client);
      let request = "";
      client.onBytes = (data) => {
        request += Buffer.from(data).toString("latin1");
        if (!request.endsWith("\r\n\r\n")) return;
        this.requests.push(request);
        if (typeof dialect === "string") client.send(dialect).end();
        else {
          client.send(dialect.head);
          this.#feed(client, dialect, 0);
        }
      };
    });
  }

  #feed(client: Client, dialect: Dialect, n: number): void {
    if (client.isOver) return;
    if (this.isSending) client.send(dialect.frame(FILES[n % FILES.length]));
    this.#world.timeline.after(INTERVAL, () => this.#feed(client, dialect, n + 1));
  }

  /** Those who watch it now. */
  get watched(): number {
    return this.clients.filter((client) => client.state === ClientState.OPEN).length;
  }
}

const isServed = (jpeg: Uint8Array) => FILES.some((file) => file.equals(jpeg));

function told(world: SimulatedWorld): string[] {
  return world.log.flatMap(({ text }) => /^source camera\.home:8081: (.*)/.exec(text)?.slice(1) ?? []);
}

/** Nothing that the camera says has the password in it. */
function checkSecrecy(world: SimulatedWorld): void {
  const basic = Buffer.from(`bob:${PASSWORD}`).toString("base64");
  const said = JSON.stringify(stateOf(world)) + world.log.map(({ text }) => text).join("\n");
  const secrets = [PASSWORD, encodeURIComponent(PASSWORD), basic, "s:e"];
  assert.deepEqual(secrets.filter((secret) => said.includes(secret)), []);
}

for (const [name, dialect] of Object.entries(DIALECTS)) {
  scenario(`a stream ${name} is shown byte for byte`, { settings, conditions: CALM }, (world) => {
    world.network.outside.conditions = { ...CALM, chunk: [1, 1460] };
    const server = new Server(world, dialect);
    const viewer = world.watch();
    world.run(10 * SECOND);
    assert.ok(viewer.parts.length > 200, `${viewer.parts.length} frames`);
    assert.ok(viewer.parts.every(({ jpeg }) => isServed(jpeg)));
    const { capture } = stateOf(world);
    assert.equal(capture.broken + capture.oversized + capture.foreign + capture.mismeasured, 0);
    assert.deepEqual({ ...capture.upstream, frames: 0 }, {
      address: "camera.home:8081",
      state: "receiving",
      trouble: "",
      frames: 0,
    });
    assert.equal(server.requests.length, 1);
    assert.deepEqual(told(world), ["works"]);
    checkSecrecy(world);
  });
}

scenario("the request says what, of whom, and who asks", { settings }, (world) => {
  const server = new Server(world);
  world.run(SECOND);
  const lines = server.requests[0].split("\r\n");
  assert.equal(lines[0], "GET /video?channel=2 HTTP/1.1");
  assert.ok(lines.includes("Host: camera.home:8081"));
  assert.ok(lines.includes("Connection: close"));
  assert.ok(lines.includes(`Authorization: Basic ${Buffer.from(`bob:${PASSWORD}`).toString("base64")}`));
  for (const [source, line, host, authorization] of [
    ["http://camera.home:8081", "GET / HTTP/1.1", "camera.home:8081", undefined],
    ["HTTP://camera.home:8081?action=stream#top", "GET /?action=stream HTTP/1.1", "camera.home:8081", undefined],
    ["http://a@camera.home:8081/x", "GET /x HTTP/1.1", "camera.home:8081", "Basic YTo="],
    ["http://a:b@camera.home:8081/x", "GET /x HTTP/1.1", "camera.home:8081", "Basic YTpi"],
    ["http://a:bc@camera.home:8081/x", "GET /x HTTP/1.1", "camera.home:8081", "Basic YTpiYw=="],
    ["http://:%C3%BC?@camera.home:8081/", undefined, "", ""],
  ] as const) {
    world.settings.put("source", source);
    world.restart();
    server.requests.length = 0;
    world.run(SECOND);
    const [request] = server.requests;
    if (line === undefined) assert.equal(request, undefined);
    else {
      assert.ok(request.startsWith(`${line}\r\nHost: ${host}\r\n`), request);
      assert.equal(/\r\nAuthorization: (.*)\r\n/.exec(request)?.[1], authorization);
    }
  }
});

scenario("it fetches while somebody watches, rests 10 s later, and a snapshot wakes it", { settings }, (world) => {
  const server = new Server(world);
  world.run(30 * SECOND);
  assert.equal(server.requests.length, 1);
  assert.equal(server.watched, 0);
  assert.equal(stateOf(world).capture.upstream.state, "resting");
  world.run(MINUTE);
  assert.equal(server.requests.length, 1, "whoever asks for the state wakes nothing");
  const { published } = stateOf(world).capture;
  const { body, status } = world.fetch("/snapshot.jpg");
  assert.equal(status, 200);
  assert.ok(isServed(body));
  assert.ok(stateOf(world).capture.published > published, "a fresh one");
  assert.equal(server.watched, 1);
  world.run(12 * SECOND);
  assert.equal(server.watched, 0);
  const viewer = world.watch();
  world.run(MINUTE);
  assert.equal(server.watched, 1);
  assert.ok(viewer.parts.length > 59 * 25 && viewer.parts.length <= 61 * 25, `${viewer.parts.length} frames`);
  viewer.client.close();
  world.run(9 * SECOND);
  assert.equal(server.watched, 1);
  world.run(3 * SECOND);
  assert.equal(server.watched, 0);
  assert.equal(server.requests.length, 3);
  assert.equal(stateOf(world).capture.broken, 0, "it lets go between frames");
});

scenario("viewers who wait get the stream whenever it comes back, however late", { settings }, (world) => {
  const server = new Server(world);
  const viewer = world.watch();
  world.run(5 * SECOND);
  server.stop();
  server.clients[0].reset();
  const before = viewer.parts.length;
  world.run(5 * MINUTE);
  assert.equal(viewer.parts.length, before);
  assert.equal(viewer.client.state, ClientState.OPEN);
  assert.equal(stateOf(world).capture.state, "stale");
  assert.equal(world.fetch("/snapshot.jpg").status, 200, "the last frame is still there");
  const again = new Server(world);
  world.run(9 * SECOND);
  assert.equal(again.requests.length, 1);
  assert.ok(viewer.parts.length > before);
  assert.equal(stateOf(world).capture.state, "running");
  assert.deepEqual(told(world), [
    "works",
    "ended the connection, trying again",
    "can't be reached, trying again",
    "works",
  ]);
});

scenario("a source that comes back after a minute is kept by who has waited all the time", { settings }, (world) => {
  const server = new Server(world);
  const viewer = world.watch();
  world.run(5 * SECOND);
  server.stop();
  server.clients[0].reset();
  world.run(MINUTE);
  const before = viewer.parts.length;
  const again = new Server(world);
  world.run(20 * SECOND);
  assert.ok(viewer.parts.length > before + 10 * 25, `${viewer.parts.length - before} frames`);
  assert.equal(again.requests.length, 1, "its first frame does not end that somebody waits");
});

scenario("who takes half a minute for a frame watches all the while", { settings }, (world) => {
  const server = new Server(world);
  const viewer = world.watch("/stream.jpg", CALM, { sendBytes: 100, receiveBytes: 100 });
  viewer.client.readAt(100); // a byte each 10 ms, as it reads no less
  world.run(2 * SECOND);
  for (let n = 0; n < 12; n++) {
    viewer.client.readAt(0);
    world.run(4 * SECOND);
    viewer.client.readAt(100);
    world.run(SECOND);
  }
  assert.ok(viewer.parts.length < 10, `${viewer.parts.length} frames`);
  assert.equal(server.requests.length, 1);
  assert.equal(server.watched, 1);
});

scenario("a stream that stalls is begun anew", { settings }, (world) => {
  const server = new Server(world);
  world.watch();
  world.run(5 * SECOND);
  server.isSending = false;
  world.run(11 * SECOND);
  server.isSending = true;
  world.run(5 * SECOND);
  assert.deepEqual(told(world), ["works", "stalled, trying again", "works"]);
  assert.equal(server.watched, 1);
});

const ANSWERS: Record<string, [answer: string, trouble: string]> = {
  "that wants another password": [
    'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
    "401, the user name or the password is wrong",
  ],
  "that has nothing there": ["HTTP/1.1 404 Not Found\r\n\r\n", "answered with status 404"],
  "that sends elsewhere": [
    "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n",
    "answered with status 302",
  ],
  "that upgrades": ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "answered with status 101"],
  "that has a page": [
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>--frame\r\n",
    "has no multipart stream of JPEG files there",
  ],
  "that is no web server": ["220 mail ready\r\n", "answered with something that is not HTTP"],
  "that speaks another version": ["HTTP/2.0 200 OK\r\n\r\n", "answered with something that is not HTTP"],
  "whose head never ends": [`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(999)}`, "answered with something that is not HTTP"],
  "whose line never ends": [`HTTP/1.1 200 OK\r\nX: ${"y".repeat(9000)}`, "answered with something that is not HTTP"],
  "with two lengths": [
    `HTTP/1.1 200 OK\r\n${MIXED}\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n`,
    "answered with something that is not HTTP",
  ],
  "with a length and chunks": [
    `HTTP/1.1 200 OK\r\n${MIXED}\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n`,
    "answered with something that is not HTTP",
  ],
  "with a coding that nobody knows": [
    `HTTP/1.1 200 OK\r\n${MIXED}\r\nTransfer-Encoding: gzip\r\n\r\n`,
    "answered with something that is not HTTP",
  ],
  "with a folded line": ["HTTP/1.1 200 OK\r\nX: a\r\n b: c\r\n\r\n", "answered with something that is not HTTP"],
  "with chunks that are none": [
    `HTTP/1.1 200 OK\r\n${MIXED}\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n`,
    "answered with something that is not HTTP",
  ],
  "with an endless stream of nothing": [
    `HTTP/1.1 200 OK\r\n${MIXED}\r\n\r\n${"nothing ".repeat(300_000)}`,
    "has no multipart stream of JPEG files there",
  ],
  "that says nothing": ["", "ended the connection"],
};

for (const [name, [answer, trouble]] of Object.entries(ANSWERS)) {
  scenario(`a server ${name} is named once, and asked again with growing pauses`, { settings }, (world) => {
    const server = new Server(world, answer);
    const viewer = world.watch();
    world.run(SECOND);
    const before = heapEnd(world);
    world.run(MINUTE);
    assert.deepEqual(told(world), [`${trouble}, trying again`]);
    const { upstream, published } = stateOf(world).capture;
    assert.equal(upstream.trouble, trouble);
    assert.equal(published, 0);
    assert.ok(server.requests.length > 6 && server.requests.length < 20, `${server.requests.length} requests`);
    assert.equal(viewer.client.state, ClientState.OPEN);
    assert.equal(heapEnd(world), before);
    viewer.client.close();
    world.run(20 * SECOND);
    const { length } = server.requests;
    world.run(MINUTE);
    assert.equal(server.requests.length, length, "nobody watches");
    checkSecrecy(world);
  });
}

scenario("hosts that are not there, or do not answer, are named", { settings }, (world) => {
  const viewer = world.watch();
  world.run(5 * SECOND);
  assert.deepEqual(told(world), ["no such host, trying again"]);
  const server = new Server(world);
  server.stop();
  world.run(10 * SECOND);
  assert.deepEqual(told(world).slice(1), ["can't be reached, trying again"]);
  world.network.outside.unanswered = 1;
  world.run(30 * SECOND);
  assert.deepEqual(told(world).slice(2), ["does not answer, trying again"]);
  world.network.outside.unanswered = 0;
  const silent = world.network.serve("camera.home", 8081, () => {});
  world.run(30 * SECOND);
  assert.deepEqual(told(world).slice(3), [], "that it says nothing is the same");
  silent();
  assert.equal(new Server(world).requests.length, 0);
  world.run(MINUTE);
  assert.ok(viewer.parts.length > 25);
});

scenario("what is no address, or wants TLS, is refused in a line that says why", {}, (world) => {
  const why = {
    "https://bob:secret@camera.home/": /^source: https is not spoken here/,
    "ftp://bob:secret@camera.home/": /^source: the address is not of the form http:/,
    "http://bob:secret@camera.home:99999/": /^source: the address is not of the form/,
    "http://bob:%zz@camera.home/": /^source: the address is not of the form/,
    "http://bob:%0d%0aX:y@camera.home/": /^source: the address is not of the form/,
    "http://camera.home/a b": /^source: the address is not of the form/,
    "http://camera.home/a\r\nX: y": /^source: the address is not of the form/,
    "http://:8081/": /^source: the address is not of the form/,
    "http://": /^source: the address is not of the form/,
  };
  for (const [source, line] of Object.entries(why)) {
    world.settings.put("source", source);
    world.restart();
    world.log.length = 0;
    world.run(SECOND);
    assert.ok(world.log.some(({ text }) => line.test(text)), `${source}: ${JSON.stringify(world.log)}`);
    const said = JSON.stringify(stateOf(world)) + JSON.stringify(world.log);
    assert.ok(!said.includes("secret"), said);
  }
  assert.equal(world.fetch("/snapshot.jpg").status, 503);
});

scenario("a bad network, for minutes: nothing leaks, and what is shown is whole", { settings }, (world) => {
  world.network.outside = { conditions: { ...ROUGH, resetShare: 0.002 }, refused: 0.2, unanswered: 0.1 };
  const server = new Server(world);
  const viewer = world.watch();
  world.run(20 * SECOND);
  const before = heapEnd(world);
  world.run(4 * MINUTE);
  assert.ok(Math.abs(heapEnd(world) - before) < 1, "the heap stands still");
  assert.ok(server.requests.length > 3);
  assert.ok(viewer.parts.length > 500 && viewer.parts.every(({ jpeg }) => isServed(jpeg)), `${viewer.parts.length}`);
  assert.ok(world.board.openSockets <= 3);
});
