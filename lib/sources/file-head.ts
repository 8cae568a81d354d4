/**
 * What stands at the front of an input file before its first record: a UTF-8 byte order mark, and the header record of
 * a CSV file that has one. Read once a file; a header travels in the ranges, so that every task reads the columns alike.
 */
import { EngineError } from '../core/errors.js';
import type { CsvFormat, Format } from '../core/format.js';
import { csvHeaderProblem, parseCsvRecord } from '../columnar/decoder.js';
import { loadArrow } from '../columnar/arrow.js';
import { requireParquet } from '../columnar/parquet.js';
import { END_BYTES } from '../core/arrow-message.js';
import { bytesAt } from './arrow-borders.js';
import { arrowHeadOf, arrowHeadProblem } from './arrow-head.js';
import { MAX_HEADER_BYTES } from './file-range.js';
import type { InputBlock } from './input-block.js';
import { parquetStateOf } from './parquet-file.js';
import { borderAfter } from './record-borders.js';

export type FileHead =
  /** Records begin at `start`. */
  | { readonly kind: 'ready'; readonly start: number; readonly header: readonly string[] | null }
  /** The header record has no line end yet, so there is nothing to read either. */
  | { readonly kind: 'incomplete' }
  /** The header ends at `end` and doesn't fit the declared columns: the file is not read. */
  | { readonly kind: 'refused'; readonly end: number; readonly reason: string };

const BOM_BYTES = 3;
export const NO_PARQUET = 'a Parquet file was wanted, which begins with PAR1; got something else';

/** @param size the file's size: bytes beyond are not looked at */
export async function readFileHead(input: InputBlock, format: Format, size: number): Promise<FileHead> {
  if (format.kind === 'arrow') {
    await loadArrow();
    const head = arrowHeadOf((position, length) => bytesAt(input, position, length), size);
    if (head === undefined) return { kind: 'incomplete' };
    const problem = arrowHeadProblem(head, format);
    return problem === undefined
      ? { kind: 'ready', start: head.end, header: null }
      : { kind: 'refused', end: Math.max(head.end, END_BYTES), reason: refusal(problem) };
  }
  if (format.kind === 'parquet') {
    requireParquet();
    const state = parquetStateOf(input, size);
    if (state === 'complete') return { kind: 'ready', start: 0, header: null };
    if (state === 'incomplete') return { kind: 'incomplete' };
    return { kind: 'refused', end: size, reason: refusal(NO_PARQUET) };
  }
  const start = startOfText(input, size);
  if (format.kind !== 'csv' || !format.header) return { kind: 'ready', start, header: null };
  const limit = Math.min(size, start + MAX_HEADER_BYTES);
  const end = await borderAfter(input, format, start, limit);
  if (end < 0) {
    return size > limit
      ? { kind: 'refused', end: limit, reason: headerProblem(format, undefined) }
      : { kind: 'incomplete' };
  }
  const bytes = withoutLineEnd(readBytes(input, start, end));
  const header = headerNames(format, bytes);
  return typeof header === 'string'
    ? { kind: 'refused', end, reason: headerProblem(format, bytes) }
    : { kind: 'ready', start: end, header };
}

/** Why a CSV file with this header is not read; `bytes` undefined: its header has no end. */
export function headerProblem(format: CsvFormat, bytes: Uint8Array | undefined): string {
  const names =
    bytes === undefined
      ? `a header record of at most ${MAX_HEADER_BYTES} bytes is wanted, and more came without its end`
      : headerNames(format, bytes);
  return refusal(typeof names === 'string' ? names : 'the header was changed');
}

/** The sentence for a file of which nothing is read. */
export const refusal = (problem: string): string =>
  `${problem}; no record of this file is read: mend the header and move the file in again`;

/** The names in a header record, or why it is none for this format. */
function headerNames(format: CsvFormat, bytes: Uint8Array): readonly string[] | string {
  try {
    const names = parseCsvRecord(bytes, format.delimiter);
    return csvHeaderProblem(names, format.columns) ?? names;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'badRecord') return error.message;
    throw error;
  }
}

/** A record's bytes without its LF or CRLF. */
export function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  if (bytes[end - 1] === 10) end -= bytes[end - 2] === 13 ? 2 : 1;
  return bytes.subarray(0, end);
}

function readBytes(input: InputBlock, start: number, end: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let position = start; position < end;) {
    const block = input.at(position, end);
    if (block.length === 0) break;
    blocks.push(Buffer.from(block));
    position += block.length;
  }
  return Buffer.concat(blocks);
}

/** The bytes behind a UTF-8 byte order mark, if there is one. */
export function withoutMark(bytes: Uint8Array): Uint8Array {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return hasMark ? bytes.subarray(BOM_BYTES) : bytes;
}

/** Offset of the first byte that is text. */
function startOfText(input: InputBlock, size: number): number {
  const bytes = readBytes(input, 0, Math.min(size, BOM_BYTES));
  return bytes.length - withoutMark(bytes).length;
}
