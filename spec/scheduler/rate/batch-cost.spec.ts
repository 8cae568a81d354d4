import { expect } from 'chai';
import { BatchCost } from '../../../lib/scheduler/rate/batch-cost.js';
import { forSeeds, intBelow } from '../../helpers/random-values.js';

const costOf = (batches: readonly (readonly [numRecords: number, processingMs: number])[]): BatchCost => {
  const cost = new BatchCost(1000);
  for (const [numRecords, processingMs] of batches) cost.add(numRecords, processingMs);
  return cost;
};

describe('BatchCost', () => {
  it('puts all time down to records until batches of different size were seen', () => {
    expect(costOf([]).fixedMs).to.equal(0);
    expect(
      costOf([
        [100, 300],
        [105, 310],
        [95, 290],
      ]).fixedMs,
    ).to.equal(0);
  });

  it('reads the fixed part off batches of different size', () => {
    expect(
      costOf([
        [100, 310],
        [200, 320],
        [1000, 400],
      ]).fixedMs,
    ).to.be.closeTo(300, 0.001);
    expect(
      costOf([
        [100, 100],
        [200, 200],
        [50, 50],
      ]).fixedMs,
    ).to.be.closeTo(0, 0.001);
  });

  it('keeps what it knows while batches are alike', () => {
    const cost = costOf([
      [100, 310],
      [1000, 400],
    ]);
    for (let i = 0; i < 100; i++) cost.add(500, 350);
    expect(cost.fixedMs).to.be.closeTo(300, 1);
  });

  it('finds it through noise, never below 0 nor above the mean', () => {
    forSeeds(50, random => {
      const cost = new BatchCost(1000);
      for (let i = 0; i < 60; i++) {
        const numRecords = 100 + intBelow(random, 5000);
        cost.add(numRecords, (200 + 0.1 * numRecords) * (0.95 + 0.1 * random()));
      }
      expect(cost.fixedMs).to.be.within(140, 260);
    });
  });

  it('leaves out batches without records', () => {
    expect(
      costOf([
        [100, 310],
        [0, 1],
        [1000, 400],
        [0, 5000],
      ]).fixedMs,
    ).to.be.closeTo(300, 0.001);
  });

  it('begins anew when the job has changed, and keeps the fixed part until it knows better', () => {
    const cost = costOf([
      [100, 110],
      [200, 120],
      [300, 130],
    ]);
    // Everything takes ten times as long: a line through both times would slope downwards.
    cost.add(300, 1300);
    expect(cost.fixedMs).to.be.closeTo(100, 0.001);
    cost.add(100, 1100);
    expect(cost.fixedMs).to.be.closeTo(1000, 0.001);
  });

  it('takes a batch to be full when half of it is left for records, an interval at the least', () => {
    expect(costOf([]).fullMs).to.equal(1000);
    const short = costOf([
      [100, 310],
      [1000, 400],
    ]);
    expect(short.fullMs).to.equal(1000);
    const long = costOf([
      [100, 3010],
      [1000, 3100],
    ]);
    expect(long.fullMs).to.be.closeTo(6000, 0.01);
  });

  describe('tells the estimator', () => {
    const known = costOf([
      [100, 410],
      [1000, 500],
    ]);

    it('delays as they are where nothing is fixed', () => {
      const cost = costOf([]);
      expect(cost.processingDelayOf(700)).to.equal(700);
      expect(cost.schedulingDelayOf(0)).to.equal(0);
      expect(cost.schedulingDelayOf(600)).to.equal(600);
    });

    it('a processing delay from which full batches follow', () => {
      // 1000 records in 100 ms beside 400 fixed ones: 600 ms of an interval hold 6000.
      expect(known.processingDelayOf(500)).to.be.closeTo(1000 / 6, 0.001);
      // At the limit: an interval is full, and takes an interval.
      expect(known.processingDelayOf(1000)).to.be.closeTo(1000, 0.001);
    });

    it('a tenth of the delay at the least, however much of it may be fixed', () => {
      expect(known.processingDelayOf(400)).to.be.at.least(40);
      expect(known.processingDelayOf(10)).to.be.at.least(1);
    });

    it('a wait over the time that the next batch will cover', () => {
      const cost = costOf([]);
      // Started 2.5 intervals after it was due: the next one is due at the third tick.
      expect(cost.schedulingDelayOf(2500)).to.be.closeTo(2500 / 3, 0.001);
      expect(cost.schedulingDelayOf(1_000_000)).to.be.below(1000);
    });

    it('nothing of a wait that the length of full batches makes', () => {
      const cost = costOf([
        [100, 3010],
        [1000, 3100],
      ]);
      expect(cost.schedulingDelayOf(2999)).to.equal(0);
      expect(cost.schedulingDelayOf(4999)).to.equal(0);
      expect(cost.schedulingDelayOf(8000)).to.be.above(0);
    });
  });
});
