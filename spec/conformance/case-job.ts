/**
 * One case of the conformance data as a job file, which worker threads can load: its pipeline is an argument. The
 * driver's copy of this module holds what goes in and what comes out; of the workers' copies nobody sees them.
 */
import { arg, BatchQueue, job } from 'sluice';
import type { Pipeline } from './cases.js';
import { buildPipeline, type AnyStream } from './operations.js';

/** A batch that was put out: its rows, and how many partitions they were in. */
export interface OutputBatch {
  readonly rows: readonly unknown[];
  readonly numPartitions: number;
}

/** Of the case that is run. */
export interface CaseState {
  queues: BatchQueue<unknown>[];
  byTime: Map<number, OutputBatch>;
  stream: AnyStream | undefined;
}

export const state: CaseState = { queues: [], byTime: new Map(), stream: undefined };

/** Begins another case, of so many input streams. */
export function reset(numStreams: number): void {
  state.queues = Array.from({ length: numStreams }, () => new BatchQueue<unknown>());
  state.byTime = new Map();
  state.stream = undefined;
}

const args = {
  pipeline: arg.string('[]', 'the pipeline, as JSON'),
  streams: arg.integer(1, 'number of input streams'),
  remember: arg.integer(0, 'milliseconds for which batches are kept; 0: they are not'),
};

export default job('conformance', { args }, (ssc, { pipeline, streams, remember }) => {
  const queues = state.queues.length > 0 ? state.queues : Array.from({ length: streams }, () => new BatchQueue<unknown>());
  const stream = buildPipeline({ ssc, queues }, JSON.parse(pipeline) as Pipeline);
  if (remember > 0) {
    ssc.remember(remember);
    stream.persist();
  }
  state.stream ??= stream;
  stream.foreachRDD(async (rdd, time) => {
    const { byTime } = state;
    if (byTime.has(time)) throw new Error(`batch ${time} was put out and committed before, it must not come again`);
    byTime.set(time, { rows: await rdd.collect(), numPartitions: rdd.numPartitions });
  });
});
