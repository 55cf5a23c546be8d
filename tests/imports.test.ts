/**
 * The table of imports is the same everywhere: as `assembly/board.ts` declares it, as the built modules import it, as
 * Node fills it. (The firmware's is compared in imports-board.test.ts.)
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import * as table from "../host/board-table.ts";
import { modulePath, type Profile } from "../host/module.ts";
import { declaredEnums, declaredImports, moduleImports } from "./import-tables.ts";
import { SimulatedWorld } from "../host/simulated/world.ts";
import { module, scene } from "./simulated-scenario.ts";

const contract = await readFile(new URL("../assembly/board.ts", import.meta.url), "utf8");
const declared = declaredImports(contract);

test("Node's table has the names and signatures that assembly/board.ts declares", () => {
  assert.ok(declared.size >= 13, "the declarations were found");
  assert.deepEqual(new Map(Object.entries(table.SIGNATURES).sort()), declared);
});

test("both worlds fill the whole table, with as many parameters as it says", () => {
  // Each world's table is its Board's; the live one's is the same object's code.
  const { board } = new SimulatedWorld({ module, scene, seed: 1 });
  const filled = Object.entries(board.table).map(([name, call]) => [name, call.length]);
  const signatures = Object.entries(table.SIGNATURES).map(([name, signature]) => [name, signature.indexOf(")") - 1]);
  assert.deepEqual(filled.sort(), signatures.sort());
});

for (const profile of ["board", "server"] satisfies Profile[]) {
  test(`the ${profile} module imports what is declared, and nothing else`, async () => {
    const binary = await readFile(modulePath(profile));
    const imports = moduleImports(binary);
    assert.equal(imports.size, WebAssembly.Module.imports(new WebAssembly.Module(binary)).length);
    for (const [name, signature] of imports) {
      const [from, call] = name.split(".");
      assert.equal(from, table.IMPORT_MODULE);
      assert.equal(signature, declared.get(call), call);
    }
    assert.equal(imports.size, declared.size, "and all of it: what the camera does not need is not declared");
  });
}

test("the numbers that cross are those of assembly/board.ts", () => {
  const enums = declaredEnums(contract);
  assert.deepEqual([...enums.keys()].sort(), ["Close", "Fault", "Format", "Heard", "Identity", "Level", "Ready"]);
  for (const [name, members] of enums) {
    const mirrored = table[name as "Fault"] as unknown as Record<string, number | string>;
    const numbers = Object.entries(mirrored).filter(([, value]) => typeof value === "number");
    assert.deepEqual(new Map(numbers), members, name);
  }
  assert.match(contract, new RegExp(`export const CAMERA_NAME_MAX: u32 = ${table.CAMERA_NAME_MAX};`));
  assert.match(contract, new RegExp(`export const SENSOR_HANDLE: i32 = ${table.SENSOR_HANDLE};`));
});
