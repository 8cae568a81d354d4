/** The ends of a stage that write shuffle blocks: rows in, at the end one block (or null) for each reduce partition. */
import { EngineError } from '../core/errors.js';
import { keyOf, type KeyIdentity } from '../core/value-key.js';
import { PairPartitioner, RoundRobinPartitioner } from '../blocks/row-block.js';
import { writeGroupBlocks } from '../blocks/group-block.js';
import type { Chunk, ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { accumulatorValues } from '../columnar/aggregate.js';
import { GroupTable, type AggregateInput } from '../columnar/group-table.js';
import { keySlices } from '../columnar/keys.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { evalPredicate } from '../columnar/predicate.js';
import { rowsOf } from '../columnar/rows.js';
import { wideVisitor } from '../columnar/wide/wide-input.js';
import { WideTable } from '../columnar/wide/wide-table.js';
import type { AggregateColumn, PlanNode, Shuffle } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import type { Combiner } from '../api/closures.js';
import type { Partitioner } from '../api/partitioner.js';
import { columnWriter } from './column-writer.js';
import { pairOf } from './row-operators.js';
import type { TaskContext } from './task-context.js';

export interface ShuffleWriter {
  push(chunk: Chunk): void;
  finish(): (BlockRef | null)[];
}

export interface ShuffleWriterOptions {
  readonly shuffle: Shuffle;
  /** Whose rows are written, for messages and declared columns. */
  readonly node: PlanNode;
  readonly combiner: Combiner | undefined;
  /** Of a shuffle whose keys do not go by their hash. */
  readonly partitioner: Partitioner | undefined;
  readonly numKeyGroups: number;
}

export function makeShuffleWriter(ctx: TaskContext, options: ShuffleWriterOptions): ShuffleWriter {
  const { mode } = options.shuffle;
  switch (mode.kind) {
    case 'pairs':
      return mode.combine ? combiningWriter(ctx, options) : pairWriter(ctx, options);
    case 'roundRobin':
      return roundRobinWriter(ctx, options);
    case 'columns':
      return columnWriter(ctx, options.node, options.shuffle.numPartitions, options.numKeyGroups, mode.keys);
    case 'groups':
      return groupWriter(ctx, options, mode);
  }
}

type Written = { readonly address: number; readonly byteLength: number; readonly numRows: number } | null;

const refsOf = (ctx: TaskContext, written: readonly Written[]): (BlockRef | null)[] =>
  written.map(
    block =>
      block && { slot: ctx.memory.slot, address: block.address, byteLength: block.byteLength, numRows: block.numRows },
  );

function pairWriter(ctx: TaskContext, options: ShuffleWriterOptions): ShuffleWriter {
  const { node } = options;
  const partitioner = pairPartitioner(ctx, options);
  return {
    push(chunk) {
      for (const row of rowsOf(chunk)) {
        const [key, value] = pairOf(row, node, 'gave');
        partitioner.add(key, value);
      }
    },
    finish: () => refsOf(ctx, partitioner.finish()),
  };
}

/** Partitions by the key's hash, or as the job's own partitioner says. */
function pairPartitioner(
  ctx: TaskContext,
  { shuffle, partitioner, numKeyGroups, node }: ShuffleWriterOptions,
): PairPartitioner {
  const { numPartitions } = shuffle;
  if (partitioner === undefined) return new PairPartitioner(ctx.memory, numPartitions, numKeyGroups);
  const partitionOf = partitioner.partitionOf.bind(partitioner) as (key: unknown) => number;
  return new PairPartitioner(ctx.memory, numPartitions, numKeyGroups, key => {
    ctx.label = node.label;
    return partitionOf(key);
  });
}

/** Map-side combine: one pair for each key of the task, keys in order of first appearance. */
function combiningWriter(ctx: TaskContext, options: ShuffleWriterOptions): ShuffleWriter {
  const { node, combiner } = options;
  if (combiner === undefined) throw new EngineError('internal', `no combiner for ${node.label}`);
  const create = combiner.create as (value: unknown) => unknown;
  const merge = combiner.merge as (combined: unknown, value: unknown) => unknown;
  const combined = new Map<KeyIdentity, { readonly key: unknown; value: unknown }>();
  return {
    push(chunk) {
      ctx.label = node.label;
      const rows = rowsOf(chunk);
      // Indexed: taking pairs apart by destructuring goes through iterators, which shows here.
      for (let i = 0; i < rows.length; i++) {
        const pair = pairOf(rows[i], node, 'gave');
        const key = pair[0];
        const identity = keyOf(key);
        const entry = combined.get(identity);
        if (entry === undefined) combined.set(identity, { key, value: create(pair[1]) });
        else entry.value = merge(entry.value, pair[1]);
      }
    },
    finish() {
      const partitioner = pairPartitioner(ctx, options);
      for (const { key, value } of combined.values()) partitioner.add(key, value);
      return refsOf(ctx, partitioner.finish());
    },
  };
}

function roundRobinWriter(ctx: TaskContext, { shuffle }: ShuffleWriterOptions): ShuffleWriter {
  const partitioner = new RoundRobinPartitioner(ctx.memory, shuffle.numPartitions, ctx.request.partition);
  return {
    push(chunk) {
      for (const row of rowsOf(chunk)) partitioner.add(row);
    },
    finish: () => refsOf(ctx, partitioner.finish()),
  };
}

/** How many groups the last task of a shuffle had, by the memory of its slot: the next will have about as many. */
const lastGroups = new WeakMap<SlotMemory, Map<string, number>>();

function groupsOf(memory: SlotMemory): Map<string, number> {
  const known = lastGroups.get(memory) ?? new Map<string, number>();
  lastGroups.set(memory, known);
  return known;
}

/** Columns in, partial aggregates of the task's groups out; no row is made. */
function groupWriter(
  ctx: TaskContext,
  { shuffle, node, numKeyGroups }: ShuffleWriterOptions,
  { keys, aggregates, wide }: Extract<Shuffle['mode'], { readonly kind: 'groups' }>,
): ShuffleWriter {
  const { memory } = ctx;
  const schema = node.columns;
  if (schema === undefined) throw new EngineError('internal', `${node.label} is grouped by columns and declares none`);
  const table = new GroupTable(memory, aggregates, groupsOf(memory).get(shuffle.id));
  const beside = wide && new WideTable(wide);
  return {
    push(chunk) {
      // The table keeps nothing in scratch: what this chunk takes there is given back, whatever the chunk came from.
      const mark = memory.scratchMark();
      const columns = chunk.kind === 'columns' ? chunk : columnsFromRows(memory, schema, chunk.rows, node.label);
      table.update(
        keySlices(columns, keys),
        columns.numRows,
        aggregates.map(aggregate => inputOf(columns, aggregate)),
        beside && wideVisitor(columns, beside),
      );
      memory.releaseScratch(mark);
    },
    finish() {
      groupsOf(memory).set(shuffle.id, table.numGroups);
      const blocks = refsOf(ctx, writeGroupBlocks(table, shuffle.numPartitions, numKeyGroups, { wide: beside }));
      table.dispose();
      return blocks;
    },
  };
}

function inputOf(chunk: ColumnChunk, aggregate: AggregateColumn): AggregateInput {
  const mask = aggregate.filter === undefined ? undefined : evalPredicate(chunk, aggregate.filter);
  if (aggregate.column === undefined) return { mask };
  const index = chunk.schema.findIndex(column => column.name === aggregate.column);
  const values = accumulatorValues(chunk, index, aggregate.kind);
  return { mask, values, validity: chunk.columns[index]?.validity };
}
