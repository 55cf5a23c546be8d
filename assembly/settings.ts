/**
 * What people may set, read from the board at start, each with its default and its bounds. A value that makes no sense
 * is named in the log and the default taken: a camera with a bad setting still shows a picture.
 */

import { Fault, Format, Level, settingGet } from "./board";
import { beginLine, endLine } from "./journal";
import { Sampling } from "./jpeg/encoder";
import { HEIGHT_MAX, WIDTH_MAX } from "./limits";

export class Settings {
  /** Pixels a row, 1 to WIDTH_MAX. `size`, such as `320x240`. */
  width: i32 = 320;
  /** Rows, 1 to HEIGHT_MAX. */
  height: i32 = 240;
  /** `format`: `rgb565`, `yuyv` or `gray`. */
  format: Format = Format.RGB565;
  /** `sampling` of the chroma: `4:2:0` or `4:4:4`. */
  sampling: Sampling = Sampling.S420;
  /** `quality` of the JPEG files on the IJG scale, 1 to 100. */
  quality: i32 = 85;
  /** `fps`, frames a second at most, 1 to 120. */
  fps: i32 = 30;
}

const VALUE_BYTES: i32 = 64;
const value = memory.data(VALUE_BYTES);
let valueLength: i32 = 0;

/** Reads every setting from the board. */
export function readSettings(): Settings {
  const settings = new Settings();
  if (get("size")) {
    const cross = indexOf(0x78);
    const width = number(0, cross);
    const height = cross < 0 ? -1 : number(cross + 1, valueLength);
    if (width < 1 || width > <i32>WIDTH_MAX || height < 1 || height > <i32>HEIGHT_MAX) ignored("size");
    else {
      settings.width = width;
      settings.height = height;
    }
  }
  if (get("format")) {
    if (is("rgb565")) settings.format = Format.RGB565;
    else if (is("yuyv") && settings.width % 2 == 0) settings.format = Format.YUYV;
    else if (is("gray")) settings.format = Format.GRAY;
    else ignored("format");
  }
  if (get("sampling")) {
    if (is("4:2:0")) settings.sampling = Sampling.S420;
    else if (is("4:4:4")) settings.sampling = Sampling.S444;
    else ignored("sampling");
  }
  if (get("quality")) {
    const quality = number(0, valueLength);
    if (quality < 1 || quality > 100) ignored("quality");
    else settings.quality = quality;
  }
  if (get("fps")) {
    const fps = number(0, valueLength);
    if (fps < 1 || fps > 120) ignored("fps");
    else settings.fps = fps;
  }
  return settings;
}

/** Reads the setting `name` to `value`. @returns whether somebody set it */
function get(name: string): bool {
  const bytes = String.UTF8.encode(name);
  const length = settingGet(changetype<usize>(bytes), bytes.byteLength, value, VALUE_BYTES);
  valueLength = length < 0 ? 0 : length;
  if (length >= 0) return true;
  if (length != Fault.MISSING) ignored(name);
  return false;
}

function ignored(name: string): void {
  beginLine().text("setting ignored, its value makes no sense: ").text(name);
  endLine(Level.WARNING);
}

function is(text: string): bool {
  if (text.length != valueLength) return false;
  for (let i = 0; i < valueLength; i++) if (load<u8>(value + i) != text.charCodeAt(i)) return false;
  return true;
}

function indexOf(character: u8): i32 {
  for (let i = 0; i < valueLength; i++) if (load<u8>(value + i) == character) return i;
  return -1;
}

/** The decimal number in the value's characters from `start` to before `end`, or -1. At most 6 digits. */
function number(start: i32, end: i32): i32 {
  if (end - start < 1 || end - start > 6) return -1;
  let number = 0;
  for (let i = start; i < end; i++) {
    const digit = <i32>load<u8>(value + i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
