import { expect } from 'chai';
import { QueueSourceDriver, QueueSourceReader } from '../../lib/sources/queue-source.js';
import { newMemory, planLimit, readRange, sourceContract } from '../contracts/source.js';

const rows = [1, 'two', null, { three: [3n, new Date(3)] }, new Uint8Array([4]), ['a', 5], 6.5];

sourceContract('QueueSource', () => {
  const feed: (unknown[] | null)[] = [rows.slice(0, 3), null, [], rows.slice(3)];
  return {
    makeDriver: () => new QueueSourceDriver(feed),
    reader: new QueueSourceReader(),
    rows,
    isBounded: false,
    isReplayable: false,
  };
});

describe('QueueSource', () => {
  it('takes one batch a plan and cuts it evenly, in order, into as many partitions as are asked for', async () => {
    const driver = new QueueSourceDriver([[1, 2, 3, 4, 5], [6]]);
    const memory = newMemory();
    const partitions: unknown[][][] = [];
    for (let i = 0; i < 3; i++) {
      const { ranges } = await driver.plan(planLimit({ parallelism: 2 }));
      const read = await Promise.all(ranges.map(range => readRange(new QueueSourceReader(), range, memory)));
      partitions.push(read.map(({ rows }) => rows));
    }
    expect(partitions).to.deep.equal([
      [
        [1, 2],
        [3, 4, 5],
      ],
      [[], [6]],
      [],
    ]);
  });

  it('is caught up when its queue is empty', async () => {
    const driver = new QueueSourceDriver([[1], [2]]);
    expect((await driver.plan(planLimit())).caughtUp).to.equal(false);
    expect((await driver.plan(planLimit())).caughtUp).to.equal(true);
  });

  it('refuses a value that cannot be in a range', async () => {
    const driver = new QueueSourceDriver([[() => 1]]);
    const error = await driver.plan(planLimit()).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'typeMismatch');
  });
});
