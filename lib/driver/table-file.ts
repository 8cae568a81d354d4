/**
 * A kept version of a static table on disk: a header of 16 bytes, then the bytes of the table as they were read.
 *
 *   0 u32 magic `SLTB`   4 u32 version   8 u32 bytes of the table   12 u32 their crc32      (little-endian)
 *
 * The first files of this kind had no header: what does not begin with one that fits is all of it the table.
 */
import { crc32 } from 'node:zlib';
import { newerFormat } from '../core/format-version.js';

const HEADER_BYTES = 16;
const MAGIC = 0x42544c53;
const VERSION = 1;

export function encodeTableFile(bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(VERSION, 4);
  header.writeUInt32LE(bytes.byteLength, 8);
  header.writeUInt32LE(crc32(bytes), 12);
  return Buffer.concat([header, bytes]);
}

/** The table's bytes; whether they are those that were kept, the offset log says. Throws `checkpointForeign` for a newer version. */
export function decodeTableFile(file: Uint8Array, path: string): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) return file;
  const bytes = file.subarray(HEADER_BYTES);
  if (view.getUint32(8, true) !== bytes.byteLength || view.getUint32(12, true) !== crc32(bytes)) return file;
  const version = view.getUint32(4, true);
  if (version > VERSION) throw newerFormat(path, version, VERSION);
  return bytes;
}
