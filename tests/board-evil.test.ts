/**
 * Modules that do what they must not, on the emulated board: each is stopped and started afresh, and the board goes on
 * answering.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type EmulatedBoard, startBoard } from "../host/emulator/board.ts";
import { evilForBoard } from "./evil/ahead-of-time.ts";
import { STOPPED_BY_BOARD, Way, WILD_CASES } from "./evil/compile.ts";

/** More than the first pause: whom nobody listens to, QEMU's network keeps waiting for seconds. */
const FRESH_START_MS = 300;
/** What the log says of a stop: its reason. */
const STOPPED =
  /ERROR {3}the module stopped: (.*?)(?:, in function \d+)?; it ran for ([\d.]+) s; fresh start (\d+) in \d+ ms$/;

function stops(board: EmulatedBoard): { reason: string; ran: number }[] {
  const found = board.log.map((line) => STOPPED.exec(line)).filter((match) => match !== null);
  return found.map(([, reason, ran]) => ({ reason, ran: Number(ran) }));
}

describe("a module that is evil", () => {
  let module: string;
  before(async () => {
    module = await evilForBoard();
  });

  const boards: EmulatedBoard[] = [];
  after(() => Promise.all(boards.map((board) => board.stop())));

  async function start(way: Way, options = {}): Promise<EmulatedBoard> {
    const board = await startBoard({ module, settings: { way }, ...options });
    boards.push(board);
    return board;
  }

  for (const [way, name, reason] of STOPPED_BY_BOARD) {
    test(`and ${name} is stopped, and a fresh one answers`, async () => {
      const board = await start(way);
      await board.line(STOPPED);
      await sleep(FRESH_START_MS);
      await board.answers();
      const answer = await fetch(board.url);
      assert.equal(answer.status, 200);
      assert.ok((await answer.text()).includes(`the module stopped: ${reason}`), "the log outlives it");
      assert.deepEqual(stops(board).map((stop) => stop.reason), [reason]);
      assert.ok(board.log.some((line) => line.includes(`${reason}, in function `)), "where it was is told");
      await board.stop();
    });
  }

  test("and gives imports wild pointers gets nowhere with any of them", async () => {
    const board = await start(Way.WILD, { skipSleep: true });
    await board.line(new RegExp(`fresh start ${WILD_CASES} in`));
    await board.answers();
    const reasons = stops(board).map((stop) => stop.reason);
    assert.equal(reasons.length, WILD_CASES);
    const known = ["an address outside of the module's memory", "capturePoll wants 8 bytes for the time"];
    assert.deepEqual(reasons.filter((reason) => !known.includes(reason)), []);
    await board.stop();
  });

  test("and fails 400 times leaves no byte behind", async () => {
    const board = await start(Way.ALWAYS, { skipSleep: true, report: true });
    await board.line(/fresh start 400 in/);
    const taken = board.log.flatMap((line) => /report: .*; (\d+) bytes taken$/.exec(line)?.slice(1) ?? []);
    assert.ok(taken.length > 300, "there are reports");
    assert.equal(taken.at(-1), taken[2]);
    await board.stop();
  });
});
