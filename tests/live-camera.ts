/** The camera on Node, live on a free port of this machine, for tests that talk to it as any program would. */

import { setTimeout as sleep } from "node:timers/promises";
import type { AddressInfo } from "node:net";
import { openServer } from "../host/live/network.ts";
import { LiveWorld } from "../host/live/world.ts";
import { loadModule, modulePath, type Profile } from "../host/module.ts";
import { Format } from "../host/board-table.ts";
import { busSensor } from "../host/sensors/models.ts";
import { MemorySettings } from "../host/settings.ts";
import { testSettings } from "../host/simulated/secret.ts";
import { SoftSensor } from "../host/soft-sensor.ts";
import { PATTERN, renderScene, Scene } from "../host/scenes/file.ts";
import { attempt } from "./attempt.ts";

export interface LiveCamera {
  port: number;
  /** Where upstreams connect to, with the setting source=push; else 0. */
  pushPort: number;
  /** What it wrote to its log. */
  log: string[];
  /** Ends when it has published a frame. */
  firstFrame(): Promise<void>;
  /** Has the module trap where it next asks the sensor; it is started afresh then. */
  crash(): void;
  stop(): Promise<void>;
}

export interface LiveOptions {
  profile?: Profile;
  scene?: string;
  /** `soft`, or the name of a chip's model; that has its own sizes. */
  sensor?: string;
  width?: number;
  height?: number;
  settings?: Record<string, string>;
}

export async function startLiveCamera(options: LiveOptions = {}): Promise<LiveCamera> {
  const { profile = "board", scene = PATTERN, sensor = "soft", width = 320, height = 240, settings = {} } = options;
  const module = await loadModule(modulePath(profile));
  const server = await openServer("127.0.0.1", 0);
  const { port } = server.address() as AddressInfo;
  const pushServer = settings.source === "push" ? await openServer("127.0.0.1", 0) : undefined;
  const log: string[] = [];
  const source = sensor === "soft" ? await softSensor(scene, width, height) : await busSensor(sensor, scene);
  const world = new LiveWorld({
    module,
    server,
    pushServer,
    sensor: source,
    settings: new MemorySettings(Object.entries(testSettings({ size: `${width}x${height}`, ...settings }))),
    log: (_level, text) => log.push(text),
  });
  return {
    port,
    pushPort: (pushServer?.address() as AddressInfo | undefined)?.port ?? 0,
    log,
    async firstFrame() {
      for (let tries = 0; tries < 500; tries++) {
        // Until the module listens, connections are reset.
        const answer = await attempt(`http://127.0.0.1:${port}/snapshot.jpg`, { method: "HEAD" });
        if (answer?.status === 200) return;
        await sleep(20);
      }
      throw new Error(`no frame within 10 s:\n${log.join("\n")}`);
    },
    crash() {
      const { poll } = source;
      source.poll = () => {
        source.poll = poll;
        throw new Error("the sensor answers nonsense");
      };
    },
    stop: () => world.stop(),
  };
}

async function softSensor(scene: string, width: number, height: number): Promise<SoftSensor> {
  const format = Format.RGB565;
  return new SoftSensor(new Scene(await renderScene({ scene, width, height, format, bytesMax: 32_000_000 })));
}
