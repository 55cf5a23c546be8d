/**
 * The settings that the board keeps, as Node has them: by name, as text. What was given on the command line counts for
 * this run; what the camera puts is kept in a file, where one is given, so that it is there after a restart. The file
 * is replaced whole, by a rename: whenever the power fails, it is the old one or the new one.
 */

import { readFileSync, renameSync, writeFileSync } from "node:fs";

export interface Settings {
  get(name: string): string | undefined;
  /** Keeps a value, "" for none. @returns whether it could */
  put(name: string, value: string): boolean;
}

/** Settings that are forgotten with the process; `put` works all the same. */
export class MemorySettings implements Settings {
  readonly #values: Map<string, string>;

  constructor(values: Iterable<readonly [string, string]> = []) {
    this.#values = new Map(values);
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  put(name: string, value: string): boolean {
    if (value === "") this.#values.delete(name);
    else this.#values.set(name, value);
    return true;
  }
}

/** The file is there but can't be used. */
export class SettingsError extends Error {}

export class FileSettings implements Settings {
  readonly #path: string;
  /** Said on the command line: they hide what is kept until something else is put. */
  readonly #given: Map<string, string>;
  readonly #kept: Map<string, string>;

  /** @throws SettingsError where the file is there and is not what `put` writes */
  constructor(path: string, given: Iterable<readonly [string, string]>) {
    this.#path = path;
    this.#given = new Map(given);
    this.#kept = new Map(Object.entries(readSettings(path)));
  }

  get(name: string): string | undefined {
    return this.#given.get(name) ?? this.#kept.get(name);
  }

  put(name: string, value: string): boolean {
    this.#given.delete(name);
    const before = this.#kept.get(name) ?? "";
    if (before === value) return true;
    this.#set(name, value);
    try {
      const text = JSON.stringify(Object.fromEntries(this.#kept), null, 2);
      writeFileSync(`${this.#path}.new`, `${text}\n`, { flush: true });
      renameSync(`${this.#path}.new`, this.#path);
      return true;
    } catch {
      this.#set(name, before);
      return false; // the camera answers whoever asked that it has no room
    }
  }

  #set(name: string, value: string): void {
    if (value === "") this.#kept.delete(name);
    else this.#kept.set(name, value);
  }
}

/** What is kept in a file; nothing where there is none. @throws SettingsError where it is not what `put` writes */
export function readSettings(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new SettingsError(`settings in ${path}: ${(error as Error).message}`);
  }
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === "object" && values && Object.values(values).every((value) => typeof value === "string")) {
      return values as Record<string, string>;
    }
  } catch {
    // said below
  }
  throw new SettingsError(`settings in ${path} are not a JSON object of texts`);
}
