import type { Column } from '../core/schema.js';
import type { Predicate } from './predicate-data.js';
import type { Address, SlotMemory } from './slot-memory.js';

/**
 * One decoded column of a chunk, as addresses in the slot's memory. Fixed-width kinds are dense arrays of `numRows`
 * values (widths in `core/schema.ts`), 8-byte aligned. `utf8` is by reference, so that scanning copies nothing:
 * row i is the `u32[lengths][i]` bytes at address `u32[values][i]`.
 */
export interface ColumnVector {
  readonly values: Address;
  /** utf8: u32[numRows] byte lengths; fixed-width kinds: 0. */
  readonly lengths: Address;
  /** Arrow validity bitmap, bit (i & 7) of byte i >> 3, 1 = present; 0 when no value is null. */
  readonly validity: Address;
}

/**
 * What flows between the operators of a stage: some rows, either as JavaScript values or as columns in the slot's
 * memory from which rows are made late, where a closure asks for them. A column chunk is valid until its task ends.
 */
export type Chunk = RowChunk | ColumnChunk;

export interface RowChunk {
  readonly kind: 'rows';
  readonly numRows: number;
  /** Owned by the chunk: read only for everyone else. */
  readonly rows: readonly unknown[];
}

export interface ColumnChunk {
  readonly kind: 'columns';
  readonly numRows: number;
  readonly memory: SlotMemory;
  readonly schema: readonly Column[];
  /** One per schema column; undefined where the plan does not need it. */
  readonly columns: readonly (ColumnVector | undefined)[];
  /** True when every utf8 byte of the chunk is ASCII, so that text may be cut from one latin1 decode. */
  readonly ascii: boolean;
  /** For chunks over input: the byte region all utf8 slices lie in, to decode once; 0, 0 when they lie anywhere. */
  readonly textStart: Address;
  readonly textEnd: Address;
  /** True for a format whose row is the one column's value itself (text lines), not an object. */
  readonly scalar: boolean;
  /** A predicate that all rows are known to fulfil, because their source tested it: the same object, not an equal one. */
  readonly tested?: Predicate | undefined;
}

export const rowChunk = (rows: readonly unknown[]): RowChunk => ({ kind: 'rows', numRows: rows.length, rows });
