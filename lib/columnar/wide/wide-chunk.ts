import { rowChunk, type Chunk, type ColumnChunk } from '../chunk.js';
import { columnFromValues } from '../columns-from-rows.js';
import { rowMaker } from '../row-objects.js';
import { valuesOf } from '../rows.js';
import type { WideTable } from './wide-table.js';

/**
 * A chunk of groups with what their wide aggregates give, as columns behind its own; or, where one of them is a list, as
 * rows, because there are no columns of lists.
 *
 * @param chunk key columns and 8-byte aggregates of the groups
 * @param groups their numbers in the table
 */
export function withWide(chunk: ColumnChunk, table: WideTable, groups: readonly number[]): Chunk {
  const { aggregates } = table;
  const results = aggregates.map((_, a) => table.results(a, groups));
  if (aggregates.some(({ outputKind }) => outputKind === 'list')) {
    const names = [...chunk.schema, ...aggregates].map(({ name }) => name);
    return rowChunk(rowMaker(names)(chunk.numRows, [...chunk.schema.map((_, i) => valuesOf(chunk, i)), ...results]));
  }
  const schema = aggregates.flatMap(({ name, outputKind: kind, nullable }) =>
    kind === 'list' ? [] : [{ name, kind, nullable }],
  );
  const columns = schema.map((column, a) => columnFromValues(chunk.memory, column, results[a], 'aggregate'));
  return { ...chunk, schema: [...chunk.schema, ...schema], columns: [...chunk.columns, ...columns] };
}
