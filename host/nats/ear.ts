/**
 * Which cameras there are at a NATS server, for the dashboard: each says so itself, once a second. A camera's picture
 * is fetched when somebody looks at it, one frame at a time.
 */

import type { NatsConnection } from "@nats-io/transport-node";
import { Fault } from "../board-table.ts";
import type { HeardCamera } from "../fleet.ts";
import type { Link } from "./link.ts";
import { type FrameFacts, infoSubject, jpegSubject, readFacts } from "./message.ts";
import { isCameraName } from "./plan.ts";

/** Cameras that are known at once. One that is new takes the place of the one that was not heard for longest. */
const CAMERAS_MAX = 64;
/** A camera that was not heard for so long is forgotten, and so is a picture that was fetched so long ago, ms. */
const FORGET_AFTER = 60_000;
const PICTURE_FRESH = 5000;
/** How long a picture is waited for before it is asked for anew, ms. */
const PICTURE_PATIENCE = 10_000;
/** The largest file that is kept. */
const FILE_BYTES_MAX = 256 * 1024;

type Known = {
  facts: FrameFacts;
  heardAt: number;
  /** Its last picture, and when that came. */
  file?: Uint8Array;
  fileAt: number;
  /** On which connection a picture is asked for. */
  askedOn?: NatsConnection;
};

export class Ear {
  readonly #link: Link;
  readonly #known = new Map<string, Known>();

  constructor(link: Link) {
    this.#link = link;
    link.onUp((connection) => {
      connection.subscribe(infoSubject("*"), {
        callback: (error, message) => {
          if (!error) this.#hear(message.subject.split(".")[1], readFacts(message));
        },
      });
    });
  }

  cameras(): HeardCamera[] {
    const now = performance.now();
    for (const [name, { heardAt }] of this.#known) if (now - heardAt > FORGET_AFTER) this.#known.delete(name);
    return [...this.#known].map(([name, { facts, heardAt }]) => ({
      name,
      ...facts,
      silence: Math.round(now - heardAt),
    }));
  }

  file(name: string): Uint8Array | Fault.AGAIN | Fault.MISSING {
    const camera = this.#known.get(name);
    if (!camera) return Fault.MISSING;
    this.#fetch(name, camera);
    if (performance.now() - camera.fileAt > PICTURE_FRESH) camera.file = undefined;
    return camera.file ?? Fault.AGAIN;
  }

  #hear(name: string, facts: FrameFacts): void {
    if (!isCameraName(name)) return;
    const heardAt = performance.now();
    const camera = this.#known.get(name);
    if (camera) Object.assign(camera, { facts, heardAt });
    else {
      if (this.#known.size === CAMERAS_MAX) {
        const [[quietest]] = [...this.#known].sort(([, a], [, b]) => a.heardAt - b.heardAt);
        this.#known.delete(quietest);
      }
      this.#known.set(name, { facts, heardAt, fileAt: -PICTURE_FRESH });
    }
  }

  #fetch(name: string, camera: Known): void {
    const { connection } = this.#link;
    if (!connection || camera.askedOn === connection) return;
    camera.askedOn = connection;
    connection.subscribe(jpegSubject(name), {
      max: 1,
      timeout: PICTURE_PATIENCE,
      callback: (error, message) => {
        if (camera.askedOn === connection) camera.askedOn = undefined;
        if (error) return;
        const { data } = message;
        if (data.length === 0 || data.length > FILE_BYTES_MAX) return;
        camera.file = Uint8Array.from(data);
        camera.fileAt = performance.now();
      },
    });
  }
}
