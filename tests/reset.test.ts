/** A connection is cut off at any moment of its ending, and the process exits by itself afterwards. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** How long the process may take, ms. One that spins takes for ever. */
const PATIENCE = 60_000;

/** What a process does: its server sends `bytes`, ends, and resets at `moment`; its client reads, or does not. */
const program = (bytes: number, moment: string, reads: boolean): string => `
  import { connect, createServer } from "node:net";
  import { reset } from "./host/reset.ts";
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.on("close", () => { server.close(); client.destroy(); });
    socket.write(Buffer.alloc(${bytes}));
    socket.end();
    const cut = () => reset(socket);
    ${moment};
  });
  let client;
  server.listen(0, "127.0.0.1", () => {
    client = connect({ port: server.address().port, host: "127.0.0.1", allowHalfOpen: true });
    client.on("error", () => {});
    client.${reads ? "resume" : "pause"}();
  });`;

for (const moment of ["cut()", "process.nextTick(cut)", "setImmediate(cut)", 'socket.on("finish", cut)']) {
  for (const [bytes, reads] of [[1, true], [20_000_000, true], [20_000_000, false]] as const) {
    if (moment.includes("finish") && !reads) continue; // nobody takes the bytes, so it never finishes
    test(`${bytes} bytes, ${reads ? "read" : "not read"}, ended, then ${moment}`, async (t) => {
      const options = ["--import", "tsx", "--input-type=module", "--eval", program(bytes, moment, reads)];
      const child = spawn(process.execPath, options, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
      const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
      t.after(() => clearTimeout(timer));
      assert.deepEqual(await once(child, "exit"), [0, null]);
    });
  }
}
