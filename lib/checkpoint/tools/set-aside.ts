import { join } from 'node:path';
import type { FileHandle, FileSystem } from '../../core/file-system.js';
import {
  hasCode,
  isSnapshotName,
  LOG_FOLDER,
  MANIFEST,
  namesIn,
  PREVIOUS_MANIFEST,
  segmentNumber,
  STATE_FOLDER,
} from '../checkpoint-files.js';
import { FileWindow } from '../file-window.js';

/** Where tools keep the files of a checkpoint as they were before a change, a folder for each change. */
export const ASIDE_FOLDER = 'aside';

const ASIDE_NAME = /^(\d{6,9})-[a-z-]+$/;

/**
 * Gives the files of a checkpoint a second name each, in a folder of its own that is a checkpoint directory again (the
 * files of receivers and tables are not in it). They cost no space while the checkpoint has them too.
 *
 * @param change what is about to be done, for the folder's name
 * @returns the folder, durable; its manifest comes last, so one without was interrupted
 */
export async function setAside(fs: FileSystem, directory: string, change: string): Promise<string> {
  const root = join(directory, ASIDE_FOLDER);
  const numbers = (await namesIn(fs, root)).map(name => Number(ASIDE_NAME.exec(name)?.[1] ?? 0));
  const folder = join(root, `${String(Math.max(0, ...numbers) + 1).padStart(6, '0')}-${change}`);
  for (const inner of [LOG_FOLDER, STATE_FOLDER]) await fs.mkdir(join(folder, inner));
  const keep = (name: string): Promise<void> => linkOrCopy(fs, join(directory, name), join(folder, name));
  for (const name of await namesIn(fs, join(directory, LOG_FOLDER)))
    if (segmentNumber(name) !== undefined) await keep(join(LOG_FOLDER, name));
  for (const name of await namesIn(fs, join(directory, STATE_FOLDER)))
    if (isSnapshotName(`${STATE_FOLDER}/${name}`)) await keep(join(STATE_FOLDER, name));
  const names = await namesIn(fs, directory);
  for (const name of [PREVIOUS_MANIFEST, MANIFEST]) if (names.includes(name)) await keep(name);
  for (const path of [join(folder, LOG_FOLDER), join(folder, STATE_FOLDER), folder, root, directory])
    await fs.syncDirectory(path);
  return folder;
}

/** A second name where the file system has such, else a copy. */
async function linkOrCopy(fs: FileSystem, from: string, to: string): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (thrown) {
    if (!hasCode(thrown, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV')) throw thrown;
    await copyFile(fs, from, to);
  }
}

/** Copies a file piece by piece; the content is synced, the name is not. */
export async function copyFile(fs: FileSystem, from: string, to: string): Promise<void> {
  const { size } = await fs.stat(from);
  const source = await fs.open(from, 'r');
  let target: FileHandle | undefined;
  try {
    const copy = await fs.open(to, 'wx');
    target = copy;
    const pieces = new FileWindow(source, size);
    for (let at = 0; at < size;) {
      const piece = await pieces.view(at, Math.min(size - at, 1024 * 1024));
      if (piece.byteLength === 0) break;
      await copy.write([piece], at);
      at += piece.byteLength;
    }
    await copy.sync();
  } finally {
    await source.close();
    await target?.close();
  }
}
