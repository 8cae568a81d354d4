/** Where a stage's rows begin as columns that the stages before wrote: in order of the partitions that they come from. */
import { EngineError } from '../core/errors.js';
import { readColumnBlock } from '../blocks/column-block.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import type { PlanNode } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import { FirstOfKey } from './first-of-key.js';
import { emitColumns } from './leaves.js';
import { orderedChunks } from './order-rows.js';
import { readBlock } from './read-block.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';

/** orderRows and firstOfKey behind a shuffle. */
export function readColumns(
  ctx: TaskContext,
  blocks: readonly BlockRef[],
  { operation, columns, label }: PlanNode,
  emit: Emit,
): void {
  const { memory } = ctx;
  if (columns === undefined) throw new EngineError('internal', `${label} reads columns and declares none`);
  const read = (block: BlockRef): ColumnChunk =>
    readBlock(ctx, block, bytes => readColumnBlock(memory, columns, bytes));
  if (operation.kind === 'orderRows') {
    const chunks = blocks.map(read);
    if (chunks.length > 0) emitColumns(orderedChunks(memory, columns, chunks, operation.order, operation.limit), emit);
  } else if (operation.kind === 'firstOfKey') {
    const first = new FirstOfKey(memory, operation.names);
    for (const block of blocks) {
      const mark = memory.scratchMark();
      emitColumns(first.take(read(block)), emit);
      memory.releaseScratch(mark);
    }
    first.dispose();
  }
}
