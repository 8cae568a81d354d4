/** A window of rows whose columns are declared: pieces are blocks of columns, and no row is made of them. */
import { readColumnBlock, writeColumnBlock } from '../blocks/column-block.js';
import { concatChunks } from '../columnar/concat-chunks.js';
import { slicesOf } from '../columnar/slice-chunk.js';
import type { Column } from '../core/schema.js';
import { DeltaBuilder, type DeltaBlock } from '../state/delta.js';
import { emitColumns } from './leaves.js';
import { readBlock } from './read-block.js';
import { WindowPieces } from './window-pieces.js';
import { finishDelta, piecesOf, type WindowTask } from './window-task.js';

/** The rows of all its batches, in order of the batches. @returns the change of state, undefined when there is none */
export function windowColumns(task: WindowTask, columns: readonly Column[]): DeltaBlock | undefined {
  const { ctx, table, operation, blocks, emit } = task;
  const { memory } = ctx;
  const { time } = ctx.request;
  const pieces = new WindowPieces(table);
  const delta = new DeltaBuilder(memory, 'variable');
  const chunks = blocks.map(block => readBlock(ctx, block, bytes => readColumnBlock(memory, columns, bytes)));
  const entering = concatChunks(memory, columns, chunks);
  const { numPieces, first } = piecesOf(table, time, entering.numRows);
  // Validity is cut at whole bytes.
  const pieceRows = Math.ceil(entering.numRows / Math.max(1, numPieces) / 8) * 8;
  const written = [...slicesOf(entering, pieceRows)].map(writeColumnBlock);
  for (const [i, { address, byteLength }] of written.entries())
    pieces.putBytes(delta, time, first + i, memory.bytes(address, byteLength));
  pieces.removeUntil(delta, time - operation.windowMs);
  const change = finishDelta(ctx, delta);
  for (const { address } of written) memory.free(address);
  if (emit !== undefined) {
    for (const bytes of pieces.bytesBetween(time - operation.windowMs, time)) {
      const mark = memory.scratchMark();
      emitColumns(readColumnBlock(memory, columns, bytes), emit);
      memory.releaseScratch(mark);
    }
    emitColumns(entering, emit);
  }
  return change;
}
