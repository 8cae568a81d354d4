/**
 * The bytes of the write-ahead log. Numbers are little-endian.
 *
 *   segment   | header, 64 bytes | frame | frame | ... | zeros, preallocated |
 *   frame     | header, 32 bytes | record | record | ... | zeros to a multiple of 16 |
 *   record    | header, 16 bytes | payload |
 *
 * A frame is what one write puts down: all records that were waiting, under one checksum. The next write begins after
 * the frame is durable, so only the last frame of a log can be torn; one that is wrong and has another frame behind it
 * was damaged later. Frames begin at multiples of 16, carry consecutive sequence numbers, and the checksum of their
 * header is seeded with a random number of the segment, so that no payload can look like one.
 */
import { crc32 } from 'node:zlib';
import { newerFormat } from '../core/format-version.js';

export const SEGMENT_HEADER_BYTES = 64;
export const FRAME_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 16;
export const FRAME_ALIGNMENT = 16;
/** A segment is made this long, of zeros, and grows in steps of it. */
export const PREALLOCATED_BYTES = 1024 * 1024;
/** `SLFR`, as it lies in the file. */
export const FRAME_MAGIC = Uint8Array.of(0x53, 0x4c, 0x46, 0x52);

const SEGMENT_MAGIC = 0x474f4c53;
const FRAME_MAGIC_U32 = 0x52464c53;
const VERSION = 1;

export interface SegmentHeader {
  readonly segment: number;
  readonly epoch: number;
  readonly salt: number;
  /** The segment before, 0 for the first, and where its last frame ends: what lies beyond was never reported durable. */
  readonly previous: number;
  readonly previousEnd: number;
  /** Sequence number of this segment's first frame. */
  readonly firstSequence: number;
  /** 16 hex digits, the same in all files of one checkpoint directory. */
  readonly checkpointId: string;
}

/**
 *    0 u32 magic `SLOG`      4 u32 version        8 u32 segment       12 u32 epoch     16 u32 salt
 *   20 u32 previous         24 f64 previousEnd   32 f64 firstSequence 40 u8[8] checkpoint id
 *   48 zeros                60 u32 crc32 of the 60 bytes before
 */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SEGMENT_MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, header.segment, true);
  view.setUint32(12, header.epoch, true);
  view.setUint32(16, header.salt, true);
  view.setUint32(20, header.previous, true);
  view.setFloat64(24, header.previousEnd, true);
  view.setFloat64(32, header.firstSequence, true);
  bytes.set(Buffer.from(header.checkpointId, 'hex'), 40);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** The header, or what is wrong with it. Throws `checkpointForeign` for one of a newer version. @param path names it in errors */
export function decodeSegmentHeader(bytes: Uint8Array, path: string): SegmentHeader | { readonly problem: string } {
  if (bytes.byteLength < SEGMENT_HEADER_BYTES) return { problem: `only ${bytes.byteLength} bytes are left of it` };
  const view = viewOf(bytes);
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60)))
    return { problem: 'the checksum of its header is wrong' };
  if (view.getUint32(0, true) !== SEGMENT_MAGIC) return { problem: 'it is not a log segment' };
  const version = view.getUint32(4, true);
  if (version > VERSION) throw newerFormat(path, version, VERSION);
  return {
    segment: view.getUint32(8, true),
    epoch: view.getUint32(12, true),
    salt: view.getUint32(16, true),
    previous: view.getUint32(20, true),
    previousEnd: view.getFloat64(24, true),
    firstSequence: view.getFloat64(32, true),
    checkpointId: Buffer.from(bytes.subarray(40, 48)).toString('hex'),
  };
}

export interface FrameHeader {
  readonly epoch: number;
  readonly sequence: number;
  /** Records with their headers, and the zeros behind them. */
  readonly bodyBytes: number;
  readonly bodyCrc: number;
  readonly numRecords: number;
}

/**
 *    0 u32 magic `SLFR`      4 u32 epoch          8 f64 sequence      16 u32 bodyBytes
 *   20 u32 numRecords       24 u32 crc32 of the body                  28 u32 crc32 of the 28 bytes before, from `salt`
 */
export function encodeFrameHeader(header: FrameHeader, salt: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FRAME_MAGIC_U32, true);
  view.setUint32(4, header.epoch, true);
  view.setFloat64(8, header.sequence, true);
  view.setUint32(16, header.bodyBytes, true);
  view.setUint32(20, header.numRecords, true);
  view.setUint32(24, header.bodyCrc, true);
  view.setUint32(28, crc32(bytes.subarray(0, 28), salt), true);
  return bytes;
}

/** The header, or undefined when these bytes are none of this segment. */
export function decodeFrameHeader(bytes: Uint8Array, salt: number): FrameHeader | undefined {
  if (bytes.byteLength < FRAME_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== FRAME_MAGIC_U32) return undefined;
  if (view.getUint32(28, true) !== crc32(bytes.subarray(0, 28), salt)) return undefined;
  return {
    epoch: view.getUint32(4, true),
    sequence: view.getFloat64(8, true),
    bodyBytes: view.getUint32(16, true),
    numRecords: view.getUint32(20, true),
    bodyCrc: view.getUint32(24, true),
  };
}

/** What a record says: 1 = the input of a batch is fixed, 2 = a batch is committed. */
export type RecordKind = 1 | 2;
export const OFFSETS_RECORD: RecordKind = 1;
export const COMMIT_RECORD: RecordKind = 2;

export interface RecordHeader {
  readonly kind: number;
  readonly payloadBytes: number;
  /** Batch time, epoch ms. */
  readonly time: number;
}

/** 0 u32 kind, 4 u32 payloadBytes, 8 f64 time */
export function encodeRecordHeader(header: RecordHeader): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.kind, true);
  view.setUint32(4, header.payloadBytes, true);
  view.setFloat64(8, header.time, true);
  return bytes;
}

export function decodeRecordHeader(bytes: Uint8Array): RecordHeader {
  const view = viewOf(bytes);
  return { kind: view.getUint32(0, true), payloadBytes: view.getUint32(4, true), time: view.getFloat64(8, true) };
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
