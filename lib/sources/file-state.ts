/**
 * What a checkpoint keeps of a file source: of each file that is still in its folder and was planned, or is left alone,
 * how far, and what it is known by.
 *
 *   { "version": 2, "files": [[name, inode, planned bytes, size, left alone, mtime in ms, print or null], ...] }
 *
 * The form before had the first five of each file, in a bare array: such a file has no print until it is planned again.
 */
import { EngineError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import type { FilePrint } from './file-print.js';
import type { InputFile } from './input-file.js';

const VERSION = 2;

/** What is kept of one file. */
export type FileRecord = Pick<InputFile, 'name' | 'ino' | 'consumed' | 'size' | 'refused' | 'mtimeMs' | 'print'>;

type Row = readonly [string, number, number, number, boolean, number?, FilePrint?];

export function encodeFileState(files: Iterable<FileRecord>): Json {
  const rows: Json[] = [];
  for (const { name, ino, consumed, size, refused, mtimeMs, print } of files) {
    rows.push([name, ino, consumed, size, refused, mtimeMs, print ?? null]);
  }
  return { version: VERSION, files: rows };
}

/** Throws `checkpointForeign` for a form that a later version wrote. */
export function decodeFileState(state: Json): readonly FileRecord[] {
  const { version, files } = Array.isArray(state)
    ? { version: 1, files: state }
    : (state as { readonly version?: unknown; readonly files?: readonly Json[] });
  if ((version !== 1 && version !== VERSION) || files === undefined) {
    throw new EngineError(
      'checkpointForeign',
      `how far a file source was read wants to be in form 1 or ${VERSION}, the checkpoint has form ${JSON.stringify(version)}: ` +
        'use the version of Sluice that wrote it, or start with a new checkpoint directory',
    );
  }
  return (files as unknown as readonly Row[]).map(([name, ino, consumed, size, refused, mtimeMs, print]) => ({
    name,
    ino,
    consumed,
    size,
    refused,
    mtimeMs: mtimeMs ?? Number.NaN,
    print: print ?? undefined,
  }));
}
