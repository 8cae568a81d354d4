/**
 * Chunks as Arrow record batches, for Arrow files and for users who want Arrow. Numbers are viewed in place: the batch is
 * good as long as the chunk. Text is gathered into Arrow's offsets and data, booleans are packed into bits, in scratch.
 */
import type { Data, Field, RecordBatch, Schema } from 'apache-arrow';
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { arrow, type Arrow } from './arrow.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import { kernels } from './kernels.js';
import type { SlotMemory } from './slot-memory.js';

export { loadArrow } from './arrow.js';

/** Bytes of text that one column of a record batch can hold: Arrow's offsets are int32. */
const MAX_TEXT_BYTES = 2 ** 31 - 1;

/** The chunk's decoded columns as a record batch. Needs `loadArrow`. Throws `typeMismatch` for more than 2 GiB of text in a column. */
export function toRecordBatch(chunk: ColumnChunk): RecordBatch {
  const lib = arrow();
  const fields: Field[] = [];
  const children: Data[] = [];
  chunk.schema.forEach((column, i) => {
    const vector = chunk.columns[i];
    if (vector === undefined) return;
    const child = columnData(lib, chunk.memory, column, vector, chunk.numRows);
    fields.push(new lib.Field(column.name, child.type, column.nullable));
    children.push(child);
  });
  return makeRecordBatch(new lib.Schema(fields), chunk.numRows, children);
}

export function makeRecordBatch(schema: Schema, numRows: number, children: Data[]): RecordBatch {
  const lib = arrow();
  return new lib.RecordBatch(
    schema,
    lib.makeData({ type: new lib.Struct(schema.fields), length: numRows, nullCount: 0, children }),
  );
}

function columnData(lib: Arrow, memory: SlotMemory, column: Column, vector: ColumnVector, length: number): Data {
  const k = kernels(memory);
  const nulls =
    vector.validity === 0
      ? { nullCount: 0 }
      : {
          nullCount: k.countZeroBits(vector.validity, length),
          nullBitmap: memory.bytes(vector.validity, (length + 7) >> 3),
        };
  switch (column.kind) {
    case 'int32':
      return lib.makeData({ type: new lib.Int32(), length, ...nulls, data: view(memory.i32, vector.values, length) });
    case 'int64':
      return lib.makeData({ type: new lib.Int64(), length, ...nulls, data: view(memory.i64, vector.values, length) });
    case 'float64':
      return lib.makeData({ type: new lib.Float64(), length, ...nulls, data: view(memory.f64, vector.values, length) });
    case 'timestamp': {
      const type = new lib.TimestampMillisecond();
      return lib.makeData({ type, length, ...nulls, data: view(memory.i64, vector.values, length) });
    }
    case 'bool': {
      const bits = memory.scratch((length + 7) >> 3);
      k.packBits(vector.values, length, bits);
      return lib.makeData({ type: new lib.Bool(), length, ...nulls, data: memory.bytes(bits, (length + 7) >> 3) });
    }
    case 'utf8': {
      const bytes = k.slicesBytes(vector.lengths, length, vector.validity);
      if (bytes > MAX_TEXT_BYTES) {
        throw new EngineError(
          'typeMismatch',
          `column ${column.name} has ${bytes} bytes of text in one chunk, Arrow takes ${MAX_TEXT_BYTES}: bound the batch (maxBatchBytes)`,
        );
      }
      const offsets = memory.scratch((length + 1) * 4);
      const data = memory.scratch(bytes + 16);
      k.slicesGather(vector.values, vector.lengths, length, vector.validity, offsets, data);
      const valueOffsets = view(memory.i32, offsets, length + 1);
      return lib.makeData({ type: new lib.Utf8(), length, ...nulls, valueOffsets, data: memory.bytes(data, bytes) });
    }
  }
}

function view<T extends { readonly BYTES_PER_ELEMENT: number; subarray(from: number, to: number): T }>(
  all: T,
  address: number,
  length: number,
): T {
  const at = address / all.BYTES_PER_ELEMENT;
  return all.subarray(at, at + length);
}
