// Columns of an Arrow record batch in the widths and forms of the engine's own. Null rows (by `validity`, 0 = none are) get
// 0, a text without bytes: what lies under them in a record batch may be anything and is not looked at. Buffers have
// their whole length (the caller has looked); what is in them is not trusted.
import { bitOf } from './group-bytes';
import { validUtf8 } from './scan-utf8';

/** The largest integer of which a JavaScript number holds all neighbours, 2^53 - 1. */
const MAX_SAFE: i64 = 9007199254740991;

// @ts-ignore: decorator
@inline
function isThere(validity: usize, row: u32): u32 {
  return validity == 0 ? 1 : bitOf(validity, row);
}

// @ts-ignore: decorator
@inline
function convert<S, T>(values: usize, n: u32, validity: usize, out: usize): void {
  if (validity == 0) {
    for (let i: usize = 0; i < n; i++) store<T>(out + i * sizeof<T>(), <T>load<S>(values + i * sizeof<S>()));
    return;
  }
  for (let i: u32 = 0; i < n; i++) {
    const value = <T>load<S>(values + <usize>i * sizeof<S>());
    store<T>(out + <usize>i * sizeof<T>(), bitOf(validity, i) ? value : <T>0);
  }
}

// @ts-ignore: decorator
@inline
function convertFrom<T>(source: u32, values: usize, n: u32, validity: usize, out: usize): void {
  switch (source) {
    case 0:
      return convert<i8, T>(values, n, validity, out);
    case 1:
      return convert<u8, T>(values, n, validity, out);
    case 2:
      return convert<i16, T>(values, n, validity, out);
    case 3:
      return convert<u16, T>(values, n, validity, out);
    case 4:
      return convert<i32, T>(values, n, validity, out);
    case 5:
      return convert<u32, T>(values, n, validity, out);
  }
}

/**
 * n values of a type (0, 1 int8 without and with all values positive, 2, 3 int16, 4, 5 int32, 6 int64, 8 float32,
 * 9 float64) as int32 (to = 1), int64 (2) or float64 (3). Integers become no narrower ones, nor int64 floats.
 */
export function arrowNumbers(source: u32, values: usize, n: u32, validity: usize, to: u32, out: usize): void {
  if (source == 9) convert<f64, f64>(values, n, validity, out);
  else if (source == 8) convert<f32, f64>(values, n, validity, out);
  else if (source == 6) convert<i64, i64>(values, n, validity, out);
  else if (to == 1) convertFrom<i32>(source, values, n, validity, out);
  else if (to == 2) convertFrom<i64>(source, values, n, validity, out);
  else convertFrom<f64>(source, values, n, validity, out);
}

// @ts-ignore: decorator
@inline
function isUnsafe(value: i64): u32 {
  return u32(<u64>(value + MAX_SAFE) > <u64>(2 * MAX_SAFE));
}

/** How many of n int64 (or, not 0 = of no sign) are not in -(2^53 - 1) .. 2^53 - 1. */
export function arrowUnsafe(values: usize, n: u32, validity: usize, unsigned: u32): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const value = load<i64>(values + (<usize>i << 3));
    const far = unsigned ? u32(<u64>value > <u64>MAX_SAFE) : isUnsafe(value);
    count += far & isThere(validity, i);
  }
  return count;
}

// Towards the past, as instants before 1970 must be cut.
// @ts-ignore: decorator
@inline
function floorDiv(value: i64, by: i64): i64 {
  const quotient = value / by;
  return quotient - i64(value < 0 && quotient * by != value);
}

/**
 * Instants (int64, or with `wide` 0 int32) times `mul`, divided by `div`, one of which is 1, in int64; returns how many
 * come to no safe integer, and are written as 0.
 */
export function arrowInstants(values: usize, wide: u32, n: u32, validity: usize, mul: u32, div: u32, out: usize): u32 {
  const farthest = MAX_SAFE / <i64>mul;
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i;
    let value: i64 = wide ? load<i64>(values + (at << 3)) : <i64>load<i32>(values + (at << 2));
    if (div != 1) value = floorDiv(value, <i64>div);
    let there = isThere(validity, i);
    if (there && (value > farthest || value < -farthest)) {
      there = 0;
      count++;
    }
    store<i64>(out + (at << 3), there ? value * <i64>mul : 0);
  }
  return count;
}

/** n bits as bytes 0 / 1; `out` has room for a multiple of 8. */
export function arrowBits(bits: usize, n: u32, validity: usize, out: usize): void {
  for (let i: u32 = 0; i < n; i += 8) {
    let byte: u64 = load<u8>(bits + (i >> 3));
    if (validity != 0) byte &= <u64>load<u8>(validity + (i >> 3));
    // Each byte of the product has the eight bits; of byte b, bit b is kept and moved to its bottom.
    const spread = (byte * 0x0101010101010101) & 0x8040201008040201;
    store<u64>(out + i, ((spread + 0x7f7f7f7f7f7f7f7f) >> 7) & 0x0101010101010101);
  }
}

// @ts-ignore: decorator
@inline
function slices<O>(offsets: usize, n: u32, validity: usize, bytes: usize, numBytes: u32, values: usize, lengths: usize): u32 {
  let outside: u32 = 0;
  let from = load<O>(offsets);
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i;
    const to = load<O>(offsets + (at + 1) * sizeof<O>());
    const wrong = u32(from > to) | u32(to > <O>numBytes);
    const there = isThere(validity, i);
    // Of null rows too: behind one that leads back, the same bytes could be the text of every other row.
    outside |= wrong;
    const length: u32 = there & (wrong ^ 1) ? <u32>(to - from) : 0;
    store<u32>(values + (at << 2), length == 0 ? 0 : <u32>bytes + <u32>from);
    store<u32>(lengths + (at << 2), length);
    from = to;
  }
  return outside;
}

/** Texts by their n + 1 offsets (u32, or with `wide` u64) into `numBytes` bytes, as slices. Returns not 0 where one leads out. */
export function arrowTexts(
  offsets: usize, wide: u32, n: u32, validity: usize, bytes: usize, numBytes: u32, values: usize, lengths: usize,
): u32 {
  return wide
    ? slices<u64>(offsets, n, validity, bytes, numBytes, values, lengths)
    : slices<u32>(offsets, n, validity, bytes, numBytes, values, lengths);
}

/** 0 when the bytes of start..end are ASCII, 1 when they are UTF-8, 2 otherwise. */
export function arrowTextClass(start: usize, end: usize): u32 {
  let all = i8x16.splat(0);
  let p = start;
  for (; p + 16 <= end; p += 16) all = v128.or(all, v128.load(p));
  let high = u32(i8x16.bitmask(all) != 0);
  for (; p < end; p++) high |= <u32>load<u8>(p) >> 7;
  return high == 0 ? 0 : validUtf8(start, end) ? 1 : 2;
}

/** How many slices of bytes that end at `end` begin or end within a character; the bytes as a whole are UTF-8. */
export function arrowTextCuts(values: usize, lengths: usize, n: u32, end: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const length: usize = load<u32>(lengths + (<usize>i << 2));
    if (length == 0) continue;
    const from: usize = load<u32>(values + (<usize>i << 2));
    const to = from + length;
    const begins = (load<u8>(from) & 0xc0) == 0x80;
    count += u32(begins || (to < end && (load<u8>(to) & 0xc0) == 0x80));
  }
  return count;
}

// @ts-ignore: decorator
@inline
function entryOf(source: u32, values: usize, i: usize): u64 {
  // Sign-extended: a negative number is larger than any dictionary.
  switch (source) {
    case 0:
      return <u64>load<i8>(values + i);
    case 1:
      return load<u8>(values + i);
    case 2:
      return <u64>load<i16>(values + (i << 1));
    case 3:
      return load<u16>(values + (i << 1));
    case 4:
      return <u64>load<i32>(values + (i << 2));
    case 5:
      return load<u32>(values + (i << 2));
    default:
      return load<u64>(values + (i << 3));
  }
}

/** Texts by their numbers (type as in `arrowNumbers`, 7 = int64 without a sign) in a dictionary, as slices. Returns not 0 where one is not in it. */
export function arrowEntries(
  source: u32, numbers: usize, n: u32, validity: usize,
  entries: usize, entryLengths: usize, numEntries: u32, values: usize, lengths: usize,
): u32 {
  let outside: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i;
    const entry = entryOf(source, numbers, at);
    const there = isThere(validity, i);
    const known = u32(entry < <u64>numEntries);
    outside |= there & (known ^ 1);
    const isText = there & known;
    store<u32>(values + (at << 2), isText ? load<u32>(entries + (<usize>entry << 2)) : 0);
    store<u32>(lengths + (at << 2), isText ? load<u32>(entryLengths + (<usize>entry << 2)) : 0);
  }
  return outside;
}
