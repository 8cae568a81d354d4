/**
 * The first run of a changed job dies in each of its file operations: the next one has the output and state of a change
 * that nothing disturbed. And the job of before either goes on as if the other had never been, or is refused.
 */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import {
  avg,
  count,
  csv,
  int64,
  job,
  max,
  schema,
  sum,
  utf8,
  type Job,
  type StreamingContext,
} from '../../lib/index.js';
import { ModelFileSystem, type Crash } from './model-file-system.js';
import { randomOf } from './random-values.js';
import { runEngine, type TestRun } from './run-engine.js';
import { tempFolder } from './temp-folder.js';

const events = schema({ user: utf8(), size: int64() });

type Both = (ssc: StreamingContext, input: string) => void;

const jobBefore: Both = (ssc, input) => {
  const stream = ssc.fileStream(input, csv(events), { id: 'events' });
  stream
    .groupBy('user')
    .runningAgg({ n: count(), total: sum('size') }, { id: 'counts' })
    .map(row => JSON.stringify(row))
    .saveAsText('/out/counts.txt');
  stream
    .map(({ user, size }) => [user, size] as [string, number])
    .updateStateByKey<number, string, number>((sizes, old = 0) => old + sizes.length, { id: 'seen' })
    .saveAsText('/out/seen.txt');
};

const jobAfter: Both = (ssc, input) => {
  const stream = ssc.fileStream(input, csv(events), { id: 'events' });
  stream
    .groupBy('user')
    .runningAgg(
      { mean: avg('size'), sum: sum('size'), top: max('size'), n: count() },
      { id: 'counts', upgrade: { renamed: { sum: 'total' } } },
    )
    .map(row => JSON.stringify(row))
    .saveAsText('/out/counts.txt');
  stream
    .map(({ user, size }) => [user, size] as [string, number])
    .updateStateByKey<{ times: number }, string, number>(
      (sizes, old) => ({ times: (old?.times ?? 0) + sizes.length }),
      // Done twice it would show: an object has no sum.
      { id: 'seen', upgrade: { version: 1, migrate: old => ({ times: (old as number) + 0.5 }) } },
    )
    .saveAsText('/out/seen.txt');
};

const nameOf = (n: number): string => `${n}.csv`;

function writeInput(folder: string, n: number): void {
  const rows = Array.from({ length: 5 }, (_, i) => `user-${(n + i) % 4},${n * 10 + i}`);
  writeFileSync(join(folder, nameOf(n)), `user,size\n${rows.join('\n')}\n`);
  utimesSync(join(folder, nameOf(n)), 1000 + n, 1000 + n);
}

/** @param step between the file operations that are tried; 1: all */
export function describeUpgrades(step: number): void {
  const temp = tempFolder();
  let input = '';
  let left: readonly (readonly [string, Uint8Array])[] = [];

  async function drain(fs: ModelFileSystem, both: Both, workers = 2, onBatch?: () => void): Promise<TestRun> {
    const made: Job = job('upgrade', {}, ssc => both(ssc, input));
    const run = await runEngine(made, {
      ...{ clock: new VirtualClock(1_000_000), fs, checkpoint: '/checkpoint', once: true },
      options: { workers, maxBatchBytes: '70', slotMemory: '16MiB', checkpointInterval: '1h', keyGroups: 8 },
      onEvent: ({ kind }) => void (kind === 'batchCompleted' && onBatch?.()),
    });
    await run.engine.done;
    return run;
  }

  async function worldOf(files: typeof left): Promise<ModelFileSystem> {
    const fs = new ModelFileSystem();
    for (const folder of ['/checkpoint/log', '/checkpoint/state', '/out']) await fs.mkdir(folder);
    for (const [path, bytes] of files) fs.replace(path, bytes);
    for (const folder of ['/', '/out', '/checkpoint', '/checkpoint/log', '/checkpoint/state'])
      await fs.syncDirectory(folder);
    return fs;
  }

  /** The lines of each file; their order is that of the partitions. */
  const outOf = (fs: ModelFileSystem): string[] =>
    fs
      .paths()
      .filter(path => path.startsWith('/out/'))
      .map(path => `${path}\n${Buffer.from(fs.bytesOf(path)).toString().split('\n').toSorted().join('\n')}`);

  before(async () => {
    input = join(temp.path, 'in');
    mkdirSync(input);
    const fs = new ModelFileSystem();
    writeInput(input, 0);
    await drain(fs, jobBefore);
    writeInput(input, 1);
    // What the second run commits is in the log alone.
    await drain(fs, jobBefore, 2, () => fs.downAt(fs.numOperations)).catch((error: unknown) => {
      if (!fs.isDown) throw error;
    });
    fs.crash({ kind: 'kill' });
    left = fs.paths().map(path => [path, fs.bytesOf(path)]);
    for (const n of [2, 3]) writeInput(input, n);
  });

  const crashes: readonly [string, (operation: number) => Crash][] = [
    ['killed', () => ({ kind: 'kill' })],
    ['without power', operation => ({ kind: 'power', random: randomOf(operation) })],
  ];
  for (const [name, crashOf] of crashes) {
    it(`has what an undisturbed change has, ${name} at its file operations`, async () => {
      const clean = await worldOf(left);
      const first = clean.numOperations;
      await drain(clean, jobAfter);
      const expected = outOf(clean);
      const numOperations = clean.numOperations - first;
      const old = await worldOf(left);
      await drain(old, jobBefore);
      const oldExpected = outOf(old);
      expect(oldExpected).not.to.deep.equal(expected);
      const ends = { before: 0, refused: 0 };
      for (let operation = name === 'killed' ? 0 : Math.floor(step / 2); operation < numOperations; operation += step) {
        const fs = await worldOf(left);
        fs.downAt(first + operation);
        await drain(fs, jobAfter).catch((error: unknown) => {
          if (!fs.isDown) throw error;
        });
        expect(fs.isDown, `operation ${operation} was reached`).to.equal(true);
        fs.crash(crashOf(operation));
        const found = fs.paths().map((path): [string, Uint8Array] => [path, fs.bytesOf(path)]);
        await drain(fs, jobAfter, 1 + (operation % 3));
        expect(outOf(fs), `operation ${operation}`).to.deep.equal(expected);
        const back = await worldOf(found);
        try {
          await drain(back, jobBefore);
          expect(outOf(back), `the job of before, operation ${operation}`).to.deep.equal(oldExpected);
          ends.before++;
        } catch (error) {
          if (!(error instanceof EngineError)) throw error;
          expect(error.code, `operation ${operation}: ${error.message}`).to.equal('checkpointForeign');
          ends.refused++;
        }
      }
      expect(ends.before).to.be.above(0);
      expect(ends.refused).to.be.above(0);
    }).timeout(300_000);
  }
}
