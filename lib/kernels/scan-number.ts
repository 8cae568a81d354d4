// Numbers, instants and booleans from text. Each parser knows the plain forms only; for anything else, right or wrong,
// it gives NOT_PLAIN (or NaN) and the record takes the exact path in JavaScript.

/** No value of a column: integers are below 2^53. */
export const NOT_PLAIN: i64 = i64.MIN_VALUE;
const MAX_SAFE: i64 = 9007199254740991;
const ZERO: u32 = 0x30;
const MINUS: u32 = 0x2d;
const PLUS: u32 = 0x2b;
const DOT: u32 = 0x2e;
const MS_PER_DAY: i64 = 86400000;
/** What a double holds exactly, so that one multiplication or division rounds once. */
const MAX_EXACT_POWER: i32 = 22;
const MAX_EXACT_DIGITS: i32 = 15;
const POWERS = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
]);

// Digits only, 1 to 16 of them after leading zeros: 16 lanes at once, neighbours joined to 2, 4 and 8 digits.
// @ts-ignore: decorator
@inline
function parseDigits(start: usize, end: usize): i64 {
  while (end - start > 16) {
    if (<u32>load<u8>(start) != ZERO) return NOT_PLAIN;
    start++;
  }
  const length = end - start;
  if (length == 0) return NOT_PLAIN;
  const iota = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const inside = i8x16.ge_u(iota, i8x16.splat(<i8>(16 - length)));
  // Read backwards from the end: what lies before the field is always memory, what lies after it may not be.
  const digits = v128.and(i8x16.sub(v128.load(end - 16), i8x16.splat(<i8>ZERO)), inside);
  if (v128.any_true(i8x16.gt_u(digits, i8x16.splat(9)))) return NOT_PLAIN;
  const tens = i16x8(10, 1, 10, 1, 10, 1, 10, 1);
  const two = i16x8.narrow_i32x4_s(
    i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(digits), tens),
    i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(digits), tens),
  );
  const four = i32x4.dot_i16x8_s(two, i16x8(100, 1, 100, 1, 100, 1, 100, 1));
  const eight = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_s(four, four), i16x8(10000, 1, 10000, 1, 10000, 1, 10000, 1));
  return <i64>i32x4.extract_lane(eight, 0) * 100000000 + <i64>i32x4.extract_lane(eight, 1);
}

/** Optional sign and digits, below 2^53. */
export function parseInteger(start: usize, end: usize): i64 {
  if (start >= end) return NOT_PLAIN;
  const first: u32 = load<u8>(start);
  const negative = first == MINUS;
  if (negative || first == PLUS) start++;
  const value = parseDigits(start, end);
  if (value == NOT_PLAIN || value > MAX_SAFE) return NOT_PLAIN;
  return negative ? -value : value;
}

/** A decimal of at most 15 significant digits and a power of ten of at most 22 either way; else NaN. */
export function parseDecimal(start: usize, end: usize): f64 {
  let p = start;
  if (p >= end) return NaN;
  const first: u32 = load<u8>(p);
  const negative = first == MINUS;
  if (negative || first == PLUS) p++;
  let value: u64 = 0;
  let significant: i32 = 0;
  let numDigits: i32 = 0;
  let power: i32 = 0;
  for (; p < end; p++) {
    const digit = <u32>load<u8>(p) - ZERO;
    if (digit > 9) break;
    value = value * 10 + digit;
    significant += i32(value != 0);
    numDigits++;
  }
  if (p < end && <u32>load<u8>(p) == DOT) {
    for (p++; p < end; p++) {
      const digit = <u32>load<u8>(p) - ZERO;
      if (digit > 9) break;
      value = value * 10 + digit;
      significant += i32(value != 0);
      numDigits++;
      power--;
    }
  }
  if (numDigits == 0 || significant > MAX_EXACT_DIGITS) return NaN;
  if (p < end) {
    if ((load<u8>(p) | 0x20) != 0x65) return NaN;
    p++;
    if (p >= end) return NaN;
    const sign: u32 = load<u8>(p);
    if (sign == MINUS || sign == PLUS) p++;
    const length = end - p;
    if (length == 0 || length > 4) return NaN;
    let exponent: i32 = 0;
    for (; p < end; p++) {
      const digit = <u32>load<u8>(p) - ZERO;
      if (digit > 9) return NaN;
      exponent = exponent * 10 + digit;
    }
    power += sign == MINUS ? -exponent : exponent;
  }
  if (power < -MAX_EXACT_POWER || power > MAX_EXACT_POWER) return NaN;
  const whole = <f64>value;
  const result =
    power < 0 ? whole / load<f64>(POWERS + (<usize>-power << 3)) : whole * load<f64>(POWERS + (<usize>power << 3));
  return negative ? -result : result;
}

// Two digits, or more than 99.
// @ts-ignore: decorator
@inline
function twoDigits(p: usize): u32 {
  const tens = <u32>load<u8>(p) - ZERO;
  const ones = <u32>load<u8>(p, 1) - ZERO;
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/**
 * `YYYY-MM-DD`, then nothing or `T` or a space and `HH:MM:SS`, `.sss` or nothing, `Z` or nothing (UTC): epoch
 * milliseconds. A day after the month's last runs into the next month, as Date.parse has it.
 */
export function parseInstant(start: usize, end: usize): i64 {
  let length = end - start;
  if (length < 10) return NOT_PLAIN;
  if (length > 10 && load<u8>(end - 1) == 0x5a) length--;
  const years = twoDigits(start);
  const month = twoDigits(start + 5);
  const day = twoDigits(start + 8);
  const inCentury = twoDigits(start + 2);
  if (years > 99 || inCentury > 99 || month - 1 > 11 || day - 1 > 30) return NOT_PLAIN;
  if (load<u8>(start, 4) != MINUS || load<u8>(start, 7) != MINUS) return NOT_PLAIN;
  let year: i64 = years * 100 + inCentury;
  if (year == 0) return NOT_PLAIN;
  let ms: i64 = 0;
  if (length != 10) {
    if (length != 19 && length != 23) return NOT_PLAIN;
    const separator: u32 = load<u8>(start, 10);
    const hour = twoDigits(start + 11);
    const minute = twoDigits(start + 14);
    const second = twoDigits(start + 17);
    if ((separator != 0x54 && separator != 0x20) || load<u8>(start, 13) != 0x3a || load<u8>(start, 16) != 0x3a) {
      return NOT_PLAIN;
    }
    if (hour > 23 || minute > 59 || second > 59) return NOT_PLAIN;
    ms = <i64>((hour * 60 + minute) * 60 + second) * 1000;
    if (length == 23) {
      const tenths = <u32>load<u8>(start, 20) - ZERO;
      const rest = twoDigits(start + 21);
      if (load<u8>(start, 19) != DOT || tenths > 9 || rest > 99) return NOT_PLAIN;
      ms += tenths * 100 + rest;
    }
  } else if (length != end - start) return NOT_PLAIN;
  // Days since 1970-01-01 in the Gregorian calendar, years counted from March so that a leap day ends its year.
  year -= month <= 2 ? 1 : 0;
  const era = year / 400;
  const yearOfEra = year - era * 400;
  const dayOfYear: i64 = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const days = era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
  return days * MS_PER_DAY + ms;
}

/** `true`, `1`: 1; `false`, `0`: 0; else -1. */
export function parseBool(start: usize, end: usize): i32 {
  const length = end - start;
  if (length == 1) {
    const digit = <u32>load<u8>(start) - ZERO;
    return digit <= 1 ? <i32>digit : -1;
  }
  if (length == 4) return load<u32>(start) == 0x65757274 ? 1 : -1;
  if (length == 5) return load<u32>(start) == 0x736c6166 && load<u8>(start, 4) == 0x65 ? 0 : -1;
  return -1;
}
