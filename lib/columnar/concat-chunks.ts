import type { Column } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import { VALUE_BYTES } from './column-layout.js';
import { kernels } from './kernels.js';
import type { SlotMemory } from './slot-memory.js';

/**
 * The rows of several chunks of the same columns as one chunk, in scratch. Text stays where it is. A column that one of
 * them has not decoded is not decoded.
 */
export function concatChunks(
  memory: SlotMemory,
  schema: readonly Column[],
  chunks: readonly ColumnChunk[],
): ColumnChunk {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const numRows = chunks.reduce((sum, chunk) => sum + chunk.numRows, 0);
  const columns = schema.map(({ kind }, i) => {
    const parts = chunks.flatMap(chunk => {
      const vector = chunk.columns[i];
      return vector === undefined ? [] : [{ vector, numRows: chunk.numRows }];
    });
    return parts.length < chunks.length ? undefined : concatColumn(memory, parts, numRows, VALUE_BYTES[kind]);
  });
  return {
    ...{ kind: 'columns', numRows, memory, schema, columns },
    ...{ ascii: false, textStart: 0, textEnd: 0, scalar: false },
  };
}

function concatColumn(
  memory: SlotMemory,
  parts: readonly { readonly vector: ColumnVector; readonly numRows: number }[],
  numRows: number,
  valueBytes: number,
): ColumnVector {
  const k = kernels(memory);
  const values = memory.scratch(numRows * valueBytes);
  const lengths = parts.some(({ vector }) => vector.lengths !== 0) ? memory.scratch(numRows * 4) : 0;
  const validity = parts.some(({ vector }) => vector.validity !== 0) ? memory.scratch((numRows + 7) >> 3) : 0;
  const { u8 } = memory;
  let row = 0;
  for (const { vector, numRows: n } of parts) {
    u8.copyWithin(values + row * valueBytes, vector.values, vector.values + n * valueBytes);
    if (lengths !== 0) u8.copyWithin(lengths + row * 4, vector.lengths, vector.lengths + n * 4);
    if (validity !== 0) k.bitsAppend(vector.validity, n, validity, row);
    row += n;
  }
  return { values, lengths, validity };
}
