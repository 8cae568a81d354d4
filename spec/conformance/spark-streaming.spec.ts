/**
 * Spark Streaming's own test data, case by case: as it stands, with a crash and a restart between each two batches, and
 * on 1, 2 and 5 partitions where the rows do not depend on them; and on worker threads, several batches at once.
 */
import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { buildGraph } from '../../lib/api/job.js';
import { BatchQueue, job } from '../../lib/index.js';
import { cases, recoveryCases } from './case-data.js';
import type { ConformanceCase, InputBatch } from './cases.js';
import { buildPipeline, exists, isBoundToPartitions } from './operations.js';
import { runCase, type CaseOutput, type CaseRun } from './run-case.js';

const NEVER = (): boolean => false;
const ALWAYS = (): boolean => true;

describe('conformance with Spark Streaming', () => {
  for (const one of cases.filter(({ op, pipeline }) => exists(pipeline) && op !== 'slice')) {
    // Keys time out earlier here than there, as `map-with-state.spec.ts` says.
    if (one.pipeline.some(step => step.timeoutMs !== undefined)) continue;
    const partitions = isBoundToPartitions(one.pipeline) ? [one.params.numInputPartitions] : [1, 2, 5];
    describe(`${one.id} ${one.name}`, () => {
      for (const count of partitions) {
        it(`on ${count} partitions`, async () => expectCase(one, await run(one, count, NEVER)));
        if (one.numBatchesToRun > 1) {
          it(`on ${count} partitions, crashed after each batch`, async () =>
            expectCase(one, await run(one, count, ALWAYS)));
        }
      }
      it(`on worker threads`, async () => {
        const options = { onBatchFailure: 'continue', concurrentJobs: 2 };
        const partition = partitions.at(-1) === 5 ? 2 : (partitions[0] ?? 1);
        expectCase(one, await run(one, partition, NEVER, { threads: 'workers', ...(one.expectError === undefined ? { options } : {}) }));
      });
    });
  }

  for (const one of cases.filter(({ op }) => op === 'slice')) {
    it(`${one.id} ${one.name}`, async () => {
      const { fromMs = 0, toMs = 0, numInputPartitions: partitions, batchDurationMs: intervalMs } = one.params;
      const slices: unknown[] = [];
      if (one.expectError !== undefined) {
        const queues = [new BatchQueue<unknown>()];
        const early = job('slice', {}, ssc => {
          buildPipeline({ ssc, queues }, one.pipeline).persist().slice(fromMs, toMs);
        });
        expect(() => buildGraph(early, {}, partitions)).to.throw('has not been initialized');
        return;
      }
      await runCase({
        pipeline: one.pipeline,
        intervalMs,
        pushes: pushesOf(one),
        partitions,
        crashAfter: NEVER,
        rememberMs: 2 * one.numBatchesToRun * intervalMs,
        afterwards: async stream => {
          for (const rdd of stream.slice(fromMs, toMs)) slices.push(...(await rdd.collect()));
        },
      });
      expect(sorted(slices)).to.deep.equal(one.expectedSlice);
    });
  }

  // Spark puts the last batch before the crash out again; here it was committed, so what follows it comes next.
  for (const { id, name, pipeline, input, expected, stopAfterBatches, batchDurationMs } of recoveryCases) {
    if (input === undefined || expected === undefined || !exists(pipeline)) continue;
    it(`${id} ${name}: each batch once`, async () => {
      const { batches } = await runCase({
        pipeline,
        intervalMs: batchDurationMs,
        pushes: input.map(batch => [[batch]]),
        partitions: 2,
        crashAfter: batch => batch === stopAfterBatches,
      });
      expect(batches.map(({ rows }) => sorted(rows))).to.deep.equal(expected.map(sorted));
    });
  }
});

function run(
  one: ConformanceCase,
  partitions: number,
  crashAfter: CaseRun['crashAfter'],
  how: Pick<CaseRun, 'threads' | 'options'> = {},
): Promise<CaseOutput> {
  const { pipeline, params } = one;
  const intervalMs = params.batchDurationMs;
  return runCase({ pipeline, intervalMs, pushes: pushesOf(one), partitions, crashAfter, ...how });
}

/** One batch of each stream before each batch, unless the case says how its queue is filled; then empty ones. */
function pushesOf(one: ConformanceCase): CaseRun['pushes'] {
  const { input, input2, pipeline, params, numBatchesToRun } = one;
  const atOnce = params.enqueuedPerTick;
  // A case without a batch still has its sources.
  return Array.from({ length: Math.max(1, numBatchesToRun) }, (_, k) => {
    if (pipeline[0]?.op === 'queue') return [(input[k] ?? []) as readonly InputBatch[]];
    if (atOnce !== undefined) return [input.slice(k * atOnce, (k + 1) * atOnce)];
    const streams = input2 === undefined ? [input] : [input, input2];
    return streams.map(batches => [k < batches.length ? (batches[k] ?? null) : []]);
  });
}

function expectCase(one: ConformanceCase, { batches, error }: CaseOutput): void {
  if (one.expectError !== undefined) {
    // A function that gives no RDD is the job's mistake, a batch that is missing the source's.
    const code = one.expectError.includes('must not return null') ? 'jobInvalid' : 'sourceFailed';
    expect(error).to.be.instanceOf(EngineError).with.property('code', code);
    expect(batches).to.have.length(one.numBatchesToRun - 1);
    return;
  }
  if (error !== undefined) throw error;
  const normal = one.ordered ? (rows: readonly unknown[]) => rows : sorted;
  expect(batches.map(({ rows }) => normal(rows))).to.deep.equal(one.expected?.map(normal));
  if (one.expectedPartitionsPerBatch !== undefined) {
    for (const { numPartitions } of batches) expect(numPartitions).to.equal(one.expectedPartitionsPerBatch);
  }
}

const sorted = (rows: readonly unknown[]): unknown[] =>
  [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
