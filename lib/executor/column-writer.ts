/** The end of a stage that moves columns as they are: one block for each reduce partition, by the hash of keys or evenly. */
import { EngineError } from '../core/errors.js';
import type { WrittenBlock } from '../blocks/block-layout.js';
import { writeColumnBlock } from '../blocks/column-block.js';
import { ColumnBuffer } from '../blocks/column-buffer.js';
import type { Chunk, ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { kernels } from '../columnar/kernels.js';
import { keySlices } from '../columnar/keys.js';
import { slicesOf } from '../columnar/slice-chunk.js';
import { takeRows } from '../columnar/take-rows.js';
import type { PlanNode } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import type { TaskContext } from './task-context.js';

interface ColumnWriter {
  push(chunk: Chunk): void;
  finish(): (BlockRef | null)[];
}

/** @param keys indexes of columns; none: rows go evenly to the partitions, in the order in which they come */
export function columnWriter(
  { memory, request }: TaskContext,
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
  /** In as many runs of rows as there are partitions; short ones of different tasks don't all begin with the same one. */
  const evenly = (buffer: ColumnBuffer | undefined): (WrittenBlock | null)[] => {
    const blocks = new Array<WrittenBlock | null>(numPartitions).fill(null);
    if (buffer === undefined || buffer.numRows === 0) return blocks;
    const mark = memory.scratchMark();
    // Validity is cut at whole bytes.
    const runRows = Math.ceil(buffer.numRows / numPartitions / 8) * 8;
    let partition = request.partition;
    for (const run of slicesOf(buffer.chunk(), runRows)) blocks[partition++ % numPartitions] = writeColumnBlock(run);
    memory.releaseScratch(mark);
    buffer.clear();
    return blocks;
  };
  return {
    push(chunk) {
      const mark = memory.scratchMark();
      const columns = chunk.kind === 'columns' ? chunk : columnsFromRows(memory, schema, chunk.rows, node.label);
      if (numPartitions === 1 || keys.length === 0) buffers[0]?.append(columns);
      else spread(columns);
      memory.releaseScratch(mark);
    },
    finish: () => {
      const blocks = numPartitions > 1 && keys.length === 0 ? evenly(buffers[0]) : buffers.map(own => own.toBlock());
      return blocks.map(block => block && { slot: memory.slot, ...block });
    },
  };
}
