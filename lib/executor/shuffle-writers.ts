/** The ends of a stage that write shuffle blocks: rows in, at the end one block (or null) for each reduce partition. */
import { EngineError } from '../core/errors.js';
import { RoundRobinPartitioner } from '../blocks/row-block.js';
import { writeGroupBlocks } from '../blocks/group-block.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { accumulatorValues } from '../columnar/aggregate.js';
import { GroupTable, type AggregateInput } from '../columnar/group-table.js';
import { keySlices } from '../columnar/keys.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { evalPredicate } from '../columnar/predicate.js';
import { rowsOf } from '../columnar/rows.js';
import { wideVisitor } from '../columnar/wide/wide-input.js';
import { WideTable } from '../columnar/wide/wide-table.js';
import type { AggregateColumn, Shuffle } from '../plan/node.js';
import { columnWriter } from './column-writer.js';
import { combiningWriter, pairWriter } from './pair-writers.js';
import { refsOf, type ShuffleWriter, type ShuffleWriterOptions } from './shuffle-writer.js';
import type { TaskContext } from './task-context.js';

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
