/**
 * `make flash` for the board `linux`: reads the command line, renders the scene, starts the program, shows its log.
 * Ctrl-C ends both.
 *
 * Exit codes: 0 ended as asked, 1 the machine is not as it should be (port in use, nothing built) or the program ended
 * by itself, 2 the command line is wrong. Either way the reason is one line on standard error.
 */

import { CommanderError, Option } from "commander";
import { type CameraOptions, cameraCommand, parseOptions, saidSettings, sceneOf } from "../camera-options.ts";
import type { Profile } from "../module.ts";
import { addNatsOptions, type NatsOptions, type NatsPlan, natsPlan } from "../nats/plan.ts";
import { SceneError } from "../scenes/file.ts";
import { LinuxBoardError, startLinuxBoard } from "./board.ts";

/** A scene at most, as on Node. */
const SCENE_BYTES_MAX = 32_000_000;

type Options = CameraOptions & { host: string; profile: Profile; settings?: string; report: boolean } & {
  plan?: NatsPlan;
} & NatsOptions;

function readOptions(args: string[]): Options {
  const program = addNatsOptions(
    cameraCommand("linux", "This computer as a board: shows a scene, or a camera, as live video."),
  )
    .addOption(
      new Option("--camera <device>", "a camera to show, such as /dev/video0, of --size and --format as near as it has")
        .conflicts(["scene", "files"]),
    )
    .option("--settings <file>", "where the camera keeps settings (default: they are forgotten)")
    .option("--host <address>", "address to listen on; 0.0.0.0: every one of this computer's", "127.0.0.1")
    .addOption(
      new Option("--profile <name>", "limits: a board's (8 viewers) or a server's (256)")
        .choices(["board", "server"])
        .default("server"),
    )
    .option("--report", "log every 10 s how long the module's steps take", false);
  const options = parseOptions<Options>(program, args);
  return { ...options, plan: natsPlan(options, program) };
}

/** What was said of other machines, as the program understands it too. */
function natsArguments({ source, nats, natsName, natsCreds, natsCa, plan }: Options): string[] {
  const files = { "nats-creds": natsCreds, "nats-ca": natsCa };
  const said = { source: plan?.source && source, nats, "nats-name": natsName, ...files };
  return Object.entries(said).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
}

async function run(options: Options): Promise<void> {
  const stopped = new Promise<undefined>((resolve) => {
    process.once("SIGINT", () => resolve(undefined));
    process.once("SIGTERM", () => resolve(undefined));
  });
  const hasScene = options.camera === undefined && options.source === "sensor";
  const board = await startLinuxBoard({
    port: options.port,
    pushPort: options.pushPort,
    host: options.host,
    profile: options.profile,
    camera: options.camera,
    scene: hasScene ? await sceneOf(options, SCENE_BYTES_MAX) : undefined,
    settings: { ...saidSettings(options), ...(options.plan?.source && { source: "sensor" }) },
    nats: options.plan && natsArguments(options),
    settingsFile: options.settings,
    report: options.report,
    onLine: (line) => process.stdout.write(`${line}\n`),
  });
  const error = await Promise.race([stopped, board.ended]);
  await board.stop();
  if (error) throw error;
}

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has written its line, or the help
  } else if (error instanceof LinuxBoardError || error instanceof SceneError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
