/**
 * Makes a plan that fails shorter: leaves away actions, requests, time and peculiarities as long as the same rule is
 * still broken. (Delta debugging: halves first, then ever smaller pieces.)
 */

import type { Violation } from "./life.ts";
import type { Action, Plan } from "./plan.ts";

/** What a plan breaks, if it does. */
export type Try = (plan: Plan) => Promise<Violation | undefined>;

export type Shrunk = { plan: Plan; violation: Violation; tries: number };

/** @param budget ms that it may take */
export async function shrink(plan: Plan, violation: Violation, attempt: Try, budget: number): Promise<Shrunk> {
  const until = performance.now() + budget;
  const best: Shrunk = { plan, violation, tries: 0 };

  /** Takes `candidate` if it still fails. */
  const accepts = async (candidate: Plan): Promise<boolean> => {
    if (performance.now() > until) return false;
    best.tries++;
    const found = await attempt(candidate);
    if (found?.rule !== violation.rule) return false;
    best.plan = candidate;
    best.violation = found;
    return true;
  };

  /** Leaves away what can be left away of a list. */
  const reduce = async <T>(list: T[], planWith: (rest: T[]) => Plan): Promise<void> => {
    let rest = list;
    for (let size = Math.ceil(rest.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < rest.length; ) {
        const without = [...rest.slice(0, from), ...rest.slice(from + size)];
        if (await accepts(planWith(without))) rest = without;
        else from += size;
      }
    }
  };

  const shorten = async (): Promise<void> => {
    const enough = Math.ceil(best.violation.time / 1e6);
    if (enough < best.plan.seconds) await accepts({ ...best.plan, seconds: enough });
    while (best.plan.seconds > 1 && (await accepts({ ...best.plan, seconds: Math.floor(best.plan.seconds / 2) })));
  };

  for (let before = ""; before !== JSON.stringify(best.plan) && performance.now() < until; ) {
    before = JSON.stringify(best.plan);
    await shorten();
    await reduce(best.plan.actions, (actions) => ({ ...best.plan, actions }));
    for (let i = 0; i < best.plan.actions.length; i++) {
      const withAction = (action: Action): Plan => {
        const actions = [...best.plan.actions];
        actions[i] = action;
        return { ...best.plan, actions };
      };
      const talk = best.plan.actions[i];
      if (talk.do === "talk") await reduce(talk.asks, (asks) => withAction({ ...talk, asks }));
      if (talk.do === "watch") await reduce(talk.stalls, (stalls) => withAction({ ...talk, stalls }));
      if (talk.do === "socket") await reduce(talk.stalls, (stalls) => withAction({ ...talk, stalls }));
      if (talk.do === "source") await reduce(talk.items, (items) => withAction({ ...talk, items }));
      if (talk.do === "receiver") await reduce(talk.stalls, (stalls) => withAction({ ...talk, stalls }));
      if (talk.do === "upstream") await reduce(talk.items, (items) => withAction({ ...talk, items }));
      for (const simpler of SIMPLER) {
        const action = best.plan.actions[i];
        const names = Object.keys(simpler) as (keyof typeof simpler)[];
        const isOther = names.some((name) => name in action && String(action[name as never]) !== String(simpler[name]));
        if (isOther) await accepts(withAction({ ...action, ...simpler } as Action));
      }
    }
    await accepts({ ...best.plan, faults: { stall: 0, tear: 0 } });
    for (const name of Object.keys(best.plan.settings)) {
      if (name === "size" || name === "format" || name === "source") continue;
      const { [name]: _, ...settings } = best.plan.settings;
      await accepts({ ...best.plan, settings });
    }
  }
  return best;
}

/** What an action has in the simplest case; each is tried where the action has it and has another. */
const SIMPLER: Record<string, unknown>[] = [
  { line: "calm" },
  { buffers: [16_384, 65_536] },
  { reads: 0 },
  { leaves: "stays" },
  { chatter: "" },
  { acknowledges: 0 },
  { answersPings: true },
  { pings: 0 },
  { lastWords: "" },
  { form: "gstreamer" },
  { stream: "plain" },
  { cuts: false },
  { secret: "" },
  { pause: 0 },
  { piece: 0 },
  { drip: 0 },
  { at: 0 },
];
