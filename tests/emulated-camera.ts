/** The camera on the emulated board, on a free port of this machine: the like of live-camera.ts. */

import { Format } from "../host/board-table.ts";
import { startBoard } from "../host/emulator/board.ts";
import { testSettings } from "../host/simulated/secret.ts";
import { PATTERN, renderScene } from "../host/scenes/file.ts";

export interface EmulatedCamera {
  port: number;
  /** Where upstreams connect to, with the setting source=push; else 0. */
  pushPort: number;
  stop(): Promise<void>;
}

export interface EmulatedOptions {
  scene?: string;
  width?: number;
  height?: number;
  settings?: Record<string, string>;
}

/** Resolves when the camera answers. */
export async function startEmulatedCamera(options: EmulatedOptions = {}): Promise<EmulatedCamera> {
  const { scene = PATTERN, width = 320, height = 240, settings = {} } = options;
  const board = await startBoard({
    scene: await renderScene({ scene, width, height, format: Format.RGB565 }),
    settings: testSettings({ size: `${width}x${height}`, ...settings }),
  });
  try {
    await board.answers();
  } catch (error) {
    await board.stop();
    throw error;
  }
  return { port: board.port, pushPort: board.pushPort, stop: () => board.stop() };
}
