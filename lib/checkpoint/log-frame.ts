import { crc32 } from 'node:zlib';
import {
  encodeFrameHeader,
  encodeRecordHeader,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  type RecordKind,
} from './log-format.js';

/** A record on its way to the log, its bytes where they came from. */
export interface WaitingRecord {
  /** The record's header, then the payload. */
  readonly parts: readonly Uint8Array[];
  readonly byteLength: number;
}

export function waitingRecord(kind: RecordKind, time: number, payload: readonly Uint8Array[]): WaitingRecord {
  const payloadBytes = payload.reduce((sum, part) => sum + part.byteLength, 0);
  const parts = [encodeRecordHeader({ kind, payloadBytes, time }), ...payload];
  return { parts, byteLength: RECORD_HEADER_BYTES + payloadBytes };
}

/** The pieces of one frame in order, payloads not copied. */
export function encodeFrame(
  records: readonly WaitingRecord[],
  { epoch, sequence, salt }: { readonly epoch: number; readonly sequence: number; readonly salt: number },
): Uint8Array[] {
  const byteLength = records.reduce((sum, record) => sum + record.byteLength, 0);
  const padding = -(FRAME_HEADER_BYTES + byteLength) & (FRAME_ALIGNMENT - 1);
  const parts = [...records.flatMap(record => record.parts), new Uint8Array(padding)];
  let bodyCrc = 0;
  for (const part of parts) bodyCrc = crc32(part, bodyCrc);
  const header = { epoch, sequence, bodyBytes: byteLength + padding, bodyCrc, numRecords: records.length };
  return [encodeFrameHeader(header, salt), ...parts];
}
