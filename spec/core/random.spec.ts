import { expect } from 'chai';
import { drawPoisson, seededDraw } from '../../lib/core/random.js';

const drawn = (n: number, ...parts: number[]): number[] => {
  const draw = seededDraw(...parts);
  return Array.from({ length: n }, draw);
};
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('seededDraw', () => {
  it('draws the same for the same parts, something else for others', () => {
    expect(drawn(5, 1, 2)).to.deep.equal(drawn(5, 1, 2));
    const firsts = [[1], [2], [1, 0], [1, 2], [2, 1], [-1], [1.5]].map(parts => drawn(1, ...parts)[0]);
    expect(new Set(firsts).size).to.equal(firsts.length);
  });

  it('is uniform in [0, 1), also over the first draws of seeds that are neighbours', () => {
    const sequences = [drawn(20_000, 7), Array.from({ length: 20_000 }, (_, seed) => drawn(1, seed)[0] as number)];
    for (const values of sequences) {
      expect(values.every(x => x >= 0 && x < 1)).to.equal(true);
      const tenths = new Array<number>(10).fill(0);
      for (const x of values) tenths[Math.floor(x * 10)] = (tenths[Math.floor(x * 10)] ?? 0) + 1;
      // 2000 expected in each; 5 standard deviations are 212.
      for (const count of tenths) expect(count).to.be.within(1788, 2212);
    }
  });
});

describe('drawPoisson', () => {
  for (const wanted of [0, 0.3, 4, 100, 1000]) {
    it(`has mean and variance ${wanted}`, () => {
      const draw = seededDraw(wanted, 1);
      const counts = Array.from({ length: 2000 }, () => drawPoisson(draw, wanted));
      const spread = Math.sqrt(wanted / 2000);
      expect(mean(counts)).to.be.within(wanted - 5 * spread, wanted + 5 * spread);
      expect(mean(counts.map(count => (count - wanted) ** 2))).to.be.within(wanted * 0.8, wanted * 1.2);
    });
  }
});
