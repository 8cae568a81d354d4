/**
 * Takes some rows of what a source gives, by their number: to find out which record a task fails on, and to leave that
 * one out. A record that is left out goes to the dead letters with all that is known of it.
 *
 *   numbers   0 1 2 | 3 4 5 6 | 7 8        chunks as the reader gives them
 *   from 2, to 7, left out 4:  2 | 3 5 6
 */
import type { RecordPlace } from '../core/bad-record.js';
import { rowChunk, type Chunk } from '../columnar/chunk.js';
import { rowsOf } from '../columnar/rows.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { takeRows } from '../columnar/take-rows.js';
import type { RowSelection } from '../protocol/messages.js';
import type { ReadContext } from '../sources/source.js';
import type { TaskContext } from './task-context.js';

export class RowSelector {
  readonly #ctx: TaskContext;
  readonly #selection: RowSelection;
  readonly #source: string;
  readonly #places = new Map<number, RecordPlace>();
  /** Number of the next row. */
  #next = 0;

  constructor(ctx: TaskContext, selection: RowSelection, source: string) {
    this.#ctx = ctx;
    this.#selection = selection;
    this.#source = source;
  }

  /** What the reader is asked for, in place of what the plan alone would: all rows, for their numbers, and all columns. */
  get readContext(): Pick<ReadContext, 'columns' | 'where' | 'locate'> {
    const rows = this.#selection.leftOut.map(({ row }) => row);
    const onPlace = (row: number, place: RecordPlace): void => void this.#places.set(row, place);
    return { columns: undefined, where: undefined, ...(rows.length === 0 ? {} : { locate: { rows, onPlace } }) };
  }

  /** The rows of the next chunk that are taken. */
  take(chunk: Chunk): Chunk {
    const first = this.#next;
    this.#next += chunk.numRows;
    const { from, to, leftOut } = this.#selection;
    const isHere = (row: number): boolean => row >= Math.max(from, first) && row < Math.min(to, this.#next);
    const here = leftOut.filter(({ row }) => isHere(row));
    for (const { row, reason } of here) this.#putAside(chunk, row - first, row, reason);
    const without = new Set(here.map(({ row }) => row));
    const kept: number[] = [];
    for (let row = first; row < this.#next; row++) if (isHere(row) && !without.has(row)) kept.push(row - first);
    return kept.length === chunk.numRows ? chunk : rowsAt(chunk, kept);
  }

  #putAside(chunk: Chunk, index: number, row: number, reason: string): void {
    const [value] = rowsOf(rowsAt(chunk, [index]));
    const { range } = this.#ctx.request;
    this.#ctx.onLeftOut({ source: this.#source, row, reason, value, place: this.#places.get(row), range });
  }
}

function rowsAt(chunk: Chunk, indexes: readonly number[]): Chunk {
  if (chunk.kind === 'rows') return rowChunk(indexes.map(index => chunk.rows[index]));
  return takeRows(chunk, inScratch(chunk.memory, indexes), indexes.length);
}

function inScratch(memory: SlotMemory, indexes: readonly number[]): number {
  const address = memory.scratch(indexes.length * 4);
  memory.u32.set(indexes, address / 4);
  return address;
}
