import type { ColumnChunk, ColumnVector } from './chunk.js';
import { VALUE_BYTES } from './column-layout.js';

/**
 * The chunk in pieces of at most `numRows` rows, as views: closures downstream then work on some thousand rows while
 * they are in cache, and what they allocate dies young.
 *
 * @param numRows a multiple of 8, because validity is cut at whole bytes
 */
export function* slicesOf(chunk: ColumnChunk, numRows: number): Iterable<ColumnChunk> {
  if (chunk.numRows <= numRows) {
    if (chunk.numRows > 0) yield chunk;
    return;
  }
  for (let from = 0; from < chunk.numRows; from += numRows) {
    const columns = chunk.columns.map(
      (column, i) => column && sliceColumn(column, VALUE_BYTES[chunk.schema[i]?.kind ?? 'utf8'], from),
    );
    yield { ...chunk, numRows: Math.min(numRows, chunk.numRows - from), columns };
  }
}

const sliceColumn = ({ values, lengths, validity }: ColumnVector, valueBytes: number, from: number): ColumnVector => ({
  values: values + from * valueBytes,
  lengths: lengths === 0 ? 0 : lengths + from * 4,
  validity: validity === 0 ? 0 : validity + from / 8,
});
