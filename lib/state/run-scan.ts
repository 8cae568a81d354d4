import type { KeySlices } from '../columnar/keys.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { RunBlocks } from './read-run.js';
import type { RunRecord } from './run-layout.js';
import type { RunStore } from './run-store.js';
import { valueCode } from './write-run.js';
import type { ValueBytes } from './table-layout.js';

/** The tables that lie over a run, and the run. */
export interface OverRun {
  readonly memory: SlotMemory;
  /** Address of the table whose rows count before the run's. */
  readonly table: Address;
  /** Address of the table of removed keys; 0 for none. */
  readonly removed: Address;
  readonly valueBytes: ValueBytes;
  readonly run: RunRecord;
  readonly store: RunStore;
}

/** An entry has no fewer bytes. */
const LEAST_ENTRY_BYTES = 8;
const FIRST_ROWS = 4096;

/**
 * The rows of a run that count: neither the table nor the table of removed keys has their key. Some blocks at a time, in
 * order; in scratch, which the caller releases when it is done with it.
 */
export class RunScan implements KeySlices {
  values: Address = 0;
  lengths: Address = 0;
  hashes: Address = 0;
  /** Where the entries lie. */
  refs: Address = 0;
  /** Hash of the last entry of the blocks that were read, whether it counts or not. */
  lastHash = 0;
  /** The block that is read next. */
  block: number;
  readonly #over: OverRun;
  readonly #blocks: RunBlocks;
  readonly #all: Uint32Array;
  #found: Address = 0;
  #capacity = 0;

  constructor(over: OverRun, block = 0) {
    this.#over = over;
    this.block = block;
    this.#blocks = new RunBlocks(over.memory, over.store, over.run);
    this.#all = Uint32Array.from({ length: over.run.numBlocks }, (_, i) => i);
    this.#reserve(Math.min(FIRST_ROWS, over.run.numRows));
  }

  get isAtEnd(): boolean {
    return this.block >= this.#over.run.numBlocks;
  }

  /** Reads some blocks more. Throws `stateSpill`. @returns how many of their rows count: maybe none */
  next(): number {
    const { memory, run, valueBytes } = this.#over;
    const { start } = this.#blocks.load(this.block, this.#all, this.block);
    this.block = this.#blocks.loadedTo;
    const { end } = this.#blocks.load(this.block - 1);
    this.#reserve(Math.min(run.numRows, Math.ceil((end - start) / LEAST_ENTRY_BYTES)));
    const { values, lengths, hashes, refs } = this;
    const n = kernels(memory).runScan(start, end, valueCode(valueBytes), this.#capacity, values, lengths, hashes, refs);
    this.lastHash = memory.u32[hashes / 4 + n - 1];
    return this.#keep(n);
  }

  /** Leaves out rows that others override. */
  #keep(n: number): number {
    const { memory, table, removed } = this.#over;
    const k = kernels(memory);
    const { values, lengths, hashes, refs } = this;
    const rows = new Uint32Array(n);
    let count = n;
    for (let i = 0; i < n; i++) rows[i] = i;
    for (const over of removed === 0 ? [table] : [table, removed]) {
      k.stateLookup(over, values, lengths, hashes, n, this.#found);
      const { u32 } = memory;
      let kept = 0;
      for (let i = 0; i < count; i++) if (u32[this.#found / 4 + rows[i]] === 0) rows[kept++] = rows[i];
      count = kept;
    }
    if (count === n) return n;
    memory.u32.set(rows.subarray(0, count), this.#found / 4);
    for (const array of [values, lengths, hashes, refs]) k.compact32(array, this.#found, count);
    return count;
  }

  #reserve(rows: number): void {
    if (rows <= this.#capacity) return;
    const { memory } = this.#over;
    this.#capacity = rows;
    this.values = memory.scratch(rows * 4);
    this.lengths = memory.scratch(rows * 4);
    this.hashes = memory.scratch(rows * 4);
    this.refs = memory.scratch(rows * 4);
    this.#found = memory.scratch(rows * 4);
  }
}
