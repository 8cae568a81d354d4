import { expect } from 'chai';
import type { Json } from '../../../lib/core/json.js';
import { PidRateEstimator } from '../../../lib/scheduler/rate/pid-rate-estimator.js';
import { RateController, type RateControllerOptions } from '../../../lib/scheduler/rate/rate-controller.js';

const MOST = { maxBytes: 1_000_000_000, maxRecords: 1_000_000_000 };

class Fixture {
  readonly told: (number | undefined)[] = [];
  readonly controller: RateController;
  #nowMs = 0;

  constructor(options: Partial<RateControllerOptions> = {}) {
    this.controller = new RateController({
      estimator: new PidRateEstimator(1000, 1, 0.2, 0, 100),
      initialRate: undefined,
      maxRate: undefined,
      onLimit: limit => this.told.push(limit),
      ...options,
    });
  }

  /** A batch of one interval. */
  batch(numRecords: number, processingMs: number, schedulingDelayMs = 0, numBytes = numRecords * 50): void {
    this.#nowMs += 1000;
    const completedMs = this.#nowMs;
    this.controller.learn({ completedMs, spanMs: 1000, numRecords, numBytes, processingMs, schedulingDelayMs });
  }
}

describe('RateController', () => {
  it('limits nothing until the second batch, then to the rate that batches are processed at', () => {
    const fixture = new Fixture();
    const { controller } = fixture;
    expect(controller.bound(1000, MOST)).to.deep.equal(MOST);
    fixture.batch(1000, 500);
    expect(controller.limit).to.equal(undefined);
    fixture.batch(1000, 500);
    expect(controller.limit).to.equal(2000);
    expect(controller.bound(1000, MOST).maxRecords).to.equal(2000);
    expect(controller.bound(2500, MOST).maxRecords).to.equal(5000);
  });

  it('limits after the first batch already when that took longer than it covered', () => {
    const fixture = new Fixture();
    fixture.batch(1000, 4000);
    expect(fixture.controller.limit).to.equal(250);
    fixture.batch(250, 500);
    expect(fixture.controller.limit).to.equal(500);
    const slow = new Fixture();
    slow.batch(10, 4000);
    expect(slow.controller.limit).to.equal(100);
    const initial = new Fixture({ initialRate: 500 });
    initial.batch(500, 5000);
    expect(initial.controller.limit).to.equal(100);
  });

  it('falls when batches wait or take longer than they cover, rises when they are done sooner', () => {
    const fixture = new Fixture();
    fixture.batch(1000, 500);
    fixture.batch(1000, 500);
    fixture.batch(2000, 2000);
    expect(fixture.controller.limit).to.equal(1000);
    fixture.batch(1000, 1000, 500);
    expect(fixture.controller.limit).to.equal(900);
    fixture.batch(900, 300);
    expect(fixture.controller.limit).to.equal(3000);
  });

  it('does not fall after a batch that had less than it might and kept up', () => {
    const fixture = new Fixture();
    for (let i = 0; i < 2; i++) fixture.batch(10_000, 500);
    for (let i = 0; i < 100; i++) fixture.batch(1, 400, 30);
    expect(fixture.controller.limit).to.equal(20_000);
    // One that took all it might says what can be done.
    fixture.batch(20_000, 1200);
    expect(fixture.controller.limit).to.be.closeTo(16_666, 1);
  });

  it('falls after a small batch that took too long', () => {
    const fixture = new Fixture();
    for (let i = 0; i < 2; i++) fixture.batch(10_000, 500);
    fixture.batch(5000, 2500);
    expect(fixture.controller.limit).to.equal(2000);
  });

  it('never plans nothing, and never more than all batches may hold', () => {
    const { controller } = new Fixture({ maxRate: 3 });
    expect(controller.bound(100, MOST)).to.deep.equal({ maxBytes: 16, maxRecords: 1 });
    expect(controller.bound(60_000, { maxBytes: 5, maxRecords: 7 })).to.deep.equal({ maxBytes: 5, maxRecords: 7 });
  });

  it('holds the initial rate from the first batch on, until there is an estimate', () => {
    const fixture = new Fixture({ initialRate: 500 });
    fixture.controller.start();
    expect(fixture.controller.bound(1000, MOST).maxRecords).to.equal(500);
    fixture.batch(500, 10);
    expect(fixture.controller.limit).to.equal(500);
    fixture.batch(500, 10);
    expect(fixture.controller.limit).to.equal(50_000);
    expect(fixture.told).to.deep.equal([500, 50_000]);
  });

  it('never goes above the greatest rate, also without an estimator, and has no initial rate then', () => {
    const learning = new Fixture({ maxRate: 800, initialRate: 5000 });
    expect(learning.controller.limit).to.equal(800);
    for (let i = 0; i < 3; i++) learning.batch(800, 10);
    expect(learning.controller.limit).to.equal(800);
    const fixed = new Fixture({ estimator: undefined, maxRate: 800, initialRate: 10 });
    for (let i = 0; i < 3; i++) fixed.batch(800, 5000, 5000);
    expect(fixed.controller.limit).to.equal(800);
    expect(new Fixture({ estimator: undefined, initialRate: 10 }).controller.limit).to.equal(undefined);
  });

  it('tells the limit when it starts and when it has changed, and not else', () => {
    const fixture = new Fixture();
    fixture.controller.start();
    fixture.batch(1000, 500);
    fixture.batch(1000, 500);
    fixture.batch(1000, 600);
    fixture.batch(0, 0);
    expect(fixture.told).to.deep.equal([undefined, 2000]);
  });

  describe('for a source that plans in bytes', () => {
    it('counts 16 bytes a record until the first batch, then what records were', () => {
      const fixture = new Fixture({ maxRate: 1000 });
      const { controller } = fixture;
      expect(controller.bound(1000, MOST).maxBytes).to.equal(16_000);
      fixture.batch(1000, 10, 0, 40_000);
      expect(controller.bound(1000, MOST).maxBytes).to.equal(40_000);
      // Records that grow are followed over some batches.
      fixture.batch(1000, 10, 0, 140_000);
      expect(controller.bound(1000, MOST).maxBytes).to.equal(70_000);
      for (let i = 0; i < 20; i++) fixture.batch(1000, 10, 0, 140_000);
      expect(controller.bound(1000, MOST).maxBytes).to.be.within(139_000, 140_000);
    });

    it('leaves the bytes alone when the source turns out to count records', () => {
      const { controller } = new Fixture({ maxRate: 1000 });
      controller.planned(0);
      expect(controller.bound(1000, MOST).maxBytes).to.equal(16_000);
      controller.planned(17);
      controller.planned(0);
      expect(controller.bound(1000, MOST)).to.deep.equal({ ...MOST, maxRecords: 1000 });
    });
  });

  describe('after a restart', () => {
    it('goes on as if nothing had been', () => {
      const fixture = new Fixture();
      for (let i = 0; i < 3; i++) fixture.batch(1000 + i, 500, i);
      const state = JSON.parse(JSON.stringify(fixture.controller.state)) as Json;
      const restarted = new Fixture();
      restarted.controller.restore(state);
      restarted.controller.start();
      expect(restarted.told).to.deep.equal([fixture.controller.limit]);
      expect(restarted.controller.bound(1000, MOST)).to.deep.equal(fixture.controller.bound(1000, MOST));
      // The batch after it is not the first one for the estimator. The clock of a spec begins anew.
      for (let i = 0; i < 4; i++) restarted.batch(0, 0);
      restarted.batch(3000, 2000);
      fixture.batch(0, 0);
      fixture.batch(3000, 2000);
      expect(restarted.controller.limit).to.equal(fixture.controller.limit).and.to.equal(1500);
    });

    it('begins anew where there is no state, or none that it knows', () => {
      const fresh = new Fixture().controller;
      expect(fresh.state).to.equal(undefined);
      const unknown: Json[] = [
        null,
        7,
        'rate',
        [],
        {},
        { rate: 'fast', bytesPerRecord: -1, pid: 7 },
        { rate: null, bytesPerRecord: null, pid: null },
        { rate: 0, pid: { timeMs: null, rate: 5, error: 0 } },
      ];
      for (const state of unknown) {
        const { controller } = new Fixture();
        controller.restore(state);
        expect(controller.state, JSON.stringify(state)).to.equal(undefined);
        expect(controller.limit, JSON.stringify(state)).to.equal(undefined);
      }
    });

    it('takes only the size of records over when backpressure was switched off', () => {
      const fixture = new Fixture();
      for (let i = 0; i < 2; i++) fixture.batch(1000, 500, 0, 7000);
      const state = fixture.controller.state as Json;
      const { controller } = new Fixture({ estimator: undefined });
      controller.restore(state);
      expect(controller.limit).to.equal(undefined);
      expect(controller.state).to.deep.equal({ rate: null, bytesPerRecord: 7, pid: null });
    });
  });
});
