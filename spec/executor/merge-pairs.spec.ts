import { expect } from 'chai';
import { PairPartitioner } from '../../lib/blocks/row-block.js';
import { rowChunk } from '../../lib/columnar/chunk.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { keyOf } from '../../lib/core/value-key.js';
import { MergedPairs } from '../../lib/executor/merge-pairs.js';
import { RowEmitter } from '../../lib/executor/row-emitter.js';
import { TaskContext } from '../../lib/executor/task-context.js';
import type { BlockRef, TaskRequest } from '../../lib/protocol/messages.js';
import { DeadLetterWriter } from '../../lib/sinks/dead-letter.js';
import { newMemory } from '../columnar/key-fixture.js';
import { intBelow, randomOf } from '../helpers/random-values.js';

const REQUEST: TaskRequest = {
  ...{ kind: 'task', stage: 1, partition: 0, attempt: 1, time: 1000, previousTime: 0 },
  ...{ plan: null, broadcasts: [], range: null, inputs: [] },
};

/** A task of slot 0 that reads blocks of any of these slots. */
const contextOf = (memories: readonly SlotMemory[]): TaskContext => {
  const [own] = memories;
  return new TaskContext(own, REQUEST, new DeadLetterWriter(own, 1000), ({ slot, address, byteLength }) =>
    memories[slot].bytes(address, byteLength),
  );
};

function blockOf(
  memories: readonly SlotMemory[],
  slot: number,
  pairs: readonly (readonly [unknown, unknown])[],
): BlockRef {
  const partitioner = new PairPartitioner(memories[slot], 1, 8);
  for (const [key, value] of pairs) partitioner.add(key, value);
  const [block] = partitioner.finish();
  if (!block) throw new Error('no pairs, no block');
  return { slot, ...block };
}

describe('executor/merge-pairs', () => {
  it('puts the values of each key together in order, from blocks of its own slot and of others', () => {
    const random = randomOf(12);
    const memories = [newMemory(), newMemory()];
    const key = (i: number): unknown => [i, `${i}`, [i, 'x'], `a text of more than sixteen bytes ${i}`][i % 4];
    const lists = [0, 1, 2].map(b =>
      Array.from({ length: 2500 }, (_, i) => [key(intBelow(random, 900)), `${b}/${i} `] as const),
    );
    const blocks = lists.map((pairs, b) => blockOf(memories, b % 2, pairs));
    const oracle = new Map<unknown, [unknown, string]>();
    for (const [k, value] of lists.flat()) {
      const entry = oracle.get(keyOf(k));
      if (entry === undefined) oracle.set(keyOf(k), [k, value]);
      else entry[1] += value;
    }
    const add = (a: string, b: string): string => a + b;
    const combiner = { create: (a: string) => a, merge: add, mergeCombiners: add };
    const [own] = memories;
    const before = own.numBlocks;
    const merged = MergedPairs.of(contextOf(memories), blocks, combiner, 'spec');
    expect(merged.slice(0, Infinity)).to.deep.equal([...oracle.values()]);
    expect(merged.slice(10, 12)).to.deep.equal([...oracle.values()].slice(10, 12));
    // One chunk of scratch is kept for the next task.
    expect(own.numBlocks).to.equal(before + 1);
  });
});

describe('executor/row-emitter', () => {
  it('passes on 4096 rows at a time, and then names its own node again', () => {
    const ctx = contextOf([newMemory()]);
    const chunks: unknown[][] = [];
    const emitter = new RowEmitter(ctx, 'own', chunk => {
      chunks.push([...rowsOf(chunk)]);
      ctx.label = 'of another';
    });
    const rows = Array.from({ length: 5000 }, (_, i) => i);
    for (const row of rows) {
      emitter.push(row);
      if (chunks.length > 0) expect(ctx.label).to.equal('own');
    }
    expect(chunks).to.have.length(1);
    emitter.flush();
    emitter.flush();
    expect(chunks.map(chunk => chunk.length)).to.deep.equal([4096, 904]);
    expect(chunks.flat()).to.deep.equal([...rowsOf(rowChunk(rows))]);
  });
});
