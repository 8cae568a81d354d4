/**
 * Where a stage's rows begin: a source's range, or the blocks that the stages before wrote for this partition. Each
 * function reads its input whole and pushes chunks to `emit`.
 */
import { keyOf, type KeyIdentity } from '../core/value-key.js';
import { mergeGroupBlock } from '../blocks/group-block.js';
import { PairReader, readRowBlock } from '../blocks/row-block.js';
import { rowChunk, type Chunk, type ColumnChunk } from '../columnar/chunk.js';
import { groupChunk } from '../columnar/group-chunk.js';
import { GroupTable } from '../columnar/group-table.js';
import type { Predicate } from '../columnar/predicate.js';
import { slicesOf } from '../columnar/slice-chunk.js';
import type { WideTable } from '../columnar/wide/wide-table.js';
import type { Column } from '../core/schema.js';
import type { SourceSpec } from '../core/source-spec.js';
import type { AggregateColumn } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import { QueueSourceReader } from '../sources/queue-source.js';
import type { SourceReader } from '../sources/source.js';
import type { Combiner } from '../api/closures.js';
import { MergedPairs } from './merge-pairs.js';
import type { Emit } from './row-operators.js';
import { readBlock } from './read-block.js';
import { RowSelector } from './select-rows.js';
import type { TaskContext } from './task-context.js';

/** Rows a chunk that is made from blocks holds at the most: enough to spread the cost of a push, few enough for the cache. */
const CHUNK_ROWS = 4096;

export async function readSource(
  ctx: TaskContext,
  spec: SourceSpec,
  sourceId: string,
  reader: SourceReader,
  columns: readonly string[] | undefined,
  where: Predicate | undefined,
  emit: Emit,
): Promise<void> {
  const { rows } = ctx.request;
  if (rows?.to === 0) return;
  const selector = rows && new RowSelector(ctx, rows, sourceId);
  const policy = spec.kind === 'file' ? spec.format.onBadRecord : 'fail';
  const chunks = reader.read(ctx.request.range, {
    memory: ctx.memory,
    time: ctx.request.time as never,
    columns,
    where,
    onDropped: records => (ctx.inputRecords += records),
    onBadRecord: record => ctx.onBadRecord(policy, record),
    onBytes: bytes => (ctx.inputBytes += bytes),
    ...selector?.readContext,
  });
  const push = (read: Chunk): void => {
    ctx.inputRecords += read.numRows;
    const chunk = selector === undefined ? read : selector.take(read);
    if (chunk.numRows > 0) emit(chunk);
  };
  // A source that needs no waiting costs none: `for await` would take a microtask for each chunk.
  if (Symbol.iterator in chunks) for (const chunk of chunks) push(chunk);
  else for await (const chunk of chunks) push(chunk);
}

/** Values of the driver, which came with the task. */
export function readCollection(ctx: TaskContext, emit: Emit): void {
  for (const chunk of new QueueSourceReader().read(ctx.request.range)) emit(chunk);
}

/** repartition: the rows of all blocks as they come. */
export function readRows(ctx: TaskContext, blocks: readonly BlockRef[], emit: Emit): void {
  for (const block of blocks) emitRows(readBlock(ctx, block, readRowBlock), emit);
}

/** partitionBy: the pairs of all blocks as they come. */
export function readPairs(ctx: TaskContext, blocks: readonly BlockRef[], emit: Emit): void {
  for (const block of blocks) {
    const rows: (readonly [unknown, unknown])[] = [];
    forEachPair(ctx, [block], (key, value) => rows.push([key, value]));
    emitRows(rows, emit);
  }
}

/** reduceByKey and its like: one pair for each key, in order of first appearance. */
export function combinePairs(
  ctx: TaskContext,
  blocks: readonly BlockRef[],
  combiner: Combiner,
  label: string,
  emit: Emit,
): void {
  const merged = MergedPairs.of(ctx, blocks, combiner, label);
  for (let start = 0; start < merged.keys.length; start += CHUNK_ROWS) {
    emit(rowChunk(merged.slice(start, start + CHUNK_ROWS)));
  }
}

/** The values of each key from each of several shuffles: `[key, [values of the first, values of the second ...]]`. */
export function cogroupPairs(
  ctx: TaskContext,
  inputs: readonly (readonly BlockRef[])[],
): Map<KeyIdentity, [unknown, unknown[][]]> {
  const groups = new Map<KeyIdentity, [unknown, unknown[][]]>();
  inputs.forEach((blocks, side) =>
    forEachPair(ctx, blocks, (key, value) => {
      const identity = keyOf(key);
      let entry = groups.get(identity);
      if (entry === undefined) groups.set(identity, (entry = [key, inputs.map(() => [])]));
      entry[1][side]?.push(value);
    }),
  );
  return groups;
}

/** Partial aggregates of all blocks put together, wide ones in `wide`. The caller disposes of the table. */
export function mergeGroups(
  ctx: TaskContext,
  blocks: readonly BlockRef[],
  aggregates: readonly AggregateColumn[],
  wide?: WideTable,
): GroupTable {
  // There are at least as many as in the largest block, and rarely many more: tasks of a batch see the same keys.
  const expected = blocks.reduce((most, { numRows }) => Math.max(most, numRows), 0);
  const table = new GroupTable(ctx.memory, aggregates, blocks.length > 1 ? expected * 1.25 : expected);
  for (const block of blocks) readBlock(ctx, block, bytes => mergeGroupBlock(table, bytes, wide));
  return table;
}

/** agg: key columns and aggregates of the batch's groups. */
export function aggregateGroups(
  ctx: TaskContext,
  blocks: readonly BlockRef[],
  keys: readonly Column[],
  aggregates: readonly AggregateColumn[],
  emit: Emit,
): void {
  const table = mergeGroups(ctx, blocks, aggregates);
  emitColumns(groupChunk(table, keys, aggregates), emit);
  table.dispose();
}

export function emitColumns(chunk: ColumnChunk, emit: Emit): void {
  for (const piece of slicesOf(chunk, CHUNK_ROWS)) emit(piece);
}

export function emitRows(rows: readonly unknown[], emit: Emit): void {
  for (let start = 0; start < rows.length; start += CHUNK_ROWS) emit(rowChunk(rows.slice(start, start + CHUNK_ROWS)));
}

function forEachPair(
  ctx: TaskContext,
  blocks: readonly BlockRef[],
  visit: (key: unknown, value: unknown) => void,
): void {
  for (const block of blocks) {
    readBlock(ctx, block, bytes => {
      const pairs = new PairReader(bytes);
      while (pairs.next()) visit(pairs.key, pairs.value);
    });
  }
}
