/**
 * Loads a snapshot file into a table, record batch by record batch, so that memory for it is bounded. It is read twice,
 * first for its checksum, so that nothing of a damaged file comes into the table; the second time it is in the system's
 * memory.
 */
import { crc32 } from 'node:zlib';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import { storageCure } from '../core/storage-cure.js';
import type { RowConverter } from './convert-rows.js';
import type { WrittenSnapshot } from './snapshot.js';
import { applyIpcFile, type ValueColumns } from './state-ipc.js';
import type { StateTable } from './state-table.js';

/** Read at once. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Sets the rows whose key groups the table owns. Needs `loadArrow`. Throws `checkpointCorrupt` when the file is not what
 * was written, else as `applyIpc`.
 */
export async function applySnapshot(
  table: StateTable,
  path: string,
  written: Omit<WrittenSnapshot, 'numRows'>,
  columns: ValueColumns,
  fs: FileSystem,
  converter?: RowConverter,
): Promise<void> {
  const file = readable(await openFile(fs, path), path);
  try {
    await check(file, path, written);
    await applyIpcFile(table, file, written.byteLength, columns, converter);
  } finally {
    await file.close();
  }
}

async function check(file: FileHandle, path: string, written: Omit<WrittenSnapshot, 'numRows'>): Promise<void> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  let byteLength = 0;
  let checksum = 0;
  for (let n = await file.read(buffer, 0); n > 0; n = await file.read(buffer, byteLength)) {
    checksum = crc32(buffer.subarray(0, n), checksum);
    byteLength += n;
  }
  if (byteLength === written.byteLength && checksum === written.crc32) return;
  throw new EngineError(
    'checkpointCorrupt',
    `${path}: its ${byteLength} bytes are not the ${written.byteLength} that were written. Put the checkpoint directory back from a copy`,
  );
}

async function openFile(fs: FileSystem, path: string): Promise<FileHandle> {
  try {
    return await fs.open(path, 'r');
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw unreadable(path, cause);
    const message = `${path}: the file is missing. Put the checkpoint directory back from a copy`;
    throw new EngineError('checkpointCorrupt', message, { cause });
  }
}

/** The file, of which a read that the system refuses is no damage. */
function readable(file: FileHandle, path: string): FileHandle {
  const read = async (buffer: Uint8Array, position: number): Promise<number> => {
    try {
      return await file.read(buffer, position);
    } catch (cause) {
      throw unreadable(path, cause);
    }
  };
  return {
    read,
    write: (...args) => file.write(...args),
    truncate: size => file.truncate(size),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/** What is said of a file that the system does not let be read. */
export const unreadable = (path: string, cause: unknown): EngineError =>
  new EngineError(
    'checkpointUnwritable',
    `state cannot be read from ${path}: ${messageOf(cause)}; ${storageCure(cause, 'the checkpoint directory')}`,
    { cause },
  );
