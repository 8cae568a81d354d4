/** The shuffle writers of pairs: as they are, or combined by key before they are written. */
import { EngineError } from '../core/errors.js';
import { PairPartitioner } from '../blocks/row-block.js';
import { KEYS_AT_ONCE, KeyTable } from '../columnar/key-table.js';
import { rowsOf } from '../columnar/rows.js';
import { pairOf } from './row-operators.js';
import { refsOf, type ShuffleWriter, type ShuffleWriterOptions } from './shuffle-writer.js';
import type { TaskContext } from './task-context.js';
import { ValueColumn } from './value-column.js';

export function pairWriter(ctx: TaskContext, options: ShuffleWriterOptions): ShuffleWriter {
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
  const keys: unknown[] = [];
  const values: unknown[] = [];

  function combine(n: number): void {
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
  }

  return {
    push(chunk) {
      ctx.label = node.label;
      const rows = rowsOf(chunk);
      // Indexed: taking pairs apart by destructuring goes through iterators, which shows here.
      for (let from = 0; from < rows.length; from += KEYS_AT_ONCE) {
        const n = Math.min(KEYS_AT_ONCE, rows.length - from);
        for (let i = 0; i < n; i++) {
          const pair = pairOf(rows[from + i], node, 'gave');
          keys[i] = pair[0];
          values[i] = pair[1];
        }
        combine(n);
      }
    },
    finish() {
      const blocks = writeCombined(ctx, pairPartitioner(ctx, options), table, combined, originals);
      table.dispose();
      return refsOf(ctx, blocks);
    },
  };
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
