import type { WaitingBlock } from './block-log.js';

/** A block of more bytes is cut, at the border of a record; what is stored by one call stays together below it. */
const BLOCK_BYTES = 4 * 1024 ** 2;
/** One call of more bytes than this is cut too: a task reads a block as a whole. */
const MAX_CALL_BYTES = 64 * 1024 ** 2;

/** Collects encoded records and cuts them into blocks. */
export class BlockBuilder {
  #full: WaitingBlock[] = [];
  #records: Uint8Array[] = [];
  #byteLength = 0;

  get isEmpty(): boolean {
    return this.#full.length === 0 && this.#records.length === 0;
  }

  /** Whether a block is full and need not wait for its time. */
  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** Adds what one call stored. */
  add(records: readonly Uint8Array[]): void {
    for (const record of records) {
      this.#records.push(record);
      this.#byteLength += record.byteLength;
      if (this.#byteLength >= MAX_CALL_BYTES) this.#cut();
    }
    if (this.#byteLength >= BLOCK_BYTES) this.#cut();
  }

  /** All there is, in order; the builder is empty then. */
  take(): WaitingBlock[] {
    this.#cut();
    const blocks = this.#full;
    this.#full = [];
    return blocks;
  }

  #cut(): void {
    if (this.#records.length === 0) return;
    this.#full.push({ records: this.#records, byteLength: this.#byteLength });
    this.#records = [];
    this.#byteLength = 0;
  }
}
