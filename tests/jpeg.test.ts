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
} from "./jpeg/pictures.ts";

const LONG = process.env.LONG === "1";
const SEED = Number(process.env.SEED ?? 20261121);
const HEADROOM = 1024; // bytes, as the camera has
const QUALITIES = LONG ? [5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92, 94, 95] : [10, 50, 85, 90, 95];
const SAMPLING_NAMES = Object.keys(SAMPLINGS) as Sampling[];

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

test("photographs are as faithful as libjpeg-turbo's, within 0.3 dB", async (t) => {
  for (const name of PHOTOGRAPHS) {
    const whole = await photograph(name);
    const picture = crop(whole, 320, 240, 100, 80);
    for (const format of FORMATS) {
      for (const sampling of format === "gray" ? SAMPLING_NAMES.slice(0, 1) : SAMPLING_NAMES) {
        for (const quality of QUALITIES) {
          const { source, file, decoded } = await roundTrip(picture, format, sampling, quality);
          const theirs = await reference(source, quality, sampling);
          assert.deepEqual(quantisationTables(file), quantisationTables(theirs), "the same quantisation");
          const ourPsnr = psnr(source, decoded);
          const theirPsnr = psnr(source, await decode(theirs, source));
          const figures = (decibels: number, file: Buffer): string => `${decibels.toFixed(2)} dB, ${file.length} bytes`;
          const which = `${name} ${format} ${sampling} quality ${quality}`;
          const what = `${which}: ${figures(ourPsnr, file)}; theirs ${figures(theirPsnr, theirs)}`;
          t.diagnostic(what);
          assert.ok(ourPsnr > theirPsnr - 0.3, what);
          assert.ok(file.length < theirs.length * 1.03, what);
        }
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

test("every size from 1x1 to 40x40, and the usual ones", async () => {
  const random = new Random(SEED);
  const sizes: [number, number][] = [
    [160, 120],
    [320, 240],
    [176, 144],
    [640, 480],
    [1280, 960],
    [1280, 1],
    [1, 960],
    [1279, 17],
  ];
  for (let height = 1; height <= 40; height++) for (let width = 1; width <= 40; width++) sizes.push([width, height]);
  const chosen = sizes.filter(([w, h]) => LONG || w > 40 || h > 40 || (w < 4 && h < 4) || random.chance(0.06));
  for (const [width, height] of chosen) {
    for (const format of FORMATS) {
      if (format === "yuyv" && width % 2 === 1) continue;
      for (const sampling of SAMPLING_NAMES) {
        const picture = gradient(width, height, random);
        const { source, decoded } = await roundTrip(picture, format, sampling, 90);
        const theirs = await decode(await reference(source, 90, sampling), source);
        const [ours, wanted] = [psnr(source, decoded), psnr(source, theirs)];
        const what = `${width}x${height} ${format} ${sampling}: ${ours.toFixed(2)} dB, theirs ${wanted.toFixed(2)} dB`;
        const chance = 100 / (width * height); // of a handful of pixels, one that is rounded otherwise tells
        assert.ok(ours > Math.min(wanted - 1 - chance, 45), `${what}, seed ${SEED}`);
      }
    }
  }
});

test("every quality from 1 to 100", async () => {
  const picture = crop(await photograph("cat"), 64, 48, 200, 150);
  let before = 0;
  for (let quality = 1; quality <= 100; quality++) {
    const { source, file, decoded } = await roundTrip(picture, "rgb565", "4:4:4", quality);
    const theirs = await reference(source, quality, "4:4:4");
    assert.deepEqual(quantisationTables(file), quantisationTables(theirs));
    const [ours, wanted] = [psnr(source, decoded), psnr(source, await decode(theirs, source))];
    assert.ok(ours > wanted - 0.3, `quality ${quality}: ${ours.toFixed(2)} dB, theirs ${wanted.toFixed(2)} dB`);
    assert.ok(ours > before - 1, `quality ${quality} is no worse than ${quality - 1}`);
    before = ours;
  }
});

test("flat colours come back as they were, noise as well as libjpeg-turbo has it", async () => {
  const random = new Random(SEED);
  for (const format of FORMATS) {
    for (const sampling of SAMPLING_NAMES) {
      for (const colour of [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 160, 200]]) {
        const { source, decoded } = await roundTrip(flat(40, 24, colour), format, sampling, 95);
        for (let i = 0; i < source.data.length; i++) {
          assert.ok(Math.abs(source.data[i] - decoded.data[i]) <= 4, `${colour} in ${format} ${sampling}`);
        }
      }
      for (const quality of [1, 10, 50, 85, 90, 95, 98, 100]) {
        const { source, decoded } = await roundTrip(noise(48, 40, random), format, sampling, quality);
        const theirs = await decode(await reference(source, quality, sampling), source);
        const [ours, wanted] = [psnr(source, decoded), psnr(source, theirs)];
        const what = `${format} ${sampling} quality ${quality}: ${ours.toFixed(2)} dB, theirs ${wanted.toFixed(2)} dB`;
        assert.ok(ours > Math.min(wanted - 1, 45), what);
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
        const frame: Frame = { pixels, width, height, format, sampling, quality: 85 };
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
      assert.ok(encoder.encode({ ...frame, quality: 20, headroom: HEADROOM }).file, "at a lower quality it fits");
      // Given just as much room as it needs, it fits; a byte less, and it does not.
      assert.deepEqual(encoder.encode({ ...frame, room: whole.length }).file, whole);
      const rooms = [0, 1, 300, 622, 623, 700, 5000, whole.length >> 1, whole.length - 2, whole.length - 1];
      for (const room of rooms) assert.equal(encoder.encode({ ...frame, room }).file, undefined, `${room} bytes`);
    }
  }
});

test("in place without headroom, small and large files either fit or are given up", async () => {
  const random = new Random(SEED);
  let fitted = 0;
  let givenUp = 0;
  for (let n = 0; n < 150; n++) {
    const [width, height] = [2 * random.between(1, 100), random.between(1, 120)];
    const format = FORMATS[random.between(0, 2)];
    const sampling = SAMPLING_NAMES[random.between(0, 1)];
    const quality = random.between(1, 100);
    const picture = random.chance(0.5) ? noise(width, height, random) : gradient(width, height, random);
    const pixels = pixelsOf(picture, format);
    const frame: Frame = { pixels, width, height, format, sampling, quality };
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
      const size = sampling === "4:2:0" ? 16 : 8;
      const rows = Math.ceil(height / size);
      const blocks = Math.ceil(width / size) * (sampling === "4:2:0" ? 6 : 3);
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
    const format = FORMATS[n % 3];
    const picture = gradient(2 * random.between(1, 40), random.between(1, 60), random);
    const { width, height } = picture;
    const sampling = SAMPLING_NAMES[random.between(0, 1)];
    return { pixels: pixelsOf(picture, format), width, height, format, sampling, quality: random.between(1, 100) };
  });
  const first = frames.map((frame) => encoder.encode(frame).file);
  for (let n = 0; n < 40; n++) {
    const which = random.between(0, frames.length - 1);
    assert.deepEqual(encoder.encode(frames[which]).file, first[which]);
  }
});
