/** Random Arrow columns, made of buffers by hand, with what a declared column must read of each row. */
import * as lib from 'apache-arrow';
import type { ColumnKind } from '../../lib/core/schema.js';
import { intBelow, pick, randomString, SPECIAL_STRINGS, type Random } from './random-values.js';

/** What a row must read as: a value, null, or that it is bad. */
export type Expected = string | number | boolean | null | { readonly bad: string };

export interface RandomColumn {
  readonly data: lib.Data;
  readonly expected: readonly Expected[];
}

type Raw = number | bigint;

interface NumberSource {
  readonly type: lib.DataType;
  readonly array: new (length: number) => ArrayLike<unknown> & { fill(value: never): unknown };
  readonly raw: (random: Random) => Raw;
  readonly read: (raw: Raw) => number;
}

const bits = (random: Random, numBits: number): bigint => {
  let value = 0n;
  for (let i = 0; i < numBits; i += 16) value = (value << 16n) | BigInt(intBelow(random, 65_536));
  // Small ones and those near the limits of what a number holds come often.
  const form = intBelow(random, 4);
  if (form === 0) return value % 1000n;
  return form === 1 && numBits === 64 ? 2n ** 53n - 2n + (value % 4n) : value;
};

const SIGNED = { 8: lib.Int8, 16: lib.Int16, 32: lib.Int32, 64: lib.Int64 };
const UNSIGNED = { 8: lib.Uint8, 16: lib.Uint16, 32: lib.Uint32, 64: lib.Uint64 };
const SIGNED_ARRAYS = { 8: Int8Array, 16: Int16Array, 32: Int32Array, 64: BigInt64Array };
const UNSIGNED_ARRAYS = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array };
const WIDTHS = [8, 16, 32, 64] as const;

const integers = (numBits: (typeof WIDTHS)[number], isSigned: boolean): NumberSource => {
  const array = (isSigned ? SIGNED_ARRAYS : UNSIGNED_ARRAYS)[numBits];
  const cut = isSigned ? BigInt.asIntN : BigInt.asUintN;
  const raw = (random: Random): Raw => {
    const value = cut(numBits, bits(random, numBits));
    return numBits === 64 ? value : Number(value);
  };
  return { type: new (isSigned ? SIGNED : UNSIGNED)[numBits](), array: array as never, raw, read: Number };
};

const wide = (type: lib.DataType, read: (value: bigint) => bigint): NumberSource => ({
  ...integers(64, true),
  ...{ type, read: raw => Number(read(BigInt(raw))) },
});

const floorDiv = (value: bigint, by: bigint): bigint => {
  const quotient = value / by;
  return quotient * by > value ? quotient - 1n : quotient;
};

const floats = (type: lib.DataType, array: typeof Float32Array | typeof Float64Array): NumberSource => ({
  ...{ type, array: array as never, read: raw => (array === Float32Array ? Math.fround(Number(raw)) : Number(raw)) },
  raw: random => pick(random, [0, 1.5, -2.25, NaN, Infinity, random() * 1e9]),
});

const small = WIDTHS.slice(0, 3).flatMap(numBits => [integers(numBits, true), integers(numBits, false)]);

const NUMBERS: { readonly [kind in Exclude<ColumnKind, 'utf8' | 'bool'>]: readonly NumberSource[] } = {
  int32: small.filter(({ type }) => !(type instanceof lib.Uint32)),
  int64: [...small, integers(64, true), integers(64, false)],
  float64: [...small, floats(new lib.Float32(), Float32Array), floats(new lib.Float64(), Float64Array)],
  timestamp: [
    wide(new lib.TimestampSecond(), value => value * 1000n),
    wide(new lib.TimestampMillisecond(), value => value),
    wide(new lib.TimestampMicrosecond(), value => floorDiv(value, 1000n)),
    wide(new lib.TimestampNanosecond(), value => floorDiv(value, 1_000_000n)),
    wide(new lib.DateMillisecond(), value => value),
    { ...integers(32, true), type: new lib.DateDay(), read: raw => Number(raw) * 86_400_000 },
    integers(64, true),
    integers(64, false),
  ],
};

interface Shape {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly nullable: boolean;
  readonly numRows: number;
}

/** Whether each row is there; now and then a column that has no nulls has bits all the same, and one has none but nulls. */
function presence(random: Random, { numRows }: Shape): { readonly isThere: boolean[]; readonly bits: object } {
  const share = pick(random, [0, 0, 0.1, 0.9, 1]);
  const isThere = Array.from({ length: numRows }, () => random() >= share);
  const nullCount = isThere.filter(there => !there).length;
  // Behind the last row the bits are whatever they are.
  const nullBitmap = new Uint8Array(Math.ceil(numRows / 64) * 8).fill(intBelow(random, 256));
  isThere.forEach((there, i) => {
    if (there) nullBitmap[i >> 3] |= 1 << (i & 7);
    else nullBitmap[i >> 3] &= ~(1 << (i & 7));
  });
  return { isThere, bits: nullCount === 0 ? { nullCount } : { nullCount, nullBitmap } };
}

const orNull = (there: boolean, { name, kind, nullable }: Shape, value: () => Expected): Expected =>
  there ? value() : nullable ? null : { bad: `column ${name} wants ${kind}, got null` };

export function randomColumn(random: Random, shape: Shape): RandomColumn {
  if (shape.kind === 'bool') return boolColumn(random, shape);
  if (shape.kind === 'utf8') return random() < 0.5 ? textColumn(random, shape) : dictionaryColumn(random, shape);
  const { type, array, raw, read } = pick(random, NUMBERS[shape.kind]);
  const { isThere, bits: nulls } = presence(random, shape);
  const given = isThere.map(() => raw(random));
  const data = Object.assign(new array(given.length), given);
  const expected = given.map((value, i) =>
    orNull(isThere[i] === true, shape, () => {
      const number = read(value);
      const isInteger = shape.kind === 'int64' || shape.kind === 'timestamp';
      const isFar = isInteger && !Number.isSafeInteger(number);
      return isFar ? { bad: `column ${shape.name} wants ${shape.kind}, got ${value}` } : number;
    }),
  );
  return { data: lib.makeData({ type, length: given.length, data, ...nulls } as never), expected };
}

function boolColumn(random: Random, shape: Shape): RandomColumn {
  const { isThere, bits: nulls } = presence(random, shape);
  const data = Uint8Array.from({ length: Math.ceil(shape.numRows / 8) }, () => intBelow(random, 256));
  const expected = isThere.map((there, i) => orNull(there, shape, () => ((data[i >> 3] ?? 0) & (1 << (i & 7))) !== 0));
  return { data: lib.makeData({ type: new lib.Bool(), length: shape.numRows, data, ...nulls } as never), expected };
}

/** Bytes that are no text by themselves, and a character in two halves, which is one when both are looked at together. */
const NO_TEXTS = [Buffer.from([0xff]), Buffer.from([0xe2, 0x82]), Buffer.from([0xc3])];

function textData(random: Random, shape: Shape): { readonly data: lib.Data; readonly texts: (Buffer | undefined)[] } {
  const { isThere, bits: nulls } = presence(random, shape);
  const odds = pick(random, [0, 0, 0.02]);
  const isAscii = random() < 0.3;
  const texts = isThere.map(there => {
    // What lies under a null is no text at all, now and then.
    if (!there) return pick(random, [Buffer.alloc(0), Buffer.from('under'), Buffer.from([0x80, 0xff])]);
    if (random() < odds) return pick(random, NO_TEXTS);
    return Buffer.from(isAscii ? 'x'.repeat(intBelow(random, 40)) : randomString(random, 40));
  });
  // A slice of a larger batch: its texts begin somewhere within the bytes, and more follow.
  const before = random() < 0.5 ? Buffer.alloc(0) : Buffer.from(pick(random, SPECIAL_STRINGS));
  const bytes = Buffer.concat([before, ...texts, before]);
  const isWide = random() < 0.5;
  const offsets = [before.length];
  for (const { length } of texts) offsets.push((offsets.at(-1) ?? 0) + length);
  const common = { length: texts.length, data: new Uint8Array(bytes), ...nulls };
  const data = isWide
    ? lib.makeData({
        type: new lib.LargeUtf8(),
        ...{ ...common, valueOffsets: BigInt64Array.from(offsets, BigInt) },
      } as never)
    : lib.makeData({ type: new lib.Utf8(), ...common, valueOffsets: Int32Array.from(offsets) } as never);
  return { data, texts: texts.map((text, i) => (isThere[i] ? text : undefined)) };
}

function expectedText(text: Buffer | undefined, shape: Shape): Expected {
  return orNull(text !== undefined, shape, () => {
    const read = (text ?? Buffer.alloc(0)).toString('utf8');
    const isText = Buffer.from(read, 'utf8').equals(text ?? Buffer.alloc(0));
    return isText ? read : { bad: `column ${shape.name} wants utf8, got bytes that are not UTF-8` };
  });
}

function textColumn(random: Random, shape: Shape): RandomColumn {
  const { data, texts } = textData(random, shape);
  return { data, expected: texts.map(text => expectedText(text, shape)) };
}

function dictionaryColumn(random: Random, shape: Shape): RandomColumn {
  const { data: words, texts } = textData(random, { ...shape, numRows: 1 + intBelow(random, 100) });
  const { isThere, bits: nulls } = presence(random, shape);
  const number = pick(
    random,
    WIDTHS.flatMap(numBits => [integers(numBits, true), integers(numBits, false)]),
  );
  const entries = isThere.map(() => intBelow(random, texts.length));
  // Under a null is a number that no dictionary has.
  const given = entries.map((entry, i) => (isThere[i] ? entry : 127));
  const isBig = number.array.name.startsWith('Big');
  const data = Object.assign(
    new number.array(given.length),
    given.map(entry => (isBig ? BigInt(entry) : entry)),
  );
  const type = new lib.Dictionary(words.type, number.type as lib.Int32, intBelow(random, 1_000_000));
  const dictionary = new lib.Vector([words]);
  return {
    data: lib.makeData({ type, length: given.length, data, dictionary, ...nulls } as never),
    expected: entries.map((entry, i) => expectedText(isThere[i] ? texts[entry] : undefined, shape)),
  };
}
