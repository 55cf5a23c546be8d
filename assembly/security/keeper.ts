/**
 * The task that does the long work on secrets, a slice at a time: it checks the ones that are shown, makes the first
 * admin secret, and hashes new ones. One thing at a time; whoever waits for it waits for the pulse `done`, and then
 * asks again. Whose turn it is, and what an answer says, is `http/access.ts`'s.
 */

import { Level, random } from "../board";
import { beginLine, endLine, say } from "../journal";
import { SECRET_BYTES_MAX, SECRET_ROUNDS, SECRET_ROUNDS_PER_RUN } from "../limits";
import { Pulse, Task } from "../scheduler";
import { Hmac } from "./hmac";
import { Derivation } from "./pbkdf2";
import { SALT_BYTES, Secret } from "./secret";
import { HASH_BYTES } from "./sha256";
import { Tries } from "./tries";

enum Work {
  /** Nothing is asked for. */
  NONE,
  /** Whether what was shown is the viewer secret. */
  CHECKING_VIEWER,
  /** Whether what was shown is the admin secret. */
  CHECKING_ADMIN,
  /** The first admin secret is hashed, to be kept and shown on the console. */
  MAKING_FIRST,
  /** A new viewer secret is hashed, to be kept. */
  CHANGING_VIEWER,
  /** A new admin secret is hashed, to be kept. */
  CHANGING_ADMIN,
}

/** What became of a change. */
export enum Change {
  /** It is not done yet. */
  UNKNOWN,
  /** The board keeps what was asked for. */
  KEPT,
  /** The board can't keep it. */
  NO_ROOM,
  /** The board has no chance to make salt of. */
  NO_CHANCE,
}

const KEY_BYTES: u32 = 32;
/** Letters and digits that are not taken for one another: 32 of them, so that each stands for five bits of chance. */
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";
/** Letters of a first secret: 100 bits, which nobody guesses. */
const FIRST_LETTERS: i32 = 20;
const FIRST_GROUP: i32 = 4;

/** The key of all digests, made anew at each start. */
const key: usize = memory.data(<i32>KEY_BYTES);
/** What is worked on, its digest, and the salt of a new one. */
const secret: usize = memory.data(<i32>SECRET_BYTES_MAX);
const digest: usize = memory.data(<i32>HASH_BYTES);
const salt: usize = memory.data(<i32>SALT_BYTES);
const hash: usize = memory.data(<i32>HASH_BYTES);
/** A second new secret, which waits for the first. */
const second: usize = memory.data(<i32>SECRET_BYTES_MAX);

export class Keeper extends Task {
  readonly viewer: Secret = new Secret("viewer_secret");
  readonly admin: Secret = new Secret("admin_secret");
  readonly tries: Tries = new Tries();
  /** Something that was asked for is done. */
  readonly done: Pulse = new Pulse();
  /** Whether the board has chance to make secrets of. */
  readonly hasChance: bool = random(key, KEY_BYTES) == 0;

  private work: Work = Work.NONE;
  /** What became of the change that was asked for, until whoever asked has taken it. */
  private change: Change = Change.UNKNOWN;
  private secretBytes: u32 = 0;
  private secondBytes: u32 = 0;
  /** From where the secret came that is checked. */
  private address: u64 = 0;
  private readonly hmac: Hmac = new Hmac();
  private readonly derivation: Derivation = new Derivation();

  constructor() {
    super();
    if (!this.admin.isSet && this.hasChance) this.makeFirst();
    else if (!this.admin.isSet) {
      say(Level.WARNING, "no admin secret is set, and this board has no chance to make one: nothing can be changed");
    }
  }

  /** Whether nothing can be asked for now. */
  get isBusy(): bool {
    return this.work != Work.NONE || this.change != Change.UNKNOWN;
  }

  /** Tells whoever asked for a change what became of it, once; the next may ask then. */
  takeChange(): Change {
    const change = this.change;
    this.change = Change.UNKNOWN;
    if (change != Change.UNKNOWN) this.done.fire();
    return change;
  }

  /** Writes what stands for a secret in this run of the camera to `to`: HASH_BYTES. */
  digestTo(to: usize, at: usize, length: u32): void {
    this.hmac.codeTo(to, key, KEY_BYTES, at, length);
  }

  /** Begins to check a secret that was shown, and that nobody has shown before. */
  check(at: usize, length: u32, address: u64, now: i64): void {
    assert(!this.isBusy, "one thing at a time");
    this.begin(at, length);
    this.address = address;
    this.checkNext(Work.CHECKING_VIEWER, now);
  }

  /** Begins to change secrets. A new one of no bytes removes the viewer secret; one at 0 leaves it as it is. */
  changeTo(viewer: usize, viewerBytes: u32, admin: usize, adminBytes: u32): void {
    assert(!this.isBusy, "one thing at a time");
    this.secondBytes = 0;
    if (viewer && viewerBytes == 0 && !this.viewer.remove()) return this.endChange(Change.NO_ROOM);
    if (viewer && viewerBytes) {
      if (admin) {
        memory.copy(second, admin, adminBytes);
        this.secondBytes = adminBytes;
      }
      this.hashNew(Work.CHANGING_VIEWER, viewer, viewerBytes);
    } else if (admin) this.hashNew(Work.CHANGING_ADMIN, admin, adminBytes);
    else this.endChange(Change.KEPT);
  }

  run(now: i64): void {
    if (!this.isBusy) return;
    if (!this.derivation.work(SECRET_ROUNDS_PER_RUN)) return this.wake();
    this.derivation.copyTo(hash);
    switch (this.work) {
      case Work.CHECKING_VIEWER:
        if (this.viewer.isHash(hash)) this.right(this.viewer, now);
        else this.checkNext(Work.CHECKING_ADMIN, now);
        break;
      case Work.CHECKING_ADMIN:
        if (this.admin.isHash(hash)) this.right(this.admin, now);
        else this.wrong(now);
        break;
      case Work.MAKING_FIRST:
        this.showFirst();
        break;
      case Work.CHANGING_VIEWER:
        if (!this.replace(this.viewer)) this.endChange(Change.NO_ROOM);
        else if (this.secondBytes) this.hashNew(Work.CHANGING_ADMIN, second, this.secondBytes);
        else this.endChange(Change.KEPT);
        break;
      default:
        this.endChange(this.replace(this.admin) ? Change.KEPT : Change.NO_ROOM);
    }
  }

  private begin(at: usize, length: u32): void {
    assert(length <= SECRET_BYTES_MAX, "a secret that is too long");
    memory.copy(secret, at, length);
    this.secretBytes = length;
    this.digestTo(digest, secret, length);
    this.wake();
  }

  /** Goes on with the first secret from `work` on that can be checked. */
  private checkNext(work: Work, now: i64): void {
    if (work == Work.CHECKING_VIEWER && !this.viewer.canBeChecked) work = Work.CHECKING_ADMIN;
    if (work == Work.CHECKING_ADMIN && !this.admin.canBeChecked) return this.wrong(now);
    const kept = work == Work.CHECKING_VIEWER ? this.viewer : this.admin;
    this.derivation.begin(secret, this.secretBytes, kept.salt, SALT_BYTES, kept.rounds);
    this.work = work;
    this.wake();
  }

  private right(kept: Secret, now: i64): void {
    kept.know(digest);
    this.tries.countRight(this.address, now);
    this.end();
  }

  private wrong(now: i64): void {
    this.tries.countWrong(this.address, digest, now);
    this.end();
  }

  private makeFirst(): void {
    random(secret, FIRST_LETTERS);
    // In place, from the end on: each group is as much longer as there are dashes before it.
    const dashes = (FIRST_LETTERS - 1) / FIRST_GROUP;
    for (let i = FIRST_LETTERS - 1; i >= 0; i--) {
      const letter = LETTERS.charCodeAt(load<u8>(secret + i) & 31);
      store<u8>(secret + i + i / FIRST_GROUP, letter);
      if (i > 0 && i % FIRST_GROUP == 0) store<u8>(secret + i + i / FIRST_GROUP - 1, 0x2d);
    }
    this.hashNew(Work.MAKING_FIRST, secret, FIRST_LETTERS + dashes);
  }

  private showFirst(): void {
    const isKept = this.replace(this.admin);
    if (!isKept) {
      say(Level.WARNING, "this board can't keep an admin secret: it makes another at each start");
      this.admin.use(SECRET_ROUNDS, salt, hash);
      this.admin.know(digest);
    }
    beginLine().text("admin secret, shown this once: ").bytes(secret, this.secretBytes);
    endLine(Level.CONSOLE);
    this.end();
  }

  /** Begins to hash a new secret. */
  private hashNew(work: Work, at: usize, length: u32): void {
    if (random(salt, SALT_BYTES) < 0) return this.endChange(Change.NO_CHANCE);
    this.begin(at, length);
    this.derivation.begin(secret, length, salt, SALT_BYTES, SECRET_ROUNDS);
    this.work = work;
  }

  /** Has the board keep the new secret, which is known from now on. @returns whether it could */
  private replace(kept: Secret): bool {
    if (!kept.replace(SECRET_ROUNDS, salt, hash)) return false;
    kept.know(digest);
    return true;
  }

  private endChange(change: Change): void {
    this.change = change;
    this.tries.forgetDigests();
    this.end();
  }

  /** All is done: nothing of it stays, and whoever waits looks again. */
  private end(): void {
    this.work = Work.NONE;
    memory.fill(secret, 0, SECRET_BYTES_MAX);
    memory.fill(second, 0, SECRET_BYTES_MAX);
    this.done.fire();
  }
}
