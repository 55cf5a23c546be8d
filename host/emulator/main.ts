/**
 * `make flash` for the emulated board: reads the command line, renders the scene, starts the board with its cable, shows
 * its log, and says where to look when the camera answers. Ctrl-C ends it and leaves nothing running.
 *
 * Exit codes: 0 ended as asked, 1 the machine is not as it should be (port in use, no QEMU, no firmware) or the board
 * ended by itself, 2 the command line is wrong. Either way the reason is one line on standard error.
 */

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { Format } from "../board-table.ts";
import { PATTERN, PHOTOS_FOLDER, renderScene, SceneError, sizeProblem } from "../scenes/file.ts";
import { EmulatorError, startBoard } from "./board.ts";

const FORMATS: Record<string, Format> = { gray: Format.GRAY, rgb565: Format.RGB565, yuyv: Format.YUYV };

type Options = {
  port: number;
  scene: string;
  size: { width: number; height: number };
  format: string;
  sampling: string;
  quality: number;
  fps: number;
  report: boolean;
};

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
  const program = new Command("emulator")
    .description("The camera on an emulated Cortex-M7 board: shows a scene as live video.")
    .option("--port <number>", "TCP port on 127.0.0.1; 0: any that is free", wholeNumber(0, 65535), 8080)
    .addOption(
      new Option("--scene <folder>", `folder of photographs (JPEG, PNG) to look at, or \`${PATTERN}\``).default(
        PHOTOS_FOLDER,
        "the project's own",
      ),
    )
    .addOption(
      new Option("--size <size>", "pixels of a frame, as the board has memory for")
        .argParser(parseSize)
        .default({ width: 320, height: 240 }, "320x240"),
    )
    .addOption(new Option("--format <name>", "what the sensor delivers").choices(Object.keys(FORMATS)).default("rgb565"))
    .addOption(new Option("--sampling <ratio>", "chroma of the JPEG files").choices(["4:2:0", "4:4:4"]).default("4:2:0"))
    .option("--quality <number>", "quality of the JPEG files, 1 to 100", wholeNumber(1, 100), 85)
    .option("--fps <number>", "frames a second, 1 to 120", wholeNumber(1, 120), 30)
    .option("--report", "log every 10 s how long the module's steps take", false)
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .exitOverride();
  program.parse(args, { from: "user" });
  const options = program.opts<Options>();
  const problem = sizeProblem(options.size.width, options.size.height, FORMATS[options.format]);
  if (problem) program.error(`error: ${problem}`);
  return options;
}

async function run(options: Options): Promise<void> {
  const { width, height } = options.size;
  const stopped = new Promise<undefined>((resolve) => {
    process.once("SIGINT", () => resolve(undefined));
    process.once("SIGTERM", () => resolve(undefined));
  });
  const scene = await renderScene({ scene: options.scene, width, height, format: FORMATS[options.format] });
  const board = await startBoard({
    port: options.port,
    scene,
    settings: {
      size: `${width}x${height}`,
      format: options.format,
      sampling: options.sampling,
      quality: String(options.quality),
      fps: String(options.fps),
    },
    report: options.report,
    onLine: (line) => process.stdout.write(`${line}\n`),
  }).catch((error) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw new EmulatorError(`port ${options.port} is in use; choose another with --port`);
    if (code === "EACCES") throw new EmulatorError(`port ${options.port} is not allowed to this user; choose another`);
    throw error;
  });
  try {
    const ended = Promise.race([stopped, board.ended]);
    const answers = board.answers().then(() => process.stdout.write(`\n  ${board.url}\n\n`));
    answers.catch(() => {}); // of no interest once the board has ended
    await Promise.race([ended, answers]);
    const error = await ended;
    if (error) throw error;
  } finally {
    await board.stop();
  }
}

try {
  await run(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has written its line, or the help
  } else if (error instanceof EmulatorError || error instanceof SceneError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
