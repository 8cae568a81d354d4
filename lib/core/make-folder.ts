import { dirname } from 'node:path';
import type { FileSystem } from './file-system.js';

/**
 * Creates a folder and what is missing above it, so that after a loss of power all of it is still there.
 *
 * A folder that is there already may be of a process that died between making it and syncing its name. Each is made only
 * after the name of the one above is durable, so only the deepest one there is can be such: its name is synced too.
 */
export async function makeDurableFolder(fs: FileSystem, path: string): Promise<void> {
  const above = dirname(path);
  if (!(await isThere(fs, path))) {
    if (above !== path) await makeDurableFolder(fs, above);
    await fs.mkdir(path);
  }
  if (above !== path) await syncNames(fs, above);
}

async function isThere(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function syncNames(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.syncDirectory(path);
  } catch (error) {
    // A system's own folder, far above: one that cannot be read cannot be synced, and nobody made a folder there.
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
  }
}

const hasCode = (thrown: unknown, ...codes: readonly string[]): boolean =>
  thrown instanceof Error && 'code' in thrown && codes.includes(String(thrown.code));
