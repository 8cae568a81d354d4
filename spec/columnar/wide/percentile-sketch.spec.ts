import { expect } from 'chai';
import { Percentiles } from '../../../lib/columnar/wide/percentile-sketch.js';
import { forSeeds, intBelow, pick, SPECIAL_NUMBERS, shuffled, type Random } from '../../helpers/random-values.js';
import { bytesOf, filled, inPortions } from './accumulators.js';

const PROBABILITIES = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];

/** The value at that place among all, NaN last. */
function exact(values: readonly number[], probability: number): number {
  const sorted = [...values].sort((a, b) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b));
  return sorted[Math.floor(probability * (values.length - 1))];
}

function randomValues(random: Random): number[] {
  const shape = pick<() => number>(random, [
    () => intBelow(random, 1000),
    () => (random() - 0.5) * 100,
    () => Math.exp(random() * 40 - 20),
    () => -Math.exp(random() * 400 - 200),
    () => (random() - 0.5) * 10 ** (intBelow(random, 600) - 300),
    () => pick(random, SPECIAL_NUMBERS),
  ]);
  return Array.from({ length: 1 + intBelow(random, 400) }, shape);
}

/** Within 1 %, or, for subnormal numbers, within a step of theirs; the logarithm's own rounding is below 1e-12. */
function isNear(found: number, wanted: number): boolean {
  if (Object.is(found, wanted) || found === wanted) return true;
  return Math.abs(found - wanted) <= Math.abs(wanted) * (0.01 + 1e-12) + Number.MIN_VALUE;
}

describe('columnar/wide/percentile-sketch', () => {
  it('is within 1 % of the exact value, for any numbers and any percentile', () => {
    forSeeds(120, random => {
      const values = randomValues(random);
      for (const probability of PROBABILITIES) {
        const found = Number(filled(new Percentiles(probability), values).result(1));
        const wanted = exact(values, probability);
        expect(isNear(found, wanted), `${probability}: ${found}, exactly ${wanted}`).to.equal(true);
      }
    });
  });

  it('is exact at the least and the greatest number', () => {
    const values = [3, -7.123, 1234.5, 0.25];
    expect(filled(new Percentiles(0), values).result(1)).to.equal(-7.123);
    expect(filled(new Percentiles(1), values).result(1)).to.equal(1234.5);
    expect(filled(new Percentiles(1), [Number.MAX_VALUE, 1]).result(1)).to.equal(Number.MAX_VALUE);
    expect(filled(new Percentiles(0.5), [Number.MIN_VALUE]).result(1)).to.equal(Number.MIN_VALUE);
  });

  it('has the same bytes for the same numbers, however they come and are put together', () => {
    forSeeds(40, random => {
      const values = randomValues(random);
      const whole = filled(new Percentiles(0.5), values);
      const merged = inPortions(random, () => new Percentiles(0.5), shuffled(random, values));
      expect(bytesOf(merged)).to.equal(bytesOf(whole));
      expect(merged.result(1)).to.deep.equal(whole.result(1));
    });
  });

  it('is null of none, and grows with the range of the numbers only', () => {
    expect(new Percentiles(0.5).result(1)).to.equal(null);
    const random = Array.from({ length: 20_000 }, (_, i) => 1 + (i % 9973) / 1000);
    const partial = filled(new Percentiles(0.5), random).partial(1) as number[];
    // A power of ten, 115 buckets, two numbers each.
    expect(partial.length).to.be.below(2 + 2 * 125);
  });
});
