import { expect } from 'chai';
import { crc32 } from 'node:zlib';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { definitionOf } from '../../lib/checkpoint/state-definition.js';
import { EngineError } from '../../lib/core/errors.js';
import { writeNewFile } from '../../lib/core/write-file-atomic.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import {
  COUNTS,
  deltasOf,
  DIRECTORY,
  handleOf,
  nothingReported,
  OPTIONS,
  rangesOf,
  runBatches,
  SESSIONS,
  takeSnapshot,
} from './scripted-run.js';

const NOTHING = { sinks: {}, deltas: [] };

const refusalOf = async (work: () => Promise<unknown>): Promise<EngineError> => {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown;
    throw thrown;
  }
  throw new Error('wanted a refusal');
};

describe('CheckpointStore', () => {
  it('finds what was added to an open batch beside what it reads, the last of it', async () => {
    const fs = new ModelFileSystem();
    const first = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    first.store.logOffsets(1000, rangesOf(1000));
    first.store.logChoice(1000, { added: [1] });
    first.store.logOffsets(2000, rangesOf(2000));
    first.store.logChoice(1000, { added: [1, 2] });
    await first.store.syncOffsets();
    fs.crash({ kind: 'kill' });
    const { store, recovered } = await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, isAlive: () => false });
    expect(recovered?.batches.map(({ ranges, previousTime }) => ({ ranges, previousTime }))).to.deep.equal([
      { ranges: { ...rangesOf(1000), added: [1, 2] }, previousTime: undefined },
      { ranges: rangesOf(2000), previousTime: 1000 },
    ]);
    await store.logCommit(1000, NOTHING);
    expect(() => store.logChoice(1000, { added: [] })).to.throw(EngineError, /batch 1000 is not open/);
    await store.close();
  });

  it('finds nothing at the first start, and where it was at the next', async () => {
    const fs = new ModelFileSystem();
    const first = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    expect(first.recovered).to.equal(undefined);
    first.store.logOffsets(1000, rangesOf(1000));
    first.store.logOffsets(2000, rangesOf(2000));
    await first.store.logCommit(1000, {
      sinks: { out: handleOf(1000) },
      deltas: deltasOf(1000),
      info: { records: 10 },
    });
    await first.store.close();

    const { store, recovered } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    expect(recovered).to.deep.include({
      epoch: 2,
      snapshotTime: undefined,
      snapshots: [],
      sourceStates: {},
      sinks: { out: handleOf(1000) },
      lastCommitted: 1000,
      lastPlanned: 2000,
      warnings: [],
    });
    const [done, open] = recovered?.batches ?? [];
    expect(done).to.deep.include({ time: 1000, committed: true, ranges: rangesOf(1000), info: { records: 10 } });
    expect(done?.deltas).to.have.length(4);
    expect(open).to.deep.include({ time: 2000, committed: false, ranges: rangesOf(2000), deltas: [] });
    await store.close();
  });

  it('needs one sync for a batch that has no output and no change of state', async () => {
    const fs = new ModelFileSystem();
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    fs.resetCounts();
    for (const time of [1000, 2000, 3000]) {
      store.logOffsets(time, rangesOf(time));
      await store.logCommit(time, NOTHING);
    }
    expect([fs.count('sync'), fs.count('write')]).to.deep.equal([3, 3]);
  });

  it('shares the sync of one batch’s commit with the next one’s offsets', async () => {
    const fs = new ModelFileSystem();
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    store.logOffsets(1000, rangesOf(1000));
    await store.syncOffsets();
    fs.resetCounts();
    store.logOffsets(2000, rangesOf(2000));
    await Promise.all([store.logCommit(1000, NOTHING), store.syncOffsets()]);
    expect(fs.count('sync')).to.equal(1);
  });

  it('keeps the number of key groups that the checkpoint was made with', async () => {
    const fs = new ModelFileSystem();
    await (await CheckpointStore.open(fs, DIRECTORY, OPTIONS)).store.close();
    const { store, recovered } = await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, numKeyGroups: 64 });
    expect([store.numKeyGroups, recovered?.numKeyGroups]).to.deep.equal([128, 128]);
  });

  it('keeps two generations and the log that both need, and nothing else', async () => {
    const fs = new ModelFileSystem();
    await runBatches(fs, 17_000, nothingReported());
    const names = fs.paths().map(path => path.slice(DIRECTORY.length + 1));
    expect(names.filter(name => name.startsWith('state/'))).to.deep.equal(
      ['counts', '%53essions%2f%ce%b2']
        .toSorted()
        .flatMap(id => [0, 1].flatMap(p => [`state/${id}-p${p}-12000-4.arrow`, `state/${id}-p${p}-16000-5.arrow`])),
    );
    expect(names.filter(name => !name.startsWith('state/'))).to.deep.equal([
      'LOCK.000001',
      'MANIFEST',
      'MANIFEST.prev',
      'log/000003.wal',
      'log/000004.wal',
      'log/000005.wal',
    ]);
  });

  it('keeps a snapshot file for as long as a manifest names it', async () => {
    const fs = new ModelFileSystem();
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    const path = store.snapshotPath(COUNTS.id, 0, 1000);
    const bytes = Buffer.from('state');
    const file = { operator: COUNTS.id, partition: 0, path, byteLength: 5, crc32: crc32(bytes), numRows: 1 };
    await writeNewFile(fs, path, bytes);
    for (const time of [1000, 2000, 3000, 4000]) {
      store.logOffsets(time, {});
      await store.logCommit(time, NOTHING);
      await store.writeManifest({ time, snapshots: [file], sourceStates: {}, sinks: {} });
    }
    await store.close();
    const { recovered } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    expect(recovered?.snapshots).to.deep.equal([{ ...file, definition: definitionOf(COUNTS) }]);
  });

  it('counts the log’s bytes since the snapshot, also after a restart', async () => {
    const fs = new ModelFileSystem();
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    expect(store.bytesSinceSnapshot).to.equal(0);
    for (const time of [1000, 2000]) {
      store.logOffsets(time, rangesOf(time));
      await store.logCommit(time, { sinks: {}, deltas: deltasOf(time) });
    }
    const before = store.bytesSinceSnapshot;
    expect(before).to.be.greaterThan(
      deltasOf(1000)
        .concat(deltasOf(2000))
        .reduce((sum, delta) => sum + delta.bytes.byteLength, 0),
    );
    await takeSnapshot(fs, store, 1000);
    const after = store.bytesSinceSnapshot;
    expect(after).to.be.within(1, before - 1);
    await store.close();
    expect((await CheckpointStore.open(fs, DIRECTORY, OPTIONS)).store.bytesSinceSnapshot).to.equal(after);
  });

  it('can be moved to another directory', async () => {
    const fs = new ModelFileSystem();
    await runBatches(fs, 9000, nothingReported());
    const moved = new ModelFileSystem();
    for (const folder of ['log', 'state']) await moved.mkdir(`/elsewhere/${folder}`);
    for (const path of fs.paths()) moved.replace(path.replace(DIRECTORY, '/elsewhere'), fs.bytesOf(path));
    const { recovered } = await CheckpointStore.open(moved, '/elsewhere', OPTIONS);
    expect(recovered).to.deep.include({ lastCommitted: 9000, warnings: [] });
    expect(recovered?.snapshots[0]?.path).to.match(/^\/elsewhere\/state\//);
  });

  it('takes ids that are names of JavaScript’s own or of no file system', async () => {
    const fs = new ModelFileSystem();
    const ids = ['__proto__', 'constructor', '../../etc/passwd', 'a\u0000b', 'A', 'a', 'é'.repeat(300), ''];
    const operators = ids.map(id => ({ ...COUNTS, id }));
    const { store } = await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, operators });
    const named = Object.fromEntries(ids.map(id => [id, [id]]));
    store.logOffsets(1000, named);
    const deltas = ids.map(operator => ({ operator, partition: 0, bytes: Buffer.from(operator) }));
    await store.logCommit(1000, { sinks: named, deltas });
    const snapshots = [];
    for (const operator of ids) {
      const bytes = Buffer.from(operator);
      const path = store.snapshotPath(operator, 0, 1000);
      expect(path.slice(DIRECTORY.length)).to.match(/^\/state\/[a-z0-9_%~-]{1,160}\.arrow$/);
      await writeNewFile(fs, path, bytes);
      snapshots.push({ operator, partition: 0, path, byteLength: bytes.byteLength, crc32: crc32(bytes), numRows: 1 });
    }
    await store.writeManifest({ time: 1000, snapshots, sourceStates: named, sinks: named });
    store.logOffsets(2000, named);
    await store.close();
    const { recovered } = await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, operators });
    const definition = definitionOf(COUNTS);
    expect(recovered?.snapshots).to.deep.equal(snapshots.map(file => ({ ...file, definition })));
    for (const found of [recovered?.sinks, recovered?.sourceStates, recovered?.batches[0]?.ranges]) {
      expect(Object.entries(found ?? {})).to.have.deep.members(Object.entries(named));
    }
  });

  it('refuses batches out of order and snapshots of what is not committed', async () => {
    const fs = new ModelFileSystem();
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    store.logOffsets(2000, {});
    expect(() => store.logOffsets(2000, {})).to.throw(
      EngineError,
      /offsets of batch 2000 come after those of batch 2000/,
    );
    expect((await refusalOf(() => store.logCommit(1000, NOTHING))).message).to.match(
      /commit of batch 1000, which is not planned/,
    );
    const snapshot = { time: 2000, snapshots: [], sourceStates: {}, sinks: {} };
    expect((await refusalOf(() => store.writeManifest(snapshot))).message).to.match(/snapshot of batch 2000/);
    await store.logCommit(2000, NOTHING);
    expect((await refusalOf(() => store.logCommit(2000, NOTHING))).code).to.equal('internal');
    const [first, second] = await Promise.allSettled([store.writeManifest(snapshot), store.writeManifest(snapshot)]);
    expect([first.status, second.status]).to.deep.equal(['fulfilled', 'rejected']);
  });

  it('goes on after a snapshot that could not be written, with the one before', async () => {
    for (const [operation, path] of [
      ['open', 'log/'],
      ['link', 'log/'],
      ['rename', 'MANIFEST'],
    ] as const) {
      const fs = new ModelFileSystem();
      const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
      store.logOffsets(1000, rangesOf(1000));
      await store.logCommit(1000, { sinks: { out: handleOf(1000) }, deltas: deltasOf(1000) });
      fs.failNext(operation, 'ENOSPC', path);
      const refusal = await refusalOf(() => takeSnapshot(fs, store, 1000));
      expect(refusal.code).to.equal('checkpointUnwritable');
      expect(refusal.message).to.match(/ENOSPC.*free disk space/);
      fs.crash({ kind: 'kill' });
      await runBatches(fs, 9000, { planned: 1000, committed: 1000, askedToPlan: 1000, askedToCommit: 1000 });
    }
  });

  it('says that the directory cannot be written, and why', async () => {
    for (const [operation, code] of [
      ['mkdir', 'EACCES'],
      ['open', 'EROFS'],
      ['write', 'ENOSPC'],
      ['link', 'EPERM'],
    ] as const) {
      const fs = new ModelFileSystem();
      fs.failNext(operation, code);
      const refusal = await refusalOf(() => CheckpointStore.open(fs, DIRECTORY, OPTIONS));
      expect(refusal.code, code).to.equal('checkpointUnwritable');
      expect(refusal.message).to.include(code);
    }
    const fs = new ModelFileSystem();
    fs.replace(DIRECTORY, Buffer.from('a file'));
    expect((await refusalOf(() => CheckpointStore.open(fs, DIRECTORY, OPTIONS))).code).to.equal('checkpointUnwritable');
  });

  it('gives the lock back when it refuses to open', async () => {
    const fs = new ModelFileSystem();
    const options = { ...OPTIONS, isAlive: () => true };
    await runBatches(fs, 1000, nothingReported(), options);
    const refusal = await refusalOf(() => CheckpointStore.open(fs, DIRECTORY, { ...options, job: 'orders' }));
    expect(refusal.code).to.equal('checkpointForeign');
    await (await CheckpointStore.open(fs, DIRECTORY, options)).store.close();
  });

  it('starts a new operator empty, saying so, and refuses a job that lost one with state', async () => {
    const fs = new ModelFileSystem();
    await runBatches(fs, 2000, nothingReported());
    const extra = { ...COUNTS, id: 'extra' };
    const more = await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, operators: [COUNTS, SESSIONS, extra] });
    expect(more.recovered?.warnings).to.deep.equal([
      "operator 'extra' is not in the checkpoint: it starts without state",
    ]);
    await more.store.close();
    const refusal = await refusalOf(() =>
      CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, operators: [COUNTS, extra] }),
    );
    expect(refusal.code).to.equal('checkpointForeign');
    // 'extra' never had state, so going back to the job without it is fine.
    const again = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    expect(again.recovered?.warnings).to.deep.equal([]);
  });
});
