import { expect } from 'chai';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { formatCheckpoint } from '../../lib/checkpoint/format-checkpoint.js';
import { readCheckpoint } from '../../lib/checkpoint/read-checkpoint.js';
import { EngineError } from '../../lib/core/errors.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import {
  deltasOf,
  DIRECTORY,
  handleOf,
  nothingReported,
  OPTIONS,
  rangesOf,
  runBatches,
  takeSnapshot,
} from './scripted-run.js';

/** A driver in the middle of its work: snapshot of batch 4, batch 5 committed, batch 6 planned. */
async function inUse(): Promise<{ fs: ModelFileSystem; store: CheckpointStore }> {
  const fs = new ModelFileSystem();
  await runBatches(fs, 3000, nothingReported());
  const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
  for (const time of [4000, 5000, 6000]) store.logOffsets(time, rangesOf(time));
  await store.logCommit(4000, { sinks: { out: handleOf(4000) }, deltas: deltasOf(4000) });
  await takeSnapshot(fs, store, 4000);
  await store.logCommit(5000, { sinks: { out: handleOf(5000) }, deltas: deltasOf(5000) });
  return { fs, store };
}

async function refusalOf(work: Promise<unknown>): Promise<EngineError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).to.be.instanceOf(EngineError);
  return thrown as EngineError;
}

describe('readCheckpoint', () => {
  it('tells what is there while the driver goes on, and changes nothing', async () => {
    const { fs, store } = await inUse();
    fs.resetCounts();
    const summary = await readCheckpoint(fs, DIRECTORY);
    for (const operation of ['write', 'rename', 'remove', 'link', 'mkdir'] as const)
      expect(fs.count(operation)).to.equal(0);
    expect(summary).to.deep.include({
      job: 'clicks',
      fingerprint: 'f1',
      formatVersion: 2,
      epoch: 2,
      snapshotTime: 4000,
      lastPlanned: 6000,
      lastCommitted: 5000,
      numOpen: 1,
      sinks: { out: handleOf(5000) },
      warnings: [],
    });
    expect(summary.holder).to.deep.include({ pid: 1, host: 'alpha' });
    expect(summary.operators[0]).to.deep.include({ id: 'counts', snapshotRows: 2, numDeltas: 2, deltaRows: 2 });
    expect(summary.sources).to.deep.equal([
      { id: 'events', state: 4010, batches: [5000, 6000].map(time => ({ time, ranges: rangesOf(time)['events'] })) },
    ]);
    expect(summary.snapshots).to.have.length(4);
    await store.close();
  });

  it('names nobody as the holder after a close', async () => {
    const { fs, store } = await inUse();
    await store.close();
    expect((await readCheckpoint(fs, DIRECTORY)).holder).to.equal(undefined);
  });

  it('reads on while snapshots replace one another under it', async () => {
    const { fs, store } = await inUse();
    let reading = true;
    const summaries = (async () => {
      for (let i = 0; i < 30; i++) await readCheckpoint(fs, DIRECTORY);
      reading = false;
    })();
    for (let time = 6000; reading; time += 1000) {
      if (time > 6000) store.logOffsets(time, rangesOf(time));
      await store.logCommit(time, { sinks: { out: handleOf(time) }, deltas: deltasOf(time) });
      if (time % 4000 === 0) await takeSnapshot(fs, store, time);
    }
    await summaries;
  });

  it('says what is not a checkpoint and what is damaged', async () => {
    const { fs } = await inUse();
    expect((await refusalOf(readCheckpoint(fs, '/nowhere'))).message).to.match(
      /\/nowhere is not a checkpoint: there is no such directory/,
    );
    await fs.mkdir('/empty');
    expect((await refusalOf(readCheckpoint(fs, '/empty'))).message).to.match(/it has no manifest/);
    const file = await refusalOf(readCheckpoint(fs, `${DIRECTORY}/MANIFEST`));
    expect([file.code, file.message]).to.satisfy(
      ([code, message]: string[]) => code === 'checkpointForeign' && /it is a file/.test(String(message)),
    );
    for (const name of ['MANIFEST', 'MANIFEST.prev']) fs.overwrite(`${DIRECTORY}/${name}`, 5, Uint8Array.of(0));
    expect((await refusalOf(readCheckpoint(fs, DIRECTORY))).code).to.equal('checkpointCorrupt');
  });
});

describe('formatCheckpoint', () => {
  it('is a page for people, at most 100 columns wide', async () => {
    const { fs } = await inUse();
    const text = formatCheckpoint(await readCheckpoint(fs, DIRECTORY));
    for (const line of text.split('\n')) expect(line.length, line).to.be.at.most(100);
    expect(text).to.match(/^job +clicks$/m);
    expect(text).to.match(/^used by +process 1 on alpha \(since 2023-11-14T22:13:20\.000Z\)$/m);
    expect(text).to.match(/^last committed +1970-01-01T00:00:05\.000Z$/m);
    expect(text).to.match(/^to run again +1 batch$/m);
    expect(text).to.match(/^snapshot +1970-01-01T00:00:04\.000Z, 4 files, [\d.]+ k?B, all whole$/m);
    expect(text).to.match(
      /^ {2}counts\n {4}aggregate by user utf8 of n int64\n {4}snapshot 2 rows, [\d.]+ k?B; 2 changes since: 2 rows/m,
    );
    expect(text).to.match(/^ {4}1970-01-01T00:00:06\.000Z: \[\[6000,6007\],\[6007,6010\]\]$/m);
    expect(text).to.match(/^ {2}out: \{"file":"out","bytes":15000\}$/m);
  });
});
