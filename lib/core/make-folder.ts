import { dirname } from 'node:path';
import type { FileSystem } from './file-system.js';

/**
 * Creates a directory with all that is missing above it, each name durable before anything is made in it. The name of one
 * that is there is made durable too: who made it may have been killed before its sync, and what is written into it would
 * go with it when power is lost.
 */
export async function makeFolder(fs: FileSystem, path: string): Promise<void> {
  const above = dirname(path);
  if (!(await isThere(fs, path))) {
    await makeFolder(fs, above);
    await fs.mkdir(path);
    await fs.syncDirectory(above);
  } else if (above !== path) {
    await syncIfAllowed(fs, above);
  }
}

async function isThere(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return false;
    throw thrown;
  }
}

/** Where this user may not read, or nothing can be made or synced at all, the name is somebody else's: no run of ours made it. */
const NOT_OURS = ['EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ENOTSUP'];

async function syncIfAllowed(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.syncDirectory(path);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && NOT_OURS.includes(String(thrown.code)))) throw thrown;
  }
}
