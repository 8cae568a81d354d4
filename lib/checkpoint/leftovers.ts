import { join } from 'node:path';
import type { FileSystem } from '../core/file-system.js';
import { TEMPORARY_FILE } from '../core/write-file-atomic.js';
import { isSnapshotName, LOG_FOLDER, namesIn, segmentNumber, STATE_FOLDER } from './checkpoint-files.js';
import type { LoadedCheckpoint } from './load-checkpoint.js';

/**
 * Removes what a crash left behind: temporary files, snapshots that no manifest names, log segments before those that
 * the kept manifests need. Only files that are named as Sluice names them. After a step back nothing but temporary
 * files goes: what is damaged stays to be looked at until the next snapshot has replaced it.
 */
export async function removeLeftovers(
  fs: FileSystem,
  directory: string,
  loaded: LoadedCheckpoint | undefined,
): Promise<void> {
  for (const folder of ['.', LOG_FOLDER, STATE_FOLDER]) {
    for (const name of await namesIn(fs, join(directory, folder))) {
      const relative = folder === '.' ? name : `${folder}/${name}`;
      if (TEMPORARY_FILE.test(name) || isUnused(relative, loaded)) await fs.remove(join(directory, folder, name));
    }
  }
}

function isUnused(name: string, loaded: LoadedCheckpoint | undefined): boolean {
  const segment = name.startsWith(`${LOG_FOLDER}/`) ? segmentNumber(name.slice(LOG_FOLDER.length + 1)) : undefined;
  if (loaded === undefined) return segment !== undefined;
  if (loaded.steppedBack) return false;
  const { manifest, previous } = loaded;
  if (segment !== undefined) return segment < Math.min(manifest.firstSegment, previous?.firstSegment ?? Infinity);
  const named = [...manifest.snapshots, ...(previous?.snapshots ?? [])];
  return isSnapshotName(name) && !named.some(({ path }) => path.replaceAll('\\', '/').endsWith(`/${name}`));
}
