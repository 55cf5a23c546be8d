/**
 * How faithful the encoder's files are, beside those of libjpeg-turbo's own encoder with the same tables: tests for
 * each format and sampling that a reference can be had for.
 */

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Random } from "../../host/simulated/random.ts";
import { Encoder, type Frame, type Sampling } from "./encoder.ts";
import { assertRestarts, mcusOf, quantisationTables } from "./markers.ts";
import {
  PHOTOGRAPHS,
  type Format,
  type Picture,
  crop,
  decode,
  flat,
  gradient,
  noise,
  photograph,
  pictureOf,
  pixelsOf,
  psnr,
  resized,
  text,
} from "./pictures.ts";

/** LONG=1 takes all sizes, qualities and pictures instead of a seeded sample; SEED=n another sample. */
const LONG = process.env.LONG === "1";
export const SEED = Number(process.env.SEED ?? 20261121);
const TENS = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];

export type Kind = { format: Format; sampling: Sampling };

/** What libjpeg-turbo's own encoder makes of a picture with the standard tables. */
export type Reference = (picture: Picture, quality: number, sampling: Sampling) => Promise<Buffer>;

/** How faithful our file of a picture is, and libjpeg-turbo's with the same tables. */
async function compare(
  encoder: Encoder,
  reference: Reference,
  picture: Picture,
  { format, sampling }: Kind,
  quality: number,
  name: string,
) {
  const { source, file, decoded } = await encoder.roundTrip(picture, format, sampling, quality);
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

/** Pictures of any size, by their names. */
const PICTURES: ((width: number, height: number, random: Random) => [string, Picture])[] = [
  (width, height, random) => ["gradient", gradient(width, height, random)],
  (width, height, random) => ["noise", noise(width, height, random)],
  (width, height) => ["text", text(width, height)],
  (width, height, random) => ["flat", flat(width, height, [1, 2, 3].map(() => random.between(0, 255)))],
];

/** Declares the tests. */
export function testFaithfulness(kinds: Kind[], reference: Reference): void {
  let encoder: Encoder;
  before(async () => {
    encoder = await Encoder.load();
  });

  test("photographs are as faithful as libjpeg-turbo's, within 0.3 dB", async (t) => {
    const random = new Random(SEED);
    for (const name of PHOTOGRAPHS) {
      const picture = crop(await photograph(name), 320, 240, 100, 80);
      for (const kind of kinds) {
        const some = [85, random.pick([10, 50, 90, 93, 94, 95])];
        for (const quality of LONG ? [...TENS.slice(0, -1), 85, 92, 93, 94, 95] : some) {
          const { ours, theirs, what, bytes } = await compare(encoder, reference, picture, kind, quality, name);
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
      for (const kind of LONG ? kinds : [random.pick(kinds)]) {
        for (const quality of LONG ? (width > 640 ? [10, 85] : [10, 50, 85, 90, 95]) : [85]) {
          const { ours, theirs, what } = await compare(encoder, reference, picture, kind, quality, name);
          assert.ok(ours > theirs - 0.3, what);
        }
      }
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
      for (const kind of kinds) {
        const { format, sampling } = kind;
        if (format === "yuyv" && width % 2 === 1) continue;
        // Each size meets other qualities and pictures, so that all of them meet all kinds.
        const quality = random.pick(TENS);
        // A line of text says the same again and again: one coefficient that is rounded otherwise is then many.
        const pictures = Math.max(width, height) > 40 ? PICTURES.slice(0, 2) : PICTURES;
        const [name, picture] = random.pick(pictures)(width, height, random);
        const comparison = await compare(encoder, reference, picture, kind, quality, name);
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
    for (const kind of LONG ? kinds : [random.pick(kinds)]) {
      let before = 0;
      for (let quality = 1; quality <= 100; quality++) {
        const { ours, theirs, what } = await compare(encoder, reference, picture, kind, quality, "cat");
        assert.ok(ours > Math.min(theirs - 0.3, 45), what);
        assert.ok(ours > before - 1, `${what}: no worse than the quality before, ${before.toFixed(2)} dB`);
        before = ours;
      }
    }
  });

  test("noise, text and flat colours are as libjpeg-turbo has them, within 1 dB", async () => {
    const random = new Random(SEED);
    for (const kind of kinds) {
      for (const quality of TENS) {
        for (const make of LONG ? PICTURES : [random.pick(PICTURES)]) {
          const [name, picture] = make(48, 40, random);
          assertFaithful(await compare(encoder, reference, picture, kind, quality, name), name);
        }
      }
    }
  });
}
