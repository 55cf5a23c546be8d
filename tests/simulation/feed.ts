/**
 * A connection on which frames come to the camera, whoever began it: which files were sent, and which of them the
 * camera has taken. Whether it was begun and ended rightly is `upstream-wire.ts`'s and `source-wire.ts`'s, what becomes
 * of the files `relay-ledger.ts`'s.
 */

import type { Close } from "../../host/board-table.ts";
import type { Observer } from "../../host/simulated/network.ts";
import type { RelayFile, RelayLedger } from "./relay-ledger.ts";
import type { Flaw } from "./upstream.ts";
import type { Surroundings } from "./wire.ts";

/** A thing that has a flaw, and where it lies in what is said. */
type Flawed = { flaw: Flaw; beginsAt: number; endsAt: number };

export abstract class Feed implements Observer {
  acceptedAt = -1;
  closedAt = -1;
  receivedBytes = 0;
  /** When the last file came whole; before the first, since when there could be one. */
  fileAt = 0;
  /** Since when nothing more of it counts, as it is gone or was told something; -1: it does. */
  leftAt = -1;
  /** Whether nothing of it ever counted. */
  wasRefused = false;
  /** Whether what is not as it should be can't be counted, as a reader may take it for one thing or another. */
  isUnsure = false;
  /** Whole files that came, and things with flaws that were sent. */
  readonly files: RelayFile[] = [];
  readonly flawed: Flawed[] = [];
  protected readonly life: Surroundings;
  protected readonly ledger: RelayLedger;
  /** Files that were sent, and are not there as a whole yet. */
  #coming: RelayFile[] = [];
  #said = 0;

  constructor(life: Surroundings, ledger: RelayLedger) {
    this.life = life;
    this.ledger = ledger;
  }

  get isOpen(): boolean {
    return this.acceptedAt >= 0 && this.closedAt < 0;
  }

  /** Bytes that were sent and that the camera has not taken. */
  get backlog(): number {
    return this.#said - this.receivedBytes;
  }

  /** The peer says so many bytes, with a file, or something that is none, within them. */
  says(bytes: number, file?: RelayFile, flaw?: Flaw): void {
    if (file) {
      file.beginsAt += this.#said;
      file.endsAt += this.#said;
      this.#coming.push(file);
    }
    if (flaw) this.flawed.push({ flaw, beginsAt: this.#said, endsAt: this.#said + bytes });
    this.#said += bytes;
  }

  accepted(): void {
    this.acceptedAt = this.fileAt = this.life.now;
  }

  received(bytes: Uint8Array): void {
    const { now, step } = this.life;
    this.receivedBytes += bytes.length;
    while (this.#coming.length > 0 && this.receivedBytes > this.#coming[0].beginsAt) {
      const file = this.#coming[0];
      if (file.firstAt < 0) file.firstAt = now;
      if (this.receivedBytes < file.endsAt) break;
      this.#coming.shift();
      this.files.push(file);
      this.fileAt = now;
      this.ledger.came(file, now, step);
      this.came(file);
    }
  }

  /** A file came whole. */
  protected came(_file: RelayFile): void {}

  abstract sent(bytes: Uint8Array): void;

  room(): void {}

  abstract closed(how: Close, peer: { isGone: boolean; hasEnded: boolean }): void;

  protected gone(wasRefused: boolean): void {
    this.leftAt = this.life.now;
    this.wasRefused = wasRefused;
    this.ledger.left(this, this.life.step);
  }
}
