import { expect } from 'chai';
import { slopeOf, soak } from '../helpers/soak.js';

soak({ seconds: 6, seed: 1, maxMbPerMinute: undefined });

describe('the slope of a line', () => {
  it('is that of the points nearest to it', () => {
    expect(
      slopeOf([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).to.equal(2);
    expect(
      slopeOf([
        [0, 1],
        [1, 0],
        [2, 1],
        [3, 0],
      ]),
    ).to.be.closeTo(-0.2, 1e-9);
  });
});
