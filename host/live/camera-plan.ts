/** What a keeper has its camera's thread run, and what the two tell one another. */

import type { NatsPlan } from "../nats/plan.ts";
import type { Past } from "../past.ts";

/** What the sensor is: one that plays a scene, the model of a chip that looks at pictures, one at NATS, or none. */
export type SensorPlan = { scene: SharedArrayBuffer } | { model: string; pictures: string } | "nats" | "none";

/** What the thread is to run. */
export type CameraPlan = {
  module: WebAssembly.Module;
  host: string;
  port: number;
  /** Where upstreams connect to; without it nobody listens for them. */
  pushPort?: number;
  sensor: SensorPlan;
  /** Other machines, if there are any. */
  nats?: NatsPlan;
  /** Settings that count for this run, by name. */
  given: [string, string][];
  /** The file of those that are kept; without it they live as long as the keeper. */
  settingsFile?: string;
};

/** The plan, with what the keeper remembers. */
export type ThreadData = CameraPlan & {
  past: Past;
  /** When the board started, ns on the process's clock. */
  origin: bigint;
  recent: SharedArrayBuffer;
  heartbeat: SharedArrayBuffer;
};

/** What the thread tells. */
export type ThreadMessage =
  | { what: "listening"; address: string; port: number; pushPort?: number }
  /** It can't begin, since the pictures or the settings are not what they should be. */
  | { what: "failed"; message: string }
  /** It can't listen on that port, with Node's code of the error. */
  | { what: "refused"; port: number; message: string; code: string | undefined }
  | { what: "log"; level: number; text: string }
  /** A setting was put. */
  | { what: "put"; name: string; value: string }
  /** A module stopped. */
  | { what: "past"; past: Past }
  | { what: "stopped" };

/** The one thing that the thread is told: to end the camera in order. */
export const STOP = "stop";
