/**
 * The rows of a partition in order, or the first of them. Where only the first are wanted, a row that comes behind the
 * last of those known so far is left out as soon as it is seen: what is kept is sorted again when it has doubled.
 */
import { ColumnBuffer } from '../blocks/column-buffer.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { concatChunks } from '../columnar/concat-chunks.js';
import { kernels } from '../columnar/kernels.js';
import { sortedRows, sortKeys, type SortColumn } from '../columnar/sort-keys.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { takeRows } from '../columnar/take-rows.js';
import type { Column } from '../core/schema.js';

/** More rows than wanted that are kept before they are sorted: for a short list, sorting would be all there is. */
const LEAST_SPARE = 1024;

/** The rows of a chunk in order, the first `limit` of them (null = all), in scratch. */
export function orderedRows(chunk: ColumnChunk, order: readonly SortColumn[], limit: number | null): ColumnChunk {
  const rows = sortedRows(chunk.memory, sortKeys(chunk, order), chunk.numRows);
  return takeRows(chunk, rows, Math.min(chunk.numRows, limit ?? chunk.numRows));
}

/** As `orderedRows`, of the rows of several chunks. */
export const orderedChunks = (
  memory: SlotMemory,
  columns: readonly Column[],
  chunks: readonly ColumnChunk[],
  order: readonly SortColumn[],
  limit: number | null,
): ColumnChunk => orderedRows(concatChunks(memory, columns, chunks), order, limit);

/** Keeps the first rows of all that come. Rows that are equal by the order's columns keep the order in which they came. */
export class FirstRows {
  readonly #memory: SlotMemory;
  readonly #order: readonly SortColumn[];
  readonly #limit: number;
  readonly #kept: ColumnBuffer;
  /** The key of the last row wanted, once there are as many as are wanted: a row with the same key comes too late. */
  #bound: { readonly address: Address; readonly length: number } | undefined;

  constructor(memory: SlotMemory, columns: readonly Column[], order: readonly SortColumn[], limit: number) {
    this.#memory = memory;
    this.#order = order;
    this.#limit = limit;
    this.#kept = new ColumnBuffer(memory, columns);
  }

  /** What it takes in scratch is given back. */
  push(chunk: ColumnChunk): void {
    const mark = this.#memory.scratchMark();
    const before = this.#beforeBound(chunk);
    // What is behind the first of the chunk's own rows is never wanted.
    this.#kept.append(before.numRows > this.#limit ? orderedRows(before, this.#order, this.#limit) : before);
    this.#memory.releaseScratch(mark);
    // The sooner there is a bound, the more rows are left out by it.
    const spare = this.#bound === undefined ? 0 : Math.max(this.#limit, LEAST_SPARE);
    if (this.#kept.numRows >= this.#limit + spare) this.#shrink();
  }

  /** The first rows in order, in scratch; undefined for none. Nothing is kept then. */
  finish(): ColumnChunk | undefined {
    if (this.#kept.numRows === 0) return undefined;
    return orderedRows(this.#kept.chunk(), this.#order, this.#limit);
  }

  /** Gives back what is kept. */
  dispose(): void {
    this.#kept.clear();
    if (this.#bound !== undefined) this.#memory.free(this.#bound.address);
    this.#bound = undefined;
  }

  #beforeBound(chunk: ColumnChunk): ColumnChunk {
    const bound = this.#bound;
    if (bound === undefined) return chunk;
    const memory = this.#memory;
    const { values, lengths } = sortKeys(chunk, this.#order);
    const rows = memory.scratch(chunk.numRows * 4);
    const { address, length } = bound;
    const count = kernels(memory).sortBefore(values, lengths, chunk.numRows, address, length, rows);
    return count === chunk.numRows ? chunk : takeRows(chunk, rows, count);
  }

  #shrink(): void {
    const memory = this.#memory;
    const mark = memory.scratchMark();
    const first = orderedRows(this.#kept.chunk(), this.#order, this.#limit);
    const last = takeLast(first);
    const { values, lengths } = sortKeys(last, this.#order);
    const from = memory.u32[values >>> 2];
    const length = memory.u32[lengths >>> 2];
    if (this.#bound !== undefined) memory.free(this.#bound.address);
    const address = memory.alloc(length);
    memory.u8.copyWithin(address, from, from + length);
    this.#bound = { address, length };
    this.#kept.replaceAll(first);
    memory.releaseScratch(mark);
  }
}

function takeLast(chunk: ColumnChunk): ColumnChunk {
  const { memory } = chunk;
  const rows = memory.scratch(4);
  memory.u32[rows >>> 2] = chunk.numRows - 1;
  return takeRows(chunk, rows, 1);
}
