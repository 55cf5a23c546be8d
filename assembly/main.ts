/**
 * What the camera is made of: its tasks and its routes. This is the place to add your own: make a task (a class that
 * extends Task, see docs/architecture.md for an example) or a route in {@link start}, and it takes its turns.
 */

import { Capture } from "./capture";
import { Controls } from "./controls";
import { Outlet } from "./fleet";
import { Access, Guard } from "./http/access";
import { CAMERA_PATH, sendCamera, sendCameras, sendDashboard } from "./http/cameras";
import { Connection } from "./http/connection";
import { PAGE, PAGE_BYTES, PAGE_GZIP, PAGE_GZIP_BYTES, PAGE_POLICY } from "./generated/page";
import { sendLog } from "./http/log";
import { saveControls, sendControls, setControls } from "./http/control";
import { sendNames, setNames, setSecrets } from "./http/secret";
import { Server } from "./http/server";
import { sendState } from "./http/state";
import { RESTART_MAX, Sampling } from "./jpeg/encoder";
import { JPEG_BYTES_MAX, SLOTS, SLOT_BYTES } from "./limits";
import { Pull } from "./relay/pull";
import { Push } from "./relay/push";
import { Pusher } from "./relay/pusher";
import { Hm01b0 } from "./sensors/hm01b0";
import { Ov2640 } from "./sensors/ov2640";
import { Ov5640 } from "./sensors/ov5640";
import { Sensor } from "./sensors/sensor";
import { SoftSensor } from "./sensors/soft";
import { SourceKind, readScene, readSettings, readSource } from "./settings";
import { Slots } from "./slot";
import { Source } from "./source";

const HTTP_PORT: u32 = 80;
/** Where upstreams connect to. */
const PUSH_PORT: u32 = 9999;

const slotMemory = memory.data(SLOTS * <i32>SLOT_BYTES, 16);

/** Makes all tasks. They begin with the first step. */
export function start(): void {
  const slots = new Slots(slotMemory);
  const controls = new Controls();
  const guard = new Guard();
  const source = makeSource(controls, slots, guard);
  new Outlet(slots, source);
  const server = new Server(HTTP_PORT, source, slots, guard);
  const pusher = new Pusher(source, slots);
  if (pusher.isOn) server.keepPusher(pusher);

  server.route("/", "action=stream", Access.VIEWER, stream);
  server.route("/", "action=snapshot", Access.VIEWER, snapshot);
  server.route("/", "", Access.VIEWER, page);
  server.route("/stream.jpg", "", Access.VIEWER, stream);
  server.route("/stream", "", Access.VIEWER, stream);
  server.route("/video_feed", "", Access.VIEWER, stream);
  server.route("/ws", "", Access.VIEWER, webSocket);
  server.route("/snapshot.jpg", "", Access.VIEWER, snapshot);
  server.route("/state", "", Access.VIEWER, sendState);
  server.route("/dashboard", "", Access.VIEWER, sendDashboard);
  server.route("/cameras", "", Access.VIEWER, sendCameras);
  server.route(CAMERA_PATH, "", Access.VIEWER, sendCamera);
  server.route("/log", "", Access.ADMIN, sendLog);
  server.route("/control", "", Access.VIEWER, sendControls);
  server.post("/control", Access.ADMIN, setControls);
  server.post("/control/save", Access.ADMIN, saveControls);
  server.post("/secret", Access.ADMIN, setSecrets);
  server.route("/access", "", Access.ADMIN, sendNames);
  server.post("/access", Access.ADMIN, setNames);
}

/** What the setting `source` asks for. */
function makeSource(controls: Controls, slots: Slots, guard: Guard): Source {
  switch (readSource()) {
    case SourceKind.PUSH:
      return new Push(PUSH_PORT, controls, slots, guard);
    case SourceKind.PULL:
      return new Pull(controls, slots);
    default:
      return makeCapture(controls, slots);
  }
}

function makeCapture(controls: Controls, slots: Slots): Capture {
  controls.quality.setRange(1, 100, 85);
  controls.sampling.setChoices(["4:4:4", "4:2:0", "4:2:2"], Sampling.S420);
  controls.restart.setRange(0, RESTART_MAX, 0);
  controls.frameBytes.setRange(0, JPEG_BYTES_MAX, 0);
  controls.byteRate.setRange(0, 100_000_000, 0);
  readSettings(controls);
  const sensors: Sensor[] = [
    new Ov5640(controls),
    new Ov2640(controls),
    new Hm01b0(controls),
    new SoftSensor(controls, readScene()),
  ];
  return new Capture(controls, sensors, slots);
}

function page(connection: Connection, _server: Server, now: i64): void {
  const type = "text/html; charset=utf-8";
  const isZipped = connection.parser.acceptsGzip;
  if (isZipped) connection.sendBytes(type, "gzip", PAGE_POLICY, PAGE_GZIP, PAGE_GZIP_BYTES, now);
  else connection.sendBytes(type, "", PAGE_POLICY, PAGE, PAGE_BYTES, now);
}

function stream(connection: Connection, _server: Server, now: i64): void {
  connection.sendStream(now);
}

function webSocket(connection: Connection, _server: Server, now: i64): void {
  connection.becomeWebSocket(now);
}

function snapshot(connection: Connection, _server: Server, now: i64): void {
  connection.sendSnapshot(now);
}
