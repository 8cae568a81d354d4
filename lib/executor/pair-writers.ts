/** The shuffle writers of pairs: as they are, or combined by key before they are written. */
import { EngineError } from '../core/errors.js';
import { PairPartitioner } from '../blocks/row-block.js';
import { KEYS_AT_ONCE, KeyTable } from '../columnar/key-table.js';
import { rowsOf } from '../columnar/rows.js';
import type { PlanNode } from '../plan/node.js';
import { refusePair } from './row-operators.js';
import { refsOf, type PairTaker, type ShuffleWriter, type ShuffleWriterOptions } from './shuffle-writer.js';
import type { TaskContext } from './task-context.js';
import { ValueColumn } from './value-column.js';

export function pairWriter(ctx: TaskContext, options: ShuffleWriterOptions): ShuffleWriter {
  const partitioner = pairPartitioner(ctx, options);
  const pairs = pairTaker(options.node, (keys, values, n) => {
    for (let i = 0; i < n; i++) partitioner.add(keys[i], values[i]);
  });
  return {
    push: chunk => takeRows(pairs, rowsOf(chunk)),
    pairs,
    finish: () => refsOf(ctx, partitioner.finish()),
  };
}

/** Map-side combine: one pair for each key of the task, keys in order of first appearance. */
export function combiningWriter(ctx: TaskContext, options: ShuffleWriterOptions): ShuffleWriter {
  const { node, combiner, partitioner } = options;
  if (combiner === undefined) throw new EngineError('internal', `no combiner for ${node.label}`);
  const create = combiner.create as (value: unknown) => unknown;
  const merge = combiner.merge as (combined: unknown, value: unknown) => unknown;
  const table = new KeyTable(ctx.memory);
  const combined = new ValueColumn();
  /** The keys as they first came, where the job's own partitioner looks at them. */
  const originals: unknown[] | undefined = partitioner === undefined ? undefined : [];
  const pairs = pairTaker(node, (keys, values, n) => {
    ctx.label = node.label;
    let known = table.size;
    const numbers = table.numbersOf(keys, n);
    for (let i = 0; i < n; i++) {
      const number = numbers[i];
      if (number === known) {
        combined.set(number, create(values[i]));
        originals?.push(keys[i]);
        known++;
      } else combined.set(number, merge(combined.get(number), values[i]));
    }
  });
  return {
    push: chunk => takeRows(pairs, rowsOf(chunk)),
    pairs,
    finish() {
      const blocks = writeCombined(ctx, pairPartitioner(ctx, options), table, combined, originals);
      table.dispose();
      return refsOf(ctx, blocks);
    },
  };
}

function pairTaker(
  node: PlanNode,
  use: (keys: readonly unknown[], values: readonly unknown[], n: number) => void,
): PairTaker {
  const keys: unknown[] = [];
  const values: unknown[] = [];
  return { keys, values, take: n => use(keys, values, n), refuse: row => refusePair(row, node, 'gave') };
}

function takeRows({ keys, values, take, refuse }: PairTaker, rows: readonly unknown[]): void {
  let n = 0;
  for (const row of rows) {
    if (!Array.isArray(row) || row.length !== 2) refuse(row);
    else {
      keys[n] = row[0];
      values[n] = row[1];
      if (++n === KEYS_AT_ONCE) {
        take(n);
        n = 0;
      }
    }
  }
  if (n > 0) take(n);
}

function writeCombined(
  { memory }: TaskContext,
  partitioner: PairPartitioner,
  table: KeyTable,
  combined: ValueColumn,
  originals: readonly unknown[] | undefined,
): ReturnType<PairPartitioner['finish']> {
  const mark = memory.scratchMark();
  const { values, lengths, hashes } = table.keys();
  const { u8, u32 } = memory;
  for (let i = 0; i < table.size; i++) {
    const start = u32[values / 4 + i];
    const end = start + u32[lengths / 4 + i];
    partitioner.addEncoded(u32[hashes / 4 + i], u8, start, end, originals?.[i], combined.get(i));
  }
  memory.releaseScratch(mark);
  return partitioner.finish();
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
