import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { buildGraph } from '../../lib/api/job.js';
import { BatchQueue, job, type Broadcast } from '../../lib/index.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn, type TestRun } from '../helpers/run-engine.js';
import { CRASH, expectStream } from '../helpers/expect-stream.js';

describe('broadcast', () => {
  it('gives its value to closures of streams, transforms and actions', async () => {
    await expectStream(
      [[1, 2], [3]],
      (s, ssc) => {
        const factor = ssc.broadcast(10);
        return s.map(n => n * factor.value).transform(rdd => rdd.map(n => n + factor.value));
      },
      [[20, 30], [40]],
    );
  });

  it('is replaced from the next batch on, for all of it', async () => {
    await expectStream(
      [[1], [1], [1]],
      (s, ssc) => {
        const factor = ssc.broadcast(1);
        s.foreachRDD(async (rdd, time) => {
          const inBody = await rdd.map(n => n * factor.value).collect();
          expect(inBody).to.deep.equal([factor.value]);
          factor.replace(time / 1000 + 1);
          expect(factor.value, 'within its batch').to.equal(inBody[0]);
        });
        return s.map(n => n * factor.value);
      },
      [[1], [2], [3]],
    );
  });

  // In a worker it replaced the thread's own copy, which nobody reads.
  it('is not replaced by closures of tasks', async () => {
    const thrown = await expectStream(
      [[1]],
      (s, ssc) => {
        const factor = ssc.broadcast(1);
        return s.map(n => {
          factor.replace(2);
          return n;
        });
      },
      [[1]],
    ).catch((error: unknown) => error);
    expect(thrown).to.have.property('code', 'jobInvalid');
    expect((thrown as Error).message).to.match(/broadcast 'value' can be replaced in the driver only.* in foreachRDD/);
  });

  it('is after a crash what it was, for batches that run again and those after', async () => {
    await expectStream(
      [[1], [1], CRASH, [1], CRASH, [1]],
      (s, ssc) => {
        const factor = ssc.broadcast({ by: 1 });
        s.foreachRDD((_, time) => {
          if (time === 1000) factor.replace({ by: 7 });
        });
        return s.map(n => n * factor.value.by);
      },
      [[1], [7], [7], [7]],
    );
  });

  // The checkpoint had the last value alone, so the batch ran again on what later ones had read.
  it('is what it was for a batch that was left out and runs again after a checkpoint of later ones', async () => {
    const queue = new BatchQueue<number>().push([1], [1], [1]);
    const read: [number, unknown, readonly unknown[]][] = [];
    let isBroken = true;
    const declared = job('spec', {}, ssc => {
      const factor = ssc.broadcast('first');
      ssc.queueStream(queue).foreachRDD(async (rdd, time) => {
        const inTask = await rdd.map(() => factor.value).collect();
        if (time === 1000) factor.replace('second');
        if (time === 1000 && isBroken) throw new Error('broken');
        read.push([time, factor.value, inTask]);
      });
    });
    const clock = new VirtualClock(1000);
    const fs = new ModelFileSystem();
    const options = { onBatchFailure: 'continue', checkpointInterval: 1 };
    const first = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options });
    while (!first.events.some(({ kind }) => kind === 'batchFailed')) await turn();
    await first.next();
    await first.next();
    await first.engine.stop();
    fs.crash();
    isBroken = false;
    const second = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options });
    await second.batchesDone(1);
    await second.engine.stop();
    expect(read).to.deep.equal([
      [2000, 'second', ['second']],
      [3000, 'second', ['second']],
      [1000, 'first', ['first']],
    ]);
  });

  it('refuses what is not plain data', () => {
    const declared = job('spec', {}, ssc => {
      ssc.broadcast(() => 1);
    });
    expect(() => buildGraph(declared, {}, 1)).to.throw("broadcast 'value' wants plain data");
  });

  it('is known by its version in the workers: a replaced value is decoded once', async () => {
    const queue = new BatchQueue<number>();
    const seen = new Set<unknown>();
    let broadcast: Broadcast<{ n: number }> | undefined;
    const declared = job('spec', {}, ssc => {
      const made = ssc.broadcast({ n: 1 }, 'made');
      broadcast ??= made;
      ssc
        .queueStream(queue)
        .map(() => {
          seen.add(made.value);
          return 1;
        })
        .foreachRDD(async rdd => {
          await rdd.count();
        });
    });
    const clock = new VirtualClock(0);
    queue.push([1, 2, 3], [1, 2, 3]);
    clock.advanceTo(1000);
    const run: TestRun = await runEngine(declared, { clock, fs: new ModelFileSystem(), options: { workers: 1 } });
    await run.batchesDone(1);
    broadcast?.replace({ n: 2 });
    await run.next();
    await run.engine.stop();
    expect([...seen]).to.deep.equal([{ n: 1 }, { n: 2 }]);
  });
});
