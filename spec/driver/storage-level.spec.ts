/** What becomes of persisted rows when memory is short: by level they go to files, or are dropped and computed again. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { isBlockFile } from '../../lib/blocks/block-files.js';
import { BatchQueue, job, StorageLevel, type Accumulator, type Rdd } from '../../lib/index.js';
import { buildGraph } from '../../lib/api/job.js';
import type { WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn, type TestRun } from '../helpers/run-engine.js';

const FULL: WorkerReply = {
  ok: false,
  failure: { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' },
};

/** Answers tasks for which `isFull` holds that the memory is full. */
const fullWhere =
  (isFull: (request: WorkerRequest) => boolean) =>
  (runner: TaskRunner): TaskRunner => ({
    numSlots: runner.numSlots,
    memories: runner.memories,
    stop: () => runner.stop(),
    submit: (slot, request, timeoutMs) =>
      isFull(request) ? Promise.resolve(FULL) : runner.submit(slot, request, timeoutMs),
  });

const blockFilesOf = (fs: ModelFileSystem): string[] =>
  fs.paths().filter(path => isBlockFile(path.slice(path.lastIndexOf('/') + 1)));

const warnings = (run: TestRun): string[] =>
  run.events.flatMap(event => (event.kind === 'warning' ? [event.message] : []));

/** One batch whose cached RDD is read before and after another action; `between` runs after the first. */
async function twoActions(
  level: StorageLevel,
  world: {
    readonly fs?: ModelFileSystem;
    readonly options?: DeclaredOptions;
    readonly between?: () => Promise<void> | void;
    readonly wrapRunner?: (runner: TaskRunner) => TaskRunner;
  },
): Promise<{ readonly run: TestRun; readonly seen: unknown[]; readonly numMapped: number }> {
  const queue = new BatchQueue<number>().push([1, 2, 3, 4]);
  const seen: unknown[] = [];
  const counters: Accumulator<number>[] = [];
  let wasBetween = false;
  const made = job('levels', {}, ssc => {
    const mapped = ssc.sumAccumulator('mapped');
    counters.push(mapped);
    ssc.queueStream(queue).foreachRDD(async (rdd: Rdd<number>) => {
      const cached = rdd
        .map(n => {
          mapped.add(1);
          return n * 10;
        })
        .persist(level);
      const first = await cached.map(n => n + 1).collect();
      if (!wasBetween) {
        wasBetween = true;
        await world.between?.();
      }
      await rdd.map(n => -n).collect();
      const second = await cached.map(n => n + 2).collect();
      const rows = await cached.collect();
      if (rows.length > 0) seen.push(first, second, rows);
    });
  });
  const clock = new VirtualClock(1000);
  const run = await runEngine(made, {
    ...{ clock, fs: world.fs ?? new ModelFileSystem(), checkpoint: '/checkpoint', once: true },
    options: { workers: 2, ...world.options },
    ...(world.wrapRunner && { wrapRunner: world.wrapRunner }),
  });
  await run.engine.done;
  expectNothingLeft(run, clock);
  // The driver's own; threads build the job again.
  return { run, seen, numMapped: counters[0]?.value ?? 0 };
}

const EXPECTED = [
  [11, 21, 31, 41],
  [12, 22, 32, 42],
  [10, 20, 30, 40],
];

describe('a cached RDD', () => {
  it('is computed once while there is room', async () => {
    for (const level of Object.values(StorageLevel)) {
      const { seen, numMapped } = await twoActions(level, {});
      expect(seen, level).to.deep.equal(EXPECTED);
      expect(numMapped, level).to.equal(4);
    }
  });

  it('under MEMORY_ONLY is dropped when a memory is full, and computed again', async () => {
    let isFull = false;
    let numFull = 0;
    const wrapRunner = fullWhere(({ kind }) => isFull && kind === 'task' && numFull++ < 2);
    // First what can go to a file is tried.
    const fs = new ModelFileSystem();
    fs.failWhile({ operations: ['write'], code: 'ENOSPC', path: 'blocks-' });
    const { seen, numMapped } = await twoActions(StorageLevel.MEMORY_ONLY, {
      fs,
      wrapRunner,
      between: () => {
        isFull = true;
      },
    });
    expect(numFull).to.be.above(1);
    expect(seen).to.deep.equal(EXPECTED);
    expect(numMapped).to.equal(8);
  });

  it('under MEMORY_AND_DISK goes to a file, and is computed again where that is damaged', async () => {
    for (const harm of ['none', 'lose', 'flip'] as const) {
      const fs = new ModelFileSystem();
      let numFiles = 0;
      const { run, seen, numMapped } = await twoActions(StorageLevel.MEMORY_AND_DISK, {
        fs,
        options: { maxBlockBytes: 1 },
        between: async () => {
          for (let turns = 0; turns < 10; turns++) await turn();
          const files = blockFilesOf(fs);
          numFiles = files.length;
          for (const path of files) {
            if (harm === 'lose') fs.lose(path);
            if (harm === 'flip')
              fs.replace(
                path,
                fs.bytesOf(path).map(byte => byte ^ 1),
              );
          }
        },
      });
      expect(numFiles, harm).to.be.above(0);
      expect(seen, harm).to.deep.equal(EXPECTED);
      expect(numMapped, harm).to.equal(harm === 'none' ? 4 : 8);
      const lines = warnings(run).filter(line => line.includes('is computed again from its lineage'));
      expect(lines.length, harm).to.equal(harm === 'none' ? 0 : 1);
      expect(blockFilesOf(fs), harm).to.deep.equal([]);
    }
  });
});

/** Four batches of a stream that remembers all of them; in the last one a task finds the memory full. */
async function sliced(level: StorageLevel, fs = new ModelFileSystem(), times = 1): Promise<number[][]> {
  const queue = new BatchQueue<number>().push([1], [2], [3], [4]);
  const seen: number[][] = [];
  const made = job('levels', {}, ssc => {
    ssc.remember('10s');
    const stream = ssc.queueStream(queue).persist(level);
    stream.foreachRDD(async (_, time) => {
      const rows: number[] = [];
      for (const rdd of stream.slice(0, time)) rows.push(...(await rdd.collect()));
      seen.push(rows);
    });
  });
  const clock = new VirtualClock(1000);
  let numFull = 0;
  const wrapRunner = fullWhere(
    request => (request.kind === 'task' || request.kind === 'tasks') && request.time === 4000 && numFull++ < times,
  );
  const run = await runEngine(made, {
    ...{ clock, fs, checkpoint: '/checkpoint', wrapRunner },
    options: { workers: 1, smallBatchRecords: 0 },
  });
  await run.batchesDone(1);
  for (let batch = 2; batch <= 4; batch++) await run.next();
  await run.engine.stop();
  expect(numFull).to.be.above(0);
  expectNothingLeft(run, clock);
  await turn();
  expect(blockFilesOf(fs)).to.deep.equal([]);
  return seen;
}

describe('a persisted stream', () => {
  it('keeps its batches in files when memory is short, and under MEMORY_ONLY forgets the oldest', async () => {
    const all = [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]];
    expect(await sliced(StorageLevel.MEMORY_AND_DISK)).to.deep.equal(all);
    expect(await sliced(StorageLevel.MEMORY_ONLY)).to.deep.equal([...all.slice(0, 3), [2, 3, 4]]);
  });

  it('forgets them also when the disk refuses them', async () => {
    const fs = new ModelFileSystem();
    fs.failWhile({ operations: ['write'], code: 'ENOSPC', path: 'blocks-' });
    // The first time it is tried; after that the memory must do.
    expect((await sliced(StorageLevel.MEMORY_AND_DISK, fs, 2)).at(-1)).to.deep.equal([2, 3, 4]);
  });

  it('has one level', () => {
    const declare = (second: StorageLevel): unknown =>
      buildGraph(
        job('levels', {}, ssc => {
          const stream = ssc.queueStream(new BatchQueue<number>()).persist();
          stream.persist(StorageLevel.MEMORY_AND_DISK_SER).persist(second).print();
        }),
        {},
        1,
      );
    expect(() => declare(StorageLevel.MEMORY_ONLY))
      .to.throw(EngineError, 'persist wants one storage level for a stream')
      .with.property('code', 'jobInvalid');
    expect(() => declare(StorageLevel.MEMORY_AND_DISK)).not.to.throw();
  });
});
