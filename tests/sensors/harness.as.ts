/**
 * Runs one driver without the rest of the camera, for its tests: an entry beside this one for each chip says which. The
 * controls are reached by their place in `Controls.all`, values as numbers.
 */

import { Fault, captureStart, capturePoll, captureStop } from "../../assembly/board";
import { Control, Controls } from "../../assembly/controls";
import { Sensor } from "../../assembly/sensors/sensor";

const controls: Controls = new Controls();
let sensor: Sensor | null = null;

/** Makes the driver that is tested. */
export function choose(make: (controls: Controls) => Sensor): void {
  sensor = make(controls);
}

export function start(): void {
  sensor!.start();
}

/** The controls of the sensor, and those of the camera itself that a sensor's JPEG encoder may look at. */
export function describe(): void {
  sensor!.describe();
  controls.quality.setRange(1, 100, 85);
}

export function apply(): void {
  sensor!.apply();
}

export function run(now: i64): i32 {
  return sensor!.run(now);
}

export function wakeAt(): i64 {
  return sensor!.wakeAt;
}

export function interval(): i64 {
  return sensor!.interval;
}

function at(place: i32): Control {
  return controls.all[place];
}

export function controlCount(): i32 {
  return controls.all.length;
}

/** The control's name and, behind a colon, its choices with commas, as UTF-8; ends with a zero. */
export function describeControl(place: i32): usize {
  const control = at(place);
  return changetype<usize>(String.UTF8.encode(control.name + ":" + control.choices.join(","), true));
}

export function isAvailable(place: i32): bool {
  return at(place).available;
}

export function least(place: i32): i32 {
  return at(place).least;
}

export function most(place: i32): i32 {
  return at(place).most;
}

export function initial(place: i32): i32 {
  return at(place).initial;
}

export function value(place: i32): i32 {
  return at(place).value;
}

export function setValue(place: i32, value: i32): void {
  at(place).value = value;
}

/** Frames go here. */
const FRAME_BYTES: i32 = 1600 * 1200 * 2;
const frameMemory: usize = memory.data(FRAME_BYTES, 16);
const frameTime: usize = memory.data(8, 8);

export function frame(): usize {
  return frameMemory;
}

export function capture(): i32 {
  return captureStart(frameMemory, FRAME_BYTES);
}

/** As capturePoll; a frame is trimmed to its picture, as the capture task does. */
export function poll(): i32 {
  const length = capturePoll(frameTime, 8);
  return length > 0 ? sensor!.trim(frameMemory, length) : length;
}

export function stopCapture(): void {
  captureStop();
}

export function again(): i32 {
  return Fault.AGAIN;
}
