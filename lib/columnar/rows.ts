import { assertNever } from '../core/assert-never.js';
import type { Column } from '../core/schema.js';
import type { Chunk, ColumnChunk, ColumnVector } from './chunk.js';
import { rowMaker } from './row-objects.js';
import type { ColumnValues } from './row-objects.js';
import { stringsOf } from './row-strings.js';
import type { SlotMemory } from './slot-memory.js';

export { stringsOf } from './row-strings.js';

const TWO_32 = 4294967296;

/**
 * The rows of a chunk as JavaScript values, in order: plain objects with the decoded columns only, or, for scalar
 * chunks, the bare values. A row chunk's rows are its own: read only.
 *
 * About 0.1 us a row of two short strings. Only the thread that owns the chunk's memory may call this.
 */
export function rowsOf(chunk: Chunk): readonly unknown[] {
  if (chunk.kind === 'rows') return chunk.rows;
  const decoded = chunk.schema.map((_, i) => i).filter(i => chunk.columns[i] !== undefined);
  const columns = decoded.map(i => valuesOf(chunk, i));
  if (chunk.scalar && columns.length > 0) return Array.from(columns[0]);
  const names = decoded.map(i => chunk.schema[i].name);
  return rowMaker(names)(chunk.numRows, columns);
}

/** The values of one decoded column as rows have them. */
export function valuesOf(chunk: ColumnChunk, columnIndex: number): ColumnValues {
  const column = chunk.columns[columnIndex];
  const schema = chunk.schema[columnIndex];
  if (column === undefined || schema.kind === 'utf8') return stringsOf(chunk, columnIndex);
  const values = plainValues(chunk.memory, column, schema, chunk.numRows);
  return column.validity === 0 ? values : withNulls(values, chunk.memory.u8, column.validity);
}

function plainValues(memory: SlotMemory, { values }: ColumnVector, { kind }: Column, numRows: number): ColumnValues {
  switch (kind) {
    case 'int32':
      return memory.i32.subarray(values >>> 2, (values >>> 2) + numRows);
    case 'float64':
      return memory.f64.subarray(values >>> 3, (values >>> 3) + numRows);
    case 'int64':
    case 'timestamp': {
      // Safe integers, so that the halves as doubles add up exactly; a BigInt a value would cost twenty times that.
      const numbers = new Float64Array(numRows);
      const low = memory.u32;
      const high = memory.i32;
      for (let row = 0, at = values >>> 2; row < numRows; row++, at += 2)
        numbers[row] = high[at + 1] * TWO_32 + low[at];
      return numbers;
    }
    case 'bool': {
      const booleans: boolean[] = [];
      for (let row = 0; row < numRows; row++) booleans.push(memory.u8[values + row] !== 0);
      return booleans;
    }
    case 'utf8':
      return [];
    default:
      return assertNever(kind);
  }
}

function withNulls(values: ColumnValues, u8: Uint8Array, validity: number): ColumnValues {
  const nullable: unknown[] = [];
  for (let row = 0; row < values.length; row++) {
    nullable.push(((u8[validity + (row >> 3)] >> (row & 7)) & 1) === 0 ? null : values[row]);
  }
  return nullable;
}
