/** The sensors that Node has models of, and what they look at. */

import { drawPattern } from "../scenes/pattern.ts";
import { findPhotos, loadPhoto } from "../scenes/photos.ts";
import { PATTERN } from "../scenes/file.ts";
import { BusSensor } from "./bus-sensor.ts";
import { Hm01b0 } from "./hm01b0.ts";
import type { SensorModel } from "./model.ts";
import { Ov2640Model } from "./ov2640.ts";
import { Ov5640Model } from "./ov5640.ts";
import { WanderingView } from "./view.ts";

const MODELS: Record<string, new () => SensorModel> = { ov5640: Ov5640Model, ov2640: Ov2640Model, hm01b0: Hm01b0 };

/** Their names, as `--sensor` takes them. */
export const SENSORS = Object.keys(MODELS);

/** Pictures in front of the lens are so large; sensors' arrays are larger, lenses are not that sharp. */
const VIEW_WIDTH = 1280;
const VIEW_HEIGHT = 960;

/**
 * A sensor on the bus that looks at a folder's photographs, or at the test pattern. @throws SceneError as a scene does
 */
export async function busSensor(name: string, scene: string): Promise<BusSensor> {
  const pictures =
    scene === PATTERN
      ? [drawPattern(VIEW_WIDTH, VIEW_HEIGHT, 0, 1)]
      : await Promise.all((await findPhotos(scene)).map((path) => loadPhoto(path, VIEW_WIDTH, VIEW_HEIGHT)));
  const view = new WanderingView(pictures.map(({ width, height, bytes }) => ({ width, height, rgb: bytes })));
  return new BusSensor(new MODELS[name](), view);
}
