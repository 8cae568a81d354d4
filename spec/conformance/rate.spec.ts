/** Spark's own facts about its rate estimator, case by case. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { PidRateEstimator } from '../../lib/scheduler/rate/pid-rate-estimator.js';
import { forSeeds, intBelow } from '../helpers/random-values.js';

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

const { rateEstimatorCases } = JSON.parse(
  readFileSync(new URL('spark-streaming.json', import.meta.url), 'utf8'),
) as { readonly rateEstimatorCases: { readonly cases: readonly RateCase[] } };

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
