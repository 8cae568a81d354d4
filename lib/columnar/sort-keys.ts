/**
 * The order of rows by some of their columns, as bytes: rows are in the order of their keys, compared byte by byte. No
 * key is the beginning of another. Written column by column:
 *
 *   nullable column            u8: 0 null and nothing more, 1 present: nulls come first
 *   int32, int64, timestamp    big-endian, the sign turned round
 *   float64                    8 bytes in the order of numbers; both zeros are one, NaN is behind every number
 *   bool                       u8: false before true
 *   utf8                       each byte plus one, then 0: texts by their UTF-8 bytes
 *
 * Of a column in descending order all bytes are turned round, those of nulls too: they come last.
 */
import { EngineError } from '../core/errors.js';
import { formatSchema } from '../core/schema.js';
import type { ColumnChunk } from './chunk.js';
import { KIND_CODE } from './column-layout.js';
import type { Slices } from './keys.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** A column to order by. */
export interface SortColumn {
  readonly column: string;
  readonly descending: boolean;
}

/** The sort keys of a chunk's rows, in scratch. */
export function sortKeys(chunk: ColumnChunk, order: readonly SortColumn[]): Slices {
  const { memory, numRows: n } = chunk;
  const k = kernels(memory);
  const parts = order.map(({ column, descending }) => {
    const at = chunk.schema.findIndex(({ name }) => name === column);
    const [schema, vector] = [chunk.schema[at], chunk.columns[at]];
    if (schema === undefined || vector === undefined)
      throw new EngineError('internal', `sort column ${column} is not decoded in (${formatSchema(chunk.schema)})`);
    const kind = KIND_CODE[schema.kind];
    return { kind, nullable: Number(schema.nullable), descending: Number(descending), vector };
  });
  const lengths = memory.scratch(n * 4);
  memory.u8.fill(0, lengths, lengths + n * 4);
  for (const { kind, nullable, vector } of parts)
    k.sortMeasure(kind, nullable, vector.lengths, nullable === 0 ? 0 : vector.validity, n, lengths);
  const values = memory.scratch(n * 4);
  const data = memory.scratch(k.slicesFromLengths(lengths, n, 0, values));
  k.slicesFromLengths(lengths, n, data, values);
  const mark = memory.scratchMark();
  const cursors = memory.scratch(n * 4);
  memory.u8.copyWithin(cursors, values, values + n * 4);
  for (const { kind, nullable, descending, vector } of parts) {
    const validity = nullable === 0 ? 0 : vector.validity;
    k.sortAppend(kind, nullable, descending, vector.values, vector.lengths, validity, n, cursors);
  }
  memory.releaseScratch(mark);
  return { values, lengths };
}

/** @returns u32[n] in scratch: row numbers in the order of their keys; rows of equal keys keep theirs */
export function sortedRows(memory: SlotMemory, keys: Slices, n: number): Address {
  const order = memory.scratch(n * 4);
  const mark = memory.scratchMark();
  const entries = memory.scratch(n * 16);
  const spare = memory.scratch(n * 16);
  kernels(memory).sortRows(keys.values, keys.lengths, n, entries, spare, order);
  memory.releaseScratch(mark);
  return order;
}
