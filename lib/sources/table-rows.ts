/** The rows of one version of a static table, as columns in a slot's memory. */
import type { TableContent } from '../core/table-content.js';
import { decodeValue } from '../core/value-codec.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { csvHeaderProblem, csvRecordEnd, makeDecoder, parseCsvRecord, type BadSlice } from '../columnar/decoder.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { EngineError } from '../core/errors.js';
import { withoutMark } from './file-head.js';

export interface TableRows {
  /** In scratch. */
  readonly chunk: ColumnChunk;
  /** Records that could not be read, with their offset in the bytes. */
  readonly bad: readonly BadSlice[];
}

/**
 * @param bytes the file, or the rows as one encoded list
 * @param columns names of those that are kept; undefined = all
 * @param where names the table in errors
 * Throws `badRecord` for a header that does not fit, `typeMismatch` for rows that don't.
 */
export function tableRows(
  memory: SlotMemory,
  content: TableContent,
  bytes: Uint8Array,
  columns: readonly string[] | undefined,
  where: string,
): TableRows {
  if (content.kind === 'rows') {
    const rows = decodeValue(bytes) as readonly unknown[];
    return { chunk: columnsFromRows(memory, content.columns, rows, where), bad: [] };
  }
  const { format } = content;
  const records = withoutMark(bytes);
  const markBytes = bytes.length - records.length;
  let start = 0;
  let header: readonly string[] | undefined;
  if (format.kind === 'csv' && format.header) {
    const end = csvRecordEnd(records, format.delimiter);
    start = end < 0 ? records.length : end;
    header = parseCsvRecord(records.slice(0, start), format.delimiter);
    const problem = csvHeaderProblem(header, format.columns);
    if (problem !== undefined) throw new EngineError('badRecord', `${where}: ${problem}: mend the header of the file`);
  }
  const region = memory.scratch(records.length - start);
  memory.bytes(region, records.length - start).set(records.subarray(start));
  const decoder = makeDecoder(memory, format, columns, header);
  const { chunk, bad } = decoder.decode(region, records.length - start, true);
  return { chunk, bad: bad.map(slice => ({ ...slice, offset: slice.offset + start + markBytes })) };
}
