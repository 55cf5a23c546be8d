/**
 * The relay's push side in the simulated world: every form of stream, in pieces of every size, whole and broken. What
 * viewers get is held, byte for byte, against the files that were sent.
 */

import assert from "node:assert/strict";
import sharp from "sharp";
import { ClientState, type Client } from "../host/simulated/client.ts";
import { CALM, type Conditions } from "../host/simulated/link.ts";
import { Random } from "../host/simulated/random.ts";
import { ADMIN_SECRET } from "../host/simulated/secret.ts";
import { MILLISECOND, MINUTE, SECOND } from "../host/simulated/timeline.ts";
import type { SimulatedWorld, Viewer } from "../host/simulated/world.ts";
import { heapEnd, scenario, stateOf } from "./simulated-scenario.ts";

const PUSH = { settings: { source: "push" } };
/** A network that cuts what it carries into pieces of every size. */
const CHOPPY: Conditions = { ...CALM, chunk: [1, 1460] };
/** From one frame to the next. */
const INTERVAL = 40 * MILLISECOND;
/** The largest file that a slot holds: see assembly/limits.ts. */
const FILE_BYTES_MAX = 256 * 1024 - 160 - 16;

/** Pictures that differ in every byte, of several sizes. */
const FILES: Buffer[] = await Promise.all(
  Array.from({ length: 12 }, async (_, i) => {
    const [width, height] = [16 + 24 * i, 16 + 16 * i];
    const random = new Random(i + 1);
    const pixels = Buffer.from(Array.from({ length: width * height * 3 }, () => random.between(0, 255)));
    const picture = sharp(pixels, { raw: { width, height, channels: 3 } });
    return picture.jpeg({ quality: 60, progressive: i % 3 === 2 }).toBuffer();
  }),
);

/** A file as cameras write it, with a smaller picture in it. */
const WITH_THUMBNAIL = Buffer.concat([
  FILES[3].subarray(0, 2),
  Buffer.of(0xff, 0xe1, (FILES[0].length + 2) >> 8, (FILES[0].length + 2) & 255),
  FILES[0],
  FILES[3].subarray(2),
]);

const text = (characters: string) => Buffer.from(characters, "latin1");

type Framed = (file: Buffer) => Buffer;
const part = (head: string, file: Buffer) => Buffer.concat([text(`${head}\r\n\r\n`), file, text("\r\n")]);
const gstreamer: Framed = (file) =>
  part(`--spionisto\r\nContent-Type: image/jpeg\r\nContent-Length: ${file.length}`, file);
const ffmpeg: Framed = (file) => part(`--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: ${file.length}`, file);
const ours: Framed = (file) =>
  Buffer.concat([text("Content-Type: image/jpeg\r\nX-Timestamp: 1.000000\r\n\r\n"), file, text("\r\n--frame\r\n")]);
const lengthless: Framed = (file) => Buffer.concat([text("--b 0_u'n(d)ary/?:=\nContent-Type: IMAGE/JPEG\n\n"), file]);
const bare: Framed = (file) => file;
const chunk: Framed = (data) => Buffer.concat([text(`${data.length.toString(16)};x=y\r\n`), data, text("\r\n")]);

/** A stream by its beginning, and how each file is framed in it. */
const FORMS: Record<string, { head: string; frame: Framed; form: "multipart" | "files" }> = {
  "multipart as gstreamer writes it": { head: "", frame: gstreamer, form: "multipart" },
  "multipart behind the head of an HTTP answer": {
    head: "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=x\r\n\r\n",
    frame: gstreamer,
    form: "multipart",
  },
  "multipart as another one of us sends it": { head: "--frame\r\n", frame: ours, form: "multipart" },
  "multipart with bare line feeds, no lengths and nothing between": {
    head: "preamble\n",
    frame: lengthless,
    form: "multipart",
  },
  "multipart with paddings behind the files": {
    head: "",
    frame: (file) => gstreamer(Buffer.concat([file, Buffer.alloc(999, 0xff)])),
    form: "multipart",
  },
  "multipart with lengths that are too small, and too large": {
    head: "",
    frame: (file) => part(`--liar\r\nContent-Length: ${file.length % 2 ? 7 : 99_999_999}\r\n`, file),
    form: "multipart",
  },
  "files alone": { head: "", frame: bare, form: "files" },
  "POST of multipart in chunks, as ffmpeg sends it": {
    head: "POST /any HTTP/1.1\r\nHost: 10.0.0.1:9999\r\nTransfer-Encoding: chunked\r\nUser-Agent: Lavf\r\n\r\n",
    frame: (file) => chunk(ffmpeg(file)),
    form: "multipart",
  },
  "POST in tiny chunks": {
    head: "POST / HTTP/1.1\r\nHost: camera\r\nTransfer-Encoding: chunked\r\n\r\n",
    frame: (file) => {
      const data = ffmpeg(file);
      const pieces = Array.from({ length: Math.ceil(data.length / 7) }, (_, i) => data.subarray(7 * i, 7 * i + 7));
      return Buffer.concat(pieces.map(chunk));
    },
    form: "multipart",
  },
  "POST without any length": { head: "POST / HTTP/1.1\r\nHost: camera\r\n\r\n", frame: ffmpeg, form: "multipart" },
  "PUT with a length that never comes": {
    head: "PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n",
    frame: bare,
    form: "files",
  },
};

/** Sends files, one each INTERVAL, and lets the last one arrive. */
function feed(world: SimulatedWorld, upstream: Client, frame: Framed, files = FILES): void {
  for (const file of files) {
    upstream.send(frame(file));
    world.run(INTERVAL);
  }
  world.run(SECOND / 2);
}

/** That viewers were sent these files, all and in order; those that came before the viewer aside. */
function assertParts(viewer: Viewer, files: Buffer[]): void {
  assert.equal(viewer.problem, undefined);
  assert.equal(viewer.parts.length, files.length);
  for (const [i, { jpeg }] of viewer.parts.entries()) assert.ok(jpeg.equals(files[i]), `part ${i} is file ${i}`);
}

/** Networks that cut what they carry into pieces of every size, and of one byte. */
const PIECES: Record<string, Conditions> = {
  "random pieces": CHOPPY,
  "pieces of one byte": { ...CALM, chunk: [1, 1] },
};

for (const [name, { head, frame, form }] of Object.entries(FORMS)) {
  for (const [how, conditions] of Object.entries(PIECES)) {
    scenario(`${name}, in ${how}: every file comes through`, PUSH, (world) => {
      world.run(SECOND / 10);
      const viewer = world.watch();
      const upstream = world.upstream(conditions);
      upstream.send(head);
      const files = conditions === CHOPPY ? [...FILES, WITH_THUMBNAIL] : FILES.slice(0, 4);
      feed(world, upstream, frame, files);
      assertParts(viewer, files);
      const { capture } = stateOf(world);
      assert.deepEqual(
        [capture.state, capture.published, capture.form, capture.broken, capture.oversized, capture.foreign],
        ["running", files.length, form, 0, 0, 0],
      );
      const short = files.filter((file) => file.length % 2).length;
      assert.equal(capture.mismeasured, name.includes("too small") ? short : 0);
      assert.equal(capture.upstream.address, "10.0.0.2");
      assert.equal(capture.upstream.frames, files.length);
    });
  }
}

/** What can be wrong with a part: its bytes, and what is counted of it. */
const WRONG: Record<string, { sent: Buffer; counted: Partial<Record<"broken" | "oversized" | "foreign", number>> }> = {
  "cut short in its scan": { sent: gstreamer(FILES[5].subarray(0, -500)), counted: { broken: 1 } },
  "cut short before its scan": { sent: gstreamer(FILES[5].subarray(0, 100)), counted: { broken: 1 } },
  "cut short, and with the length that it should have": {
    sent: part(`--spionisto\r\nContent-Length: ${FILES[5].length}`, FILES[5].subarray(0, 700)),
    counted: { broken: 1 },
  },
  "cut short, before what might pass for more of it": {
    sent: Buffer.concat([
      gstreamer(FILES[5].subarray(0, -500)),
      part("--spionisto\r\nContent-Type: image/png", text("\x89PNG\r\n\xff\xfe\xff\xf0")),
    ]),
    counted: { broken: 1, foreign: 1 },
  },
  "without a frame": { sent: gstreamer(text("\xff\xd8\xff\xda\0\x02abc\xff\xd9")), counted: { broken: 1 } },
  "text": { sent: part("--spionisto\r\nContent-Type: text/plain", text("hello")), counted: { foreign: 1 } },
  "text that says it is a picture": { sent: gstreamer(text("hello")), counted: { foreign: 1 } },
  "a PNG file": { sent: part("--spionisto\r\nContent-Type: image/png", text("\x89PNG\r\n")), counted: { foreign: 1 } },
  "nothing but a head": { sent: text("--spionisto\r\nContent-Type: image/jpeg\r\n"), counted: { broken: 1 } },
  "an endless line": {
    sent: Buffer.concat([text("--spionisto\r\nX: "), Buffer.alloc(5000, "x"), text("\r\n")]),
    counted: { broken: 1 },
  },
  "a file that is a byte too large": { sent: gstreamer(inflated(FILE_BYTES_MAX + 1)), counted: { oversized: 1 } },
  "a file of 5 MB": { sent: gstreamer(inflated(5_000_000).subarray(0, 1_900_000)), counted: { oversized: 1 } },
};

/** A file that is whole and has `length` bytes, many of them for nothing. */
function inflated(length: number): Buffer {
  const padding = length - FILES[2].length;
  const segments = [];
  for (let left = padding; left > 0; ) {
    const size = left > 70_000 ? 60_000 : left > 65_000 ? 30_000 : left;
    const segment = Buffer.alloc(size, 0x20);
    segment.writeUInt16BE(0xfffe, 0);
    segment.writeUInt16BE(size - 2, 2);
    segments.push(segment);
    left -= size;
  }
  return Buffer.concat([FILES[2].subarray(0, 2), ...segments, FILES[2].subarray(2)]);
}

for (const [name, { sent, counted }] of Object.entries(WRONG)) {
  scenario(`a part that is wrong, ${name}: it is counted, and the next one comes through`, PUSH, (world) => {
    world.run(SECOND / 10);
    const viewer = world.watch();
    const upstream = world.upstream(CHOPPY);
    feed(world, upstream, (file) => Buffer.concat([sent, gstreamer(file)]), FILES.slice(0, 4));
    world.run(5 * SECOND);
    assertParts(viewer, FILES.slice(0, 4));
    const { capture } = stateOf(world);
    const all = { broken: 0, oversized: 0, foreign: 0 };
    for (const [what, count] of Object.entries({ ...all, ...counted })) assert.equal(capture[what], 4 * count, what);
  });
}

scenario("the largest file that fits comes through, in either form", PUSH, (world) => {
  const largest = inflated(FILE_BYTES_MAX - 420); // the room for Huffman tables
  for (const frame of [gstreamer, bare]) {
    const viewer = world.watch();
    const upstream = world.upstream();
    feed(world, upstream, frame, [FILES[0], largest, FILES[1]]);
    const [before, part, behind] = viewer.parts.slice(-3).map(({ jpeg }) => jpeg);
    assert.ok(before.equals(FILES[0]) && part.equals(largest) && behind.equals(FILES[1]));
    upstream.end();
    viewer.client.close();
    world.run(SECOND);
  }
});

scenario("files alone: after a broken or an oversized one it goes on with the next", PUSH, (world) => {
  world.run(SECOND / 10);
  const viewer = world.watch();
  const upstream = world.upstream(CHOPPY);
  const [broken, oversized] = [FILES[5].subarray(0, -400), inflated(FILE_BYTES_MAX + 50_000)];
  feed(world, upstream, bare, [FILES[1], broken, FILES[2], oversized, FILES[3]]);
  assertParts(viewer, [FILES[1], FILES[2], FILES[3]]);
  const { capture } = stateOf(world);
  assert.deepEqual([capture.broken, capture.oversized], [1, 1]);
});

scenario("files without Huffman tables are given them", PUSH, async (world) => {
  world.run(SECOND / 10);
  const viewer = world.watch();
  const plain = await sharp({ create: { width: 64, height: 48, channels: 3, background: "#c04010" } })
    .jpeg({ optimiseCoding: false })
    .toBuffer();
  let tableless = plain;
  for (let at; (at = tableless.indexOf(Buffer.of(0xff, 0xc4))) > 0; ) {
    const behind = at + 2 + tableless.readUInt16BE(at + 2);
    tableless = Buffer.concat([tableless.subarray(0, at), tableless.subarray(behind)]);
  }
  feed(world, world.upstream(), gstreamer, [tableless, FILES[0], tableless]);
  assert.equal(viewer.problem, undefined);
  assert.ok(viewer.parts[1].jpeg.equals(FILES[0]));
  for (const i of [0, 2]) {
    assert.equal(viewer.parts[i].jpeg.length, tableless.length + 420);
    const pixels = await sharp(viewer.parts[i].jpeg, { failOn: "warning" }).raw().toBuffer();
    assert.ok(pixels.equals(await sharp(plain).raw().toBuffer()));
  }
  const snapshot = world.fetch("/snapshot.jpg");
  assert.ok(snapshot.body.equals(viewer.parts[2].jpeg));
});

scenario("garbage without end is cut off, viewers keep what they have, and the next is welcome", PUSH, (world) => {
  const viewer = world.watch();
  feed(world, world.upstream(), gstreamer, FILES.slice(0, 3));
  for (const kind of ["noise", "a boundary and no file", "a part without end", "chunks that are none"]) {
    world.run(11 * SECOND); // whoever is there has been silent by now
    const before = heapEnd(world);
    const upstream = world.upstream();
    const random = new Random(world.seed);
    if (kind === "a boundary and no file") upstream.send("--b\r\n\r\n".repeat(600_000));
    else if (kind === "chunks that are none") {
      upstream.send("POST / HTTP/1.1\r\nHost: camera\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\n");
    } else {
      if (kind === "a part without end") upstream.send(gstreamer(inflated(200_000)).subarray(0, 150_000));
      const noise = Buffer.from(Array.from({ length: 50_000 }, () => random.between(0, 255)));
      noise[0] |= 0x80; // or it may begin as a request does, which is refused and takes nobody's seat
      for (let i = 0; i < 100; i++) upstream.send(noise);
    }
    world.runUntil(() => upstream.isOver, MINUTE, `${kind} was cut off`);
    assert.equal(stateOf(world).capture.upstream, null, kind);
    assert.equal(heapEnd(world), before, "nothing was allocated");
  }
  feed(world, world.upstream(), gstreamer, FILES.slice(3, 6));
  assertParts(viewer, FILES.slice(0, 6));
  assert.equal(world.board.restarts, 0);
});

scenario("a part that trickles is cut off, one that has begun at last", PUSH, (world) => {
  const viewer = world.watch();
  const upstream = world.upstream({ ...CALM, chunk: [1, 50], bytesPerSecond: 100 });
  upstream.send(gstreamer(FILES[8]));
  world.runUntil(() => upstream.isOver, MINUTE, "the trickle was cut off");
  assert.ok(world.now < 40 * SECOND);
  assert.equal(viewer.parts.length, 0);
  assert.equal(stateOf(world).capture.broken, 1);
});

scenario("a second upstream is refused while the first delivers, not when it is silent or gone", PUSH, (world) => {
  const viewer = world.watch();
  const first = world.upstream();
  feed(world, first, gstreamer, FILES.slice(0, 2));
  world.run(5 * SECOND); // so that the log tells again
  const second = world.upstream(CALM, "10.0.0.9").send(gstreamer(FILES[9]));
  let told = "";
  second.onBytes = (data) => (told += Buffer.from(data).toString());
  const posting = "POST / HTTP/1.1\r\nHost: camera\r\nTransfer-Encoding: chunked\r\n";
  const post = world.upstream(CALM, "10.0.0.9").send(`${posting}\r\n`);
  let answer = "";
  post.onBytes = (data) => (answer += Buffer.from(data).toString());
  world.run(SECOND);
  assert.equal(told, "refused: another upstream is there\n");
  assert.match(answer, /^HTTP\/1.1 401 .*WWW-Authenticate: Basic /s);
  assert.match(answer, /\r\n\r\nanother upstream is there; the admin secret takes over\n$/);
  assert.equal(second.state, ClientState.ENDED);
  assert.equal(stateOf(world).capture.refused, 2);
  assert.match(world.log.at(-1)!.text, /^upstream 10\.0\.0\.9: refused, there is another one$/);
  feed(world, first, gstreamer, FILES.slice(2, 4));
  assertParts(viewer, FILES.slice(0, 4));

  world.run(11 * SECOND); // the first is silent, though it is still there
  const third = world.upstream(CALM, "10.0.0.3");
  feed(world, third, gstreamer, FILES.slice(4, 6));
  assert.ok(first.isOver, "who was silent is let go");
  assert.equal(stateOf(world).capture.upstream.address, "10.0.0.3");

  third.reset();
  world.run(SECOND / 10);
  assert.equal(stateOf(world).capture.upstream, null);
  feed(world, world.upstream(CALM, "10.0.0.4"), bare, FILES.slice(6, 8));
  assert.equal(stateOf(world).capture.upstream.address, "10.0.0.4");
  assertParts(viewer, FILES.slice(0, 8));
});

scenario("the admin secret takes over at once; a wrong one, or the viewers', does not", PUSH, (world) => {
  const viewer = world.watch();
  const first = world.upstream();
  feed(world, first, gstreamer, FILES.slice(0, 2));
  const post = (secret: string) => {
    const client = world.upstream(CHOPPY, "10.0.0.9");
    const head = "POST /cam HTTP/1.1\r\nHost: camera\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n";
    return client.send(`${head}Authorization: Basic ${Buffer.from(`me:${secret}`).toString("base64")}\r\n\r\n`);
  };
  const wrong = post("not the secret");
  world.runUntil(() => wrong.isOver, 10 * SECOND, "the wrong secret was refused");
  assert.ok(!first.isOver);
  const right = post(ADMIN_SECRET);
  let said = "";
  right.onBytes = (data) => (said += Buffer.from(data).toString());
  world.runUntil(() => first.isOver, 10 * SECOND, "the first was let go");
  feed(world, right, (file) => chunk(ffmpeg(file)), FILES.slice(2, 5));
  right.send("0\r\n\r\n");
  world.run(SECOND);
  assert.match(said, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n.*\r\n\r\ntaken\n$/s);
  assertParts(viewer, FILES.slice(0, 5));
});

/** Streams in which chance has changed bytes, left some out, or repeated some. */
function mutated(random: Random, stream: Buffer): Buffer {
  let bytes = Buffer.from(stream);
  for (let changes = random.between(1, 6); changes > 0; changes--) {
    const at = random.between(0, bytes.length - 1);
    const length = random.between(1, 600);
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (random.between(0, 4)) {
      case 0:
        bytes[at] = random.between(0, 255);
        break;
      case 1:
        bytes = Buffer.concat([before, behind.subarray(length)]);
        break;
      case 2:
        bytes = Buffer.concat([before, behind.subarray(0, length), behind]);
        break;
      case 3:
        bytes = Buffer.concat([before, text("\xff\xd8\xff\xd9\r\n--spionisto\r\n"), behind]);
        break;
      default:
        bytes = Buffer.concat([before, text("\r\n--spionisto--\r\n\r\n"), behind]);
    }
  }
  return bytes;
}

scenario("mutations of streams are read the same however they are cut, and harm nobody", PUSH, (world) => {
  const random = new Random(world.seed);
  const viewer = world.watch();
  const counts = () => {
    const { published, broken, oversized, foreign, mismeasured } = stateOf(world).capture;
    return [published, broken, oversized, foreign, mismeasured];
  };
  const added = (stream: Buffer, conditions: Conditions): number[] => {
    const before = counts();
    const upstream = world.upstream(conditions).send(stream).end();
    world.runUntil(() => upstream.isOver, MINUTE, "the stream's end");
    return counts().map((count, i) => count - before[i]);
  };
  const frames = [gstreamer, bare, lengthless];
  for (let i = 0; i < 30; i++) {
    const stream = mutated(random, Buffer.concat(FILES.slice(0, 5).map(frames[i % 3])));
    assert.deepEqual(added(stream, CHOPPY), added(stream, CALM), `stream ${i}`);
  }
  assert.equal(viewer.problem, undefined, "every part that was delivered is a whole file");
  const before = viewer.parts.length;
  feed(world, world.upstream(), gstreamer, FILES);
  assert.equal(viewer.parts.length, before + FILES.length);
  assert.equal(world.board.restarts, 0);
});

scenario("requests that send no frames get answers", PUSH, (world) => {
  const ask = (text: string): string => {
    const client = world.upstream();
    let answer = "";
    client.onBytes = (data) => (answer += Buffer.from(data).toString());
    client.send(text);
    world.runUntil(() => client.isOver, 40 * SECOND, "an answer");
    return answer.slice(0, answer.indexOf("\r\n"));
  };
  const status = (text: string) => ask(text).split(" ")[1];
  assert.equal(status("GET / HTTP/1.1\r\nHost: camera\r\n\r\n"), "405");
  assert.equal(status("POST / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "421");
  assert.equal(status("POST / HTTP/1.1\r\nHost: camera\r\nOrigin: http://evil.example\r\n\r\n"), "403");
  assert.equal(status("POST / HTTP/1.1\r\nHost: camera\r\nHost: camera\r\n\r\n"), "400");
  assert.equal(status("HELLO\r\n"), "400");
  assert.equal(status("PUT / HTTP/1.1\r\nHost: ca"), "408");
  assert.equal(status("PUT / HTTP/1.1\r\nHost: camera\r\nContent-Length: 5\r\n\r\nhello"), "415");
  const [file] = FILES;
  const put = `PUT / HTTP/1.1\r\nHost: camera\r\nContent-Length: ${file.length}\r\n\r\n${file.toString("latin1")}`;
  assert.equal(status(put), "200");
  assert.ok(world.fetch("/snapshot.jpg").body.equals(file));
});

scenario("when the upstream goes viewers keep the last frame, marked stale, till it is back", PUSH, (world) => {
  world.run(SECOND);
  assert.equal(stateOf(world).capture.state, "waiting");
  assert.equal(world.fetch("/snapshot.jpg").status, 503);
  const viewer = world.watch();
  const first = world.upstream();
  feed(world, first, gstreamer, FILES.slice(0, 3));
  assert.equal(stateOf(world).capture.state, "running");
  assert.equal(world.fetch("/snapshot.jpg").headers.get("age"), "0");
  first.close();
  world.run(MINUTE);
  const { capture, viewers } = stateOf(world);
  assert.deepEqual([capture.state, capture.upstream, viewers.length], ["stale", null, 1]);
  assert.ok(capture.age > 59 && capture.age < 62);
  const asked = world.now;
  const snapshot = world.fetch("/snapshot.jpg");
  assert.ok(world.now - asked < SECOND / 10, "nobody is kept waiting for what will not come");
  assert.ok(snapshot.body.equals(FILES[2]));
  assert.ok(["60", "61"].includes(snapshot.headers.get("age")!));
  const late = world.watch();
  world.run(SECOND);
  assertParts(late, [FILES[2]]);
  feed(world, world.upstream(), bare, FILES.slice(3, 5));
  assert.equal(stateOf(world).capture.state, "running");
  assertParts(viewer, FILES.slice(0, 5));
  assertParts(late, FILES.slice(2, 5));
});

scenario("a camera that relays starts no sensor, has no controls, and allocates nothing", PUSH, (world) => {
  const viewer = world.watch();
  const upstream = world.upstream(CHOPPY);
  feed(world, upstream, gstreamer, FILES);
  const before = heapEnd(world);
  for (let i = 0; i < 5; i++) feed(world, upstream, gstreamer, FILES);
  assert.equal(heapEnd(world), before);
  assert.equal(world.sensor.captures.length, 0);
  assert.deepEqual(JSON.parse(world.fetch("/control").body.toString()), { controls: [] });
  assert.equal(world.fetch("/control", { method: "POST", body: "quality=5" }).status, 400);
  assert.equal(viewer.parts.length, 6 * FILES.length);
});

scenario("upstreams that come and go do not fill the log, nor the table", PUSH, (world) => {
  const viewer = world.watch();
  for (let i = 0; i < 200; i++) {
    const client = world.upstream();
    if (i % 3) client.send(gstreamer(FILES[i % 12]));
    world.run(50 * MILLISECOND);
    if (i % 4 === 0) client.reset();
    else if (i % 3) client.end();
  }
  world.run(40 * SECOND);
  assert.ok(world.log.length < 20, `${world.log.length} lines`);
  assert.equal(world.board.openSockets, 2 + 1, "two listeners and a viewer");
  assert.ok(viewer.parts.length > 100);
});

scenario("a source that makes no sense is named, and nobody listens", { settings: { source: "psuh" } }, (world) => {
  const client = world.upstream();
  world.run(SECOND);
  assert.equal(client.state, ClientState.REFUSED);
  assert.ok(world.log.some(({ text }) => text === "setting ignored, its value makes no sense: source"));
  assert.equal(stateOf(world).capture.sensor, "soft");
});
