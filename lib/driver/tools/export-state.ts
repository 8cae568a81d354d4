/**
 * State taken out of a checkpoint: keys and values decoded, as lines of JSON or as an Arrow IPC file with typed columns.
 *
 *   {"operator":"counts","key":{"user":"ann"},"value":{"clicks":3,"views":1}}
 *   key columns, then value columns; what is no column is text of tagged JSON
 */
import type { DataType, Schema } from 'apache-arrow';
import { requireOperator } from '../../checkpoint/tools/checkpoint-changes.js';
import { arrow, ipcWriter, loadArrow } from '../../columnar/arrow.js';
import type { Json } from '../../core/json.js';
import { decoderOf, type OperatorDecoder, type StateColumn } from './operator-decoder.js';
import { entriesOf, isVariable } from './operator-state.js';
import type { LoadedState } from './loaded-state.js';

/** Rows of one record batch of an Arrow export. */
const BATCH_ROWS = 8192;

/** The operators to export: all that have state, or the one that is asked for. Throws `optionUnknown`. */
export function operatorsOf(state: LoadedState, operator: string | undefined): readonly string[] {
  if (operator === undefined) return state.operators.map(({ id }) => id);
  requireOperator(state.directory, { manifest: state }, operator);
  return [operator];
}

/** One JSON object a key, as text without a line end. Throws `checkpointCorrupt`. */
export async function* exportJson(state: LoadedState, operators: readonly string[]): AsyncGenerator<string> {
  await loadArrow();
  for (const operator of operators) {
    const decoder = await decoderFor(state, operator);
    for await (const { key, values } of entriesOf(state, operator)) {
      const row = {
        operator,
        key: named(decoder.keyColumns, decoder.key(key)),
        value: named(decoder.valueColumns, decoder.value(values)),
      };
      yield JSON.stringify(row);
    }
  }
}

/**
 * An Arrow IPC file, piece by piece. @returns how many rows it has
 * @param write takes each piece; its bytes are good until the promise resolves
 */
export async function exportArrow(
  state: LoadedState,
  operator: string,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  await loadArrow();
  const decoder = await decoderFor(state, operator);
  const columns = distinctNames([...decoder.keyColumns, ...decoder.valueColumns]);
  const { Schema, Field } = arrow();
  const schema = new Schema(columns.map(({ name, kind }) => new Field(name, typeOf(kind), true)));
  let pieces: Uint8Array[] = [];
  const writer = ipcWriter('file', bytes => void pieces.push(bytes.slice()));
  const flush = async (): Promise<void> => {
    const ready = pieces;
    pieces = [];
    for (const piece of ready) await write(piece);
  };
  let rows: Json[][] = [];
  let numRows = 0;
  const writeRows = async (): Promise<void> => {
    writer.write(recordBatch(schema, columns, rows));
    numRows += rows.length;
    rows = [];
    await flush();
  };
  for await (const { key, values } of entriesOf(state, operator)) {
    rows.push([...decoder.key(key), ...decoder.value(values)]);
    if (rows.length === BATCH_ROWS) await writeRows();
  }
  if (rows.length > 0 || numRows === 0) await writeRows();
  writer.finish();
  await flush();
  return numRows;
}

async function decoderFor(state: LoadedState, operator: string): Promise<OperatorDecoder> {
  const info = state.operators.find(({ id }) => id === operator) ?? { id: operator, kind: '', keys: '', values: '' };
  return decoderOf(info, (await isVariable(state, operator)) ?? false);
}

const named = (columns: readonly StateColumn[], values: readonly Json[]): Json => {
  const [only] = columns;
  if (columns.length === 1 && only?.kind === 'json') return values[0] ?? null;
  // Entries, not assignment: a column may be called __proto__.
  return Object.fromEntries(columns.map(({ name }, i) => [name, values[i] ?? null]));
};

/** A value column of the same name as a key column gets `_1` behind it. */
function distinctNames(columns: readonly StateColumn[]): StateColumn[] {
  const taken = new Set<string>();
  return columns.map(({ name, kind }) => {
    let free = name;
    for (let i = 1; taken.has(free); i++) free = `${name}_${i}`;
    taken.add(free);
    return { name: free, kind };
  });
}

function typeOf(kind: StateColumn['kind']): DataType {
  const { Bool, Float64, Int32, Int64, TimestampMillisecond, Utf8 } = arrow();
  switch (kind) {
    case 'utf8':
    case 'json':
      return new Utf8();
    case 'int32':
      return new Int32();
    case 'int64':
      return new Int64();
    case 'float64':
      return new Float64();
    case 'bool':
      return new Bool();
    case 'timestamp':
      return new TimestampMillisecond();
  }
}

function recordBatch(schema: Schema, columns: readonly StateColumn[], rows: readonly Json[][]) {
  const { RecordBatch, Struct, makeData, vectorFromArray } = arrow();
  const children = columns.map(({ kind }, c) => {
    const values = rows.map(row => cell(kind, row[c] ?? null));
    return vectorFromArray(values, typeOf(kind)).data[0] ?? makeData({ type: typeOf(kind) as never, length: 0 });
  });
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children }),
  );
}

/** A decoded value as apache-arrow takes it for the column's type. */
function cell(kind: StateColumn['kind'], value: Json): unknown {
  if (kind === 'json') return JSON.stringify(value);
  if (value === null) return null;
  if (kind === 'int64') return BigInt(value as number);
  if (kind === 'float64' && typeof value === 'object') return Number((value as { readonly $number?: string }).$number);
  return value;
}
