/** Bytes in the order in which they came, without copying those that wait. */

export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  /** How much of the first chunk was taken already. */
  #taken = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Keeps `chunk` itself; the caller must not change it any more. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Moves bytes to the range of `target`, as many as there are and fit. @returns how many */
  take(target: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.#length);
    const limit = start + count;
    for (let at = start; at < limit; ) {
      const first = this.#chunks[0];
      const part = first.subarray(this.#taken, this.#taken + limit - at);
      target.set(part, at);
      at += part.length;
      this.#taken += part.length;
      if (this.#taken === first.length) {
        this.#chunks.shift();
        this.#taken = 0;
      }
    }
    this.#length -= count;
    return count;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#taken = 0;
    this.#length = 0;
  }
}
