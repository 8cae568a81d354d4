/**
 * What an input file is known by beside its name: a hash of the bytes that were planned of it, the first 4 KiB of them
 * and the last 4 KiB. A copy has the same print; a file that took the place of another, under its name and maybe its
 * inode number, has not, also where both begin alike.
 *
 *   | first 4 KiB |      not looked at      | last 4 KiB | bytes that were not planned when the print was taken
 */
import { createHash } from 'node:crypto';
import { openInput, readUpTo, type InputFiles } from './input-files.js';

/** How many bytes from the start the print stands for, and the hash: 72 bits of SHA-256. */
export type FilePrint = readonly [numBytes: number, hash: string];

const EDGE_BYTES = 4096;
const HASH_CHARS = 12;

/** The print of the first `numBytes` of an open file; undefined when it is shorter. */
export function printOf(files: InputFiles, fd: number, numBytes: number): FilePrint | undefined {
  const headBytes = Math.min(EDGE_BYTES, numBytes);
  const tailStart = Math.max(headBytes, numBytes - EDGE_BYTES);
  const bytes = Buffer.allocUnsafe(headBytes + numBytes - tailStart);
  let numRead = readUpTo(files, fd, bytes, 0, headBytes, 0);
  if (tailStart < numBytes) numRead += readUpTo(files, fd, bytes, headBytes, numBytes - tailStart, tailStart);
  if (numRead < bytes.length) return undefined;
  const hash = createHash('sha256').update(bytes).digest('base64url');
  return [numBytes, hash.slice(0, HASH_CHARS)];
}

export function hasPrint(files: InputFiles, fd: number, [numBytes, hash]: FilePrint): boolean {
  return printOf(files, fd, numBytes)?.[1] === hash;
}

/** Whether there is a file at the path that has the print. */
export function isPrinted(files: InputFiles, path: string, print: FilePrint): boolean {
  const fd = openInput(files, path);
  if (fd === undefined) return false;
  try {
    return hasPrint(files, fd, print);
  } finally {
    files.closeSync(fd);
  }
}
