/** The example of docs/architecture.md, a task and a route of one's own: taken from the page, built, and run. */

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, it } from "node:test";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { loadModule } from "../host/module.ts";
import { PATTERN, renderScene, Scene } from "../host/scenes/file.ts";
import { MINUTE, SECOND } from "../host/simulated/timeline.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDER = `${ROOT}build/example`;

/** The page's first block of TypeScript is the task, the second the route. */
function blocks(): string[] {
  const page = readFileSync(`${ROOT}docs/architecture.md`, "utf8");
  return [...page.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]);
}

function insertBehind(text: string, line: RegExp, addition: string): string {
  const match = line.exec(text) ?? assert.fail(`main.ts has no line ${line}`);
  const at = match.index + match[0].length;
  return `${text.slice(0, at)}\n${addition}${text.slice(at)}`;
}

before(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  cpSync(`${ROOT}assembly`, `${FOLDER}/assembly`, { recursive: true });
  const [task, route] = blocks();
  writeFileSync(`${FOLDER}/assembly/census.ts`, task);
  let main = readFileSync(`${FOLDER}/assembly/main.ts`, "utf8");
  main = insertBehind(main, /^import .* from "\.\/capture";$/m, `import { Census } from "./census";`);
  main = insertBehind(main, /^ {2}const source = .*$/m, "  new Census(source);");
  main = insertBehind(main, /^ {2}server\.route\("\/state".*$/m, route);
  writeFileSync(`${FOLDER}/assembly/main.ts`, main);
});

after(() => rmSync(FOLDER, { recursive: true, force: true }));

it("the example in docs/architecture.md runs", async () => {
  const options = JSON.parse(readFileSync(`${ROOT}asconfig.json`, "utf8"));
  // Whether it runs does not depend on how well it is compiled.
  Object.assign(options.options, { converge: false, optimizeLevel: 1 });
  options.targets = { example: { ...options.targets.board, outFile: "example.wasm", textFile: undefined } };
  writeFileSync(`${FOLDER}/asconfig.json`, JSON.stringify(options));
  const { error, stderr } = await asc.main(["--target", "example", "--baseDir", FOLDER]);
  assert(!error, `asc: ${stderr.toString()}`);

  const scene = new Scene(await renderScene({ scene: PATTERN, width: 64, height: 48, format: 1, bytesMax: 1_000_000 }));
  const module = await loadModule(`${FOLDER}/example.wasm`);
  const world = new SimulatedWorld({ module, scene, seed: 1, settings: { size: "64x48", fps: "10" } });
  const viewer = world.watch();
  world.run(2 * MINUTE + SECOND);
  const lines = world.log.map(({ text }) => text).filter((text) => text.endsWith(" frames published"));
  assert.deepEqual(lines.map((text) => Math.round(parseInt(text) / 10)), [0, 60, 120]);
  const { status, body } = world.fetch("/frames");
  assert.equal(status, 200);
  assert.equal(Number(body.toString()), viewer.parts.at(-1)!.sequence);
});
