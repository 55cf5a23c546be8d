/**
 * The camera under attack: how soon a picture is answered, and what good viewers lose. By itself, `tsx
 * tests/bench/attacks.ts`, it prints the table for the camera on Node; `make bench` has the emulated board's too.
 */

import { fileURLToPath } from "node:url";
import { type Attack, ATTACKS, suffer } from "../attackers.ts";
import { withCamera } from "./node.ts";

/** How long each attack lasts that is measured. */
const SECONDS = 8;

export interface AttackRow {
  /** Visits of all pages, and how many of them were not answered as asked. */
  visits: number;
  failed: number;
  /** How long the answers took that were pictures, ms. */
  p50: number;
  p99: number;
  /** Frames that two good viewers got, and missed. */
  frames: number;
  lost: number;
  /** How often an attacker's connection was ended, by either side. */
  cut: number;
}

function percentile(sorted: number[], share: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return Math.round(value * 10) / 10;
}

/** @param crowd how many attack, where that is not as many as the attack is made for */
export async function benchAttacks(port: number, crowd?: number): Promise<Record<string, AttackRow>> {
  const rows: Record<string, AttackRow> = {};
  for (const name of Object.keys(ATTACKS) as Attack[]) {
    const size = crowd === undefined ? undefined : Math.min(crowd, ATTACKS[name].crowd);
    const { visits, viewers, cut } = await suffer(port, name, SECONDS, size);
    const pictures = visits.filter(({ path, status }) => path === "/snapshot.jpg" && status === 200);
    const times = pictures.map(({ time }) => time).sort((a, b) => a - b);
    rows[name] = {
      visits: visits.length,
      failed: visits.filter(({ status }) => status !== 200).length,
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      frames: viewers.reduce((sum, { parts }) => sum + parts.length, 0),
      lost: viewers.reduce((sum, { lost }) => sum + lost, 0),
      cut,
    };
  }
  return rows;
}

/** The camera on Node, in a process of its own, with the table of a board. */
export function benchAttacksOnNode(): Promise<Record<string, AttackRow>> {
  return withCamera("board", (port) => benchAttacks(port));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await benchAttacksOnNode());
