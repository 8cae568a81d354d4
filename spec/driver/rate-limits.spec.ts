/** How a limit gets to real sources, and what a run tells of it. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { text } from '../../lib/core/format.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { buildGraph, job, type Job } from '../../lib/api/job.js';
import { receiverFolders } from '../../lib/driver/receiver-folders.js';
import { makeSources } from '../../lib/driver/source-ports.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type RunEngineOptions, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

const LINES = 1000;
const LINE_BYTES = 20;

describe('rate limits', () => {
  const folder = tempFolder();
  const input = folder.path;
  folder.file(
    'lines.txt',
    Array.from({ length: LINES }, (_, i) => `${String(i).padStart(LINE_BYTES - 1, '.')}\n`).join(''),
    1000,
  );

  const files = (maxRate?: number): Job =>
    job('files', {}, ssc => {
      const lines = ssc.fileStream(input, text(), maxRate === undefined ? {} : { maxRate });
      lines.count().print();
    });

  const start = (made: Job, settings: Partial<RunEngineOptions> = {}): Promise<TestRun> =>
    runEngine(made, { clock: new VirtualClock(10_000), fs: new ModelFileSystem(), ...settings });

  async function sizes(run: TestRun, numBatches: number): Promise<number[]> {
    await run.batchesDone(1);
    while (run.batches.length < numBatches) await run.next();
    await run.engine.stop();
    return run.batches.map(({ records }) => records);
  }

  it('of a file source hold in bytes from the first batch on, and in records when their size is known', async () => {
    const run = await start(files(50));
    expect(await sizes(run, 4)).to.deep.equal([(50 * 16) / LINE_BYTES, 50, 50, 50]);
    expect(run.batches.map(({ rateLimits }) => rateLimits)).to.deep.equal(
      Array.from({ length: 4 }, () => ({ files: 50 })),
    );
  });

  it('go on after a restart with the size that records had', async () => {
    const fs = new ModelFileSystem();
    const clock = new VirtualClock(10_000);
    const settings = { fs, clock, checkpoint: '/checkpoint' };
    await sizes(await start(files(50), settings), 2);
    clock.advanceTo(3_600_000);
    // However long nothing ran, the first batch covers one interval.
    expect(await sizes(await start(files(50), settings), 2)).to.deep.equal([50, 50]);
  });

  it('of all sources come from an option, also from the initial rate until there is an estimate', async () => {
    const greatest = await start(files(), { options: { maxRatePerSource: 100 } });
    expect((await sizes(greatest, 3)).slice(1)).to.deep.equal([100, 100]);
    const initial = await start(files(), { options: { initialRate: 70 } });
    // No time passes in the batches of a spec, so there is never an estimate.
    expect((await sizes(initial, 3)).slice(1)).to.deep.equal([70, 70]);
    const off = await start(files(), { options: { initialRate: 70, backpressure: false } });
    expect(await sizes(off, 1)).to.deep.equal([LINES]);
  });

  it('are not there where nobody set one and batches take no time', async () => {
    const run = await start(files());
    expect(await sizes(run, 2)).to.deep.equal([LINES, 0]);
    expect(run.batches.map(({ rateLimits }) => rateLimits)).to.deep.equal([{}, {}]);
  });

  it('do not slow down a run that only processes what is there', async () => {
    const run = await start(files(50), { once: true, options: { initialRate: 1, maxRatePerSource: 10 } });
    await run.engine.done;
    expect(run.batches.map(({ records, rateLimits }) => ({ records, rateLimits }))).to.deep.equal([
      { records: LINES, rateLimits: {} },
    ]);
  });

  it('of generated rows leave the rest for later batches', async () => {
    const rows = job('rows', {}, ssc => ssc.rateStream({ rowsPerSecond: 100, maxRate: 30 }).count().print());
    const run = await start(rows);
    expect(await sizes(run, 4)).to.deep.equal([0, 30, 30, 30]);
  });

  it('are not for a queue, whose batches are as the program made them', async () => {
    const queue = new BatchQueue<number>().push([1, 2, 3]);
    const pushed = job('pushed', {}, ssc => ssc.queueStream(queue).count().print());
    const run = await start(pushed, { options: { maxRatePerSource: 1 } });
    expect(await sizes(run, 1)).to.deep.equal([3]);
    expect(run.batches[0]?.rateLimits).to.deep.equal({});
  });

  it('are handed to a source that wants to know them, and to no other', () => {
    const { plan, graph } = buildGraph(files(7), {}, 1);
    const receivers = { fs: new ModelFileSystem(), folders: receiverFolders(plan, undefined) };
    const [source] = makeSources(plan, graph, () => undefined, receivers);
    if (source === undefined) throw new Error('the job has no source');
    expect(source.port.maxRate).to.equal(7);
    source.port.setRateLimit?.(5);
    const told: unknown[] = [];
    source.driver.setRateLimit = limit => void told.push(limit);
    source.port.setRateLimit?.(5);
    source.port.setRateLimit?.(undefined);
    expect(told).to.deep.equal([5, undefined]);
  });

  for (const maxRate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`cannot be ${maxRate}`, async () => {
      const error: unknown = await start(files(maxRate)).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('code', 'optionInvalid');
      expect(error)
        .to.have.property('message')
        .that.matches(/fileStream wants a maxRate above 0 .* got/);
    });
  }
});
