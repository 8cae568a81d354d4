/** Pairs that were combined by key before the shuffle, put together. */
import { KeyTable } from '../columnar/key-table.js';
import type { BlockRef } from '../protocol/messages.js';
import type { Combiner } from '../api/closures.js';
import { forEachPairBatch } from './pair-batch.js';
import type { TaskContext } from './task-context.js';
import { ValueColumn } from './value-column.js';

type Pair = [unknown, unknown];

/** One pair for each key, in order of first appearance. */
export class MergedPairs {
  readonly keys: unknown[] = [];
  readonly #values = new ValueColumn();

  /** Reads all blocks; the combiner puts the values of one key together, in the order in which they come. */
  static of(ctx: TaskContext, blocks: readonly BlockRef[], combiner: Combiner, label: string): MergedPairs {
    const merged = new MergedPairs();
    const mergeCombiners = combiner.mergeCombiners as (a: unknown, b: unknown) => unknown;
    const table = new KeyTable(ctx.memory);
    ctx.label = label;
    forEachPairBatch(ctx, blocks, batch => {
      const numbers = batch.withKeys(keys => table.numbersOfSlices(keys, batch.numPairs));
      merged.#add(numbers, batch.keys, batch.values, batch.numPairs, mergeCombiners);
    });
    table.dispose();
    return merged;
  }

  /** The pairs from `start` to before `end`, or to the last. */
  slice(start: number, end: number): Pair[] {
    const pairs: Pair[] = [];
    const last = Math.min(end, this.keys.length);
    for (let i = start; i < last; i++) pairs.push([this.keys[i], this.#values.get(i)]);
    return pairs;
  }

  #add(
    numbers: Uint32Array,
    keys: readonly unknown[],
    values: readonly unknown[],
    n: number,
    mergeCombiners: (a: unknown, b: unknown) => unknown,
  ): void {
    const all = this.#values;
    for (let i = 0; i < n; i++) {
      const number = numbers[i];
      if (number === this.keys.length) {
        this.keys.push(keys[i]);
        all.set(number, values[i]);
      } else all.set(number, mergeCombiners(all.get(number), values[i]));
    }
  }
}
