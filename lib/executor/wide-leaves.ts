/** The leaves that aggregate by columns where some aggregates keep more than a number a group. */
import type { Column } from '../core/schema.js';
import { groupChunk } from '../columnar/group-chunk.js';
import type { Chunk } from '../columnar/chunk.js';
import { withWide } from '../columnar/wide/wide-chunk.js';
import { WideTable } from '../columnar/wide/wide-table.js';
import type { AggregateColumn, WideAggregate } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import type { DeltaBlock } from '../state/delta.js';
import { mergeWideAggregates } from '../state/merge-wide.js';
import type { StateTable } from '../state/state-table.js';
import { emitColumns, emitRows, mergeGroups } from './leaves.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';

interface WideOperation {
  readonly keys: readonly Column[];
  readonly aggregates: readonly AggregateColumn[];
  readonly wide: readonly WideAggregate[];
}

export const hasWide = <O extends Partial<WideOperation>>(operation: O): operation is O & Pick<WideOperation, 'wide'> =>
  operation.wide !== undefined;

/** agg: key columns and aggregates of the batch's groups. */
export function aggregateWide(
  ctx: TaskContext,
  blocks: readonly BlockRef[],
  { keys, aggregates, wide }: WideOperation,
  emit: Emit,
): void {
  const beside = new WideTable(wide);
  const table = mergeGroups(ctx, blocks, aggregates, beside);
  const groups = Array.from({ length: table.numGroups }, (_, i) => i + 1);
  emitChunk(withWide(groupChunk(table, keys, aggregates), beside, groups), emit);
  table.dispose();
}

/** runningAgg: new totals of the groups that changed. Undefined when nothing did. */
export function updateWide(
  ctx: TaskContext,
  state: StateTable,
  blocks: readonly BlockRef[],
  { keys, aggregates, wide }: WideOperation,
  emit: Emit,
): DeltaBlock | undefined {
  const beside = new WideTable(wide);
  const table = mergeGroups(ctx, blocks, aggregates, beside);
  const { delta, chunk, totals, groups } = mergeWideAggregates(state, table, beside, keys, aggregates);
  if (chunk.numRows > 0) emitChunk(withWide(chunk, totals, groups), emit);
  table.dispose();
  if (delta.numChanged > 0) return delta;
  ctx.memory.free(delta.address);
  return undefined;
}

function emitChunk(chunk: Chunk, emit: Emit): void {
  if (chunk.kind === 'columns') emitColumns(chunk, emit);
  else emitRows(chunk.rows, emit);
}
