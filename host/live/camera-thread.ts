/**
 * The thread that a live camera runs in, with its sockets, its sensor and its module. `keeper.ts` starts it, watches it
 * and ends it.
 */

import type { AddressInfo, Server } from "node:net";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { LogRing } from "../log-ring.ts";
import { NoSensor } from "../no-sensor.ts";
import { Scene, SceneError } from "../scenes/file.ts";
import { busSensor } from "../sensors/models.ts";
import { FileSettings, MemorySettings, type Settings, SettingsError } from "../settings.ts";
import { type Sensor, SoftSensor } from "../soft-sensor.ts";
import { Heartbeat } from "./heartbeat.ts";
import { openServer } from "./network.ts";
import type { CameraPlan, SensorPlan, ThreadData, ThreadMessage } from "./camera-plan.ts";
import { addressOf, LiveWorld } from "./world.ts";

async function makeSensor(plan: SensorPlan): Promise<Sensor | undefined> {
  if (plan === "nats") return undefined;
  if (plan === "none") return new NoSensor();
  return "scene" in plan ? new SoftSensor(new Scene(Buffer.from(plan.scene))) : busSensor(plan.model, plan.pictures);
}

/** Settings whose changes the keeper is told, for the next thread. */
function makeSettings({ settingsFile, given }: CameraPlan, tell: (message: ThreadMessage) => void): Settings {
  const settings = settingsFile === undefined ? new MemorySettings(given) : new FileSettings(settingsFile, given);
  return {
    get: (name) => settings.get(name),
    put: (name, value) => {
      tell({ what: "put", name, value });
      return settings.put(name, value);
    },
  };
}

async function openWorld(data: ThreadData, tell: (message: ThreadMessage) => void): Promise<LiveWorld | undefined> {
  let sensor: Sensor | undefined;
  let settings: Settings;
  try {
    sensor = await makeSensor(data.sensor);
    settings = makeSettings(data, tell);
  } catch (error) {
    if (!(error instanceof SceneError || error instanceof SettingsError)) throw error;
    tell({ what: "failed", message: error.message });
    return undefined;
  }
  const open = async (port: number): Promise<Server | undefined> => {
    try {
      return await openServer(data.host, port);
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      tell({ what: "refused", port, message, code });
      return undefined;
    }
  };
  const server = await open(data.port);
  if (!server) return undefined;
  const pushServer = data.pushPort === undefined ? undefined : await open(data.pushPort);
  if (!pushServer && data.pushPort !== undefined) return undefined;
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  // Before the module has its turn: it may not give it back.
  const pushPort = pushServer && portOf(pushServer);
  tell({ what: "listening", address: addressOf(server), port: portOf(server), pushPort });
  return new LiveWorld({
    module: data.module,
    server,
    pushServer,
    sensor,
    nats: data.nats,
    settings,
    log: (level, text) => tell({ what: "log", level, text }),
    recent: new LogRing(data.recent),
    heartbeat: new Heartbeat(data.heartbeat),
    past: data.past,
    onFailure: (past) => tell({ what: "past", past }),
    age: Number(process.hrtime.bigint() - data.origin) / 1e6,
  });
}

async function run(data: ThreadData, keeper: MessagePort): Promise<void> {
  const tell = (message: ThreadMessage): void => keeper.postMessage(message);
  const world = await openWorld(data, tell);
  if (world) keeper.once("message", () => void world.stop().then(() => tell({ what: "stopped" })));
}

if (!parentPort) throw new Error("this runs in a thread: see keeper.ts");
await run(workerData as ThreadData, parentPort);
