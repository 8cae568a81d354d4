/**
 * The first rows of a batch by some columns, without sorting it: each partition keeps its first `limit` rows, and one
 * partition then takes the first of these. Rows that are equal by the columns keep the order of the batch.
 */
import { EngineError } from '../core/errors.js';
import { columnNamed } from '../expr/bind-expr.js';
import { compareText } from '../expr/text.js';
import type { NodeId } from '../plan/node.js';
import { declaredColumns } from './column-operations.js';
import { repartition } from './operations.js';
import { StreamBuilder } from './stream-builder.js';
import type { StreamGraph, UserFunction } from './stream-graph.js';

/** A column to order by; nulls come first, in descending order last. */
export interface OrderKey<N extends string = string> {
  readonly column: N;
  readonly descending: boolean;
}

/** By the column, greatest first. */
export const desc = <const N extends string>(column: N): OrderKey<N> => Object.freeze({ column, descending: true });
/** By the column, smallest first, as its name alone says too. */
export const asc = <const N extends string>(column: N): OrderKey<N> => Object.freeze({ column, descending: false });

type Row = Readonly<Record<string, unknown>>;

/** @returns the node of the batch's first rows, in order, in one partition */
export function firstRows(graph: StreamGraph, parent: NodeId, keys: readonly OrderKey[], limit: number): NodeId {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new EngineError('jobInvalid', `limit wants a whole number of rows from 1 on, got ${limit}`);
  const columns = declaredColumns(graph, parent, 'orderBy');
  for (const { column } of keys) columnNamed(column, columns, 'orderBy');
  if (keys.length === 0) throw new EngineError('jobInvalid', 'orderBy wants one column at least, got none');
  const names = keys.map(({ column }) => column);
  const signs = keys.map(({ descending }) => (descending ? -1 : 1));
  const take = ((rows: Iterable<Row>) => takeFirst(rows, names, signs, limit)) as UserFunction;
  const builder = new StreamBuilder(graph);
  const some = builder.narrow('mapPartitions', parent, take, columns);
  return builder.narrow('mapPartitions', repartition(builder, some, 1), take, columns);
}

/** The first rows in order, kept in a list that is sorted all the time: most rows are refused by one comparison. */
function takeFirst(rows: Iterable<Row>, names: readonly string[], signs: readonly number[], limit: number): Row[] {
  const kept: Row[] = [];
  for (const row of rows) {
    const last = kept[kept.length - 1];
    if (kept.length === limit && last !== undefined && compareRows(row, last, names, signs) >= 0) continue;
    let low = 0;
    let high = kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = kept[middle];
      if (other !== undefined && compareRows(row, other, names, signs) < 0) high = middle;
      else low = middle + 1;
    }
    kept.splice(low, 0, row);
    if (kept.length > limit) kept.pop();
  }
  return kept;
}

function compareRows(a: Row, b: Row, names: readonly string[], signs: readonly number[]): number {
  for (const [i, name] of names.entries()) {
    const order = compareValues(a[name], b[name]);
    if (order !== 0) return order * Number(signs[i]);
  }
  return 0;
}

/** Null before everything, NaN behind every number, false before true, texts by their UTF-8 bytes. */
function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x - y;
}
