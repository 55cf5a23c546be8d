/** Photographs for the sensor to look at: a folder's JPEG and PNG files, decoded and scaled by sharp. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { Rgb } from "./pixels.ts";
import { SceneError } from "./scene-error.ts";

/** The project's own photographs; see SOURCES.md there. */
export const PHOTOS_FOLDER = fileURLToPath(new URL("photos", import.meta.url));

/** The paths of a folder's photographs, by name. */
export async function findPhotos(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch {
    throw new SceneError(`there is no folder ${folder}`);
  }
  const photos = names.filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  if (photos.length === 0) throw new SceneError(`no pictures (.jpg, .jpeg, .png) in ${folder}`);
  return photos.map((name) => join(folder, name));
}

/**
 * A folder's JPEG files as they are, by name, with numbers in it as numbers: `2.jpg` comes before `10.jpg`.
 * @returns them, and the size of the first
 */
export async function readFiles(folder: string): Promise<{ width: number; height: number; files: Buffer[] }> {
  const paths = (await findPhotos(folder)).filter((path) => /\.jpe?g$/i.test(path));
  if (paths.length === 0) throw new SceneError(`no JPEG files (.jpg, .jpeg) in ${folder}`);
  paths.sort((one, next) => one.localeCompare(next, "en", { numeric: true }));
  const { width, height, format } = await sharp(paths[0]).metadata().catch((error) => {
    throw new SceneError(`${paths[0]} is not a picture that can be read: ${firstLine(error)}`);
  });
  if (format !== "jpeg") throw new SceneError(`${paths[0]} is no JPEG file`);
  return { width, height, files: await Promise.all(paths.map((path) => readFile(path))) };
}

/** A photograph that covers `width` x `height`: scaled, and cut where its shape is another. */
export async function loadPhoto(path: string, width: number, height: number): Promise<Rgb> {
  try {
    const bytes = await sharp(path)
      .rotate() // as its EXIF data says
      .resize(width, height, { fit: "cover" })
      .flatten()
      .toColourspace("srgb")
      .raw()
      .toBuffer();
    return { width, height, bytes };
  } catch (error) {
    throw new SceneError(`${path} is not a picture that can be read: ${firstLine(error)}`);
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n")[0];
}
