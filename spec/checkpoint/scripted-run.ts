/**
 * A driver's life against a checkpoint store, small enough to be crashed at every file operation. Its state is the
 * concatenation of all deltas of committed batches, so whatever is lost, doubled or out of order shows.
 */
import { expect } from 'chai';
import { crc32 } from 'node:zlib';
import { CheckpointStore, type CheckpointOptions } from '../../lib/checkpoint/checkpoint-store.js';
import type { OperatorInfo, SnapshotFile } from '../../lib/checkpoint/manifest.js';
import type { RecoveredCheckpoint } from '../../lib/checkpoint/recovered-checkpoint.js';
import type { FileSystem } from '../../lib/core/file-system.js';
import { writeNewFile } from '../../lib/core/write-file-atomic.js';

export const DIRECTORY = '/data/job';
export const COUNTS: OperatorInfo = { id: 'counts', kind: 'aggregate', keys: 'user utf8', values: 'n int64' };
export const SESSIONS: OperatorInfo = { id: 'Sessions/β', kind: 'rows', keys: 'id utf8', values: 'start timestamp' };

export const OPTIONS: CheckpointOptions = {
  job: 'clicks',
  fingerprint: 'f1',
  operators: [COUNTS, SESSIONS],
  numKeyGroups: 128,
  owner: { pid: 1, host: 'alpha' },
  isAlive: () => false,
  clock: { now: () => 1_700_000_000_000 },
};

/** What batch `time` does, the same in every run. */
export const rangesOf = (time: number): { readonly [source: string]: readonly number[][] } => ({
  events: [
    [time, time + 7],
    [time + 7, time + 10],
  ],
});
export const handleOf = (time: number): { readonly file: string; readonly bytes: number } => ({
  file: 'out',
  bytes: time * 3,
});

/** Batches 3, 6, 9 ... change no state and have no output. */
export const hasOutput = (time: number): boolean => time % 3000 !== 0;

export function deltasOf(
  time: number,
): { readonly operator: string; readonly partition: number; readonly bytes: Uint8Array; readonly numRows: number }[] {
  if (!hasOutput(time)) return [];
  return [COUNTS.id, SESSIONS.id].flatMap(operator =>
    [0, 1].map(partition => ({
      operator,
      partition,
      numRows: 1,
      bytes: Buffer.from(`${operator}/${partition}@${time};`.repeat(1 + (time % 7))),
    })),
  );
}

/** State of one partition after all batches up to `time`. */
export function stateAt(operator: string, partition: number, time: number): string {
  let state = '';
  for (let t = 1000; t <= time; t += 1000) {
    for (const delta of deltasOf(t))
      if (delta.operator === operator && delta.partition === partition) state += String(delta.bytes);
  }
  return state;
}

/** What the store reported, so what must be found; and what it was asked, so what may be. */
export interface Reported {
  planned: number;
  committed: number;
  askedToPlan: number;
  askedToCommit: number;
}

export const nothingReported = (): Reported => ({ planned: 0, committed: 0, askedToPlan: 0, askedToCommit: 0 });

/** Opens the store, checks what it found against what was reported, and goes on to batch `until`, one batch planned ahead. */
export async function runBatches(
  fs: FileSystem,
  until: number,
  reported: Reported,
  options = OPTIONS,
  directory = DIRECTORY,
): Promise<void> {
  const { store, recovered } = await CheckpointStore.open(fs, directory, options);
  const { planned, committed } = await checkRecovered(fs, recovered, reported);
  Object.assign(reported, { planned, committed, askedToPlan: planned, askedToCommit: committed });
  for (let time = committed + 1000; time <= until; time += 1000) {
    for (const next of [time, time + 1000]) {
      if (next <= reported.askedToPlan || next > until) continue;
      reported.askedToPlan = next;
      store.logOffsets(next, rangesOf(next));
    }
    if (hasOutput(time)) {
      await store.syncOffsets();
      reported.planned = Math.max(reported.planned, reported.askedToPlan);
    }
    reported.askedToCommit = time;
    await store.logCommit(time, {
      sinks: hasOutput(time) ? { out: handleOf(time) } : {},
      deltas: deltasOf(time),
      info: { records: time },
    });
    reported.planned = reported.askedToPlan;
    reported.committed = time;
    if (time % 4000 === 0) await takeSnapshot(fs, store, time);
  }
  await store.close();
}

export async function takeSnapshot(fs: FileSystem, store: CheckpointStore, time: number): Promise<void> {
  const snapshots: SnapshotFile[] = [];
  for (const operator of [COUNTS.id, SESSIONS.id]) {
    for (const partition of [0, 1]) {
      const bytes = Buffer.from(stateAt(operator, partition, time));
      const path = store.snapshotPath(operator, partition, time);
      await fs.remove(path);
      await writeNewFile(fs, path, bytes);
      snapshots.push({ operator, partition, path, byteLength: bytes.byteLength, crc32: crc32(bytes), numRows: 1 });
    }
  }
  const last = hasOutput(time) ? time : time - 1000;
  await store.writeManifest({ time, snapshots, sourceStates: { events: time + 10 }, sinks: { out: handleOf(last) } });
}

/** Restores as a driver does and compares with what must be there. Returns how far it got. */
export async function checkRecovered(
  fs: FileSystem,
  recovered: RecoveredCheckpoint | undefined,
  reported: Reported,
): Promise<{ readonly planned: number; readonly committed: number }> {
  const planned = recovered?.lastPlanned ?? 0;
  const committed = recovered?.lastCommitted ?? 0;
  expect(planned).to.be.within(reported.planned, reported.askedToPlan, 'last planned');
  expect(committed).to.be.within(reported.committed, reported.askedToCommit, 'last committed');
  if (recovered === undefined) return { planned, committed };
  const from = recovered.snapshotTime ?? 0;
  expect(recovered.batches.map(batch => batch.time)).to.deep.equal(times(from, planned));
  expect(recovered.batches.filter(batch => batch.committed).map(batch => batch.time)).to.deep.equal(
    times(from, committed),
  );
  expect(recovered.sourceStates).to.deep.equal(from === 0 ? {} : { events: from + 10 });
  const state = new Map<string, string>();
  for (const file of recovered.snapshots)
    state.set(`${file.operator}/${file.partition}`, String(Buffer.from(await fs.readFile(file.path))));
  for (const batch of recovered.batches) {
    expect(batch.ranges).to.deep.equal(rangesOf(batch.time));
    for (const delta of batch.deltas) {
      const key = `${delta.operator}/${delta.partition}`;
      state.set(key, (state.get(key) ?? '') + String(Buffer.from(await delta.read())));
    }
  }
  for (const operator of [COUNTS.id, SESSIONS.id]) {
    for (const partition of [0, 1]) {
      expect(state.get(`${operator}/${partition}`) ?? '').to.equal(stateAt(operator, partition, committed));
    }
  }
  const last = times(0, committed).findLast(hasOutput);
  expect(recovered.sinks).to.deep.equal(last === undefined ? {} : { out: handleOf(last) });
  return { planned, committed };
}

function times(after: number, until: number): number[] {
  const result: number[] = [];
  for (let time = after + 1000; time <= until; time += 1000) result.push(time);
  return result;
}
