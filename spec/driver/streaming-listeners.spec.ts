/** What listeners hear of whole runs, as Spark's StreamingListenerSuite has it. */
import { expect } from 'chai';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job, type Job } from '../../lib/api/job.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import { VirtualClock } from '../../lib/core/clock.js';
import type { BatchInfo, OutputOperationInfo, StreamingListener } from '../../lib/core/streaming-listener.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn } from '../helpers/run-engine.js';

class Collector implements StreamingListener {
  readonly order: string[] = [];
  readonly submitted: BatchInfo[] = [];
  readonly started: BatchInfo[] = [];
  readonly completed: BatchInfo[] = [];
  readonly outputs: OutputOperationInfo[] = [];

  onStreamingStarted({ time }: { readonly time: number }): void {
    this.order.push(`streaming ${time}`);
  }
  onBatchSubmitted({ batchInfo }: { readonly batchInfo: BatchInfo }): void {
    this.order.push(`submitted ${batchInfo.batchTime}`);
    this.submitted.push(batchInfo);
  }
  onBatchStarted({ batchInfo }: { readonly batchInfo: BatchInfo }): void {
    this.order.push(`started ${batchInfo.batchTime}`);
    this.started.push(batchInfo);
  }
  onBatchCompleted({ batchInfo }: { readonly batchInfo: BatchInfo }): void {
    this.order.push(`completed ${batchInfo.batchTime}`);
    this.completed.push(batchInfo);
  }
  onOutputOperationCompleted({ outputOperationInfo }: { readonly outputOperationInfo: OutputOperationInfo }): void {
    this.outputs.push(outputOperationInfo);
  }
}

const jobWith = (listener: StreamingListener, build: (ssc: StreamingContext) => void): Job =>
  job('spec', {}, ssc => {
    ssc.addStreamingListener(listener);
    build(ssc);
  });

describe('streaming listeners of a job', () => {
  it('hear of each batch in order, with numbers that agree, and of the driver alone', async () => {
    const collector = new Collector();
    const queue = new BatchQueue<number>().push([1, 2, 3]);
    const made = jobWith(collector, ssc => {
      const numbers = ssc.queueStream(queue, { id: 'numbers' });
      numbers.foreachRDD(() => undefined);
      numbers.map(n => n + 1).print();
      numbers.filter(n => n > 5).print();
    });
    const run = await runEngine(made, { clock: new VirtualClock(1000), fs: new ModelFileSystem() });
    await run.batchesDone(1);
    queue.push([6]);
    await run.next();
    await run.engine.stop();
    expect(collector.order).to.deep.equal([
      'streaming 1000',
      ...['submitted 1000', 'started 1000', 'completed 1000'],
      ...['submitted 2000', 'started 2000', 'completed 2000'],
    ]);
    for (const [at, { batchTime, submissionTime, processingStartTime, ...ended }] of collector.completed.entries()) {
      expect(collector.submitted[at]?.processingStartTime).to.equal(undefined);
      expect(collector.started[at]).to.include({ batchTime, processingStartTime, processingEndTime: undefined });
      const { processingEndTime = 0, schedulingDelay = -1, processingDelay = -1, totalDelay } = ended;
      expect(schedulingDelay).to.equal((processingStartTime ?? 0) - submissionTime);
      expect(processingDelay).to.equal(processingEndTime - (processingStartTime ?? 0));
      expect(totalDelay).to.equal(schedulingDelay + processingDelay);
    }
    expect(collector.completed.map(info => info.numRecords)).to.deep.equal([3, 1]);
    expect(collector.completed.map(info => info.streamIdToInputInfo.get('numbers')?.numRecords)).to.deep.equal([3, 1]);
    // The second print has no rows in the first batch.
    expect(collector.outputs.map(({ batchTime, id }) => `${id} ${batchTime}`)).to.deep.equal([
      ...['foreachRDD 1000', 'print 1000'],
      ...['foreachRDD 2000', 'print 2000', 'print-2 2000'],
    ]);
    expect(collector.outputs[0]?.name).to.match(/^foreachRDD at .*streaming-listeners\.spec\.ts:\d+$/);
    expect([...(collector.completed[1]?.outputOperationInfos.keys() ?? [])]).to.deep.equal([
      'foreachRDD',
      'print',
      'print-2',
    ]);
  });

  it('hear why an output operation failed', async () => {
    const collector = new Collector();
    const queue = new BatchQueue<number>().push([1]);
    const made = jobWith(collector, ssc => {
      const numbers = ssc.queueStream(queue);
      numbers.print();
      numbers.foreachRDD(() => {
        throw new Error('This is a failed job');
      });
    });
    const run = await runEngine(made, { clock: new VirtualClock(1000), fs: new ModelFileSystem() });
    await run.engine.done.catch(() => undefined);
    const [info] = collector.completed;
    expect(info?.outputOperationInfos.get('print')?.failureReason).to.equal(undefined);
    expect(info?.outputOperationInfos.get('foreachRDD')?.failureReason).to.contain('This is a failed job');
    expect(info?.processingEndTime).to.equal(1000);
  });

  it('hear why a batch could not be computed', async () => {
    const collector = new Collector();
    const queue = new BatchQueue<number>().push([1]);
    const made = jobWith(collector, ssc =>
      ssc
        .queueStream(queue)
        .map(() => {
          throw new Error('no such field');
        })
        .print(),
    );
    const run = await runEngine(made, { clock: new VirtualClock(1000), fs: new ModelFileSystem() });
    await run.engine.done.catch(() => undefined);
    expect(collector.completed[0]?.outputOperationInfos.get('print')?.failureReason).to.contain('no such field');
  });

  it('hear of batches that an earlier process planned and did not commit', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(1000);
    const queue = new BatchQueue<number>().push([1, 2]);
    let gate: Promise<void> | undefined = new Promise(() => undefined);
    const collector = new Collector();
    const made = jobWith(collector, ssc => ssc.queueStream(queue, { id: 'numbers' }).foreachRDD(() => gate));
    const crashed = await runEngine(made, { clock, fs, checkpoint: '/checkpoint' });
    while (collector.started.length === 0) await turn();
    fs.crash({ kind: 'kill' });
    void crashed.runner.stop();
    collector.order.length = 0;
    gate = undefined;
    const run = await runEngine(made, { clock, fs, checkpoint: '/checkpoint' });
    await run.batchesDone(1);
    await run.engine.stop();
    expect(collector.order.slice(0, 4)).to.deep.equal([
      'streaming 1000',
      'submitted 1000',
      'started 1000',
      'completed 1000',
    ]);
    expect(collector.completed[0]).to.include({ batchTime: 1000, numRecords: 2 });
  });

  it('do no harm when they throw, reject or never answer', async () => {
    const queue = new BatchQueue<number>();
    const rows: number[] = [];
    const harmful: StreamingListener = {
      onBatchSubmitted: () => {
        throw new Error('thrown');
      },
      onBatchStarted: () => Promise.reject(new Error('rejected')),
      onBatchCompleted: () => new Promise(() => undefined),
    };
    const made = jobWith(harmful, ssc =>
      ssc.queueStream(queue).foreachRDD(async rdd => void rows.push(...(await rdd.collect()))),
    );
    const run = await runEngine(made, { clock: new VirtualClock(1000), fs: new ModelFileSystem() });
    await run.batchesDone(1);
    for (const n of [1, 2, 3]) {
      queue.push([n]);
      await run.next();
      await turn();
    }
    await run.engine.stop();
    expect(rows).to.deep.equal([1, 2, 3]);
    const warnings = run.events.flatMap(event => (event.kind === 'warning' ? [event.message] : []));
    expect(warnings.map(text => text.slice(0, 46))).to.deep.equal([
      'onBatchSubmitted of a listener failed: thrown.',
      'onBatchStarted of a listener failed: rejected.',
    ]);
  });
});
