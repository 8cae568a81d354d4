/**
 * Rows of state that were kept in another form, made into rows of a table while they are loaded. A row at a time: it is
 * done once, at the first start of a changed job.
 */
import type { Data, RecordBatch } from 'apache-arrow';
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import type { StateChange } from '../core/state-change.js';
import { NO_VALUE } from '../columnar/aggregate.js';

/** The columns of a state's values: numbers (8 bytes each), or bytes of any length. */
export type ValueColumns = readonly Column[] | 'variable';

/** The value bytes of an old row to those of a new one. */
export interface RowConverter {
  /** The old rows' columns. */
  readonly from: ValueColumns;
  readonly convert: (value: Uint8Array) => Uint8Array;
}

/**
 * Takes numbers and wide partials over one by one.
 *
 * @param empty what the accumulators of the new state have without values, a number each; not of aggregates: none
 * @param what names the operator in messages
 * `convert` throws `typeMismatch` for an integer that no float64 has exactly.
 */
export function columnsConverter(
  change: Extract<StateChange, { kind: 'columns' }>,
  empty: readonly bigint[],
  what: string,
): RowConverter {
  const { from, fromWide, numbers, wide } = change;
  const convert = (value: Uint8Array): Uint8Array => {
    const before = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const kept = fromWide === 0 ? [] : (decodeValue(value, from.length * 8) as readonly unknown[]);
    const partials = wide.length === 0 ? undefined : encodeValue(wide.map(at => (at === null ? undefined : kept[at])));
    const after = new Uint8Array(numbers.length * 8 + (partials?.length ?? 0));
    const view = new DataView(after.buffer);
    numbers.forEach((number, i) => {
      if (number === 'empty') return view.setBigInt64(i * 8, empty[i] ?? 0n, true);
      if ('value' in number) return setNumber(view, i * 8, number);
      const bits = before.getBigInt64(number.index * 8, true);
      if (!number.toFloat64) return view.setBigInt64(i * 8, bits, true);
      // What an integer minimum or maximum of nothing has is no number.
      const isNothing = empty.length > 0 && (bits === NO_VALUE.minInt64 || bits === NO_VALUE.maxInt64);
      if (isNothing) return view.setBigInt64(i * 8, empty[i] ?? 0n, true);
      return view.setFloat64(i * 8, exactFloat(bits, from[number.index]?.name, what), true);
    });
    if (partials !== undefined) after.set(partials, numbers.length * 8);
    return after;
  };
  return { from: fromWide === 0 ? from : 'variable', convert };
}

function setNumber(
  view: DataView,
  at: number,
  { value, isFloat }: { readonly value: number; readonly isFloat: boolean },
): void {
  if (isFloat) view.setFloat64(at, value, true);
  else view.setBigInt64(at, BigInt(value), true);
}

function exactFloat(bits: bigint, column: string | undefined, what: string): number {
  const value = Number(bits);
  if (BigInt(value) === bits) return value;
  throw new EngineError(
    'typeMismatch',
    `the state of operator '${what}' has ${bits} in column '${column}', which no float64 is: keep the column int64`,
  );
}

/** The values of a record batch, one after another: its numbers, 8 bytes each, or its bytes. Good until the next is asked for. */
export function valuesOfBatch({ data }: RecordBatch, from: ValueColumns): (row: number) => Uint8Array {
  const columns = data.children.slice(2) as Data[];
  if (from === 'variable') {
    const [{ values, valueOffsets }] = columns as [Data];
    const bytes = values as Uint8Array;
    return row => bytes.subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1]));
  }
  const words = columns.map(({ values, length }) => {
    const { buffer, byteOffset } = values as ArrayBufferView;
    return new DataView(buffer as ArrayBuffer, byteOffset, length * 8);
  });
  const value = new Uint8Array(columns.length * 8);
  const view = new DataView(value.buffer);
  return row => {
    words.forEach((word, c) => view.setBigInt64(c * 8, word.getBigInt64(row * 8, true), true));
    return value;
  };
}
