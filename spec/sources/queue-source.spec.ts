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

  it('cuts an empty batch into empty partitions, and has no partition when there is no batch', async () => {
    const driver = new QueueSourceDriver([[], null]);
    const empty = await driver.plan(planLimit({ parallelism: 2 }));
    expect(empty.ranges.map(range => (range as { readonly numRows: number }).numRows)).to.deep.equal([0, 0]);
    expect(empty.absent).to.equal(undefined);
    expect(await driver.plan(planLimit()))
      .to.include({ absent: true })
      .and.to.have.property('ranges')
      .of.length(0);
    const nothing = await driver.plan(planLimit());
    expect([nothing.ranges.length, nothing.absent]).to.deep.equal([0, undefined]);
  });

  it('takes all that is queued when it is not one at a time', async () => {
    const driver = new QueueSourceDriver([[1], null, [2, 3], []], false);
    const { ranges, records, caughtUp } = await driver.plan(planLimit({ parallelism: 1 }));
    expect([ranges.length, records, caughtUp]).to.deep.equal([1, 3, true]);
    expect(await new QueueSourceDriver([null, null], false).plan(planLimit())).to.include({ absent: true });
  });

  it('gives the default batch when its queue is empty, but not for a batch that is not there, nor when it drains', async () => {
    const driver = new QueueSourceDriver([[1], null, []], true, [7, 8]);
    const planned: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      const { ranges, absent, records, caughtUp } = await driver.plan(planLimit({ parallelism: 1, drain: i === 4 }));
      planned.push([ranges.length, absent === true, records, caughtUp]);
    }
    expect(planned).to.deep.equal([
      [1, false, 1, false],
      [0, true, 0, false],
      [1, false, 0, true],
      [1, false, 2, true],
      [0, false, 0, true],
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
