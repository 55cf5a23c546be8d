/** The camera on Node, in a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Profile } from "../../host/module.ts";

const MAIN = fileURLToPath(new URL("../../host/main.ts", import.meta.url));

/**
 * Runs the camera on Node in a process of its own for as long as `body` takes.
 * @param under what becomes the camera, such as `nsenter` with its options
 */
export async function withCamera<T>(
  profile: Profile,
  body: (port: number, camera: ChildProcess) => Promise<T>,
  options: string[] = [],
  under: string[] = [],
): Promise<T> {
  const program = [process.execPath, "--import", "tsx", MAIN, "--port", "0", "--profile", profile, ...options];
  const [command, ...args] = [...under, ...program];
  const camera = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const end = () => camera.kill("SIGKILL");
  process.once("exit", end);
  try {
    const port = await new Promise<number>((resolve, reject) => {
      camera.once("exit", (code) => reject(new Error(`the camera ended with ${code}`)));
      createInterface(camera.stdout).on("line", (line) => {
        const match = /^http:\/\/[\d.]+:(\d+)\/$/.exec(line);
        if (match) resolve(Number(match[1]));
      });
    });
    return await body(port, camera);
  } finally {
    camera.kill("SIGTERM");
    if (camera.exitCode === null) await once(camera, "exit");
    process.off("exit", end);
  }
}
