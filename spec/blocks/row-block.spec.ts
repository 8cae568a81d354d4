import { expect } from 'chai';
import { BlockDamaged } from '../../lib/blocks/block-damaged.js';
import type { WrittenBlock } from '../../lib/blocks/block-layout.js';
import {
  PairPartitioner,
  PairReader,
  readPairs,
  readRowBlock,
  RoundRobinPartitioner,
  writeRowBlock,
} from '../../lib/blocks/row-block.js';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import { EngineError } from '../../lib/core/errors.js';
import { hashBytes, partitionOf } from '../../lib/core/hash.js';
import { keyBytes } from '../../lib/core/value-key.js';
import { forSeeds, intBelow, randomString, randomValue } from '../helpers/random-values.js';

const NUM_KEY_GROUPS = 128;

function newMemory(limitBytes = 64 * 1024 * 1024): SlotMemory {
  return new SlotMemory(0, createSlotMemory(limitBytes), limitBytes);
}

/** The block's bytes as another thread sees them: through a view of its own over the shared memory. */
const foreignBytes = (memory: SlotMemory, block: WrittenBlock): Uint8Array =>
  new Uint8Array(memory.memory.buffer, block.address, block.byteLength);

const hexOf = (value: unknown): string => Buffer.from(keyBytes(value)).toString('hex');

function existing(block: WrittenBlock | null): WrittenBlock {
  if (block === null) throw new Error('a block was wanted');
  return block;
}

describe('row block', () => {
  it('gives the rows back in order, to any thread', () => {
    forSeeds(30, random => {
      const memory = newMemory();
      const rows = Array.from({ length: 1 + intBelow(random, 300) }, () => randomValue(random, 2));
      const block = existing(writeRowBlock(memory, rows));
      expect(block.numRows).to.equal(rows.length);
      expect(readRowBlock(foreignBytes(memory, block)).map(hexOf)).to.deep.equal(rows.map(hexOf));
    });
  });

  it('holds nothing of the block: its memory may be used again', () => {
    const memory = newMemory();
    const rows = [{ text: 'long enough to be cut from its parent', raw: Uint8Array.of(1, 2, 3) }, 'short'];
    const block = existing(writeRowBlock(memory, rows));
    const back = readRowBlock(foreignBytes(memory, block));
    memory.bytes(block.address, block.byteLength).fill(0xee);
    expect(back).to.deep.equal(rows);
  });

  it('is null, and takes no memory, when there are no rows', () => {
    const memory = newMemory();
    expect(writeRowBlock(memory, [])).to.equal(null);
    expect(new PairPartitioner(memory, 3, NUM_KEY_GROUPS).finish()).to.deep.equal([null, null, null]);
    expect(memory.numBlocks).to.equal(0);
  });

  it('grows the memory for a large block', () => {
    const memory = newMemory();
    const rows = Array.from({ length: 50 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(200_000));
    expect(readRowBlock(foreignBytes(memory, existing(writeRowBlock(memory, rows)))).join('')).to.equal(rows.join(''));
  });

  it('refuses a row that is no data and keeps no block of it', () => {
    const memory = newMemory();
    expect(() => writeRowBlock(memory, [1, { run: () => 1 }])).to.throw(EngineError, 'value.run is a function');
    expect(memory.numBlocks).to.equal(0);
  });

  it('is refused when cut, overwritten, of the other kind or not a block', () => {
    const memory = newMemory();
    const block = existing(writeRowBlock(memory, ['one', 'two', { three: 3 }]));
    const bytes = foreignBytes(memory, block).slice();
    const refused = (change: (copy: Uint8Array) => Uint8Array | void, why: string): void => {
      const copy = bytes.slice();
      expect(() => readRowBlock(change(copy) ?? copy), why).to.throw(BlockDamaged);
    };
    for (let end = 0; end < bytes.length; end++) refused(copy => copy.subarray(0, end), `cut to ${end} bytes`);
    refused(copy => new Uint8Array([...copy, 0]), 'a byte more');
    for (let at = 0; at < 16; at++)
      refused(copy => void (copy[at] = (copy[at] as number) ^ 0x40), `byte ${at} of the header`);
    refused(copy => void (copy[8] = 2), 'a row fewer');
    refused(copy => void (copy[16] = 0x3f), 'no tag');
    refused(copy => void copy.fill(0), 'cleared');
    expect(() => new PairReader(bytes)).to.throw(BlockDamaged, 'kind 2 (pairs)');
  });

  it('ends with values or BlockDamaged on any bytes', () => {
    forSeeds(200, random => {
      const memory = newMemory();
      const partitioner = new PairPartitioner(memory, 1, NUM_KEY_GROUPS);
      for (let i = 0; i < 5; i++) partitioner.add(randomString(random), randomValue(random, 2));
      const bytes = foreignBytes(memory, existing(partitioner.finish()[0] ?? null));
      for (let i = 0; i < 4; i++) bytes[16 + intBelow(random, bytes.length - 16)] = intBelow(random, 256);
      try {
        readPairs(bytes, () => undefined);
      } catch (error) {
        expect(error).to.be.instanceOf(BlockDamaged);
      }
    });
  });

  it('lets through what the visitor throws', () => {
    const memory = newMemory();
    const partitioner = new PairPartitioner(memory, 1, NUM_KEY_GROUPS);
    partitioner.add('k', 1);
    const bytes = foreignBytes(memory, existing(partitioner.finish()[0] ?? null));
    const thrown = new Error('from the visitor');
    expect(() =>
      readPairs(bytes, () => {
        throw thrown;
      }),
    ).to.throw(thrown);
  });
});

describe('pair partitioner', () => {
  it('puts each pair where the hash of its key says, in order, with its key bytes and hash', () => {
    forSeeds(30, random => {
      const memory = newMemory();
      const numPartitions = 1 + intBelow(random, 9);
      const pairs = Array.from({ length: intBelow(random, 400) }, (): [unknown, unknown] => [
        randomValue(random, 1),
        randomValue(random, 2),
      ]);
      const partitioner = new PairPartitioner(memory, numPartitions, NUM_KEY_GROUPS);
      for (const [key, value] of pairs) partitioner.add(key, value);
      const blocks = partitioner.finish();
      expect(blocks).to.have.length(numPartitions);
      const wanted: string[][] = blocks.map(() => []);
      for (const [key, value] of pairs) {
        const bytes = keyBytes(key);
        const hash = hashBytes(bytes, 0, bytes.length);
        wanted[partitionOf(hash, numPartitions, NUM_KEY_GROUPS)]?.push(
          `${hexOf(key)} ${hash} ${hexOf(key)} ${hexOf(value)}`,
        );
      }
      blocks.forEach((block, partition) => {
        const found: string[] = [];
        if (block !== null) {
          readPairs(foreignBytes(memory, block), (bytes, hash, key, value) => {
            found.push(`${Buffer.from(bytes).toString('hex')} ${hash} ${hexOf(key)} ${hexOf(value)}`);
          });
        }
        expect(found, `partition ${partition} of ${numPartitions}`).to.deep.equal(wanted[partition]);
        expect(block?.numRows ?? 0).to.equal(found.length);
      });
    });
  });

  it('brings keys of the same content together, however they are written', () => {
    const memory = newMemory();
    const partitioner = new PairPartitioner(memory, 64, NUM_KEY_GROUPS);
    for (const key of [
      { a: 1, b: 0 },
      { b: -0, a: 1 },
    ])
      partitioner.add(key, 1);
    expect(partitioner.finish().filter(block => block !== null)).to.have.length(1);
  });

  it('uses every partition', () => {
    const partitioner = new PairPartitioner(newMemory(), 32, NUM_KEY_GROUPS);
    for (let i = 0; i < 2000; i++) partitioner.add(`user-${i}`, i);
    for (const block of partitioner.finish()) expect(existing(block).numRows).to.be.greaterThan(10);
  });

  it('keeps nothing of a pair that is refused', () => {
    const memory = newMemory();
    const partitioner = new PairPartitioner(memory, 1, NUM_KEY_GROUPS);
    partitioner.add('a', 1);
    expect(() => partitioner.add('b', Symbol('s'))).to.throw(EngineError, 'value is a symbol');
    expect(() => partitioner.add([() => 1], 1)).to.throw(EngineError, 'key[0] is a function');
    partitioner.add('c', 3);
    const pairs = new PairReader(foreignBytes(memory, existing(partitioner.finish()[0] ?? null)));
    const found: unknown[] = [];
    while (pairs.next()) found.push([pairs.key, pairs.value]);
    expect(found).to.deep.equal([
      ['a', 1],
      ['c', 3],
    ]);
  });

  it('leaves no block behind when memory ends on the way', () => {
    const memory = newMemory(2 * 1024 * 1024);
    const partitioner = new PairPartitioner(memory, 4, NUM_KEY_GROUPS);
    const value = 'v'.repeat(1000);
    for (let i = 0; i < 4000; i++) partitioner.add(i, value);
    expect(() => partitioner.finish())
      .to.throw(EngineError)
      .with.property('code', 'memoryLimit');
    expect(memory.numBlocks).to.equal(0);
  });
});

describe('round robin partitioner', () => {
  it('puts row i of map partition m into partition (m + i) mod n', () => {
    const memory = newMemory();
    for (const mapPartition of [0, 1, 2, 7]) {
      const partitioner = new RoundRobinPartitioner(memory, 3, mapPartition);
      for (let i = 0; i < 8; i++) partitioner.add(i);
      const found = partitioner.finish().map(block => readRowBlock(foreignBytes(memory, existing(block))));
      const wanted: number[][] = [[], [], []];
      for (let i = 0; i < 8; i++) wanted[(mapPartition + i) % 3]?.push(i);
      expect(found).to.deep.equal(wanted);
    }
  });

  it('does not count a row that is refused', () => {
    const memory = newMemory();
    const partitioner = new RoundRobinPartitioner(memory, 2, 0);
    expect(() => partitioner.add(() => 1)).to.throw(EngineError, 'value is a function');
    partitioner.add('first');
    const [first, second] = partitioner.finish();
    expect(readRowBlock(foreignBytes(memory, existing(first ?? null)))).to.deep.equal(['first']);
    expect(second).to.equal(null);
  });
});
