import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { eachInTurn, TaskWaits } from '../../lib/api/task-waits.js';
import { rejection, withRdd } from '../helpers/with-rdd.js';

const soon = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));

describe('what a task waits for', () => {
  it('is nothing for functions that return at once', () => {
    const waits = new TaskWaits();
    waits.add(undefined);
    waits.add({});
    expect(waits.isEmpty).to.equal(true);
  });

  it('is settled when all promises are, and fails with the first error', async () => {
    const waits = new TaskWaits();
    const ended: string[] = [];
    waits.add(soon().then(() => Promise.reject(new Error('first'))));
    waits.add(
      soon()
        .then(soon)
        .then(() => ended.push('second')),
    );
    expect(await rejection(waits.settle())).to.have.property('message', 'first');
    expect(ended).to.deep.equal(['second']);
    expect(waits.isEmpty).to.equal(true);
  });

  it('is one row after another', async () => {
    const log: string[] = [];
    const rows = ['a', 'b', 'c'][Symbol.iterator]();
    await eachInTurn(rows, async row => {
      log.push(`${row} begins`);
      await soon();
      log.push(`${row} ends`);
    });
    expect(log).to.deep.equal(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('is no promise where no row gives one', () => {
    const seen: number[] = [];
    expect(eachInTurn([1, 2][Symbol.iterator](), row => seen.push(row))).to.equal(undefined);
    expect(seen).to.deep.equal([1, 2]);
  });
});

describe('async functions of actions', () => {
  it('have ended when the action ends', async () => {
    // Shared with the workers, which are in this thread here.
    const written: number[] = [];
    const seen = await withRdd([1, 2, 3], async rdd => {
      await rdd.foreachPartition(async rows => {
        for (const row of rows) {
          await soon();
          written.push(row);
        }
      });
      const before = written.toSorted();
      await rdd.foreach(async row => {
        await soon();
        written.push(row * 10);
      });
      return [before, written.toSorted((a, b) => a - b)];
    });
    expect(seen).to.deep.equal([
      [1, 2, 3],
      [1, 2, 3, 10, 20, 30],
    ]);
  });

  it('fail the action when they are rejected, with the place', async () => {
    const thrown = await withRdd([1, 2], rdd =>
      rejection(
        rdd.foreachPartition(async () => {
          await soon();
          throw new TypeError('the database is away');
        }),
      ),
    );
    expect(thrown).to.be.instanceOf(EngineError).with.property('code', 'batchFailed');
    expect((thrown as Error).message).to.match(
      /failed in mapPartitions .*4 attempts.*TypeError: the database is away at .*task-waits\.spec\.ts/,
    );
  });
});
