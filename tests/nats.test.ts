/**
 * Crowds and fleets: a camera sends its frames to a NATS server, relays show them, on Node and as the board `linux`, in
 * both roles. A real nats-server is started by each test, killed, and started again.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { connect, nkeys } from "@nats-io/transport-node";
import sharp from "sharp";
import type { Part } from "../host/simulated/http.ts";
import { CameraProgram, type Host, SlowWire, until } from "./camera-program.ts";
import { NatsServer } from "./nats-server.ts";

const hosts: Host[] = ["node", "linux"];
const SCENE = ["--scene", "pattern", "--size", "160x120"];

const stopping: (() => unknown)[] = [];
afterEach(async () => {
  while (stopping.length > 0) await stopping.pop()!();
});

async function serve(options: string[] = []): Promise<NatsServer> {
  const server = new NatsServer(options);
  stopping.push(() => server.kill());
  await server.start();
  return server;
}

async function start(host: Host, args: string[]): Promise<CameraProgram> {
  const camera = await CameraProgram.start(host, args);
  stopping.push(() => camera.stop());
  return camera;
}

async function watch(camera: CameraProgram): Promise<Part[]> {
  const { parts, socket } = camera.watch();
  stopping.push(() => socket.destroy());
  return parts;
}

/** Each frame's number at its camera, by its bytes. */
const numbersOf = (published: Part[]) =>
  new Map(published.map(({ jpeg, sequence }) => [jpeg.toString("latin1"), sequence]));

/**
 * The camera's numbers of the frames that came, but for those from before its own viewer, and those that this one lost:
 * fails where others came than it can have lost.
 */
function numbers(came: Part[], published: Part[]): number[] {
  const known = numbersOf(published);
  const shown = new Set(known.values());
  const all = came.map(({ jpeg }) => known.get(jpeg.toString("latin1")));
  const sequence: number[] = [];
  let unknown = 0;
  for (const number of all.slice(all.findIndex((number) => number !== undefined))) {
    if (number === undefined) {
      unknown++;
      continue;
    }
    for (let n = (sequence.at(-1) ?? number) + 1; n < number; n++) if (!shown.has(n)) unknown--;
    assert.ok(unknown <= 0, `a frame came that was never published: ${all}`);
    unknown = 0;
    sequence.push(number);
  }
  assert.equal(unknown, 0, `frames came that were never published: ${all}`);
  return sequence;
}

function assertRising(sequence: number[]): void {
  sequence.forEach((number, i) => assert.ok(i === 0 || number > sequence[i - 1], `${number} after ${sequence[i - 1]}`));
}

async function slowWire(...args: Parameters<typeof SlowWire.open>): Promise<SlowWire> {
  const wire = await SlowWire.open(...args);
  stopping.push(() => wire.close());
  return wire;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wasmcam-nats-"));
  stopping.push(() => rm(folder, { recursive: true }));
  return folder;
}

for (const host of hosts) {
  describe(`a camera on ${host}`, () => {
    test("relays on every host show its frames, byte for byte and in order", async () => {
      const server = await serve(["--auth", "a-token"]);
      const url = server.url("a-token@");
      const camera = await start(host, [...SCENE, "--nats", url, "--nats-name", "front"]);
      const published = await watch(camera);
      const relays = await Promise.all(hosts.map((each) => start(each, ["--source", `${url}/front`])));
      const came = await Promise.all(relays.map(watch));
      await until(() => came.every(({ length }) => length >= 30), () => `30 frames for each of ${came.length}`);
      const counts = came.map((parts) => [...parts]);
      await until(() => counts.every((parts) => numbersOf(published).has(parts.at(-1)!.jpeg.toString("latin1"))), () =>
        "the camera's own viewer to have them too",
      );
      for (const parts of counts) assertRising(numbers(parts, published));
      for (const relay of relays) {
        const { capture } = await (await fetch(`${relay.url}/state`)).json();
        assert.deepEqual([capture.width, capture.height, capture.format], [160, 120, "jpeg"]);
      }
    });

    test("where the way to the server is slow, whole frames are lost, and no time", async () => {
      const server = await serve();
      const wire = await slowWire(server.port, 30_000, "to the port");
      const camera = await start(host, [...SCENE, "--nats", server.url("", wire.port), "--nats-name", "front"]);
      await checkThatNoTimeIsLost(camera, await start("node", ["--source", `${server.url()}/front`]));
      await camera.line(/takes frames too slowly/);
    });
  });

  describe(`a relay on ${host}`, () => {
    test("whose way to the server is slow loses whole frames, and no time", async () => {
      const server = await serve();
      const camera = await start("node", [...SCENE, "--nats", server.url(), "--nats-name", "front"]);
      const wire = await slowWire(server.port, 30_000, "from the port");
      await checkThatNoTimeIsLost(camera, await start(host, ["--source", `${server.url("", wire.port)}/front`]));
    });

    test("says clearly that its token is wrong, and tries again", async () => {
      const server = await serve(["--auth", "right"]);
      const relay = await start(host, ["--source", `${server.url("wrong@")}/front`]);
      await relay.line(/NATS server 127\.0\.0\.1:\d+: it does not let us in: wrong token, user or credentials/);
      assert.equal((await fetch(`${relay.url}/snapshot.jpg`)).status, 503);
      assert.equal(relay.log.filter((line) => /right|wrong@/.test(line)).length, 0, "no token in the log");
      await server.kill();
      await relay.line(/no connection/);
    });
  });
}

/**
 * Watches both for a while, in which a queue would grow to many times what is allowed: frames of some 7 KB, 30 a
 * second, through a wire for four.
 */
async function checkThatNoTimeIsLost(camera: CameraProgram, relay: CameraProgram): Promise<void> {
  const published = await watch(camera);
  const came = await watch(relay);
  await until(() => came.length >= 15, () => `15 frames; ${came.length} came`);
  const last = came.at(-1)!;
  const newest = published.at(-1)!.sequence;
  await until(() => numbersOf(published).has(last.jpeg.toString("latin1")), () => "the last frame at its camera");
  const sequence = numbers(came.slice(0, came.indexOf(last) + 1), published);
  assertRising(sequence);
  const skipped = sequence.at(-1)! - sequence[0] + 1 - sequence.length;
  assert.ok(skipped > 30, `only ${skipped} frames were lost`);
  assert.ok(newest - sequence.at(-1)! < 60, `${newest - sequence.at(-1)!} frames behind`);
}

test("a server that is killed and comes back: frames come back by themselves", async () => {
  const server = await serve();
  const cameras = await Promise.all(
    hosts.map((host) => start(host, [...SCENE, "--nats", server.url(), "--nats-name", host])),
  );
  const relays = await Promise.all(hosts.map((host) => start(host, ["--source", `${server.url()}/${host}`])));
  const came = await Promise.all(relays.map(watch));
  await until(() => came.every(({ length }) => length > 0), () => "the first frames");
  const marks = [...cameras, ...relays].map(({ log }) => log.length);
  await server.kill();
  await Promise.all([...cameras, ...relays].map((each, i) => each.line(/the connection is lost/, marks[i])));
  const before = came.map(({ length }) => length);
  await server.start();
  await until(() => came.every(({ length }, i) => length > before[i] + 10), () => "frames after the server came back");
  for (const each of [...cameras, ...relays]) {
    assert.ok(each.log.filter((line) => /NATS server .* connected$/.test(line)).length >= 2, each.log.join("\n"));
  }
});

test("a frame of a foreign program, without our headers, is a frame all the same", async () => {
  const server = await serve();
  const relays = await Promise.all(hosts.map((host) => start(host, ["--source", `${server.url()}/front`])));
  await Promise.all(relays.map((relay) => relay.line(/connected/)));
  const client = await connect({ servers: `127.0.0.1:${server.port}` });
  stopping.push(() => client.close());
  const background = { r: 200, g: 40, b: 40 };
  const picture = await sharp({ create: { width: 32, height: 24, channels: 3, background } }).jpeg().toBuffer();
  const publish = setInterval(() => client.publish("wasmcam.front.jpeg", picture), 50);
  stopping.push(() => clearInterval(publish));
  const came = await Promise.all(relays.map(watch));
  await until(() => came.every(({ length }) => length >= 3), () => "frames of a foreign program");
  assert.ok(came.flat().every(({ jpeg }) => jpeg.equals(picture)));
});

test("over TLS, to a server whose authority is told, and to no other", async () => {
  const folder = await temporaryFolder();
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  await writeFile(file("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=an authority");
  openssl("req", ...curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=a server");
  const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...by);
  const server = await serve(["--tls", "--tlscert", file("server.pem"), "--tlskey", file("server.key")]);
  const believing = ["--nats-ca", file("ca.pem")];
  for (const host of hosts) {
    const camera = await start(host, [...SCENE, "--nats", server.url(), "--nats-name", host, ...believing]);
    await camera.line(/NATS server .*: connected/);
    const relay = await start(host, ["--source", `${server.url()}/${host}`, ...believing]);
    const came = await watch(relay);
    await until(() => came.length > 3, () => `frames: ${relay.log.join("\n")}`);
    const doubting = await start(host, ["--source", `${server.url().replace("nats:", "tls:")}/${host}`]);
    await doubting.line(/no connection: .*certificate|no connection: .*issuer/i);
    for (const each of [camera, relay, doubting]) await each.stop();
  }
});

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** What `issuer` says of `subject`, signed, as NATS has it. */
function token(issuer: KeyPair, subject: KeyPair, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const about = { iss: issuer.getPublicKey(), sub: subject.getPublicKey(), iat: Math.floor(Date.now() / 1000) };
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ ...about, nats: { version: 2, ...claims } })}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}

test("with a file of credentials, and not with one of a stranger", async () => {
  const folder = await temporaryFolder();
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
  const free = { subs: -1, data: -1, payload: -1 };
  const limits = { ...free, conn: -1, imports: -1, exports: -1, wildcards: true };
  const said = {
    operator: token(operator, operator, { type: "operator" }),
    resolver: "MEMORY",
    resolver_preload: { [account.getPublicKey()]: token(operator, account, { type: "account", limits }) },
  };
  const config = join(folder, "server.json");
  await writeFile(config, JSON.stringify(said));
  const credentials = async (name: string, issuer: KeyPair): Promise<string> => {
    const jwt = token(issuer, user, { type: "user", ...free });
    const seed = new TextDecoder().decode(user.getSeed());
    const parts = [["NATS USER JWT", jwt], ["USER NKEY SEED", seed]];
    const text = parts.map(([of, what]) => `-----BEGIN ${of}-----\n${what}\n------END ${of}------\n`).join("\n");
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const own = ["--nats-creds", await credentials("own", account)];
  const strange = ["--nats-creds", await credentials("strange", nkeys.createAccount())];
  const server = await serve(["-c", config]);
  for (const host of hosts) {
    const camera = await start(host, [...SCENE, "--nats", server.url(), "--nats-name", host, ...own]);
    const relay = await start(host, ["--source", `${server.url()}/${host}`, ...own]);
    const came = await watch(relay);
    await until(() => came.length > 3, () => `frames: ${relay.log.join("\n")}`);
    const stranger = await start(host, ["--source", `${server.url()}/${host}`, ...strange]);
    await stranger.line(/it does not let us in: wrong token, user or credentials/);
    for (const each of [camera, relay, stranger]) await each.stop();
  }
});

test("a server that allows nothing but cameras' subjects: frames come, and the log says once what is not", async () => {
  const config = join(await temporaryFolder(), "server.json");
  const permissions = { publish: "wasmcam.>", subscribe: "wasmcam.>" };
  await writeFile(config, JSON.stringify({ authorization: { users: [{ user: "me", password: "a%b", permissions }] } }));
  const server = await serve(["-c", config]);
  const url = server.url("me:a%25b@");
  for (const host of hosts) {
    const camera = await start(host, [...SCENE, "--nats", url, "--nats-name", host]);
    const relay = await start(host, ["--source", `${url}/${host}`]);
    const came = await watch(relay);
    await until(() => came.length > 60, () => `${came.length} frames: ${camera.log.join("\n")}`);
    const complaints = camera.log.filter((line) => /violation/i.test(line));
    const what = complaints.map((line) => /(Publish|Subscription) to .*/i.exec(line)?.[0]);
    assert.equal(new Set(what).size, what.length, complaints.join("\n"));
    assert.ok(complaints.length <= 2, complaints.join("\n"));
    for (const each of [camera, relay]) await each.stop();
  }
});
