/** The values of one Arrow column as those of a declared column. Throws where buffers are shorter than they must be. */
import type { Data, DataType } from 'apache-arrow';
import { assertNever } from '../core/assert-never.js';
import type { Column } from '../core/schema.js';
import { arrow } from './arrow.js';
import type { ColumnVector } from './chunk.js';
import { VALUE_BYTES } from './column-layout.js';
import { writeInt64 } from './decode-columns.js';
import { shown } from './decode-value.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

export interface ArrowColumn {
  readonly vector: ColumnVector;
  /** Rows whose value does not fit, with the reason. */
  readonly bad: ReadonlyMap<number, string>;
}

/** Where texts lie in the slot's memory; undefined for a null one. */
type Slices = readonly (
  { readonly address: Address; readonly byteLength: number; readonly isUtf8: boolean } | undefined
)[];

const MS_PER_DAY = 86_400_000;
/** Of one column of a record batch: many rows may refer to one long text of a dictionary. */
const MAX_TEXT_BYTES = 512 * 1024 ** 2;

export function readColumn(memory: SlotMemory, column: Column, parts: readonly Data[], numRows: number): ArrowColumn {
  const [data] = parts;
  if (data === undefined || parts.length > 1 || data.length !== numRows) {
    throw new Error(`column ${column.name} has not the batch's ${numRows} rows`);
  }
  const isPresent = presence(data, numRows);
  const bad = new Map<number, string>();
  const out = newVector(memory, column, numRows);
  let numNulls = 0;
  const put =
    column.kind === 'utf8' ? textWriter(memory, column, data, out, bad) : numberWriter(memory, column, data, out, bad);
  for (let row = 0; row < numRows; row++) {
    if (isPresent(row) && put(row)) {
      if (out.validity !== 0) memory.u8[out.validity + (row >> 3)] |= 1 << (row & 7);
      continue;
    }
    numNulls++;
    putNothing(memory, column, out, row);
    if (!column.nullable && !bad.has(row)) bad.set(row, `column ${column.name} wants ${column.kind}, got null`);
  }
  return { vector: numNulls === 0 ? { ...out, validity: 0 } : out, bad };
}

function newVector(memory: SlotMemory, { kind, nullable }: Column, numRows: number): ColumnVector {
  const values = memory.scratch(numRows * VALUE_BYTES[kind]);
  const lengths = kind === 'utf8' ? memory.scratch(numRows * 4) : 0;
  const validity = nullable ? memory.scratch((numRows + 7) >> 3) : 0;
  if (validity !== 0) memory.u8.fill(0, validity, validity + ((numRows + 7) >> 3));
  return { values, lengths, validity };
}

/** A value that is not there is 0, a text without bytes. */
function putNothing(memory: SlotMemory, { kind }: Column, { values, lengths }: ColumnVector, row: number): void {
  memory.u8.fill(0, values + row * VALUE_BYTES[kind], values + (row + 1) * VALUE_BYTES[kind]);
  if (lengths !== 0) memory.u32[(lengths >>> 2) + row] = 0;
}

function presence({ nullBitmap, nullCount, offset }: Data, numRows: number): (row: number) => boolean {
  if (nullCount === 0 || nullBitmap === undefined || nullBitmap.length === 0) return () => true;
  if (nullBitmap.length * 8 < offset + numRows) throw new Error('the bits that tell nulls are cut short');
  return row => ((nullBitmap[(offset + row) >> 3] >> ((offset + row) & 7)) & 1) === 1;
}

type Put = (row: number) => boolean;

function textWriter(
  memory: SlotMemory,
  column: Column,
  data: Data,
  { values, lengths }: ColumnVector,
  bad: Map<number, string>,
): Put {
  const lib = arrow();
  const isDictionary = lib.DataType.isDictionary(data.type);
  const slices = isDictionary
    ? (data.dictionary?.data ?? []).flatMap(part => [...slicesOfData(memory, part)])
    : slicesOfData(memory, data);
  const keys = isDictionary ? numbersOf(data, data.length) : undefined;
  let textBytes = 0;
  return row => {
    const key = keys === undefined ? row : Number(keys[row]);
    if (!(key >= 0 && key < slices.length))
      throw new Error(`column ${column.name} refers to a text that its dictionary lacks`);
    const slice = slices[key];
    if (slice === undefined) return false;
    if (!slice.isUtf8) {
      bad.set(row, `column ${column.name} wants utf8, got bytes that are not UTF-8`);
      return false;
    }
    textBytes += slice.byteLength;
    if (textBytes > MAX_TEXT_BYTES) throw new Error(`the texts of column ${column.name} are more than 512 MiB`);
    memory.u32[(values >>> 2) + row] = slice.address;
    memory.u32[(lengths >>> 2) + row] = slice.byteLength;
    return true;
  };
}

function slicesOfData(memory: SlotMemory, data: Data): Slices {
  const isPresent = presence(data, data.length);
  const offsets = data.valueOffsets as Int32Array | BigInt64Array;
  const bytes = data.values as Uint8Array;
  if (offsets.length <= data.length) throw new Error('the offsets of texts are cut short');
  const start = addressOf(memory, bytes);
  const allUtf8 = kernels(memory).validUtf8(start, start + bytes.length) !== 0;
  return Array.from({ length: data.length }, (_, i) => {
    const [from, to] = [Number(offsets[i]), Number(offsets[i + 1])];
    // Of null ones too: behind one that leads back, the same bytes could be the text of every other row.
    if (!(from >= 0 && from <= to && to <= bytes.length)) throw new Error('an offset of a text leads out of the texts');
    if (!isPresent(i)) return undefined;
    const address = start + from;
    // All texts together may be UTF-8 where one alone is not, cut inside of a character.
    const isUtf8 =
      (allUtf8 && isBorder(bytes, from) && isBorder(bytes, to)) || kernels(memory).validUtf8(address, start + to) !== 0;
    return { address, byteLength: to - from, isUtf8 };
  });
}

const isBorder = (bytes: Uint8Array, at: number): boolean => at === bytes.length || (bytes[at] & 0xc0) !== 0x80;

/** Where bytes lie in the slot's memory, or a copy of them if they lie elsewhere. */
function addressOf(memory: SlotMemory, bytes: Uint8Array): Address {
  if (bytes.length === 0) return memory.scratch(16);
  // Shared memory is the slot's, though another object may stand for it since it grew.
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes.byteOffset;
  const address = memory.scratch(bytes.length);
  memory.u8.set(bytes, address);
  return address;
}

function numberWriter(
  memory: SlotMemory,
  column: Column,
  data: Data,
  { values }: ColumnVector,
  bad: Map<number, string>,
): Put {
  const { kind, name } = column;
  if (kind === 'bool') {
    const bits = data.values as Uint8Array;
    if (bits.length * 8 < data.offset + data.length) throw new Error(`the bits of column ${name} are cut short`);
    return row => {
      memory.u8[values + row] = (bits[(data.offset + row) >> 3] >> ((data.offset + row) & 7)) & 1;
      return true;
    };
  }
  const numbers = numbersOf(data, data.length);
  const convert = kind === 'timestamp' ? msOf(data.type) : Number;
  return row => {
    const given = numbers[row];
    const value = convert(given);
    if (kind === 'float64') memory.f64[(values >>> 3) + row] = value;
    else if (kind === 'int32') memory.i32[(values >>> 2) + row] = value;
    else if (Number.isSafeInteger(value)) writeInt64(memory.u32, values + row * 8, value);
    else {
      bad.set(row, `column ${name} wants ${kind}, got ${shown(String(given))}`);
      return false;
    }
    return true;
  };
}

type Numbers = ArrayLike<number | bigint>;

function numbersOf(data: Data, numRows: number): Numbers {
  const numbers = data.values as Int32Array | BigInt64Array;
  if (numbers.length < numRows) throw new Error('values are cut short');
  return numbers;
}

/** Whole milliseconds of an instant in the type's unit; what is finer is cut off towards the past. */
function msOf(type: DataType): (value: number | bigint) => number {
  const lib = arrow();
  if (lib.DataType.isDate(type) && type.unit === lib.DateUnit.DAY) return days => Number(days) * MS_PER_DAY;
  if (!lib.DataType.isTimestamp(type)) return Number;
  switch (type.unit) {
    case lib.TimeUnit.SECOND:
      return seconds => Number(seconds) * 1000;
    case lib.TimeUnit.MILLISECOND:
      return Number;
    case lib.TimeUnit.MICROSECOND:
      return value => Number(floorDiv(BigInt(value), 1000n));
    case lib.TimeUnit.NANOSECOND:
      return value => Number(floorDiv(BigInt(value), 1_000_000n));
    default:
      return assertNever(type.unit);
  }
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}
