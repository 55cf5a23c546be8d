/** Runs many plans, in as many processes as one wishes, and sums up what was lived through. */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Outcome, Tally, Violation } from "./life.ts";
import { makePlan, type Plan } from "./plan.ts";

/** A process that has the module. */
export class Lives {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(modulePath: string): Promise<Lives> {
    const program = fileURLToPath(new URL("./worker.ts", import.meta.url));
    const lives = new Lives(fork(program, [modulePath], { execArgv: ["--import", "tsx"] }));
    await lives.#answer();
    return lives;
  }

  live(plan: Plan): Promise<Outcome> {
    const outcome = this.#answer();
    this.#child.send(plan);
    return outcome as Promise<Outcome>;
  }

  stop(): void {
    this.#child.disconnect();
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const child = this.#child;
      const onMessage = (message: unknown): void => {
        child.off("exit", onExit);
        resolve(message);
      };
      const onExit = (code: number | null): void => {
        child.off("message", onMessage);
        reject(new Error(`a worker ended with ${code}`));
      };
      child.once("message", onMessage);
      child.once("exit", onExit);
    });
  }
}

export type Failure = { plan: Plan; violation: Violation };
/** `ms` by the clock, and `cpu` of one core. */
export type Run = { seeds: number; ms: number; cpu: number; failure: Failure | undefined; tally: Tally };

/** Runs `count` seeds from `from` on, up to the first that fails. */
export async function runSeeds(
  modulePath: string,
  from: number,
  count: number,
  jobs: number,
  onSeed: (run: Run) => void = () => {},
): Promise<Run> {
  const startedAt = performance.now();
  const run: Run = { seeds: 0, ms: 0, cpu: 0, failure: undefined, tally: {} };
  let next = from;
  const work = async (): Promise<void> => {
    const lives = await Lives.start(modulePath);
    try {
      while (!run.failure && next < from + count) {
        const plan = makePlan(next++);
        const { violation, tally, cpu } = await lives.live(plan);
        // Of several that fail at once the first counts, so that it is the same however many threads there are.
        const first = run.failure as Failure | undefined;
        if (violation && !(first && first.plan.seed < plan.seed)) run.failure = { plan, violation };
        add(run.tally, tally);
        run.seeds++;
        run.cpu += cpu;
        run.ms = performance.now() - startedAt;
        onSeed(run);
      }
    } finally {
      lives.stop();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, work));
  return run;
}

/** Adds what happened in one life to what happened in all; of what is a maximum, the largest. */
export function add(all: Tally, one: Tally): void {
  for (const [what, number] of Object.entries(one)) {
    all[what] = what.startsWith("most ") ? Math.max(all[what] ?? 0, number) : (all[what] ?? 0) + number;
  }
}
