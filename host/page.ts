/**
 * Builds the pages into the module: the viewer's (`assembly/page/index.html`) and the dashboard, minified and also
 * compressed, become data in `assembly/generated/page.ts`. The same source gives the same bytes. How a page is sent is
 * the business of the module's HTTP server; what it does is its own.
 *
 * By itself, `node --import tsx host/page.ts` writes that file and says how large the page came out.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { transform } from "esbuild";

const FOLDER = new URL("../assembly/page/", import.meta.url);
/** What the module calls each page, and its source. */
const SOURCES = { PAGE: "index.html", DASHBOARD: "dashboard.html" };
const TARGET = fileURLToPath(new URL("../assembly/generated/page.ts", import.meta.url));

/** The JavaScript and CSS that is written: what browsers have understood since 2020. */
const TARGETS = { js: "es2020", css: ["chrome87", "firefox78", "safari14"] };

export interface Page {
  /** The page as any browser takes it. */
  html: Buffer;
  /** The same for those that accept gzip. */
  gzip: Buffer;
  /** What it may load and run, and who may frame it: a Content-Security-Policy. */
  policy: string;
}

const POLICY = /<meta http-equiv="Content-Security-Policy" content="(.*?)">/s;

/**
 * Minifies and compresses a page, fills the hashes of its script and style into its security policy, and takes that out
 * of it: as a header it counts before the page's first byte, and only there can it say who may frame the page.
 */
export async function buildPage(source: string): Promise<Page> {
  const style = await minified(source, "style", "css");
  const script = await minified(source, "script", "js");
  const policy = POLICY.exec(source)?.[1];
  if (policy === undefined) throw new Error("the page has no policy");
  const html = source
    .replace(POLICY, "")
    .replace(element("style"), "<style></style>")
    .replace(element("script"), "<script></script>")
    .replace(/<!--.*?-->/gs, "")
    // Line ends between two elements are the source's layout only; any other white space is one space.
    .replace(/>\s*\n\s*</g, "><")
    .replace(/\s+/g, " ")
    // By functions, for in a replacement string `$` would be special.
    .replace("<style>", () => `<style>${style}`)
    .replace("<script>", () => `<script>${script}`)
    .trim();
  return {
    html: Buffer.from(html),
    gzip: compress(html),
    policy: policy
      .replace(/\s+/g, " ")
      .replace("'{style}'", hashSource(style))
      .replace("'{script}'", hashSource(script)),
  };
}

/** A page as constants of AssemblyScript whose names begin with `name`. */
export function pageModule(name: string, { html, gzip, policy }: Page): string {
  return [
    "/** A page's HTML. */",
    `export const ${name}: usize = memory.data<u8>([${html.join(",")}]);`,
    `export const ${name}_BYTES: i32 = ${html.length};`,
    "",
    "/** The same, compressed with gzip. */",
    `export const ${name}_GZIP: usize = memory.data<u8>([${gzip.join(",")}]);`,
    `export const ${name}_GZIP_BYTES: i32 = ${gzip.length};`,
    "",
    "/** Its Content-Security-Policy. */",
    `export const ${name}_POLICY = ${JSON.stringify(policy)};`,
    "",
  ].join("\n");
}

/** Writes `assembly/generated/page.ts`. @returns the pages by their names */
export async function writePages(): Promise<Map<string, Page>> {
  const pages = new Map<string, Page>();
  for (const [name, file] of Object.entries(SOURCES)) {
    pages.set(name, await buildPage(await readFile(new URL(file, FOLDER), "utf8")));
  }
  const parts = [...pages].map(([name, page]) => pageModule(name, page));
  await mkdir(dirname(TARGET), { recursive: true });
  await writeFile(TARGET, ["// Written by host/page.ts from assembly/page/.\n", ...parts].join("\n"));
  return pages;
}

function element(name: string): RegExp {
  return new RegExp(`<${name}>(.*?)</${name}>`, "s");
}

async function minified(source: string, name: string, loader: keyof typeof TARGETS): Promise<string> {
  const inner = element(name).exec(source)?.[1];
  if (inner === undefined) throw new Error(`the page has no <${name}>`);
  const { code } = await transform(inner, { loader, minify: true, target: TARGETS[loader], charset: "utf8" });
  return code.trim();
}

/** A script or style sheet as a content security policy names it (CSP Level 3, section 2.3.1). */
function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** Gzip without a time (zlib writes none) and without the name of the system that it ran on (RFC 1952, section 2.3). */
function compress(text: string): Buffer {
  const gzip = gzipSync(text, { level: 9 });
  const UNKNOWN_SYSTEM = 255;
  gzip[9] = UNKNOWN_SYSTEM;
  return gzip;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, { html, gzip }] of await writePages()) {
    console.log(`${name.toLowerCase()}: ${html.length} bytes, ${gzip.length} compressed`);
  }
}
