/**
 * What a camera can be told on the command line, the same for each camera that runs on this computer: what its sensor
 * sees, and what it makes of it. Where it runs adds options of its own.
 */

import { Command, InvalidArgumentError, Option } from "commander";
import { Format } from "./board-table.ts";
import {
  HEIGHT_MAX,
  PATTERN,
  PHOTOS_FOLDER,
  renderScene,
  sceneOfFiles,
  sizeProblem,
  WIDTH_MAX,
} from "./scenes/file.ts";

const FORMATS: Record<string, Format> = {
  gray: Format.GRAY,
  rgb565: Format.RGB565,
  yuyv: Format.YUYV,
  bayer: Format.BAYER,
};

/** Options that say what a sensor sees, and what is made of that. */
const OF_SENSOR = ["sensor", "camera", "scene", "files", "size", "format", "sampling", "quality", "fps"];

export type CameraOptions = {
  port: number;
  /** A folder of photographs, or {@link PATTERN}. */
  scene: string;
  /** A folder of JPEG files to show in its place. */
  files?: string;
  /** A camera to show in its place, where the board can have one. */
  camera?: string;
  size: { width: number; height: number };
  format: string;
  sampling: string;
  quality: number;
  fps: number;
  /** `host:port` of the relay that the camera shall send its stream to. */
  pushTo?: string;
  /** Where frames come from: `sensor`, `push`, or the address of another camera's stream. */
  source: string;
  /** Where upstreams connect to. */
  pushPort: number;
  /** The names of those that were said, and did not come from a default. */
  said: ReadonlySet<string>;
};

/** Takes a number within both. */
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

/** What is wrong with a source, without a word of it: there may be a password in it. */
function sourceProblem(source: string): string | undefined {
  if (source === "sensor" || source === "push" || /^http:\/\/./i.test(source)) return undefined;
  if (/^https:/i.test(source)) {
    return "https is not spoken here, since there is no TLS in the module; a tunnel (ssh -L, stunnel) can do it";
  }
  return "it is `sensor`, `push`, or an address such as http://user:password@host:port/path";
}

/** A line about a command line without what stands before the @ of addresses there: a token, or a password. */
function withoutSecrets(line: string, args: string[]): string {
  const values = args.map((arg) => (arg.startsWith("--") ? arg.slice(arg.indexOf("=") + 1) : arg));
  const secret = values.filter((value) => value.includes("@"));
  return secret.reduce((rest, text) => rest.replaceAll(text, `…${text.slice(text.lastIndexOf("@"))}`), line);
}

/** A program with every camera's options. */
export function cameraCommand(name: string, description: string): Command {
  const program = new Command(name);
  // An error of the parser's own would show the text.
  const readSource = (text: string): string => {
    const wrong = sourceProblem(text);
    return wrong ? program.error(`error: --source: ${wrong}`) : text;
  };
  return program
    .description(description)
    .option("--port <number>", "TCP port to listen on; 0: any that is free", wholeNumber(0, 65535), 8080)
    .addOption(
      new Option("--scene <folder>", `folder of photographs (JPEG, PNG) to look at, or \`${PATTERN}\``).default(
        PHOTOS_FOLDER,
        "the project's own",
      ),
    )
    .addOption(
      new Option("--files <folder>", "JPEG files to show untouched, one a second or as --fps says").conflicts(
        ["scene", "size", "format", "sampling", "quality"],
      ),
    )
    .addOption(
      new Option("--size <size>", `pixels of a frame, up to ${WIDTH_MAX}x${HEIGHT_MAX}`)
        .argParser(parseSize)
        .default({ width: 320, height: 240 }, "320x240"),
    )
    .addOption(
      new Option("--format <name>", "what the sensor delivers").choices(Object.keys(FORMATS)).default("rgb565"),
    )
    .option("--quality <number>", "quality of the JPEG files, 1 to 100", wholeNumber(1, 100), 85)
    .addOption(
      new Option("--sampling <ratio>", "chroma of the JPEG files")
        .choices(["4:2:0", "4:2:2", "4:4:4"])
        .default("4:2:0"),
    )
    .option("--fps <number>", "frames a second, 1 to 120", wholeNumber(1, 120), 30)
    .addOption(
      new Option(
        "--source <source>",
        "where frames come from: `sensor`; `push` shows what others send to --push-port, " +
          "http://user:password@host:port/path what another camera streams",
      )
        .argParser(readSource)
        .default("sensor"),
    )
    .option("--push-port <number>", "TCP port for --source push; 0: any that is free", wholeNumber(0, 65535), 9999)
    .option("--push-to <host:port>", "another camera or relay to send the stream to (its port 9999)")
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .exitOverride();
}

/** Reads the command line. @throws CommanderError, when the program has written its one line (or its help) */
export function parseOptions<Options extends CameraOptions>(program: Command, args: string[]): Options {
  program.configureOutput({ outputError: (line, write) => write(withoutSecrets(line, args)) });
  program.parse(args, { from: "user" });
  const options = program.opts<Options>();
  const said = Object.keys(options).filter((name) => program.getOptionValueSource(name) === "cli");
  options.said = new Set(said);
  const idle = OF_SENSOR.find((name) => options.said.has(name));
  if (options.source !== "sensor" && idle) {
    program.error(`error: --${idle} is about the sensor, which this --source does without`);
  }
  const problem = sizeProblem(options.size.width, options.size.height, FORMATS[options.format]);
  if (problem && options.camera === undefined) program.error(`error: ${problem}`);
  return options;
}

/** The scene that the sensor shall see. @throws SceneError */
export function sceneOf({ files, scene, size, format }: CameraOptions, bytesMax?: number): Promise<Buffer> {
  if (files !== undefined) return sceneOfFiles(files, bytesMax);
  return renderScene({ scene, ...size, format: FORMATS[format], bytesMax });
}

/** The camera's settings that were said. What was not leaves the sensor, and what the camera keeps, their choice. */
export function saidSettings(options: CameraOptions): Record<string, string> {
  const { files, size, format, sampling, quality, fps, source, said } = options;
  const all = { size: `${size.width}x${size.height}`, format, sampling, quality: String(quality), fps: String(fps) };
  const settings = Object.fromEntries(Object.entries(all).filter(([name]) => said.has(name)));
  if (options.pushTo !== undefined) settings.push = options.pushTo;
  if (said.has("source")) settings.source = source;
  return files === undefined ? settings : { fps: "1", ...settings };
}
