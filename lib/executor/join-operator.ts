/** Joins of chunks to a static table: columns in, columns out, no row is made. */
import { joinedChunk, pairsOf, type JoinIndex } from '../columnar/join-index.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { kernels } from '../columnar/kernels.js';
import { takeRows } from '../columnar/take-rows.js';
import type { Column } from '../core/schema.js';
import type { JoinTableOperation } from '../plan/node.js';
import { joinIndex } from './join-tables.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';

/**
 * What a join does with a chunk.
 *
 * @param schema of the joined rows
 * @param used names of their columns that are read behind; undefined = all
 */
export function tableJoin(
  ctx: TaskContext,
  operation: JoinTableOperation,
  schema: readonly Column[],
  used: readonly string[] | undefined,
  emit: Emit,
): (chunk: ColumnChunk) => void {
  const { how } = operation;
  const wanted = used && new Set(used);
  const keys = operation.on.map(({ column }) => column);
  const needed = operation.added.map(({ name }) => name).filter(name => wanted?.has(name) ?? true);
  // At the first chunk: a task without rows needs no table.
  let index: JoinIndex | undefined;
  return chunk => {
    index ??= joinIndex(ctx, operation, needed);
    const groups = index.probe(chunk, keys);
    const left = only(chunk, wanted);
    if (how === 'semi' || how === 'anti') {
      const rows = ctx.memory.scratch(chunk.numRows * 4);
      const count = kernels(ctx.memory).joinSelect(groups, chunk.numRows, Number(how === 'semi'), rows);
      if (count > 0) emit(count === chunk.numRows ? left : takeRows(left, rows, count));
      return;
    }
    const keepAll = how === 'left';
    for (const pairs of pairsOf(index, groups, chunk.numRows, keepAll)) {
      emit(joinedChunk(left, index, pairs, { schema, wanted, keepAll }));
    }
  };
}

const only = (chunk: ColumnChunk, wanted: ReadonlySet<string> | undefined): ColumnChunk =>
  wanted === undefined
    ? chunk
    : {
        ...chunk,
        columns: chunk.columns.map((column, i) => (wanted.has(chunk.schema[i]?.name ?? '') ? column : undefined)),
      };
