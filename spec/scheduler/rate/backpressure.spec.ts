/**
 * What becomes of the limit, of waits and of batches when load and job change: the real scheduler and controllers over
 * a job that is a formula. A number of batches in a fact here is what lib/README.md promises.
 */
import { expect } from 'chai';
import { randomOf } from '../../helpers/random-values.js';
import { LoadModel, type ModelBatch } from './load-model.js';

const limitOf = (batch: ModelBatch | undefined): number => batch?.limit ?? Number.POSITIVE_INFINITY;
const maxWait = (batches: readonly ModelBatch[]): number => Math.max(...batches.map(({ waitedMs }) => waitedMs));
/** Records per second that got through. */
const throughput = (batches: readonly ModelBatch[], ms: number): number =>
  (batches.reduce((sum, { numRecords }) => sum + numRecords, 0) / ms) * 1000;

describe('backpressure', () => {
  it('lets everything through where the job keeps up, from the first batch on', async () => {
    const model = new LoadModel({ intervalMs: 1000 });
    model.compute = numRecords => 50 + numRecords * 0.01;
    model.arriving = 20_000;
    const batches = await model.run(20_000);
    expect(batches.slice(1).map(({ numRecords }) => numRecords)).to.deep.equal(
      Array.from({ length: 19 }, () => 20_000),
    );
    expect(maxWait(batches)).to.equal(0);
    expect(model.limit).to.be.above(50_000);
    await model.stop();
  });

  it('does nothing when it is switched off', async () => {
    const model = new LoadModel({ intervalMs: 1000, options: { backpressure: false } });
    model.compute = numRecords => numRecords;
    model.arriving = 5000;
    await model.run(60_000);
    expect(model.limit).to.equal(undefined);
    expect(Math.max(...model.batches.map(({ numRecords }) => numRecords))).to.be.above(20_000);
  });

  it('follows an input that rises tenfold, a hundredfold, within three batches', async () => {
    for (const factor of [10, 100]) {
      const model = new LoadModel({ intervalMs: 1000 });
      model.compute = numRecords => 100 + numRecords * 0.05;
      model.arriving = 100;
      await model.run(30_000);
      model.arriving = 100 * factor;
      const batches = await model.run(10_000);
      expect(limitOf(batches[2]), `times ${factor}`).to.be.above(model.arriving);
      expect(batches.at(-1)?.numRecords, `times ${factor}`).to.equal(model.arriving);
      expect(model.backlog, `times ${factor}`).to.equal(0);
      expect(maxWait(batches), `times ${factor}`).to.equal(0);
      await model.stop();
    }
  });

  it('does not hold a job that was idle for long to the least rate', async () => {
    const model = new LoadModel({ intervalMs: 1000, options: { pidMinRate: 1 } });
    model.compute = numRecords => 600 + numRecords * 0.01;
    model.arriving = 2;
    await model.run(600_000);
    model.arriving = 0;
    await model.run(600_000);
    model.arriving = 20_000;
    const batches = await model.run(20_000);
    expect(batches.slice(-5).map(({ numRecords }) => numRecords)).to.deep.equal(
      Array.from({ length: 5 }, () => 20_000),
    );
    await model.stop();
  });

  it('lowers the input to what a sink that became slow can take, within six batches, and does not swing', async () => {
    const model = new LoadModel({ intervalMs: 1000 });
    model.compute = numRecords => 10 + numRecords * 0.001;
    model.output = numRecords => numRecords * 0.01;
    model.arriving = 20_000;
    await model.run(10_000);
    model.output = numRecords => numRecords * 0.1;
    const slow = await model.run(120_000);
    const limits = slow.slice(6).map(limitOf);
    expect(Math.min(...limits)).to.be.above(8500);
    expect(Math.max(...limits)).to.be.below(10_500);
    expect(maxWait(slow.slice(8))).to.be.below(200);
    expect(throughput(slow.slice(-50), 50_000)).to.be.within(9500, 10_000);
    // It is as fast as before: what waited is worked off.
    model.output = numRecords => numRecords * 0.01;
    await model.run(30_000);
    expect(model.backlog).to.equal(0);
    expect(model.batches.at(-1)).to.include({ numRecords: 20_000, waitedMs: 0 });
    await model.stop();
  });

  it('bounds the third batch of a job that is far too slow from its start', async () => {
    const model = new LoadModel({ intervalMs: 200 });
    model.compute = numRecords => numRecords * 0.01;
    model.arriving = 2_000_000;
    await model.run(30_000);
    const sizes = model.batches.map(({ numRecords }) => numRecords);
    // The second is planned while the first is computed, for 4 s; 8 million records come meanwhile.
    expect(sizes.slice(0, 3)).to.deep.equal([0, 400_000, 400_000]);
    expect(Math.max(...sizes.slice(3))).to.be.at.most(20_000);
    expect(throughput(model.batches, 30_000)).to.be.within(90_000, 110_000);
  });

  it('brings batches back to an interval after ones that were ten times as long', async () => {
    const model = new LoadModel({ intervalMs: 1000 });
    model.compute = numRecords => 10 + numRecords;
    model.arriving = 1000;
    model.add(10_000);
    await model.run(120_000);
    const settled = model.batches.filter(({ completedMs }) => completedMs > 1_060_000);
    expect(settled.length).to.be.above(55);
    expect(maxWait(settled)).to.be.below(100);
    expect(throughput(settled, 60_000)).to.be.within(930, 1000);
  });

  it('keeps near what the job can do, and waits bounded, under three times as much and uneven batches', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const random = randomOf(seed);
      const model = new LoadModel({ intervalMs: 1000 });
      model.compute = numRecords => numRecords * (0.8 + 0.4 * random());
      model.arriving = 3000;
      await model.run(20_000);
      const batches = await model.run(180_000);
      expect(throughput(batches, 180_000), `seed ${seed}`).to.be.within(850, 1010);
      expect(maxWait(batches), `seed ${seed}`).to.be.below(1200);
      expect(Math.min(...batches.map(limitOf)), `seed ${seed}`).to.be.above(600);
    }
  });

  it('does not give throughput away where each batch costs more than an interval, however few records it has', async () => {
    const costs: ((numRecords: number) => number)[] = [() => 295, n => 250 + n * 0.001, n => 150 + n * 0.002];
    for (const [at, cost] of costs.entries()) {
      for (const step of ['compute', 'output'] as const) {
        const model = new LoadModel({ intervalMs: 100 });
        model[step] = cost;
        model.arriving = 50_000;
        await model.run(10_000);
        const batches = await model.run(20_000);
        expect(throughput(batches, 20_000), `cost ${at} of ${step}`).to.be.within(49_000, 51_000);
        expect(maxWait(batches), `cost ${at} of ${step}`).to.be.below(600);
        await model.stop();
      }
    }
  });

  it('gives one that is limited by both the half of the time for records', async () => {
    const model = new LoadModel({ intervalMs: 100 });
    model.output = numRecords => 150 + numRecords * 0.01;
    model.arriving = 1_000_000;
    await model.run(20_000);
    const batches = await model.run(20_000);
    // 100 records a millisecond, half of the time; no batch is longer than twice its fixed part and an interval.
    expect(throughput(batches, 20_000)).to.be.within(40_000, 60_000);
    expect(maxWait(batches)).to.be.below(450);
  });

  it('never goes below the least rate', async () => {
    const model = new LoadModel({ intervalMs: 1000, options: { pidMinRate: 50 } });
    model.compute = numRecords => numRecords * 100;
    model.arriving = 1000;
    const batches = await model.run(600_000);
    expect(Math.min(...batches.map(limitOf))).to.equal(50);
  });

  it('takes the initial rate for the first batches, and the greatest for all', async () => {
    const model = new LoadModel({ intervalMs: 500, options: { initialRate: 1000, maxRatePerSource: 4000 } });
    model.compute = () => 1;
    model.add(100_000);
    await model.run(10_000);
    const sizes = model.batches.map(({ numRecords }) => numRecords);
    // The first batch is planned before there is anything.
    expect(sizes.slice(0, 3)).to.deep.equal([0, 500, 500]);
    expect(new Set(sizes.slice(3))).to.deep.equal(new Set([2000]));
    await model.stop();
  });

  it('does not let a batch make up for time in which nothing was planned', async () => {
    const model = new LoadModel({ intervalMs: 1000, options: { maxRatePerSource: 100 } });
    model.compute = () => 1;
    model.add(100_000);
    await model.run(3000);
    // As when a machine sleeps: the clock jumps by an hour.
    model.clock.advanceTo(model.clock.now() + 3_600_000);
    const batches = await model.run(3000);
    expect(Math.max(...batches.map(({ numRecords }) => numRecords))).to.equal(100);
  });
});
