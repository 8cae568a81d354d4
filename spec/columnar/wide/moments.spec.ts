import { expect } from 'chai';
import { VarianceOf } from '../../../lib/columnar/wide/moments.js';
import { forSeeds, intBelow } from '../../helpers/random-values.js';
import { filled, inPortions } from './accumulators.js';

const make = (): VarianceOf => new VarianceOf(variance => variance);

/** Two passes: the mean, then the squares of the distances from it. */
function twoPasses(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
}

describe('columnar/wide/moments', () => {
  it('are those of two passes over the values, in whatever portions they come', () => {
    forSeeds(60, random => {
      const offset = (random() - 0.5) * 10 ** intBelow(random, 7);
      const values = Array.from({ length: 2 + intBelow(random, 300) }, () => offset + random());
      const wanted = twoPasses(values);
      for (const made of [filled(make(), values), inPortions(random, make, values)])
        expect(Math.abs(Number(made.result(1)) / wanted - 1)).to.be.below(1e-6);
    });
  });

  it('do not lose small distances beside a large mean, where sums of squares lose all', () => {
    const values = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16];
    const squares = values.reduce((sum, x) => sum + x * x, 0);
    const sum = values.reduce((total, x) => total + x, 0);
    expect((squares - (sum * sum) / 4) / 3, 'the formula of sums').not.to.be.closeTo(30, 1);
    expect(filled(make(), values).result(1)).to.equal(30);
    const halves = filled(make(), values.slice(0, 2));
    halves.merge(1, filled(make(), values.slice(2)).partial(1));
    expect(halves.result(1)).to.equal(30);
  });

  it('are null of fewer than two values, 0 of equal ones, NaN with a NaN or an infinity', () => {
    expect(make().result(1)).to.equal(null);
    expect(filled(make(), [5]).result(1)).to.equal(null);
    expect(filled(make(), [0.1, 0.1, 0.1]).result(1)).to.equal(0);
    for (const odd of [Number.NaN, Infinity, -Infinity])
      expect(filled(make(), [1, odd, 2]).result(1)).to.deep.equal(Number.NaN);
    expect(filled(new VarianceOf(Math.sqrt), [1, 3]).result(1)).to.equal(Math.SQRT2);
  });
});
