import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { int64, nullable, schema, utf8 } from '../../lib/core/schema.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job, type Job } from '../../lib/api/job.js';
import type { DStream } from '../../lib/api/dstream.js';
import { count, max, min } from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import type { WorkerRequest } from '../../lib/protocol/messages.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn, type RunEngineOptions, type TestRun } from '../helpers/run-engine.js';

const jobOf = <T>(queue: BatchQueue<T>, build: (rows: DStream<T>) => void): Job =>
  job('spec', {}, ssc => build(ssc.queueStream(queue)));

const start = (made: Job, settings: Partial<RunEngineOptions> = {}, clock = new VirtualClock(0)): Promise<TestRun> =>
  runEngine(made, { clock, fs: new ModelFileSystem(), checkpoint: '/checkpoint', ...settings });

const errorOf = async (promise: Promise<unknown>): Promise<EngineError> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof EngineError) return thrown;
  throw new Error(`an EngineError was wanted, got ${String(thrown)}`);
};

const running = (words: DStream<string>): void =>
  words
    .map(word => [word, 1])
    .updateStateByKey<number, string, number>((values, state) => values.reduce((a, b) => a + b, state ?? 0), {
      id: 'n',
    })
    .saveAsJson('/out/all.ndjson');

describe('engine', () => {
  it('refuses more partitions of state than key groups when it starts, with the cure', async () => {
    const error = await errorOf(
      start(jobOf(new BatchQueue<string>(), running), { options: { workers: 8, keyGroups: 4 } }),
    );
    expect(error.code).to.equal('optionInvalid');
    expect(error.message).to.match(/8 partitions and 4 key groups: use fewer partitions/);
  });

  it('ends quietly when it is aborted in the middle of a batch: no batch failed, no block of a promise is left', async () => {
    const queue = new BatchQueue<string>().push(['a']);
    let asked = 0;
    let release: () => void = () => undefined;
    const run = await start(jobOf(queue, running), {
      wrapRunner: runner => ({
        numSlots: runner.numSlots,
        memories: runner.memories,
        submit: (slot, request, timeoutMs) => {
          if (!request.kind.startsWith('task') || asked++ > 0) return runner.submit(slot, request, timeoutMs);
          return new Promise(resolve => {
            release = () => resolve({ ok: false, failure: { kind: 'cancelled' } });
          });
        },
        stop: () => {
          release();
          return runner.stop();
        },
      }),
    });
    await turn();
    while (asked === 0) await turn();
    await run.engine.abort();
    expect(run.events.map(event => event.kind)).not.to.include('batchFailed');
    expect((await errorOf(run.engine.done)).message).to.contain('cancelled');
  });

  it('names the memory limit, and not the checkpoint, when restored state does not fit', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(0);
    const queue = new BatchQueue<string>().push(['a', 'b']);
    const run = await start(jobOf(queue, running), { fs }, clock);
    await run.batchesDone(1);
    await run.engine.stop();
    const error = await errorOf(
      start(
        jobOf(queue, running),
        {
          fs,
          wrapRunner: runner => ({
            numSlots: runner.numSlots,
            memories: runner.memories,
            submit: (slot, request, timeoutMs) =>
              request.kind === 'restoreSnapshot'
                ? Promise.resolve({
                    ok: false,
                    failure: { kind: 'engineError', code: 'memoryLimit', message: 'raise slotMemory', detail: '{}' },
                  })
                : runner.submit(slot, request, timeoutMs),
            stop: () => runner.stop(),
          }),
        },
        clock,
      ),
    );
    expect(error.code).to.equal('memoryLimit');
    expect(error.message).to.match(/state of operator 'n' \(partition 0\) could not be restored: raise slotMemory/);
    expect(clock.numTimers).to.equal(0);
  });

  it('goes on with its state on other numbers of workers, after good ends and crashes alike', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(0);
    const queue = new BatchQueue<string>();
    const words = Array.from({ length: 50 }, (_, i) => `word ${i}`);
    let batches = 0;
    for (const workers of [2, 3, 1, 5, 4]) {
      queue.push(words);
      clock.advanceTo(++batches * 1000);
      const run = await start(jobOf(queue, running), { fs, options: { workers } }, clock);
      await run.batchesDone(1);
      if (workers % 2) await run.engine.abort();
      else await run.engine.stop();
      if (workers % 2) fs.crash({ kind: 'kill' });
    }
    const lines = Buffer.from(fs.bytesOf('/out/all.ndjson')).toString().trimEnd().split('\n');
    expect(lines.length).to.equal(batches * words.length);
    expect(lines.slice(-words.length).toSorted()).to.deep.equal(
      words.map(word => JSON.stringify([word, batches])).toSorted(),
    );
  });

  it('keeps the key groups of the checkpoint, and says when others are wanted', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(0);
    const queue = new BatchQueue<string>();
    const warnings: string[][] = [];
    for (const [batch, keyGroups] of [64, 64, 16].entries()) {
      queue.push(['a']);
      clock.advanceTo((batch + 1) * 1000);
      const run = await start(jobOf(queue, running), { fs, options: { keyGroups } }, clock);
      await run.batchesDone(1);
      await run.engine.stop();
      warnings.push(run.events.flatMap(event => (event.kind === 'warning' ? [event.message] : [])));
    }
    expect(warnings.slice(0, 2)).to.deep.equal([[], []]);
    expect(warnings[2]?.join()).to.match(/^keyGroups was fixed at 64 .* 16 is not used$/);
  });

  it('gives null for a minimum or maximum of no value, in rows and to what groups them again', async () => {
    const rows: unknown[] = [];
    const queue = new BatchQueue<{ k: string; x: number | null }>().push([
      { k: 'a', x: null },
      { k: 'b', x: 3 },
    ]);
    const made = job('spec', {}, ssc => {
      const least = ssc
        .queueStream(queue, { schema: schema({ k: utf8(), x: nullable(int64()) }) })
        .groupBy('k')
        .agg({ least: min('x'), most: max('x').where(col('x').gt(5)) });
      least.foreachRDD(async rdd => void rows.push(...(await rdd.collect())));
      least
        .groupBy('k')
        .agg({ n: count('least') })
        .foreachRDD(async rdd => void rows.push(...(await rdd.collect())));
    });
    const run = await start(made);
    await run.batchesDone(1);
    await run.engine.stop();
    expect(rows).to.have.deep.members([
      { k: 'a', least: null, most: null },
      { k: 'b', least: 3, most: null },
      { k: 'a', n: 0 },
      { k: 'b', n: 1 },
    ]);
  });

  it('shows outputs the rows as they were before a closure after them changed them', async () => {
    const seen: unknown[] = [];
    const queue = new BatchQueue<{ k: string; n: number }>().push([{ k: 'a', n: 1 }]);
    const made = jobOf(queue, rows => {
      rows
        .map(row => {
          row.n = 99;
          return row;
        })
        .print();
      rows.saveAsJson('/out/rows.ndjson');
    });
    const fs = new ModelFileSystem();
    const run = await start(made, { fs });
    await run.batchesDone(1);
    await run.engine.stop();
    seen.push(Buffer.from(fs.bytesOf('/out/rows.ndjson')).toString());
    expect(seen).to.deep.equal(['{"k":"a","n":1}\n']);
  });

  it('holds nothing more after 2,000 batches than after 200, with failing and lost attempts among them', async () => {
    const queue = new BatchQueue<string>();
    const clock = new VirtualClock(0);
    const memories: WebAssembly.Memory[] = [];
    let requests = 0;
    const faults = (_slot: number, request: WorkerRequest): 'runThenLose' | 'throw' | undefined => {
      requests++;
      if (requests % 97 === 0) return 'runThenLose';
      return requests % 13 === 0 && request.kind.startsWith('task') ? 'throw' : undefined;
    };
    const made = jobOf(queue, words => {
      words.countByValue().print();
      words
        .map(word => [word, 1])
        .updateStateByKey<number, string, number>((values, state) => (state ?? 0) + values.length, { id: 'n' })
        .print(1);
    });
    const fs = new ModelFileSystem();
    const run = await start(
      made,
      {
        fs,
        faults,
        options: { checkpointInterval: '20s', maxTaskFailures: 100 },
        wrapRunner: runner => {
          memories.push(...runner.memories);
          return runner;
        },
      },
      clock,
    );
    let early = 0;
    for (let batch = 0; batch < 2000; batch++) {
      queue.push(['a', 'b', `w${batch % 20}`, 'a']);
      await run.next();
      if (batch === 200) early = memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    }
    await turn();
    expect(run.batches.length).to.be.at.least(2000);
    expect(
      memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0),
      'bytes grown to',
    ).to.equal(early);
    expect(fs.paths().length, 'files').to.be.below(20);
    await run.engine.stop();
    expectNothingLeft(run, clock);
  }).timeout(60_000);
});
