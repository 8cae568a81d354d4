import type { Column, ColumnKind } from '../core/schema.js';
import { AGGREGATE_CODE, isNullWithoutValues, type AggregateColumn } from './aggregate.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import type { GroupTable } from './group-table.js';
import { decodeKeys, type Slices } from './keys.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** An aggregate with the name and kind of the column it comes out as: int64 or timestamp, or float64. */
export interface NamedAggregate extends AggregateColumn {
  readonly name: string;
  readonly outputKind: ColumnKind;
}

/** The groups as a chunk in scratch, in their order: key columns, then aggregates. Valid until the table changes or is disposed of. */
export function groupChunk(
  table: GroupTable,
  keys: readonly Column[],
  aggregates: readonly NamedAggregate[],
): ColumnChunk {
  const values = aggregates.map((_, i) => table.accumulators(i));
  return aggregateChunk(table.memory, table.keys(), table.numGroups, keys, aggregates, values);
}

/** A chunk of n encoded keys and one column of accumulators per aggregate; a minimum or maximum of nothing is null. */
export function aggregateChunk(
  memory: SlotMemory,
  slices: Slices,
  n: number,
  keys: readonly Column[],
  aggregates: readonly NamedAggregate[],
  values: readonly Address[],
): ColumnChunk {
  const vectors = aggregates.map(({ kind }, i): ColumnVector => {
    const column = { values: values[i] ?? 0, lengths: 0, validity: 0 };
    if (!isNullWithoutValues(kind)) return column;
    const bits = memory.scratch((n + 7) >> 3);
    const nulls = kernels(memory).groupNone(AGGREGATE_CODE[kind], column.values, n, bits);
    return nulls === 0 ? column : { ...column, validity: bits };
  });
  return {
    kind: 'columns',
    numRows: n,
    memory,
    schema: [
      ...keys,
      ...aggregates.map(({ name, kind, outputKind }) => ({
        name,
        kind: outputKind,
        nullable: isNullWithoutValues(kind),
      })),
    ],
    columns: [...decodeKeys(memory, slices, n, keys), ...vectors],
    ascii: false,
    textStart: 0,
    textEnd: 0,
    scalar: false,
  };
}
