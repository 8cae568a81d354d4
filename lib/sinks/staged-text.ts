/**
 * Text on its way to a file sink, in blocks of a slot's memory. Rows are whole within a block, and many of them are
 * written by one call: a string of a few thousand rows costs little more than its bytes.
 *
 * What the two halves of the sink agree on: the first block begins with the names of the rows' columns.
 *
 *   first block  | u32 length n | n bytes: names as a record of the format | rows ... |
 *   others       | rows ... |
 */
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { StagedBlocks, StagedOutput } from './sink.js';

/** A first block below this size is made as large as what it holds. */
const SMALL_BYTES = 32 * 1024;
const BLOCK_BYTES = 512 * 1024;
/** A block with less room than this takes no more rows of columns. */
const OPEN_BYTES = 4 * 1024;
const NAMES_LENGTH_BYTES = 4;
/** Kernels copy 16 bytes at a time, and may write so many behind what they have put out. */
const SLACK_BYTES = 16;

export class StagedText {
  readonly #memory: SlotMemory;
  readonly #blocks: { readonly address: Address; readonly byteLength: number }[] = [];
  #address: Address = 0;
  #capacity = 0;
  #used = 0;
  #numRows = 0;

  constructor(memory: SlotMemory) {
    this.#memory = memory;
  }

  /**
   * @param text whole rows, line ends included
   * @param names with the first call: the columns' names as a record of the format with its line end, or ''
   */
  write(text: string, numRows: number, names: string): void {
    this.#put(text, names);
    this.#numRows += numRows;
  }

  /** The same for rows of one line each, if they are that: else nothing is written. @returns whether it was */
  writeLines(text: string, numRows: number, names: string): boolean {
    const begin = this.#put(text, names);
    if (this.#numLines(begin) === numRows) {
      this.#numRows += numRows;
      return true;
    }
    this.#used = this.#numRows === 0 ? 0 : begin;
    return false;
  }

  finish(): StagedBlocks {
    this.#closeBlock();
    return { numRows: this.#numRows, blocks: this.#blocks };
  }

  /** @returns where in the block the text begins */
  #put(text: string, names: string): number {
    const byteLength = Buffer.byteLength(text);
    const buffer = this.#spaceFor(byteLength, names);
    const begin = this.#used;
    // As many bytes as characters: all ASCII, for which latin1 is the cheapest copy there is.
    this.#used += buffer.write(text, this.#used, byteLength === text.length ? 'latin1' : 'utf8');
    return begin;
  }

  /**
   * Has rows written straight into the blocks.
   *
   * @param atMost bytes that the rows become at the most
   * @param write writes whole rows from one address on and nothing from the other on; tells where they end and whether
   *   they are all. It is called again with more room until they are.
   */
  fill(
    names: string,
    numRows: number,
    atMost: number,
    write: (from: Address, to: Address) => { readonly end: Address; readonly isDone: boolean },
  ): void {
    let wanted = Math.min(atMost, BLOCK_BYTES) + SLACK_BYTES;
    for (;;) {
      // A block that has some room left takes as many rows as fit.
      const isOpen = this.#capacity - this.#used > OPEN_BYTES && this.#numRows > 0;
      if (!isOpen) this.#spaceFor(wanted, names);
      const from = this.#address + this.#used;
      const { end, isDone } = write(from, this.#address + this.#capacity - SLACK_BYTES);
      this.#used = end - this.#address;
      if (isDone) break;
      // Not one row in a block of its own: it has to be larger.
      if (end === from && !isOpen) wanted = Math.min(wanted * 4, atMost + SLACK_BYTES);
      this.#closeBlock();
    }
    this.#numRows += numRows;
  }

  /** Room for so many bytes, at `#used` of what is given; the names are put before the first of all. */
  #spaceFor(byteLength: number, names: string): Buffer {
    const isFirst = this.#numRows === 0 && this.#used === 0 && this.#blocks.length === 0;
    const namesLength = isFirst ? Buffer.byteLength(names) : 0;
    const needed = byteLength + (isFirst ? NAMES_LENGTH_BYTES + namesLength : 0);
    if (this.#used + needed > this.#capacity) this.#nextBlock(needed);
    const buffer = Buffer.from(this.#memory.memory.buffer, this.#address, this.#capacity);
    if (isFirst) {
      this.#used = buffer.writeUInt32LE(namesLength, this.#used);
      this.#used += buffer.write(names, this.#used, 'utf8');
    }
    return buffer;
  }

  /** Line ends from `begin` on. */
  #numLines(begin: number): number {
    const memory = this.#memory;
    const mark = memory.scratchMark();
    const result = memory.scratch(8);
    kernels(memory).lineCount(this.#address + begin, this.#address + this.#used, result);
    const numLines = memory.u32[result / 4];
    memory.releaseScratch(mark);
    return numLines;
  }

  /** A first block of just what is there: most tasks put out little. */
  #nextBlock(needed: number): void {
    this.#closeBlock();
    const isSmall = this.#blocks.length === 0 && needed < SMALL_BYTES;
    this.#capacity = isSmall ? needed : Math.max(BLOCK_BYTES, needed);
    this.#address = this.#memory.alloc(this.#capacity);
    this.#used = 0;
  }

  #closeBlock(): void {
    if (this.#used > 0) this.#blocks.push({ address: this.#address, byteLength: this.#used });
    this.#used = 0;
    this.#capacity = 0;
  }
}

/** A staged output of a file sink taken apart. Views, nothing is copied. */
export interface StagedParts {
  /** What a file with such rows begins with; maybe empty. */
  readonly header: Uint8Array;
  /** The same as text, for people and to tell whether rows fit the ones before. */
  readonly names: string;
  readonly rows: readonly Uint8Array[];
}

export function stagedParts(staged: StagedOutput): StagedParts {
  const [first, ...rest] = staged.bytes;
  if (first === undefined) return { header: new Uint8Array(0), names: '', rows: [] };
  const headerLength = new DataView(first.buffer, first.byteOffset, first.byteLength).getUint32(0, true);
  const start = NAMES_LENGTH_BYTES + headerLength;
  const header = first.subarray(NAMES_LENGTH_BYTES, start);
  return { header, names: Buffer.from(header).toString(), rows: [first.subarray(start), ...rest] };
}
