/** The camera as the board `linux`, on a free port of this machine: the like of live-camera.ts. */

import { Format } from "../host/board-table.ts";
import { type LinuxBoard, startLinuxBoard } from "../host/linux/board.ts";
import type { Profile } from "../host/module.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";
import { testSettings } from "../host/simulated/secret.ts";

export interface LinuxOptions {
  profile?: Profile;
  scene?: string;
  width?: number;
  height?: number;
  settings?: Record<string, string>;
}

export async function startLinuxCamera(options: LinuxOptions = {}): Promise<LinuxBoard> {
  const { profile, scene = PATTERN, width = 320, height = 240 } = options;
  const format = Format.RGB565;
  const settings = testSettings(options.settings ?? {});
  return startLinuxBoard({ profile, scene: await renderScene({ scene, width, height, format }), settings });
}
