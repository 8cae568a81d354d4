import { expect } from 'chai';
import type { FilePlace } from '../../lib/core/file-place.js';
import type { BlockRef } from '../../lib/protocol/messages.js';
import { BlockRoom, type BlockUse } from '../../lib/scheduler/block-room.js';
import { turn } from '../helpers/run-engine.js';

interface Write {
  readonly sizes: readonly number[];
  readonly done: () => Promise<void>;
  readonly fail: () => Promise<void>;
}

/** A room for 100 bytes in each of two slots, whose moves end when the spec says so. */
class Fixture {
  readonly writes: Write[] = [];
  readonly released: string[] = [];
  readonly warnings: string[] = [];
  readonly moved: BlockRef[] = [];
  numEnded = 0;
  nowMs = 0;
  #numFiles = 0;
  readonly room: BlockRoom = new BlockRoom(
    2,
    {
      bytesOf: ({ byteLength }) => new Uint8Array(byteLength),
      moved: (block, place) => {
        Object.assign(block, this.room.placed(place));
        this.moved.push(block);
      },
      ended: () => this.numEnded++,
    },
    {
      maxBytes: 100,
      now: () => this.nowMs,
      onWarning: message => this.warnings.push(message),
      storage: {
        read: async (_, byteLength) => new Uint8Array(byteLength),
        release: ({ path, position }) => this.released.push(`${path}:${position}`),
        write: blocks =>
          new Promise((resolve, reject) => {
            const path = `file${++this.#numFiles}`;
            const places = blocks.map((_, position): FilePlace => ({ path, position, crc32: 0 }));
            this.writes.push({
              sizes: blocks.map(({ length }) => length),
              done: () => (resolve(places), turn()),
              fail: () => (reject(new Error('ENOSPC')), turn()),
            });
          }),
      },
    },
  );

  #nextAddress = 0;

  admit(byteLength: number, use: BlockUse = 'shuffled', slot = 0): BlockRef {
    const block: BlockRef = { slot, address: (this.#nextAddress += 16), byteLength, numRows: 1 };
    this.room.admit(block, use);
    return block;
  }

  write(index: number): Write {
    const write = this.writes[index];
    if (write === undefined) throw new Error(`no write ${index}`);
    return write;
  }
}

describe('BlockRoom', () => {
  it('moves what was not used for longest until a quarter of the room is free', async () => {
    const fixture = new Fixture();
    const blocks = [20, 30, 40].map(bytes => fixture.admit(bytes));
    fixture.room.hold(blocks.slice(0, 1));
    fixture.room.unhold(blocks.slice(0, 1));
    expect(fixture.writes).to.deep.equal([]);
    expect(fixture.room.isOver(0)).to.equal(false);
    fixture.admit(25);
    // 115 bytes: 40 must go, of the second block and the third.
    expect(fixture.write(0).sizes).to.deep.equal([30, 40]);
    expect([fixture.room.isOver(0), fixture.room.isOver(1)]).to.deep.equal([true, false]);
    await fixture.write(0).done();
    expect(fixture.moved).to.deep.equal(blocks.slice(1));
    expect(blocks.map(({ file }) => file?.path)).to.deep.equal([undefined, 'file1', 'file1']);
    expect(new Set(blocks.map(({ address }) => address)).size).to.equal(3);
    expect([fixture.numEnded, fixture.room.isOver(0)]).to.deep.equal([1, false]);
    expect(fixture.room.figures).to.deep.equal({
      memoryBytes: 45,
      fileBytes: 70,
      spilledBytes: 70,
      recomputedBlocks: 0,
    });
    expect(blocks.map(block => fixture.room.forget(block))).to.deep.equal([false, true, true]);
    expect(fixture.released).to.deep.equal(['file1:0', 'file1:1']);
    expect(fixture.room.figures).to.include({ memoryBytes: 25, fileBytes: 0 });
  });

  it('leaves what is read where it is, and moves it when it is read no more', async () => {
    const fixture = new Fixture();
    const block = fixture.admit(90);
    fixture.room.hold([block]);
    fixture.admit(90);
    expect(fixture.write(0).sizes).to.deep.equal([90]);
    await fixture.write(0).done();
    expect(block.file).to.equal(undefined);
    fixture.admit(20, 'output');
    expect(fixture.writes.length).to.equal(1);
    fixture.room.unhold([block]);
    await fixture.write(1).done();
    expect(block.file?.path).to.equal('file2');
  });

  it('forgets the file of a block that was released, or read, while it was written', async () => {
    const fixture = new Fixture();
    const [released, read, moved] = [40, 40, 40].map(bytes => fixture.admit(bytes)) as [BlockRef, BlockRef, BlockRef];
    expect(fixture.room.makeRoom(0)).to.equal(true);
    expect(fixture.write(0).sizes).to.deep.equal([40, 40]);
    fixture.room.forget(released);
    fixture.room.hold([read]);
    await fixture.write(0).done();
    expect(fixture.released).to.deep.equal(['file1:0', 'file1:1']);
    expect([read.file, moved.file]).to.deep.equal([undefined, undefined]);
    expect(fixture.room.figures).to.include({ memoryBytes: 80, fileBytes: 0, spilledBytes: 80 });
  });

  it('puts what lives as long into one file, and rows of outputs only when nothing else is left', async () => {
    const fixture = new Fixture();
    fixture.admit(10, 'output');
    fixture.admit(10, 'kept');
    fixture.admit(10, 'shuffled');
    for (const [i, use] of ['kept', 'shuffled', 'output'].entries()) {
      expect(fixture.room.makeRoom(0), use).to.equal(true);
      expect(fixture.write(i).sizes, use).to.deep.equal([10]);
      await fixture.write(i).done();
      expect(fixture.moved.at(-1)?.address, use).to.equal(2 ** 32 + i + 1);
    }
    expect(fixture.room.makeRoom(0)).to.equal(false);
  });

  it('keeps in memory what the disk refuses, says so, and tries again after ten seconds', async () => {
    const fixture = new Fixture();
    fixture.admit(60);
    fixture.admit(60);
    await fixture.write(0).fail();
    expect(fixture.warnings.length).to.equal(1);
    expect(fixture.warnings[0]).to.match(/^60 B of blocks .* ENOSPC/);
    expect([fixture.numEnded, fixture.room.isOver(0), fixture.room.makeRoom(0)]).to.deep.equal([1, false, false]);
    fixture.admit(60, 'shuffled', 1);
    fixture.admit(60, 'shuffled', 1);
    expect(fixture.writes.length).to.equal(1);
    fixture.nowMs = 10_000;
    expect(fixture.room.makeRoom(1)).to.equal(true);
    await fixture.write(1).done();
    expect(fixture.room.figures).to.include({ fileBytes: 60 });
  });

  it('moves nothing once it is closed', async () => {
    const fixture = new Fixture();
    fixture.admit(60);
    fixture.admit(60);
    fixture.room.close();
    await fixture.write(0).fail();
    expect(fixture.warnings).to.deep.equal([]);
    fixture.admit(60, 'shuffled', 1);
    fixture.admit(60, 'shuffled', 1);
    expect([fixture.room.makeRoom(1), fixture.writes.length]).to.deep.equal([false, 1]);
  });

  it('does not trust a disk that lost a block, but where a memory is full', () => {
    const fixture = new Fixture();
    fixture.room.lost();
    fixture.admit(60);
    fixture.admit(60);
    expect(fixture.writes).to.deep.equal([]);
    expect(fixture.room.makeRoom(0)).to.equal(true);
    expect(fixture.room.figures.recomputedBlocks).to.equal(1);
  });
});
