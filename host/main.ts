/**
 * The camera on Node: reads the command line, binds the port, renders the scene and runs the live world until Ctrl-C.
 *
 * Exit codes: 0 ended as asked, 1 the machine is not as it should be (port in use, no pictures, nothing built), 2 the
 * command line is wrong. Either way the reason is one line on standard error.
 */

import { access } from "node:fs/promises";
import type { Server } from "node:net";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { Format, Level } from "./board-table.ts";
import { openServer } from "./live/network.ts";
import { LiveWorld } from "./live/world.ts";
import { loadModule, modulePath, type Profile } from "./module.ts";
import { MemorySettings } from "./settings.ts";
import { SoftSensor } from "./soft-sensor.ts";
import { PATTERN, PHOTOS_FOLDER, renderScene, Scene, SceneError, sizeProblem } from "./scenes/file.ts";

/** A scene for Node at most: a test scene of seven seconds in QVGA. */
const SCENE_BYTES_MAX = 32_000_000;

const FORMATS: Record<string, Format> = { gray: Format.GRAY, rgb565: Format.RGB565, yuyv: Format.YUYV };

type Options = {
  port: number;
  host: string;
  scene: string;
  size: { width: number; height: number };
  format: string;
  quality: number;
  sampling: string;
  fps: number;
  profile: Profile;
};

/** Why the camera can't run here, in one line. */
class StartError extends Error {}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most) {
      throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
    }
    return number;
  };
}

function parseSize(text: string): { width: number; height: number } {
  const match = /^(\d+)x(\d+)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It is a width and a height, such as 320x240.");
  return { width: Number(match[1]), height: Number(match[2]) };
}

function parseOptions(args: string[]): Options {
  const program = new Command("wasmcam")
    .description("The camera on this computer: shows a scene as live video to browsers and other programs.")
    .option("--port <number>", "TCP port to listen on; 0: any that is free", wholeNumber(0, 65535), 8080)
    .option("--host <address>", "address to listen on; 0.0.0.0: every one of this computer's", "127.0.0.1")
    .addOption(
      new Option("--scene <folder>", `folder of photographs (JPEG, PNG) to look at, or \`${PATTERN}\``).default(
        PHOTOS_FOLDER,
        "the project's own",
      ),
    )
    .addOption(
      new Option("--size <size>", "pixels of a frame, up to 1280x960")
        .argParser(parseSize)
        .default({ width: 320, height: 240 }, "320x240"),
    )
    .addOption(new Option("--format <name>", "what the sensor delivers").choices(Object.keys(FORMATS)).default("rgb565"))
    .option("--quality <number>", "quality of the JPEG files, 1 to 100", wholeNumber(1, 100), 85)
    .addOption(new Option("--sampling <ratio>", "chroma of the JPEG files").choices(["4:2:0", "4:4:4"]).default("4:2:0"))
    .option("--fps <number>", "frames a second, 1 to 120", wholeNumber(1, 120), 30)
    .addOption(
      new Option("--profile <name>", "limits: a board's (8 viewers) or a server's").choices(["board", "server"]).default("board"),
    )
    .showSuggestionAfterError(false)
    .exitOverride();
  program.parse(args, { from: "user" });
  const options = program.opts<Options>();
  const problem = sizeProblem(options.size.width, options.size.height, FORMATS[options.format]);
  if (problem) program.error(`error: ${problem}`);
  return options;
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

async function bind(host: string, port: number): Promise<Server> {
  try {
    return await openServer(host, port);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw new StartError(`port ${port} of ${host} is in use; choose another with --port`);
    if (code === "EACCES") throw new StartError(`port ${port} of ${host} is not allowed to this user; choose another`);
    throw new StartError(`can't listen on port ${port} of ${host}: ${message}`);
  }
}

/** A line of the log, with the time of day. */
function log(level: number, text: string): void {
  const time = new Date().toISOString().slice(11, 23);
  process.stdout.write(`${time} ${(Level[level] ?? "?").padEnd(7)} ${text}\n`);
}

async function run(options: Options): Promise<void> {
  const { width, height } = options.size;
  const format = FORMATS[options.format];
  const module = await requireModule(options.profile);
  const scene = new Scene(
    await renderScene({ scene: options.scene, width, height, format, bytesMax: SCENE_BYTES_MAX }),
  );
  const server = await bind(options.host, options.port);
  const settings = new MemorySettings([
    ["size", `${width}x${height}`],
    ["format", options.format],
    ["sampling", options.sampling],
    ["quality", String(options.quality)],
    ["fps", String(options.fps)],
  ]);
  const world = new LiveWorld({ module, server, sensor: new SoftSensor(scene), settings, log });
  process.stdout.write(`http://${world.address}/\n`);
  await new Promise((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await world.stop();
}

try {
  await run(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has written its line, or the help
  } else if (error instanceof StartError || error instanceof SceneError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
