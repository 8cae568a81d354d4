/** A sink that does not keep up slows what feeds it: between a source and the log nothing grows. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { job } from '../../lib/api/job.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { HandReceiver } from '../helpers/hand-receiver.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn, type TestRun } from '../helpers/run-engine.js';
import { Gate } from '../helpers/scheduler-ports.js';

/** Intervals for which nothing comes out of the sink. */
const NUM_TICKS = 200;

const count = (run: TestRun, kind: 'batchSubmitted' | 'batchCompleted'): number =>
  run.events.filter(event => event.kind === kind).length;

async function settle(): Promise<void> {
  for (let turns = 0; turns < 30; turns++) await turn();
}

/** Lets intervals pass one by one. */
async function tick(clock: VirtualClock, numTicks: number): Promise<void> {
  for (let i = 0; i < numTicks; i++) {
    clock.advanceTo(clock.now() + 1000);
    await turn();
  }
  await settle();
}

describe('a sink that stands still', () => {
  for (const concurrentJobs of [1, 3]) {
    it(`leaves ${concurrentJobs + 3} batches under way, however fast the source is (concurrentJobs ${concurrentJobs})`, async () => {
      const gate = new Gate();
      let numRows = 0;
      const made = job('slow', {}, ssc => {
        ssc
          .rateStream({ rowsPerSecond: 500 })
          .map(({ value }): [number, number] => [Number(value) % 10, 1])
          .reduceByKey((a, b) => a + b)
          .foreachRDD(async rdd => {
            await gate.promise;
            numRows += (await rdd.collect()).reduce((sum, [, n]) => sum + n, 0);
          });
      });
      const clock = new VirtualClock(1000);
      const run = await runEngine(made, {
        ...{ clock, fs: new ModelFileSystem(), checkpoint: '/checkpoint' },
        options: { concurrentJobs, maxBatchRecords: 1000, backpressure: false },
      });
      await settle();
      await tick(clock, 10);
      const [submitted, blocks] = [count(run, 'batchSubmitted'), run.engine.numBlocks];
      // Two are being committed, so many computed, and one waits.
      expect(submitted).to.be.at.most(concurrentJobs + 3);
      await tick(clock, NUM_TICKS);
      expect(count(run, 'batchCompleted')).to.equal(0);
      expect([count(run, 'batchSubmitted'), run.engine.numBlocks]).to.deep.equal([submitted, blocks]);
      gate.open();
      await run.batchesDone(submitted);
      await run.next();
      await run.engine.stop();
      expect(numRows).to.be.above(0);
      expect(numRows).to.be.at.most(count(run, 'batchSubmitted') * 1000);
      expectNothingLeft(run, clock);
    });
  }

  it('has senders to a receiver wait once receiverQueueBytes of them have', async () => {
    const gate = new Gate();
    const receivers: HandReceiver[] = [];
    const seen: unknown[] = [];
    const made = job('slow', {}, ssc => {
      ssc
        .receiverStream(() => {
          const receiver = new HandReceiver();
          receivers.push(receiver);
          return receiver;
        })
        .foreachRDD(async rdd => {
          await gate.promise;
          seen.push(...(await rdd.collect()));
        });
    });
    const clock = new VirtualClock(1000);
    const fs = new ModelFileSystem();
    const run = await runEngine(made, {
      ...{ clock, fs, checkpoint: '/checkpoint' },
      options: { receiverQueueBytes: 2000, maxBatchBytes: 500, backpressure: false },
    });
    while (!run.events.some(({ kind }) => kind === 'receiverStarted')) await turn();
    let numStored = 0;
    const text = 'x'.repeat(90);
    const sender = (async () => {
      for (let i = 0; i < 400; i++) {
        await receivers.at(-1)?.store([`${i} ${text}`]);
        numStored++;
      }
    })();
    await tick(clock, 20);
    const stored = numStored;
    const loggedBytes = (): number =>
      fs
        .paths()
        .filter(path => path.endsWith('.blocks'))
        .reduce((sum, path) => sum + fs.bytesOf(path).length, 0);
    const logged = loggedBytes();
    expect(stored).to.be.within(10, 100);
    await tick(clock, NUM_TICKS);
    expect([numStored, loggedBytes()]).to.deep.equal([stored, logged]);
    gate.open();
    while (numStored < 400) await tick(clock, 1);
    await sender;
    while (seen.length < 400) await tick(clock, 1);
    expect(seen).to.deep.equal(Array.from({ length: 400 }, (_, i) => `${i} ${text}`));
    await run.engine.stop();
    expectNothingLeft(run, clock);
  });
});
