/**
 * What models of sensors look at: a scene's photographs (or a test picture), large, panned slowly by time. Points
 * outside of the picture show its edge.
 */

import type { View } from "./model.ts";

/** Red, green and blue of each pixel, in rows. */
export type Picture = { width: number; height: number; rgb: Uint8Array };

/** How far the lens wanders, as a share of the picture. */
const WANDER = 0.04;
/** µs for once round. */
const ROUND = 20_000_000;
/** µs that each picture is looked at. */
const EACH = 10_000_000;

/** A still picture, which fills the sensor's array just so. */
export class StillView implements View {
  readonly width: number;
  readonly height: number;
  readonly #rgb: Uint8Array;

  constructor({ width, height, rgb }: Picture) {
    this.width = width;
    this.height = height;
    this.#rgb = rgb;
  }

  sample(xs: Float64Array, ys: Float64Array, _time: number, to: Uint8Array): void {
    const { width, height } = this;
    const rgb = this.#rgb;
    const columns = Array.from(xs, (x) => 3 * Math.min(width - 1, Math.max(0, Math.floor(x * width))));
    let at = 0;
    for (const y of ys) {
      const row = 3 * width * Math.min(height - 1, Math.max(0, Math.floor(y * height)));
      for (const column of columns) {
        to[at++] = rgb[row + column];
        to[at++] = rgb[row + column + 1];
        to[at++] = rgb[row + column + 2];
      }
    }
  }
}

/** Several pictures, one after another, looked at by a lens that wanders. */
export class WanderingView implements View {
  readonly width: number;
  readonly height: number;
  readonly #views: StillView[];

  constructor(pictures: Picture[]) {
    this.#views = pictures.map((picture) => new StillView(picture));
    this.width = pictures[0].width;
    this.height = pictures[0].height;
  }

  sample(xs: Float64Array, ys: Float64Array, time: number, to: Uint8Array): void {
    const view = this.#views[Math.floor(time / EACH) % this.#views.length];
    const angle = (2 * Math.PI * time) / ROUND;
    const x = WANDER * (1 + Math.cos(angle));
    const y = WANDER * (1 + Math.sin(angle));
    const scale = 1 - 2 * WANDER;
    view.sample(xs.map((share) => x + share * scale), ys.map((share) => y + share * scale), time, to);
  }
}
