import { expect } from 'chai';
import type { SourcePlan } from '../../lib/sources/source.js';
import { RateSourceDriver, RateSourceReader } from '../../lib/sources/rate-source.js';
import { newMemory, planAll, planLimit, readRange, readRanges, sourceContract } from '../contracts/source.js';

interface Row {
  readonly value: number;
  readonly timestamp: number;
}

const options = { rowsPerSecond: 1000, seed: 7, total: 500 };

async function allRows(): Promise<Row[]> {
  const driver = new RateSourceDriver(options);
  const ranges = (await planAll(driver, { parallelism: 1 })).flat();
  return (await readRanges(new RateSourceReader(options), ranges, newMemory())) as Row[];
}

sourceContract('RateSource', async () => ({
  makeDriver: () => new RateSourceDriver(options),
  reader: new RateSourceReader(options),
  rows: await allRows(),
  isBounded: true,
  isReplayable: true,
}));

describe('RateSource', () => {
  const live = (driver: RateSourceDriver, time: number): Promise<SourcePlan> =>
    driver.plan(planLimit({ time, drain: false }));

  it('plans the rows that fell due since the last plan', async () => {
    const driver = new RateSourceDriver({ rowsPerSecond: 10, seed: 1, total: null });
    const counts: number[] = [];
    for (const time of [5000, 5500, 5500, 5999, 7000]) counts.push((await live(driver, time)).records);
    expect(counts).to.deep.equal([0, 5, 0, 4, 11]);
  });

  it('gives each row the instant at which it was due', async () => {
    const driver = new RateSourceDriver({ rowsPerSecond: 4, seed: 1, total: null });
    await live(driver, 1_700_000_000_000);
    const { ranges } = await live(driver, 1_700_000_001_000);
    const rows = (await readRanges(
      new RateSourceReader({ rowsPerSecond: 4, seed: 1, total: null }),
      ranges,
      newMemory(),
    )) as Row[];
    expect(rows.map(row => row.timestamp - 1_700_000_000_000)).to.deep.equal([0, 250, 500, 750]);
  });

  it('gives a row the same value for the same seed, another for another', async () => {
    const values = (await allRows()).map(row => row.value);
    expect(values.slice(0, 3)).to.deep.equal((await allRows()).slice(0, 3).map(row => row.value));
    expect(new Set(values).size).to.be.above(490);
    expect(values.every(value => Number.isInteger(value) && value >= 0 && value < 2 ** 31)).to.equal(true);
    const range = { from: 0, to: 100, startMs: 0 };
    const other = await readRange(new RateSourceReader({ ...options, seed: 8 }), range, newMemory());
    expect((other.rows as Row[]).map(row => row.value)).not.to.deep.equal(values.slice(0, 100));
  });

  it('makes only the columns that are asked for', async () => {
    const { rows } = await readRange(new RateSourceReader(options), { from: 0, to: 2, startMs: 9 }, newMemory(), [
      'timestamp',
    ]);
    expect(rows).to.deep.equal([{ timestamp: 9 }, { timestamp: 10 }]);
  });

  it('says how far a source with a total is, and is caught up at its end only', async () => {
    const driver = new RateSourceDriver({ rowsPerSecond: 10, seed: 1, total: 8 });
    await live(driver, 0);
    const half = await live(driver, 500);
    expect(half).to.deep.include({ records: 5, caughtUp: false, progress: { done: 5, total: 8, unit: 'records' } });
    expect(await live(driver, 60_000)).to.deep.include({ records: 3, caughtUp: true });
  });
});
