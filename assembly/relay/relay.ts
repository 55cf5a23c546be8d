/**
 * What all relays have in common: a source whose frames somebody else makes. Bytes go through the stream reader to the
 * slots, and `/state` tells what came of them. Whom they come from, and how, is for those who extend it.
 */

import { Controls } from "../controls";
import { SECOND, STALE_AFTER, UPSTREAM_SILENCE } from "../limits";
import { Slots } from "../slot";
import { Source } from "../source";
import { Writer } from "../writer";
import { Form, Reading, StreamReader } from "./stream-reader";

export abstract class Relay extends Source {
  readonly reader: StreamReader;
  /** When a whole frame came last; 0 before the first. */
  frameAt: i64 = 0;

  constructor(
    /** How `/state` names it. */
    private readonly name: string,
    controls: Controls,
    slots: Slots,
  ) {
    super(controls, slots);
    this.reader = new StreamReader(slots);
  }

  /** Whether somebody is there who sends frames. */
  abstract get hasUpstream(): bool;

  /** Writes what `/state` tells of the upstream and of those that were refused: further members, each with a comma. */
  abstract describeUpstream(json: Writer, now: i64): void;

  /** Reads on in what came, and publishes the file that was found. @returns what it came to */
  readOn(now: i64): Reading {
    const reading = this.reader.read(now);
    if (reading == Reading.FILE) {
      this.count(this.reader.publish(), now);
      this.width = this.reader.size >> 16;
      this.height = this.reader.size & 0xffff;
      this.frameAt = now;
    }
    return reading;
  }

  isStale(now: i64): bool {
    return this.published > 0 && now - this.frameAt >= (this.hasUpstream ? UPSTREAM_SILENCE : STALE_AFTER);
  }

  objection(): string {
    return "";
  }

  change(): void {}

  describe(json: Writer, now: i64): void {
    const reader = this.reader;
    const state = this.isStale(now) ? "stale" : this.published ? "running" : "waiting";
    json.text('"state":"').text(state).text('","fault":"none","sensor":"').text(this.name);
    json.text('","width":').number(this.width).text(',"height":').number(this.height);
    json.text(',"format":"jpeg","fps":').thousandths(this.rate(now));
    json.text(',"sequence":').number(this.sequence).text(',"bytes":').number(this.bytes);
    json.text(',"published":').number(this.published).text(',"broken":').number(reader.broken);
    json.text(',"oversized":').number(reader.oversized).text(',"foreign":').number(reader.foreign);
    json.text(',"mismeasured":').number(reader.mismeasured);
    json.text(',"form":"').text(formName(reader.form)).text('","age":');
    if (this.published) json.seconds(now - this.frameAt);
    else json.text("null");
    this.describeUpstream(json, now);
  }

  protected breath(): i64 {
    return 2 * SECOND;
  }
}

function formName(form: Form): string {
  switch (form) {
    case Form.MULTIPART:
      return "multipart";
    case Form.FILES:
      return "files";
    default:
      return "unknown";
  }
}
