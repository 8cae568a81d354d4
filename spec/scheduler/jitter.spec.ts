import { expect } from 'chai';
import { checkJitter, jitterOf } from '../../lib/scheduler/jitter.js';

const times = Array.from({ length: 2000 }, (_, i) => 1_700_000_000_000 + i * 500);

describe('jitter', () => {
  it('is the same for the same job and time, and another for others', () => {
    const of = (job: string): number[] => times.map(time => jitterOf(job, time, 200));
    expect(of('clicks')).to.deep.equal(of('clicks'));
    const same = of('clicks').filter((ms, i) => ms === of('visits')[i]).length;
    expect(same).to.be.below(times.length / 20);
  });

  it('is spread from 0 to its bound, both included', () => {
    const found = new Map<number, number>();
    for (const time of times) found.set(jitterOf('job', time, 9), (found.get(jitterOf('job', time, 9)) ?? 0) + 1);
    expect([...found.keys()].toSorted((a, b) => a - b)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const [ms, n] of found) expect(n, `${ms} ms`).to.be.within(120, 280);
  });

  it('is nothing when none is wanted', () => {
    expect(times.map(time => jitterOf('job', time, 0)).every(ms => ms === 0)).to.equal(true);
  });

  it('is refused when it would reach the next batch', () => {
    expect(() => checkJitter(999, 1000)).not.to.throw();
    expect(() => checkJitter(1000, 1000))
      .to.throw('jitter wants less than the batch interval of 1000 ms, got 1000 ms: try 500')
      .with.property('code', 'optionInvalid');
  });
});
