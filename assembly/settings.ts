/**
 * Settings that the board keeps: the values of the controls, by their names, and what the soft sensor was given to
 * show. A value that makes no sense is named in the log and the default taken: a camera with a bad setting still shows
 * a picture. Those that begin with `control.` are not kept, but reach a camera of the board's own.
 */

import { SPACE, equals } from "./ascii";
import { Fault, Format, Level, settingGet, settingPut } from "./board";
import { Control, Controls, Kind } from "./controls";
import { beginLine, endLine } from "./journal";
import { CAMERA_CONTROLS_BYTES, FILE_PIXELS_MAX, HEIGHT_MAX, SETTING_BYTES, WIDTH_MAX } from "./limits";
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

/** Begins the name of a setting that is the camera's. */
function beginControl(): Writer {
  return begin(name, NAME_BYTES).text("control.");
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

/** Where frames come from. */
export enum SourceKind {
  SENSOR,
  /** Upstreams connect to us and send them. */
  PUSH,
  /** They are fetched from another camera. */
  PULL,
}

export function readSource(): SourceKind {
  if (!get("source") || is("sensor", 0)) return SourceKind.SENSOR;
  if (is("push", 0)) return SourceKind.PUSH;
  if (indexOf(0x3a) >= 0) return SourceKind.PULL;
  ignored("source");
  return SourceKind.SENSOR;
}

/** What the soft sensor shows: the one size and format of the board's scene, or one of those that a camera offers. */
export class Scene {
  width: i32 = 320;
  height: i32 = 240;
  format: Format = Format.RGB565;
}

export function readScene(): Scene {
  const scene = new Scene();
  // What makes no sense is named when the control reads it.
  if (get("size")) readSize(scene, valueLength, WIDTH_MAX, HEIGHT_MAX);
  if (get("format")) readFormat(scene, 0);
  return scene;
}

/**
 * Reads what the board's camera offers under number `n`, such as `640x480 jpeg`, to `scene`; the camera's own choice
 * comes first. What the module has no room for is passed on as 0x0.
 * @returns false where it offers no more, or is no camera, or is not known yet
 */
export function readMode(n: i32, scene: Scene): bool {
  valueLength = settingGet(name, begin(name, NAME_BYTES).text("mode.").integer(n).length, value, SETTING_BYTES);
  if (valueLength < 0) return false;
  scene.width = 0;
  scene.height = 0;
  const space = indexOf(0x20);
  const isFile = space >= 0 && is("jpeg", space + 1);
  // Of files the size does not matter, as long as they fit a slot.
  const widthMax = isFile ? FILE_PIXELS_MAX : WIDTH_MAX;
  if (readFormat(scene, space + 1)) readSize(scene, space, widthMax, isFile ? FILE_PIXELS_MAX : HEIGHT_MAX);
  if (scene.format == Format.YUYV && scene.width % 2 != 0) scene.width = 0;
  return true;
}

/** Where the word lies that was read last, and how long it is: 0 where there was none. */
let wordAt: usize = 0;
let wordLength: u32 = 0;
/** Bytes of a control's name at most. */
const CONTROL_BYTES_MAX: i32 = <i32>NAME_BYTES - 8;
/** Bytes that the camera's controls take in answers so far. */
let controlsBytes: u32 = 0;

/**
 * Reads what the board's camera has to set under number `n`, and makes a control of it, which is added to `found`:
 * `brightness number -64 64 0` (least, most, default, and maybe a unit), `auto_exposure switch on` (default) or
 * `white_balance choice auto auto manual` (default, then all). One that the module has already, or has no room for, or
 * that makes no sense, is left out.
 * @returns false where there are no more
 */
export function readControl(n: i32, controls: Controls, found: Control[]): bool {
  valueLength = settingGet(name, beginControl().integer(n).length, value, SETTING_BYTES);
  if (valueLength == Fault.MISSING) return false;
  if (valueLength < 0) return true;
  wordAt = value;
  wordLength = 0;
  const title = word();
  const kind = kindNamed(word());
  // What `/control` says of it, beside these words; of choices also what stands around each.
  const bytes = 84 + valueLength * (kind == Kind.CHOICE ? 2 : 1);
  let control = controls.named(title);
  if (!title.length || title.length > CONTROL_BYTES_MAX || kind < 0) return true;
  if (control && (control.available || control.kind != kind)) return true;
  if (controlsBytes + bytes > CAMERA_CONTROLS_BYTES) {
    beginLine().text("no room for the camera's control ").text(title);
    endLine(Level.WARNING);
    return true;
  }
  if (!control) control = controls.addFound(title, kind);
  if (!describeControl(control)) return true;
  controlsBytes += bytes;
  found.push(control);
  hearControl(control);
  return true;
}

/** Makes of a control what the rest of the value says. @returns whether that makes sense */
function describeControl(control: Control): bool {
  switch (control.kind) {
    case Kind.NUMBER: {
      control.least = i32.MIN_VALUE;
      control.most = i32.MAX_VALUE;
      let isNumber = true;
      const numbers = memory.data(12);
      for (let i: usize = 0; i < 3; i++) {
        nextWord();
        isNumber = isNumber && control.read(wordAt, wordLength);
        store<i32>(numbers + i * 4, control.wanted);
      }
      const least = load<i32>(numbers);
      const most = load<i32>(numbers, 4);
      const initial = load<i32>(numbers, 8);
      if (!isNumber || least > initial || initial > most) return false;
      control.unit = word();
      control.setRange(least, most, initial);
      return true;
    }
    case Kind.SWITCH:
      nextWord();
      control.setSwitch(equals(wordAt, wordLength, "on"));
      return true;
    default: {
      const initial = word();
      const choices: string[] = [];
      for (let choice = word(); choice.length; choice = word()) choices.push(choice);
      const place = choices.indexOf(initial);
      if (place < 0) return false;
      control.setChoices(choices, place);
      return true;
    }
  }
}

/**
 * Gives a control of the camera's the value that the camera has, as far as the board knows.
 * @returns whether that is another one
 */
export function hearControl(control: Control): bool {
  valueLength = settingGet(name, beginControl().text(control.name).length, value, SETTING_BYTES);
  if (valueLength <= 0 || !control.read(value, valueLength) || control.value == control.wanted) return false;
  control.value = control.wanted;
  return true;
}

/** Has the board bring its camera to a control's value: softSensorSet answers when it has, or could not. */
export function tellControl(control: Control): void {
  const nameLength = beginControl().text(control.name).length;
  const text = begin(value, SETTING_BYTES);
  control.write(control.value, text);
  settingPut(name, nameLength, value, text.length);
}

function kindNamed(name: string): i32 {
  if (name == "number") return Kind.NUMBER;
  if (name == "choice") return Kind.CHOICE;
  return name == "switch" ? Kind.SWITCH : -1;
}

/** The value's next word, or "". */
function word(): string {
  nextWord();
  return String.UTF8.decodeUnsafe(wordAt, wordLength);
}

/** Goes on to the value's next word. */
function nextWord(): void {
  const end = value + valueLength;
  wordAt += wordLength;
  while (wordAt < end && load<u8>(wordAt) == SPACE) wordAt++;
  wordLength = 0;
  while (wordAt + wordLength < end && load<u8>(wordAt + wordLength) != SPACE) wordLength++;
}

/** Reads a size, the value's characters up to `end`, where it makes sense. */
function readSize(scene: Scene, end: i32, widthMax: u32, heightMax: u32): void {
  const cross = indexOf(0x78);
  const width = number(0, cross);
  const height = cross < 0 ? -1 : number(cross + 1, end);
  if (width < 1 || width > <i32>widthMax || height < 1 || height > <i32>heightMax) return;
  scene.width = width;
  scene.height = height;
}

/** Reads a format, the value's characters from `start` on. @returns whether it makes sense */
function readFormat(scene: Scene, start: i32): bool {
  if (is("yuyv", start) && scene.width % 2 == 0) scene.format = Format.YUYV;
  else if (is("rgb565", start)) scene.format = Format.RGB565;
  else if (is("gray", start)) scene.format = Format.GRAY;
  else if (is("bayer", start)) scene.format = Format.BAYER;
  else if (is("jpeg", start)) scene.format = Format.JPEG;
  else return false;
  return true;
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

/** Whether the value, from `start` on, is `text`. */
function is(text: string, start: i32): bool {
  if (text.length != valueLength - start) return false;
  for (let i = 0; i < text.length; i++) if (load<u8>(value + start + i) != text.charCodeAt(i)) return false;
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
