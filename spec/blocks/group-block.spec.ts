import { expect } from 'chai';
import { BlockDamaged } from '../../lib/blocks/block-damaged.js';
import { mergeGroupBlock, writeGroupBlocks } from '../../lib/blocks/group-block.js';
import type { WrittenBlock } from '../../lib/blocks/block-layout.js';
import { groupChunk } from '../../lib/columnar/group-chunk.js';
import { GroupTable } from '../../lib/columnar/group-table.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { hashBytes, partitionOf } from '../../lib/core/hash.js';
import { COUNT, groupsOf, newMemory, TEXT_KEY } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

const MIN = { name: 'low', kind: 'minFloat64', outputKind: 'float64' } as const;
const MAX = { name: 'high', kind: 'maxInt64', outputKind: 'int64' } as const;
const AGGREGATES = [COUNT, MIN, MAX];

type Row = readonly [string, number, number, number];

function combine(rows: readonly Row[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [key, n, low, high] of rows) {
    const old = groups.get(key);
    groups.set(key, old === undefined ? [n, low, high] : [old[0] + n, Math.min(old[1], low), Math.max(old[2], high)]);
  }
  return groups;
}

const rowsOfTable = (table: GroupTable): unknown[] =>
  rowsOf(groupChunk(table, TEXT_KEY, AGGREGATES)).map(row => Object.values(row as object));

const bytesOf = (memory: SlotMemory, block: WrittenBlock): Uint8Array => memory.bytes(block.address, block.byteLength);

/** One block with two groups, and a table that fits it. */
function twoGroups(checksum: boolean): { bytes: Uint8Array; into: GroupTable } {
  const memory = newMemory();
  const table = groupsOf(memory, AGGREGATES, [
    ['a', 1, 2, 3],
    ['a key of more than 16 bytes', 4, 5, 6],
  ]);
  const [block] = writeGroupBlocks(table, 1, 128, { checksum });
  if (block === undefined || block === null) throw new Error('no block was written');
  return { bytes: Uint8Array.from(bytesOf(memory, block)), into: new GroupTable(newMemory(), AGGREGATES) };
}

describe('blocks/group-block', () => {
  it('brings the partial aggregates of several map tasks together, each key in its partition', () => {
    forSeeds(25, random => {
      const numKeyGroups = pick(random, [1, 2, 128]);
      const numPartitions = pick(random, [1, 2, 3, 7, 200]);
      const keys = Array.from({ length: 60 }, (_, i) => `${'k'.repeat(pick(random, [0, 3, 14, 15, 16, 17, 300]))}${i}`);
      const tasks = Array.from({ length: 3 }, () => {
        const rows = Array.from({ length: intBelow(random, 200) }, (): Row => {
          const value = intBelow(random, 100);
          return [pick(random, keys), 1 + intBelow(random, 5), value / 4, value - 50];
        });
        const memory = newMemory();
        const table = groupsOf(memory, AGGREGATES, rows);
        const blocks = writeGroupBlocks(table, numPartitions, numKeyGroups, { checksum: random() < 0.5 });
        expect(blocks.reduce((sum, block) => sum + (block?.numRows ?? 0), 0)).to.equal(table.numGroups);
        table.dispose();
        return { rows, memory, blocks };
      });
      const found: unknown[] = [];
      for (let p = 0; p < numPartitions; p++) {
        // The reducer runs on the first task's slot: its block is read in place, the others are copied.
        const memory = tasks[0]?.memory ?? newMemory();
        const table = new GroupTable(memory, AGGREGATES);
        for (const task of tasks) {
          const block = task.blocks[p];
          if (block) mergeGroupBlock(table, bytesOf(task.memory, block));
        }
        const expected = combine(
          tasks
            .flatMap(({ rows }) =>
              [...combine(rows)].map(([key, row]): Row => [key, ...(row as [number, number, number])]),
            )
            .filter(([key]) => {
              const bytes = Buffer.from(key);
              return partitionOf(hashBytes(bytes, 0, bytes.length), numPartitions, numKeyGroups) === p;
            }),
        );
        expect(rowsOfTable(table)).to.deep.equal([...expected].map(([key, row]) => [key, ...row]));
        found.push(...rowsOfTable(table));
        table.dispose();
      }
      expect(found.length).to.equal(combine(tasks.flatMap(task => task.rows)).size);
    });
  });

  it('writes no block for a partition without groups, and none for an empty table', () => {
    const memory = newMemory();
    const one = writeGroupBlocks(groupsOf(memory, AGGREGATES, [['a', 1, 1, 1]]), 4, 128);
    expect(one.filter(block => block !== null)).to.have.length(1);
    expect(writeGroupBlocks(new GroupTable(memory, AGGREGATES), 2, 128)).to.deep.equal([null, null]);
  });

  it('leaves no block behind when memory ends on the way', () => {
    const memory = newMemory(16 * 1024 * 1024);
    const rows = Array.from({ length: 9000 }, (_, i): Row => [`${'x'.repeat(90)}${i}`, 1, 1, 1]);
    const table = groupsOf(memory, AGGREGATES, rows);
    memory.resetScratch();
    // All memory is taken, then room is left for some of the blocks, each of about 150 kB.
    const taken: number[] = [];
    expect(() => {
      for (;;) taken.push(memory.alloc(16384));
    }).to.throw('limit');
    for (const address of taken.slice(-30)) memory.free(address);
    const blocksBefore = memory.numBlocks;
    expect(() => writeGroupBlocks(table, 8, 128))
      .to.throw('limit')
      .with.property('code', 'memoryLimit');
    expect(memory.numBlocks).to.equal(blocksBefore);
  });

  it('notices a block that is cut short, foreign or of other aggregates', () => {
    const { bytes, into } = twoGroups(false);
    for (const end of [0, 16, 31, bytes.length - 1]) {
      expect(() => mergeGroupBlock(into, bytes.subarray(0, end)), `cut at ${end}`).to.throw(BlockDamaged);
    }
    // Magic, rows, aggregates, key bytes, block bytes; and the first key's length.
    for (const at of [0, 4, 8, 12, 16, 40]) {
      const flipped = Uint8Array.from(bytes);
      flipped[at] ^= 1;
      expect(() => mergeGroupBlock(into, flipped), `flipped at ${at}`).to.throw(BlockDamaged);
    }
    const other = new GroupTable(into.memory, [COUNT]);
    expect(() => mergeGroupBlock(other, bytes)).to.throw(BlockDamaged);
    expect(into.numGroups).to.equal(0);
  });

  it('notices any flipped bit when it was written with a checksum', () => {
    const { bytes, into } = twoGroups(true);
    for (let at = 0; at < bytes.length; at++) {
      // A field of the header that nothing reads.
      if (at >= 28 && at < 32) continue;
      const flipped = Uint8Array.from(bytes);
      flipped[at] ^= 1 << (at & 7);
      expect(() => mergeGroupBlock(into, flipped), `flipped at ${at}`).to.throw(BlockDamaged);
    }
    mergeGroupBlock(into, bytes);
    expect(into.numGroups).to.equal(2);
  });
});
