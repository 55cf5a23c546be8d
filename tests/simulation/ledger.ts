/**
 * What should be, kept beside the camera: which frames the sensor delivered, in what order they were published, what
 * the controls say, and which file a frame therefore is. It learns from the sensor and from what the camera answers,
 * and says where the two do not agree.
 */

import { Format } from "../../host/board-table.ts";
import type { Scene } from "../../host/scenes/file.ts";
import { SECOND } from "../../host/simulated/timeline.ts";
import type { SimulatedSensor } from "../../host/simulated/sensor.ts";
import type { SimulatedChip } from "./chip.ts";
import { type Files, tablesOf } from "./files.ts";

/** A frame that the sensor delivered whole. */
export type Shot = {
  /** The time that came with it, µs. */
  time: number;
  /** The module's step in which it was delivered. */
  step: number;
  /** Counts them from 1, anew with each start of the module: its sequence number but for those given up before it. */
  index: number;
  start: number;
  /** Which picture it is. */
  key: string;
  bytes: () => Uint8Array;
};

/** Controls by name, as people write them. */
export type Values = Record<string, string>;

/** Values that may have been in force, from when to when. */
export type Era = {
  from: number;
  until: number;
  values: Values;
  /** Of a request that may still be carried out: what it sets. */
  pending?: Values;
};

/** What the controls say if nobody says otherwise. */
const DEFAULTS: Values = {
  quality: "85",
  sampling: "4:2:0",
  fps: "30",
  frame_bytes: "0",
  byte_rate: "0",
  restart_interval: "0",
  mirror: "off",
  flip: "off",
};
/** Those that the chip has beside them. The soft sensor has only what its settings say. */
const CHIP_DEFAULTS: Values = { size: "320x240", format: "rgb565" };
/** By the names that people write. */
export const FORMATS: { [name: string]: Format } = {
  gray: Format.GRAY,
  rgb565: Format.RGB565,
  yuyv: Format.YUYV,
  jpeg: Format.JPEG,
  bayer: Format.BAYER,
};
/** How long after a change frames of the old kind may still come, beside the time from frame to frame; µs. */
const LINGER = SECOND / 2;
/** Up to this quality no file overtakes its pixels in our scenes. */
const QUALITY_SAFE = 70;
/** Frames in a row that are given up at most, until one of a lower quality fits. */
const OVERFLOWS = 10;

export class Ledger {
  readonly shots: Shot[] = [];
  /** The present start of the module, counted from 0. */
  start = 0;
  /** Kept settings: what the module will find when it starts anew. */
  kept: Values;
  /** Whether `kept` can't be told, as an answer got lost. */
  isKeptUnsure = false;
  /** Whether `values` is all that the controls can be. */
  isSure = true;
  #toldAt = -1;
  readonly #byTime = new Map<number, Shot>();
  readonly #files: Files;
  readonly #sensor: SimulatedSensor | SimulatedChip;
  readonly #scene: Scene | undefined;
  readonly #sceneName: string;
  readonly #defaults: Values;
  #eras: Era[] = [];
  #mayOverflow = false;
  /** Frames whose numbers are known, in order: how many had been given up before each. */
  #numbered: { index: number; given: number }[] = [];
  #seen = 0;
  #index = 0;
  /** By the tables in a file: its quality. For the controls that adapt it. */
  readonly #qualities = new Map<string, number>();

  /** @param scene what the soft sensor shows; undefined where there is a chip */
  constructor(files: Files, sensor: SimulatedSensor | SimulatedChip, scene: Scene | undefined, settings: Values) {
    this.#files = files;
    this.#sensor = sensor;
    this.#scene = scene;
    this.#sceneName = scene ? `${scene.width}x${scene.height} ${scene.format}` : "chip";
    this.kept = settings;
    this.#defaults = scene ? DEFAULTS : { ...DEFAULTS, ...CHIP_DEFAULTS };
    this.#begin({ from: 0, until: Infinity, values: { ...this.#defaults, ...settings } });
  }

  // --- Frames

  /** Takes note of what the sensor has delivered by now. */
  follow(step: number): void {
    const { captures } = this.#sensor;
    for (; this.#seen < captures.length; this.#seen++) {
      const capture = captures[this.#seen];
      const picture = this.#pictureOf(capture);
      const shot = { time: capture.time, step, index: ++this.#index, start: this.start, ...picture };
      this.shots.push(shot);
      this.#byTime.set(shot.time, shot);
    }
  }

  #pictureOf(capture: SimulatedSensor["captures"][number] | SimulatedChip["captures"][number]) {
    if ("drawn" in capture) {
      return { key: `chip ${capture.drawn.id}`, bytes: () => capture.drawn.bytes };
    }
    const scene = this.#scene!;
    const frame = capture.frame % scene.frames;
    return { key: `${this.#sceneName} ${frame}`, bytes: () => scene.frame(frame) };
  }

  at(time: number): Shot | undefined {
    return this.#byTime.get(time);
  }

  /** The first that was delivered after the one of `time`. */
  after(time: number): Shot | undefined {
    let at = this.shots.length;
    while (at > 0 && this.shots[at - 1].time > time) at--;
    return this.shots[at];
  }

  get last(): Shot | undefined {
    return this.shots.at(-1);
  }

  /** The newest of this start that was delivered in `step` or before. */
  newestBy(step: number): Shot | undefined {
    for (let i = this.shots.length - 1; i >= 0 && this.shots[i].start === this.start; i--) {
      if (this.shots[i].step <= step) return this.shots[i];
    }
    return undefined;
  }

  /** Frames delivered since the module's start. */
  get delivered(): number {
    return this.#index;
  }

  /** What is wrong with a frame that was sent, in words. */
  problemOf(sequence: number, timestamp: number, jpeg: Buffer): string | undefined {
    const shot = this.#byTime.get(timestamp);
    if (!shot || shot.start !== this.start) return `frame ${sequence} has the time ${timestamp}: nothing was captured`;
    if (!this.#isNumberOf(shot, sequence)) return `the frame of ${timestamp}, number ${shot.index}, is ${sequence}`;
    for (const values of this.#valuesAround(shot.time)) if (this.#isFileOf(shot, values, jpeg)) return undefined;
    return `frame ${sequence} is not, byte for byte, what was captured at ${timestamp}`;
  }

  #isFileOf(shot: Shot, values: Values, jpeg: Buffer): boolean {
    const format = FORMATS[values.format];
    const bytes = shot.bytes();
    if (format === Format.JPEG) {
      const end = bytes.length > 4 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).lastIndexOf(END) : -1;
      return end > 0 && jpeg.equals(bytes.subarray(0, end + 2));
    }
    const [width, height] = values.size.split("x").map(Number);
    if (bytes.length !== width * height * (format === Format.GRAY || format === Format.BAYER ? 1 : 2)) return false;
    const quality = this.#mayOverflow ? this.#qualityOf(jpeg) : Number(values.quality);
    if (!isAdaptive(values) && quality > Number(values.quality)) return false;
    if (quality === 0) return false;
    const picture = { width, height, format, pixels: bytes };
    const restart = Number(values.restart_interval);
    return this.#files.file(`${shot.key} ${values.format}`, picture, values.sampling, quality, restart).equals(jpeg);
  }

  /**
   * Whether a frame may have that number: each one that was given up before it, as its file would have overtaken its
   * pixels, makes it one less.
   */
  #isNumberOf(shot: Shot, sequence: number): boolean {
    const given = shot.index - sequence;
    if (given === 0 && !this.#mayOverflow) return true;
    if (given < 0 || !this.#mayOverflow) return false;
    let at = this.#numbered.length;
    while (at > 0 && this.#numbered[at - 1].index >= shot.index) at--;
    const after = this.#numbered[at];
    if (after?.index === shot.index) return after.given === given;
    const before = this.#numbered[at - 1] ?? { index: 0, given: 0 };
    if (given < before.given || given - before.given >= shot.index - before.index) return false;
    if (after && (after.given < given || after.given - given >= after.index - shot.index)) return false;
    this.#numbered.splice(at, 0, { index: shot.index, given });
    return true;
  }

  /** The least sequence number that the newest frame must have once `shot` was dealt with. */
  leastSequence(shot: Shot): number {
    return this.#mayOverflow ? shot.index - (this.#numbered.at(-1)?.given ?? 0) - OVERFLOWS : shot.index;
  }

  /** Whether frames may be given up: the encoder may be told to make files larger than their pixels. */
  get mayOverflow(): boolean {
    return this.#mayOverflow;
  }

  #qualityOf(jpeg: Buffer): number {
    if (this.#qualities.size === 0) {
      const pixels = new Uint8Array(64);
      const picture = { width: 8, height: 8, format: Format.GRAY, pixels };
      for (let quality = 100; quality >= 1; quality--) {
        this.#qualities.set(tablesOf(this.#files.file("plain", picture, "4:4:4", quality)), quality);
      }
    }
    return this.#qualities.get(tablesOf(jpeg)) ?? 0;
  }

  // --- Controls

  /** The module has started anew. */
  restarted(now: number, settings: (name: string) => string | undefined): void {
    this.start++;
    this.#index = 0;
    this.isSure = true;
    if (this.isKeptUnsure) {
      for (const name of [...Object.keys(DEFAULTS), "size", "format"]) {
        const value = settings(name);
        if (value === undefined) delete this.kept[name];
        else this.kept[name] = value;
      }
      this.isKeptUnsure = false;
    }
    for (const era of this.#eras) {
      era.until = Math.min(era.until, now);
      era.pending = undefined;
    }
    this.#mayOverflow = false;
    this.#numbered = [];
    this.#begin({ from: now, until: Infinity, values: { ...this.#defaults, ...this.kept } });
  }

  /** @param place where among the eras: the last is the one that holds for sure */
  #begin(era: Era, place = this.#eras.length): void {
    this.#eras.splice(place, 0, era);
    this.#mayOverflow ||= isAdaptive(era.values) || Number(era.values.quality) > QUALITY_SAFE;
  }

  /** What the controls say; where that is not sure, what they said last for sure. */
  get values(): Values {
    return this.#eras.at(-1)!.values;
  }

  /** The module has a request to set them: from now on it may have been carried out. */
  maybeSet(sets: Values, from: number): Era {
    if (!this.isSure) {
      // They may be any that they were set to, and these then come on top.
      const bases = this.#eras.filter(({ until, pending }) => until === Infinity && !pending);
      const all = new Set(bases.map(({ values }) => JSON.stringify({ ...values, ...sets })));
      for (const values of all) this.#begin({ from, until: Infinity, values: JSON.parse(values) }, -1);
    }
    const era: Era = { from, until: Infinity, values: { ...this.values, ...sets }, pending: sets };
    this.#begin(era, -1);
    return era;
  }

  /** The camera says what they are, since `from` at the earliest. @returns what is wrong with that, in words */
  told(json: string, sets: Values | undefined, from: number, now: number, isSure: boolean): string | undefined {
    const values: Values = {};
    for (const { name, value } of JSON.parse(json).controls) {
      if (name in DEFAULTS || name === "size" || name === "format") {
        values[name] = value === true ? "on" : value === false ? "off" : String(value);
      }
    }
    const isFound = this.#index > 0;
    const isKnown = isSure && this.isSure && isFound && from > this.#toldAt;
    for (const [name, value] of Object.entries({ ...(isKnown ? this.values : {}), ...sets })) {
      if (values[name] !== undefined && values[name] !== value) return `${name} is ${values[name]}, not ${value}`;
    }
    if (from <= this.#toldAt || !isFound) {
      // It may have waited behind a younger answer, which then holds; or the sensor is not found yet, whose controls
      // are not there, and then all become what is kept.
      this.isSure = false;
      const all = { ...this.values, ...values };
      this.#begin({ from, until: Infinity, values: all }, this.#eras.length - 1);
      // What is still asked for may be carried out before these, or after.
      for (const { pending } of this.#eras.filter((era) => era.pending)) {
        this.#begin({ from, until: Infinity, values: { ...all, ...pending } }, this.#eras.length - 1);
      }
      return undefined;
    }
    this.isSure = isSure;
    this.#toldAt = now;
    const all = { ...this.values, ...values };
    for (const era of [...this.#eras]) {
      if (era.pending) {
        // It may have been carried out before these were, which it is then not seen in any more.
        this.#begin({ from: era.from, until: now + LINGER, values: era.values }, 0);
        era.values = { ...all, ...era.pending };
      } else era.until = Math.min(era.until, now + LINGER);
    }
    this.#eras = this.#eras.filter(({ until }) => until > now - 20 * SECOND);
    this.#begin({ from, until: Infinity, values: all });
    return undefined;
  }

  /** The camera says that it has kept them, asked at `since`. */
  saved(since: number, isSure: boolean): void {
    if (!isSure || !this.isSure || since <= this.#toldAt) this.isKeptUnsure = true;
    for (const [name, value] of Object.entries(this.values)) {
      if (this.#scene && (name === "size" || name === "format")) continue; // it has no choice: nothing is kept
      if (value === this.#defaults[name]) delete this.kept[name];
      else this.kept[name] = value;
    }
  }

  /** Whether nothing has been set for `duration`. */
  isSettled(now: number, duration: number): boolean {
    return this.#eras.every(({ from, until }) => now - from > duration || until < now - duration);
  }

  /** The longest time from frame to frame that may be in force, µs. */
  get interval(): number {
    const eras = this.#eras.slice(-4);
    return SECOND / Math.min(...eras.map(({ values }) => Number(values.fps)));
  }

  /** All values that may have been in force when a frame of `time` became a file. */
  *#valuesAround(time: number): Generator<Values> {
    const reach = LINGER + 2 * this.interval;
    for (let i = this.#eras.length - 1; i >= 0; i--) {
      const { from, until, values } = this.#eras[i];
      if (from <= time + reach && until >= time - reach) yield values;
    }
  }

  /** Whether `isSo` holds of any of the values that may be in force now. */
  mayBe(now: number, isSo: (values: Values) => boolean): boolean {
    for (const values of this.#valuesAround(now)) if (isSo(values)) return true;
    return false;
  }
}

/** Whether the camera chooses the quality by itself. */
export function isAdaptive(values: Values): boolean {
  return values.frame_bytes !== "0" || values.byte_rate !== "0";
}

/** The marker at a file's end. */
const END = Buffer.from([0xff, 0xd9]);
