/**
 * `make flash` for the emulated board: reads the command line, renders the scene, starts the board with its cable,
 * shows its log, and says where to look when the camera answers. Ctrl-C ends it and leaves nothing running.
 *
 * Exit codes: 0 ended as asked, 1 the machine is not as it should be (port in use, no QEMU, no firmware) or the board
 * ended by itself, 2 the command line is wrong. Either way the reason is one line on standard error.
 */

import { CommanderError } from "commander";
import { type CameraOptions, cameraCommand, parseOptions, saidSettings, sceneOf } from "../camera-options.ts";
import { SceneError } from "../scenes/file.ts";
import { EmulatorError, SettingsError, startBoard } from "./board.ts";

type Options = CameraOptions & { settings?: string; report: boolean };

function readOptions(args: string[]): Options {
  const program = cameraCommand("emulator", "The camera on an emulated Cortex-M7 board: shows a scene as live video.");
  program.option("--settings <file>", "where the camera keeps settings (default: they are forgotten)");
  program.option("--report", "log every 10 s how long the module's steps take", false);
  return parseOptions(program, args);
}

function inUse(port: number | undefined, options: Options): string {
  const option = port === options.pushPort && port !== options.port ? "--push-port" : "--port";
  return `port ${port ?? options.port} is in use; choose another with ${option}`;
}

async function run(options: Options): Promise<void> {
  const stopped = new Promise<undefined>((resolve) => {
    process.once("SIGINT", () => resolve(undefined));
    process.once("SIGTERM", () => resolve(undefined));
  });
  const scene = options.source === "sensor" ? await sceneOf(options) : undefined;
  const board = await startBoard({
    port: options.port,
    pushPort: options.pushPort,
    scene,
    settings: saidSettings(options),
    settingsFile: options.settings,
    report: options.report,
    onLine: (line) => process.stdout.write(`${line}\n`),
  }).catch((error) => {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code === "EADDRINUSE") throw new EmulatorError(inUse(port, options));
    if (code === "EACCES") throw new EmulatorError(`port ${options.port} is not allowed to this user; choose another`);
    throw error;
  });
  try {
    const ended = Promise.race([stopped, board.ended]);
    const upstreams = board.pushPort ? `upstreams: TCP port ${board.pushPort} of 127.0.0.1\n\n` : "";
    const answers = board.answers().then(() => process.stdout.write(`\n  ${board.url}\n\n${upstreams}`));
    answers.catch(() => {}); // of no interest once the board has ended
    await Promise.race([ended, answers]);
    const error = await ended;
    if (error) throw error;
  } finally {
    await board.stop();
  }
}

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has written its line, or the help
  } else if (error instanceof EmulatorError || error instanceof SceneError || error instanceof SettingsError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
