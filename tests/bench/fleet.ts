/**
 * The show of many machines, all on this one: a camera sends its frames to a NATS server, relays show them to a crowd.
 * What each process takes, how old pictures are at their viewers, and how many frames were lost on the way.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Format } from "../../host/board-table.ts";
import { type LinuxBoard, startLinuxBoard } from "../../host/linux/board.ts";
import { PHOTOS_FOLDER, renderScene } from "../../host/scenes/file.ts";
import { testSettings } from "../../host/simulated/secret.ts";
import { NatsServer } from "../nats-server.ts";
import { cpuTime } from "./cost.ts";
import { watchWithSlow } from "./viewers.ts";

const RELAYS = 3;
const VIEWERS_A_RELAY = 100;
const SECONDS = 10;
const SCENE_BYTES_MAX = 32_000_000;

/** Where frames are lost: on the way to a relay, or on the way from there to its viewers. */
export interface FleetRow {
  relay: number;
  viewers: number;
  /** Frames a second: of the camera, of the relay, of a viewer. */
  camera: number;
  shown: number;
  seen: number;
  /** How old pictures are when a viewer has them whole, s. */
  median: number;
  p99: number;
}

export interface Fleet {
  rows: FleetRow[];
  /** Processor time, % of one core. */
  load: { process: string; percent: number | undefined }[];
}

async function published({ url }: LinuxBoard): Promise<number> {
  const state = (await (await fetch(`${url}state`)).json()) as { capture: { published: number } };
  return state.capture.published;
}

export async function benchFleet(): Promise<Fleet> {
  const server = new NatsServer();
  await server.start();
  const boards: LinuxBoard[] = [];
  try {
    const wish = { scene: PHOTOS_FOLDER, width: 320, height: 240, format: Format.RGB565, bytesMax: SCENE_BYTES_MAX };
    const nats = [`--nats=${server.url()}`, "--nats-name=front"];
    const settings = testSettings({}); // under which names the cameras are reached, above all
    boards.push(await startLinuxBoard({ scene: await renderScene(wish), settings, nats }));
    for (let i = 0; i < RELAYS; i++) {
      boards.push(await startLinuxBoard({ profile: "server", settings, nats: [`--source=${server.url()}/front`] }));
    }
    const names = ["camera", ...boards.slice(1).map((_, i) => `relay ${i + 1}`), "nats-server"];
    const pids = [...boards.map(({ pid }) => pid), server.pid];
    const crowd = { fast: VIEWERS_A_RELAY, slow: 0, rate: 0, seconds: SECONDS };
    const watching = boards.slice(1).map(({ port }) => watchWithSlow(port, "stream", crowd));
    await sleep(4000); // as long as the viewers settle
    const startedAt = performance.now();
    const before = pids.map(cpuTime);
    const counts = await Promise.all(boards.map(published));
    const ages = await Promise.all(watching);
    const seconds = (performance.now() - startedAt) / 1000;
    const after = pids.map(cpuTime);
    const rates = (await Promise.all(boards.map(published))).map((count, i) => (count - counts[i]) / seconds);
    return {
      rows: ages.map(([{ fps, median, p99 }], i) => ({
        relay: i + 1,
        viewers: VIEWERS_A_RELAY,
        camera: rates[0],
        shown: rates[i + 1],
        seen: fps,
        median,
        p99,
      })),
      load: names.map((process, i) => {
        const [from, to] = [before[i], after[i]];
        return { process, percent: from === undefined || to === undefined ? undefined : (to - from) / seconds / 10 };
      }),
    };
  } finally {
    await Promise.all(boards.map((board) => board.stop()));
    await server.kill();
  }
}
