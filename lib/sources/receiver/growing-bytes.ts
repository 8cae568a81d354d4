/**
 * Bytes that come in pieces of any size, in one buffer: a list of pieces would cost some hundred bytes for each, also where
 * a sender sends them one by one. The buffer grows with what is there, never with what was announced.
 */
const MIN_BYTES = 1024;

export class GrowingBytes {
  readonly #maxBytes: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /** @param maxBytes which the caller lets come together at the most */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** By how much memory it grows when so many bytes more are appended. */
  growthFor(byteLength: number): number {
    return this.#capacityFor(byteLength) - this.#bytes.length;
  }

  /** Copies the bytes. */
  append(bytes: Uint8Array): void {
    const capacity = this.#capacityFor(bytes.length);
    if (capacity > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(capacity);
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** All that is there; valid until more is appended or some is dropped. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets the first bytes; the memory stays. */
  drop(byteLength: number): void {
    this.#bytes.copyWithin(0, byteLength, this.#length);
    this.#length -= byteLength;
  }

  /** Forgets all, and gives the memory back. */
  clear(): void {
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
  }

  #capacityFor(more: number): number {
    const wanted = this.#length + more;
    if (wanted <= this.#bytes.length) return this.#bytes.length;
    return Math.max(wanted, Math.min(this.#maxBytes, Math.max(MIN_BYTES, this.#bytes.length * 2)));
  }
}
