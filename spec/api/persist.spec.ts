import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { buildGraph } from '../../lib/api/job.js';
import { BatchQueue, job, type DStream } from '../../lib/index.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';

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
});
