/** Checkpoints that earlier versions of the formats left: each is gone on from, as if its run had never ended. */
import { expect } from 'chai';
import { readCheckpoint } from '../../lib/checkpoint/read-checkpoint.js';
import { loadFixture, versions } from '../fixtures/checkpoints/fixture-files.js';
import { FixtureRun, NUM_COMMITTED, TABLE, tableOf } from '../fixtures/checkpoints/fixture-job.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';

const LAST = NUM_COMMITTED + 4;

async function undisturbed(): Promise<{ [path: string]: string }> {
  const fs = new ModelFileSystem();
  await fs.mkdir('/in');
  await fs.writeFileAtomic(TABLE, tableOf(''));
  const run = new FixtureRun(fs);
  await run.start();
  for (let n = 1; n <= LAST; n++) await run.batch(n);
  await run.stop();
  return run.output();
}

describe('a checkpoint of an earlier version', () => {
  let expected: { [path: string]: string };
  before(async () => {
    expected = await undisturbed();
  });

  for (const version of versions()) {
    it(`${version} is gone on from, and what comes out is what a run that never ended puts out`, async () => {
      const fs = await loadFixture(version);
      const summary = await readCheckpoint(fs, '/checkpoint');
      expect(summary).to.deep.include({ job: 'fixture', numOpen: 1, warnings: [] });
      expect(summary.snapshotTime).to.be.below(summary.lastCommitted ?? 0);
      const run = new FixtureRun(fs, NUM_COMMITTED + 1);
      const started = await run.start();
      await started.batchesDone(1);
      for (let n = NUM_COMMITTED + 2; n <= LAST; n++) await run.batch(n);
      await run.stop();
      expect(started.events.filter(event => event.kind === 'warning')).to.deep.equal([]);
      expect(run.output()).to.deep.equal(expected);
      // And from what this version made of it.
      expect((await readCheckpoint(fs, '/checkpoint')).warnings).to.deep.equal([]);
      await new FixtureRun(fs, LAST + 1).start().then(again => again.engine.stop());
    });
  }
});
