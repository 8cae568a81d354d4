/** The end of a stage that moves columns as they are: rows by the hash of their keys, one block for each reduce partition. */
import { EngineError } from '../core/errors.js';
import { ColumnBuffer } from '../blocks/column-buffer.js';
import type { Chunk, ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { kernels } from '../columnar/kernels.js';
import { keySlices } from '../columnar/keys.js';
import { takeRows } from '../columnar/take-rows.js';
import type { PlanNode } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import type { TaskContext } from './task-context.js';

interface ColumnWriter {
  push(chunk: Chunk): void;
  finish(): (BlockRef | null)[];
}

/** @param keys indexes of columns; none: all rows go to the first partition, in the order in which they come */
export function columnWriter(
  { memory }: TaskContext,
  node: PlanNode,
  numPartitions: number,
  numKeyGroups: number,
  keys: readonly number[],
): ColumnWriter {
  const schema = node.columns;
  if (schema === undefined) throw new EngineError('internal', `${node.label} is moved as columns and declares none`);
  const buffers = Array.from({ length: numPartitions }, () => new ColumnBuffer(memory, schema));
  const spread = (chunk: ColumnChunk): void => {
    const { hashes } = keySlices(chunk, keys);
    const starts = memory.scratch((numPartitions + 1) * 4);
    const order = memory.scratch(chunk.numRows * 4);
    kernels(memory).rowsByPartition(hashes, chunk.numRows, numPartitions, numKeyGroups, starts, order);
    for (const [partition, buffer] of buffers.entries()) {
      const [from = 0, to = 0] = memory.u32.subarray((starts >>> 2) + partition, (starts >>> 2) + partition + 2);
      if (to > from) buffer.append(takeRows(chunk, order + from * 4, to - from));
    }
  };
  return {
    push(chunk) {
      const mark = memory.scratchMark();
      const columns = chunk.kind === 'columns' ? chunk : columnsFromRows(memory, schema, chunk.rows, node.label);
      if (numPartitions === 1 || keys.length === 0) buffers[0]?.append(columns);
      else spread(columns);
      memory.releaseScratch(mark);
    },
    finish: () =>
      buffers.map(buffer => {
        const block = buffer.toBlock();
        return block && { slot: memory.slot, ...block };
      }),
  };
}
