/**
 * `make bench`: prints what the camera takes on the emulated board and on Node, and writes the same to
 * build/bench.json. It asserts nothing: counts (instructions, bytes) repeat exactly, times are this machine's of this
 * moment.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import sharp from "sharp";
import { Format } from "../../host/board-table.ts";
import { startBoard } from "../../host/emulator/board.ts";
import { type EncodeRun, benchEncode } from "../../host/emulator/encode-bench.ts";
import { PHOTOS_FOLDER, renderScene } from "../../host/scenes/file.ts";
import { fromFormat, type Rgb, toFormat } from "../../host/scenes/pixels.ts";
import { Random } from "../../host/simulated/random.ts";
import { benchAttacks, benchAttacksOnNode } from "./attacks.ts";
import { benchFanOut } from "./fan-out.ts";
import { benchFleet } from "./fleet.ts";
import { benchPath } from "./path.ts";
import { type Watched, watch } from "./viewers.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PICTURE = readFileSync(`${ROOT}tests/media/bench-320x240.rgb565`);
const WIDTH = 320;
const HEIGHT = 240;
/** Under `countInstructions` an instruction is a nanosecond of the board's time. */
const INSTRUCTIONS_PER_MICROSECOND = 1000;

/** Compiles an AssemblyScript file of the benchmarks. @returns the module's path */
async function compile(name: string, options: string[]): Promise<string> {
  const outFile = `build/bench/${name}.wasm`;
  const { error, stderr } = await asc.main([
    `tests/bench/${name}.ts`,
    // Without the camera's asconfig.json, whose entry would be compiled in as well.
    ...["--config", "none", "--baseDir", ROOT, "--outFile", outFile, "--runtime", "stub", "-O3", "--use", "abort="],
    ...options,
  ]);
  if (error) throw new Error(stderr.toString());
  return ROOT + outFile;
}

/** PSNR in dB over red, green and blue, against what the pixels mean in eight bits. */
async function psnr(file: Buffer, { pixels, width, height, format }: EncodeRun): Promise<number> {
  const { bytes } = fromFormat(pixels, width, height, format);
  const data = await sharp(file, { failOn: "warning" }).toColourspace("srgb").raw().toBuffer();
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += (data[i] - bytes[i]) ** 2;
  return 10 * Math.log10((255 * 255 * bytes.length) / sum);
}

/** Formats and samplings, by the names that they have in the tables. */
const SAMPLINGS = { "4:2:0": 1, "4:2:2": 2, "4:4:4": 0 };
const COLOURS = { rgb565: Format.RGB565, yuyv: Format.YUYV, bayer: Format.BAYER };
const KINDS = [
  ...Object.entries(COLOURS).flatMap(([name, format]) =>
    Object.entries(SAMPLINGS).map(([ratio, sampling]) => ({ kind: `${name} ${ratio}`, format, sampling })),
  ),
  { kind: "gray", format: Format.GRAY, sampling: 0 },
];

/** The photograph for QVGA, and as rows as wide as can be: of the photograph again and again, and of noise. */
function pictures(): Record<"qvga" | "wide" | "noise", Rgb> {
  const qvga = fromFormat(PICTURE, WIDTH, HEIGHT, Format.RGB565);
  const [width, height] = [WIDTH * 4, 64];
  const wide = new Uint8Array(width * height * 3);
  for (let part = 0; part < width * height; part += WIDTH) {
    const row = (Math.floor(part / width) + 88) % HEIGHT;
    wide.set(qvga.bytes.subarray(row * WIDTH * 3, (row + 1) * WIDTH * 3), part * 3);
  }
  const noise = new Uint8Array(wide.length);
  new Random(1).fill(noise);
  return { qvga, wide: { width, height, bytes: wide }, noise: { width, height, bytes: noise } };
}

async function benchEncoder() {
  const { memoryBase } = JSON.parse(readFileSync(`${ROOT}asconfig.json`, "utf8")).options;
  const pages = ["--initialMemory", "95", "--maximumMemory", "95"];
  const wasm = await compile("encode", ["--memoryBase", String(memoryBase), ...pages]);
  const aot = wasm.replace(/wasm$/, "aot");
  execFileSync(`${ROOT}board/build.sh`, ["aot", wasm, aot], { stdio: "inherit" });
  const { qvga, wide, noise } = pictures();
  const cases = [
    { picture: qvga, quality: 85, withStages: true },
    { picture: wide, quality: 85 },
    { picture: noise, quality: 93 }, // the finest that does not go the precise way
    { picture: noise, quality: 100 },
  ];
  const results = [];
  for (const { kind, format, sampling } of KINDS) {
    const runs = cases.map(({ picture, quality, withStages }, n): EncodeRun => {
      const { width, height } = picture;
      const pixels = toFormat(picture, format);
      const ways = { format, sampling, quality, withStages: withStages && format === Format.RGB565 };
      return { name: `${n}`, pixels, width, height, ...ways };
    });
    const [photo, ...wides] = await benchEncode(aot, runs);
    const { file, instructions, slices, longestSlice, stages } = photo;
    if (!file) throw new Error(`the photograph in ${kind} does not fit`);
    const figures = { instructions, bytes: file.length, psnr: await psnr(file, runs[0]), slices, longestSlice };
    const [wide85, noise93, noise100] = wides.map((result) => result.longestSlice);
    results.push([kind, { ...figures, wide: { wide85, noise93, noise100 }, stages }] as const);
  }
  return Object.fromEntries(results);
}

const QVGA = { size: `${WIDTH}x${HEIGHT}` };

/** The longest step of the module while a viewer watches, in instructions, from the board's own report. */
async function benchStep(): Promise<number> {
  const scene = await renderScene({ scene: PHOTOS_FOLDER, width: WIDTH, height: HEIGHT, format: Format.RGB565 });
  const entropy = Buffer.alloc(32); // the same in every run
  const board = await startBoard({ scene, settings: QVGA, report: true, countInstructions: true, entropy });
  try {
    await board.answers();
    const reports = () => board.log.flatMap((line) => /report: .* the longest (\d+) us/.exec(line)?.[1] ?? []);
    while (reports().length < 2) await watch(board.port, 1, 1);
    return Number(reports()[1]) * INSTRUCTIONS_PER_MICROSECOND;
  } finally {
    await board.stop();
  }
}

async function benchBoard(counts: number[]): Promise<Watched[]> {
  const scene = await renderScene({ scene: PHOTOS_FOLDER, width: WIDTH, height: HEIGHT, format: Format.RGB565 });
  const board = await startBoard({ scene, settings: { ...QVGA, fps: "60" } });
  try {
    await board.answers();
    const rows: Watched[] = [];
    for (const count of counts) rows.push(await watch(board.port, count, 5));
    return rows;
  } finally {
    await board.stop();
  }
}

/** The cable dials the board once in 20 ms, so that a larger crowd would not get in sooner. */
const BOARD_CROWD = 40;

async function benchAttacksOnBoard() {
  const scene = await renderScene({ scene: PHOTOS_FOLDER, width: WIDTH, height: HEIGHT, format: Format.RGB565 });
  const board = await startBoard({ scene, settings: QVGA });
  try {
    await board.answers();
    return await benchAttacks(board.port, BOARD_CROWD);
  } finally {
    await board.stop();
  }
}

/** Bytes of the module's memory by holder. What the compiler laid out besides is what is left of its static data. */
async function memoryByHolder() {
  const { instance } = await WebAssembly.instantiate(readFileSync(await compile("memory.as", [])));
  const limit = (name: string) => Number((instance.exports[name] as WebAssembly.Global).value);
  const { targets } = JSON.parse(readFileSync(`${ROOT}asconfig.json`, "utf8"));
  const total = targets.board.initialMemory * 65536;
  const holders = {
    "frame buffers": limit("FRAME_ARENA_BYTES"),
    slots: limit("SLOTS") * limit("SLOT_BYTES"),
    connections: limit("CONNECTIONS_MAX") * (limit("IN_BYTES") + limit("OUT_BYTES") + limit("BODY_BYTES_MAX")),
  };
  const rest = total - Object.values(holders).reduce((sum, bytes) => sum + bytes, 0);
  return { ...holders, "encoder, page, tasks, and what is free": rest, total };
}

/** Prints a table, by name or by number. What has a fraction is rounded to two places there, and only there. */
function show(title: string, rows: object): void {
  const rounded = JSON.parse(JSON.stringify(rows), (_, value) =>
    typeof value === "number" ? Math.round(value * 100) / 100 : value,
  );
  console.log(`\n${title}`);
  console.table(rounded);
}

function size(path: string): number {
  return statSync(ROOT + path).size;
}

mkdirSync(`${ROOT}build/bench`, { recursive: true });

const encode = await benchEncoder();
const withoutParts = Object.entries(encode).map(([kind, { stages: _, wide: _wide, ...figures }]) => [kind, figures]);
show(
  "Encoding the QVGA photograph on the emulated Cortex-M7, quality 85: instructions, file, longest slice",
  Object.fromEntries(withoutParts),
);
const stages = Object.entries(encode).flatMap(([kind, figures]) => {
  if (!figures.stages) return [];
  const known = Object.values(figures.stages).reduce((sum, count) => sum + count, 0);
  return [[kind, { ...figures.stages, rest: figures.instructions - known, all: figures.instructions }]];
});
show("The same by stage, instructions", Object.fromEntries(stages));
const wides = Object.entries(encode).map(([kind, { wide }]) => [kind, wide]);
show("The longest slice 1280 pixels wide: photograph at quality 85, noise at 93 and 100", Object.fromEntries(wides));

const longestStep = await benchStep();
show("The longest step of the module on the emulated board, one viewer, QVGA at 30 frames a second", {
  instructions: longestStep,
});

const board = await benchBoard([1, 8]);
show("Frames a second on the emulated board, QVGA, 60 asked for; bytes a frame", board);

const fanOut = await benchFanOut();
show(
  "Frames a second to many viewers, 30 asked for; processor time (µs) a delivered frame",
  fanOut.rows,
);
show("With slow viewers: frames a second, and how old pictures are when they are there, s", fanOut.ages);

const path = await benchPath();
const overPaths = "Over paths of this round trip: frames in the first second, the second, then each; ages, s";
if (typeof path === "string") console.log(`\n${overPaths}: ${path}`);
else show(overPaths, path);

const fleet = await benchFleet();
show("One camera, NATS, relays, a crowd: frames a second on the way, how old pictures are at viewers, s", fleet.rows);
show("Processor time of each process, % of a core", fleet.load);

const attacks = { node: await benchAttacksOnNode(), board: await benchAttacksOnBoard() };
show("Under attack, on Node: pictures answered within ms, frames that two good viewers got and lost", attacks.node);
show("Under attack by 40, on the emulated board", attacks.board);

const sizes = {
  "module, board": size("build/wasmcam.wasm"),
  "module, server": size("build/wasmcam-server.wasm"),
  "ahead of time": size("build/wasmcam.aot"),
  "firmware (ELF, with symbols)": size("build/firmware-mps2-an500.elf"),
};
show("Sizes, bytes", sizes);

const memory = await memoryByHolder();
show("Memory of the module, profile board, bytes", memory);

const all = { encode, longestStep, board, fanOut, path, fleet, attacks, sizes, memory };
writeFileSync(`${ROOT}build/bench.json`, `${JSON.stringify(all, null, 2)}\n`);
