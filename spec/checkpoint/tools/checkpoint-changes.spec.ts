import { expect } from 'chai';
import { CheckpointStore } from '../../../lib/checkpoint/checkpoint-store.js';
import { dropOperator, repairCheckpoint, setSourcePosition } from '../../../lib/checkpoint/tools/checkpoint-changes.js';
import { segmentPath } from '../../../lib/checkpoint/checkpoint-files.js';
import type { FileSystem } from '../../../lib/core/file-system.js';
import type { ModelFileSystem } from '../../helpers/model-file-system.js';
import { COUNTS, deltasOf, DIRECTORY, handleOf, OPTIONS, rangesOf, runBatches, SESSIONS } from '../scripted-run.js';
import { contentOf, crashEverywhere, loaded, refusalOf, reopen, scripted, worldOf } from './tool-world.js';

const repair = (fs: FileSystem, toBatch?: number, replan = false): ReturnType<typeof repairCheckpoint> =>
  repairCheckpoint(worldOf(fs), DIRECTORY, { ...(toBatch === undefined ? {} : { toBatch }), replan });

/** What a run says that ended with this batch. */
const commitsOf = async (fs: FileSystem): Promise<number[]> => (await loaded(fs)).commits.map(({ time }) => time);

/** A driver that died with a batch planned and not committed. */
async function withOpenBatch(): Promise<ModelFileSystem> {
  const fs = await scripted(6000);
  const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
  store.logOffsets(7000, rangesOf(7000));
  await store.close();
  return fs;
}

describe('repairCheckpoint', () => {
  it('steps back to a batch and leaves those after it planned, to run again on the same input', async () => {
    const fs = await scripted(7000);
    const { result, aside } = await repair(fs, 5000);
    expect(result.reverted.map(({ time }) => time)).to.deep.equal([6000, 7000]);
    expect(result.rerun).to.deep.equal([6000, 7000]);
    const { batches, commits, manifest } = await loaded(fs);
    expect(commits.map(({ time }) => time)).to.deep.equal([5000]);
    expect(batches.map(({ time, ranges }) => [time, ranges])).to.deep.equal(
      [5000, 6000, 7000].map(time => [time, rangesOf(time)]),
    );
    expect(manifest.time).to.equal(4000);
    expect(result.sinks).to.deep.equal([{ output: 'out', current: handleOf(7000), restored: handleOf(5000) }]);
    expect(await contentOf(fs, aside)).to.equal(await contentOf(await scripted(7000)));
  });

  it('gives the state of a run that was never stepped back when the batches are run again', async () => {
    const fs = await scripted(7000);
    await repair(fs, 5000);
    await runBatches(fs, 9000, { planned: 7000, committed: 5000, askedToPlan: 7000, askedToCommit: 5000 });
    await runBatches(fs, 12000, { planned: 9000, committed: 9000, askedToPlan: 9000, askedToCommit: 9000 });
  });

  it('forgets what later batches read when it is asked to plan anew', async () => {
    const fs = await scripted(7000);
    const { result } = await repair(fs, 5000, true);
    expect([result.rerun, result.replanned]).to.deep.equal([[], [6000, 7000]]);
    expect((await loaded(fs)).batches.map(({ time }) => time)).to.deep.equal([5000]);
    await runBatches(fs, 9000, { planned: 5000, committed: 5000, askedToPlan: 5000, askedToCommit: 5000 });
  });

  it('goes behind the newest snapshot by the one before', async () => {
    const fs = await scripted(9000);
    expect((await repair(fs, 7000)).result.base.name).to.equal('MANIFEST.prev');
    expect(await commitsOf(fs)).to.deep.equal([5000, 6000, 7000]);
    await runBatches(fs, 13000, { planned: 9000, committed: 7000, askedToPlan: 9000, askedToCommit: 7000 });
  });

  it('refuses a batch of which the snapshot may have later changes already', async () => {
    const fs = await scripted(3000);
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    for (const time of [4000, 5000]) {
      store.logOffsets(time, rangesOf(time));
      await store.logCommit(time, { sinks: { out: handleOf(time) }, deltas: deltasOf(time) });
    }
    // Begun with batch 4000 and written when 5000 was committed.
    await store.writeManifest({ time: 4000, snapshots: [], sourceStates: { events: 4010 }, sinks: {} });
    const path = store.snapshotPath('counts', 0, 5000);
    fs.replace(path, Buffer.from('rows'));
    const file = { operator: 'counts', partition: 0, path, byteLength: 4, crc32: 0x0, numRows: 1 };
    const { crc32 } = await import('node:zlib');
    const snapshots = [{ ...file, crc32: crc32(Buffer.from('rows')) }];
    await store.writeManifest({ time: 4000, snapshots, sourceStates: { events: 4010 }, sinks: {} });
    store.logOffsets(6000, rangesOf(6000));
    await store.logCommit(6000, { sinks: {}, deltas: [] });
    await store.close();
    fs.lose(`${DIRECTORY}/MANIFEST.prev`);
    const refusal = await refusalOf(repair(fs, 4000));
    expect(refusal.code).to.equal('optionInvalid');
    expect(refusal.message).to.match(/stepped back to 6000 \(1970-01-01T00:00:06\.000Z\), 5000 \([^)]*\)$/);
    await repair(fs, 5000);
    expect(await commitsOf(fs)).to.deep.equal([5000]);
    // What was not known of the snapshot then is not known after the change either.
    expect((await refusalOf(repair(fs, 4000))).message).to.match(/stepped back to 5000 /);
  });

  it('goes on before the first damaged byte of the log', async () => {
    const fs = await scripted(7000);
    const { log } = await loaded(fs);
    const last = log.segments.at(-1);
    fs.overwrite(segmentPath(DIRECTORY, last?.segment ?? 0), (last?.end ?? 0) - 40, Uint8Array.of(1, 2, 3));
    fs.overwrite(segmentPath(DIRECTORY, last?.segment ?? 0), 200, Uint8Array.of(1, 2, 3));
    const { store } = await CheckpointStore.open(fs.clone(), DIRECTORY, OPTIONS).catch(() => ({ store: undefined }));
    expect(store, 'a restart refuses it').to.equal(undefined);
    const { result } = await repair(fs);
    expect(result.damage.join()).to.match(/\.wal at byte \d+: no whole frame is here/);
    expect(result.target).to.be.lessThan(7000);
    await reopen(fs);
    expect((await commitsOf(fs)).at(-1) ?? 4000).to.equal(result.target);
  });

  it('goes on from the manifest before when a snapshot is damaged, and from a log that lost its end', async () => {
    const fs = await scripted(9000);
    const { manifest } = await loaded(fs);
    fs.overwrite(manifest.snapshots[0]?.path ?? '', 0, Uint8Array.of(0));
    const { result } = await repair(fs);
    expect([result.base.name, result.target]).to.deep.equal(['MANIFEST.prev', 9000]);
    expect((await loaded(fs)).warnings).to.deep.equal([]);
    const cut = await scripted(9000, [8500]);
    cut.lose(segmentPath(DIRECTORY, (await loaded(cut)).manifest.lastSegment));
    expect((await repair(cut)).result.target).to.equal(8000);
    await reopen(cut);
  });

  it('says what there is to choose from when nothing is damaged, and when nothing is left', async () => {
    const fs = await scripted(6000);
    expect((await refusalOf(repair(fs))).message).to.match(/nothing is damaged .* give --to-batch TIME; .* 6000 /);
    expect((await refusalOf(repair(fs, 1))).message).to.match(/got 1 \(1970.*stepped back to 6000/);
    for (const name of ['MANIFEST', 'MANIFEST.prev']) fs.overwrite(`${DIRECTORY}/${name}`, 9, Uint8Array.of(0));
    expect((await refusalOf(repair(fs))).code).to.equal('checkpointCorrupt');
    await fs.mkdir('/empty');
    expect((await refusalOf(repairCheckpoint(worldOf(fs), '/empty', {}))).code).to.equal('checkpointForeign');
  });

  it('leaves the old or the new checkpoint whenever it crashes', async () => {
    const again = async (fs: FileSystem): Promise<void> => reopen(fs);
    await crashEverywhere(await scripted(9000), fs => repair(fs, 7000), contentOf, again);
  });

  it('leaves a damaged checkpoint refused, not shortened in silence, until it is done', async () => {
    const damaged = await scripted(7000);
    const { log } = await loaded(damaged);
    damaged.overwrite(segmentPath(DIRECTORY, log.segments.at(-1)?.segment ?? 0), 200, Uint8Array.of(1, 2, 3));
    const read = (fs: FileSystem): Promise<string> => contentOf(fs).catch(() => 'refused');
    await crashEverywhere(
      damaged,
      fs => repair(fs),
      read,
      async fs => {
        await repair(fs).catch(() => undefined);
        await reopen(fs);
      },
    );
  });
});

describe('dropOperator', () => {
  it('removes the state of one operator, in snapshots and changes, and nothing else', async () => {
    const fs = await scripted(6000);
    const { result, aside } = await dropOperator(worldOf(fs), DIRECTORY, SESSIONS.id);
    expect(result).to.deep.equal({ numRows: 2, numChanges: 2 });
    const { manifest, commits } = await loaded(fs);
    expect(manifest.operators).to.deep.equal([COUNTS]);
    expect(manifest.snapshots.map(({ operator }) => operator)).to.deep.equal(['counts', 'counts']);
    expect(commits.flatMap(({ deltas }) => deltas.map(({ operator }) => operator))).to.deep.equal(['counts', 'counts']);
    // A job without the operator, and with one of that id and other columns, may go on.
    await reopen(fs, DIRECTORY, { ...OPTIONS, operators: [COUNTS, { ...SESSIONS, keys: 'other int64' }] });
    expect((await loaded(fs, aside)).manifest.operators).to.deep.equal([COUNTS, SESSIONS]);
  });

  it('refuses an id that is not there, naming those that are', async () => {
    const refusal = await refusalOf(dropOperator(worldOf(await scripted(4000)), DIRECTORY, 'count'));
    expect(refusal.code).to.equal('optionUnknown');
    expect(refusal.message).to.contain("it has counts, Sessions/β; did you mean 'counts'?");
  });

  it('refuses while a process that runs has the checkpoint', async () => {
    const fs = await scripted(4000);
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    const world = { ...worldOf(fs), isAlive: () => true };
    for (const work of [
      dropOperator(world, DIRECTORY, 'counts'),
      repairCheckpoint(world, DIRECTORY, { toBatch: 4000 }),
    ])
      expect((await refusalOf(work)).code).to.equal('checkpointLocked');
    await store.close();
    await dropOperator(world, DIRECTORY, 'counts');
  });

  it('is done wholly or not at all whenever it crashes', async () => {
    const options = { ...OPTIONS, operators: [COUNTS, SESSIONS] };
    await crashEverywhere(
      await scripted(6000),
      fs => dropOperator(worldOf(fs), DIRECTORY, 'counts'),
      contentOf,
      fs => reopen(fs, DIRECTORY, options),
    );
  });
});

describe('setSourcePosition', () => {
  it('gives the position of now and has the source go on at the new one', async () => {
    const fs = await scripted(6000);
    const seen: unknown[] = [];
    await setSourcePosition(worldOf(fs), DIRECTORY, 'events', async (state, ranges) => {
      seen.push(state, ranges);
      return 77;
    });
    expect(seen).to.deep.equal([4010, [5000, 6000].flatMap(time => rangesOf(time)['events'] ?? [])]);
    const { manifest, batches, commits } = await loaded(fs);
    expect(manifest.sourceStates).to.deep.equal({ events: 77 });
    expect(batches.map(({ ranges }) => ranges)).to.deep.equal([{}, {}]);
    expect(commits.flatMap(({ deltas }) => deltas)).to.have.length(4);
    await reopen(fs);
  });

  it('refuses while a batch is planned that reads the source, and another id', async () => {
    const fs = await withOpenBatch();
    const set = (source: string): Promise<unknown> => setSourcePosition(worldOf(fs), DIRECTORY, source, async () => 0);
    expect((await refusalOf(set('events'))).message).to.match(/batch 7000 .*is planned .*repair .* --replan --yes/);
    expect((await refusalOf(set('evnts'))).message).to.match(/did you mean 'events'/);
    const { result } = await repair(fs, undefined, true);
    expect(result.replanned).to.deep.equal([7000]);
    await set('events');
  });

  it('is done wholly or not at all whenever it crashes', async () => {
    await crashEverywhere(
      await scripted(6000),
      fs => setSourcePosition(worldOf(fs), DIRECTORY, 'events', async () => 5),
      contentOf,
      fs => reopen(fs),
    );
  });
});
