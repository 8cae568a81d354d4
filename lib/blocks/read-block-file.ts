import type { FilePlace } from '../core/file-place.js';
import { messageOf } from '../core/errors.js';
import type { OpenSpillFile } from '../core/spill-file.js';
import { BlockDamaged } from './block-damaged.js';
import { checkedBlock } from './block-files.js';

/**
 * A block that lies in a file, for a task: read when it is needed and then garbage, so a task that goes over its blocks
 * one by one has one of them in its heap at a time. Throws `BlockDamaged` when the file is missing, cannot be read or is
 * not what was written.
 */
export function readBlockFile(
  open: OpenSpillFile,
  { path, position, crc32 }: FilePlace,
  byteLength: number,
): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let numRead: number;
  try {
    // Not 'w+', which would make a missing file.
    const file = open(path, 'r+');
    try {
      numRead = file.read(bytes, position);
    } finally {
      file.close();
    }
  } catch (cause) {
    throw new BlockDamaged(`${byteLength} bytes of ${path}`, messageOf(cause), { cause });
  }
  return checkedBlock(bytes, numRead, path, crc32);
}
