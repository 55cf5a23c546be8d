/**
 * The encoder's files, decoded by libjpeg-turbo: every size, format, sampling and quality gives a faithful picture, and
 * never a byte where none belongs.
 *
 * LONG=1 takes all sizes and more qualities instead of a seeded sample; SEED=n another sample.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Random } from "../host/simulated/random.ts";
import { Encoder, SAMPLINGS, type Frame, type Sampling } from "./jpeg/encoder.ts";
import {
  FORMATS,
  PHOTOGRAPHS,
  type Format,
  type Picture,
  benchPixels,
  crop,
  decode,
  flat,
  gradient,
  noise,
  photograph,
  pictureOf,
  pixelsOf,
  psnr,
  reference,
  resized,
  text,
} from "./jpeg/pictures.ts";

const LONG = process.env.LONG === "1";
const SEED = Number(process.env.SEED ?? 20261121);
const HEADROOM = 1024; // bytes, as the camera has
const TENS = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
const SAMPLING_NAMES = Object.keys(SAMPLINGS) as Sampling[];

/** Every format with every sampling; gray has no chroma. */
type Kind = { format: Format; sampling: Sampling };
const KINDS: Kind[] = FORMATS.flatMap((format) => {
  const samplings: Sampling[] = format === "gray" ? ["4:4:4"] : SAMPLING_NAMES;
  return samplings.map((sampling) => ({ format, sampling }));
});

/** Pixels of an MCU, across and down. */
const MCU: Record<Sampling, [number, number]> = { "4:4:4": [8, 8], "4:2:2": [16, 8], "4:2:0": [16, 16] };

let encoder: Encoder;
before(async () => {
  encoder = await Encoder.load();
});

/** Encodes in place and decodes. */
async function roundTrip(
  picture: Picture,
  format: Format,
  sampling: Sampling,
  quality: number,
): Promise<{ source: Picture; file: Buffer; decoded: Picture }> {
  const { width, height } = picture;
  const pixels = pixelsOf(picture, format);
  const { file } = encoder.encode({ pixels, width, height, format, sampling, quality });
  assert.ok(file, "there is a file");
  const source = pictureOf(pixels, width, height, format);
  return { source, file, decoded: await decode(file, source) };
}

/** How faithful our file of a picture is, and libjpeg-turbo's with the same tables. */
async function compare(picture: Picture, { format, sampling }: Kind, quality: number, name: string) {
  const { source, file, decoded } = await roundTrip(picture, format, sampling, quality);
  const theirFile = await reference(source, quality, sampling);
  assert.deepEqual(quantisationTables(file), quantisationTables(theirFile), "the same quantisation");
  const ours = psnr(source, decoded);
  const theirs = psnr(source, await decode(theirFile, source));
  const figures = (decibels: number, { length }: Buffer): string => `${decibels.toFixed(2)} dB, ${length} bytes`;
  const which = `${name} ${source.width}x${source.height} ${format} ${sampling} quality ${quality}`;
  const what = `${which}: ${figures(ours, file)}; theirs ${figures(theirs, theirFile)}`;
  return { ours, theirs, what, bytes: file.length / theirFile.length, error: () => stepsOff(source, decoded, file) };
}

type Comparison = Awaited<ReturnType<typeof compare>>;

/**
 * How far the mean luma and chroma of a decoded picture are from the source's, in steps of the DC coefficients' that
 * the file has, less 2/255 for what was rounded on the way. The nearest that a file can have is half a step off.
 */
function stepsOff(source: Picture, decoded: Picture, file: Buffer): number {
  const tables = quantisationTables(file).map((table) => parseInt(table.slice(2, 4), 16) / 8);
  const [luma, chroma = Infinity] = tables;
  const [from, to] = [source, decoded].map(({ data, channels }) => {
    const means = [0, 1, 2].map((channel) => {
      let sum = 0;
      for (let i = channel % channels; i < data.length; i += channels) sum += data[i];
      return (sum * channels) / data.length;
    });
    const y = 0.299 * means[0] + 0.587 * means[1] + 0.114 * means[2];
    return [y, (means[2] - y) / 1.772, (means[0] - y) / 1.402];
  });
  return Math.max(...from.map((value, n) => (Math.abs(value - to[n]) - 2) / (n === 0 ? luma : chroma)));
}

/** A picture that is no photograph: within 1 dB. Of a flat one, a step that is rounded the other way tells more. */
function assertFaithful({ ours, theirs, what, error }: Comparison, name: string, allowed = 0): void {
  if (ours > Math.min(theirs - 1, 45) - allowed) return;
  assert.ok(name === "flat" && error() <= 0.5, `${what}, seed ${SEED}`);
}

/** In a small picture a single coefficient that is rounded the other way tells: so many dB, either way. */
function chance({ width, height }: Picture): number {
  const pixels = width * height;
  return Math.max(100 / pixels, 16 / Math.sqrt(pixels));
}

/** The quantisation tables of a file, with their numbers. */
function quantisationTables(file: Buffer): string[] {
  const tables: string[] = [];
  for (let at = 2; file.readUInt16BE(at) !== 0xffda; at += 2 + file.readUInt16BE(at + 2)) {
    if (file.readUInt16BE(at) !== 0xffdb) continue;
    const end = at + 2 + file.readUInt16BE(at + 2);
    for (let table = at + 4; table < end; table += 65) tables.push(file.subarray(table, table + 65).toString("hex"));
  }
  return tables;
}

/** Pictures of any size, by their names. */
const PICTURES: ((width: number, height: number, random: Random) => [string, Picture])[] = [
  (width, height, random) => ["gradient", gradient(width, height, random)],
  (width, height, random) => ["noise", noise(width, height, random)],
  (width, height) => ["text", text(width, height)],
  (width, height, random) => ["flat", flat(width, height, [1, 2, 3].map(() => random.between(0, 255)))],
];

function mcusOf({ width, height, format, sampling }: Frame): number {
  const [across, down] = MCU[format === "gray" ? "4:4:4" : sampling];
  return Math.ceil(width / across) * Math.ceil(height / down);
}

/** Where the segment of a marker begins, or -1. */
function segmentAt(file: Buffer, marker: number): number {
  for (let at = 2; ; at += 2 + file.readUInt16BE(at + 2)) {
    if (file.readUInt16BE(at) === marker) return at;
    if (file.readUInt16BE(at) === 0xffda) return -1;
  }
}

/** The restart interval that a file says, in MCUs; 0: none. */
function intervalOf(file: Buffer): number {
  const at = segmentAt(file, 0xffdd);
  return at < 0 ? 0 : file.readUInt16BE(at + 4);
}

/** The coded bytes of each interval; the markers between them must count from 0 to 7 again and again. */
function intervalsOf(file: Buffer): Buffer[] {
  const scan = segmentAt(file, 0xffda);
  let from = scan + 2 + file.readUInt16BE(scan + 2);
  const intervals: Buffer[] = [];
  for (let at = from; ; at++) {
    if (file[at] !== 0xff || file[at + 1] === 0) continue;
    intervals.push(file.subarray(from, at));
    if (file[at + 1] === 0xd9) break;
    assert.equal(file[at + 1], 0xd0 + ((intervals.length - 1) & 7), "restart markers are in order");
    from = at + 2;
    at++;
  }
  assert.equal(file.length, file.lastIndexOf(Buffer.from([0xff, 0xd9])) + 2, "nothing is behind the end");
  return intervals;
}

function assertRestarts(file: Buffer, mcus: number, interval: number, what: string): void {
  assert.equal(intervalOf(file), interval, what);
  assert.equal(intervalsOf(file).length, Math.ceil(mcus / interval), what);
}

test("photographs are as faithful as libjpeg-turbo's, within 0.3 dB", async (t) => {
  const random = new Random(SEED);
  for (const name of PHOTOGRAPHS) {
    const picture = crop(await photograph(name), 320, 240, 100, 80);
    for (const kind of KINDS) {
      const some = [85, random.pick([10, 50, 90, 93, 94, 95])];
      for (const quality of LONG ? [...TENS.slice(0, -1), 85, 92, 93, 94, 95] : some) {
        const { ours, theirs, what, bytes } = await compare(picture, kind, quality, name);
        t.diagnostic(what);
        assert.ok(ours > theirs - 0.3, what);
        assert.ok(bytes < 1.03, what);
      }
    }
  }
});

test("so are they in the usual sizes", async () => {
  const random = new Random(SEED);
  const sizes = [[160, 120], [176, 144], [320, 240], [640, 480], [800, 600], [1024, 768], [1280, 720], [1280, 960]];
  for (const [width, height] of sizes) {
    const name = random.pick(PHOTOGRAPHS);
    const picture = await resized(await photograph(name), width, height);
    for (const kind of LONG ? KINDS : [random.pick(KINDS)]) {
      for (const quality of LONG ? [10, 50, 85, 90, 95] : [85]) {
        const { ours, theirs, what } = await compare(picture, kind, quality, name);
        assert.ok(ours > theirs - 0.3, what);
      }
    }
  }
});

test("a larger photograph, and the bench picture", async () => {
  const { source, decoded } = await roundTrip(await photograph("coffee"), "rgb565", "4:2:0", 85);
  assert.ok(psnr(source, decoded) > 30);
  const pixels = benchPixels();
  const bench = { pixels, width: 320, height: 240, format: "rgb565", quality: 85, headroom: HEADROOM } as const;
  const picture = pictureOf(pixels, 320, 240, "rgb565");
  // What OpenMV's own encoder, in C, makes of it, with 0.3 % on the bytes.
  for (const [sampling, bytes, decibels] of [["4:2:0", 22698, 31.31], ["4:4:4", 29008, 32.94]] as const) {
    const { file } = encoder.encode({ ...bench, sampling });
    assert.ok(file && file.length <= bytes * 1.003);
    assert.ok(psnr(picture, await decode(file, picture)) >= decibels);
  }
});

test("every size from 1x1 to 40x40, and the extremes, with and without restart markers", async (t) => {
  const random = new Random(SEED);
  const extremes: [number, number][] = [[1280, 1], [1, 960], [1279, 17], [1278, 8], [33, 959]];
  const sizes = [...extremes];
  for (let height = 1; height <= 40; height++) for (let width = 1; width <= 40; width++) sizes.push([width, height]);
  const isChosen = ([w, h]: [number, number]): boolean => (w < 4 && h < 4) || random.chance(0.03);
  const chosen = LONG ? sizes : [...extremes, ...sizes.slice(extremes.length).filter(isChosen)];
  let gains = 0; // dB
  let count = 0;
  for (const [width, height] of chosen) {
    for (const kind of KINDS) {
      const { format, sampling } = kind;
      if (format === "yuyv" && width % 2 === 1) continue;
      // Each size meets other qualities and pictures, so that all of them meet all kinds.
      const quality = random.pick(TENS);
      // A line of text says the same again and again: one coefficient that is rounded otherwise is then many.
      const pictures = Math.max(width, height) > 40 ? PICTURES.slice(0, 2) : PICTURES;
      const [name, picture] = random.pick(pictures)(width, height, random);
      const comparison = await compare(picture, kind, quality, name);
      assertFaithful(comparison, name, chance(picture));
      gains += Math.min(comparison.ours, 45) - Math.min(comparison.theirs, 45);
      count++;

      const pixels = pixelsOf(picture, format);
      const frame: Frame = { pixels, width, height, format, sampling, quality };
      const plain = encoder.encode(frame).file;
      const interval = random.between(1, 9);
      const restarting = encoder.encode({ ...frame, restart: interval }).file;
      assert.ok(plain && restarting, "there are files");
      const place = `${width}x${height} ${format} ${sampling}, restart interval ${interval}`;
      assertRestarts(restarting, mcusOf(frame), interval, place);
      const source = pictureOf(pixels, width, height, format);
      const [one, other] = await Promise.all([decode(plain, source), decode(restarting, source)]);
      assert.equal(Buffer.compare(one.data, other.data), 0, `${place}: the same picture`);
    }
  }
  t.diagnostic(`${count} pictures, on average ${(gains / count).toFixed(3)} dB better than libjpeg-turbo's`);
  assert.ok(gains / count > -0.1, `on average ${gains / count} dB, seed ${SEED}`);
});

test("every quality from 1 to 100", async () => {
  const random = new Random(SEED);
  const picture = crop(await photograph("cat"), 64, 48, 200, 150);
  for (const kind of LONG ? KINDS : [random.pick(KINDS)]) {
    let before = 0;
    for (let quality = 1; quality <= 100; quality++) {
      const { ours, theirs, what } = await compare(picture, kind, quality, "cat");
      assert.ok(ours > Math.min(theirs - 0.3, 45), what);
      assert.ok(ours > before - 1, `${what}: no worse than the quality before, ${before.toFixed(2)} dB`);
      before = ours;
    }
  }
});

test("noise, text and flat colours are as libjpeg-turbo has them, within 1 dB", async () => {
  const random = new Random(SEED);
  for (const kind of KINDS) {
    for (const quality of TENS) {
      for (const make of LONG ? PICTURES : [random.pick(PICTURES)]) {
        const [name, picture] = make(48, 40, random);
        assertFaithful(await compare(picture, kind, quality, name), name);
      }
    }
  }
});

test("flat colours come back as they were", async () => {
  for (const { format, sampling } of KINDS) {
    for (const colour of [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 160, 200]]) {
      for (const quality of [90, 95]) {
        const { source, decoded } = await roundTrip(flat(40, 24, colour), format, sampling, quality);
        for (let i = 0; i < source.data.length; i++) {
          assert.ok(Math.abs(source.data[i] - decoded.data[i]) <= 4, `${colour} in ${format} ${sampling}`);
        }
      }
    }
  }
});

test("gray has no chroma to sample", () => {
  const pixels = pixelsOf(noise(50, 30, new Random(SEED)), "gray");
  const [first, ...others] = SAMPLING_NAMES.map(
    (sampling) => encoder.encode({ pixels, width: 50, height: 30, format: "gray", sampling, quality: 80 }).file,
  );
  for (const other of others) assert.deepEqual(other, first);
});

test("restart markers come after as many MCUs as the file says, and what follows needs nothing before", async () => {
  const random = new Random(SEED);
  for (const kind of KINDS) {
    const { format, sampling } = kind;
    for (const quality of [10, 85, 95, 100]) {
      const [width, height] = [2 * random.between(20, 60), random.between(30, 90)];
      const pixels = pixelsOf(random.chance(0.5) ? noise(width, height, random) : text(width, height), format);
      const frame: Frame = { pixels, width, height, format, sampling, quality };
      const count = mcusOf(frame);
      const plain = encoder.encode(frame).file;
      assert.ok(plain);
      assert.equal(intervalOf(plain), 0, "off unless it is asked for");
      const source = pictureOf(pixels, width, height, format);
      const expected = await decode(plain, source);
      const [across, down] = MCU[sampling];
      const row = Math.ceil(width / across);
      for (const interval of [1, 2, 3, 8, row, count - 1, count, count + 1, 65535]) {
        const { file } = encoder.encode({ ...frame, restart: interval });
        assert.ok(file);
        const what = `${width}x${height} ${format} ${sampling} quality ${quality}, interval ${interval}`;
        assertRestarts(file, count, interval, what);
        assert.equal(Buffer.compare((await decode(file, source)).data, expected.data), 0, `${what}: the same picture`);
        // A row of MCUs after a marker is what it is as a picture by itself. (Bayer pixels look at their neighbours.)
        if (interval !== row || format === "bayer") continue;
        intervalsOf(file).forEach((bytes, n) => {
          const rows = Math.min(down, height - n * down);
          const stride = pixels.length / height;
          const part = pixels.subarray(n * down * stride, (n * down + rows) * stride);
          const alone = encoder.encode({ ...frame, pixels: part, height: rows }).file;
          assert.ok(alone && bytes.equals(intervalsOf(alone)[0]), `${what}: row ${n}`);
        });
      }
    }
  }
});

test("in place gives the same bytes as apart", async () => {
  const random = new Random(SEED);
  for (const format of FORMATS) {
    for (const sampling of SAMPLING_NAMES) {
      for (const [width, height] of [[320, 240], [2, 2], [34, 70], [1280, 48], [160, 17]]) {
        const pixels = pixelsOf(gradient(width, height, random), format);
        const restart = random.between(0, 2);
        const frame: Frame = { pixels, width, height, format, sampling, quality: 85, restart };
        const apart = encoder.encode(frame);
        const inPlace = encoder.encode({ ...frame, headroom: HEADROOM });
        assert.ok(apart.file && inPlace.file, `${width}x${height} fits`);
        assert.ok(apart.file.equals(inPlace.file), `${width}x${height} ${format} ${sampling}`);
        assert.equal(apart.slices, inPlace.slices);
      }
    }
  }
});

test("a file that does not fit is given up, and nothing beyond its end is written", async () => {
  const random = new Random(SEED);
  for (const format of FORMATS) {
    for (const sampling of SAMPLING_NAMES) {
      const picture = noise(320, 240, random);
      const pixels = pixelsOf(picture, format);
      const frame: Frame = { pixels, width: 320, height: 240, format, sampling, quality: 100 };
      const whole = encoder.encode(frame).file;
      assert.ok(whole);
      if (whole.length > pixels.length + HEADROOM) {
        assert.equal(encoder.encode({ ...frame, headroom: HEADROOM }).file, undefined, "it can't fit in place");
      }
      for (const restart of [0, 1]) {
        const lower = { ...frame, quality: 20, restart, headroom: HEADROOM };
        assert.ok(encoder.encode(lower).file, "at a lower quality it fits");
      }
      // Given just as much room as it needs, it fits; a byte less, and it does not.
      for (const restart of [0, 1, 7]) {
        const restarting = { ...frame, restart };
        const file = encoder.encode(restarting).file;
        assert.ok(file);
        assert.deepEqual(encoder.encode({ ...restarting, room: file.length }).file, file);
        for (const room of [0, 1, 300, 622, 623, 629, 700, 5000, file.length >> 1, file.length - 2, file.length - 1]) {
          assert.equal(encoder.encode({ ...restarting, room }).file, undefined, `${room} bytes`);
        }
      }
    }
  }
});

test("in place without headroom, small and large files either fit or are given up", async () => {
  const random = new Random(SEED);
  let fitted = 0;
  let givenUp = 0;
  for (let n = 0; n < 250; n++) {
    const [width, height] = [2 * random.between(1, 100), random.between(1, 120)];
    const format = random.pick(FORMATS);
    const sampling = random.pick(SAMPLING_NAMES);
    const quality = random.between(1, 100);
    const picture = random.chance(0.5) ? noise(width, height, random) : gradient(width, height, random);
    const pixels = pixelsOf(picture, format);
    const restart = random.between(0, 3);
    const frame: Frame = { pixels, width, height, format, sampling, quality, restart };
    const apart = encoder.encode(frame).file;
    const { file } = encoder.encode({ ...frame, headroom: random.between(0, 700) });
    if (file) {
      assert.ok(apart && file.equals(apart));
      fitted++;
    } else {
      givenUp++;
    }
  }
  assert.ok(fitted > 20 && givenUp > 20, `${fitted} fitted, ${givenUp} were given up`);
});

test("a slice takes at most a row of MCUs, and at most a QVGA row's blocks", () => {
  for (const [width, height] of [[320, 240], [1280, 960], [8, 8]]) {
    for (const sampling of SAMPLING_NAMES) {
      const pixels = new Uint8Array(width * height * 2);
      const [across, down] = MCU[sampling];
      const rows = Math.ceil(height / down);
      const blocks = Math.ceil(width / across) * ((across * down) / 64 + 2);
      for (const [quality, blocksMax] of [[50, 120], [100, 60]]) {
        const frame: Frame = { pixels, width, height, format: "rgb565", sampling, quality, headroom: HEADROOM };
        assert.equal(encoder.encode(frame).slices, rows * Math.ceil(blocks / blocksMax));
      }
    }
  }
});

test("frames follow each other in any order of settings, each as if it were the first", async () => {
  const random = new Random(SEED);
  const frames = Array.from({ length: 12 }, (_, n): Frame => {
    const format = FORMATS[n % FORMATS.length];
    const picture = gradient(2 * random.between(1, 40), random.between(1, 60), random);
    const { width, height } = picture;
    const sampling = random.pick(SAMPLING_NAMES);
    const restart = random.chance(0.3) ? random.between(1, 4) : 0;
    const pixels = pixelsOf(picture, format);
    return { pixels, width, height, format, sampling, restart, quality: random.between(1, 100) };
  });
  const first = frames.map((frame) => encoder.encode(frame).file);
  for (let n = 0; n < 40; n++) {
    const which = random.between(0, frames.length - 1);
    assert.deepEqual(encoder.encode(frames[which]).file, first[which]);
  }
});
