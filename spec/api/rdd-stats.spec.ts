import { expect } from 'chai';
import { mergeMoments, momentsOf, statsOf } from '../../lib/api/rdd-stats.js';
import { forSeeds, intBelow, randomOf } from '../helpers/random-values.js';
import { PARTITIONS, withPartitions } from '../helpers/with-rdd.js';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** By the definitions, two passes. */
function oracle(values: readonly number[]): { mean: number; variance: number; sampleVariance: number } {
  const mean = sum(values) / values.length;
  const m2 = sum(values.map(x => (x - mean) ** 2));
  return { mean, variance: m2 / values.length, sampleVariance: m2 / (values.length - 1) };
}

const expectClose = (got: number, wanted: number): void => {
  expect(got).to.be.closeTo(wanted, 1e-9 * Math.max(1, Math.abs(wanted)));
};

describe('moments', () => {
  it('are the same however the numbers are cut into parts, empty and uneven ones too', () => {
    forSeeds(30, random => {
      const values = Array.from({ length: 2 + intBelow(random, 200) }, () => (random() - 0.5) * 1000 + 50);
      const cuts = Array.from({ length: intBelow(random, 5) }, () => intBelow(random, values.length + 1)).sort(
        (a, b) => a - b,
      );
      const parts = [0, ...cuts].map((from, i) => momentsOf(values.slice(from, cuts[i] ?? values.length)));
      const stats = statsOf(mergeMoments(parts));
      const wanted = oracle(values);
      expect(stats.count).to.equal(values.length);
      expect([stats.min, stats.max]).to.deep.equal([Math.min(...values), Math.max(...values)]);
      expectClose(stats.sum, sum(values));
      expectClose(stats.mean, wanted.mean);
      expectClose(stats.variance, wanted.variance);
      expectClose(stats.sampleVariance, wanted.sampleVariance);
      expect(stats.stdev).to.equal(Math.sqrt(stats.variance));
      expect(stats.sampleStdev).to.equal(Math.sqrt(stats.sampleVariance));
    });
  });

  it('stay exact where a sum of squares would not: numbers far from 0 that lie close together', () => {
    const values = Array.from({ length: 1000 }, (_, i) => 1e9 + (i % 2));
    const stats = statsOf(mergeMoments([momentsOf(values.slice(0, 10)), momentsOf(values.slice(10))]));
    expect(stats.variance).to.be.closeTo(0.25, 1e-6);
  });
});

for (const n of PARTITIONS) {
  describe(`statistics of ${n} partitions`, () => {
    it('puts partitions together', async () => {
      const random = randomOf(n);
      const rows = Array.from({ length: 40 }, () => intBelow(random, 1000));
      const got = await withPartitions(rows, n, async rdd => ({
        stats: await rdd.stats(),
        sum: await rdd.sum(),
        mean: await rdd.mean(),
        variance: await rdd.variance(),
        stdev: await rdd.stdev(),
      }));
      const wanted = oracle(rows);
      expect([got.stats.count, got.stats.sum, got.sum]).to.deep.equal([40, sum(rows), sum(rows)]);
      expectClose(got.mean, wanted.mean);
      expectClose(got.variance, wanted.variance);
      expectClose(got.stdev, Math.sqrt(wanted.variance));
      expectClose(got.stats.sampleVariance, wanted.sampleVariance);
    });

    it('says of no numbers what Spark says, and of one that it has no spread', async () => {
      const none = await withPartitions<number, unknown>([], n, async rdd => [
        await rdd.stats(),
        await rdd.sum(),
        await rdd.mean(),
      ]);
      const { NaN: nan, POSITIVE_INFINITY: max, NEGATIVE_INFINITY: min } = Number;
      const empty = {
        count: 0,
        mean: 0,
        sum: 0,
        min: max,
        max: min,
        variance: nan,
        sampleVariance: nan,
        stdev: nan,
        sampleStdev: nan,
      };
      expect(none).to.deep.equal([empty, 0, 0]);
      const one = await withPartitions([3], n, rdd => rdd.stats());
      expect(one).to.deep.equal({ ...empty, count: 1, mean: 3, sum: 3, min: 3, max: 3, variance: 0, stdev: 0 });
    });
  });
}
