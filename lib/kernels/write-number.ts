// Whole numbers as decimal digits.

/** Digits of a number, at least one. */
// @ts-ignore: decorator
@inline
function digitsOf(value: u64): u32 {
  let digits: u32 = 1;
  for (let bound: u64 = 10; value >= bound; bound *= 10) if (++digits == 20) break;
  return digits;
}

/** Bytes that `putInteger` writes. */
export function integerBytes(value: i64): u32 {
  return value < 0 ? digitsOf(0 - <u64>value) + 1 : digitsOf(<u64>value);
}

/** Writes a number, at most 20 bytes. @returns the address behind it */
export function putInteger(to: usize, value: i64): usize {
  let rest = <u64>value;
  if (value < 0) {
    store<u8>(to++, 0x2d);
    rest = 0 - rest;
  }
  const end = to + digitsOf(rest);
  let at = end;
  for (; rest > 0xffff_ffff; ) {
    const tenth = rest / 10;
    store<u8>(--at, 48 + <u8>(rest - tenth * 10));
    rest = tenth;
  }
  let small = <u32>rest;
  for (; small >= 10; ) {
    const tenth = small / 10;
    store<u8>(--at, 48 + <u8>(small - tenth * 10));
    small = tenth;
  }
  store<u8>(--at, 48 + <u8>small);
  return end;
}
