/**
 * State as Arrow: what checkpoints hold, readable by any Arrow tool. One record batch a delta, many a snapshot:
 *
 *   key      binary   the key's bytes (`columnar/keys.ts`, or `core/value-key.ts` for keys of closures)
 *   removed  bool     true: the key has no state any more (in a snapshot always false)
 *   then     the state's own columns, int64, float64 or timestamp, under their names; or one column value, binary
 *
 * A snapshot's schema says in its metadata which version of this layout it has; one that does not say has version 1.
 * Columns are known by their place, so a state column may be called `key`.
 */
import type { FileHandle as NodeFileHandle } from 'node:fs/promises';
import type { Data, DataType, RecordBatch, Schema } from 'apache-arrow';
import { EngineError, isSystemError, messageOf } from '../core/errors.js';
import type { FileHandle } from '../core/file-system.js';
import { newerFormat } from '../core/format-version.js';
import type { Column } from '../core/schema.js';
import { arrow, ipcWriter } from '../columnar/arrow.js';
import { makeRecordBatch } from '../columnar/arrow-view.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { addChangedGroups } from './changed-groups.js';
import { valuesOfBatch, type RowConverter, type ValueColumns } from './convert-rows.js';
import { applyDelta } from './delta.js';
import { allocDelta, readDelta, type DeltaParts } from './delta-layout.js';
import type { StateTable } from './state-table.js';

export { loadArrow } from '../columnar/arrow.js';

export type { ValueColumns } from './convert-rows.js';

const VERSION_KEY = 'sluice-state-version';
const VERSION = 1;

const schemas = new WeakMap<readonly Column[], Schema>();
let variableSchema: Schema | undefined;

/** The Arrow schema of a state. Throws `typeMismatch` for a column that is not a number. */
export function stateSchema(columns: ValueColumns): Schema {
  if (columns === 'variable') return (variableSchema ??= makeSchema([['value', new (arrow().Binary)()]]));
  let schema = schemas.get(columns);
  if (schema === undefined) {
    schema = makeSchema(columns.map(column => [column.name, valueType(column)]));
    schemas.set(columns, schema);
  }
  return schema;
}

/** The delta as an Arrow IPC stream of one record batch, in a block that is the caller's to free. Throws `memoryLimit`. */
export function deltaToIpc(
  memory: SlotMemory,
  delta: Address,
  columns: ValueColumns,
): { address: Address; byteLength: number } {
  const pieces: Uint8Array[] = [];
  let byteLength = 0;
  const writer = ipcWriter('stream', bytes => {
    pieces.push(bytes);
    byteLength += bytes.length;
  });
  writer.write(deltaBatch(memory, readDelta(memory, delta), columns));
  writer.finish();
  const address = memory.alloc(byteLength);
  let at = address;
  for (const piece of pieces) {
    memory.u8.set(piece, at);
    at += piece.length;
  }
  return { address, byteLength };
}

/** A delta's rows as a record batch that views them. */
export function deltaBatch(
  memory: SlotMemory,
  parts: DeltaParts,
  columns: ValueColumns,
  schema = stateSchema(columns),
): RecordBatch {
  const lib = arrow();
  const { numRows: length } = parts;
  const binary = (offsets: Address, data: Address, bytes: number): Data => {
    const valueOffsets = memory.i32.subarray(offsets / 4, offsets / 4 + length + 1);
    return lib.makeData({
      type: new lib.Binary(),
      length,
      nullCount: 0,
      valueOffsets,
      data: memory.bytes(data, bytes),
    });
  };
  const removed = memory.bytes(parts.removed, (length + 7) >> 3);
  const children: Data[] = [
    binary(parts.keyOffsets, parts.keys, parts.keyBytes),
    lib.makeData({ type: new lib.Bool(), length, nullCount: 0, data: removed }),
  ];
  if (columns === 'variable') children.push(binary(parts.values, parts.data, parts.dataBytes));
  else {
    columns.forEach(({ kind }, c) => {
      const at = parts.values / 8 + c * length;
      const common = { length, nullCount: 0 };
      if (kind === 'float64') {
        children.push(lib.makeData({ type: new lib.Float64(), ...common, data: memory.f64.subarray(at, at + length) }));
      } else {
        const type = kind === 'timestamp' ? new lib.TimestampMillisecond() : new lib.Int64();
        children.push(lib.makeData({ type, ...common, data: memory.i64.subarray(at, at + length) } as never));
      }
    });
  }
  return makeRecordBatch(schema, length, children);
}

/**
 * Sets or removes the rows of an Arrow IPC stream or file whose key groups the table owns. Idempotent; a later one
 * overrides an earlier one. `changed` gets the key groups of the rows (`changed-groups.ts`). With a converter `columns` are
 * what it takes. Throws `typeMismatch` when the columns are not those of `columns`, `checkpointCorrupt` when
 * the bytes are not Arrow: check their checksum before.
 */
export function applyIpc(
  table: StateTable,
  bytes: Uint8Array,
  columns: ValueColumns,
  changed?: Uint32Array,
  converter?: RowConverter,
): void {
  let reader;
  try {
    reader = arrow().RecordBatchReader.from(bytes).open();
  } catch (cause) {
    throw corrupt(cause);
  }
  requireSchema(reader.schema, columns);
  for (;;) {
    let next: IteratorResult<RecordBatch>;
    try {
      next = reader.next() as IteratorResult<RecordBatch>;
    } catch (cause) {
      throw corrupt(cause);
    }
    if (next.done === true) return;
    if (next.value.numRows > 0) applyBatch(table, next.value, changed, converter);
  }
}

/** The same for an Arrow IPC file that is not in memory; a record batch at a time is. */
export async function applyIpcFile(
  table: StateTable,
  file: FileHandle,
  byteLength: number,
  columns: ValueColumns,
  converter?: RowConverter,
): Promise<void> {
  let reader;
  try {
    reader = await (await arrow().RecordBatchReader.from(asArrowFile(file, byteLength))).open();
  } catch (cause) {
    throw isSystemError(cause) ? cause : corrupt(cause);
  }
  requireSchema(reader.schema, columns);
  for (;;) {
    let next: IteratorResult<RecordBatch>;
    try {
      next = (await reader.next()) as IteratorResult<RecordBatch>;
    } catch (cause) {
      throw isSystemError(cause) ? cause : corrupt(cause);
    }
    if (next.done === true) return;
    if (next.value.numRows > 0) applyBatch(table, next.value, undefined, converter);
  }
}

/** What apache-arrow knows a file of Node by, and all it calls of it. */
export function asArrowFile(file: FileHandle, byteLength: number): NodeFileHandle {
  const read = async (buffer: Uint8Array, offset: number, length: number, position: number) => {
    let bytesRead = 0;
    while (bytesRead < length) {
      const n = await file.read(buffer.subarray(offset + bytesRead, offset + length), position + bytesRead);
      if (n === 0) break;
      bytesRead += n;
    }
    return { bytesRead, buffer };
  };
  const stat = async () => ({ size: byteLength });
  return { fd: -1, stat, read, close: async () => undefined } as unknown as NodeFileHandle;
}

/** The schema of a file that stands for itself: the same, with its version. */
export function snapshotSchema(columns: ValueColumns): Schema {
  const { fields } = stateSchema(columns);
  return new (arrow().Schema)(fields, new Map([[VERSION_KEY, String(VERSION)]]));
}

/** @param schema that of rows; a stream or file that is cut off before it opens without one */
function requireSchema(schema: Schema | null | undefined, columns: ValueColumns): void {
  if (schema === null || schema === undefined) throw corrupt(new Error('it has no schema'));
  const version = Number(schema.metadata.get(VERSION_KEY) ?? 1);
  if (version > VERSION) throw newerFormat('a snapshot of the state', version, VERSION);
  const wanted = formatFields(stateSchema(columns));
  const found = formatFields(schema);
  if (found === wanted) return;
  throw new EngineError(
    'typeMismatch',
    `the state wants (${wanted}), the checkpoint has (${found}): ` +
      'give the changed operation another id, or start with a new checkpoint directory',
  );
}

function applyBatch(table: StateTable, batch: RecordBatch, changed?: Uint32Array, converter?: RowConverter): void {
  const { memory, valueBytes } = table;
  const { numRows } = batch;
  const [key, removed, ...values] = batch.data.children as [Data, Data, ...Data[]];
  const converted = converter && convertRows(batch, converter);
  const parts = allocDelta(memory, {
    numRows,
    numRemoved: 0,
    valueBytes,
    keyBytes: dataBytes(key),
    dataBytes: valueBytes !== 'variable' ? 0 : (converted?.numBytes ?? dataBytes(values[0])),
  });
  try {
    copyBinary(memory, key, parts.keyOffsets, parts.keys);
    memory.u8.set(bytesOf(removed.values).subarray(0, (numRows + 7) >> 3), parts.removed);
    if (converted !== undefined) placeRows(memory, converted.rows, parts);
    else if (valueBytes === 'variable') copyBinary(memory, values[0], parts.values, parts.data);
    else {
      values.forEach(({ values: column }, c) => {
        memory.u8.set(bytesOf(column).subarray(0, numRows * 8), parts.values + c * numRows * 8);
      });
    }
    hashKeys(memory, parts);
    applyDelta(table, parts.address);
    if (changed !== undefined) addChangedGroups(table, parts.address, changed);
  } finally {
    memory.free(parts.address);
  }
}

/** The new value of each row; undefined where the key is removed. */
function convertRows(
  batch: RecordBatch,
  { from, convert }: RowConverter,
): { readonly rows: readonly (Uint8Array | undefined)[]; readonly numBytes: number } {
  const removed = bytesOf((batch.data.children[1] as Data).values);
  const valueOf = valuesOfBatch(batch, from);
  const rows = Array.from({ length: batch.numRows }, (_, row) =>
    (removed[row >> 3] >> (row & 7)) & 1 ? undefined : convert(valueOf(row)),
  );
  return { rows, numBytes: rows.reduce((sum, row) => sum + (row?.length ?? 0), 0) };
}

function placeRows(memory: SlotMemory, rows: readonly (Uint8Array | undefined)[], parts: DeltaParts): void {
  const { u8, u32 } = memory;
  const { valueBytes, values, data, numRows } = parts;
  if (valueBytes !== 'variable') {
    u8.fill(0, values, values + numRows * valueBytes);
    rows.forEach((row, i) => {
      for (let at = 0; row !== undefined && at < valueBytes; at += 8)
        u8.set(row.subarray(at, at + 8), values + at * numRows + i * 8);
    });
    return;
  }
  let end = 0;
  rows.forEach((row, i) => {
    u32[values / 4 + i] = end;
    if (row === undefined) return;
    u8.set(row, data + end);
    end += row.length;
  });
  u32[values / 4 + numRows] = end;
}

/** Also checks the key offsets, before they are followed. */
function hashKeys(memory: SlotMemory, { numRows, keyOffsets, keys, keyBytes, hashes }: DeltaParts): void {
  const k = kernels(memory);
  const mark = memory.scratchMark();
  const values = memory.scratch(numRows * 4);
  const lengths = memory.scratch(numRows * 4);
  if (k.slicesFromOffsets(keyOffsets, numRows, keys, keyBytes, values, lengths) === 0) {
    throw corrupt(new Error('the offsets of its keys do not ascend'));
  }
  k.hashSlices(values, lengths, numRows, hashes);
  memory.releaseScratch(mark);
}

const dataBytes = ({ valueOffsets, length }: Data): number => Number(valueOffsets[length]) - Number(valueOffsets[0]);

function copyBinary(memory: SlotMemory, { values, valueOffsets, length }: Data, offsets: Address, data: Address): void {
  const first = Number(valueOffsets[0]);
  const last = Number(valueOffsets[length]);
  const { u32, u8 } = memory;
  for (let i = 0; i <= length; i++) u32[offsets / 4 + i] = Number(valueOffsets[i]) - first;
  u8.set(bytesOf(values).subarray(first, last), data);
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function makeSchema(values: readonly (readonly [string, DataType])[]): Schema {
  const { Schema, Field, Binary, Bool } = arrow();
  const fields: (readonly [string, DataType])[] = [['key', new Binary()], ['removed', new Bool()], ...values];
  return new Schema(fields.map(([name, type]) => new Field(name, type, false)));
}

function valueType({ name, kind }: Column): DataType {
  const { Int64, Float64, TimestampMillisecond } = arrow();
  switch (kind) {
    case 'int32':
    case 'int64':
      return new Int64();
    case 'float64':
      return new Float64();
    case 'timestamp':
      return new TimestampMillisecond();
    case 'utf8':
    case 'bool':
      throw new EngineError(
        'typeMismatch',
        `a state's columns are numbers, ${name} is ${kind}: keep it as a value without a schema`,
      );
  }
}

const formatFields = (schema: Schema): string =>
  schema.fields.map(({ name, type }) => `${name} ${String(type)}`).join(', ');

/** What Arrow threw; a file that the system does not let be read says that itself. */
const corrupt = (cause: unknown): EngineError =>
  cause instanceof EngineError
    ? cause
    : new EngineError('checkpointCorrupt', `rows of state cannot be read as Arrow IPC: ${messageOf(cause)}`, { cause });
