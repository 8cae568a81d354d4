import type { ColumnChunk, ColumnVector } from './chunk.js';
import { VALUE_BYTES } from './column-layout.js';
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

function takeColumn(
  memory: SlotMemory,
  column: ColumnVector,
  valueBytes: 1 | 4 | 8,
  indexes: Address,
  count: number,
): ColumnVector {
  const values = memory.scratch(count * valueBytes);
  if (valueBytes === 8) takeWide(memory.u32, column.values >>> 2, values >>> 2, indexes >>> 2, count);
  else if (valueBytes === 4) takeWords(memory.u32, column.values >>> 2, values >>> 2, indexes >>> 2, count);
  else takeBytes(memory.u8, column.values, values, memory.u32, indexes >>> 2, count);
  const lengths = column.lengths === 0 ? 0 : memory.scratch(count * 4);
  if (lengths !== 0) takeWords(memory.u32, column.lengths >>> 2, lengths >>> 2, indexes >>> 2, count);
  const validity = column.validity === 0 ? 0 : takeBits(memory, column.validity, indexes, count);
  return { values, lengths, validity };
}

function takeWords(u32: Uint32Array, from: number, to: number, indexes: number, count: number): void {
  for (let i = 0; i < count; i++) u32[to + i] = u32[from + u32[indexes + i]];
}

/** By halves: through a double, the bits of an int64 below 0, which are those of a NaN, might change. */
function takeWide(u32: Uint32Array, from: number, to: number, indexes: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = from + 2 * u32[indexes + i];
    u32[to + 2 * i] = u32[at];
    u32[to + 2 * i + 1] = u32[at + 1];
  }
}

function takeBytes(u8: Uint8Array, from: number, to: number, u32: Uint32Array, indexes: number, count: number): void {
  for (let i = 0; i < count; i++) u8[to + i] = u8[from + u32[indexes + i]];
}

/** @returns 0 where all of them are present */
function takeBits(memory: SlotMemory, validity: Address, indexes: Address, count: number): Address {
  const bits = memory.scratch((count + 7) >> 3);
  const { u8, u32 } = memory;
  u8.fill(0, bits, bits + ((count + 7) >> 3));
  let present = 0;
  for (let i = 0; i < count; i++) {
    const row = u32[(indexes >>> 2) + i];
    if (((u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 0) continue;
    u8[bits + (i >>> 3)] |= 1 << (i & 7);
    present++;
  }
  return present === count ? 0 : bits;
}
