/** What a start finds need not be on disk: a run before it was killed before its sync, or its sync failed. */
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { nothingReported, runBatches } from './scripted-run.js';

const ignoreIf = (isExpected: () => boolean) => (error: unknown) => {
  if (!isExpected()) throw error;
};

describe('a checkpoint of which not all is on disk', () => {
  // The directory was there and its name was not durable: power took away the checkpoint with all that was reported.
  it('keeps what is reported by a run after one that was killed while it made the directory', async () => {
    for (let operation = 0; operation < 12; operation++) {
      const fs = new ModelFileSystem();
      const reported = nothingReported();
      fs.downAt(operation);
      await runBatches(fs, 3000, reported).catch(ignoreIf(() => fs.isDown));
      fs.crash({ kind: 'kill' });
      await runBatches(fs, 3000, reported);
      fs.crash();
      await runBatches(fs, 5000, reported);
    }
  });

  // The next run read the frame from the page cache and built on it; its own sync of the file found nothing to write.
  it('keeps what is reported by a run after one whose sync failed, when power is lost then', async () => {
    const clean = new ModelFileSystem();
    await runBatches(clean, 5000, nothingReported());
    let numFailed = 0;
    for (let operation = 0; operation < clean.numOperations; operation++) {
      if (clean.operations[operation] !== 'sync') continue;
      const fs = new ModelFileSystem();
      const reported = nothingReported();
      const fault = { code: 'EIO', operations: ['sync'], from: operation, forgetsWrites: true } as const;
      const lift = fs.failWhile(fault);
      await runBatches(fs, 5000, reported).catch(ignoreIf(() => (numFailed++, true)));
      lift();
      await runBatches(fs, 6000, reported);
      fs.crash();
      await runBatches(fs, 8000, reported);
    }
    if (numFailed < 8) throw new Error(`only ${numFailed} runs failed`);
  });
});
