import { isUtf8 } from 'node:buffer';
import { messageOf } from '../../core/errors.js';
import type { NdjsonFormat, TextFormat } from '../../core/format.js';
import { valuesOfObject } from '../../columnar/decode-json-object.js';
import { Misfit } from '../../columnar/decode-value.js';

/** Why a request's body is refused: its first bad line, counted from 1. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

export interface LineLimits {
  /** Of one line, without its end. */
  readonly maxRecordBytes: number;
  /** Lines of one body: the shortest ones take far more memory as rows than they do as bytes. */
  readonly maxRecords: number;
}

const LF = 0x0a;

/** The rows of a body, one a line, all of them or none; a last line may lack its end. Empty lines of JSON are left out. */
export function rowsOfBody(
  body: Buffer,
  format: TextFormat | NdjsonFormat,
  { maxRecordBytes, maxRecords }: LineLimits,
): readonly unknown[] | BadLine | 'tooManyRecords' {
  const rows: unknown[] = [];
  let line = 0;
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(LF, start);
    const end = found < 0 ? body.length : found;
    if (++line > maxRecords) return 'tooManyRecords';
    const bytes = body.subarray(start, end);
    start = end + 1;
    if (bytes.length > maxRecordBytes) {
      return { line, reason: `a record of at most ${maxRecordBytes} bytes wanted, got ${bytes.length}` };
    }
    const row = rowOfLine(bytes, format);
    if (row instanceof Misfit) return { line, reason: row.reason };
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

/** Undefined for a line that is no row. */
function rowOfLine(bytes: Buffer, format: TextFormat | NdjsonFormat): unknown {
  if (!isUtf8(bytes)) return new Misfit('text in UTF-8 wanted, got other bytes');
  const text = bytes.toString('utf8').replace(/\r$/, '');
  if (format.kind === 'text') return format.scalar ? text : { [format.columns[0]?.name ?? '']: text };
  if (text.trim() === '') return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return new Misfit(`a JSON object wanted: ${messageOf(error)}`);
  }
  const values = valuesOfObject(format, parsed);
  return values instanceof Misfit ? values : Object.fromEntries(format.columns.map(({ name }, i) => [name, values[i]]));
}
