/**
 * Settings that the board keeps: the values of the controls, by their names, and what the soft sensor was given to
 * show. A value that makes no sense is named in the log and the default taken: a camera with a bad setting still shows
 * a picture.
 */

import { Fault, Format, Level, settingGet, settingPut } from "./board";
import { Control, Controls } from "./controls";
import { beginLine, endLine } from "./journal";
import { HEIGHT_MAX, SETTING_BYTES, WIDTH_MAX } from "./limits";
import { Writer } from "./writer";

const NAME_BYTES: u32 = 64;
const name: usize = memory.data(<i32>NAME_BYTES);
const value: usize = memory.data(<i32>SETTING_BYTES);
let valueLength: i32 = 0;
/** Made when it is first wanted: asc can't compile a global that is a Writer, whose asserts want the journal's. */
let textWriter: Writer | null = null;

function begin(address: usize, length: u32): Writer {
  if (!textWriter) textWriter = new Writer();
  return textWriter!.begin(address, length);
}

/** Where the value lies that was read last. */
export const settingValue: usize = value;

/** Reads a setting to {@link settingValue}. @returns its length, MISSING, or REFUSED where it is too long */
export function readSetting(key: string): i32 {
  const nameLength = begin(name, NAME_BYTES).text(key).length;
  return settingGet(name, nameLength, value, SETTING_BYTES);
}

/** Has the board keep a setting, none of it where `length` is 0. @returns whether it could */
export function putSetting(key: string, at: usize, length: u32): bool {
  const nameLength = begin(name, NAME_BYTES).text(key).length;
  return settingPut(name, nameLength, at, length) == 0;
}

/**
 * Gives each control that the camera has the value that the board keeps for it, if it keeps one; but only the first
 * time, so that what was set while the sensor was looked for stays.
 */
export function readSettings(controls: Controls): void {
  for (let i = 0; i < controls.all.length; i++) {
    const control = controls.all[i];
    if (!control.available || control.isRead) continue;
    control.isRead = true;
    if (!get(control.name)) continue;
    if (control.read(value, valueLength)) control.value = control.wanted;
    else ignored(control.name);
  }
}

/** Has the board keep what differs from the defaults. @returns whether it could */
export function keepSettings(controls: Controls): bool {
  for (let i = 0; i < controls.all.length; i++) {
    const control = controls.all[i];
    // Where there is no choice there is nothing to keep: the soft sensor's size is its scene's.
    if (!control.available || control.least == control.most) continue;
    if (!put(control)) return false;
  }
  return true;
}

/** What the soft sensor shows: the board's scene has one size and one format. */
export class Scene {
  width: i32 = 320;
  height: i32 = 240;
  format: Format = Format.RGB565;
}

export function readScene(): Scene {
  const scene = new Scene();
  if (get("size")) {
    const cross = indexOf(0x78);
    const width = number(0, cross);
    const height = cross < 0 ? -1 : number(cross + 1, valueLength);
    // What makes no sense is named when the control reads it.
    if (width >= 1 && width <= <i32>WIDTH_MAX && height >= 1 && height <= <i32>HEIGHT_MAX) {
      scene.width = width;
      scene.height = height;
    }
  }
  if (get("format")) {
    if (is("yuyv") && scene.width % 2 == 0) scene.format = Format.YUYV;
    else if (is("gray")) scene.format = Format.GRAY;
    else if (is("bayer")) scene.format = Format.BAYER;
    else if (is("jpeg")) scene.format = Format.JPEG;
  }
  return scene;
}

/** Reads the setting `key` to `value`. @returns whether somebody set it */
function get(key: string): bool {
  const length = readSetting(key);
  valueLength = max(length, 0);
  if (length >= 0) return true;
  if (length != Fault.MISSING) ignored(key);
  return false;
}

/** A default is not kept, so that a later version may have a better one. */
function put(control: Control): bool {
  const text = begin(value, SETTING_BYTES);
  if (control.value != control.initial) control.write(control.value, text);
  return putSetting(control.name, value, text.length);
}

function ignored(key: string): void {
  beginLine().text("setting ignored, its value makes no sense: ").text(key);
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
