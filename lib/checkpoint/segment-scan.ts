/**
 * Reads one segment of the log front to back and tells three endings apart: the end its successor names, the end of
 * what was written (zeros, or a frame that a crash tore: it was never reported durable), and damage, which is refused.
 * Memory stays bounded: a frame is checked piece by piece, and deltas are left where they are.
 */
import { crc32 } from 'node:zlib';
import type { Json } from '../core/json.js';
import type { FileSystem } from '../core/file-system.js';
import {
  COMMIT_LENGTH_BYTES,
  commitHeadBytes,
  decodeCommitHead,
  decodeOffsets,
  type RangesBySource,
} from './batch-record.js';
import { corrupt } from './checkpoint-files.js';
import { FileWindow, readFully } from './file-window.js';
import { readable } from './segment-file.js';
import {
  COMMIT_RECORD,
  decodeFrameHeader,
  decodeRecordHeader,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  OFFSETS_RECORD,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  type RecordHeader,
  type SegmentHeader,
} from './log-format.js';

/** A state change that lies in the log. */
export interface LoggedDelta {
  readonly operator: string;
  readonly partition: number;
  /** Partitions that the operator had then; undefined in logs that do not say. */
  readonly numPartitions: number | undefined;
  /** What the operator's state was then; undefined in logs that do not say. */
  readonly definition: string | undefined;
  readonly numRows: number;
  /** Where it lies, and its checksum. */
  readonly path: string;
  readonly position: number;
  readonly byteLength: number;
  readonly crc32: number;
  /** Reads the Arrow IPC bytes and checks them again; possible until the store's next `writeManifest`. */
  read(): Promise<Uint8Array>;
}

export type LogRecord =
  | { readonly kind: 'offsets'; readonly time: number; readonly byteLength: number; readonly ranges: RangesBySource }
  | {
      readonly kind: 'commit';
      readonly time: number;
      /** With its header and deltas. */
      readonly byteLength: number;
      readonly sinks: { readonly [output: string]: Json };
      readonly info: Json;
      readonly deltas: readonly LoggedDelta[];
    };

export interface ScannedSegment {
  readonly records: readonly LogRecord[];
  /** Where the last whole frame begins, which may not be on disk yet, and where it ends; the same where there is none. */
  readonly lastFrame: number;
  readonly end: number;
  readonly nextSequence: number;
  /** Bytes behind `end` that a write left which was never finished. */
  readonly tornBytes: number;
}

/**
 * @param end where the last frame must end, from the successor's header; undefined for the last segment
 * Throws `checkpointCorrupt` naming the byte.
 */
export async function scanSegment(
  fs: FileSystem,
  path: string,
  header: SegmentHeader,
  end: number | undefined,
): Promise<ScannedSegment> {
  const { size } = await fs.stat(path);
  const file = await fs.open(path, 'r');
  try {
    const window = new FileWindow(file, size);
    const records: LogRecord[] = [];
    let position = SEGMENT_HEADER_BYTES;
    let lastFrame = position;
    let sequence = header.firstSequence;
    for (;;) {
      if (position === end) return { records, lastFrame, end: position, nextSequence: sequence, tornBytes: 0 };
      const frame = decodeFrameHeader(await window.view(position, FRAME_HEADER_BYTES), header.salt);
      const body = position + FRAME_HEADER_BYTES;
      const fits = frame !== undefined && body + frame.bodyBytes <= (end ?? size);
      if (!fits || (await checksum(window, body, frame.bodyBytes)) !== frame.bodyCrc) {
        if (end !== undefined)
          throw corrupt(path, position, `the log goes on to byte ${end}, but no whole frame is here`);
        const tornBytes = await tail(window, path, position, size, header.salt);
        return { records, lastFrame, end: position, nextSequence: sequence, tornBytes };
      }
      if (frame.sequence !== sequence) {
        throw corrupt(path, position, `wanted the log's frame ${sequence}, found frame ${frame.sequence}`);
      }
      let at = body;
      for (let i = 0; i < frame.numRecords; i++) {
        const record = decodeRecordHeader(await window.view(at, RECORD_HEADER_BYTES));
        records.push(await readRecord(fs, path, window, record, at + RECORD_HEADER_BYTES));
        at += RECORD_HEADER_BYTES + record.payloadBytes;
      }
      lastFrame = position;
      position = body + frame.bodyBytes;
      sequence++;
    }
  } finally {
    await file.close();
  }
}

async function checksum(window: FileWindow, position: number, length: number): Promise<number> {
  let value = 0;
  await window.each(position, length, bytes => {
    value = crc32(bytes, value);
  });
  return value;
}

async function readRecord(
  fs: FileSystem,
  path: string,
  window: FileWindow,
  { kind, time, payloadBytes }: RecordHeader,
  position: number,
): Promise<LogRecord> {
  const byteLength = RECORD_HEADER_BYTES + payloadBytes;
  if (kind === OFFSETS_RECORD) {
    return { kind: 'offsets', time, byteLength, ranges: decodeOffsets(await window.view(position, payloadBytes)) };
  }
  if (kind !== COMMIT_RECORD) throw corrupt(path, position, `a record of unknown kind ${kind}`);
  const headBytes = commitHeadBytes(await window.view(position, COMMIT_LENGTH_BYTES));
  const { sinks, info, deltas } = decodeCommitHead(await window.view(position + COMMIT_LENGTH_BYTES, headBytes));
  const logged: LoggedDelta[] = [];
  for (const { operator, partition, of, definition, numRows, offset, byteLength } of deltas) {
    const start = position + offset;
    const wanted = await checksum(window, start, byteLength);
    const read = (): Promise<Uint8Array> => readable(path, () => readDelta(fs, path, start, byteLength, wanted));
    const at = { path, position: start, byteLength, crc32: wanted };
    logged.push({ operator, partition, numPartitions: of, definition, numRows, ...at, read });
  }
  return { kind: 'commit', time, byteLength, sinks, info, deltas: logged };
}

async function readDelta(
  fs: FileSystem,
  path: string,
  position: number,
  length: number,
  wanted: number,
): Promise<Uint8Array> {
  const file = await fs.open(path, 'r');
  try {
    const bytes = await readFully(file, position, length);
    if (bytes.byteLength !== length || crc32(bytes) !== wanted) {
      throw corrupt(path, position, 'the state change here is another one than when the log was opened');
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Behind the last whole frame: no frame may follow, or the log is damaged. Returns how far there is anything but zeros. */
async function tail(window: FileWindow, path: string, start: number, size: number, salt: number): Promise<number> {
  const candidates: number[] = [];
  let lastByte = start - 1;
  await window.each(start, size - start, (bytes, position) => {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = piece.indexOf(FRAME_MAGIC); at >= 0; at = piece.indexOf(FRAME_MAGIC, at + 1)) {
      if ((position + at) % FRAME_ALIGNMENT === 0 && position + at > start) candidates.push(position + at);
    }
    const last = lastNonZero(piece);
    if (last >= 0) lastByte = position + last;
  });
  for (const at of candidates) {
    const frame = decodeFrameHeader(await window.view(at, FRAME_HEADER_BYTES), salt);
    if (frame !== undefined) {
      throw corrupt(path, start, `no whole frame is here, but frame ${frame.sequence} follows at byte ${at}`);
    }
  }
  return lastByte - start + 1;
}

/** Index of the last byte that is not zero, or -1; whole runs of zeros are compared at once. */
function lastNonZero(bytes: Buffer): number {
  const zeros = Buffer.alloc(Math.min(bytes.byteLength, 65536));
  let end = bytes.byteLength;
  while (end > 0) {
    const start = Math.max(0, end - zeros.byteLength);
    if (bytes.compare(zeros, 0, end - start, start, end) !== 0) {
      while (bytes[end - 1] === 0) end--;
      return end - 1;
    }
    end = start;
  }
  return -1;
}
