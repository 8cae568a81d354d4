import { EngineError } from '../core/errors.js';
import { formatSchema, type Column } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import { keySlices, type KeySlices } from './keys.js';
import { kernels } from './kernels.js';
import type { Address } from './slot-memory.js';
import { takeRows } from './take-rows.js';

/**
 * The keys of a chunk's rows as a join compares them, in scratch: the same bytes on both sides, whichever of them may
 * have nulls. What stands for a row with a null in its key is some key, so `validities` has to be asked first.
 */
export function joinKeys(
  chunk: ColumnChunk,
  names: readonly string[],
): { readonly keys: KeySlices; readonly validities: readonly Address[] } {
  const { memory, numRows } = chunk;
  const schema: Column[] = [];
  const validities: Address[] = [];
  const columns = names.map((name): ColumnVector => {
    const { column, vector } = columnOf(chunk, name);
    schema.push({ name, kind: column.kind, nullable: false });
    const validity = column.nullable ? vector.validity : 0;
    if (validity === 0) return vector;
    validities.push(validity);
    if (vector.lengths === 0) return vector;
    const lengths = memory.scratch(numRows * 4);
    kernels(memory).presentLengths(vector.lengths, validity, numRows, lengths);
    return { ...vector, lengths };
  });
  const all = names.map((_, i) => i);
  return { keys: keySlices({ ...chunk, schema, columns }, all), validities };
}

/** The rows without a null in any of these columns, in scratch. */
export function presentRows(chunk: ColumnChunk, names: readonly string[]): ColumnChunk {
  const { memory, numRows } = chunk;
  const k = kernels(memory);
  const bitmaps = names.map(name => columnOf(chunk, name).vector.validity).filter(validity => validity !== 0);
  if (bitmaps.length === 0) return chunk;
  const present = memory.scratch(numRows * 4);
  memory.u32.fill(1, present >>> 2, (present >>> 2) + numRows);
  for (const validity of bitmaps) k.groupSelect(present, numRows, 0, validity, 0, present);
  const indexes = memory.scratch(numRows * 4);
  const count = k.joinSelect(present, numRows, 1, indexes);
  return takeRows(chunk, indexes, count);
}

function columnOf(chunk: ColumnChunk, name: string): { readonly column: Column; readonly vector: ColumnVector } {
  const index = chunk.schema.findIndex(column => column.name === name);
  const column = chunk.schema[index];
  const vector = chunk.columns[index];
  if (column !== undefined && vector !== undefined) return { column, vector };
  throw new EngineError('internal', `join column ${name} is not decoded in a chunk of (${formatSchema(chunk.schema)})`);
}
