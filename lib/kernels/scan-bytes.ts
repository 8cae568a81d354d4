// Comparing bytes of input. What lies before input is always memory, what lies behind it may not be: so all that is read
// beyond a text is read before it.

// 16 bytes a step from the end.
// @ts-ignore: decorator
@inline
export function sameBytes(a: usize, b: usize, length: usize): bool {
  while (length > 16) {
    length -= 16;
    if (i8x16.bitmask(i8x16.eq(v128.load(a + length), v128.load(b + length))) != 0xffff) return false;
  }
  const equal: u32 = i8x16.bitmask(i8x16.eq(v128.load(a + length - 16), v128.load(b + length - 16)));
  return equal >> (16 - <u32>length) == (1 << <u32>length) - 1;
}
