/**
 * The file calls that reading needs, in their synchronous forms: on cached data each takes microseconds, less than a
 * trip to the thread pool, and the driver's loops yield in between. `node:fs` fits as it is; specs may pass their own.
 */
import * as nodeFs from 'node:fs';
import { messageOf } from '../core/errors.js';

export interface InputFiles {
  readdirSync(path: string): string[];
  statSync(path: string): InputStat;
  fstatSync(fd: number): InputStat;
  openSync(path: string, flags: 'r'): number;
  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  closeSync(fd: number): void;
}

export interface InputStat {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

export const NODE_FILES: InputFiles = nodeFs;

/** What is at the path now, or undefined when nothing is. Other errors are thrown. */
export function statOf(files: InputFiles, path: string): InputStat | undefined {
  try {
    return files.statSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A descriptor for reading, or undefined when the file is gone. */
export function openInput(files: InputFiles, path: string): number | undefined {
  try {
    return files.openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Reads until `length` bytes are there or the file ends; returns how many came. */
export function readUpTo(
  files: InputFiles,
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  let done = 0;
  while (done < length) {
    const numRead = files.readSync(fd, buffer, offset + done, length - done, position + done);
    if (numRead === 0) break;
    done += numRead;
  }
  return done;
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : messageOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
