/**
 * A soak: the camera on the emulated board for as long as one likes, one viewer who stays and many who come and go.
 * It looks at what only shows with time: memory that does not come back, a restart, a viewer who stops getting frames.
 */

import { type EmulatedBoard, startBoard } from "../../host/emulator/board.ts";
import { Format } from "../../host/board-table.ts";
import { PHOTOS_FOLDER, renderScene } from "../../host/scenes/file.ts";
import { Random } from "../../host/simulated/random.ts";
import { pause, request, type Secret, visit, Visitor } from "./visitors.ts";

export type SoakOptions = {
  seconds: number;
  seed: number;
  say: (line: string) => void;
};

/** What is wrong, in words; none if all is well. */
export type Verdict = string[];

const WIDTH = 320;
const HEIGHT = 240;
/** Visitors at once, and ms between two that come. */
const VISITORS_MAX = 9;
const COME_EVERY: [number, number] = [50, 900];
/** No frame for so long is a loss, ms: the emulated board shares a machine with the visitors. */
const SILENCE_MAX = 15_000;
/** The board's heap may be larger at the end by this, in bytes. */
const HEAP_MARGIN = 1024;
/** After all have left: until the last connection has been given up. ms */
const SETTLING = 45_000;
const MINUTE = 60_000;

export async function soak({ seconds, seed, say }: SoakOptions): Promise<Verdict> {
  const wrong: Verdict = [];
  const scene = await renderScene({ scene: PHOTOS_FOLDER, width: WIDTH, height: HEIGHT, format: Format.RGB565 });
  const settings = { size: `${WIDTH}x${HEIGHT}`, fps: "30" };
  const board = await startBoard({ scene, settings, report: true });
  try {
    await board.answers();
    await run(board, { seconds, seed, say }, wrong);
  } catch (error) {
    wrong.push(`the soak itself failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await board.stop();
  }
  return wrong;
}

async function run(board: EmulatedBoard, { seconds, seed, say }: SoakOptions, wrong: Verdict): Promise<void> {
  const { port } = board;
  const random = new Random(seed);
  const secret = secretOf(board);
  const visits = new Map<string, number>();
  let steadyAt = performance.now();
  let longest = 0;
  const steady = new Visitor(port, request("GET", "/stream.jpg", {}));
  steady.onPart = () => {
    const now = performance.now();
    longest = Math.max(longest, now - steadyAt);
    steadyAt = now;
  };

  await reportsAfter(board, 2);
  const before = heapOf(board)!;
  say(`board heap with one viewer: ${before} bytes; ${seconds} s with visitors`);

  const startedAt = performance.now();
  let partsBefore = steady.parts;
  let heapMost = before;
  let minuteAt = startedAt;
  let comesAt = startedAt;
  const there = new Set<Promise<void>>();
  const line = async (): Promise<void> => {
    const now = performance.now();
    const state = await stateOf(port);
    const heap = heapOf(board)!;
    heapMost = Math.max(heapMost, heap);
    const fps = ((steady.parts - partsBefore) * 1000) / (now - minuteAt);
    partsBefore = steady.parts;
    minuteAt = now;
    const all = [...visits.values()].reduce((sum, count) => sum + count, 0);
    say(
      `${((now - startedAt) / MINUTE).toFixed(1).padStart(6)} min: board heap ${heap}, ` +
        `${state?.capture.published ?? "?"} frames published, ${steady.parts} watched (${fps.toFixed(1)} a second, ` +
        `${steady.missed} missed, longest gap ${(longest / 1000).toFixed(2)} s), ${state?.connections ?? "?"} ` +
        `connections, ${state?.restarts ?? "?"} restarts, ${all} visits`,
    );
  };
  while (performance.now() - startedAt < 1000 * seconds && wrong.length === 0) {
    await pause(20);
    const now = performance.now();
    if (now >= comesAt && there.size < VISITORS_MAX) {
      comesAt = now + random.between(...COME_EVERY);
      const visitor = visit(port, random, secret).then(({ kind, problem }) => {
        visits.set(kind, (visits.get(kind) ?? 0) + 1);
        if (problem) wrong.push(`${kind}: ${problem}`);
        there.delete(visitor);
      });
      there.add(visitor);
    }
    if (now - minuteAt >= MINUTE) await line();
    wrong.push(...(await complaints(board, steady, steadyAt)));
  }
  await line();
  await Promise.all(there);
  say(`visits: ${[...visits].map(([kind, count]) => `${count} ${kind}`).join(", ")}`);

  // What everybody left behind, but the one who stays.
  const leftAt = performance.now();
  let state = await stateOf(port);
  while (state && state.connections > 2 && performance.now() - leftAt < SETTLING) {
    await pause(1000);
    state = await stateOf(port);
  }
  await reportsAfter(board, 2);
  const after = heapOf(board)!;
  wrong.push(...(await complaints(board, steady, steadyAt)));
  if (!state) wrong.push("/state does not answer at the end");
  else {
    if (state.connections > 2) wrong.push(`${state.connections - 2} connections of nobody are held`);
    if (state.viewers.length !== 1) wrong.push(`there are ${state.viewers.length} viewers, and one watches`);
    if (state.restarts > 0) wrong.push(`${state.restarts} restarts`);
  }
  if (after > before + HEAP_MARGIN) wrong.push(`the board's heap grew from ${before} to ${after} bytes`);
  say(`board heap with one viewer again: ${after} bytes (${before} before, ${heapMost} at most)`);
  say(`longest step ${longestStep(board)} us; ${steady.parts} frames watched, ${steady.missed} missed`);
  steady.leave(false);
}

/** What must not be at any time. */
async function complaints(board: EmulatedBoard, steady: Visitor, steadyAt: number): Promise<Verdict> {
  const wrong: Verdict = [];
  const stop = board.log.find((text) => / the module stopped/.test(text));
  if (stop) wrong.push(`the module stopped by itself: ${stop}`);
  if (steady.problem) wrong.push(`the viewer who stays: ${steady.problem}`);
  if (steady.isOver) wrong.push("the viewer who stays lost its connection");
  const silence = performance.now() - steadyAt;
  if (silence > SILENCE_MAX) wrong.push(`the viewer who stays got no frame for ${(silence / 1000).toFixed(0)} s`);
  return wrong;
}

const REPORT = /report: .* the longest (\d+) us; (\d+) bytes taken/;

function reports(board: EmulatedBoard): string[] {
  return board.log.filter((line) => REPORT.test(line));
}

/** Waits for so many more of the board's reports. */
async function reportsAfter(board: EmulatedBoard, count: number): Promise<void> {
  const wanted = reports(board).length + count;
  while (reports(board).length < wanted) await pause(100);
}

/** Bytes of the board's heap that were taken at its last report. */
function heapOf(board: EmulatedBoard): number | undefined {
  const last = reports(board).at(-1);
  return last === undefined ? undefined : Number(REPORT.exec(last)![2]);
}

function longestStep(board: EmulatedBoard): number {
  return Math.max(...reports(board).map((line) => Number(REPORT.exec(line)![1])));
}

type State = { connections: number; restarts: number; viewers: unknown[]; capture: { published: number } };

async function stateOf(port: number): Promise<State | undefined> {
  const visitor = new Visitor(port, request("GET", "/state", { Connection: "close" }));
  const response = await visitor.answer(10_000);
  visitor.leave(false);
  return response?.status === 200 ? JSON.parse(response.body.toString()) : undefined;
}

/** The admin secret that the board made at its first start, as its console shows it. */
function secretOf(board: EmulatedBoard): Secret {
  const secret = board.log.map((line) => /admin secret\b.*: (\S+)$/.exec(line)?.[1]).find((text) => text !== undefined);
  return secret === undefined ? {} : { Authorization: `Bearer ${secret}` };
}
