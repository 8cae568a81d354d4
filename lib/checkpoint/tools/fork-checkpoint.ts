/**
 * A copy of a checkpoint for a second job: the same state and positions under an identity of its own. What the first
 * job's outputs have written is not in it, so that a second job which is pointed at the same output is refused there,
 * instead of cutting off what the first one writes.
 */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import { TEMPORARY_FILE, temporaryPath } from '../../core/write-file-atomic.js';
import { corrupt, hasCode, LOG_FOLDER, MANIFEST, namesIn, STATE_FOLDER, TABLES_FOLDER } from '../checkpoint-files.js';
import { SEGMENT_HEADER_BYTES } from '../log-format.js';
import { encodeManifest, type Manifest } from '../manifest.js';
import { refused } from '../segment-file.js';
import { checkSnapshot } from '../snapshot-check.js';
import { loadForChange, withCheckpoint, type ToolWorld } from './change-checkpoint.js';
import { countedRecords, type CountedRecord } from './log-records.js';
import { rewriteLog } from './rewrite-log.js';
import { copyFile } from './set-aside.js';

/** Folders of a checkpoint whose files are copied as they are. */
const COPIED_FOLDERS = ['receivers', TABLES_FOLDER];

export interface Fork {
  readonly checkpointId: string;
  readonly numFiles: number;
  readonly bytes: number;
  /** Outputs that begin anew in the copy. */
  readonly outputs: readonly string[];
}

/**
 * Holds the lock of `directory` while it copies; `target` is there as a whole or not at all. Throws `optionInvalid` when
 * there is something at `target`, `checkpointLocked`, `checkpointCorrupt`, `checkpointUnwritable`.
 */
export async function forkCheckpoint(world: ToolWorld, directory: string, target: string): Promise<Fork> {
  const { fs } = world;
  await refuseExisting(fs, target);
  return withCheckpoint(world, directory, async lock => {
    const { loaded } = await loadForChange(fs, directory);
    return refused(target, async () => {
      const temporary = temporaryPath(target);
      const copied = await copyFolders(fs, directory, temporary);
      const checkpointId = randomBytes(8).toString('hex');
      const { manifest } = loaded;
      const snapshots = manifest.snapshots.map(file => ({
        ...file,
        path: join(temporary, file.path.slice(directory.length)),
      }));
      for (const name of [LOG_FOLDER, STATE_FOLDER]) await fs.mkdir(join(temporary, name));
      for (const [i, file] of snapshots.entries()) {
        const from = manifest.snapshots[i]?.path ?? '';
        await copyFile(fs, from, file.path);
        const problem = await checkSnapshot(fs, file);
        if (problem !== undefined) throw corrupt(from, undefined, `its copy is not what it was: ${problem}`);
        copied.numFiles++;
        copied.bytes += file.byteLength;
      }
      const outputs = new Set(Object.keys(manifest.sinks));
      const records = countedRecords(loaded.log, manifest).map(({ record, settled }): CountedRecord => {
        if (record.kind === 'offsets') return { record, settled };
        for (const output of Object.keys(record.sinks)) outputs.add(output);
        return { record: { ...record, sinks: {} }, settled };
      });
      const start = { checkpointId, epoch: 1, segment: 1, previous: 0, previousEnd: SEGMENT_HEADER_BYTES };
      const rewritten = await rewriteLog(fs, temporary, { ...start, firstSequence: 1 }, records, () => lock.check());
      const fork: Manifest = { ...manifest, ...rewritten, checkpointId, epoch: 1, snapshots, sinks: {} };
      await fs.syncDirectory(join(temporary, STATE_FOLDER));
      await fs.writeFileAtomic(join(temporary, MANIFEST), encodeManifest(temporary, fork));
      await fs.rename(temporary, target);
      await fs.syncDirectory(dirname(target));
      return { checkpointId, ...copied, outputs: [...outputs].toSorted() };
    });
  });
}

async function refuseExisting(fs: FileSystem, target: string): Promise<void> {
  try {
    await fs.stat(target);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return;
    throw thrown;
  }
  throw new EngineError(
    'optionInvalid',
    `the copy wants a directory of its own, and ${target} is there already: give another name, or remove it first`,
    { detail: { directory: target } },
  );
}

async function copyFolders(
  fs: FileSystem,
  directory: string,
  target: string,
): Promise<{ numFiles: number; bytes: number }> {
  const copied = { numFiles: 0, bytes: 0 };
  for (const folder of COPIED_FOLDERS) {
    for (const id of await namesIn(fs, join(directory, folder))) {
      const from = join(directory, folder, id);
      if (!(await fs.stat(from)).isDirectory) continue;
      const to = join(target, folder, id);
      await fs.mkdir(to);
      for (const name of await namesIn(fs, from)) {
        if (TEMPORARY_FILE.test(name)) continue;
        await copyFile(fs, join(from, name), join(to, name));
        copied.numFiles++;
        copied.bytes += (await fs.stat(join(to, name))).size;
      }
      for (const path of [to, join(target, folder), target]) await fs.syncDirectory(path);
    }
  }
  return copied;
}
