import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { FileSystem } from './file-system.js';

/** Names of files on their way to another name: after a crash they may be left over and mean nothing. */
export const TEMPORARY_FILE = /\.tmp-[0-9a-f]{12}$/;

/** A name beside `path` that no other process uses. */
export const temporaryPath = (path: string): string => `${path}.tmp-${randomBytes(6).toString('hex')}`;

/** The steps behind `FileSystem.writeFileAtomic`, each of them an operation of `fs` itself. Two syncs, in this order. */
export async function writeFileAtomic(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryPath(path);
  await writeNewFile(fs, temporary, bytes);
  try {
    await fs.rename(temporary, path);
  } catch (thrown) {
    await fs.remove(temporary);
    throw thrown;
  }
  await fs.syncDirectory(dirname(path));
}

/** Creates `path` (it must not exist) with `bytes` in it, content synced, name not. */
export async function writeNewFile(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, 'wx');
  try {
    await file.write([bytes], 0);
    await file.sync();
  } finally {
    await file.close();
  }
}
