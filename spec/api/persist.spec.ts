import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { buildGraph } from '../../lib/api/job.js';
import { BatchQueue, job, type DStream } from '../../lib/index.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { runEngine, turn, type TestRun } from '../helpers/run-engine.js';
import { Gate } from '../helpers/scheduler-ports.js';

interface Sliced {
  readonly run: TestRun;
  readonly stream: DStream<number>;
  /** What foreachRDD saw of the last two seconds, batch by batch. */
  readonly seen: unknown[];
}

/** Four batches, one number each, of a stream that remembers `rememberMs`. */
async function fourBatches(rememberMs: number, persist = true): Promise<Sliced> {
  const queue = new BatchQueue<number>().push([1], [2], [3], [4]);
  let stream: DStream<number> | undefined;
  const seen: unknown[] = [];
  const declared = job('spec', {}, ssc => {
    if (rememberMs > 0) ssc.remember(rememberMs);
    const made = ssc.queueStream(queue).map(n => n * 10);
    if (persist) made.persist();
    stream ??= made;
    made.foreachRDD(async (rdd, time) => {
      if (!persist) return;
      const before = made.slice(time - 1000, time);
      const [first = rdd, ...others] = before;
      seen.push(
        await first
          .union(...others)
          .map(n => n + before.length)
          .collect(),
      );
    });
  });
  const clock = new VirtualClock(0);
  clock.advanceTo(1000);
  const run = await runEngine(declared, { clock, fs: new ModelFileSystem(), options: { workers: 2 } });
  await run.batchesDone(1);
  for (let batch = 2; batch <= 4; batch++) await run.next();
  if (stream === undefined) throw new Error('the job was not built');
  return { run, stream, seen };
}

async function valuesOf(stream: DStream<number>, from: number, to: number): Promise<number[]> {
  const rows: number[] = [];
  for (const rdd of stream.slice(from, to)) rows.push(...(await rdd.collect()));
  return rows;
}

describe('slice of a persisted stream', () => {
  it('gives the batches of an interval, both ends included, as long as they are remembered', async () => {
    const { run, stream } = await fourBatches(10_000);
    expect(await valuesOf(stream, 0, 1000)).to.deep.equal([10]);
    expect(await valuesOf(stream, 0, 2000)).to.deep.equal([10, 20]);
    expect(await valuesOf(stream, 1000, 2000)).to.deep.equal([10, 20]);
    expect(await valuesOf(stream, 2000, 4000)).to.deep.equal([20, 30, 40]);
    await run.engine.stop();
    expect(run.engine.numBlocks, 'blocks left').to.equal(0);
  });

  it('forgets batches up to the last one less what is remembered', async () => {
    const { run, stream } = await fourBatches(2000);
    expect(await valuesOf(stream, 0, 9000)).to.deep.equal([30, 40]);
    await run.engine.stop();
    const other = await fourBatches(0);
    expect(await valuesOf(other.stream, 0, 9000)).to.deep.equal([40]);
    await other.run.engine.stop();
  });

  it('goes on into operations with closures in foreachRDD, and is refused elsewhere', async () => {
    const { run, stream, seen } = await fourBatches(2000);
    expect(seen).to.deep.equal([[11], [12, 22], [22, 32], [32, 42]]);
    const [rdd] = stream.slice(4000, 4000);
    const error = await rdd
      ?.map(n => n + 1)
      .collect()
      .catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'jobInvalid');
    await run.engine.stop();
  });

  it('wants persist, and a job that runs', async () => {
    const { run, stream } = await fourBatches(0, false);
    expect(() => stream.slice(0, 1000)).to.throw('call persist()');
    await run.engine.stop();
    let idle: DStream<number> | undefined;
    const declared = job('spec', {}, ssc => {
      idle = ssc.queueStream(new BatchQueue<number>()).persist();
    });
    expect(() => buildGraph(declared, {}, 1)).to.throw('declares no output');
    expect(() => idle?.slice(0, 1000)).to.throw('has not been initialized');
  });

  // A full memory took the blocks from under a function that had sliced them: it read whatever lay there next.
  it('stays what it is while the function that asked for it runs, also when the memory is full meanwhile', async () => {
    const queue = new BatchQueue<number>().push([1, 2], [3], [4]);
    const seen: unknown[] = [];
    let isFull = false;
    const declared = job('spec', {}, ssc => {
      ssc.remember('10s');
      const made = ssc.queueStream(queue).map(n => `row ${n}`);
      made.persist();
      made.foreachRDD(async (rdd, time) => {
        if (time < 3000) return;
        const [first = rdd] = made.slice(1000, 1000);
        isFull = true;
        for (let i = 0; i < 8; i++)
          await rdd
            .flatMap(text => [text, `lie ${i}`])
            .cache()
            .count();
        seen.push(await first.collect(), await first.map(text => text.length).collect(), made.slice(1000, 1000).length);
      });
    });
    const clock = new VirtualClock(1000);
    const wrapRunner = (runner: TaskRunner): TaskRunner => ({
      numSlots: runner.numSlots,
      memories: runner.memories,
      stop: () => runner.stop(),
      submit: async (slot, request, timeoutMs) => {
        if (!isFull || !request.kind.startsWith('task')) return runner.submit(slot, request, timeoutMs);
        isFull = false;
        return { ok: false, failure: { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' } };
      },
    });
    const run = await runEngine(declared, {
      clock,
      fs: new ModelFileSystem(),
      options: { workers: 1 },
      wrapRunner,
    });
    await run.batchesDone(1);
    await run.next();
    await run.next();
    expect(seen).to.deep.equal([['row 1', 'row 2'], [5, 5], 0]);
    await run.engine.stop();
    expectNothingLeft(run, clock);
  });

  it('leaves nothing behind outside of foreachRDD, and says so when its batch is forgotten', async () => {
    const { run, stream } = await fourBatches(2000);
    const [rdd] = stream.slice(3000, 3000);
    const before = run.engine.numBlocks;
    const cached = rdd?.union(rdd).cache();
    for (let i = 0; i < 3; i++) expect(await cached?.collect()).to.deep.equal([30, 30]);
    expect(run.engine.numBlocks).to.equal(before);
    await run.next();
    const error = await rdd?.collect().catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'jobInvalid');
    expect(error).to.have.property('message').that.contains('batch 3000, which is not remembered any more');
    await run.engine.stop();
    expect(run.engine.numBlocks, 'blocks left').to.equal(0);
  });

  // Its rows were held for a stream that had never got them.
  it('gives the rows of a batch back that was computed when the one before it ended the run', async () => {
    const queue = new BatchQueue<number>().push([1], [2]);
    const gate = new Gate();
    const declared = job('spec', {}, ssc => {
      const made = ssc.queueStream(queue).map(n => n * 10);
      made.persist().foreachRDD(async () => {
        await gate.promise;
        throw new Error('broken');
      });
    });
    const clock = new VirtualClock(1000);
    const run = await runEngine(declared, { clock, fs: new ModelFileSystem() });
    while (!run.events.some(({ kind }) => kind === 'outputStarted')) await turn();
    const before = run.engine.numBlocks;
    clock.advanceTo(2000);
    while (run.engine.numBlocks === before) await turn();
    gate.open();
    await run.engine.done.catch(() => undefined);
    expectNothingLeft(run, clock);
  });
});
