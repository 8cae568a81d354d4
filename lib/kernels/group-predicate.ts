// Row masks of predicates in three-valued logic, one byte a row: 0 false, 3 true, 1 unknown, so that `and` is the bitwise
// and, `or` the bitwise or, and `not` swaps the two bits of the complement.
import { bitOf, loadPadded, sameVector, sameBytes, compareBytes } from './group-bytes';

// @ts-ignore: decorator
@inline
function compareLoop<T>(values: usize, n: u32, less: u32, equal: u32, greater: u32, invert: u32, constant: f64, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const value = <f64>load<T>(values + <usize>i * sizeof<T>());
    const hit = (<u32>(value < constant) & less) | (<u32>(value == constant) & equal) | (<u32>(value > constant) & greater);
    store<u8>(out + i, <u8>((hit ^ invert) * 3));
  }
}

/** There are two values: what each gives is found once. Masks and scratch are multiples of 16 bytes. */
function maskBools(values: usize, n: u32, less: u32, equal: u32, greater: u32, invert: u32, constant: f64, out: usize): void {
  const ofFalse = (<u32>(0 < constant) & less) | (<u32>(0 == constant) & equal) | (<u32>(0 > constant) & greater);
  const ofTrue = (<u32>(1 < constant) & less) | (<u32>(1 == constant) & equal) | (<u32>(1 > constant) & greater);
  const no = i8x16.splat(<i8>((ofFalse ^ invert) * 3));
  const yes = i8x16.splat(<i8>((ofTrue ^ invert) * 3));
  const zero = i8x16.splat(0);
  for (let i: u32 = 0; i < n; i += 16) {
    v128.store(out + i, v128.bitselect(no, yes, i8x16.eq(v128.load(values + i), zero)));
  }
}

/** Numbers (kinds 1 int32, 2 int64, 3 float64, 4 bool, 5 timestamp) against a constant; true where the order found is wanted, or where not if `invert`. */
export function maskNumbers(kind: u32, values: usize, n: u32, less: u32, equal: u32, greater: u32, invert: u32, constant: f64, out: usize): void {
  if (kind == 1) compareLoop<i32>(values, n, less, equal, greater, invert, constant, out);
  else if (kind == 3) compareLoop<f64>(values, n, less, equal, greater, invert, constant, out);
  else if (kind == 4) maskBools(values, n, less, equal, greater, invert, constant, out);
  else compareLoop<i64>(values, n, less, equal, greater, invert, constant, out);
}

/** Slices equal to a text, or not if `invert`. Null rows are passed over: their slices may be anything. */
export function maskTextEquals(values: usize, lengths: usize, n: u32, text: usize, length: u32, invert: u32, validity: usize, out: usize): void {
  if (length <= 16) {
    const wanted = loadPadded(text, length);
    for (let i: u32 = 0; i < n; i++) {
      if (validity != 0 && !bitOf(validity, i)) continue;
      const at = <usize>i << 2;
      const hit = <u32>sameVector(loadPadded(load<u32>(values + at), length), wanted) & <u32>(load<u32>(lengths + at) == length);
      store<u8>(out + i, <u8>((hit ^ invert) * 3));
    }
    return;
  }
  for (let i: u32 = 0; i < n; i++) {
    if (validity != 0 && !bitOf(validity, i)) continue;
    const at = <usize>i << 2;
    const hit = <u32>(load<u32>(lengths + at) == length && sameBytes(load<u32>(values + at), text, length));
    store<u8>(out + i, <u8>((hit ^ invert) * 3));
  }
}

/** Slices in bytewise order against a text; null rows are passed over. */
export function maskTextOrder(values: usize, lengths: usize, n: u32, text: usize, length: u32, less: u32, equal: u32, greater: u32, validity: usize, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    if (validity != 0 && !bitOf(validity, i)) continue;
    const at = <usize>i << 2;
    const order = compareBytes(load<u32>(values + at), load<u32>(lengths + at), text, length);
    const hit = (<u32>(order < 0) & less) | (<u32>(order == 0) & equal) | (<u32>(order > 0) & greater);
    store<u8>(out + i, <u8>(hit * 3));
  }
}

/** Makes null rows unknown. */
export function maskNulls(validity: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i += 8) {
    if (load<u8>(validity + (i >> 3)) == 0xff) continue;
    const end = min(i + 8, n);
    for (let row = i; row < end; row++) if (!bitOf(validity, row)) store<u8>(out + row, 1);
  }
}

/** True where null. */
export function maskIsNull(validity: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) store<u8>(out + i, <u8>((1 - bitOf(validity, i)) * 3));
}

/** Masks are scratch of a multiple of 16 bytes, so whole vectors may be written. */
export function maskAnd(a: usize, b: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i += 16) v128.store(a + i, v128.and(v128.load(a + i), v128.load(b + i)));
}

export function maskOr(a: usize, b: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i += 16) v128.store(a + i, v128.or(v128.load(a + i), v128.load(b + i)));
}

export function maskNot(a: usize, n: u32): void {
  const low = i8x16.splat(1);
  for (let i: u32 = 0; i < n; i += 16) {
    const other = v128.not(v128.load(a + i));
    v128.store(a + i, v128.or(i8x16.shl(v128.and(other, low), 1), v128.and(i8x16.shr_u(other, 1), low)));
  }
}

/** Three values to two: 1 where true. */
export function maskTrue(a: usize, n: u32): void {
  const low = i8x16.splat(1);
  for (let i: u32 = 0; i < n; i += 16) v128.store(a + i, v128.and(i8x16.shr_u(v128.load(a + i), 1), low));
}
