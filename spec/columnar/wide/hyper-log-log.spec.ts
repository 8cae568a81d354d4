import { expect } from 'chai';
import { DistinctEstimates } from '../../../lib/columnar/wide/hyper-log-log.js';
import type { Scalar } from '../../../lib/columnar/wide/wide-aggregate.js';
import { forSeeds, intBelow, pick, shuffled } from '../../helpers/random-values.js';
import { bytesOf, filled, inPortions } from './accumulators.js';

const STANDARD_ERROR = 1.04 / 64;
const make = (): DistinctEstimates => new DistinctEstimates();

/** Families of different values, by number. */
const FAMILIES: readonly ((family: number, i: number) => Scalar)[] = [
  (family, i) => family * 1e9 + i,
  (family, i) => `user-${family}-${i}`,
  (family, i) => (family + 1) / (i + 1),
  (family, i) => `${i}${'x'.repeat(family)}`,
];

describe('columnar/wide/hyper-log-log', () => {
  for (const count of [10, 100, 1000, 3000, 30_000]) {
    it(`estimates ${count} different values with a standard error of 1.6 %`, () => {
      let squares = 0;
      let sum = 0;
      const runs = 24;
      for (let run = 0; run < runs; run++) {
        const valueOf = FAMILIES[run % FAMILIES.length];
        const made = make();
        for (let i = 0; i < count; i++) made.add(1, valueOf(run, i));
        const error = Number(made.result(1)) / count - 1;
        squares += error * error;
        sum += error;
      }
      // The bounds are three standard deviations of what 24 runs give.
      expect(Math.sqrt(squares / runs)).to.be.below(STANDARD_ERROR * 1.45);
      expect(Math.abs(sum / runs), 'bias').to.be.below(STANDARD_ERROR * 0.62);
    });
  }

  it('counts a few nearly exactly, and none as 0', () => {
    expect(make().result(1)).to.equal(0);
    const sets: Scalar[][] = [[true], [true, false], [0, -0, Number.NaN, Number.NaN], ['', 'a', '\u{1f600}']];
    for (const values of sets) {
      expect(filled(make(), values).result(1)).to.equal(new Set(values).size);
    }
  });

  it('has the same bytes for the same set of values, however they come and are put together', () => {
    forSeeds(30, random => {
      const distinct = pick(random, [0, 1, 50, 1000, 1100, 5000]);
      const values = Array.from({ length: distinct }, (_, i) => `${i}`);
      const all = shuffled(random, [...values, ...values.slice(0, intBelow(random, distinct + 1))]);
      const whole = filled(make(), values);
      const merged = inPortions(random, make, all);
      expect(bytesOf(merged)).to.equal(bytesOf(whole));
      expect(merged.result(1)).to.equal(whole.result(1));
    });
  });

  it('keeps 3 bytes for a value and 4 KiB at the most', () => {
    const few = filled(make(), ['a', 'b', 'c']).partial(1) as Uint8Array;
    expect(few.length).to.equal(9);
    const many = filled(
      make(),
      Array.from({ length: 50_000 }, (_, i) => i),
    ).partial(1) as Uint8Array;
    expect(many.length).to.equal(4096);
  });

  it('estimates billions from what their registers hold', () => {
    // With n values, a register holds rank r or less with the probability (1 - 2^-r)^(n / 4096).
    const n = 5e9;
    const made = make();
    const ranks = Uint8Array.from({ length: 4096 }, (_, i) => {
      const part = (i + 0.5) / 4096;
      return Math.ceil(-Math.log2(1 - part ** (4096 / n)));
    });
    made.merge(1, ranks);
    expect(Number(made.result(1)) / n).to.be.within(0.95, 1.05);
  });
});
