import { EngineError } from '../../core/errors.js';
import { evalPredicate } from '../predicate.js';
import type { ColumnChunk } from '../chunk.js';
import type { GroupVisitor } from '../group-table.js';
import type { ColumnValues } from '../row-objects.js';
import { valuesOf } from '../rows.js';
import type { WideInput, WideTable } from './wide-table.js';

/** Adds a chunk's rows to the wide accumulators while the group table finds their groups. A column is decoded once, whoever reads it. */
export function wideVisitor(chunk: ColumnChunk, table: WideTable): GroupVisitor {
  const { memory, numRows } = chunk;
  const decoded = new Map<string, ColumnValues>();
  const inputs = table.aggregates.map(({ column, filter }): WideInput => {
    let values = decoded.get(column);
    if (values === undefined) decoded.set(column, (values = decode(chunk, column)));
    const mask = filter === undefined ? undefined : memory.bytes(evalPredicate(chunk, filter), numRows);
    return { values, mask };
  });
  return (groups, from) => table.add(groups, from, inputs);
}

function decode(chunk: ColumnChunk, name: string): ColumnValues {
  const index = chunk.schema.findIndex(column => column.name === name);
  if (chunk.columns[index] === undefined)
    throw new EngineError('internal', `column '${name}' of an aggregate is not decoded`);
  return valuesOf(chunk, index);
}
