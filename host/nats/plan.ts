/**
 * What the command line says of NATS: where frames come from (`--source nats://server/name`), to which server and under
 * which name they go (`--nats`, `--nats-name`), and what a server is shown and must show. It is all plain data, so that
 * a thread can be given it.
 */

import { hostname } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { CAMERA_NAME_MAX } from "../board-table.ts";

const PORT = 4222;

/**
 * What the module is told of a camera at NATS: it takes the soft sensor's place, sends files, and, to be there at all,
 * one a second.
 */
export const FEED_SETTINGS = { source: "sensor", format: "jpeg", fps: "1" };

/** A camera's name: one token of a subject, and of an address of ours. */
const NAME = new RegExp(`^[A-Za-z0-9_-]{1,${CAMERA_NAME_MAX}}$`);

/** A NATS server, and who we are to it. */
export type NatsServer = {
  /** `host:port` */
  address: string;
  /** Whether nothing may be said to it in the clear. */
  tls: boolean;
  token?: string;
  user?: string;
  password?: string;
  /** A file of credentials (JWT and nkey), and one of certificates of authorities beside the system's. */
  credsFile?: string;
  caFile?: string;
};

/** A camera that is heard, or that is called, by that name at a server. */
export type NamedAt = { server: NatsServer; name: string };

export type NatsPlan = { publish?: NamedAt; source?: NamedAt };

export type NatsOptions = {
  source: string;
  nats?: string;
  natsName?: string;
  natsCreds?: string;
  natsCa?: string;
};

export function isCameraName(text: string): boolean {
  return NAME.test(text);
}

/** This computer's name, as far as a camera can have it. */
function ownName(): string {
  const name = hostname().split(".")[0].replace(/[^A-Za-z0-9_-]/g, "-").slice(0, CAMERA_NAME_MAX);
  return name === "" ? "camera" : name;
}

function readName(text: string): string {
  if (isCameraName(text)) return text;
  throw new InvalidArgumentError(`It is 1 to ${CAMERA_NAME_MAX} letters, digits, - and _.`);
}

type Address = { server: NatsServer; path: string };

/**
 * Reads `nats://[token@|user:password@]host[:port][/name]`; `tls://` where nothing may go in the clear. What stands
 * before the `@` may be percent-encoded.
 * @returns undefined where it makes no sense
 */
function readAddress(text: string): Address | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOurs = url && ["nats:", "tls:"].includes(url.protocol) && url.hostname !== "" && !url.search && !url.hash;
  if (!isOurs || url.port === "0") return undefined;
  const server: NatsServer = { address: `${url.hostname}:${url.port || PORT}`, tls: url.protocol === "tls:" };
  try {
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    if (password !== "") Object.assign(server, { user, password });
    else if (user !== "") server.token = user;
  } catch {
    return undefined; // a % that begins no character
  }
  return { server, path: url.pathname.replace(/^\//, "") };
}

/** What is wrong with a server's address; like the next, without a word of it: there may be a token in it. */
function serverProblem(text: string): string | undefined {
  const address = readAddress(text);
  if (!address) return "it is an address such as nats://token@server:4222";
  return address.path === "" ? undefined : "there is nothing behind the server's port; --nats-name is the camera's";
}

function sourceProblem(text: string): string | undefined {
  const address = readAddress(text);
  if (address && isCameraName(address.path)) return undefined;
  return "it is an address such as nats://token@server:4222/NAME, with a camera's name";
}

const isNats = (source: string): boolean => /^(nats|tls):/.test(source);

/** Adds the options to a program that can have other machines. Its `--source` may be a camera at NATS then. */
export function addNatsOptions(program: Command): Command {
  const source = program.options.find(({ long }) => long === "--source")!;
  const { parseArg: parseOther } = source;
  // An error of the parser's own would show the text.
  const checked = (option: string, text: string, problem: string | undefined): string =>
    problem ? program.error(`error: ${option}: ${problem}`) : text;
  const checkServer = (text: string) => checked("--nats", text, serverProblem(text));
  const checkSource = (text: string) => checked("--source", text, sourceProblem(text));
  source.argParser((text, before) => (isNats(text) ? checkSource(text) : parseOther!(text, before)));
  source.description += ", and nats://[token@]server[:4222]/NAME what that camera sends to NATS";
  return program
    .option("--nats <url>", "nats://[token@]server[:4222]: sends every frame there, for other machines", checkServer)
    .option("--nats-name <name>", "as which camera (default: this computer's name)", readName)
    .option("--nats-creds <file>", "credentials to show to NATS (JWT and nkey)")
    .option("--nats-ca <file>", "certificates of authorities to believe of a NATS server");
}

/** What was said; undefined where nothing was. Ends the program where it contradicts itself. */
export function natsPlan(options: NatsOptions, program: Command): NatsPlan | undefined {
  if (!isNats(options.source) && options.nats === undefined) return undefined;
  const withFiles = (server: NatsServer): NatsServer => ({
    ...server,
    ...(options.natsCreds !== undefined && { credsFile: options.natsCreds }),
    ...(options.natsCa !== undefined && { caFile: options.natsCa, tls: true }),
  });
  const plan: NatsPlan = {};
  if (isNats(options.source)) {
    const { server, path } = readAddress(options.source)!;
    plan.source = { server: withFiles(server), name: path };
  }
  if (options.nats !== undefined) {
    plan.publish = { server: withFiles(readAddress(options.nats)!.server), name: options.natsName ?? ownName() };
  }
  if (plan.source && plan.source.name === plan.publish?.name) {
    program.error(`error: a camera can't be called ${plan.source.name}, as the one that it shows: use --nats-name`);
  }
  return plan;
}
