/**
 * Talks to QEMU about the machine that it emulates, in its own protocol (QMP): to pull the board's network cable, for
 * one. Each command is a line of JSON, answered in order; what else QEMU tells is of no interest.
 */

import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";

type Answer = { return?: unknown; error?: { desc: string } };

export class Control {
  readonly #stream: Duplex;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly #ready: Promise<unknown>;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("error", () => {}); // QEMU has ended, which is told elsewhere
    createInterface({ input: stream }).on("line", (line) => {
      const answer = JSON.parse(line) as Answer;
      if ("return" in answer || "error" in answer) this.#waiting.shift()?.(answer);
    });
    this.#ready = this.#send("qmp_capabilities");
    this.#ready.catch(() => {}); // whoever sends the first command sees it
  }

  async command(name: string, parameters: Record<string, unknown>): Promise<unknown> {
    await this.#ready;
    return this.#send(name, parameters);
  }

  #send(name: string, parameters?: Record<string, unknown>): Promise<unknown> {
    this.#stream.write(`${JSON.stringify({ execute: name, arguments: parameters })}\n`);
    return new Promise((resolve, reject) => {
      this.#waiting.push((answer) => {
        if (answer.error) reject(new Error(`QEMU did not ${name}: ${answer.error.desc}`));
        else resolve(answer.return);
      });
    });
  }
}
