/** Where the declared columns of an Arrow schema lie in its record batches, and how their values are to be read. */
import type { DataType, Schema } from 'apache-arrow';
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { NUMBER_CODE } from './arrow-kernels.js';
import { arrow, type Arrow } from './arrow.js';

/** Counts of what comes before a column in a record batch. */
export interface ArrowPlace {
  readonly node: number;
  readonly buffer: number;
  /** Columns of views, which have as many more buffers as each batch says. */
  readonly views: number;
  readonly values: ArrowValues;
}

/** The buffers of a column after the bits that tell nulls, by what is in them. `number`: its code for the kernels. */
export type ArrowValues =
  | { readonly kind: 'numbers'; readonly number: number; readonly bytes: 1 | 2 | 4 | 8 }
  /** Integers of 64 bits that become int64, or instants in milliseconds. */
  | { readonly kind: 'integers'; readonly isUnsigned: boolean }
  /** Instants of another unit: times `mul`, divided by `div`. */
  | { readonly kind: 'instants'; readonly isWide: boolean; readonly mul: number; readonly div: number }
  | { readonly kind: 'bits' }
  | { readonly kind: 'texts'; readonly isWide: boolean }
  /** Numbers of texts in a dictionary, whose own offsets have 64 bits or 32. */
  | {
      readonly kind: 'entries';
      readonly id: number;
      readonly isWide: boolean;
      readonly number: number;
      readonly bytes: 1 | 2 | 4 | 8;
    };

const MS_PER_DAY = 86_400_000;

/** @param columns which `arrowSchemaProblem` found to fit. @returns one for each of them */
export function arrowPlaces(schema: Schema, columns: readonly Column[]): ArrowPlace[] {
  const lib = arrow();
  const hasOldUnions = schema.metadataVersion < lib.MetadataVersion.V5;
  const found = new Map<string, ArrowPlace>();
  let [node, buffer, views] = [0, 0, 0];
  const pass = (type: DataType): void => {
    node++;
    buffer += buffersOf(lib, type, hasOldUnions);
    if (lib.DataType.isUtf8View(type) || lib.DataType.isBinaryView(type)) views++;
    // The values of a dictionary are in a message of their own.
    if (!lib.DataType.isDictionary(type)) for (const child of type.children ?? []) pass(child.type as DataType);
  };
  for (const { name, type } of schema.fields) {
    const column = columns.find(declared => declared.name === name);
    if (column !== undefined) found.set(name, { node, buffer, views, values: valuesOf(lib, column, type as DataType) });
    pass(type as DataType);
  }
  return columns.map(({ name }) => {
    const place = found.get(name);
    if (place === undefined) throw new EngineError('internal', `column ${name} is not in the schema that was checked`);
    return place;
  });
}

function buffersOf(lib: Arrow, type: DataType, hasOldUnions: boolean): number {
  const { Type, UnionMode } = lib;
  switch (type.typeId) {
    case Type.Null:
      return 0;
    case Type.Struct:
    case Type.FixedSizeList:
      return 1;
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Binary:
    case Type.LargeBinary:
      return 3;
    case Type.Union: {
      const isDense = lib.DataType.isUnion(type) && type.mode === UnionMode.Dense;
      return (isDense ? 2 : 1) + Number(hasOldUnions);
    }
    default:
      return 2;
  }
}

function valuesOf(lib: Arrow, { kind }: Column, type: DataType): ArrowValues {
  const { DataType, DateUnit, TimeUnit } = lib;
  if (DataType.isDictionary(type)) {
    const isWide = DataType.isLargeUtf8(type.dictionary);
    return { kind: 'entries', id: type.id, isWide, ...integerOf(type.indices) };
  }
  if (DataType.isBool(type)) return { kind: 'bits' };
  if (DataType.isUtf8(type)) return { kind: 'texts', isWide: false };
  if (DataType.isLargeUtf8(type)) return { kind: 'texts', isWide: true };
  if (DataType.isFloat(type)) {
    const isDouble = type.precision === lib.Precision.DOUBLE;
    return { kind: 'numbers', number: NUMBER_CODE[isDouble ? 'float64' : 'float32'], bytes: isDouble ? 8 : 4 };
  }
  if (DataType.isDate(type)) {
    if (type.unit === DateUnit.MILLISECOND) return { kind: 'integers', isUnsigned: false };
    return { kind: 'instants', isWide: false, mul: MS_PER_DAY, div: 1 };
  }
  if (DataType.isTimestamp(type)) {
    const { unit } = type;
    switch (unit) {
      case TimeUnit.SECOND:
        return { kind: 'instants', isWide: true, mul: 1000, div: 1 };
      case TimeUnit.MILLISECOND:
        return { kind: 'integers', isUnsigned: false };
      case TimeUnit.MICROSECOND:
        return { kind: 'instants', isWide: true, mul: 1, div: 1000 };
      case TimeUnit.NANOSECOND:
        return { kind: 'instants', isWide: true, mul: 1, div: 1_000_000 };
      default:
        return assertNever(unit);
    }
  }
  if (!DataType.isInt(type))
    throw new EngineError('internal', `a column of ${kind} was to be read from ${String(type)}`);
  if (type.bitWidth === 64) return { kind: 'integers', isUnsigned: !type.isSigned };
  return { kind: 'numbers', ...integerOf(type) };
}

function integerOf({ bitWidth, isSigned }: { readonly bitWidth: number; readonly isSigned: boolean }): {
  readonly number: number;
  readonly bytes: 1 | 2 | 4 | 8;
} {
  const sign = isSigned ? 0 : 1;
  switch (bitWidth) {
    case 8:
      return { number: NUMBER_CODE.int8 + sign, bytes: 1 };
    case 16:
      return { number: NUMBER_CODE.int16 + sign, bytes: 2 };
    case 32:
      return { number: NUMBER_CODE.int32 + sign, bytes: 4 };
    default:
      return { number: NUMBER_CODE.int64 + sign, bytes: 8 };
  }
}
