/**
 * A camera for the board `linux` on a machine that has none: `fake-camera.c`, preloaded. This compiles it, writes the
 * folder that says what it is like, and plugs it in and out.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROCESSOR } from "../../host/linux/board.ts";

const SOURCE = fileURLToPath(new URL("fake-camera.c", import.meta.url));
const BUILD = fileURLToPath(new URL("../../build/tests/", import.meta.url));
const LIBRARY = join(BUILD, `fake-camera-${PROCESSOR}.so`);
const COMPILER = PROCESSOR === "native" ? "cc" : `${PROCESSOR}-linux-gnu-gcc`;

/** The device's path: nothing is there but for whom it is faked. */
export const DEVICE = "/dev/video-of-the-tests";

/** What can be the matter with it. */
export type Matter = "unplugged" | "denied" | "busy" | "grabbed";

function library(): string {
  if (!existsSync(LIBRARY) || statSync(LIBRARY).mtimeMs < statSync(SOURCE).mtimeMs) {
    mkdirSync(BUILD, { recursive: true });
    const made = `${LIBRARY}.${process.pid}`; // a rename, so that two tests at once do no harm
    const options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", made, SOURCE, "-ldl", "-lpthread"];
    execFileSync(COMPILER, options, { stdio: ["ignore", "ignore", "inherit"] });
    renameSync(made, LIBRARY);
  }
  return LIBRARY;
}

export class FakeCamera {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * @param scenario lines as fake-camera.c has them, without path and name
   * @param pictures of each format those that it delivers, in turns
   */
  static async make(scenario: string[], pictures: Record<string, Uint8Array[]>): Promise<FakeCamera> {
    const folder = await mkdtemp(join(tmpdir(), "wasmcam-camera-"));
    const lines = [`path ${DEVICE}`, "card Webcam of the tests", ...scenario];
    writeFileSync(join(folder, "scenario"), lines.map((line) => `${line}\n`).join(""));
    for (const [code, all] of Object.entries(pictures)) {
      for (const [n, bytes] of all.entries()) writeFileSync(join(folder, `${code}-${n}`), bytes);
    }
    return new FakeCamera(folder);
  }

  /** What a program's environment needs to have, for it to see the camera. */
  get env(): Record<string, string> {
    const FAKE_CAMERA = this.#folder;
    // An emulator hands it on, and must not be given it itself.
    if (PROCESSOR !== "native") return { QEMU_SET_ENV: `LD_PRELOAD=${library()}`, FAKE_CAMERA };
    return { LD_PRELOAD: library(), FAKE_CAMERA };
  }

  set(matter: Matter, isSo: boolean): void {
    const file = join(this.#folder, matter);
    if (isSo) writeFileSync(file, "");
    else rmSync(file, { force: true });
  }

  /** Each control that was set so far, as `ID VALUE`. */
  get sets(): string[] {
    const file = join(this.#folder, "sets");
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
