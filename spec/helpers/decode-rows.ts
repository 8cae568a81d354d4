import { join } from 'node:path';
import { ValueReader } from '../../lib/core/value-decode.js';
import type { StoredBlock } from '../../lib/sources/receiver/receiver-messages.js';
import type { ModelFileSystem } from './model-file-system.js';

/** The records of a block of a receiver's log. */
export function decodeRows(fs: ModelFileSystem, folder: string, block: StoredBlock): unknown[] {
  const bytes = fs.bytesOf(join(folder, block.file)).subarray(block.offset, block.offset + block.byteLength);
  const reader = new ValueReader(bytes);
  const rows: unknown[] = [];
  while (!reader.done) rows.push(reader.read());
  if (rows.length !== block.numRecords) throw new Error(`${block.numRecords} records wanted, got ${rows.length}`);
  return rows;
}
