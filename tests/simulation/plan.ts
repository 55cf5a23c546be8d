/**
 * A plan: a minute of a camera's life, written down before it begins. It is made from a seed; `life.ts` carries it out
 * and checks the camera meanwhile; `shrink.ts` leaves away what a failure does not need. A plan is plain JSON, so that
 * a short one can be kept and played again.
 *
 * Everything in it stands by itself: without any of its actions it is still a plan, and what is left of chance for an
 * action (a network's delays) comes from the action's own `id`, so the others go on as they were.
 */

import { CALM, type Conditions, ROUGH } from "../../host/simulated/link.ts";
import { Random } from "../../host/simulated/random.ts";
import { clientFrame, closeFrame, Opcode } from "../../host/simulated/websocket.ts";
import { ANSWERS, type StreamName, STREAMS } from "./source.ts";
import type { FormName, Item } from "./upstream.ts";

/** Networks between a client and the camera. */
export const LINES = {
  calm: CALM,
  /** Nothing is held up, but it comes in pieces of any size. */
  choppy: { ...CALM, delay: [500, 5_000], chunk: [1, 1460] },
  rough: ROUGH,
  narrow: { ...CALM, delay: [5_000, 20_000], chunk: [100, 1460], bytesPerSecond: 12_000 },
  far: { ...CALM, delay: [120_000, 180_000] },
  /** It resets connections. */
  failing: { ...ROUGH, resetShare: 0.003 },
} satisfies Record<string, Conditions>;

export type LineName = keyof typeof LINES;

/** How a client goes. */
export type Leave =
  /** As a program does that closes its socket. */
  | "closes"
  | "resets"
  /** It says that it has said all, and reads on. */
  | "ends"
  /** Its cable is pulled: it never reads nor says anything again. */
  | "vanishes"
  /** It waits for the camera to end it. */
  | "stays";

type Client = {
  /** Names the action, and the chance that it has for itself. */
  id: number;
  /** ms from the beginning. */
  at: number;
  line: LineName;
  /** Bytes of the buffers towards the client: the camera's and its own. */
  buffers: [number, number];
  /** Bytes a second that it reads; 0: all at once. */
  reads: number;
  /** ms after `at` when it leaves. */
  leavesAfter: number;
  leaves: Leave;
};

export type Watch = Client & {
  do: "watch";
  path: string;
  /** When, in ms after `at`, it stops reading, and for how long. */
  stalls: [number, number][];
  /** What it says while it watches, at its first stall or after a second. */
  chatter: string;
};

/** What a viewer by WebSocket may say that ends it, and the code that the camera closes with. */
export const LAST_WORDS: Record<string, { says: Buffer; code: number }> = {
  "a close": { says: closeFrame(1000, "bye"), code: 1000 },
  "a close for no reason": { says: closeFrame(), code: 1005 },
  "a close that goes away": { says: closeFrame(1001), code: 1001 },
  "a close with a code that is never sent": { says: closeFrame(1006), code: 1002 },
  "a frame without a mask": { says: Buffer.from([0x81, 1, 0x31]), code: 1002 },
  "a binary message": { says: clientFrame(Opcode.BINARY, "1"), code: 1003 },
  "what is no number": { says: clientFrame(Opcode.TEXT, "1a"), code: 1007 },
  "a number that is too large": { says: clientFrame(Opcode.TEXT, "4294967297"), code: 1007 },
  "an acknowledgement of what was not sent": { says: clientFrame(Opcode.TEXT, "4294967295"), code: 1008 },
  "a long message": { says: clientFrame(Opcode.TEXT, "1".repeat(65)), code: 1009 },
  "a gigantic message": { says: Buffer.from("81ff7fffffffffffffff", "hex"), code: 1009 },
};

/** A viewer by WebSocket. */
export type WatchSocket = Client & {
  do: "socket";
  /** ms from a frame to its acknowledgement; -1: never. */
  acknowledges: number;
  answersPings: boolean;
  /** How often it pings by itself, ms; 0: never. */
  pings: number;
  stalls: [number, number][];
  /** What it says at last, by its name, and when, in ms after `at`; "": nothing. */
  lastWords: string;
  lastWordsAfter: number;
};

/** A request that is well-formed, and what may be answered. */
export type Ask = {
  method: string;
  target: string;
  fields: Record<string, string>;
  body: string;
  /** The statuses that are right; 503 is told apart by what it says. */
  status: number[];
  /** Controls that it sets, where that is so. */
  sets?: Record<string, string>;
  saves?: boolean;
};

export type Talk = Client & {
  do: "talk";
  asks: Ask[];
  /** ms between requests; 0: all at once, whatever is answered (pipelining). */
  pause: number;
  /** Bytes that are sent at a time, 5 ms from each other; 0: all. */
  piece: number;
};

/** A client that does not keep to HTTP, or says only the beginning of something. */
export type Rude = Client & {
  do: "rude";
  says: string;
  /** ms between single bytes; 0: all at once. */
  drip: number;
};

/** Somebody who sends frames to a camera that relays them. */
export type Upstream = {
  id: number;
  at: number;
  do: "upstream";
  line: LineName;
  form: FormName;
  /** Which secret it shows, where it speaks HTTP. */
  secret: "" | "right" | "wrong";
  /** What it says in place of a stream's head; "": a right one. */
  says: string;
  /** What it sends, again and again, and how often, ms. */
  items: Item[];
  every: number;
  /** The statuses that are right answers in the end. */
  statuses: number[];
  /** ms after `at` when it sends no more, and leaves. */
  leavesAfter: number;
  leaves: Leave;
};

/** How a host is, from then on until the next of these, to which the camera connects by itself. */
type Host = {
  id: number;
  at: number;
  line: LineName;
  /** ms after a connection stands when the host leaves it, and how. */
  leavesAfter: number;
  leaves: Leave;
  /** Whether those connections are reset that there are when it becomes so. */
  cuts: boolean;
};

/** What goes wrong before a connection stands: no such name, refused, no answer, no socket left on the board. */
type Unreachable = "missing" | "refuses" | "unanswered" | "unconnectable";

/** The host from which the camera pulls. */
export type Source = Host & {
  do: "source";
  how: "streams" | "answers" | "silent" | Unreachable;
  /** What it answers that is no stream, by its name. */
  answer: string;
  /** How its stream is written, and what is in it, again and again, and how often, ms. */
  stream: StreamName;
  items: Item[];
  every: number;
  /** Bytes that it sends at a time, 50 ms from each other; 0: all. */
  piece: number;
};

/** The host to which the camera pushes. */
export type Receiver = Host & {
  do: "receiver";
  how: "takes" | Unreachable;
  /** Bytes of its buffer, and bytes a second that it reads; 0: all at once. */
  buffer: number;
  reads: number;
  /** When, in ms after a connection stands, it stops reading, and for how long. */
  stalls: [number, number][];
  /** What it says meanwhile, which nobody listens to. */
  says: string;
};

/** A setting is changed, "" for none; the camera sees it when it starts anew, which it does at once or not. */
export type Setting = { id: number; at: number; do: "setting"; name: string; value: string; restarts: boolean };

export type Sensor = { id: number; at: number; do: "sensor"; mood: "stalled" | "tearing" | "missing"; lasts: number };
/** The module traps in the middle of a step, at the call of the board after so many more. */
export type Trap = { id: number; at: number; do: "trap"; calls: number };
/** The board loses its power for a moment. */
export type Restart = { id: number; at: number; do: "restart" };

export type Action =
  | Watch
  | WatchSocket
  | Talk
  | Rude
  | Upstream
  | Source
  | Receiver
  | Setting
  | Sensor
  | Trap
  | Restart;

export type Plan = {
  seed: number;
  /** How long the life is. */
  seconds: number;
  /** Where frames come from: the soft sensor, a chip on the bus, upstreams that push theirs, or whom it pulls from. */
  sensor: "soft" | "ov2640" | "push" | "pull";
  settings: Record<string, string>;
  /** Shares of captures that fail by chance. */
  faults: { stall: number; tear: number };
  actions: Action[];
};

const SECONDS = 60;

/** Where the camera may pull from, and push to: one address, and the same host by others. */
export const SOURCES = [
  "http://source.home:8081/video?channel=2",
  "http://bob:s%3Ae%2Fc@source.home/",
  "HTTP://source.home:8081?action=stream#top",
];
export const RECEIVERS = ["relay.home:9999", "relay.home:65535"];
const NO_SOURCES = ["", "sensor", "https://source.home/", "http://source.home:0/", "http://:80/"];
const NO_RECEIVERS = ["", "relay.home", "http://relay.home:1"];
/** Of all lives, in percent: in which the camera pulls; and of these and the others, in which it pushes. */
const PULLING = 14;
const PUSHING = 14;
/** What is drawn for the camera's own connections comes from seeds of its own: all else stays as it was. */
const OWN_SEEDS = 0x5eed0000;
const PULL: Source["how"][] = ["silent", "missing", "refuses", "unanswered", "unconnectable"];
const PUSH: Receiver["how"][] = ["missing", "refuses", "unanswered", "unconnectable"];
/** The soft sensor's sizes: room for the test scene's counter, so that each frame differs from the one before. */
const SOFT_SIZES = ["32x32", "40x32", "33x35", "48x36", "64x48"];
const SOFT_FORMATS = ["rgb565", "rgb565", "yuyv", "gray", "bayer"];
const CHIP_SIZES = ["160x120", "160x120", "160x120", "160x120", "320x240"];
const CHIP_FORMATS = ["rgb565", "yuyv", "jpeg"];
const SAMPLINGS = ["4:2:0", "4:4:4", "4:2:2"];

/** Requests that are answered in the same way at any time. */
const PLAIN: [method: string, target: string, status: number[]][] = [
  ["GET", "/", [200]],
  ["GET", "/state", [200]],
  ["GET", "/state", [200]],
  ["GET", "/state?", [200]],
  ["GET", "/control", [200]],
  ["GET", "/snapshot.jpg", [200]],
  ["GET", "/snapshot.jpg", [200]],
  ["GET", "/?action=snapshot", [200]],
  ["HEAD", "/", [200]],
  ["HEAD", "/state", [200]],
  ["HEAD", "/stream.jpg", [200]],
  ["HEAD", "/snapshot.jpg", [200]],
  ["OPTIONS", "/control", [204]],
  ["OPTIONS", "/", [204]],
  ["GET", "/nowhere", [404]],
  ["POST", "/nowhere", [404]],
  ["POST", "/state", [405]],
  ["DELETE", "/control", [405]],
];

/** What upstreams say that send no stream, and what they may be answered; "": the right thing, and no more. */
const RUDE_UPSTREAMS: [says: string, statuses: number[]][] = [
  ["GET / HTTP/1.1\r\nHost: camera\r\n\r\n", [405]],
  ["POST / HTTP/1.1\r\nHost: elsewhere\r\n\r\n", [421]],
  ["POST / HTTP/1.1\r\nHost: camera\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\n", [400]],
  ["POST / HTTP/1.1\r\nHost: camera\r\nContent-Length: 3\r\n\r\nabc", [415]],
  ["POST / HT", [408]],
  ["HELLO\r\n\r\n", [400]],
  ["HTTP/1.0 200 OK\r\n\r\n", []],
  ["hello", []],
  ["--b\r\n\r\n", []],
  ["H", []],
  ["", [200, 415]],
];

/** What is not HTTP, or not the kind that is spoken here; each ends with the connection, whatever was said before. */
const RUDE = [
  "GET /state HTTP/1.1\r\nHost: camera\r\n",
  "GET /stream.jpg HT",
  "POST /control HTTP/1.1\r\nHost: camera\r\nContent-Length: 40\r\n\r\nquality=1",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "hello\r\n\r\n",
  "GET  / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nHost : camera\r\n\r\n",
  "GET / HTTP/3.0\r\nHost: camera\r\n\r\n",
  "\r\n\r\n\r\n\r\n",
  "",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

export function makePlan(seed: number): Plan {
  const random = new Random(seed);
  const own = new Random(seed + OWN_SEEDS);
  const pick = <T>(list: readonly T[]): T => list[random.between(0, list.length - 1)];
  const kind = random.between(0, 99);
  const isPull = own.between(0, 99) < PULLING;
  const isPushing = own.between(0, 99) < PUSHING;
  const isChip = kind < 15 && !isPull;
  const isPush = kind >= 75 && !isPull;
  const isRelay = isPush || isPull;
  const actions: Action[] = [];
  let id = 0;

  const settings: Record<string, string> = {};
  if (isPush) settings.source = "push";
  settings.size = isChip ? pick(CHIP_SIZES) : pick(SOFT_SIZES);
  settings.format = isChip ? pick(CHIP_FORMATS) : pick(SOFT_FORMATS);
  if (settings.format === "yuyv" && Number(settings.size.split("x")[0]) % 2) settings.format = "gray";
  settings.fps = String(isChip ? random.between(2, 6) : pick([2, 5, 8, 10, 12, 15, 15, 30]));
  if (random.chance(0.6)) settings.quality = String(pick([1, 10, 40, 60, 70, 85, 95, 100]));
  if (random.chance(0.6)) settings.sampling = pick(SAMPLINGS);
  if (random.chance(0.1)) settings.restart_interval = String(random.between(1, 20));
  if (random.chance(0.15)) settings.frame_bytes = String(random.between(700, 4000));
  else if (random.chance(0.1)) settings.byte_rate = String(random.between(4_000, 40_000));

  const line = (): LineName => pick(["calm", "calm", "choppy", "rough", "narrow", "far", "failing"] as const);
  const client = (at: number): Client => {
    const isSlow = random.chance(0.25);
    return {
      id: ++id,
      at,
      line: line(),
      buffers: [random.chance(0.5) ? 16_384 : random.between(300, 6000), random.chance(0.3) ? 65_536 : 4096],
      reads: isSlow ? random.between(200, 20_000) : 0,
      leavesAfter: random.between(0, 30_000),
      leaves: pick(["closes", "closes", "resets", "resets", "ends", "vanishes", "stays"] as const),
    };
  };
  const pauses = (): [number, number][] => {
    const stalls: [number, number][] = [];
    if (random.chance(0.35)) {
      const count = random.between(1, 3);
      for (let i = 0; i < count; i++) stalls.push([random.between(0, 20_000), random.between(100, 14_000)]);
    }
    return stalls;
  };
  const socket = (at: number): WatchSocket => {
    const speed = random.between(0, 9);
    return {
      ...client(at),
      do: "socket",
      acknowledges: speed < 6 ? 0 : speed < 9 ? random.between(1, 3000) : -1,
      answersPings: random.chance(0.9),
      pings: random.chance(0.2) ? random.between(50, 5000) : 0,
      stalls: pauses(),
      lastWords: random.chance(0.4) ? pick(Object.keys(LAST_WORDS)) : "",
      lastWordsAfter: random.between(500, 25_000),
    };
  };
  const watch = (at: number): Watch | WatchSocket => {
    if (random.chance(0.3)) return socket(at);
    const stalls = pauses();
    const path = pick(["/stream.jpg", "/stream.jpg", "/stream", "/video_feed", "/?action=stream"]);
    return { ...client(at), do: "watch", path, stalls, chatter: random.chance(0.1) ? "GET / HTTP/1.1\r\n\r\n" : "" };
  };
  const control = (): Ask => {
    const pairs: [string, string][] = [];
    const count = random.between(1, 3);
    for (let i = 0; i < count; i++) {
      const chips = isChip ? ["size", "format", "mirror", "flip"] : [];
      const names = ["quality", "sampling", "fps", "fps", "restart_interval", ...chips];
      const name = pick(names);
      if (name === "quality") pairs.push([name, String(random.between(1, random.chance(0.3) ? 100 : 70))]);
      else if (name === "sampling") pairs.push([name, pick(SAMPLINGS)]);
      else if (name === "fps") pairs.push([name, String(isChip ? random.between(2, 8) : random.between(1, 20))]);
      else if (name === "restart_interval") pairs.push([name, String(random.between(0, 3))]);
      else if (name === "size") pairs.push([name, pick(CHIP_SIZES)]);
      else if (name === "format") pairs.push([name, pick(CHIP_FORMATS)]);
      else pairs.push([name, pick(["on", "off"])]);
    }
    const good = pairs.map((pair) => pair.join("=")).join("&");
    const wrong = pick(["quality=101", "nothing=1", "sampling=4:9:9", "fps=-1", "quality=", "size=9999x9999", "fps"]);
    const isWrong = random.chance(0.3);
    const form = isWrong ? (random.chance(0.5) ? `${good}&${wrong}` : wrong) : good;
    const ask: Ask = { method: "POST", target: "/control", fields: {}, body: form, status: [isWrong ? 400 : 200] };
    if (random.chance(0.3)) [ask.target, ask.body] = [`/control?${form}`, ""];
    else if (random.chance(0.1)) ask.body = `${form}${"&".repeat(1024 - form.length)}`; // just as long as a body may be
    if (isRelay) ask.status = [400]; // it has none
    else if (!isWrong) ask.sets = Object.fromEntries(pairs);
    return ask;
  };
  const edges: (() => Ask)[] = [
    () => ({ ...plain("GET", `/${"a".repeat(255)}`, [404]) }),
    () => ({ ...plain("GET", `/${"a".repeat(256)}`, [414]) }),
    () => ({ ...plain("POST", "/control", [413]), body: "&".repeat(1025) }),
    () => ({ ...plain("POST", "/control", [411]), fields: { "Transfer-Encoding": "chunked" } }),
    () => ({ ...plain("GET", "/state", [431]), fields: { Cookie: "c".repeat(9000) } }),
    () => ({ ...plain("GET", "/state", [200]), fields: { Cookie: "c".repeat(7000) } }),
  ];
  const ask = (): Ask => {
    const kind = random.between(0, 99);
    if (isPull && kind < 30) return plain(...pick(PLAIN)); // it may have no controls, or others
    if (kind < 25) return control();
    if (kind < 30) return { ...plain("POST", "/control/save", [200]), saves: true };
    if (kind < 36) return pick(edges)();
    return plain(...pick(PLAIN));
  };
  const talk = (at: number): Talk => ({
    ...client(at),
    do: "talk",
    asks: Array.from({ length: random.chance(0.5) ? 1 : random.between(2, 8) }, ask),
    pause: random.chance(0.5) ? 0 : random.between(10, 3000),
    piece: random.chance(0.7) ? 0 : random.between(1, 100),
  });
  const rude = (at: number): Rude => ({
    ...client(at),
    do: "rude",
    says: random.chance(0.8) ? pick(RUDE) : noise(random),
    drip: random.chance(0.3) ? random.between(50, 900) : 0,
  });
  const upstream = (at: number): Upstream => {
    const form = pick(["gstreamer", "gstreamer", "files", "ffmpeg", "ffmpeg", "endless", "curl"] as const);
    const isHttp = form !== "gstreamer" && form !== "files";
    const item = (): Item => {
      const share = random.between(0, 99);
      if (share < 86) return "file";
      return share < 90 ? "large" : share < 91 ? "huge" : pick(["short", "short", "text", "png"] as const);
    };
    const isRude = random.chance(0.15);
    const [says, statuses] = isRude ? pick(RUDE_UPSTREAMS) : ["", [200, 415]];
    return {
      ...{ id: ++id, at, do: "upstream", line: line(), form },
      secret: isHttp && !isRude && random.chance(0.4) ? pick(["right", "wrong"] as const) : "",
      ...{ says, statuses },
      items: isRude ? [] : Array.from({ length: random.between(1, 20) }, item),
      every: pick([40, 67, 100, 200, 500, 1000]),
      leavesAfter: random.between(0, 30_000),
      leaves: pick(["closes", "closes", "resets", "ends", "vanishes", "stays"] as const),
    };
  };
  const any = (): number => random.between(0, (SECONDS - 2) * 1000);
  const early = (): number => random.between(0, 500);

  for (let n = random.between(1, 6); n > 0; n--) actions.push(watch(random.chance(0.5) ? early() : any()));
  for (let n = random.between(0, 12); n > 0; n--) actions.push(talk(any()));
  for (let n = random.between(0, 4); n > 0; n--) actions.push(rude(any()));
  if (random.chance(0.3)) {
    // a crowd
    const at = any();
    const kinds = pick([[watch], [talk], [rude], [watch, talk, rude]]);
    for (let n = random.between(6, 20); n > 0; n--) actions.push(pick(kinds)(at + random.between(0, 300)));
  }
  if (random.chance(0.25)) {
    // one who asks for the state all the time
    const at = any();
    const poller = talk(at);
    poller.asks = Array.from({ length: 40 }, () => plain("GET", "/state", [200]));
    poller.pause = random.between(50, 500);
    poller.leavesAfter = 30_000;
    actions.push(poller);
  }
  if (isPush) {
    for (let at = early(); at < SECONDS * 1000; at += random.between(500, 20_000)) actions.push(upstream(at));
  }
  if (random.chance(0.3)) {
    for (let n = random.between(1, 3); n > 0; n--) {
      const mood = pick(["stalled", "tearing", "missing"] as const);
      actions.push({ id: ++id, at: any(), do: "sensor", mood, lasts: random.between(50, 8000) });
    }
  }
  if (random.chance(0.15)) actions.push({ id: ++id, at: any(), do: "trap", calls: random.between(0, 30) });
  if (random.chance(0.15)) actions.push({ id: ++id, at: any(), do: "restart" });
  if (isPull) {
    // What its sensor shows where it is told to use that.
    Object.assign(settings, { source: own.pick(SOURCES), size: "32x32", format: "rgb565", fps: "15" });
    actions.push(...sources(own));
  }
  if (isPushing) {
    settings.push = own.pick(RECEIVERS);
    actions.push(...receivers(own));
  }
  actions.sort((one, other) => one.at - other.at);
  const faults = { stall: random.chance(0.1) ? 0.01 : 0, tear: random.chance(0.2) ? 0.05 : 0 };
  const sensor = isPull ? "pull" : isPush ? "push" : isChip ? "ov2640" : "soft";
  return { seed, seconds: SECONDS, sensor, settings, faults, actions };
}

/** Ids of the hosts' actions count from these, so that others keep theirs. */
const SOURCE_IDS = 10_000;
const RECEIVER_IDS = 20_000;

/** What becomes of the host from which the camera pulls, and of the setting that says which it is. */
function sources(random: Random): Action[] {
  const actions: Action[] = [];
  let id = SOURCE_IDS;
  const item = (): Item => {
    const share = random.between(0, 99);
    if (share < 88) return "file";
    return share < 91 ? "large" : share < 92 ? "huge" : random.pick(["short", "short", "text", "png"]);
  };
  for (let at = 0; at < SECONDS * 1000; at += random.between(1000, 25_000)) {
    const share = random.between(0, 99);
    actions.push({
      ...host(random, ++id, at),
      do: "source",
      how: share < 65 ? "streams" : share < 80 ? "answers" : random.pick(PULL),
      answer: random.pick(Object.keys(ANSWERS)),
      stream: random.chance(0.4) ? "plain" : random.pick(Object.keys(STREAMS) as StreamName[]),
      items: random.chance(0.5) ? ["file"] : Array.from({ length: random.between(1, 20) }, item),
      every: random.pick([40, 67, 100, 200, 500, 1000, 4000]),
      piece: random.chance(0.85) ? 0 : random.pick([3, 20, 100, 500]),
    });
  }
  for (let n = random.chance(0.3) ? random.between(1, 3) : 0; n > 0; n--) {
    actions.push(setting(random, ++id, "source", random.chance(0.6) ? SOURCES : NO_SOURCES));
  }
  return actions;
}

/** The same of the host to which it pushes. */
function receivers(random: Random): Action[] {
  const actions: Action[] = [];
  let id = RECEIVER_IDS;
  const stall = (): [number, number] => [random.between(0, 20_000), random.between(100, 14_000)];
  for (let at = 0; at < SECONDS * 1000; at += random.between(1000, 25_000)) {
    actions.push({
      ...host(random, ++id, at),
      do: "receiver",
      how: random.chance(0.75) ? "takes" : random.pick(PUSH),
      buffer: random.chance(0.5) ? 65_536 : random.between(300, 6000),
      reads: random.chance(0.3) ? random.between(200, 20_000) : 0,
      stalls: random.chance(0.35) ? Array.from({ length: random.between(1, 3) }, stall) : [],
      says: random.chance(0.1) ? "HTTP/1.1 400 Bad Request\r\n\r\n" : "",
    });
  }
  for (let n = random.chance(0.3) ? random.between(1, 3) : 0; n > 0; n--) {
    actions.push(setting(random, ++id, "push", random.chance(0.6) ? RECEIVERS : NO_RECEIVERS));
  }
  return actions;
}

function host(random: Random, id: number, at: number): Host {
  return {
    ...{ id, at, line: random.pick(["calm", "calm", "choppy", "rough", "narrow", "far", "failing"] as const) },
    leavesAfter: random.between(0, 40_000),
    leaves: random.pick(["closes", "resets", "ends", "vanishes", "stays", "stays", "stays"] as const),
    cuts: random.chance(0.6),
  };
}

function setting(random: Random, id: number, name: string, values: readonly string[]): Setting {
  const at = random.between(0, (SECONDS - 2) * 1000);
  return { id, at, do: "setting", name, value: random.pick(values), restarts: random.chance(0.8) };
}

export function plain(method: string, target: string, status: number[]): Ask {
  return { method, target, fields: {}, body: "", status };
}

function noise(random: Random): string {
  let text = "";
  for (let n = random.between(1, 300); n > 0; n--) text += String.fromCharCode(random.between(0, 255));
  return text;
}
