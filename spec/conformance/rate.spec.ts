/** Spark's own facts about its rate estimator, case by case, and about what becomes of it at a restart. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { job } from '../../lib/index.js';
import { PidRateEstimator } from '../../lib/scheduler/rate/pid-rate-estimator.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { forSeeds, intBelow } from '../helpers/random-values.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';

type Arguments = readonly [number, number, number, number, number];

interface RateCase {
  readonly id: string;
  readonly name: string;
  readonly ctor?: Arguments;
  readonly mustReject?: readonly Arguments[];
  readonly calls?: readonly {
    readonly timeMs: number;
    readonly numElements: number;
    readonly processingDelayMs: number;
    readonly schedulingDelayMs: number;
    /** Null: no estimate. */
    readonly expect: number | null;
  }[];
}

interface RestartCase {
  readonly id: string;
  readonly name: string;
  readonly facts: { readonly constantEstimatorRate?: number };
}

const { rateEstimatorCases, behaviourCases } = JSON.parse(
  readFileSync(new URL('spark-streaming.json', import.meta.url), 'utf8'),
) as {
  readonly rateEstimatorCases: { readonly cases: readonly RateCase[] };
  readonly behaviourCases: readonly RestartCase[];
};

describe('conformance of the rate estimator', () => {
  for (const { id, name, ctor, mustReject, calls } of rateEstimatorCases.cases) {
    it(`${id} ${name}`, () => {
      if (mustReject !== undefined) {
        for (const given of mustReject) {
          expect(() => new PidRateEstimator(...given), given.join())
            .to.throw(EngineError)
            .with.property('code', 'optionInvalid');
        }
      } else if (ctor !== undefined && calls !== undefined) {
        const estimator = new PidRateEstimator(...ctor);
        const estimates = calls.map(
          call =>
            estimator.compute(call.timeMs, call.numElements, call.processingDelayMs, call.schedulingDelayMs) ?? null,
        );
        expect(estimates).to.deep.equal(calls.map(call => call.expect));
      } else if (ctor !== undefined) {
        staysBelowProcessingSpeed(ctor);
      } else {
        throw new Error(`${id} has neither calls nor arguments`);
      }
    });
  }

  it('is all ten cases', () => {
    expect(rateEstimatorCases.cases).to.have.length(10);
  });
});

describe('conformance of the rate controller', () => {
  for (const { id, name, facts } of behaviourCases.filter(({ facts }) => facts?.constantEstimatorRate !== undefined)) {
    const rate = facts.constantEstimatorRate ?? 0;
    for (const end of ['a crash', 'a stop'] as const) {
      it(`${id} ${name}, after ${end}`, () => restoresRate(rate, end));
    }
  }

  it('is the one case', () => {
    expect(behaviourCases.filter(({ facts }) => facts?.constantEstimatorRate !== undefined)).to.have.length(1);
  });
});

/**
 * The estimator is made to give always the same rate: the least one, which is twice what the output can take. The
 * source could give three times as much. After a crash only the log knows the rate, after a stop the manifest does.
 */
async function restoresRate(rate: number, end: 'a crash' | 'a stop'): Promise<void> {
  const clock = new VirtualClock(0);
  const fs = new ModelFileSystem();
  const slow = job('slow', {}, ssc => {
    ssc.rateStream({ rowsPerSecond: 3 * rate }).foreachRDD(async rdd => {
      const count = await rdd.count();
      // Without this end of it, the time that a batch takes would make the next one due, for ever.
      if (count > rate) clock.advanceTo(clock.now() + (count / rate) * 2000);
    });
  });
  const start = (): Promise<TestRun> =>
    runEngine(slow, { clock, fs, checkpoint: '/checkpoint', options: { pidMinRate: rate, checkpointInterval: '24h' } });
  const run = await start();
  await run.batchesDone(1);
  await run.next();
  while (run.batches.at(-1)?.rateLimits?.['rate'] === undefined) await run.next();
  expect(run.batches.at(-1)?.rateLimits).to.deep.equal({ rate });
  if (end === 'a stop') {
    await run.engine.stop();
    expect((await run.engine.done).reason).to.equal('stopped');
  } else {
    // Nothing more gets to the disk, an engine that ends well would write a manifest.
    fs.downAt(fs.numOperations);
    await run.engine.abort();
    fs.crash();
  }
  const restarted = await start();
  const planned = (): readonly number[] =>
    restarted.batches.filter(batch => !batch.rerun).map(({ records }) => records);
  while (planned().length === 0) await restarted.next();
  expect(planned()[0]).to.equal(rate);
  expect(restarted.batches.at(-1)?.rateLimits).to.deep.equal({ rate });
  await restarted.engine.abort();
}

/** The property of the case that has no calls: batches of 20 ms, of any size, that waited up to 18 ms. */
function staysBelowProcessingSpeed(ctor: Arguments): void {
  forSeeds(20, random => {
    const estimator = new PidRateEstimator(...ctor);
    for (let i = 0; i < 50; i++) {
      const numElements = 1 + intBelow(random, 999);
      const schedulingDelayMs = intBelow(random, 19);
      const rate = estimator.compute(20 * i, numElements, 20, schedulingDelayMs);
      if (i === 0) {
        expect(rate).to.equal(undefined);
      } else if (rate === undefined) {
        throw new Error(`no estimate at call ${i}`);
      } else if (schedulingDelayMs > 0 && rate > 10) {
        expect(rate).to.be.below((numElements / 20) * 1000);
      }
    }
  });
}
