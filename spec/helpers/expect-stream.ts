/**
 * An operator's spec in one line: batches in, operator, batches out, on a virtual clock. A CRASH between two batches
 * ends the engine without goodbye and starts another on the same checkpoint; null is a batch that the source does not give.
 *
 *     await expectStream([['a', 'a'], [], CRASH, ['b']], s => s.countByValue(), [[['a', 2]], [], [['b', 1]]]);
 */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import type { Schema } from '../../lib/core/schema.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { job } from '../../lib/api/job.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import type { InProcessRunnerOptions } from '../../lib/driver/in-process-runner.js';
import { ModelFileSystem } from './model-file-system.js';
import { runEngine, type RunEngineOptions, type TestRun } from './run-engine.js';

export const CRASH = Symbol('crash');

export interface ExpectStreamOptions {
  /** Compare rows in their order; else as multisets. */
  readonly ordered?: boolean;
  readonly options?: DeclaredOptions;
  /** Numbers of workers: of the first engine, of the one after the first crash, and so on, over and over. */
  readonly workers?: readonly number[];
  /** Declares the columns of the input. */
  readonly schema?: Schema;
  readonly faults?: InProcessRunnerOptions['faults'];
  readonly wrapRunner?: RunEngineOptions['wrapRunner'];
  readonly room?: RunEngineOptions['room'];
}

const INTERVAL_MS = 1000;

/** Batch k (from 1) of the input is run at k seconds. Compares each batch's output; ends with nothing left in the engine. */
export async function expectStream<T, U>(
  input: readonly (readonly T[] | null | typeof CRASH)[],
  build: (stream: DStream<T>, ssc: StreamingContext) => DStream<U>,
  expected: readonly (readonly unknown[])[],
  options: ExpectStreamOptions = {},
): Promise<void> {
  const actual = await runStream(input, build, options);
  const normal = options.ordered === true ? (rows: readonly unknown[]) => rows : sorted;
  expect(actual.map(normal)).to.deep.equal(expected.map(normal));
}

/** The rows of each batch. */
export async function runStream<T, U>(
  input: readonly (readonly T[] | null | typeof CRASH)[],
  build: (stream: DStream<T>, ssc: StreamingContext) => DStream<U>,
  options: ExpectStreamOptions = {},
): Promise<unknown[][]> {
  const queue = new BatchQueue<T>();
  const byTime = new Map<number, unknown[]>();
  const stream = job('spec', {}, ssc => {
    build(
      ssc.queueStream(queue, options.schema === undefined ? {} : { schema: options.schema as Schema<T> }),
      ssc,
    ).foreachRDD(async (rdd, time) => {
      byTime.set(time, await rdd.collect());
    });
  });
  const clock = new VirtualClock(0);
  const fs = new ModelFileSystem();
  let starts = 0;
  const start = (): Promise<TestRun> => {
    const workers = options.workers?.[starts++ % options.workers.length];
    return runEngine(stream, {
      clock,
      fs,
      checkpoint: '/checkpoint',
      options: { interval: INTERVAL_MS, ...options.options, ...(workers === undefined ? {} : { workers }) },
      ...(options.faults === undefined ? {} : { faults: options.faults }),
      ...(options.wrapRunner === undefined ? {} : { wrapRunner: options.wrapRunner }),
      ...(options.room === undefined ? {} : { room: options.room }),
    });
  };
  let run: TestRun | undefined;
  for (const batch of input) {
    if (batch === CRASH) {
      await run?.engine.abort();
      fs.crash();
      run = undefined;
      continue;
    }
    queue.push(batch);
    if (run !== undefined) await run.next();
    else {
      clock.advanceTo((Math.floor(clock.now() / INTERVAL_MS) + 1) * INTERVAL_MS);
      run = await start();
      await run.batchesDone(1);
    }
    const failed = run.events.find(event => event.kind === 'batchFailed');
    if (failed !== undefined) await run.engine.done;
  }
  if (run !== undefined) {
    await run.engine.stop();
    await run.engine.done;
    expectNothingLeft(run, clock);
  }
  return [...byTime.entries()].toSorted(([a], [b]) => a - b).map(([, rows]) => rows);
}

/** No block, no timer. */
export function expectNothingLeft(run: TestRun, clock: VirtualClock): void {
  expect(run.engine.numBlocks, 'blocks left').to.equal(0);
  expect(clock.numTimers, 'timers left').to.equal(0);
}

const sorted = (rows: readonly unknown[]): unknown[] =>
  [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
