import { expect } from 'chai';
import { VirtualClock } from '../../../lib/core/clock.js';
import type { Json } from '../../../lib/core/json.js';
import { resolveOptions, type DeclaredOptions } from '../../../lib/core/options.js';
import { batchTime } from '../../../lib/core/time.js';
import type { Batch } from '../../../lib/scheduler/batch.js';
import {
  RateControllers,
  type LimitedSource,
  type RateControllersOptions,
} from '../../../lib/scheduler/rate/rate-controllers.js';
import { batchOf, resultOf } from '../../helpers/scheduler-ports.js';

const MOST = { maxBytes: 1_000_000_000, maxRecords: 1_000_000_000 };

class Fixture {
  readonly clock = new VirtualClock(0);
  readonly told: string[] = [];
  readonly rates: RateControllers;

  constructor(
    { mode = 'clock', restored = {} }: Partial<RateControllersOptions> = {},
    options: DeclaredOptions = {},
    maxRates: { readonly [source: string]: number } = {},
  ) {
    const sources = ['a', 'b'].map((id): LimitedSource => ({
      id,
      ...(maxRates[id] === undefined ? {} : { maxRate: maxRates[id] }),
      setRateLimit: limit => void this.told.push(`${id} ${limit}`),
    }));
    const settings = resolveOptions({ job: { interval: 1000, ...options } }).values;
    this.rates = new RateControllers({ settings, sources, mode, now: () => this.clock.now(), restored });
  }

  /** A batch of one interval that is due now, is computed in `computeMs`, and has its outputs in place after `outputMs` more. */
  batch(records: { readonly [source: string]: number }, computeMs: number, outputMs = 0, rerun = false): void {
    const startedMs = this.clock.now();
    const computedMs = startedMs + computeMs;
    this.clock.advanceTo(computedMs + outputMs);
    const recordsBySource = new Map(Object.entries(records));
    const inputRecords = Object.values(records).reduce((a, b) => a + b, 0);
    const batch: Batch = { ...batchOf(startedMs, [1], rerun), previousTime: startedMs - 1000 };
    const result = resultOf({ inputRecords, recordsBySource, bytesBySource: recordsBySource });
    this.rates.learn(batch, result, { startedMs, computedMs, outputsFromMs: computedMs });
    this.clock.advanceTo(Math.max(this.clock.now(), startedMs + 1000));
  }

  /** What a batch of one interval may take. */
  records(source: string): number {
    const time = batchTime(this.clock.now());
    return this.rates.bound(source, { time, previousTime: time - 1000 }, MOST).maxRecords;
  }
}

describe('RateControllers', () => {
  it('give each source the rate of its own records', () => {
    const fixture = new Fixture();
    fixture.rates.start();
    for (let i = 0; i < 2; i++) fixture.batch({ a: 1000, b: 200 }, 500);
    expect(fixture.rates.limits).to.deep.equal({ a: 2000, b: 400 });
    expect([fixture.records('a'), fixture.records('b')]).to.deep.equal([2000, 400]);
    expect(fixture.told).to.deep.equal(['a undefined', 'b undefined', 'a 2000', 'b 400']);
  });

  it('learn from the longer of computing and putting out, which go on beside each other', () => {
    const computed = new Fixture();
    for (let i = 0; i < 2; i++) computed.batch({ a: 1000 }, 500, 100);
    expect(computed.rates.limits).to.deep.equal({ a: 2000 });
    const putOut = new Fixture();
    for (let i = 0; i < 2; i++) putOut.batch({ a: 1000 }, 100, 500);
    expect(putOut.rates.limits).to.deep.equal({ a: 2000 });
  });

  it('count the time of batches that are computed beside each other once', () => {
    const { rates, clock } = new Fixture();
    for (let i = 0; i < 6; i++) {
      const dueMs = i * 1000;
      const timing = { startedMs: dueMs, computedMs: dueMs + 3000, outputsFromMs: dueMs + 3000 };
      clock.advanceTo(timing.computedMs);
      const bySource = new Map([['a', 500]]);
      const result = resultOf({ inputRecords: 500, recordsBySource: bySource, bytesBySource: bySource });
      rates.learn({ ...batchOf(dueMs), previousTime: dueMs - 1000 }, result, timing);
    }
    // Each takes three intervals, and one is done in each.
    expect(rates.limits).to.deep.equal({ a: 500 });
  });

  it('learn nothing for a source without records, nor from a batch that an earlier process planned', () => {
    const fixture = new Fixture();
    for (let i = 0; i < 3; i++) fixture.batch({ a: 1000, b: 0 }, 500);
    fixture.batch({ a: 10, b: 10 }, 5000, 0, true);
    expect(fixture.rates.limits).to.deep.equal({ a: 2000 });
  });

  it('take the smaller of the greatest rates of the engine and of the source', () => {
    const fixture = new Fixture({}, { maxRatePerSource: 500, backpressure: false }, { a: 50, b: 5000 });
    expect(fixture.rates.limits).to.deep.equal({ a: 50, b: 500 });
    const own = new Fixture({}, { backpressure: false }, { a: 50 });
    expect(own.rates.limits).to.deep.equal({ a: 50 });
  });

  it('know nothing of a source that is not theirs', () => {
    const { rates } = new Fixture({}, { maxRatePerSource: 5 });
    expect(rates.bound('c', { time: batchTime(1000), previousTime: 0 }, MOST)).to.deep.equal(MOST);
  });

  it('tell the restored limits at the start', () => {
    const fixture = new Fixture();
    expect(fixture.rates.state).to.equal(undefined);
    for (let i = 0; i < 2; i++) fixture.batch({ a: 1000 }, 500);
    const restored = JSON.parse(JSON.stringify(fixture.rates.state)) as { [source: string]: Json };
    expect(Object.keys(restored)).to.deep.equal(['a']);
    const restarted = new Fixture({ restored });
    restarted.rates.start();
    expect(restarted.told).to.deep.equal(['a 2000', 'b undefined']);
    expect(restarted.records('a')).to.equal(2000);
    expect(restarted.rates.state).to.deep.equal(restored);
  });

  it('limit nothing and learn nothing in a drain, and hand on what was learned before', () => {
    const fixture = new Fixture();
    for (let i = 0; i < 2; i++) fixture.batch({ a: 1000 }, 500);
    const restored = fixture.rates.state ?? {};
    const drain = new Fixture({ mode: 'drain', restored }, { initialRate: 7, maxRatePerSource: 7 }, { a: 5 });
    drain.rates.start();
    expect(drain.records('a')).to.equal(MOST.maxRecords);
    for (let i = 0; i < 3; i++) drain.batch({ a: 1000, b: 5 }, 5000);
    expect(drain.records('a')).to.equal(MOST.maxRecords);
    expect(drain.told).to.deep.equal(['a undefined', 'b undefined']);
    expect(drain.rates.limits).to.deep.equal({});
    expect(drain.rates.state).to.deep.equal(restored);
    expect(new Fixture({ mode: 'drain' }).rates.state).to.equal(undefined);
  });
});
