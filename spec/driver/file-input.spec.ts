/** Input files as a whole run meets them again after a crash. */
import { appendFileSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { job } from '../../lib/api/job.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

describe('engine on input files, after a crash', () => {
  const temp = tempFolder();

  it('runs the last batch again on a copy of the folder, and reads each line once', async () => {
    let input = join(temp.path, 'input');
    let failsAt = 2000;
    const clock = new VirtualClock(1000);
    const fs = new ModelFileSystem();
    const start = (): Promise<TestRun> => {
      const declared = job('moved', {}, ssc => {
        const lines = ssc.textFileStream(input);
        lines.foreachRDD((_, time) => {
          if (time === failsAt) throw new Error('the run ends in this batch');
        });
        lines.saveAsText('/out/lines.txt');
      });
      return runEngine(declared, { clock, fs, checkpoint: '/checkpoint' });
    };
    temp.file('input/a.txt', 'one\n');
    const first = await start();
    await first.batchesDone(1);
    appendFileSync(join(input, 'a.txt'), 'two\n');
    temp.file('input/b.txt', 'three\n');
    await first.next();
    await first.engine.done.catch(() => undefined);
    expect(first.batches).to.have.length(1);

    const copy = join(temp.path, 'copy');
    cpSync(input, copy, { recursive: true });
    rmSync(input, { recursive: true });
    input = copy;
    failsAt = 0;
    temp.file('copy/c.txt', 'four\n');
    const second = await start();
    await second.batchesDone(1);
    await second.next();
    await second.next();
    await second.engine.stop();
    expect(second.events.find(({ kind }) => kind === 'restored')).to.include({ rerun: 1 });
    expect(second.events.filter(({ kind }) => kind === 'warning')).to.deep.equal([]);
    const lines = Buffer.from(fs.bytesOf('/out/lines.txt')).toString().trimEnd().split('\n');
    expect(lines.toSorted()).to.deep.equal(['four', 'one', 'three', 'two']);
  });

  it('still knows which files are new where only new ones are wanted, before there is a snapshot', async () => {
    const input = join(temp.path, 'watched');
    temp.file('watched/old.txt', 'old\n');
    const clock = new VirtualClock(0);
    const fs = new ModelFileSystem();
    const batches: string[][] = [];
    const declared = job('new-files', {}, ssc =>
      ssc.textFileStream(input, { newFilesOnly: true }).collectInto(batches),
    );
    for (const [index, name] of ['first', 'second', 'third'].entries()) {
      clock.advanceTo((index + 1) * 1000);
      const options = { checkpointInterval: '1h' };
      const run = await runEngine(declared, { clock, fs, checkpoint: '/checkpoint', options });
      await run.batchesDone(1);
      await run.engine.abort();
      fs.crash();
      temp.file(`watched/${name}.txt`, `${name}\n`);
    }
    expect(batches).to.deep.equal([[], ['first'], ['second']]);
  });
});
