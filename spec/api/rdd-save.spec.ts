import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { job } from '../../lib/index.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine } from '../helpers/run-engine.js';
import { PARTITIONS, rejection, withRdd } from '../helpers/with-rdd.js';

const textOf = (fs: ModelFileSystem, path: string): string => Buffer.from(fs.bytesOf(path)).toString();
const filesUnder = (fs: ModelFileSystem, folder: string): string[] =>
  fs.paths().filter(path => path.startsWith(folder));

describe('Rdd.saveAsTextFile', () => {
  for (const n of PARTITIONS) {
    it(`writes a file for each of ${n} partitions, a line a row`, async () => {
      const fs = new ModelFileSystem();
      const rows = ['a', 1, true, { x: [1] }, null, 'b'];
      await withRdd([0], (_, ssc) => ssc.parallelize(rows, n).saveAsTextFile('/out/t'), undefined, fs);
      const parts = filesUnder(fs, '/out/').filter(path => path.includes('part-'));
      expect(parts).to.deep.equal(Array.from({ length: n }, (_, i) => `/out/t/part-0000${i}`));
      expect(parts.map(path => textOf(fs, path)).join('')).to.equal('a\n1\ntrue\n{"x":[1]}\nnull\nb\n');
      expect(filesUnder(fs, '/out/').length).to.equal(n + 1);
    });

    it(`writes ${n} empty files for no rows`, async () => {
      const fs = new ModelFileSystem();
      await withRdd([0], (_, ssc) => ssc.parallelize([], n).saveAsTextFile('/out/t'), undefined, fs);
      const parts = filesUnder(fs, '/out/').filter(path => path.includes('part-'));
      expect(parts.map(path => textOf(fs, path))).to.deep.equal(Array.from({ length: n }, () => ''));
    });
  }

  it('refuses a folder that is there, which the function of foreachRDD may catch; actions go on after it', async () => {
    const fs = new ModelFileSystem();
    await fs.mkdir('/out/taken');
    const result = await withRdd(
      [1, 2, 3],
      async rdd => {
        const error = await rejection(rdd.saveAsTextFile('/out/taken'));
        const code = (error as { code?: string }).code ?? '';
        const [sum] = await Promise.all([
          rdd.map(n => n + code.length).reduce((a, b) => a + b),
          rdd.saveAsTextFile('/out/free'),
        ]);
        return [code, sum, await rdd.map(n => n * (sum ?? 0)).collect()];
      },
      undefined,
      fs,
    );
    expect(result).to.deep.equal(['outputUnwritable', 54, [54, 108, 162]]);
    expect(textOf(fs, '/out/free/part-00000') + textOf(fs, '/out/free/part-00001')).to.equal('1\n2\n3\n');
  });

  it('is refused in transform, as actions are', async () => {
    const run = withRdd(
      [1],
      rdd => rdd.collect(),
      stream =>
        stream.transform(rdd => {
          void rdd.saveAsTextFile('/out/t');
          return rdd;
        }),
    );
    const refused = await run.catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'jobInvalid');
    expect(String(refused)).to.contain('saveAsTextFile() computes an RDD');
  });

  it('writes each row once, into whole folders, wherever the run before died', async () => {
    const declared = job('saves', {}, ssc =>
      ssc.rateStream({ rowsPerSecond: 1000, total: 8 }).foreachRDD(async (rdd, time) => {
        await rdd.map(({ value }) => value).saveAsTextFile(`/out/plain-${time}`);
        await rdd.map(({ value }) => -value).saveAsTextFile(`/out/negative-${time}`);
      }),
    );
    const run = async (fs: ModelFileSystem, startMs: number): Promise<void> => {
      const started = await runEngine(declared, {
        clock: new VirtualClock(startMs),
        fs,
        once: true,
        checkpoint: '/cp',
        options: { maxBatchRecords: '3' },
      });
      await started.engine.done;
    };
    const rowsIn = (fs: ModelFileSystem, what: string): string[] =>
      filesUnder(fs, `/out/${what}-`)
        .filter(path => path.includes('/part-'))
        .flatMap(path =>
          textOf(fs, path)
            .split('\n')
            .filter(line => line !== ''),
        )
        .toSorted();
    const clean = new ModelFileSystem();
    await run(clean, 1000);
    expect(rowsIn(clean, 'plain').length).to.equal(8);
    expect(filesUnder(clean, '/out/').filter(path => path.endsWith('_SUCCESS')).length, 'folders').to.equal(6);
    for (let operation = 3; operation < clean.numOperations; operation += 8) {
      const fs = new ModelFileSystem();
      fs.downAt(operation);
      await run(fs, 1000).catch(() => undefined);
      expect(fs.isDown, `down at ${operation}`).to.equal(true);
      fs.crash({ kind: operation % 2 === 0 ? 'kill' : 'power' });
      await run(fs, 50_000);
      for (const what of ['plain', 'negative'])
        expect(rowsIn(fs, what), `${what}, down at ${operation}`).to.deep.equal(rowsIn(clean, what));
    }
  });
});
