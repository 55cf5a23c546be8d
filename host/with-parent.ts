/**
 * Programs that end with the process that started them, however that one ends: nobody is left to end them after a
 * SIGKILL. The kernel does it, by way of setpriv (util-linux, which every Debian has); without that they stay.
 */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const WITH_PARENT = ["setpriv", "--pdeathsig", "KILL", "--"];

/** The command that runs `command`, as the same process, so that it ends with us. */
export function withParent(command: string[]): string[] {
  return isInPath(WITH_PARENT[0]) ? [...WITH_PARENT, ...command] : command;
}

export function isInPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => folder !== "" && existsSync(join(folder, program)));
}
