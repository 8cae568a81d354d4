/**
 * The rows of a batch by some columns. Of a limited order each partition keeps its first rows only, and one partition
 * takes the first of these; nothing else is sorted. Rows that are equal by the columns keep the order of the batch.
 */
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { columnNamed } from '../expr/bind-expr.js';
import type { NodeId } from '../plan/node.js';
import { declaredColumns } from './column-operations.js';
import type { StreamGraph } from './stream-graph.js';

/** A column to order by; nulls come first, in descending order last. */
export interface OrderKey<N extends string = string> {
  readonly column: N;
  readonly descending: boolean;
}

/** By the column, greatest first. */
export const desc = <const N extends string>(column: N): OrderKey<N> => Object.freeze({ column, descending: true });
/** By the column, smallest first, as its name alone says too. */
export const asc = <const N extends string>(column: N): OrderKey<N> => Object.freeze({ column, descending: false });

/**
 * Nodes of the batch's rows in order.
 *
 * @param limit how many of them, from 1 on; null for all
 * @returns the last node, of one partition
 */
export function orderedRows(
  graph: StreamGraph,
  parent: NodeId,
  keys: readonly OrderKey[],
  limit: number | null,
): NodeId {
  if (limit !== null && (!Number.isSafeInteger(limit) || limit < 1))
    throw new EngineError('jobInvalid', `limit wants a whole number of rows from 1 on, got ${limit}`);
  const columns = checkedOrder(graph, parent, keys);
  const order = keys.map(({ column, descending }) => ({ column, descending }));
  const operation = { kind: 'orderRows', order, limit } as const;
  const some = limit === null ? parent : graph.addNode(operation, [{ kind: 'narrow', parent }], columns);
  const shuffle = { id: graph.uniqueName('shuffle'), numPartitions: 1, mode: { kind: 'columns', keys: [] } } as const;
  return graph.addNode(operation, [{ kind: 'shuffle', parent: some, shuffle }], columns);
}

/** The columns of the rows. Throws `jobInvalid` for an order that these cannot be brought into. */
export function checkedOrder(graph: StreamGraph, parent: NodeId, keys: readonly OrderKey[]): readonly Column[] {
  const columns = declaredColumns(graph, parent, 'orderBy');
  for (const { column } of keys) columnNamed(column, columns, 'orderBy');
  if (keys.length === 0) throw new EngineError('jobInvalid', 'orderBy wants one column at least, got none');
  return columns;
}
