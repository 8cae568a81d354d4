/**
 * One column of an Arrow record batch as a declared one, whole buffers at a time: numbers of the right width without nulls
 * are used where they lie, all others are written to scratch by a kernel; text stays where it lies and gets slices.
 * Values are looked at one by one only to tell which are bad, once a kernel has counted some.
 */
import { assertNever } from '../core/assert-never.js';
import type { Column } from '../core/schema.js';
import { ArrowDamage, type ArrowBody } from './arrow-body.js';
import type { ArrowDictionaries } from './arrow-dictionaries.js';
import { readNumbers } from './arrow-numbers.js';
import type { ArrowPlace, ArrowValues } from './arrow-places.js';
import { readTexts } from './arrow-texts.js';
import type { ArrowBatchHead, ArrowBuffer } from '../core/arrow-record-batch.js';
import type { ColumnVector } from './chunk.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

export interface ArrowColumn {
  /** Undefined where nobody wants the values. */
  readonly vector: ColumnVector | undefined;
  /** Rows whose value does not fit, with the reason. */
  readonly bad: ReadonlyMap<number, string>;
}

/** The buffers of one column in one record batch that are to be read. */
export interface ColumnBuffers {
  readonly numRows: number;
  /** The bits that tell nulls; undefined where there are none, or nobody asks. */
  readonly bits: ArrowBuffer | undefined;
  /** Offsets and bytes of texts, or values; empty where no value can be bad and none is wanted. */
  readonly values: readonly ArrowBuffer[];
}

/** Finds a column's buffers and looks whether they are long enough. Throws `ArrowDamage`. */
export function columnBuffers(
  column: Column,
  place: ArrowPlace,
  head: ArrowBatchHead,
  isWanted: boolean,
): ColumnBuffers {
  const { numRows } = head;
  const node = head.nodes[place.node];
  if (node?.numRows !== numRows) throw new ArrowDamage(`column ${column.name} has not the batch's ${numRows} rows`);
  if (node.numNulls > numRows)
    throw new ArrowDamage(`column ${column.name} has ${node.numNulls} nulls in ${numRows} rows`);
  const first = head.views.slice(0, place.views).reduce((sum, count) => sum + count, place.buffer);
  const [bits, ...values] = wantedBytes(place.values, node.numNulls, numRows).map((bytes, i) => {
    const buffer = head.buffers[first + i];
    if (buffer === undefined || buffer.length < bytes) {
      throw new ArrowDamage(
        `column ${column.name} wants ${bytes} bytes in its buffer ${i}, got ${buffer?.length ?? 'none'}`,
      );
    }
    return buffer;
  });
  const isRead = isWanted || canBeBad(place.values);
  const asksNulls = node.numNulls > 0 && (isRead || !column.nullable);
  return { numRows, bits: asksNulls ? bits : undefined, values: isRead ? values : [] };
}

/** How long each buffer is at least. */
function wantedBytes(values: ArrowValues, numNulls: number, numRows: number): number[] {
  const bits = Math.ceil(numRows / 8);
  const first = numNulls > 0 ? bits : 0;
  switch (values.kind) {
    case 'bits':
      return [first, bits];
    case 'texts':
      return [first, numRows === 0 ? 0 : (numRows + 1) * (values.isWide ? 8 : 4), 0];
    case 'integers':
      return [first, numRows * 8];
    case 'instants':
      return [first, numRows * (values.isWide ? 8 : 4)];
    case 'numbers':
    case 'entries':
      return [first, numRows * values.bytes];
    default:
      return assertNever(values);
  }
}

const canBeBad = ({ kind }: ArrowValues): boolean => kind !== 'numbers' && kind !== 'bits';

/** Reads a column whose buffers are in the slot's memory. Throws `ArrowDamage`. */
export function readColumn(
  memory: SlotMemory,
  column: Column,
  { values: how }: ArrowPlace,
  { numRows, bits, values }: ColumnBuffers,
  body: ArrowBody,
  dictionaries: ArrowDictionaries,
): ArrowColumn {
  const bad = new Map<number, string>();
  let validity = bits === undefined ? 0 : body.addressOf(bits);
  if (validity !== 0 && kernels(memory).countZeroBits(validity, numRows) === 0) validity = 0;
  if (validity !== 0 && !column.nullable) {
    const { u8 } = memory;
    for (let row = 0; row < numRows; row++) {
      if (!isPresent(u8, validity, row)) bad.set(row, `column ${column.name} wants ${column.kind}, got null`);
    }
  }
  if (values.length === 0 || numRows === 0) {
    const empty = memory.scratch(0);
    const vector = { values: empty, lengths: column.kind === 'utf8' ? empty : 0, validity: 0 };
    return { vector: values.length === 0 ? undefined : vector, bad };
  }
  const given = { memory, column, numRows, validity, bad, buffers: values, body };
  const vector =
    how.kind === 'texts'
      ? textsOf(given, how.isWide)
      : how.kind === 'entries'
        ? entriesOf(given, how, dictionaries)
        : {
            values: readNumbers(memory, column, how, { ...given, from: body.addressOf(values[0]) }),
            lengths: 0,
            validity,
          };
  return { vector, bad };
}

/** Of one column of a record batch: many rows may refer to one long text of a dictionary. */
const MAX_TEXT_BYTES = 512 * 1024 ** 2;

interface Given {
  readonly memory: SlotMemory;
  readonly column: Column;
  /** At least 1. */
  readonly numRows: number;
  readonly validity: Address;
  readonly bad: Map<number, string>;
  readonly buffers: readonly ArrowBuffer[];
  readonly body: ArrowBody;
}

const isPresent = (u8: Uint8Array, validity: Address, row: number): boolean =>
  validity === 0 || ((u8[validity + (row >> 3)] >> (row & 7)) & 1) === 1;

function textsOf({ memory, column, numRows, validity, bad, buffers, body }: Given, isWide: boolean): ColumnVector {
  const [offsets, bytes] = buffers;
  const [values, lengths] = [memory.scratch(numRows * 4), memory.scratch(numRows * 4)];
  const of = { offsets: body.addressOf(offsets), isWide, bytes: body.addressOf(bytes), numBytes: bytes.length };
  for (const row of readTexts(memory, { ...of, validity }, numRows, values, lengths)) bad.set(row, notUtf8(column));
  return { values, lengths, validity };
}

const notUtf8 = ({ name }: Column): string => `column ${name} wants utf8, got bytes that are not UTF-8`;

function entriesOf(
  { memory, column, numRows, validity, bad, buffers, body }: Given,
  { id, number, bytes }: ArrowValues & { readonly kind: 'entries' },
  dictionaries: ArrowDictionaries,
): ColumnVector {
  const entries = dictionaries.entriesOf(id);
  const { numEntries, nulls } = entries;
  const numbers = body.addressOf(buffers[0]);
  const [values, lengths] = [memory.scratch(numRows * 4), memory.scratch(numRows * 4)];
  const k = kernels(memory);
  if (k.arrowEntries(number, numbers, numRows, validity, entries.values, entries.lengths, numEntries, values, lengths))
    throw new ArrowDamage(`column ${column.name} refers to a text that its dictionary lacks`);
  let textBytes = 0;
  for (const length of memory.u32.subarray(lengths >>> 2, (lengths >>> 2) + numRows)) textBytes += length;
  if (textBytes > MAX_TEXT_BYTES) throw new ArrowDamage(`the texts of column ${column.name} are more than 512 MiB`);
  if (nulls.size + entries.notUtf8.size === 0) return { values, lengths, validity };
  const whole = memory.scratch((numRows + 7) >> 3);
  const { u8 } = memory;
  u8.fill(0, whole, whole + ((numRows + 7) >> 3));
  // The largest number is within the dictionary, so its low bytes tell it.
  const entryAt = (row: number): number => {
    let entry = 0;
    for (let i = Math.min(bytes, 4) - 1; i >= 0; i--) entry = entry * 256 + u8[numbers + row * bytes + i];
    return entry;
  };
  for (let row = 0; row < numRows; row++) {
    if (!isPresent(u8, validity, row)) continue;
    const entry = entryAt(row);
    if (entries.notUtf8.has(entry)) bad.set(row, notUtf8(column));
    if (!nulls.has(entry)) u8[whole + (row >> 3)] |= 1 << (row & 7);
    else if (!column.nullable) bad.set(row, `column ${column.name} wants utf8, got null`);
  }
  return { values, lengths, validity: nulls.size === 0 ? validity : whole };
}
