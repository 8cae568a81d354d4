/** The promise of the checkpoint, tried at every file operation of a run: what was reported is found, in order, and nothing else. */
import { ModelFileSystem, type Crash } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';
import { nothingReported, runBatches } from './scripted-run.js';

const UNTIL = 9000;

/** @param again a second crash, after some operations of the next run */
async function crashEverywhere(crashOf: (operation: number) => Crash, again?: Crash): Promise<void> {
  for (let operation = 0; ; operation++) {
    const fs = new ModelFileSystem();
    const reported = nothingReported();
    fs.downAt(operation);
    try {
      const ended = await runBatches(fs, UNTIL, reported).then(
        () => true,
        (thrown: unknown) => {
          if (!fs.isDown) throw thrown;
          return false;
        },
      );
      fs.crash(crashOf(operation));
      if (again !== undefined) {
        fs.downAt(fs.numOperations + (operation % 60));
        await runBatches(fs, UNTIL, reported).catch((thrown: unknown) => {
          if (!fs.isDown) throw thrown;
        });
        fs.crash(again);
      }
      await runBatches(fs, UNTIL, reported);
      // And once more, after an end in good order.
      if (operation % 5 === 0 || ended) await runBatches(fs, UNTIL + 2000, reported);
      if (ended) return;
    } catch (thrown) {
      if (thrown instanceof Error) thrown.message = `crash at operation ${operation}: ${thrown.message}`;
      throw thrown;
    }
  }
}

describe('a checkpoint after a crash at any file operation', () => {
  it('has what was reported when the process was killed', () => crashEverywhere(() => ({ kind: 'kill' })));

  // The restart read what was written and not synced, and built on it: the power failure took it away.
  it('has what was reported when the process was killed, and power is lost while it starts again', () =>
    crashEverywhere(() => ({ kind: 'kill' }), { kind: 'power' }));

  it('has what was reported when power is lost and nothing unsynced survives', () =>
    crashEverywhere(() => ({ kind: 'power' })));

  it('has what was reported when power is lost and unsynced sectors and names survive at random', () =>
    crashEverywhere(operation => ({ kind: 'power', random: randomOf(operation) })));
});
