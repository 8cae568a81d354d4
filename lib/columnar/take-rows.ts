import type { ColumnChunk, ColumnVector } from './chunk.js';
import { VALUE_BYTES } from './column-layout.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

/**
 * Some rows of a chunk, in scratch. Text stays where it is; columns that are not decoded stay so.
 *
 * @param indexes u32[count], rows in the order they are wanted; in scratch
 */
export function takeRows(chunk: ColumnChunk, indexes: Address, count: number): ColumnChunk {
  const columns = chunk.columns.map(
    (column, i) => column && takeColumn(chunk.memory, column, VALUE_BYTES[chunk.schema[i].kind], indexes, count),
  );
  return { ...chunk, numRows: count, columns };
}

/** Those rows of one column, in scratch. */
export function takeColumn(
  memory: SlotMemory,
  column: ColumnVector,
  valueBytes: 1 | 4 | 8,
  indexes: Address,
  count: number,
): ColumnVector {
  const k = kernels(memory);
  const values = memory.scratch(count * valueBytes);
  if (valueBytes === 8) k.gather64(column.values, indexes, count, values);
  else if (valueBytes === 4) k.gather32(column.values, indexes, count, values);
  else k.gather8(column.values, indexes, count, values);
  const lengths = column.lengths === 0 ? 0 : memory.scratch(count * 4);
  if (lengths !== 0) k.gather32(column.lengths, indexes, count, lengths);
  const bits = column.validity === 0 ? 0 : memory.scratch((count + 7) >> 3);
  const isWhole = bits === 0 || k.gatherBits(column.validity, indexes, count, bits) === count;
  return { values, lengths, validity: isWhole ? 0 : bits };
}
