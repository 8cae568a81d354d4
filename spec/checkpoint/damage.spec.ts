/** Whatever is flipped, cut, emptied, lost or mixed up is refused or stepped back from with a warning: never restored as if nothing were. */
import { expect } from 'chai';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { EngineError } from '../../lib/core/errors.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { intBelow, randomOf } from '../helpers/random-values.js';
import { checkRecovered, DIRECTORY, nothingReported, OPTIONS, runBatches } from './scripted-run.js';

const LAST = 15_000;
const LOG_BYTES = 4096;
const REFUSALS = ['checkpointCorrupt', 'checkpointForeign', 'checkpointLocked'];

/** Two generations (8000, 12000), several drivers one after another, and a batch after the newest snapshot. */
async function makeCheckpoint(options = OPTIONS): Promise<ModelFileSystem> {
  const fs = new ModelFileSystem();
  const reported = nothingReported();
  for (const until of [3000, 9000, 10_000, LAST]) await runBatches(fs, until, reported, options);
  return fs;
}

type Outcome =
  | { readonly code: string; readonly message: string }
  | { readonly committed: number; readonly warnings: readonly string[] };

/** Opens a damaged checkpoint; what it restores, if it does, must be the state of some batch. */
async function open(fs: ModelFileSystem, options = OPTIONS): Promise<Outcome> {
  try {
    const { store, recovered } = await CheckpointStore.open(fs, DIRECTORY, options);
    const asked = { planned: 0, committed: 0, askedToPlan: LAST, askedToCommit: LAST };
    const { committed } = await checkRecovered(fs, recovered, asked);
    await store.close();
    return { committed, warnings: recovered?.warnings ?? [] };
  } catch (thrown) {
    if (thrown instanceof EngineError) return { code: thrown.code, message: thrown.message };
    throw thrown;
  }
}

function expectNoticed(outcome: Outcome, where: string): void {
  if ('code' in outcome) expect(outcome.code, where).to.be.oneOf(REFUSALS);
  else if (outcome.committed !== LAST) {
    // Only the last write may be taken for one that was never finished.
    expect(outcome.committed, where).to.equal(LAST - 1000);
    expect(outcome.warnings.join(), where).to.contain('unfinished write');
  }
}

describe('a damaged checkpoint', () => {
  let whole: ModelFileSystem;
  before(async () => {
    whole = await makeCheckpoint();
  });

  const files = (pattern: RegExp): string[] => whole.paths().filter(path => pattern.test(path));
  const damaged = (damage: (fs: ModelFileSystem) => void): Promise<Outcome> => {
    const fs = whole.clone();
    damage(fs);
    return open(fs);
  };

  it('is restored without a warning while it is whole', async () => {
    expect(await open(whole.clone())).to.deep.equal({ committed: LAST, warnings: [] });
  });

  it('is never restored silently with a flipped byte, in any file', async () => {
    const random = randomOf(7);
    for (const path of whole.paths()) {
      const bytes = whole.bytesOf(path);
      const used = Math.min(bytes.byteLength, LOG_BYTES);
      for (let at = intBelow(random, 9); at < used; at += 1 + intBelow(random, 190)) {
        const flipped = Uint8Array.of((bytes[at] ?? 0) ^ (1 << intBelow(random, 8)));
        const outcome = await damaged(fs => fs.overwrite(path, at, flipped));
        expectNoticed(outcome, `${path} byte ${at}`);
      }
    }
  });

  it('is never restored silently with any file cut', async () => {
    const random = randomOf(8);
    for (const path of whole.paths()) {
      const bytes = whole.bytesOf(path);
      for (const size of [0, 1, 63, 64, intBelow(random, bytes.byteLength), bytes.byteLength - 1]) {
        const outcome = await damaged(fs => fs.replace(path, bytes.subarray(0, Math.min(size, bytes.byteLength))));
        expectNoticed(outcome, `${path} cut to ${size} bytes`);
      }
    }
  });

  it('is never restored silently with zeros in a file', async () => {
    for (const path of whole.paths()) {
      const bytes = whole.bytesOf(path);
      for (const [start, length] of [
        [0, bytes.byteLength],
        [0, 64],
        [64, 512],
        [512, 512],
      ] as const) {
        if (start >= bytes.byteLength) continue;
        const zeros = new Uint8Array(Math.min(length, bytes.byteLength - start));
        const outcome = await damaged(fs => fs.overwrite(path, start, zeros));
        // A log that is all zeros behind its header cannot be told from one that was not written to yet.
        if ('code' in outcome || outcome.warnings.length > 0 || outcome.committed === LAST)
          expectNoticed(outcome, path);
        else expect([path, start], 'zeros').to.deep.equal([files(/wal$/).at(-1), 64]);
      }
    }
  });

  it('is never restored silently with any file missing', async () => {
    for (const path of whole.paths()) {
      expectNoticed(await damaged(fs => fs.lose(path)), `${path} missing`);
    }
  });

  it('is stepped back from a damaged snapshot without loss, saying so', async () => {
    const newest = files(/-12000-/);
    expect(newest).to.have.length(4);
    for (const path of newest) {
      const outcome = await damaged(fs => fs.overwrite(path, 3, Uint8Array.of(0xff)));
      expect(outcome).to.have.property('committed', LAST);
      expect(outcome)
        .to.have.property('warnings')
        .that.satisfies(
          (warnings: string[]) => warnings.length === 1 && /stepped back .*nothing is lost/.test(String(warnings[0])),
        );
    }
  });

  it('is stepped back from a damaged or missing manifest without loss', async () => {
    for (const damage of [
      (fs: ModelFileSystem) => fs.lose(`${DIRECTORY}/MANIFEST`),
      (fs: ModelFileSystem) => fs.overwrite(`${DIRECTORY}/MANIFEST`, 40, Uint8Array.of(0)),
    ]) {
      const outcome = await damaged(damage);
      expect(outcome).to.have.property('committed', LAST);
      expect(outcome).to.have.property('warnings').that.has.length(1);
    }
  });

  it('goes on after a step back, and is whole again after the next snapshot', async () => {
    const fs = whole.clone();
    const [path = ''] = files(/-12000-/);
    fs.overwrite(path, 0, Uint8Array.of(0));
    await open(fs);
    expect(fs.paths(), 'kept to be looked at').to.include(path);
    await runBatches(fs, 17_000, { planned: LAST, committed: LAST, askedToPlan: LAST, askedToCommit: LAST });
    const { store, recovered } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    expect(recovered).to.deep.include({ warnings: [], snapshotTime: 16_000, lastCommitted: 17_000 });
    await store.close();
    expect(fs.paths().filter(path => path.includes('-12000-'))).to.deep.equal([]);
  });

  it('names file, byte and cure when neither generation can be used', async () => {
    const outcome = await damaged(fs => {
      for (const path of files(/arrow$/)) fs.overwrite(path, 0, Uint8Array.of(0));
    });
    expect(outcome).to.have.property('code', 'checkpointCorrupt');
    expect(outcome)
      .to.have.property('message')
      .that.matches(/-12000-.*-8000-.*new checkpoint directory/s);
    const [log] = files(/wal$/).slice(-2);
    const inLog = await damaged(fs => fs.overwrite(log ?? '', 100, Uint8Array.of(1, 2, 3)));
    expect(inLog)
      .to.have.property('message')
      .that.matches(/000\d+\.wal at byte \d+: .*from a copy/);
  });

  it('is refused when files of two checkpoints of the same job are mixed', async () => {
    const other = await makeCheckpoint();
    for (const path of whole
      .paths()
      .filter(path => !path.includes('LOCK') && !path.endsWith('.prev') && !path.endsWith('.arrow'))) {
      const outcome = await damaged(fs => fs.replace(path, other.bytesOf(path)));
      expect(outcome, path).to.have.property('code').that.is.oneOf(['checkpointForeign', 'checkpointCorrupt']);
    }
  });

  it('is refused with both names when its manifest is of another job', async () => {
    const other = await makeCheckpoint({ ...OPTIONS, job: 'orders' });
    const path = `${DIRECTORY}/MANIFEST`;
    const outcome = await damaged(fs => fs.replace(path, other.bytesOf(path)));
    expect(outcome).to.have.property('code', 'checkpointForeign');
    expect(outcome)
      .to.have.property('message')
      .that.matches(/'orders'.*'clicks'/);
  });

  it('is stepped back from when snapshot files are swapped', async () => {
    const [first = '', second = ''] = files(/-12000-/);
    const outcome = await damaged(fs => {
      fs.replace(first, whole.bytesOf(second));
      fs.replace(second, whole.bytesOf(first));
    });
    expect(outcome).to.deep.include({ committed: LAST }).and.to.have.property('warnings').that.has.length(1);
  });

  it('is refused when log segments are swapped', async () => {
    const segments = files(/wal$/);
    const [first = '', second = ''] = segments.slice(-2);
    const outcome = await damaged(fs => {
      fs.replace(first, whole.bytesOf(second));
      fs.replace(second, whole.bytesOf(first));
    });
    expect(outcome).to.have.property('code', 'checkpointCorrupt');
  });
});
