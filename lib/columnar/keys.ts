/**
 * The key of a row as bytes: what is hashed, compared, shuffled and kept as state. Equal keys have equal bytes and
 * different keys different ones, whatever the chunk.
 *
 * One utf8 column that cannot be null is its own key: the slices themselves, nothing copied. Everything else is written
 * out column by column:
 *
 *   nullable column   u8: 1 present, 0 null and nothing more
 *   utf8              u8 length < 255, or 255 and u32 length; then the bytes. The last column has no length.
 *   int32             4 bytes, little-endian      int64, timestamp   8 bytes      bool   1 byte
 *   float64           8 bytes; -0 is written as 0, and every NaN as one
 */
import { EngineError } from '../core/errors.js';
import { formatSchema, type Column } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import { KIND_CODE, VALUE_BYTES } from './column-layout.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** Bytes by reference: row i is the `u32[lengths][i]` bytes at address `u32[values][i]`. */
export interface Slices {
  readonly values: Address;
  readonly lengths: Address;
}

/** Keys of rows with their hashes, u32 each (`core/hash.ts`). */
export interface KeySlices extends Slices {
  readonly hashes: Address;
}

/** Whether the keys of these columns are the column's own bytes. */
export function isPlainKey(columns: readonly Column[]): boolean {
  const [only] = columns;
  return columns.length === 1 && only !== undefined && only.kind === 'utf8' && !only.nullable;
}

/** The keys of a chunk's rows by some of its columns (at least one), in scratch. */
export function keySlices(chunk: ColumnChunk, columnIndexes: readonly number[]): KeySlices {
  const { memory, numRows } = chunk;
  const parts = columnIndexes.map(i => keyColumn(chunk, i));
  const [only] = parts;
  const slices =
    only !== undefined && isPlainKey(parts.map(part => part.column)) ? only.vector : encode(memory, numRows, parts);
  const hashes = memory.scratch(numRows * 4);
  kernels(memory).hashSlices(slices.values, slices.lengths, numRows, hashes);
  return { values: slices.values, lengths: slices.lengths, hashes };
}

interface KeyPart {
  readonly column: Column;
  readonly vector: ColumnVector;
}

function keyColumn(chunk: ColumnChunk, i: number): KeyPart {
  const column = chunk.schema[i];
  const vector = chunk.columns[i];
  if (column !== undefined && vector !== undefined) return { column, vector };
  throw new EngineError('internal', `key column ${i} is not decoded in a chunk of (${formatSchema(chunk.schema)})`);
}

function encode(memory: SlotMemory, numRows: number, parts: readonly KeyPart[]): Slices {
  const k = kernels(memory);
  const lengths = memory.scratch(numRows * 4);
  memory.u8.fill(0, lengths, lengths + numRows * 4);
  parts.forEach(({ column, vector }, i) => {
    const validity = column.nullable ? vector.validity : 0;
    k.keyMeasure(
      KIND_CODE[column.kind],
      Number(column.nullable),
      Number(i === parts.length - 1),
      vector.lengths,
      validity,
      numRows,
      lengths,
    );
  });
  const values = memory.scratch(numRows * 4);
  const data = memory.scratch(k.slicesFromLengths(lengths, numRows, 0, values));
  k.slicesFromLengths(lengths, numRows, data, values);
  const mark = memory.scratchMark();
  const cursors = memory.scratch(numRows * 4);
  memory.u8.copyWithin(cursors, values, values + numRows * 4);
  parts.forEach(({ column, vector }, i) => {
    const validity = column.nullable ? vector.validity : 0;
    k.keyAppend(
      KIND_CODE[column.kind],
      Number(column.nullable),
      Number(i === parts.length - 1),
      vector.values,
      vector.lengths,
      validity,
      numRows,
      cursors,
    );
  });
  memory.releaseScratch(mark);
  return { values, lengths };
}

/**
 * Keys back to columns, in scratch. Text columns are slices into the keys' own bytes: they live as long as those.
 *
 * @param slices n keys made by `keySlices` of columns like `columns`
 */
export function decodeKeys(memory: SlotMemory, slices: Slices, n: number, columns: readonly Column[]): ColumnVector[] {
  if (isPlainKey(columns)) return [{ values: slices.values, lengths: slices.lengths, validity: 0 }];
  const k = kernels(memory);
  const cursors = memory.scratch(n * 4);
  const ends = memory.scratch(n * 4);
  memory.u8.copyWithin(cursors, slices.values, slices.values + n * 4);
  k.sliceEnds(slices.values, slices.lengths, n, ends);
  return columns.map((column, i) => {
    const values = memory.scratch(n * VALUE_BYTES[column.kind]);
    const lengths = column.kind === 'utf8' ? memory.scratch(n * 4) : 0;
    const bits = column.nullable ? memory.scratch((n + 7) >> 3) : 0;
    if (bits !== 0) memory.u8.fill(0, bits, bits + ((n + 7) >> 3));
    const last = Number(i === columns.length - 1);
    const nulls = k.keyTake(
      KIND_CODE[column.kind],
      Number(column.nullable),
      last,
      cursors,
      ends,
      n,
      values,
      lengths,
      bits,
    );
    return { values, lengths, validity: nulls > 0 ? bits : 0 };
  });
}
