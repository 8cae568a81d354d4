/** Batches that failed and were left out: the manifest names them, the log keeps what they read, and they are found again. */
import { expect } from 'chai';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { formatCheckpoint } from '../../lib/checkpoint/format-checkpoint.js';
import { readCheckpoint } from '../../lib/checkpoint/read-checkpoint.js';
import { EngineError } from '../../lib/core/errors.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { DIRECTORY, OPTIONS, rangesOf } from './scripted-run.js';

type Opened = Awaited<ReturnType<typeof CheckpointStore.open>>;

const open = (fs: ModelFileSystem): Promise<Opened> => CheckpointStore.open(fs, DIRECTORY, OPTIONS);

async function commit(store: CheckpointStore, time: number): Promise<void> {
  const deltas = [{ operator: 'counts', partition: 0, bytes: Buffer.from(`@${time};`), numRows: 1 }];
  await store.logCommit(time, { sinks: { out: { at: time } }, deltas });
}

async function run(store: CheckpointStore, times: readonly number[]): Promise<void> {
  for (const time of times) {
    store.logOffsets(time, rangesOf(time));
    await store.syncOffsets();
    await commit(store, time);
  }
}

const manifestAt = (store: CheckpointStore, time: number, leftOut: readonly number[]): Promise<unknown> =>
  store.writeManifest({ time, snapshots: [], sourceStates: { events: time }, sinks: { out: { at: time } }, leftOut });

/** What a restart finds: batches as `time` or `time!` when they are to be run again, and the changes of state in order. */
async function found({ recovered }: Opened): Promise<string> {
  if (recovered === undefined) return 'nothing';
  const batches = recovered.batches.map(({ time, committed }) => `${time}${committed ? '' : '!'}`);
  const state: string[] = [];
  for (const { deltas } of recovered.commits)
    for (const delta of deltas) state.push(String(Buffer.from(await delta.read())));
  return `${batches.join(' ')} | ${state.join('')}`;
}

describe('batches that are left out of a checkpoint', () => {
  it('are found with what they read after any number of snapshots, and only they', async () => {
    const fs = new ModelFileSystem();
    const { store } = await open(fs);
    await run(store, [1000]);
    store.logOffsets(2000, rangesOf(2000));
    await run(store, [3000]);
    await manifestAt(store, 3000, [2000]);
    for (let time = 4000; time <= 9000; time += 1000) {
      await run(store, [time]);
      await manifestAt(store, time, [2000]);
    }
    await store.close();
    const again = await open(fs);
    expect(await found(again)).to.equal('2000! | ');
    expect(again.recovered?.batches[0]).to.deep.include({ ranges: rangesOf(2000), previousTime: 1000 });
    expect(again.recovered).to.include({ snapshotTime: 9000, lastCommitted: 9000, lastPlanned: 9000 });
    await again.store.close();
    const summary = await readCheckpoint(fs, DIRECTORY);
    expect(summary).to.include({ numOpen: 1, lastCommitted: 9000 });
    expect(formatCheckpoint(summary)).to.match(/to run again +1 batch/);
  });

  it('are committed late: their changes come after those of later batches, and their output is the last', async () => {
    const fs = new ModelFileSystem();
    const { store } = await open(fs);
    store.logOffsets(1000, rangesOf(1000));
    await run(store, [2000, 3000]);
    await store.close();
    const second = await open(fs);
    expect(await found(second)).to.equal('1000! 2000 3000 | @2000;@3000;');
    expect(second.recovered?.batches[0]).to.deep.include({ previousTime: undefined });
    await commit(second.store, 1000);
    await run(second.store, [4000]);
    await second.store.close();
    const third = await open(fs);
    expect(await found(third)).to.equal('1000 2000 3000 4000 | @2000;@3000;@1000;@4000;');
    expect(third.recovered).to.deep.include({ sinks: { out: { at: 4000 } }, lastCommitted: 4000 });
    await manifestAt(third.store, 4000, []);
    await third.store.close();
    expect(await found(await open(fs))).to.equal(' | ');
  });

  it('are committed after a snapshot that is newer than they are: their changes are not in it', async () => {
    const fs = new ModelFileSystem();
    const { store } = await open(fs);
    store.logOffsets(1000, rangesOf(1000));
    await run(store, [2000]);
    await manifestAt(store, 2000, [1000]);
    await store.close();
    const second = await open(fs);
    await commit(second.store, 1000);
    await second.store.close();
    const third = await open(fs);
    expect(await found(third)).to.equal('1000 | @1000;');
    expect(third.recovered).to.deep.include({ sinks: { out: { at: 1000 } }, lastCommitted: 2000 });
    await third.store.close();
  });

  it('must be named: a batch that is only under way is in no snapshot of a later time', async () => {
    const { store } = await open(new ModelFileSystem());
    store.logOffsets(1000, rangesOf(1000));
    await run(store, [2000]);
    const error = await manifestAt(store, 2000, []).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(EngineError).with.property('code', 'internal');
    await manifestAt(store, 2000, [1000]);
    await commit(store, 1000);
    const twice = await commit(store, 1000).catch((thrown: unknown) => thrown);
    expect(twice).to.have.property('message').that.contains('committed already');
    await store.close();
  });

  it('are not passed over when the log has lost what they read', async () => {
    const fs = new ModelFileSystem();
    const { store } = await open(fs);
    await run(store, [1000]);
    store.logOffsets(2000, rangesOf(2000));
    await run(store, [3000]);
    await manifestAt(store, 3000, [2000]);
    await manifestAt(store, 3000, [2000]);
    await store.close();
    const segments = fs.paths().filter(path => path.endsWith('.wal'));
    await fs.remove(segments[0] ?? '');
    const error = await open(fs).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(EngineError).with.property('code', 'checkpointCorrupt');
  });
});
