import { dirname } from 'node:path';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import { storageCure } from '../core/storage-cure.js';
import { temporaryPath } from '../core/write-file-atomic.js';
import { segmentPath } from './checkpoint-files.js';
import { encodeSegmentHeader, PREALLOCATED_BYTES, type SegmentHeader } from './log-format.js';

/** A file operation on the checkpoint that the system refused. */
export function unwritable(path: string, thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  return refusal(path, 'write', thrown);
}

function refusal(path: string, what: 'read' | 'write', thrown: unknown): EngineError {
  const cure = storageCure(thrown, 'the checkpoint directory');
  return new EngineError('checkpointUnwritable', `cannot ${what} ${path}: ${messageOf(thrown)}; ${cure}`, {
    cause: thrown,
  });
}

/** A segment's worth of zeros under a temporary name, content synced. */
export async function preallocate(fs: FileSystem, path: string): Promise<string> {
  const temporary = temporaryPath(path);
  const file = await fs.open(temporary, 'wx');
  try {
    await file.write([new Uint8Array(PREALLOCATED_BYTES)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

/** Puts the header in and gives the segment its name, which must be free. A segment that can be seen has its header. */
export async function publishSegment(
  fs: FileSystem,
  directory: string,
  temporary: string,
  header: SegmentHeader,
): Promise<FileHandle> {
  const path = segmentPath(directory, header.segment);
  const file = await fs.open(temporary, 'r+');
  try {
    await file.write([encodeSegmentHeader(header)], 0);
    await file.sync();
    await fs.link(temporary, path);
    await fs.remove(temporary);
    await fs.syncDirectory(dirname(path));
    return file;
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** Turns what the system refused into `checkpointUnwritable`. */
export async function refused<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw unwritable(path, thrown);
  }
}

/** The same for work that only reads. */
export async function readable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw thrown instanceof EngineError ? thrown : refusal(path, 'read', thrown);
  }
}
