/**
 * The camera on Node: reads the command line, renders the scene, and keeps a live camera running until Ctrl-C.
 *
 * Exit codes: 0 ended as asked, 1 the machine is not as it should be (port in use, no pictures, nothing built), 2 the
 * command line is wrong. Either way the reason is one line on standard error.
 */

import { access } from "node:fs/promises";
import { CommanderError, Option } from "commander";
import { Format, Level } from "./board-table.ts";
import {
  type CameraOptions,
  cameraCommand,
  parseOptions,
  saidSettings,
  sceneOf,
} from "./camera-options.ts";
import type { SensorPlan } from "./live/camera-plan.ts";
import { Keeper, ListenError, PlanError } from "./live/keeper.ts";
import { loadModule, modulePath, type Profile } from "./module.ts";
import { addNatsOptions, FEED_SETTINGS, type NatsOptions, type NatsPlan, natsPlan } from "./nats/plan.ts";
import { Scene, SceneError } from "./scenes/file.ts";
import { SENSORS } from "./sensors/models.ts";
import { readSettings, SettingsError } from "./settings.ts";

/** A scene for Node at most: a test scene of seven seconds in QVGA. */
const SCENE_BYTES_MAX = 32_000_000;

type Options = CameraOptions & {
  host: string;
  profile: Profile;
  /** `soft`, or the name of a model. */
  sensor: string;
  settings?: string;
  plan?: NatsPlan;
} & NatsOptions;

/** Why the camera can't run here, in one line. */
class StartError extends Error {}

function readOptions(args: string[]): Options {
  const program = addNatsOptions(
    cameraCommand(
      "wasmcam",
      "The camera on this computer: shows a scene as live video to browsers and other programs.",
    ),
  )
    .addOption(
      new Option("--sensor <name>", "`soft` delivers the scene as it is; others are models of chips that look at it")
        .choices(["soft", ...SENSORS])
        .default("soft"),
    )
    .option("--settings <file>", "where the camera keeps settings (default: they are forgotten)")
    .option("--host <address>", "address to listen on; 0.0.0.0: every one of this computer's", "127.0.0.1")
    .addOption(
      new Option("--profile <name>", "limits: a board's (8 viewers) or a server's")
        .choices(["board", "server"])
        .default("board"),
    );
  const options = parseOptions<Options>(program, args);
  return { ...options, plan: natsPlan(options, program) };
}

async function requireModule(profile: Profile): Promise<WebAssembly.Module> {
  const path = modulePath(profile);
  try {
    await access(path);
  } catch {
    throw new StartError(`${path} is not there; \`npm run build\` makes it`);
  }
  return loadModule(path);
}

/** A line of the log, with the time of day. */
function log(level: number, text: string): void {
  const time = new Date().toISOString().slice(11, 23);
  process.stdout.write(`${time} ${(Level[level] ?? "?").padEnd(7)} ${text}\n`);
}

/** Where frames come from: as was said, else as is kept. */
function sourceOf({ source, said, settings, plan }: Options): string {
  if (plan?.source) return "nats";
  if (said.has("source") || settings === undefined) return source;
  return readSettings(settings).source ?? source;
}

async function sensorPlan(options: Options, source: string): Promise<SensorPlan> {
  if (source === "nats") return source;
  if (source !== "sensor") return "none";
  if (options.sensor !== "soft") return { model: options.sensor, pictures: options.scene };
  const bytes = await sceneOf(options, SCENE_BYTES_MAX);
  const scene = new SharedArrayBuffer(bytes.length);
  bytes.copy(Buffer.from(scene));
  return { scene };
}

/** The soft sensor has what its scene was made for, whatever is said or kept; a chip has its own ways. */
function fixedSettings(sensor: SensorPlan): Record<string, string> {
  if (sensor === "nats") return FEED_SETTINGS;
  if (sensor === "none" || !("scene" in sensor)) return {};
  const { width, height, format } = new Scene(Buffer.from(sensor.scene));
  return { size: `${width}x${height}`, format: Format[format].toLowerCase() };
}

/** Why the camera did not start, as the person at the command line should read it. */
function startError(error: unknown, options: Options): unknown {
  if (error instanceof PlanError) return new StartError(error.message);
  if (!(error instanceof ListenError)) return error;
  const { host } = options;
  const { port, code, message } = error;
  const option = port === options.port ? "--port" : "--push-port";
  if (code === "EADDRINUSE") return new StartError(`port ${port} of ${host} is in use; choose another with ${option}`);
  if (code === "EACCES") return new StartError(`port ${port} of ${host} is not allowed to this user; choose another`);
  return new StartError(`can't listen on port ${port} of ${host}: ${message}`);
}

async function run(options: Options): Promise<void> {
  const module = await requireModule(options.profile);
  const source = sourceOf(options);
  const sensor = await sensorPlan(options, source);
  const given = Object.entries({ ...saidSettings(options), ...fixedSettings(sensor) });
  const { host, port, plan: nats, settings: settingsFile } = options;
  const pushPort = source === "push" ? options.pushPort : undefined;
  const plan = { module, host, port, pushPort, sensor, nats, given, settingsFile };
  const camera = await Keeper.start(plan, log).catch((error) => {
    throw startError(error, options);
  });
  if (camera.pushPort !== undefined) process.stdout.write(`upstreams: TCP port ${camera.pushPort} of ${host}\n`);
  process.stdout.write(`http://${camera.address}/\n`);
  await new Promise((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await camera.stop();
}

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has written its line, or the help
  } else if (error instanceof StartError || error instanceof SceneError || error instanceof SettingsError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
