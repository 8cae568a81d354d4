import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import type { Format } from '../core/format.js';
import { makeCsvDecoder } from './decode-csv.js';
import { makeNdjsonDecoder } from './decode-ndjson.js';
import type { Decoder } from './decode-result.js';
import { makeTextDecoder } from './decode-text.js';
import type { Predicate } from './predicate-data.js';
import type { SlotMemory } from './slot-memory.js';

export type { BadSlice, Decoded, Decoder } from './decode-result.js';
export { csvHeaderProblem, csvRecordEnd, parseCsvRecord } from './decode-csv-record.js';

/**
 * What decodes a source's bytes in `memory`; not for Arrow, whose messages `ArrowDecoder` takes one by one. Every declared column of every record is checked, so that which records
 * are bad does not depend on the plan.
 *
 * @param columns names of the columns the plan uses, which are decoded; undefined = all
 * @param header CSV only: the names in the file's header record; undefined = the declared columns in order
 * @param where records of which it is not true may be left out, after they were checked as all others; a chunk that has
 *   none of them says so (`tested`)
 */
export function makeDecoder(
  memory: SlotMemory,
  format: Format,
  columns: readonly string[] | undefined,
  header: readonly string[] | undefined,
  where?: Predicate,
): Decoder {
  switch (format.kind) {
    case 'csv':
      return makeCsvDecoder(memory, format, columns, header, where);
    case 'ndjson':
      return makeNdjsonDecoder(memory, format, columns, where);
    case 'text':
      return makeTextDecoder(memory, format, columns);
    case 'arrow':
    case 'parquet':
      throw new EngineError('internal', 'Arrow messages are read one by one, by ArrowDecoder');
    default:
      return assertNever(format);
  }
}
