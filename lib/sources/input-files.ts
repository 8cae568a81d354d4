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

/** Where the path was a file a moment ago there may be a pipe, and to open that would wait for somebody to write to it. */
const READ_AT_ONCE = nodeFs.constants.O_RDONLY | (nodeFs.constants.O_NONBLOCK ?? 0);

export const NODE_FILES: InputFiles = { ...nodeFs, openSync: path => nodeFs.openSync(path, READ_AT_ONCE) };

/** What is at the path now, or undefined when nothing is. Other errors are thrown. */
export function statOf(files: InputFiles, path: string): InputStat | undefined {
  try {
    return files.statSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The same, undefined too where it must not be looked at. */
export function statOrUnreadable(files: InputFiles, path: string): InputStat | undefined {
  try {
    return statOf(files, path);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** A descriptor for reading, or undefined when the file is gone, or something that is no file has its place. */
export function openInput(files: InputFiles, path: string): number | undefined {
  let fd: number;
  try {
    fd = files.openSync(path, 'r');
  } catch (error) {
    // A socket cannot be opened at all.
    if (isMissing(error) || codeOf(error) === 'ENXIO') return undefined;
    throw error;
  }
  if (files.fstatSync(fd).isFile()) return fd;
  files.closeSync(fd);
  return undefined;
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
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Whether the system says that this process may not, or cannot, look there: that may change, and others need not wait for it. */
export function isUnreadable(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'].includes(codeOf(error));
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
