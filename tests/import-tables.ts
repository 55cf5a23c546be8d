/**
 * Tables of imports, read from where each is written down: the declarations in `assembly/board.ts` and a module's
 * binary. A signature is `(parameters)result`, with i = i32, I = i64, f = f32, F = f64.
 */

/** What a type of AssemblyScript is in WebAssembly. */
const LETTERS: Record<string, string> = { usize: "i", u32: "i", i32: "i", bool: "i", i64: "I", u64: "I", void: "" };

/** The imports that `assembly/board.ts` declares, sorted by name. */
export function declaredImports(source: string): Map<string, string> {
  const declarations = source.matchAll(
    /@external\("board", "(\w+)"\)\nexport declare function (\w+)\(([^)]*)\): (\w+);/g,
  );
  const imports: [string, string][] = [];
  for (const [, external, name, parameters, result] of declarations) {
    if (external !== name) throw new Error(`${name} is imported as ${external}`);
    const types = parameters.split(",").filter(Boolean);
    const letters = types.map((parameter) => letterOf(parameter.split(":")[1].trim()));
    imports.push([name, `(${letters.join("")})${letterOf(result)}`]);
  }
  return new Map(imports.sort());
}

function letterOf(type: string): string {
  const letter = LETTERS[type];
  if (letter === undefined) throw new Error(`a type that is not known here: ${type}`);
  return letter;
}

/** The enums of `assembly/board.ts`: each member's number by its name. */
export function declaredEnums(source: string): Map<string, Map<string, number>> {
  const enums = source.matchAll(/^export enum (\w+) \{\n(.*?)^\}/gms);
  return new Map(
    [...enums].map(([, name, body]) => {
      const members = [...body.matchAll(/^ {2}(\w+) = (-?\d+),$/gm)];
      return [name, new Map(members.map(([, member, value]) => [member, Number(value)]))];
    }),
  );
}

const SECTION_TYPE = 1;
const SECTION_IMPORT = 2;
const VALUE_TYPES: Record<number, string> = { 0x7f: "i", 0x7e: "I", 0x7d: "f", 0x7c: "F" };

/**
 * The functions that a module imports, as `module.name`, read from its type and import sections.
 * (WebAssembly core specification 1.0, section 5.5.)
 */
export function moduleImports(binary: Uint8Array): Map<string, string> {
  let at = 8; // after magic and version
  const byte = () => binary[at++];
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const next = byte();
      value |= (next & 127) << shift;
      if (next < 128) return value >>> 0;
    }
  };
  const list = <T>(item: () => T): T[] => Array.from({ length: number() }, item);
  const text = () => Buffer.from(list(byte)).toString();
  const valueType = () => VALUE_TYPES[byte()];

  let types: string[] = [];
  while (at < binary.length) {
    const section = byte();
    const end = number() + at;
    if (section === SECTION_TYPE) {
      types = list(() => {
        byte(); // a function type: nothing else is in this section
        return `(${list(valueType).join("")})${list(valueType).join("")}`;
      });
    } else if (section === SECTION_IMPORT) {
      const imports = list((): [string, string] => {
        const name = `${text()}.${text()}`;
        if (byte() !== 0) throw new Error(`${name} is not a function`);
        return [name, types[number()]];
      });
      return new Map(imports);
    }
    at = end;
  }
  return new Map();
}
