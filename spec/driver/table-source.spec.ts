import { expect } from 'chai';
import { tableSource, type FileTableOptions } from '../../lib/api/static-table.js';
import type { Job } from '../../lib/api/job.js';
import { VirtualClock } from '../../lib/core/clock.js';
import type { FileSystem } from '../../lib/core/file-system.js';
import type { Format } from '../../lib/core/format.js';
import type { Json } from '../../lib/core/json.js';
import { batchTime } from '../../lib/core/time.js';
import type { InProcessRunnerOptions } from '../../lib/driver/in-process-runner.js';
import { StaticTableSource } from '../../lib/driver/table-source.js';
import { BatchQueue, csv, int64, job, ndjson, schema, utf8, type DeclaredOptions } from '../../lib/index.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn, type TestRun } from '../helpers/run-engine.js';

const PATH = '/ads.csv';
const FOLDER = '/checkpoint/tables/table';
const ads = schema({ ad: utf8(), cost: int64() });
const events = schema({ ad: utf8() });

const put = (fs: FileSystem, content: string, path = PATH): Promise<void> =>
  fs.writeFileAtomic(path, Buffer.from(content));

/** What the table says of advertisement a, in each batch that was put out. */
function costs(options: FileTableOptions = {}, before: (time: number) => Promise<void> | void = () => undefined) {
  const queue = new BatchQueue<{ ad: string }>();
  const seen: [time: number, costs: number[]][] = [];
  const declared = job('spec', {}, ssc => {
    ssc
      .queueStream(queue, { schema: events })
      .join(ssc.staticTable(PATH, csv(ads), options), 'ad')
      .foreachRDD(async (rdd, time) => {
        const rows = await rdd.collect();
        await before(time);
        seen.push([time, rows.map(({ cost }) => cost)]);
      });
  });
  return { queue, seen, declared };
}

const start = (
  declared: Job,
  clock: VirtualClock,
  fs: ModelFileSystem,
  options: DeclaredOptions = {},
): Promise<TestRun> => runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options });

const warningsOf = ({ events: all }: TestRun): string[] =>
  all.flatMap(event => (event.kind === 'warning' ? [event.message] : []));

const A = [{ ad: 'a' }];

const FAULTS = ['lose', 'throw', 'runThenLose'] as const;

describe('a static table from a file', () => {
  it('is read again when it changes: from the next batch on, for all of it', async () => {
    const { queue, seen, declared } = costs();
    const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
    await put(fs, 'ad,cost\na,1\n');
    queue.push(A, A, A);
    const run = await start(declared, clock, fs);
    await run.batchesDone(1);
    await put(fs, 'ad,cost\na,2\na,3\n');
    await run.next();
    await put(fs, 'ad,cost\n');
    await run.next();
    await run.engine.stop();
    expect(seen).to.deep.equal([
      [1000, [1]],
      [2000, [2, 3]],
      [3000, []],
    ]);
  });

  it('is looked at as often as refresh says, or never', async () => {
    const runOf = async (refresh: string): Promise<number[]> => {
      const { queue, seen, declared } = costs({ refresh });
      const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
      await put(fs, 'ad,cost\na,0\n');
      queue.push(A, A, A, A, A);
      const run = await start(declared, clock, fs);
      await run.batchesDone(1);
      for (const n of [1, 2, 3, 4]) {
        await put(fs, `ad,cost\na,${n}\n`);
        await run.next();
      }
      await run.engine.stop();
      return seen.flatMap(([, found]) => found);
    };
    expect(await runOf('2s')).to.deep.equal([0, 0, 2, 2, 4]);
    expect(await runOf('never')).to.deep.equal([0, 0, 0, 0, 0]);
  });

  // The file is another by then: what the batch reads again is the version that the checkpoint kept.
  it('is what it was for a batch that runs again after a crash, and the new one for those after', async () => {
    let isStuck = true;
    let reached = false;
    const { queue, seen, declared } = costs({}, async time => {
      if (time < 2000 || !isStuck) return;
      reached = true;
      await new Promise(() => undefined);
    });
    const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
    await put(fs, 'ad,cost\na,1\n');
    queue.push(A, A, A);
    const first = await start(declared, clock, fs);
    await first.batchesDone(1);
    await put(fs, 'ad,cost\na,2\n');
    clock.advanceTo(2000);
    while (!reached) await turn();
    await put(fs, 'ad,cost\na,3\n');
    await first.engine.abort();
    fs.crash();
    isStuck = false;
    const second = await start(declared, clock, fs);
    await second.batchesDone(1);
    await second.next();
    await second.engine.stop();
    expect(seen).to.deep.equal([
      [1000, [1]],
      [2000, [2]],
      [3000, [3]],
    ]);
  });

  it('is what it was for a batch that was left out and runs again after checkpoints of later ones', async () => {
    let isBroken = true;
    const { queue, seen, declared } = costs({}, time => {
      if (time === 1000 && isBroken) throw new Error('broken');
    });
    const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
    await put(fs, 'ad,cost\na,1\n');
    queue.push(...Array.from({ length: 6 }, () => A));
    const options = { onBatchFailure: 'continue', checkpointInterval: 1 };
    const first = await start(declared, clock, fs, options);
    while (!first.events.some(({ kind }) => kind === 'batchFailed')) await turn();
    for (const n of [2, 3, 4, 5, 6]) {
      await put(fs, `ad,cost\na,${n}\n`);
      await first.next();
    }
    await first.engine.stop();
    expect((await fs.readdir(FOLDER)).toSorted()).to.include.members(['000001.table', '000006.table']);
    fs.crash();
    isBroken = false;
    const second = await start(declared, clock, fs, options);
    await second.batchesDone(1);
    await second.engine.stop();
    expect(seen.map(([, found]) => found[0])).to.deep.equal([2, 3, 4, 5, 6, 1]);
  });

  // Batches of two versions are computed beside one another, workers are lost in between, and each has its own version.
  it('is one version for a batch, whatever is computed beside it and however often', async () => {
    const { queue, seen, declared } = costs();
    const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
    await put(fs, 'ad,cost\na,1\n');
    queue.push(...Array.from({ length: 12 }, () => [...A, ...A, ...A]));
    let numTasks = 0;
    // Of tasks alone or together, every third is lost or fails, in turn.
    const faults: InProcessRunnerOptions['faults'] = (_, { kind }) =>
      kind.startsWith('task') && ++numTasks % 3 === 0 ? FAULTS[(numTasks / 3) % FAULTS.length] : undefined;
    const options = { concurrentJobs: 3, workers: 3, maxSlotFailures: 100, maxTaskFailures: 20 };
    const run = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options, faults });
    await run.batchesDone(1);
    for (let n = 2; n <= 12; n++) {
      await put(fs, `ad,cost\na,${n}\n`);
      clock.advanceTo(n * 1000);
      await turn();
    }
    await run.batchesDone(12);
    await run.engine.stop();
    for (const [time, found] of seen) {
      expect(new Set(found).size, `batch ${time}`).to.equal(1);
      expect(found).to.have.length(3);
    }
    const versions = seen.map(([, [cost]]) => Number(cost));
    expect(versions).to.deep.equal(versions.toSorted((a, b) => a - b));
    expect(versions.at(-1)).to.be.above(2);
    expect(run.events.filter(({ kind }) => kind === 'taskRetried').length).to.be.above(0);
  });

  it('leaves the versions behind that nothing may read any more', async () => {
    const { queue, declared } = costs();
    const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
    await put(fs, 'ad,cost\na,1\n');
    const run = await start(declared, clock, fs, { checkpointInterval: 1 });
    await run.batchesDone(1);
    for (let n = 2; n < 12; n++) {
      await put(fs, `ad,cost\na,${n}\n`);
      queue.push(A);
      await run.next();
    }
    const names = (await fs.readdir(FOLDER)).toSorted();
    expect(names.at(-1)).to.equal('000011.table');
    expect(names.length).to.be.below(6);
    await run.engine.stop();
  });

  it('goes on with the version that it has when the file is gone or cannot be read, and says so once', async () => {
    const { queue, seen, declared } = costs();
    const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
    await put(fs, 'ad,cost\na,1\n');
    queue.push(A, A, A, A);
    const first = await start(declared, clock, fs);
    await first.batchesDone(1);
    await put(fs, 'name,cost\na,2\n');
    await first.next();
    await fs.remove(PATH);
    await first.next();
    await first.engine.stop();
    const second = await start(declared, clock, fs);
    clock.advanceTo(4000);
    await second.batchesDone(1);
    await second.engine.stop();
    expect(seen.map(([, found]) => found)).to.deep.equal([[1], [1], [1], [1]]);
    const [header, gone, ...others] = warningsOf(first);
    expect(header).to.match(/^table 'table': .*ad.*The version before stays in use$/);
    expect(gone).to.match(
      /wants the file \/ads.csv, which is not there: put it there.*The version before stays in use$/,
    );
    expect(others).to.deep.equal([]);
    expect(warningsOf(second)).to.have.length(1);
  });

  it('leaves out records that cannot be read, with a warning that says where', async () => {
    const { queue, seen, declared } = costs();
    const [clock, fs] = [new VirtualClock(1000), new ModelFileSystem()];
    await put(fs, '\ufeffad,cost\na,1\na,x\na,3\na\n');
    queue.push(A);
    const run = await start(declared, clock, fs);
    await run.batchesDone(1);
    await run.engine.stop();
    expect(seen).to.deep.equal([[1000, [1, 3]]]);
    expect(warningsOf(run)).to.deep.equal([
      "a record of table 'table' cannot be read and is left out: /ads.csv (byte 15): column cost wants int64, got 'x', " +
        'in "a,x", and 1 more',
    ]);
  });

  it('refuses to start without the file, with another header, and with a bad record where the job wants to fail', async () => {
    const refusal = async (content: string | undefined, format: Format<unknown>): Promise<unknown> => {
      const fs = new ModelFileSystem();
      if (content !== undefined) await put(fs, content);
      return sourceOf(fs, format)
        .start(undefined)
        .catch((error: unknown) => error);
    };
    expect(await refusal(undefined, csv(ads))).to.have.property('code', 'inputMissing');
    expect(await refusal('a,b\n', csv(ads))).to.have.property('code', 'badRecord');
    expect(await refusal('', csv(ads))).to.have.property('code', 'badRecord');
    const bad = await refusal('{"ad":"a","cost":1}\n{"ad":"b"}\n', ndjson(ads, { onBadRecord: 'fail' }));
    expect(bad).to.have.property('code', 'badRecord');
    expect(bad).to.have.property('detail').that.deep.equals({ table: 'table', file: PATH, byteOffset: 20 });
  });
});

describe('StaticTableSource', () => {
  it('takes no version of a file that is written while it is read', async () => {
    const fs = new ModelFileSystem();
    await put(fs, 'ad,cost\na,1\n');
    let isWriting = false;
    const written: FileSystem = Object.assign(Object.create(fs) as ModelFileSystem, {
      stat: (path: string) => fs.stat(path),
      readFile: async (path: string) => {
        const bytes = await fs.readFile(path);
        if (isWriting) await put(fs, `ad,cost\na,2\nb,${fs.numOperations}\n`);
        return bytes;
      },
    });
    const source = sourceOf(written, csv(ads), '0ms');
    await source.start(undefined);
    await source.plan(limitAt(1000));
    isWriting = true;
    await put(fs, 'ad,cost\na,2\n');
    expect((await source.plan(limitAt(2000))).ranges).to.deep.equal([]);
    isWriting = false;
    expect((await source.plan(limitAt(3000))).ranges).to.have.length(1);
    expect(source.versionAt(2000).version).to.equal(1);
    expect(source.versionAt(3000).version).to.equal(2);
  });

  it('has after a crash in any operation what its log names', async () => {
    let point = 0;
    for (let isOver = false; !isOver; point++) {
      const fs = new ModelFileSystem();
      await fs.mkdir('/checkpoint');
      await fs.syncDirectory('/');
      await put(fs, 'ad,cost\na,1\n');
      const log: { readonly time: number; readonly ranges: readonly Json[]; readonly read: string }[] = [];
      fs.downAt(fs.numOperations + point);
      isOver = await untilDown(async () => {
        const source = sourceOf(fs, csv(ads), '0ms', FOLDER);
        await source.start(undefined);
        for (const time of [1000, 2000, 3000]) {
          const { ranges } = await source.plan(limitAt(time));
          log.push({ time, ranges, read: textAt(source, time) });
          await put(fs, `ad,cost\na,${time}\n`);
        }
      });
      fs.crash();
      const restarted = sourceOf(fs, csv(ads), '0ms', FOLDER);
      await restarted.start(undefined);
      for (const { ranges, time } of log) restarted.replay(ranges, time);
      for (const { ranges, time } of log) restarted.hold(ranges, time);
      for (const { time, read } of log) expect(textAt(restarted, time), `crash at ${point}`).to.equal(read);
      await restarted.plan(limitAt(4000));
      expect(textAt(restarted, 4000)).to.equal(Buffer.from(await fs.readFile(PATH)).toString());
    }
    expect(point).to.be.above(20);
  });

  // Before the first snapshot only the log knows of versions, and it is replayed when the source has started.
  it('goes on from the log alone: with the file gone, as it was, and as it was before', async () => {
    const fs = new ModelFileSystem();
    await put(fs, 'ad,cost\na,1\n');
    const source = sourceOf(fs, csv(ads), '0ms', FOLDER);
    await source.start(undefined);
    const first = await source.plan(limitAt(1000));
    const state = source.state();
    await put(fs, 'ad,cost\na,2\n');
    const second = await source.plan(limitAt(2000));
    const restart = async (from: Json | undefined): Promise<readonly Json[]> => {
      const other = sourceOf(fs, csv(ads), '0ms', FOLDER);
      await other.start(from);
      if (from === undefined) other.replay(first.ranges, 1000);
      other.replay(second.ranges, 2000);
      const { ranges } = await other.plan(limitAt(3000));
      expect(other.versionAt(2000).version).to.equal(ranges.length === 0 ? 2 : 3);
      return ranges;
    };
    for (const from of [undefined, state]) {
      await put(fs, 'ad,cost\na,2\n');
      expect(await restart(from)).to.deep.equal([]);
      await fs.remove(PATH);
      expect(await restart(from)).to.deep.equal([]);
      await put(fs, 'ad,cost\na,1\n');
      expect(await restart(from)).to.have.length(1);
    }
  });

  it('gives what is there to a batch that was planned before the job had the table', async () => {
    const fs = new ModelFileSystem();
    await put(fs, 'ad,cost\na,1\n');
    const source = sourceOf(fs, csv(ads), 'never', FOLDER);
    await source.start(undefined);
    source.hold([], 1000);
    expect(textAt(source, 1000)).to.equal('ad,cost\na,1\n');
    expect((await source.plan(limitAt(2000))).ranges).to.have.length(1);
    expect(source.versionAt(1000).version).to.not.equal(source.versionAt(2000).version);
  });

  it('refuses a version that was damaged, and one that is missing', async () => {
    const fs = new ModelFileSystem();
    await put(fs, 'ad,cost\na,1\n');
    const source = sourceOf(fs, csv(ads), 'never', FOLDER);
    await source.start(undefined);
    const { ranges } = await source.plan(limitAt(1000));
    const again = async (): Promise<unknown> => {
      const other = sourceOf(fs, csv(ads), 'never', FOLDER);
      await other.start(undefined);
      return codeOf(() => other.replay(ranges, 1000));
    };
    expect(await again()).to.equal(undefined);
    await put(fs, 'ad,cost\na,7\n', `${FOLDER}/000001.table`);
    expect(await again()).to.equal('checkpointCorrupt');
    await fs.remove(`${FOLDER}/000001.table`);
    expect(await again()).to.equal('checkpointCorrupt');
  });

  it('names no new version for a file that was written again with the same content', async () => {
    const fs = new ModelFileSystem();
    await put(fs, 'ad,cost\na,1\n');
    const source = sourceOf(fs, csv(ads), '0ms');
    await source.start(undefined);
    expect((await source.plan(limitAt(1000))).ranges).to.have.length(1);
    await put(fs, 'ad,cost\na,1\n');
    expect((await source.plan(limitAt(2000))).ranges).to.deep.equal([]);
    await source.commit(batchTime(1000));
    expect(source.state()).to.have.property('earlier').that.deep.equals([]);
  });
});

function sourceOf(fs: FileSystem, format: Format<unknown>, refresh = '1s', folder?: string): StaticTableSource {
  const source = tableSource(PATH, format, { refresh });
  return new StaticTableSource({ id: 'table', source, fs, folder, limitBytes: 2 ** 24, warn: () => undefined });
}

const limitAt = (time: number) => ({
  ...{ time: batchTime(time), parallelism: 1, maxBytes: 1, maxRecords: 1, drain: false },
});

const textAt = (source: StaticTableSource, time: number): string =>
  Buffer.from(source.versionAt(time).bytes).toString();

/** @returns whether it came to its end */
async function untilDown(f: () => Promise<void>): Promise<boolean> {
  try {
    await f();
    return true;
  } catch {
    return false;
  }
}

function codeOf(f: () => void): unknown {
  try {
    f();
    return undefined;
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
}
