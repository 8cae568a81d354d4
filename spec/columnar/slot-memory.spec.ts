import { expect } from 'chai';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import { forSeeds, intBelow, type Random } from '../helpers/random-values.js';
import { newMemory } from './key-fixture.js';

const RESERVED_BYTES = 65536;

interface Block {
  readonly address: number;
  readonly byteLength: number;
  readonly mark: number;
}

/** Fills a block to its last byte, so that any overlap shows. */
function take(memory: SlotMemory, byteLength: number, mark: number): Block {
  const address = memory.alloc(byteLength);
  memory.bytes(address, byteLength).fill(mark);
  return { address, byteLength, mark };
}

function expectWhole(memory: SlotMemory, blocks: readonly Block[]): void {
  for (const { address, byteLength, mark } of blocks) {
    const bytes = memory.bytes(address, byteLength);
    if (!bytes.every(byte => byte === mark)) throw new Error(`block ${address} of ${byteLength} bytes was overwritten`);
  }
}

function randomSteps(random: Random, memory: SlotMemory, blocks: Block[], steps: number): void {
  for (let step = 0; step < steps; step++) {
    if (blocks.length > 0 && random() < 0.45) {
      const [gone] = blocks.splice(intBelow(random, blocks.length), 1);
      if (gone) memory.free(gone.address);
    } else {
      const byteLength = random() < 0.1 ? intBelow(random, 400_000) : intBelow(random, 5000);
      blocks.push(take(memory, byteLength, 1 + intBelow(random, 255)));
    }
  }
}

describe('columnar/slot-memory', () => {
  it('never hands the same byte out twice, whatever is taken and freed', () => {
    forSeeds(6, random => {
      const memory = newMemory();
      const blocks: Block[] = [];
      for (let round = 0; round < 5; round++) {
        randomSteps(random, memory, blocks, 60);
        expectWhole(memory, blocks);
        expect(memory.numBlocks).to.equal(blocks.length);
        for (const { address, byteLength } of blocks) {
          expect(address % 16).to.equal(0);
          expect(address).to.be.at.least(RESERVED_BYTES);
          expect(memory.isLive(address)).to.equal(true);
          expect(memory.sizeOf(address)).to.be.at.least(byteLength);
        }
      }
      for (const { address } of blocks) memory.free(address);
      expect(memory.liveBytes).to.equal(0);
      // All that was ever taken is one gap again.
      expect(memory.alloc(memory.memory.buffer.byteLength - 2 * RESERVED_BYTES)).to.equal(RESERVED_BYTES);
    });
  });

  it('goes on in a new thread with the blocks that are alive and the gaps between them', () => {
    forSeeds(6, random => {
      const memory = newMemory();
      const blocks: Block[] = [];
      randomSteps(random, memory, blocks, 100);
      memory.scratch(100_000);
      const successor = new SlotMemory(0, memory.memory, memory.limitBytes);
      successor.adopt(blocks);
      expect(successor.numBlocks).to.equal(blocks.length);
      randomSteps(random, successor, blocks, 100);
      expectWhole(successor, blocks);
    });
  });

  it('refuses to adopt blocks that overlap, and to free what is not live', () => {
    const memory = newMemory();
    const overlapping = [
      { address: RESERVED_BYTES, byteLength: 100 },
      { address: RESERVED_BYTES + 96, byteLength: 16 },
    ];
    expect(() => memory.adopt(overlapping))
      .to.throw('overlap')
      .with.property('code', 'internal');
    const address = newMemory().alloc(10);
    expect(() => newMemory().free(address))
      .to.throw('no such block')
      .with.property('code', 'internal');
  });

  it('grows up to its limit, and says what to do beyond', () => {
    const memory = newMemory(1024 * 1024);
    const address = memory.alloc(memory.limitBytes - RESERVED_BYTES);
    expect(() => memory.alloc(16))
      .to.throw('raise slotMemory')
      .with.property('code', 'memoryLimit');
    memory.free(address);
    expect(memory.alloc(16)).to.equal(address);
  });

  it('keeps 64 readable bytes behind its last block', () => {
    for (const extra of [0, 16, 48, 64, 80]) {
      const memory = newMemory(16 * 1024 * 1024);
      const byteLength = memory.memory.buffer.byteLength - RESERVED_BYTES - extra;
      const end = memory.alloc(byteLength) + byteLength;
      expect(memory.memory.buffer.byteLength).to.be.at.least(end + 64);
    }
  });

  it('gives scratch back to a mark, and all of it at the end of a task', () => {
    const memory = newMemory();
    const first = memory.scratch(1000);
    const mark = memory.scratchMark();
    const second = memory.scratch(1000);
    const large = memory.scratch(5_000_000);
    expect(new Set([first, second, large]).size).to.equal(3);
    memory.releaseScratch(mark);
    expect(memory.scratch(1000)).to.equal(second);
    memory.resetScratch();
    expect(memory.scratch(1000)).to.equal(first);
  });

  it('takes what lasts from the last gaps, so that the first stay whole for tasks', () => {
    const memory = newMemory();
    const [first, between, last] = [1600, 160, 1600].map(bytes => memory.alloc(bytes));
    memory.alloc(16);
    memory.free(first);
    memory.free(last);
    expect(memory.alloc(160, 'lasting')).to.equal(last + 1440);
    expect(memory.alloc(1440, 'lasting')).to.equal(last);
    expect(memory.alloc(160)).to.equal(first);
    expect(memory.alloc(160, 'lasting')).to.equal(first + 1440);
    expect(memory.alloc(1600, 'lasting')).to.be.above(last);
    memory.free(between);
    expect(memory.alloc(160)).to.equal(first + 160);
  });

  it('keeps at most 8 MiB of scratch from task to task', () => {
    const memory = newMemory();
    for (let i = 0; i < 5; i++) memory.scratch(3 * 1024 * 1024);
    memory.resetScratch();
    expect(memory.liveBytes).to.equal(6 * 1024 * 1024);
  });

  it('remembers the blocks of an attempt that it did not free, scratch and what outlives it apart', () => {
    const memory = newMemory();
    const before = memory.alloc(10);
    memory.startTracking();
    const left = memory.alloc(10);
    memory.free(memory.alloc(10));
    memory.free(before);
    memory.scratch(10);
    const kept = memory.untracked(() => memory.alloc(10));
    expect(memory.stopTracking()).to.deep.equal([left]);
    expect(memory.isLive(kept)).to.equal(true);
    memory.alloc(10);
    expect(memory.stopTracking()).to.deep.equal([]);
  });

  it('sees what another thread has written after growing', () => {
    const shared = createSlotMemory(64 * 1024 * 1024);
    const owner = new SlotMemory(0, shared, 64 * 1024 * 1024);
    const reader = new SlotMemory(0, shared, 64 * 1024 * 1024);
    const block = take(owner, 20_000_000, 7);
    expect(reader.bytes(block.address, block.byteLength).at(-1)).to.equal(7);
  });
});
