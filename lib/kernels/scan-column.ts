// Where decoded values go. One entry a declared column, u32 fields:
//
//   0 kind   4 nullable   8 values   12 lengths   16 validity   20 number of nulls   24 name   28 name length
//   32 the last record that had the column (JSON)   36 entry of the object it lies in, 0 for the record itself (JSON)
//   40 not 0: an object of which a column wants an item by its number (JSON)          48 bytes in all
//
// `values` is 0 for a column that is only checked. Behind the columns stand the objects that some of them lie in. The layout is written by lib/columnar/decode-columns.ts.

import { NOT_PLAIN, parseBool, parseDecimal, parseInstant, parseInteger } from './scan-number';

export const ENTRY_BYTES: usize = 48;
export const KIND: usize = 0;
export const NULLABLE: usize = 4;
const VALUES: usize = 8;
const LENGTHS: usize = 12;
const VALIDITY: usize = 16;
const NULLS: usize = 20;
export const NAME: usize = 24;
export const NAME_LENGTH: usize = 28;
export const STAMP: usize = 32;
export const PARENT: usize = 36;
export const HAS_INDEX: usize = 40;

export const UTF8: u32 = 0;
const INT32: u32 = 1;
const INT64: u32 = 2;
const FLOAT64: u32 = 3;
export const BOOL: u32 = 4;
const TIMESTAMP: u32 = 5;
/** An entry that is no column: an object that columns lie in. */
export const OBJECT: u32 = 6;

const FIRST_INT32: i64 = -2147483648;
const LAST_INT32: i64 = 2147483647;

// A row may be begun several times (a bad record gives its place to the next), so the bit is written either way.
// @ts-ignore: decorator
@inline
function setValid(column: usize, row: u32, valid: u32): void {
  const validity: usize = load<u32>(column, VALIDITY);
  if (validity == 0) return;
  const at = validity + (row >> 3);
  const bit = row & 7;
  store<u8>(at, (<u32>load<u8>(at) & ~(1 << bit)) | (valid << bit));
}

// @ts-ignore: decorator
@inline
export function valuesOf(column: usize): usize {
  return load<u32>(column, VALUES);
}

// @ts-ignore: decorator
@inline
export function lengthsOf(column: usize): usize {
  return load<u32>(column, LENGTHS);
}

// @ts-ignore: decorator
@inline
export function isNull(column: usize, row: u32): u32 {
  const validity: usize = load<u32>(column, VALIDITY);
  if (validity == 0) return 0;
  return ((<u32>load<u8>(validity + (row >> 3)) >> (row & 7)) & 1) ^ 1;
}

/** Null in a nullable column. Its value is 0 (text: no bytes), so that whoever reads without asking finds no stray address. */
export function putNull(column: usize, row: u32): bool {
  if (load<u32>(column, NULLABLE) == 0) return false;
  const values: usize = load<u32>(column, VALUES);
  if (values == 0) return true;
  setValid(column, row, 0);
  store<u32>(column, load<u32>(column, NULLS) + 1, NULLS);
  const kind = load<u32>(column, KIND);
  if (kind == UTF8) {
    store<u32>(values + (row << 2), 0);
    store<u32>(load<u32>(column, LENGTHS) + (row << 2), 0);
  } else if (kind == BOOL) store<u8>(values + row, 0);
  else if (kind == INT32) store<u32>(values + (row << 2), 0);
  else store<u64>(values + (row << 3), 0);
  return true;
}

// @ts-ignore: decorator
@inline
export function putText(column: usize, row: u32, start: usize, length: usize): void {
  const values: usize = load<u32>(column, VALUES);
  if (values == 0) return;
  store<u32>(values + (row << 2), start);
  store<u32>(load<u32>(column, LENGTHS) + (row << 2), length);
  setValid(column, row, 1);
}

// @ts-ignore: decorator
@inline
export function isKept(column: usize): bool {
  return load<u32>(column, VALUES) != 0;
}

// @ts-ignore: decorator
@inline
function putLong(column: usize, row: u32, value: i64): bool {
  if (value == NOT_PLAIN) return false;
  const values: usize = load<u32>(column, VALUES);
  if (values == 0) return true;
  store<i64>(values + (row << 3), value);
  setValid(column, row, 1);
  return true;
}

/** Parses text into a column of any kind but utf8; false where the exact path has to decide. */
export function putParsed(column: usize, row: u32, start: usize, end: usize): bool {
  switch (load<u32>(column, KIND)) {
    case TIMESTAMP:
      // A date has its fifth byte there; digits never do.
      if (end - start >= 10 && load<u8>(start, 4) == 0x2d) return putLong(column, row, parseInstant(start, end));
      return putLong(column, row, parseInteger(start, end));
    case INT64:
      return putLong(column, row, parseInteger(start, end));
    case INT32: {
      const value = parseInteger(start, end);
      if (value < FIRST_INT32 || value > LAST_INT32) return false;
      const values: usize = load<u32>(column, VALUES);
      if (values == 0) return true;
      store<i32>(values + (row << 2), <i32>value);
      break;
    }
    case FLOAT64: {
      const value = parseDecimal(start, end);
      if (value != value) return false;
      const values: usize = load<u32>(column, VALUES);
      if (values == 0) return true;
      store<f64>(values + (row << 3), value);
      break;
    }
    case BOOL:
      return putBool(column, row, parseBool(start, end));
    default:
      return false;
  }
  setValid(column, row, 1);
  return true;
}

/** @param value 0 or 1; below 0 is refused */
export function putBool(column: usize, row: u32, value: i32): bool {
  if (value < 0) return false;
  const values: usize = load<u32>(column, VALUES);
  if (values == 0) return true;
  store<u8>(values + row, value);
  setValid(column, row, 1);
  return true;
}
