/**
 * The encoder's files, decoded by libjpeg-turbo: every size, format, sampling and quality gives a faithful picture, and
 * never a byte where none belongs. How faithful 4:2:2 is needs another program: `jpeg-422.test.ts`.
 *
 * LONG=1 takes all sizes, qualities and pictures instead of a seeded sample; SEED=n another sample.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Random } from "../host/simulated/random.ts";
import { Encoder, SAMPLINGS, type Frame, type Sampling } from "./jpeg/encoder.ts";
import { type Kind, SEED, testFaithfulness } from "./jpeg/faithful.ts";
import { MCU, assertRestarts, intervalOf, intervalsOf, mcusOf } from "./jpeg/markers.ts";
import {
  FORMATS,
  benchPixels,
  decode,
  flat,
  gradient,
  noise,
  photograph,
  pictureOf,
  pixelsOf,
  psnr,
  reference,
  text,
} from "./jpeg/pictures.ts";

const HEADROOM = 1024; // bytes, as the camera has
const SAMPLING_NAMES = Object.keys(SAMPLINGS) as Sampling[];

/** Every format with every sampling; gray has no chroma. */
const KINDS: Kind[] = FORMATS.flatMap((format) => {
  const samplings: Sampling[] = format === "gray" ? ["4:4:4"] : SAMPLING_NAMES;
  return samplings.map((sampling) => ({ format, sampling }));
});

let encoder: Encoder;
before(async () => {
  encoder = await Encoder.load();
});

testFaithfulness(
  KINDS.filter(({ sampling }) => sampling !== "4:2:2"),
  reference,
);

test("a larger photograph, and the bench picture", async () => {
  const { source, decoded } = await encoder.roundTrip(await photograph("coffee"), "rgb565", "4:2:0", 85);
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

test("flat colours come back as they were", async () => {
  for (const { format, sampling } of KINDS) {
    for (const colour of [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 160, 200]]) {
      for (const quality of [90, 95]) {
        const { source, decoded } = await encoder.roundTrip(flat(40, 24, colour), format, sampling, quality);
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
