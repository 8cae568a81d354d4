/** What Spark's data says of streams of files: the script of `rec/6`, and `beh/6`, on files in a folder. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { job, type Job } from '../../lib/index.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';
import { behaviourCases, recoveryCases } from './case-data.js';
import { functionOf } from './functions.js';

describe('conformance with Spark Streaming, streams of files', () => {
  const root = tempFolder();
  let folder = '';
  let numFolders = 0;
  beforeEach(() => {
    folder = join(root.path, `f${numFolders++}`);
    mkdirSync(folder);
  });

  /** A file with one number, modified that many seconds after the epoch. */
  const put = (n: number): void => {
    const path = join(folder, `${n}.txt`);
    writeFileSync(path, `${n}\n`);
    utimesSync(path, n, n);
  };

  const { pipeline, batchDurationMs, expectedOutputSet = [] } = recoveryCases.find(({ id }) => id === 'rec/6') ?? {
    pipeline: [],
    batchDurationMs: 0,
  };
  // Spark's batches that were missed while the driver was down take one file each. Here one batch takes all that came
  // meanwhile, unless its size is bounded.
  for (const [name, maxBatchBytes, expected] of [
    ['a file a batch', 2, expectedOutputSet],
    ['what came while down in one batch', 1000, expectedOutputSet.filter(sum => sum !== 10 && sum !== 15)],
  ] as const) {
    it(`rec/6 recovery with file input stream: ${name}`, async () => {
      const step = pipeline[1];
      const outputs = new Set<number>();
      let isDown = true;
      const declared = job('rec6', {}, ssc => {
        ssc
          .textFileStream(folder)
          .map(Number)
          .reduceByWindow(functionOf<(a: number, b: number) => number>(step?.fn), step?.windowMs ?? 0, step?.slideMs)
          .foreachRDD(async (rdd, time) => {
            if (isDown && time === 3 * batchDurationMs) throw new Error('the driver is stopped in the third batch');
            for (const sum of await rdd.collect()) outputs.add(sum);
          });
      });
      const clock = new VirtualClock(batchDurationMs);
      const fs = new ModelFileSystem();
      const start = (): Promise<TestRun> =>
        runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options: { interval: batchDurationMs, maxBatchBytes } });

      put(1);
      let run = await start();
      await run.batchesDone(1);
      for (const n of [2, 3]) {
        put(n);
        await run.next();
      }
      await run.engine.done.catch(() => undefined);
      expect([...outputs]).to.deep.equal([1, 3]);
      fs.crash();
      for (const n of [4, 5, 6]) put(n);
      clock.advanceTo(6.5 * batchDurationMs);
      isDown = false;
      run = await start();
      await run.batchesDone(1);
      const until = async (sum: number): Promise<void> => {
        for (let batch = 0; !outputs.has(sum); batch++) {
          expect(batch, `batches until ${sum}, with ${[...outputs].join(' ')}`).to.be.below(10);
          await run.next();
        }
      };
      await until(21);
      for (const [n, sum] of [
        [7, 28],
        [8, 36],
        [9, 45],
      ] as const) {
        put(n);
        await until(sum);
      }
      expect([...outputs]).to.deep.equal(expected);
      await run.engine.stop();
      expectNothingLeft(run, clock);
    });
  }

  const { facts } = behaviourCases.find(({ id }) => id === 'beh/6') ?? {};
  for (const newFilesOnly of [true, false]) {
    it(`beh/6 fileStream new files only: ${newFilesOnly}`, async () => {
      for (const n of facts?.filesBeforeStart ?? []) put(n);
      const batches: number[][] = [];
      const declared: Job = job('beh6', {}, ssc => {
        ssc.textFileStream(folder, { newFilesOnly }).map(Number).collectInto(batches);
      });
      const clock = new VirtualClock(1000);
      const run = await runEngine(declared, { clock, fs: new ModelFileSystem() });
      await run.batchesDone(1);
      for (const n of facts?.filesAfterStart ?? []) {
        put(n);
        await run.next();
      }
      await run.engine.stop();
      expect(batches.flat()).to.deep.equal(facts?.[`newFilesOnly=${newFilesOnly}`]);
      expect(batches.slice(1).map(rows => rows.length)).to.deep.equal([1, 1, 1, 1, 1]);
    });
  }
});
