import { expect } from 'chai';
import { restartDelayMs } from '../../lib/driver/restart-delay.js';

describe('restartDelayMs', () => {
  it('is nothing for the first losses, and then grows up to a bound', () => {
    const delays = Array.from({ length: 9 }, (_, i) => restartDelayMs(i + 1));
    expect(delays).to.deep.equal([0, 0, 0, 50, 100, 200, 400, 500, 500]);
    expect(restartDelayMs(10_000)).to.equal(500);
  });
});
