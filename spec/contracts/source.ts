/**
 * What every source must do, whatever it reads. A fixture gives a driver over some fixed input, the reader that goes
 * with it, and the rows that the input holds.
 */
import { expect } from 'chai';
import type { BadRecord } from '../../lib/core/bad-record.js';
import type { Json } from '../../lib/core/json.js';
import { batchTime } from '../../lib/core/time.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import type { PlanLimit, SourceDriver, SourceReader } from '../../lib/sources/source.js';

export interface SourceFixture {
  /** A new driver over the same input, not started. */
  makeDriver(): SourceDriver;
  readonly reader: SourceReader;
  /** All rows, in order. */
  readonly rows: readonly unknown[];
  /** Whether maxBytes and maxRecords bound a batch. */
  readonly isBounded: boolean;
  /** Whether a driver made anew finds input that was not planned yet. */
  readonly isReplayable: boolean;
}

const LIMIT_BYTES = 64 * 1024 * 1024;
const MEMORY_BYTES = 64 * 1024 * 1024;

export const newMemory = (limitBytes = MEMORY_BYTES): SlotMemory =>
  new SlotMemory(0, createSlotMemory(limitBytes), limitBytes);

export const planLimit = (limit: Partial<Omit<PlanLimit, 'time'>> & { readonly time?: number } = {}): PlanLimit => ({
  parallelism: 2,
  maxBytes: LIMIT_BYTES,
  maxRecords: 1_000_000,
  drain: true,
  ...limit,
  time: batchTime(limit.time ?? 1000),
});

export interface ReadRange {
  readonly rows: unknown[];
  readonly bad: BadRecord[];
  readonly bytes: number;
}

/** Everything in one range, with the reader's promises about memory kept. */
export async function readRange(
  reader: SourceReader,
  range: Json,
  memory: SlotMemory,
  columns?: readonly string[],
): Promise<ReadRange> {
  const rows: unknown[] = [];
  const bad: BadRecord[] = [];
  let bytes = 0;
  const chunks = reader.read(range, {
    memory,
    time: batchTime(1000),
    columns,
    onBadRecord: record => void bad.push(record),
    onBytes: numBytes => (bytes += numBytes),
  });
  for await (const chunk of chunks) rows.push(...structuredClone(rowsOf(chunk)));
  memory.resetScratch();
  return { rows, bad, bytes };
}

export async function readRanges(
  reader: SourceReader,
  ranges: readonly Json[],
  memory: SlotMemory,
): Promise<unknown[]> {
  const rows: unknown[] = [];
  for (const range of ranges) rows.push(...(await readRange(reader, range, memory)).rows);
  return rows;
}

/** Plans until nothing is left; one entry a batch. */
export async function planAll(driver: SourceDriver, limit: Partial<PlanLimit> = {}): Promise<(readonly Json[])[]> {
  const batches: (readonly Json[])[] = [];
  for (let time = 1000; ; time += 1000) {
    const plan = await driver.plan(planLimit({ ...limit, time }));
    if (plan.ranges.length > 0) batches.push(plan.ranges);
    if (plan.caughtUp) return batches;
    expect(batches.length, 'batches planned without coming to an end').to.be.below(100_000);
  }
}

export function sourceContract(name: string, makeFixture: () => SourceFixture | Promise<SourceFixture>): void {
  describe(`${name} keeps the source contract`, () => {
    const memory = newMemory();

    it('plans all input once, in order, whatever the parallelism', async () => {
      for (const parallelism of [1, 2, 3, 8]) {
        const { makeDriver, reader, rows } = await makeFixture();
        const driver = makeDriver();
        await driver.start(undefined);
        const batches = await planAll(driver, { parallelism });
        expect(await readRanges(reader, batches.flat(), memory), `parallelism ${parallelism}`).to.deep.equal(rows);
        await driver.stop();
      }
    });

    it('plans all input once, in order, whatever the limits', async () => {
      for (const limit of [{ maxBytes: 1 }, { maxBytes: 37 }, { maxRecords: 1 }, { maxBytes: 1000, maxRecords: 7 }]) {
        const { makeDriver, reader, rows, isBounded } = await makeFixture();
        const driver = makeDriver();
        await driver.start(undefined);
        const batches = await planAll(driver, limit);
        expect(await readRanges(reader, batches.flat(), memory), JSON.stringify(limit)).to.deep.equal(rows);
        if (isBounded && 'maxBytes' in limit && rows.length > 1) expect(batches.length).to.be.above(1);
      }
    });

    it('gives the same rows each time a range is read, also by another reader, also from a log', async () => {
      const { makeDriver, reader } = await makeFixture();
      const driver = makeDriver();
      await driver.start(undefined);
      const ranges = (await planAll(driver, { parallelism: 3 })).flat();
      const first = await readRanges(reader, ranges, memory);
      const logged = JSON.parse(JSON.stringify(ranges)) as Json[];
      expect(await readRanges(reader, logged, newMemory())).to.deep.equal(first);
    });

    it('goes on after a restart where replayed plans left off', async () => {
      const { makeDriver, reader, rows, isReplayable } = await makeFixture();
      const driver = makeDriver();
      await driver.start(undefined);
      const first = await driver.plan(planLimit({ maxBytes: 40, maxRecords: 3 }));
      const state = JSON.parse(JSON.stringify(driver.state())) as Json;
      const second = await driver.plan(planLimit({ maxBytes: 40, maxRecords: 3, time: 2000 }));
      const logged = JSON.parse(JSON.stringify(second.ranges)) as Json[];
      await driver.stop();

      const restarted = isReplayable ? makeDriver() : driver;
      await restarted.start(state);
      restarted.replay(logged, 2000);
      const rest = await planAll(restarted);
      const all = [...first.ranges, ...logged, ...rest.flat()];
      expect(await readRanges(reader, all, memory)).to.deep.equal(rows);
    });

    it('plans nothing when nothing is left, and says so', async () => {
      const { makeDriver } = await makeFixture();
      const driver = makeDriver();
      await driver.start(undefined);
      await planAll(driver);
      const plan = await driver.plan(planLimit({ time: 900_000 }));
      expect(plan).to.deep.include({ ranges: [], bytes: 0, records: 0, caughtUp: true });
      await driver.commit(batchTime(1000));
    });
  });
}
