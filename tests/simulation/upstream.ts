/**
 * What upstreams say: streams as gstreamer, ffmpeg, curl and others send them, with things in them now and then that
 * are no files, or no whole ones. Each file has a number of its own within.
 */

import { ADMIN_SECRET, bearer } from "../../host/simulated/secret.ts";
import type { Upstream } from "./plan.ts";
import type { RelayFile, RelayLedger } from "./relay-ledger.ts";

/** How files are framed. */
export const FORMS = {
  /** multipart, as gstreamer sends it */
  gstreamer: { isHttp: false, isMultipart: true, isChunked: false },
  /** files, one behind the other, as netcat sends them */
  files: { isHttp: false, isMultipart: false, isChunked: false },
  /** POST of multipart in chunks, as ffmpeg sends it */
  ffmpeg: { isHttp: true, isMultipart: true, isChunked: true },
  /** POST of multipart that ends with the connection */
  endless: { isHttp: true, isMultipart: true, isChunked: false },
  /** PUT of files with a length that comes true, as curl sends it */
  curl: { isHttp: true, isMultipart: false, isChunked: false },
} satisfies Record<string, Form>;

type Form = { isHttp: boolean; isMultipart: boolean; isChunked: boolean };
export type FormName = keyof typeof FORMS;

/** Things that are sent. */
export type Item =
  | "file"
  /** A file with much in it that is no picture. */
  | "large"
  /** One byte more than fits a slot. */
  | "huge"
  /** A file without its end. */
  | "short"
  | "text"
  | "png";

/** What is wrong with a thing that was sent, as `/state` counts it. */
export type Flaw = "broken" | "oversized" | "foreign";

/** Files are larger than a slot from here on, with the tables that they might lack: see assembly/limits.ts. */
const FILE_BYTES_MAX = 256 * 1024 - 160 - 16 - 420;
const LARGE_BYTES = 30_000;
const SEGMENT_BYTES = 60_000;
/** A file's first bytes, with its number, and its last ones, by which it is found within what is sent. */
const NUMBERED_BYTES = 10;
const LAST_BYTES = 8;

/** What is sent at once; its file's place is counted from the first byte. */
export type Piece = { bytes: Buffer; file?: RelayFile; flaw?: Flaw };

/** How the stream begins. */
export function headOf({ form, secret }: Upstream, bodyBytes: number): string {
  const { isHttp, isChunked } = FORMS[form];
  if (!isHttp) return "";
  const fields: Record<string, string> = { Host: "camera" };
  if (secret !== "") Object.assign(fields, bearer(secret === "right" ? ADMIN_SECRET : "some other secret"));
  if (isChunked) fields["Transfer-Encoding"] = "chunked";
  if (form === "curl") fields["Content-Length"] = String(bodyBytes);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${form === "curl" ? "PUT" : "POST"} /any HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A thing as it is sent in a stream of that form. */
export function pieceOf(formName: FormName, item: Item, jpeg: Buffer, ledger: RelayLedger): Piece {
  const form = FORMS[formName];
  return framedPiece((bytes, type) => framed(form, bytes, type), form.isMultipart, item, jpeg, ledger);
}

/** A thing, framed by `frame`, and where in that its file lies. */
export function framedPiece(
  frame: (bytes: Buffer, type: string) => Buffer,
  isMultipart: boolean,
  item: Item,
  jpeg: Buffer,
  ledger: RelayLedger,
): Piece {
  const foreign = isMultipart ? "foreign" : undefined; // between files anything may lie
  switch (item) {
    case "file":
    case "large": {
      const file = ledger.makeFile(item === "file" ? jpeg : inflated(jpeg, LARGE_BYTES));
      const bytes = frame(file.jpeg, "image/jpeg");
      // Framing may lie within it.
      file.beginsAt = bytes.indexOf(file.jpeg.subarray(0, NUMBERED_BYTES));
      const last = file.jpeg.subarray(-LAST_BYTES);
      file.endsAt = bytes.lastIndexOf(last) + last.length;
      return { bytes, file };
    }
    case "huge":
      return { bytes: frame(inflated(jpeg, FILE_BYTES_MAX + 1), "image/jpeg"), flaw: "oversized" };
    case "short":
      return { bytes: frame(jpeg.subarray(0, -20), "image/jpeg"), flaw: "broken" };
    case "text":
      return { bytes: frame(Buffer.from("hello"), "text/plain"), flaw: foreign };
    case "png":
      return { bytes: frame(Buffer.from("\x89PNG\r\n", "latin1"), "image/png"), flaw: foreign };
  }
}

function framed({ isMultipart, isChunked }: Form, bytes: Buffer, type: string): Buffer {
  const head = `--upstream\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  const part = isMultipart ? Buffer.concat([Buffer.from(head), bytes, Buffer.from("\r\n")]) : bytes;
  if (!isChunked) return part;
  return Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]);
}

/** The file with comments in it, so that it has `length` bytes. */
function inflated(jpeg: Buffer, length: number): Buffer {
  const segments: Buffer[] = [];
  for (let left = length - jpeg.length; left > 0; ) {
    const size = left > SEGMENT_BYTES + 4 ? SEGMENT_BYTES : left;
    const segment = Buffer.alloc(size, " ");
    segment.writeUInt16BE(0xfffe, 0);
    segment.writeUInt16BE(size - 2, 2);
    segments.push(segment);
    left -= size;
  }
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}
