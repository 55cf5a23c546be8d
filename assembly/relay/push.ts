/**
 * The relay's push side: a source whose frames an upstream sends that connects to us. One has the seat, and its frames
 * are shown. Another one takes it when the first is gone, when no whole frame came of it for UPSTREAM_SILENCE, or when
 * it shows the admin secret; else it is refused. How an upstream is understood is `upstream.ts`'s.
 */

import { Close, Level, tcpClose } from "../board";
import { Controls } from "../controls";
import { Guard } from "../http/access";
import { beginLine, endLine, say } from "../journal";
import { SECOND, TELL_UPSTREAM_EVERY, UPSTREAMS_MAX, UPSTREAM_SILENCE } from "../limits";
import { Slots } from "../slot";
import { Socket } from "../sockets";
import { Writer } from "../writer";
import { Relay } from "./relay";
import { State, Upstream } from "./upstream";

/** Upstreams that are accepted at most in one run. */
const ACCEPTS: i32 = 2;

export class Push extends Relay {
  /** Who has the seat. */
  seat: Upstream | null = null;
  /** How many were refused since another one had it. */
  refused: u32 = 0;
  private readonly upstreams: StaticArray<Upstream> = new StaticArray<Upstream>(UPSTREAMS_MAX);
  private readonly listener: Socket = new Socket(this);
  /** Whether it is known that it can't listen. */
  private isDeaf: bool = false;
  private toldAt: i64 = -TELL_UPSTREAM_EVERY;

  constructor(
    private readonly port: u32,
    controls: Controls,
    slots: Slots,
    readonly guard: Guard,
  ) {
    super("push", controls, slots);
    for (let i = 0; i < UPSTREAMS_MAX; i++) this.upstreams[i] = new Upstream(this);
  }

  get hasUpstream(): bool {
    return this.seat !== null;
  }

  /** Upstreams send on their own account. */
  want(_now: i64): void {}

  run(now: i64): void {
    if (!this.listener.isOpen && this.listener.listen(this.port) < 0) {
      if (!this.isDeaf) say(Level.ERROR, "can't listen for upstreams, trying again");
      this.isDeaf = true;
      this.waitUntil(now + SECOND);
      return;
    }
    for (let i = 0; i < ACCEPTS && this.listener.readable; i++) {
      const handle = this.listener.accept();
      if (handle < 0) return;
      const place = this.place();
      if (place) place.open(handle, now);
      else tcpClose(handle, Close.ABORT);
    }
    if (this.listener.readable) this.wake();
  }

  /** Whether an upstream that shows no secret may have the seat. */
  isFree(now: i64): bool {
    const seat = this.seat;
    return !seat || now - seat.frameAt >= UPSTREAM_SILENCE;
  }

  /** Gives an upstream the seat, and ends who had it. */
  admit(upstream: Upstream, now: i64): void {
    const before = this.seat;
    if (before) before.end("another one takes over", now);
    this.seat = upstream;
    this.reader.begin();
    if (this.mayTell(now)) {
      beginLine().text("upstream ").address(upstream.peer, upstream.peerBytes).text(": its frames are shown");
      endLine(Level.INFO);
    }
  }

  /** The upstream that had the seat is gone. */
  leave(upstream: Upstream, why: string, now: i64): void {
    assert(this.seat == upstream, "left a seat that another one has");
    this.seat = null;
    this.reader.begin();
    if (this.mayTell(now)) {
      const line = beginLine().text("upstream ").address(upstream.peer, upstream.peerBytes).text(": ").text(why);
      line.text(", after ").number(upstream.frames).text(" frames");
      endLine(Level.INFO);
    }
  }

  /** An upstream is refused, since another one has the seat. */
  refuse(upstream: Upstream, now: i64): void {
    this.refused++;
    if (this.mayTell(now)) {
      beginLine().text("upstream ").address(upstream.peer, upstream.peerBytes).text(": refused, there is another one");
      endLine(Level.WARNING);
    }
  }

  describeUpstream(json: Writer, now: i64): void {
    const seat = this.seat;
    json.text(',"refused":').number(this.refused).text(',"upstream":');
    if (seat) {
      json.text('{"address":"').address(seat.peer, seat.peerBytes);
      json.text('","since":').seconds(seat.since).text(',"frames":').number(seat.frames).text("}");
    } else json.text("null");
  }

  /** Whoever comes and goes all the time does not fill the log. */
  private mayTell(now: i64): bool {
    if (now - this.toldAt < TELL_UPSTREAM_EVERY) return false;
    this.toldAt = now;
    return true;
  }

  /** A free place, maybe since whoever has waited longest for the seat gave way; null if there is none. */
  private place(): Upstream | null {
    let oldest: Upstream | null = null;
    for (let i = 0; i < UPSTREAMS_MAX; i++) {
      const upstream = this.upstreams[i];
      if (upstream.state == State.FREE) return upstream;
      if (upstream == this.seat) continue;
      if (!oldest || upstream.since < oldest.since) oldest = upstream;
    }
    if (oldest) oldest.close(Close.ABORT);
    return oldest;
  }
}
