import { expect } from 'chai';
import { hashValue, lastHash } from '../../../lib/columnar/wide/value-hash.js';
import type { Scalar } from '../../../lib/columnar/wide/wide-aggregate.js';

const hashOf = (value: Scalar): string => {
  hashValue(value);
  return [lastHash.high, lastHash.low].map(word => word.toString(16).padStart(8, '0')).join('');
};

describe('columnar/wide/value-hash', () => {
  it('gives these values for ever: sketches in checkpoints are made of them', () => {
    const values: Scalar[] = [
      '',
      'a',
      'b',
      'user-17',
      '\u{1f600}',
      0,
      1,
      -1,
      0.5,
      Number.MAX_SAFE_INTEGER,
      true,
      false,
    ];
    expect(values.map(hashOf)).to.deep.equal([
      '0f85ac691b9f249b',
      '3533e8de746266c4',
      '4f14047c676cc409',
      '8935e85a8a881894',
      '41a11adab971be7b',
      '5f01d9899f1b0b1d',
      '104e050cbb112d37',
      '77ce07d1c5a1ee22',
      'dffa6ef95b5579d2',
      '25b1cbddfec5af5c',
      '104e050cbb112d37',
      '5f01d9899f1b0b1d',
    ]);
  });

  it('takes -0 for 0 and all NaN for one', () => {
    const other = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0001n]).buffer)[0];
    expect(hashOf(-0)).to.equal(hashOf(0));
    expect(hashOf(other)).to.equal(hashOf(Number.NaN));
  });

  it('spreads values that differ in one bit or one character over all bits', () => {
    const inputs: Scalar[][] = [
      Array.from({ length: 20_000 }, (_, i) => i),
      Array.from({ length: 20_000 }, (_, i) => i * 2 ** 32),
      Array.from({ length: 20_000 }, (_, i) => i / 1024),
      Array.from({ length: 20_000 }, (_, i) => `user-${i}`),
      Array.from({ length: 20_000 }, (_, i) => `${i}-user with a long name`),
    ];
    for (const values of inputs) {
      const ones = Array.from({ length: 64 }, () => 0);
      const seen = new Set<string>();
      for (const value of values) {
        hashValue(value);
        seen.add(`${lastHash.high} ${lastHash.low}`);
        for (let bit = 0; bit < 32; bit++) {
          ones[bit] += (lastHash.high >>> bit) & 1;
          ones[32 + bit] += (lastHash.low >>> bit) & 1;
        }
      }
      expect(seen.size, `collisions of ${String(values[1])}`).to.equal(values.length);
      // Six standard deviations of a fair coin.
      for (const [bit, count] of ones.entries())
        expect(Math.abs(count - 10_000), `bit ${bit} of ${String(values[1])}`).to.be.below(6 * Math.sqrt(5000));
    }
  });
});
