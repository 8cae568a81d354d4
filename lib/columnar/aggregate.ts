import { EngineError } from '../core/errors.js';
import type { ColumnChunk } from './chunk.js';
import { KIND_CODE } from './column-layout.js';
import { kernels } from './kernels.js';
import type { Address } from './slot-memory.js';

/** What one accumulator of a group does with the values it gets; a count is `sumInt64` of the constant 1. */
export type AggregateKind = 'sumInt64' | 'sumFloat64' | 'minInt64' | 'maxInt64' | 'minFloat64' | 'maxFloat64';

export interface AggregateColumn {
  readonly kind: AggregateKind;
}

/** Codes in calls to the kernels. */
export const AGGREGATE_CODE: Record<AggregateKind, number> = {
  sumInt64: 0,
  sumFloat64: 1,
  minInt64: 2,
  maxInt64: 3,
  minFloat64: 4,
  maxFloat64: 5,
};

/** The same constant as in lib/kernels/group-table.ts. */
const NO_FLOAT = 0x7ff8_51d1_ce00_0001n;

/**
 * The 8 bytes of an accumulator that no value was taken into: combined with x it gives x. For minima and maxima it is a
 * value that no row can have (int64 values are safe integers), which comes out as null.
 */
export const NO_VALUE: Record<AggregateKind, bigint> = {
  sumInt64: 0n,
  sumFloat64: 0n,
  minInt64: 2n ** 63n - 1n,
  maxInt64: -(2n ** 63n),
  minFloat64: NO_FLOAT,
  maxFloat64: NO_FLOAT,
};

/** Whether the aggregate of no values is null instead of 0. */
export const isNullWithoutValues = (kind: AggregateKind): boolean => !kind.startsWith('sum');

/**
 * A column's values as the 8-byte numbers an accumulator takes: the column itself where it is of that kind, else a copy
 * in scratch. Throws `typeMismatch` for text, and for float64 into an int64 accumulator.
 */
export function accumulatorValues(chunk: ColumnChunk, columnIndex: number, kind: AggregateKind): Address {
  const column = chunk.schema[columnIndex];
  const vector = chunk.columns[columnIndex];
  if (column === undefined || vector === undefined) {
    throw new EngineError('internal', `column ${columnIndex} of an aggregate is not decoded`);
  }
  const toFloat = kind.endsWith('Float64');
  if (column.kind === 'utf8' || (column.kind === 'float64' && !toFloat)) {
    throw new EngineError(
      'typeMismatch',
      `${kind} wants a column of numbers that fit it, ${column.name} is ${column.kind}`,
    );
  }
  const fits = toFloat ? column.kind === 'float64' : column.kind === 'int64' || column.kind === 'timestamp';
  if (fits) return vector.values;
  const out = chunk.memory.scratch(chunk.numRows * 8);
  kernels(chunk.memory).widen(KIND_CODE[column.kind], vector.values, chunk.numRows, Number(toFloat), out);
  return out;
}
