import type { Json } from './json.js';

/** A record that could not be read, as it goes to the dead-letter output. */
export interface BadRecord {
  /** Id of the source. */
  readonly source: string;
  /** Path, topic or address the bytes came from. */
  readonly file: string;
  /** Byte offset of the record's first byte in `file`. */
  readonly byteOffset: number;
  /** 1-based line number in `file`, or 0 where it is not known. */
  readonly line: number;
  /** What was wanted and what came, with the column's name. */
  readonly reason: string;
  /** The record without its line end, cut to the first 64 KiB. */
  readonly bytes: Uint8Array;
}

/** Where a record lies in the bytes of its source. */
export type RecordPlace = Pick<BadRecord, 'file' | 'byteOffset' | 'line' | 'bytes'>;

/** A record that was read, and that the job leaves out because what it does with it fails. */
export interface LeftOutRecord {
  readonly source: string;
  /** Number of the record, from 0, among the good ones of what its task reads. */
  readonly row: number;
  readonly reason: string;
  /** The row that was made of it. */
  readonly value: unknown;
  /** Undefined where the source has no bytes to point at; then `range` says what the task reads. */
  readonly place: RecordPlace | undefined;
  readonly range: Json;
}
