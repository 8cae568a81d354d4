/** A scripted checkpoint for specs of tools, and what a restart finds in it. */
import { expect } from 'chai';
import { CheckpointStore } from '../../../lib/checkpoint/checkpoint-store.js';
import { loadCheckpoint, type LoadedCheckpoint } from '../../../lib/checkpoint/load-checkpoint.js';
import type { ToolWorld } from '../../../lib/checkpoint/tools/change-checkpoint.js';
import type { FileSystem } from '../../../lib/core/file-system.js';
import { EngineError } from '../../../lib/core/errors.js';
import { ModelFileSystem } from '../../helpers/model-file-system.js';
import { DIRECTORY, nothingReported, OPTIONS, runBatches } from '../scripted-run.js';

export const worldOf = (fs: FileSystem): ToolWorld => ({
  fs,
  clock: { now: () => 1_700_000_100_000 },
  owner: { pid: 2, host: 'alpha' },
  isAlive: () => false,
});

/** A run up to a batch: snapshots at 4000, 8000 ..., each second owner begun after a restart. */
export async function scripted(until: number, restarts: readonly number[] = []): Promise<ModelFileSystem> {
  const fs = new ModelFileSystem();
  const reported = nothingReported();
  for (const end of [...restarts, until]) await runBatches(fs, end, reported);
  return fs;
}

export async function loaded(fs: FileSystem, directory = DIRECTORY): Promise<LoadedCheckpoint> {
  const found = await loadCheckpoint(fs, directory);
  if (found === undefined) throw new Error(`nothing in ${directory}`);
  return found;
}

/** All that a restart would go on from, as one text: what two checkpoints have in common. */
export async function contentOf(fs: FileSystem, directory = DIRECTORY): Promise<string> {
  const { manifest, batches, commits } = await loaded(fs, directory);
  const files = [];
  for (const { operator, partition, path } of manifest.snapshots)
    files.push([operator, partition, String(Buffer.from(await fs.readFile(path)))]);
  const changes = [];
  for (const { time, deltas, sinks } of commits)
    for (const { operator, partition, read } of deltas)
      changes.push([time, sinks, operator, partition, String(Buffer.from(await read()))]);
  const planned = batches.map(({ time, ranges, committed, previousTime }) => [time, ranges, committed, previousTime]);
  const { time, operators, sourceStates, sinks, leftOut } = manifest;
  return JSON.stringify({ time, operators, sourceStates, sinks, leftOut, files, changes, planned });
}

/** Opens it as a driver does, and closes it again. */
export async function reopen(fs: FileSystem, directory = DIRECTORY, options = OPTIONS): Promise<void> {
  const { store } = await CheckpointStore.open(fs, directory, options);
  await store.close();
}

export async function refusalOf(work: Promise<unknown>): Promise<EngineError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).to.be.instanceOf(EngineError);
  return thrown as EngineError;
}

/**
 * Does the change once for every operation at which it can go down, by a kill and by a loss of power: what is found then
 * must be what was before or what it shall be, and doing it again must give the latter. @returns how often it went down
 */
export async function crashEverywhere(
  before: ModelFileSystem,
  change: (fs: FileSystem) => Promise<unknown>,
  read: (fs: FileSystem) => Promise<string>,
  again: (fs: FileSystem, isDone: boolean) => Promise<void> = async () => undefined,
): Promise<number> {
  const oldContent = await read(before.clone());
  const done = before.clone();
  await change(done);
  const newContent = await read(done);
  expect(newContent).not.to.equal(oldContent);
  const changes = ['mkdir', 'rename', 'link', 'remove', 'syncDirectory', 'write', 'truncate', 'sync'] as const;
  let numChanges = [-1, -1, -1];
  for (let operation = 0; ; operation++) {
    for (const kind of ['kill', 'power'] as const) {
      const fs = before.clone();
      fs.resetCounts();
      fs.downAt(fs.numOperations + operation);
      const ended = await change(fs).then(
        () => true,
        (thrown: unknown) => {
          if (!fs.isDown) throw thrown;
          return false;
        },
      );
      if (ended && !fs.isDown) return operation;
      fs.crash({ kind });
      // Where only reading came since the last two, nothing can be other than it was found there.
      const count = changes.reduce((sum, name) => sum + fs.count(name), 0);
      if (kind === 'kill') numChanges = [count, ...numChanges.slice(0, 2)];
      if (numChanges[0] === numChanges[1] && numChanges[1] === numChanges[2]) continue;
      const content = await read(fs);
      expect(content, `crash at operation ${operation}, ${kind}`).to.be.oneOf([oldContent, newContent]);
      if (operation % 3 === 0) await again(fs, content === newContent);
    }
  }
}
