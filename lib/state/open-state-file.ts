/** A file of the checkpoint with state: what is missing or damaged is told apart from what the system refuses to give. */
import { EngineError, messageOf } from '../core/errors.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import { storageCure } from '../core/storage-cure.js';

/** Opens it to be read. Throws `checkpointCorrupt` where there is none; it, and each read, `checkpointUnwritable` where the system refuses. */
export async function openStateFile(fs: FileSystem, path: string): Promise<FileHandle> {
  try {
    return readable(await fs.open(path, 'r'), path);
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

const unreadable = (path: string, cause: unknown): EngineError =>
  new EngineError(
    'checkpointUnwritable',
    `state cannot be read from ${path}: ${messageOf(cause)}; ${storageCure(cause, 'the checkpoint directory')}`,
    { cause },
  );
