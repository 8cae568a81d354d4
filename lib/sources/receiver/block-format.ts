/**
 * The log of one receiver source: segment files `000001.blocks`, little-endian.
 *
 *   segment   offset  field
 *             0       u32 magic 'SLRS'
 *             4       u32 version
 *             8       u32 number of the segment
 *             12      u32 salt, random: goes into every checksum of a block's header
 *             16      f64 number of the first block
 *             24      u32 how many bytes of the segment before count: what lies beyond was never acknowledged
 *             28      u32 crc32 of the 28 bytes before
 *   block     0       u32 magic 'SLRB'
 *             4       u32 payload bytes
 *             8       u32 number of records
 *             12      u32 crc32 of the payload
 *             16      f64 number of the block
 *             24      u32 how many bytes of this segment were on disk when the block was written
 *             28      u32 crc32 of the 28 bytes before, begun with the salt
 *             32      payload: one encoded value after another (core/value-codec.ts)
 *
 * The salt keeps bytes that came from outside from being taken for a header. The count of bytes on disk tells a tail
 * that was torn in a crash (nothing after it claims that it was on disk) from damage to what was acknowledged.
 */
import { crc32 } from 'node:zlib';
import { newerFormat } from '../../core/format-version.js';

export const SEGMENT_HEADER_BYTES = 32;
export const BLOCK_HEADER_BYTES = 32;
const SEGMENT_MAGIC = 0x53524c53;
const BLOCK_MAGIC = 0x42524c53;
const VERSION = 1;
const CHECKED_BYTES = 28;

/** The bytes that every block's header begins with. */
export const BLOCK_MAGIC_BYTES = Buffer.from([0x53, 0x4c, 0x52, 0x42]);

export interface SegmentHeader {
  readonly segment: number;
  readonly salt: number;
  readonly firstBlock: number;
  readonly previousBytes: number;
}

export interface BlockHeader {
  readonly payloadBytes: number;
  readonly numRecords: number;
  readonly payloadCrc: number;
  readonly block: number;
  readonly durableBytes: number;
}

const SEGMENT_NAME = /^(\d{6,9})\.blocks$/;

export const segmentFile = (segment: number): string => `${String(segment).padStart(6, '0')}.blocks`;

/** The number in a segment's name; undefined for any other name. */
export function segmentOf(file: string): number | undefined {
  const match = SEGMENT_NAME.exec(file);
  return match === null ? undefined : Number(match[1]);
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.writeUInt32LE(SEGMENT_MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  bytes.writeUInt32LE(header.segment, 8);
  bytes.writeUInt32LE(header.salt, 12);
  bytes.writeDoubleLE(header.firstBlock, 16);
  bytes.writeUInt32LE(header.previousBytes, 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKED_BYTES)), CHECKED_BYTES);
  return bytes;
}

/** Undefined when the bytes are not the whole header of that segment. Throws `checkpointForeign` for a newer version. @param path names it in errors */
export function decodeSegmentHeader(bytes: Buffer, segment: number, path: string): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  if (bytes.readUInt32LE(0) !== SEGMENT_MAGIC) return undefined;
  if (bytes.readUInt32LE(CHECKED_BYTES) !== crc32(bytes.subarray(0, CHECKED_BYTES))) return undefined;
  const version = bytes.readUInt32LE(4);
  if (version > VERSION) throw newerFormat(path, version, VERSION);
  if (version !== VERSION) return undefined;
  if (bytes.readUInt32LE(8) !== segment) return undefined;
  return {
    segment,
    salt: bytes.readUInt32LE(12),
    firstBlock: bytes.readDoubleLE(16),
    previousBytes: bytes.readUInt32LE(24),
  };
}

export function encodeBlockHeader(header: BlockHeader, salt: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_HEADER_BYTES);
  bytes.writeUInt32LE(BLOCK_MAGIC, 0);
  bytes.writeUInt32LE(header.payloadBytes, 4);
  bytes.writeUInt32LE(header.numRecords, 8);
  bytes.writeUInt32LE(header.payloadCrc, 12);
  bytes.writeDoubleLE(header.block, 16);
  bytes.writeUInt32LE(header.durableBytes, 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKED_BYTES), salt), CHECKED_BYTES);
  return bytes;
}

/** Undefined when there is no whole header at `offset`. */
export function decodeBlockHeader(bytes: Buffer, offset: number, salt: number): BlockHeader | undefined {
  if (offset + BLOCK_HEADER_BYTES > bytes.length || bytes.readUInt32LE(offset) !== BLOCK_MAGIC) return undefined;
  const checked = bytes.subarray(offset, offset + CHECKED_BYTES);
  if (bytes.readUInt32LE(offset + CHECKED_BYTES) !== crc32(checked, salt)) return undefined;
  return {
    payloadBytes: bytes.readUInt32LE(offset + 4),
    numRecords: bytes.readUInt32LE(offset + 8),
    payloadCrc: bytes.readUInt32LE(offset + 12),
    block: bytes.readDoubleLE(offset + 16),
    durableBytes: bytes.readUInt32LE(offset + 24),
  };
}
