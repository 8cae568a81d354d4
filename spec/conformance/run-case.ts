/** Runs one case through the public API on the whole engine in one thread, on a virtual clock. */
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { BatchQueue, job, type StreamingContext } from '../../lib/index.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';
import type { InputBatch, Pipeline } from './cases.js';
import { buildPipeline, type AnyStream } from './operations.js';

export interface CaseRun {
  readonly pipeline: Pipeline;
  readonly intervalMs: number;
  /** What is pushed before each batch, stream by stream: for most cases one batch each. */
  readonly pushes: readonly (readonly (readonly InputBatch[])[])[];
  /** Partitions of the input, and of every shuffle that the case doesn't give a number of its own. */
  readonly partitions: number;
  /** Ends the engine without goodbye after these batches (from 1), and starts another on the same checkpoint. */
  readonly crashAfter: (batch: number) => boolean;
  /** Of the stream that is put out, when it is declared: in the driver and in each worker. */
  readonly prepare?: (stream: AnyStream, ssc: StreamingContext) => void;
  /** Of the driver's stream, while the job still runs. */
  readonly afterwards?: (stream: AnyStream) => Promise<void>;
}

export interface CaseOutput {
  /** Of each batch that was put out: its rows and how many partitions they were in. */
  readonly batches: readonly { readonly rows: readonly unknown[]; readonly numPartitions: number }[];
  /** What ended the run. */
  readonly error: unknown;
}

export async function runCase(request: CaseRun): Promise<CaseOutput> {
  const { pipeline, intervalMs, pushes, partitions, crashAfter, prepare, afterwards } = request;
  let output: AnyStream | undefined;
  const queues = (pushes[0] ?? []).map(() => new BatchQueue<unknown>());
  const byTime = new Map<number, CaseOutput['batches'][number]>();
  const declared = job('conformance', {}, ssc => {
    const stream = buildPipeline({ ssc, queues }, pipeline);
    prepare?.(stream, ssc);
    output ??= stream;
    stream.foreachRDD(async (rdd, time) => {
      if (byTime.has(time)) throw new Error(`batch ${time} was put out and committed before, it must not come again`);
      byTime.set(time, { rows: await rdd.collect(), numPartitions: rdd.numPartitions });
    });
  });
  const clock = new VirtualClock(0);
  const fs = new ModelFileSystem();
  const options = { interval: intervalMs, workers: partitions, checkpointInterval: 2 * intervalMs };
  const start = (): Promise<TestRun> =>
    runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options });
  let run: TestRun | undefined;
  let error: unknown;
  for (const [index, streams] of pushes.entries()) {
    streams.forEach((batches, stream) => queues[stream]?.push(...batches));
    if (run !== undefined) await run.next();
    else {
      clock.advanceTo((index + 1) * intervalMs);
      run = await start();
      await run.batchesDone(1);
    }
    if (run.batches.at(-1)?.time !== (index + 1) * intervalMs) {
      error = await run.engine.done.catch((thrown: unknown) => thrown);
      if (!(error instanceof EngineError)) throw new Error(`batch ${index + 1} was not completed`, { cause: error });
      break;
    }
    if (crashAfter(index + 1)) {
      await run.engine.abort();
      fs.crash();
      run = undefined;
    }
  }
  if (run !== undefined && error === undefined) {
    if (output !== undefined) await afterwards?.(output);
    await run.engine.stop();
    await run.engine.done;
    expectNothingLeft(run, clock);
  }
  return { batches: [...byTime].toSorted(([a], [b]) => a - b).map(([, batch]) => batch), error };
}
