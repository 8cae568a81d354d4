/** What Spark's own tests say of a context's life and of its restart from a checkpoint, told of ours. */
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { job } from '../../lib/api/job.js';
import { VirtualClock } from '../../lib/core/clock.js';
import type { JobContext, RunEvent } from '../../lib/index.js';
import { builtSluice } from '../helpers/built-sluice.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';
import { contextOf } from '../helpers/test-context.js';

interface Case {
  readonly id: string;
  readonly name: string;
  readonly facts: unknown;
}

const { behaviourCases } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'spark-streaming.json'), 'utf8'),
) as { readonly behaviourCases: readonly Case[] };

/** A case of the data; a spec of one that is gone cannot pass. */
function caseOf(id: string): Case {
  const found = behaviourCases.find(one => one.id === id);
  if (found === undefined) throw new Error(`no case ${id}`);
  return found;
}

const title = (id: string): string => `${id}: ${caseOf(id).name}`;

const a = (): string[] => ['a'];

describe('life of a context, as Spark tests it', () => {
  it(title('beh/11'), async () => {
    const queue = new BatchQueue<number>();
    const made = job('state', {}, ssc => ssc.queueStream(queue).foreachRDD(() => undefined));
    const context = contextOf(made, { clock: new VirtualClock(1000), fs: new ModelFileSystem() });
    const states: string[] = [context.state];
    await context.start();
    states.push(context.state);
    await context.stop();
    states.push(context.state);
    const facts = (caseOf('beh/11').facts as readonly string[]).map(fact => fact.split(' ')[0]?.toLowerCase());
    expect(states).to.deep.equal(facts);
  });

  describe('restarts from a checkpoint', () => {
    const temp = tempFolder();
    let sluice: typeof import('../../lib/index.js');
    let jobFile: string;

    before(async () => {
      sluice = await builtSluice();
      jobFile = temp.file(
        'ones.mjs',
        `import { job } from 'sluice';
         export default job('ones', {}, ssc => ssc.rateStream({ rowsPerSecond: 10, total: 3 }).foreachRDD(() => undefined));`,
      );
    });

    const run = async (context: JobContext): Promise<void> => {
      await context.start();
      await context.awaitTermination();
    };

    it(title('beh/12'), async () => {
      const checkpoint = join(realpathSync(temp.path), 'checkpoint');
      const called: string[] = [];
      const create =
        (why: string, options: object = {}): (() => Promise<JobContext>) =>
        () => {
          called.push(why);
          return sluice.JobContext.create(jobFile, { checkpoint, once: true, options: { workers: 1 }, ...options });
        };
      await run(await sluice.JobContext.getOrCreate(checkpoint, create('empty directory')));
      await run(await sluice.JobContext.getOrCreate(checkpoint, create('valid checkpoint'), { once: true }));
      expect(called).to.deep.equal(['empty directory']);
      for (const name of ['MANIFEST', 'MANIFEST.prev']) temp.file(join('checkpoint', name), 'corrupted');
      const failed = await sluice.JobContext.getOrCreate(checkpoint, create('no createOnError')).catch(
        (error: { readonly code: string }) => error.code,
      );
      expect(failed).to.equal('checkpointCorrupt');
      const quiet = { onEvent: () => undefined };
      await sluice.JobContext.getOrCreate(checkpoint, create('createOnError', quiet), { createOnError: true });
      expect(called).to.deep.equal(['empty directory', 'createOnError']);
    });

    it(title('beh/15'), async () => {
      const checkpoint = join(realpathSync(temp.path), 'settings');
      const infos: object[] = [];
      const onEvent = (event: RunEvent): void => void (event.kind === 'started' && infos.push(event.info));
      const first = { interval: '120ms', workers: 2, keyGroups: 64 };
      await run(await sluice.JobContext.create(jobFile, { checkpoint, once: true, options: first, onEvent }));
      const never = (): never => {
        throw new Error('create was called');
      };
      const restart = async (options?: { readonly workers: number }): Promise<void> =>
        run(await sluice.JobContext.getOrCreate(checkpoint, never, { once: true, onEvent, ...(options && { options }) }));
      await restart();
      await restart({ workers: 1 });
      process.env['SLUICE_WORKERS'] = '3';
      // Not one of the machine's: the checkpoint wins.
      process.env['SLUICE_INTERVAL'] = '5s';
      try {
        await restart();
      } finally {
        delete process.env['SLUICE_WORKERS'];
        delete process.env['SLUICE_INTERVAL'];
      }
      const settings = infos.map(info => ({ ...info }) as { intervalMs: number; workers: number });
      expect(settings.map(({ intervalMs }) => intervalMs)).to.deep.equal([120, 120, 120, 120]);
      expect(settings.map(({ workers }) => workers)).to.deep.equal([2, 2, 1, 3]);
    });
  });

  it(title('beh/13'), async () => {
    const { batchMs, stateCheckpointMs } = caseOf('beh/13').facts as { batchMs: number; stateCheckpointMs: number };
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(batchMs);
    const queue = new BatchQueue<string>();
    const rows: unknown[] = [];
    const made = job('state', {}, ssc => {
      ssc
        .queueStream(queue)
        .map(x => [x, 1])
        .updateStateByKey<number, string, number>((ones, sum) => ones.length + (sum ?? 0), { id: 'sum' })
        .map(pair => pair)
        .foreachRDD(async rdd => void rows.push(...(await rdd.collect())));
    });
    const start = async (): Promise<TestRun> => {
      queue.push(a());
      const run = await runEngine(made, {
        clock,
        fs,
        checkpoint: '/checkpoint',
        options: { interval: batchMs, checkpointInterval: stateCheckpointMs },
      });
      // State is there before the first batch.
      if (rows.length > 0) expect(run.events.find(event => event.kind === 'restored')).to.include({ stateRows: 1 });
      await run.batchesDone(1);
      return run;
    };
    const batches = async (run: TestRun, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        queue.push(a());
        await run.next();
      }
    };
    const written = (run: TestRun): number => run.events.filter(event => event.kind === 'checkpointWritten').length;
    const snapshots = (): string[] => fs.paths().filter(path => path.startsWith('/checkpoint/state/'));

    let run = await start();
    await batches(run, 3);
    const recorded = snapshots();
    expect(written(run)).to.be.at.least(1);
    expect(recorded).not.to.deep.equal([]);
    // The checkpoint before the newest is kept, so that it can be stepped back to.
    await batches(run, 6);
    expect(written(run)).to.be.at.least(3);
    // Only what has the key is written anew: the file of the other partition, in which nothing changed, is still the first.
    const kept = snapshots().filter(path => recorded.includes(path));
    expect(kept).to.have.length(1);
    expect(recorded.length).to.be.above(kept.length);
    await run.engine.stop();
    clock.advanceTo(clock.now() + batchMs);
    run = await start();
    expect(rows.at(-1)).to.deep.equal(['a', 11]);
    expect(snapshots()).not.to.deep.equal([]);
    await run.engine.abort();
    fs.crash({ kind: 'kill' });
    clock.advanceTo(clock.now() + 7 * batchMs);
    run = await start();
    await batches(run, 3);
    await run.engine.stop();
    expect(rows.at(-1)).to.deep.equal(['a', 15]);
  });

  it(`${title('beh/14')}: of several outputs the stream is restored once, and no batch is put out twice`, async () => {
    const { run1, afterRestart } = caseOf('beh/14').facts as {
      readonly run1: readonly number[];
      readonly afterRestart: { readonly restoredTimes: number };
    };
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(500);
    const queue = new BatchQueue<number>();
    let rows: number[] = [];
    const made = job('outputs', {}, ssc => {
      const plus: DStream<number> = ssc.queueStream(queue).map(x => x + 100);
      for (let i = 0; i < 3; i++) plus.foreachRDD(async rdd => void rows.push(...(await rdd.collect())));
    });
    const start = (): Promise<TestRun> =>
      runEngine(made, { clock, fs, checkpoint: '/checkpoint', options: { interval: 500 } });
    const restored = (run: TestRun): number => run.events.filter(event => event.kind === 'restored').length;

    queue.push([1]);
    let run = await start();
    await run.batchesDone(1);
    expect(rows).to.deep.equal(run1);
    expect(restored(run)).to.equal(0);
    await run.engine.stop();

    rows = [];
    clock.advanceTo(1000);
    run = await start();
    expect(restored(run)).to.equal(afterRestart.restoredTimes);
    await run.batchesDone(1);
    // Spark runs the last batch again: here it was committed, so only new input is put out.
    expect(rows).to.deep.equal([]);
    queue.push([1]);
    await run.next();
    expect(rows).to.deep.equal(run1);
    await run.engine.stop();
  });
});
