/**
 * What the state of an operator means, by what the checkpoint says of it: names and kinds of the columns that a key and
 * its value are shown as. What is no column (keys and values of closures) is one column of tagged JSON.
 */
import type { OperatorInfo } from '../../checkpoint/manifest.js';
import { NO_VALUE } from '../../columnar/aggregate.js';
import { keyValues } from '../../columnar/key-values.js';
import { EngineError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import type { Column, ColumnKind } from '../../core/schema.js';
import { taggedJson } from '../../core/tagged-json.js';
import { decodeValue } from '../../core/value-codec.js';
import { isPieceKey } from '../../executor/window-pieces.js';
import type { StateField } from '../../state/read-rows.js';
import { decodeTimed, timeOf } from '../../state/timed-value.js';

export interface StateColumn {
  readonly name: string;
  /** `json`: any value, tagged (`core/tagged-json.ts`). */
  readonly kind: ColumnKind | 'json';
}

/** Shows keys and values of one operator; one entry a column, null where there is none. */
export interface OperatorDecoder {
  readonly keyColumns: readonly StateColumn[];
  readonly valueColumns: readonly StateColumn[];
  /** Throws `checkpointCorrupt` for bytes that are no key, or no value, of the operator. */
  key(bytes: Uint8Array): Json[];
  value(fields: readonly StateField[]): Json[];
}

const ANY = 'any value';
const COLUMN = /(.+?) (utf8|int32|int64|float64|bool|timestamp)(\??)(?:, |$)/y;

/** How a column ends that is no number but a wide aggregate: `users countDistinct of utf8`. */
const WIDE = / \w+(\([^)]*\))? of$/;

/** @param isVariable whether the operator's values are bytes of any length, as `StateRows` has it */
export function decoderOf(operator: OperatorInfo, isVariable: boolean): OperatorDecoder {
  return guarded(operator, { ...keysOf(operator), ...valuesOf(operator, isVariable) });
}

function keysOf({ kind, keys }: OperatorInfo): Pick<OperatorDecoder, 'keyColumns' | 'key'> {
  const columns = keys === ANY ? [] : parseSchema(keys).columns;
  if (columns.length > 0) {
    return {
      keyColumns: columns.map(({ name, kind: columnKind }) => ({ name, kind: columnKind })),
      key: bytes => keyValues(columns, bytes).map(value => (Number.isNaN(value) ? taggedJson(value) : value)),
    };
  }
  const isWindow = kind.startsWith('window');
  return {
    keyColumns: [{ name: 'key', kind: 'json' }],
    key: bytes => [isWindow && isPieceKey(bytes) ? { batch: pieceTime(bytes) } : taggedJson(decodeValue(bytes))],
  };
}

function valuesOf(
  { kind, values }: OperatorInfo,
  isVariable: boolean,
): Pick<OperatorDecoder, 'valueColumns' | 'value'> {
  const { columns, rest } = parseSchema(values);
  if (!isVariable) {
    return {
      valueColumns: columns.map(({ name, kind: columnKind }) => ({ name, kind: columnKind })),
      value: fields => fields.map(numberOf),
    };
  }
  if (kind === 'mapWithState') {
    return {
      valueColumns: [
        { name: 'state', kind: 'json' },
        { name: 'updated', kind: 'timestamp' },
      ],
      value: ([bytes]) => {
        const updated = timeOf(bytes as Uint8Array);
        return [taggedJson(decodeTimed(bytes as Uint8Array)), Number.isFinite(updated) ? updated : null];
      },
    };
  }
  if (kind === 'aggregate') return wideValues(columns, rest);
  return {
    valueColumns: [{ name: kind.startsWith('window') ? 'kept' : 'state', kind: 'json' }],
    value: ([bytes]) => [
      kind.startsWith('window') ? anyOrBytes(bytes as Uint8Array) : taggedJson(decodeValue(bytes as Uint8Array)),
    ],
  };
}

/** Running aggregates that keep more than numbers: 8 bytes for each column, then what is kept of the others. */
function wideValues(columns: readonly Column[], rest: string): Pick<OperatorDecoder, 'valueColumns' | 'value'> {
  const wide = rest.split(', ').map(text => text.split(' ')[0] ?? '');
  return {
    valueColumns: [
      ...columns.map(({ name, kind }) => ({ name, kind })),
      ...wide.map(name => ({ name, kind: 'json' }) as const),
    ],
    value: ([field]) => {
      const bytes = field as Uint8Array;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const numbers = columns.map(({ kind }, i) =>
        numberOf(kind === 'float64' ? view.getFloat64(i * 8, true) : view.getBigInt64(i * 8, true)),
      );
      const kept = decodeValue(bytes, columns.length * 8);
      return [...numbers, ...(Array.isArray(kept) && kept.length === wide.length ? kept : [kept]).map(taggedJson)];
    },
  };
}

/** Columns as `formatSchema` wrote them, as far as they are columns; what follows them is of another kind. */
function parseSchema(text: string): { readonly columns: readonly Column[]; readonly rest: string } {
  const columns: Column[] = [];
  let end = 0;
  COLUMN.lastIndex = 0;
  for (let match = COLUMN.exec(text); match !== null; match = COLUMN.exec(text)) {
    const [, name = '', kind, mark] = match;
    if (WIDE.test(name)) break;
    columns.push({ name, kind: kind as ColumnKind, nullable: mark === '?' });
    end = COLUMN.lastIndex;
  }
  return { columns, rest: text.slice(end) };
}

const pieceTime = (key: Uint8Array): number => new DataView(key.buffer, key.byteOffset).getFloat64(4, true);

/** A minimum of nothing is no number that a row can have; it is shown as null. */
function numberOf(field: StateField): Json {
  if (typeof field === 'bigint') {
    return field === NO_VALUE.minInt64 || field === NO_VALUE.maxInt64 ? null : Number(field);
  }
  if (typeof field === 'number') return floatBits(field) === NO_VALUE.minFloat64 ? null : taggedJson(field);
  return taggedJson(field);
}

function floatBits(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/** A window of columns keeps blocks, which are no encoded values. */
function anyOrBytes(bytes: Uint8Array): Json {
  try {
    return taggedJson(decodeValue(bytes));
  } catch (thrown) {
    if (thrown instanceof EngineError) return taggedJson(bytes);
    throw thrown;
  }
}

/** What the codec finds wrong is damage here, and has a place. */
function guarded({ id }: OperatorInfo, decoder: OperatorDecoder): OperatorDecoder {
  const guard = <T>(what: string, read: () => T): T => {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof EngineError) && !(thrown instanceof RangeError)) throw thrown;
      throw new EngineError(
        'checkpointCorrupt',
        `a ${what} in the state of operator '${id}' cannot be read: ${thrown.message}. Look for damage with: sluice checkpoint verify`,
        { cause: thrown, detail: { operator: id } },
      );
    }
  };
  return {
    ...decoder,
    key: bytes => guard('key', () => decoder.key(bytes)),
    value: fields => guard('value', () => decoder.value(fields)),
  };
}
