/** Joins of chunks to a static table: columns in, columns out, no row is made. */
import { joinedChunk, pairsOf, type JoinIndex } from '../columnar/join-index.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { kernels } from '../columnar/kernels.js';
import { evalPredicate, type Predicate } from '../columnar/predicate.js';
import { takeRows } from '../columnar/take-rows.js';
import type { Column } from '../core/schema.js';
import type { JoinTableOperation } from '../plan/node.js';
import { predicateColumns } from './columns-used.js';
import { joinIndex } from './join-tables.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';

/** What hangs on a join. */
export interface JoinReader {
  /** Names of the columns that are read behind; undefined = all. */
  readonly used: readonly string[] | undefined;
  /** What is asked of the joined rows first. */
  readonly first: Predicate | undefined;
  readonly emit: Emit;
}

/**
 * What a join does with a chunk.
 *
 * @param schema of the joined rows
 */
export function tableJoin(
  ctx: TaskContext,
  operation: JoinTableOperation,
  schema: readonly Column[],
  { used, first, emit }: JoinReader,
): (chunk: ColumnChunk) => void {
  const { how } = operation;
  const wanted = used && new Set(used);
  const keys = operation.on.map(({ column }) => column);
  const needed = operation.added.map(({ name }) => name).filter(name => wanted?.has(name) ?? true);
  const added = new Set(operation.added.map(({ name }) => name));
  const early = first && conjunctsOver(first, name => !added.has(name));
  const kept = wanted && new Set([...wanted, ...keys]);
  // At the first chunk: a task without rows needs no table.
  let index: JoinIndex | undefined;
  return all => {
    const chunk = early === undefined ? all : filtered(all, early, kept);
    if (chunk.numRows === 0) return;
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

/**
 * Of conditions that hold together, those that read no other columns than these: rows of which they are not true need not
 * be joined, for they are left out behind. What stands there tests them again.
 */
export function conjunctsOver(predicate: Predicate, isKnown: (name: string) => boolean): Predicate | undefined {
  if (predicate.op !== 'and') return predicateColumns(predicate).every(isKnown) ? predicate : undefined;
  const left = conjunctsOver(predicate.left, isKnown);
  const right = conjunctsOver(predicate.right, isKnown);
  return left === undefined || right === undefined ? (left ?? right) : { op: 'and', left, right };
}

function filtered(chunk: ColumnChunk, predicate: Predicate, wanted: ReadonlySet<string> | undefined): ColumnChunk {
  const { memory, numRows } = chunk;
  const mask = evalPredicate(chunk, predicate);
  const rows = memory.scratch(numRows * 4);
  const count = kernels(memory).maskRows(mask, numRows, rows);
  return count === numRows ? chunk : takeRows(only(chunk, wanted), rows, count);
}

const only = (chunk: ColumnChunk, wanted: ReadonlySet<string> | undefined): ColumnChunk =>
  wanted === undefined
    ? chunk
    : {
        ...chunk,
        columns: chunk.columns.map((column, i) => (wanted.has(chunk.schema[i]?.name ?? '') ? column : undefined)),
      };
