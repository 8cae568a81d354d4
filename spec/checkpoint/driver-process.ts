/** A driver in a process of its own, for `killed-process.spec.ts`: commits batches without end and prints each when it is reported. */
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { COUNTS, deltasOf, handleOf, hasOutput, rangesOf, SESSIONS, takeSnapshot } from './scripted-run.js';

const fs = new NodeFileSystem();
const { store, recovered } = await CheckpointStore.open(fs, process.argv[2] ?? '', {
  job: 'clicks',
  fingerprint: 'f1',
  operators: [COUNTS, SESSIONS],
  numKeyGroups: 128,
});
for (let time = (recovered?.lastCommitted ?? 0) + 1000; ; time += 1000) {
  if (time > (recovered?.lastPlanned ?? 0)) store.logOffsets(time, rangesOf(time));
  await store.logCommit(time, { sinks: hasOutput(time) ? { out: handleOf(time) } : {}, deltas: deltasOf(time) });
  process.stdout.write(`${time}\n`);
  if (time % 4000 === 0) await takeSnapshot(fs, store, time);
}
