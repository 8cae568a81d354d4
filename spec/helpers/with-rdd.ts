import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { FileSystem } from '../../lib/core/file-system.js';
import { BatchQueue, job, type DStream, type Rdd, type StreamingContext } from '../../lib/index.js';
import { ModelFileSystem } from './model-file-system.js';
import { runEngine } from './run-engine.js';

/** Runs `body` with the RDD of one batch of rows and gives what it returns. */
export async function withRdd<T, R>(
  rows: readonly T[],
  body: (rdd: Rdd<T>, ssc: StreamingContext, time: number) => Promise<R>,
  prepare: (stream: DStream<T>) => DStream<T> = stream => stream,
  fs: FileSystem = new ModelFileSystem(),
): Promise<R> {
  const queue = new BatchQueue<T>().push(rows);
  const results: R[] = [];
  const declared = job('spec', {}, ssc =>
    prepare(ssc.queueStream(queue)).foreachRDD(async (rdd, time) => {
      results.push(await body(rdd, ssc, time));
    }),
  );
  const clock = new VirtualClock(0);
  clock.advanceTo(1000);
  const run = await runEngine(declared, { clock, fs, once: true });
  await run.engine.done;
  expect(run.engine.numBlocks, 'blocks left').to.equal(0);
  return results[0] as R;
}

/** The same with the rows in `numPartitions` partitions. */
export const withPartitions = <T, R>(
  rows: readonly T[],
  numPartitions: number,
  body: (rdd: Rdd<T>, ssc: StreamingContext) => Promise<R>,
): Promise<R> => withRdd([0], (_, ssc) => body(ssc.parallelize(rows, numPartitions), ssc));

/** Numbers of partitions that specs of operations go through: one, as many as workers, more. */
export const PARTITIONS = [1, 2, 5] as const;

/** What a promise is rejected with. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => new Error('it was not rejected'),
    (error: unknown) => error,
  );
