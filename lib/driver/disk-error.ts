import { EngineError, isSystemError, messageOf, type ErrorCode } from '../core/errors.js';
import { storageCure } from '../core/storage-cure.js';

/**
 * Opens some part of a run. What the system refuses meanwhile (EIO, EACCES ...) becomes an error of the given code that
 * names the path: whoever starts a run is told which disk to look at, not the name of a system call alone.
 */
export async function orDiskError<T>(code: ErrorCode, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new EngineError(
      code,
      `${path} cannot be read or written: ${messageOf(cause)}; ${storageCure(cause, 'it')}: nothing is changed by trying`,
      { cause, detail: { path } },
    );
  }
}
