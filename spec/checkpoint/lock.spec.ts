import { expect } from 'chai';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { Lock, readLock, type LockRequest } from '../../lib/checkpoint/lock.js';
import type { ProcessIdentity } from '../../lib/checkpoint/process-identity.js';
import { EngineError } from '../../lib/core/errors.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import {
  checkRecovered,
  deltasOf,
  DIRECTORY,
  handleOf,
  nothingReported,
  OPTIONS,
  rangesOf,
  takeSnapshot,
} from './scripted-run.js';

const codeOf = async (
  work: Promise<unknown>,
): Promise<{ readonly code: string; readonly message: string } | undefined> =>
  work.then(
    () => undefined,
    (thrown: unknown) => {
      if (thrown instanceof EngineError) return { code: thrown.code, message: thrown.message };
      throw thrown;
    },
  );

const identity = (pid: number, host = 'alpha'): ProcessIdentity => ({ pid, host, start: '' });

/** A machine on which the processes in `living` run. */
const request = (pid: number, living: readonly number[], host = 'alpha'): LockRequest => ({
  identity: identity(pid, host),
  isAlive: holder => living.includes(holder.pid),
  nowMs: Date.UTC(2024, 0, 2),
  epochFloor: 0,
});

async function directory(): Promise<ModelFileSystem> {
  const fs = new ModelFileSystem();
  await fs.mkdir(DIRECTORY);
  return fs;
}

describe('the lock of a checkpoint', () => {
  it('is refused while its owner lives, saying who has it, since when, and what to do', async () => {
    const fs = await directory();
    await Lock.acquire(fs, DIRECTORY, request(11, []));
    const refusal = await codeOf(Lock.acquire(fs, DIRECTORY, request(12, [11])));
    expect(refusal?.code).to.equal('checkpointLocked');
    expect(refusal?.message).to.match(/process 11 on alpha \(since 2024-01-02T00:00:00\.000Z\): stop that driver/);
  });

  it('is taken over from a dead process, with the next number', async () => {
    const fs = await directory();
    const old = await Lock.acquire(fs, DIRECTORY, request(11, []));
    const lock = await Lock.acquire(fs, DIRECTORY, request(12, []));
    expect(lock.holder.epoch).to.equal(old.holder.epoch + 1);
    expect((await readLock(fs, DIRECTORY))?.pid).to.equal(12);
    expect((await codeOf(old.check()))?.message).to.match(/process 12 on alpha .* took it over/);
  });

  it('is free again after a release, and its numbers never come again', async () => {
    const fs = await directory();
    for (const epoch of [1, 2, 3]) {
      const lock = await Lock.acquire(fs, DIRECTORY, request(11, [11]));
      expect(lock.holder.epoch).to.equal(epoch);
      await lock.release();
    }
    expect(fs.paths()).to.deep.equal([`${DIRECTORY}/LOCK.000003`]);
  });

  it('of another host is refused with the name of the file to remove, and free when that is removed', async () => {
    const fs = await directory();
    await Lock.acquire(fs, DIRECTORY, request(11, [], 'beta'));
    const refusal = await codeOf(Lock.acquire(fs, DIRECTORY, request(12, [])));
    expect(refusal?.message).to.match(/process 11 on beta .*looked up from alpha.* remove \/data\/job\/LOCK\.000001$/);
    await fs.remove(`${DIRECTORY}/LOCK.000001`);
    await Lock.acquire(fs, DIRECTORY, request(12, []));
  });

  it('that cannot be read is refused, whoever may hold it', async () => {
    const fs = await directory();
    await Lock.acquire(fs, DIRECTORY, request(11, []));
    fs.overwrite(`${DIRECTORY}/LOCK.000001`, 30, Uint8Array.of(0));
    const refusal = await codeOf(Lock.acquire(fs, DIRECTORY, request(12, [])));
    expect(refusal?.message).to.match(/LOCK\.000001 is damaged\. When no driver runs this job, remove the file/);
  });

  it('goes to exactly one of many that want it at once', async () => {
    for (const before of ['nothing', 'dead', 'released']) {
      const fs = await directory();
      if (before !== 'nothing') {
        const old = await Lock.acquire(fs, DIRECTORY, request(99, []));
        if (before === 'released') await old.release();
      }
      const living = [1, 2, 3, 4, 5];
      const results = await Promise.all(living.map(pid => codeOf(Lock.acquire(fs, DIRECTORY, request(pid, living)))));
      expect(
        results.filter(result => result === undefined),
        before,
      ).to.have.length(1);
      expect(
        results.filter(result => result?.code === 'checkpointLocked'),
        before,
      ).to.have.length(4);
    }
  });

  it('goes to one only, with every interleaving of two that start one after the other', async () => {
    for (let headStart = 0; headStart < 40; headStart++) {
      const fs = await directory();
      await Lock.acquire(fs, DIRECTORY, request(99, []));
      const first = codeOf(Lock.acquire(fs, DIRECTORY, request(1, [1, 2])));
      for (let i = 0; i < headStart; i++) await Promise.resolve();
      const results = await Promise.all([first, codeOf(Lock.acquire(fs, DIRECTORY, request(2, [1, 2])))]);
      expect(
        results.filter(result => result === undefined),
        `head start ${headStart}`,
      ).to.have.length(1);
    }
  });
});

describe('the lock of a checkpoint, with a listing out of date', () => {
  /** Two others come and go between the first listing and the link. */
  class SlowStart extends ModelFileSystem {
    #listed = false;

    override async readdir(path: string): Promise<string[]> {
      const names = await super.readdir(path);
      if (!this.#listed) {
        this.#listed = true;
        await (await Lock.acquire(this, DIRECTORY, request(2, []))).release();
        await Lock.acquire(this, DIRECTORY, request(3, []));
      }
      return names;
    }
  }

  it('is not taken with a number that is past', async () => {
    const fs = new SlowStart();
    await fs.mkdir(DIRECTORY);
    const refusal = await codeOf(Lock.acquire(fs, DIRECTORY, request(1, [3])));
    expect(refusal?.message).to.match(/process 3 on alpha/);
    expect(fs.paths()).to.deep.equal([`${DIRECTORY}/LOCK.000002`]);
  });
});

describe('a driver whose checkpoint was taken over', () => {
  it('is told by its next commit, and what it reported before is there', async () => {
    const fs = new ModelFileSystem();
    const { store: old } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    for (const time of [1000, 2000]) old.logOffsets(time, rangesOf(time));
    await old.logCommit(1000, { sinks: { out: handleOf(1000) }, deltas: deltasOf(1000) });

    const { store, recovered } = await CheckpointStore.open(fs, DIRECTORY, {
      ...OPTIONS,
      owner: { pid: 2, host: 'alpha' },
    });
    const reported = { planned: 2000, committed: 1000, askedToPlan: 2000, askedToCommit: 1000 };
    await checkRecovered(fs, recovered, reported);
    expect(store.epoch).to.equal(old.epoch + 1);

    const commit = { sinks: { out: handleOf(2000) }, deltas: deltasOf(2000) };
    const refusal = await codeOf(old.logCommit(2000, commit));
    expect(refusal?.code).to.equal('checkpointFenced');
    expect(refusal?.message).to.match(/process 1\) lost the checkpoint: process 2 on alpha .* Nothing more is written/);
    const before = new Map(fs.paths().map(path => [path, Buffer.from(fs.bytesOf(path)).toString('latin1')]));
    expect((await codeOf(old.syncOffsets()))?.code).to.equal('checkpointFenced');
    expect((await codeOf(takeSnapshotOf(old, fs)))?.code).to.equal('checkpointFenced');
    await old.close();
    for (const [path, bytes] of before) expect(Buffer.from(fs.bytesOf(path)).toString('latin1'), path).to.equal(bytes);

    await store.logCommit(2000, commit);
    await store.close();
    await expectState(fs, 2000);
  });

  it('cannot get a commit into the log that its successor has read, whenever it is written', async () => {
    const outcomes = new Set<string>();
    for (let headStart = 0; headStart < 500; headStart += 7) {
      const fs = new ModelFileSystem();
      const { store: old } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
      old.logOffsets(1000, rangesOf(1000));
      await old.syncOffsets();
      const opening = CheckpointStore.open(fs, DIRECTORY, OPTIONS);
      for (let i = 0; i < headStart; i++) await Promise.resolve();
      const refusal = await codeOf(old.logCommit(1000, { sinks: { out: handleOf(1000) }, deltas: deltasOf(1000) }));
      outcomes.add(refusal?.code ?? 'reported');
      const { store, recovered } = await opening;
      const reported = {
        planned: 1000,
        committed: refusal === undefined ? 1000 : 0,
        askedToPlan: 1000,
        askedToCommit: 1000,
      };
      const { committed } = await checkRecovered(fs, recovered, reported);
      // Once it has been read as open it stays open until the new owner commits it.
      await store.close();
      await expectState(fs, committed);
    }
    expect([...outcomes]).to.have.members(['reported', 'checkpointFenced']);
  });

  it('cannot replace the manifest in a way that harms its successor, whenever it tries', async () => {
    const outcomes = new Set<string>();
    for (let headStart = 0; headStart < 500; headStart += 7) {
      const fs = new ModelFileSystem();
      const { store: old } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
      for (const time of [1000, 2000]) old.logOffsets(time, rangesOf(time));
      await old.logCommit(1000, { sinks: { out: handleOf(1000) }, deltas: deltasOf(1000) });
      const opening = CheckpointStore.open(fs, DIRECTORY, OPTIONS);
      for (let i = 0; i < headStart; i++) await Promise.resolve();
      const refusal = await codeOf(takeSnapshot(fs, old, 1000));
      outcomes.add(refusal?.code ?? 'written');
      const { store, recovered } = await opening;
      await checkRecovered(fs, recovered, {
        planned: 2000,
        committed: 1000,
        askedToPlan: 2000,
        askedToCommit: 1000,
      });
      await store.logCommit(2000, { sinks: { out: handleOf(2000) }, deltas: deltasOf(2000) });
      await store.close();
      await expectState(fs, 2000);
    }
    expect([...outcomes]).to.include('checkpointFenced');
  });

  it('leaves the new owner alone when it closes', async () => {
    const fs = new ModelFileSystem();
    const { store: old } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    await old.close();
    store.logOffsets(1000, rangesOf(1000));
    await store.syncOffsets();
    await store.close();
  });
});

async function takeSnapshotOf(store: CheckpointStore, fs: ModelFileSystem): Promise<void> {
  await takeSnapshot(fs, store, 1000);
}

async function expectState(fs: ModelFileSystem, committed: number): Promise<void> {
  const { store, recovered } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
  await checkRecovered(fs, recovered, {
    ...nothingReported(),
    committed,
    askedToPlan: 2000,
    askedToCommit: committed,
  });
  await store.close();
}
