/** Numbers, instants and booleans of an Arrow column in the widths of a declared one. */
import { assertNever } from '../core/assert-never.js';
import type { Column } from '../core/schema.js';
import { NUMBER_CODE } from './arrow-kernels.js';
import type { ArrowValues } from './arrow-places.js';
import { KIND_CODE, VALUE_BYTES } from './column-layout.js';
import { shown } from './decode-value.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

export type NumberValues = Exclude<ArrowValues, { readonly kind: 'texts' | 'entries' }>;

export interface NumberBuffer {
  readonly from: Address;
  readonly numRows: number;
  /** 0: no row is null. */
  readonly validity: Address;
  /** Takes rows whose value does not fit, with the reason. */
  readonly bad: Map<number, string>;
}

/** The number types whose values are those of a kind as they are. */
const OWN_NUMBER: { readonly [kind in Column['kind']]?: number } = {
  int32: NUMBER_CODE.int32,
  float64: NUMBER_CODE.float64,
};
/** The kernel for bits writes so many bytes at once. */
const OUT_SLACK = 8;

/** @returns where the values are: where they lay, if they are those of the column's kind already, or in scratch */
export function readNumbers(memory: SlotMemory, column: Column, how: NumberValues, buffer: NumberBuffer): Address {
  const { from, numRows, validity } = buffer;
  const k = kernels(memory);
  const isInPlace = validity === 0 && from % 8 === 0;
  const out = (): Address => memory.scratch(numRows * VALUE_BYTES[column.kind] + OUT_SLACK);
  const convert = (number: number): Address => {
    const values = out();
    k.arrowNumbers(number, from, numRows, validity, KIND_CODE[column.kind], values);
    return values;
  };
  switch (how.kind) {
    case 'bits': {
      const values = out();
      k.arrowBits(from, numRows, validity, values);
      return values;
    }
    case 'numbers':
      return isInPlace && how.number === OWN_NUMBER[column.kind] ? from : convert(how.number);
    case 'integers':
      if (k.arrowUnsafe(from, numRows, validity, Number(how.isUnsigned)) > 0) tellFar(memory, column, how, buffer);
      return isInPlace ? from : convert(NUMBER_CODE.int64);
    case 'instants': {
      const values = out();
      const numFar = k.arrowInstants(from, Number(how.isWide), numRows, validity, how.mul, how.div, values);
      if (numFar > 0) tellFar(memory, column, how, buffer);
      return values;
    }
    default:
      return assertNever(how);
  }
}

/** Finds the rows whose value comes to no safe integer. */
function tellFar(
  memory: SlotMemory,
  column: Column,
  how: NumberValues & { readonly kind: 'integers' | 'instants' },
  { from, numRows, validity, bad }: NumberBuffer,
): void {
  const view = new DataView(memory.memory.buffer);
  const given = (row: number): bigint => {
    if (how.kind === 'instants' && !how.isWide) return BigInt(view.getInt32(from + row * 4, true));
    const at = from + row * 8;
    return how.kind === 'integers' && how.isUnsigned ? view.getBigUint64(at, true) : view.getBigInt64(at, true);
  };
  const [mul, div] = how.kind === 'instants' ? [BigInt(how.mul), BigInt(how.div)] : [1n, 1n];
  for (let row = 0; row < numRows; row++) {
    if (validity !== 0 && ((memory.u8[validity + (row >> 3)] >> (row & 7)) & 1) === 0) continue;
    const value = given(row);
    if (Number.isSafeInteger(Number((value * mul) / div))) continue;
    bad.set(row, `column ${column.name} wants ${column.kind}, got ${shown(String(value))}`);
  }
}
