/**
 * Conversations with the camera as Markdown that anyone can add to (`tests/requests/*.md`): what a client sends and
 * what it is answered. Here they are read, held over any kind of connection, and compared.
 *
 * A heading `##` names a conversation. A fenced block `request` is what the client sends: each line with CR LF behind
 * it, unless it ends with a `\`; `\r` `\n` `\t` `\\` and `\x00` stand for single bytes, `{a*300}` for 300 times `a`.
 * Each fenced block `answer` is an answer in full view or in part: the status without its version, header lines that
 * must be there just so (`!Name` must not), and behind an empty line the body, whose last line may be `...` for any
 * rest. Behind the last answer of a block `answer closes` the camera ends the connection; behind one of
 * `answer upgrades` no HTTP is spoken any more; else it must stay usable.
 */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";

export interface Answer {
  status: string;
  /** By name in small letters. */
  fields: Map<string, string>;
  body: Buffer;
}

interface ExpectedAnswer {
  status: string;
  fields: [name: string, value: string | undefined][];
  /** Undefined: any. */
  body: string | undefined;
  bodyGoesOn: boolean;
}

export interface Conversation {
  /** File and heading. */
  name: string;
  request: Buffer;
  answers: ExpectedAnswer[];
  closes: boolean;
  upgrades: boolean;
}

/** One end of a connection to the camera, whatever it is made of. */
export interface Line {
  /** Sends, and lets what was sent go on its way by itself. */
  send(bytes: Buffer): Promise<void>;
  /** Lets the camera work and the network carry until `isDone`, or fails after a time that is ample. */
  until(isDone: () => boolean, what: string): Promise<void>;
  /** All that was received so far. */
  received(): Buffer;
  isClosed(): boolean;
  /** Leaves. */
  drop(): void;
}

const FOLDER = new URL("./requests/", import.meta.url);

/** Every conversation there is, in the order of files and headings. */
export function readConversations(): Conversation[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".md")).sort();
  return files.flatMap((file) => parse(file, readFileSync(new URL(file, FOLDER), "utf8")));
}

function parse(file: string, text: string): Conversation[] {
  const conversations: Conversation[] = [];
  let block: { kind: string; lines: string[] } | undefined;
  for (const line of text.split("\n")) {
    const current = conversations.at(-1);
    if (block && line === "```") {
      assert(current, `${file}: a block before the first heading`);
      if (block.kind === "request") current.request = Buffer.from(unescape(block.lines), "latin1");
      else current.answers.push(parseAnswer(block.lines));
      if (block.kind === "answer closes") current.closes = true;
      if (block.kind === "answer upgrades") current.upgrades = true;
      block = undefined;
    } else if (block) {
      block.lines.push(line);
    } else if (/^```(request|answer|answer closes|answer upgrades)$/.test(line)) {
      block = { kind: line.slice(3), lines: [] };
    } else if (line.startsWith("## ")) {
      const name = `${file}: ${line.slice(3)}`;
      conversations.push({ name, request: Buffer.alloc(0), answers: [], closes: false, upgrades: false });
    } else {
      assert(!line.startsWith("```"), `${file}: an unknown block ${line}`);
    }
  }
  for (const { name, request, answers } of conversations) {
    assert(request.length > 0 && answers.length > 0, `${name}: has no request or no answer`);
  }
  return conversations;
}

function unescape(lines: string[]): string {
  const text = lines.map((line) => (line.endsWith("\\") ? line.slice(0, -1) : `${line}\r\n`)).join("");
  return text
    .replace(/\{(.)\*(\d+)\}/g, (_, character: string, count: string) => character.repeat(Number(count)))
    .replace(/\\(x[0-9a-f]{2}|[rnt\\])/g, (_, code: string) => {
      if (code.startsWith("x")) return String.fromCharCode(parseInt(code.slice(1), 16));
      return { r: "\r", n: "\n", t: "\t", "\\": "\\" }[code]!;
    });
}

function parseAnswer(lines: string[]): ExpectedAnswer {
  const end = lines.includes("") ? lines.indexOf("") : lines.length;
  const fields = lines.slice(1, end).map((line): [string, string | undefined] => {
    if (line.startsWith("!")) return [line.slice(1).toLowerCase(), undefined];
    const [, name, value] = /^([^:]+): (.*)$/.exec(line) ?? assert.fail(`not a header line: ${line}`);
    return [name.toLowerCase(), value];
  });
  const rest = lines.slice(end + 1);
  const bodyGoesOn = rest.at(-1) === "...";
  if (bodyGoesOn) rest.pop();
  const body = rest.map((line) => (line.endsWith("\\") ? line.slice(0, -1) : `${line}\n`)).join("");
  return { status: lines[0], fields, body: end === lines.length ? undefined : body, bodyGoesOn };
}

/** Holds a conversation, its request cut into `pieces`. @returns the answers as they came, for comparison */
export async function hold(conversation: Conversation, line: Line, pieces: Buffer[]): Promise<Answer[]> {
  const { answers, closes, upgrades } = conversation;
  const methods = [...conversation.request.toString("latin1").matchAll(/([A-Z]+) \S+ HTTP\//g)].map((m) => m[1]);
  try {
    for (const piece of pieces) await line.send(piece);
    const isWhole = () => splitAnswers(line.received(), methods, line.isClosed()).answers.length >= answers.length;
    await line.until(() => isWhole() || line.isClosed(), `${answers.length} answers`);
    if (closes) await line.until(() => line.isClosed(), "the connection's end");
    const came = splitAnswers(line.received(), methods, line.isClosed());
    compare(came.answers, answers);
    assert.equal(came.rest.length, 0, `bytes behind the last answer: ${came.rest.toString("latin1").slice(0, 80)}`);
    if (!closes && !upgrades) await askAgain(line);
    return came.answers;
  } finally {
    line.drop();
  }
}

/** Shows that a connection is still usable and in step. */
async function askAgain(line: Line): Promise<void> {
  assert(!line.isClosed(), "the camera ended the connection");
  const from = line.received().length;
  await line.send(Buffer.from("GET /nowhere HTTP/1.1\r\nHost: camera\r\n\r\n"));
  const last = () => splitAnswers(line.received().subarray(from), ["GET"], line.isClosed()).answers;
  await line.until(() => last().length > 0 || line.isClosed(), "a further answer");
  assert.equal(last()[0]?.status, "404 Not Found", "the answer to a further request");
}

function compare(came: Answer[], expected: ExpectedAnswer[]): void {
  assert.deepEqual(came.map((answer) => answer.status), expected.map((answer) => answer.status));
  for (const [i, answer] of expected.entries()) {
    for (const [name, value] of answer.fields) {
      assert.equal(came[i].fields.get(name), value, `${name} of answer ${i + 1}`);
    }
    if (answer.body === undefined) continue;
    const body = came[i].body.toString("latin1");
    assert.equal(answer.bodyGoesOn ? body.slice(0, answer.body.length) : body, answer.body, `body of answer ${i + 1}`);
  }
}

/**
 * Splits what came into answers, as their lengths say. What comes behind an upgrade is none.
 * @param methods those that were asked with, in order; where nobody knows them, a body that is missing was HEAD's
 */
export function splitAnswers(
  bytes: Buffer,
  methods: string[] | undefined,
  closed: boolean,
): { answers: Answer[]; rest: Buffer } {
  const answers: Answer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) break;
    const [first, ...lines] = rest.subarray(0, end).toString("latin1").split("\r\n");
    const [, status] = /^HTTP\/1\.1 (\d{3} [A-Za-z ]+)$/.exec(first) ?? assert.fail(`not a status line: ${first}`);
    const fields = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([A-Za-z-]+): (.*)$/.exec(line) ?? assert.fail(`not a header line: ${line}`);
      assert(!fields.has(name.toLowerCase()), `${name} twice`);
      fields.set(name.toLowerCase(), value);
    }
    const length = fields.get("content-length");
    const isInterim = status.startsWith("1");
    const behind = rest.subarray(end + 4);
    const isHead = methods
      ? methods[answers.filter((answer) => !answer.status.startsWith("1")).length] === "HEAD"
      : behind.length === 0 || behind.subarray(0, 9).equals(Buffer.from("HTTP/1.1 "));
    const hasBody = !isHead && !isInterim && !status.startsWith("204");
    if (hasBody && length === undefined && !closed) break; // its body ends with the connection
    const bodyBytes = !hasBody ? 0 : length === undefined ? rest.length - end - 4 : Number(length);
    if (rest.length < end + 4 + bodyBytes) break;
    answers.push({ status, fields, body: Buffer.from(rest.subarray(end + 4, end + 4 + bodyBytes)) });
    rest = rest.subarray(end + 4 + bodyBytes);
    if (status.startsWith("101")) return { answers, rest: Buffer.alloc(0) };
  }
  return { answers, rest };
}

/** An answer as text in which what changes from one moment or one board to the next is blotted out. */
export function timeless({ status, fields, body }: Answer): string {
  const isPicture = fields.get("content-type") === "image/jpeg";
  const isState = fields.get("content-type") === "application/json";
  const lines = [...fields].map(([name, value]) => {
    const changes = /^x-(timestamp|sequence)$/.test(name) || (name === "content-length" && (isPicture || isState));
    return `${name}: ${changes ? "*" : value}`;
  });
  let text = body.toString("latin1");
  if (isPicture) text = body.length === 0 ? "" : "*";
  if (isState && text) {
    text = JSON.stringify(JSON.parse(text), (_, value) => (typeof value === "object" ? value : typeof value));
  }
  return [status, ...lines, "", text].join("\n");
}
