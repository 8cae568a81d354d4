/**
 * The range of a file source: which bytes of which files one task reads, always whole records. Plain data, because it
 * goes to the offset log and to a worker.
 */
import { EngineError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import type { FilePrint } from './file-print.js';

/**
 * What the bytes of a piece are:
 * - `records`: whole records, each with its line end;
 * - `tail`: the same, but the last one has no line end, and no more bytes were waited for;
 * - `oversized`: one record larger than `MAX_RECORD_BYTES`, a bad record as a whole;
 * - `badHeader`: the header record of a file that is not read because its columns don't fit;
 * - `skipped`: none; the file was there before the stream began and is left alone.
 */
export type PieceKind = 'records' | 'tail' | 'oversized' | 'badHeader' | 'skipped';

export type FilePiece = {
  /** Name in the source's folder. */
  readonly file: string;
  readonly ino: number;
  readonly start: number;
  readonly end: number;
  /** The file's size when this was planned. */
  readonly size: number;
  readonly kind: PieceKind;
  /** Its modification time then, and the print of all that was planned of it with this piece; not in older logs. */
  readonly mtimeMs?: number;
  readonly print?: FilePrint;
};

export type FileRange = {
  /** Column names of the files' header record, or null where they have none. */
  readonly header: readonly string[] | null;
  readonly pieces: readonly FilePiece[];
};

/** A record may not be larger: what is, is a bad record. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/** The same for a header record, which the driver holds in memory. */
export const MAX_HEADER_BYTES = 1024 * 1024;

/** A range as it comes back from the log or to a worker. */
export function fileRangeOf(range: Json): FileRange {
  const given = range as Partial<FileRange> | null;
  if (given === null || typeof given !== 'object' || !Array.isArray(given.pieces) || given.header === undefined) {
    throw new EngineError(
      'internal',
      `a range of a file source was wanted, got ${JSON.stringify(range).slice(0, 200)}`,
    );
  }
  return given as FileRange;
}
