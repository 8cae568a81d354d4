// Helpers of the group and state kernels, inlined into them; not exported from the module.
// Loads may read up to 15 bytes past the end of what they are asked for: SlotMemory keeps that room at its end.

/** The `length` <= 16 bytes at `address`, zeros behind them. */
// @ts-ignore: decorator
@inline
export function loadPadded(address: usize, length: u32): v128 {
  const lane = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return v128.and(v128.load(address), i8x16.lt_u(lane, i8x16.splat(<i8>length)));
}

// @ts-ignore: decorator
@inline
export function sameVector(a: v128, b: v128): bool {
  return !v128.any_true(v128.xor(a, b));
}

/** Whether two byte strings of the same length are equal. */
export function sameBytes(a: usize, b: usize, length: u32): bool {
  let at: u32 = 0;
  for (; at + 16 <= length; at += 16) {
    if (!sameVector(v128.load(a + at), v128.load(b + at))) return false;
  }
  return at == length || sameVector(loadPadded(a + at, length - at), loadPadded(b + at, length - at));
}

/** Bytewise order, as memcmp and then the shorter first: negative, 0, positive. */
export function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const shorter = min(aLength, bLength);
  for (let at: u32 = 0; at < shorter; at += 16) {
    const differ = ~i8x16.bitmask(i8x16.eq(v128.load(a + at), v128.load(b + at))) & 0xffff;
    if (differ == 0) continue;
    const where = at + <u32>ctz(differ);
    if (where >= shorter) break;
    return <i32>load<u8>(a + where) - <i32>load<u8>(b + where);
  }
  return aLength < bLength ? -1 : aLength > bLength ? 1 : 0;
}

/** Copies, writing up to 15 bytes too many: for targets that are filled in ascending order and have 16 bytes to spare. */
// @ts-ignore: decorator
@inline
export function copyLoose(to: usize, from: usize, length: u32): void {
  v128.store(to, v128.load(from));
  for (let at: u32 = 16; at < length; at += 16) v128.store(to + at, v128.load(from + at));
}

/** Copies exactly `length` bytes; what lies behind the target is written back as it was. */
export function copyExact(to: usize, from: usize, length: u32): void {
  let at: u32 = 0;
  for (; at + 16 <= length; at += 16) v128.store(to + at, v128.load(from + at));
  if (at == length) return;
  const lane = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const inside = i8x16.lt_u(lane, i8x16.splat(<i8>(length - at)));
  v128.store(to + at, v128.bitselect(v128.load(from + at), v128.load(to + at), inside));
}

// @ts-ignore: decorator
@inline
export function bitOf(bitmap: usize, i: u32): u32 {
  return (<u32>load<u8>(bitmap + (i >> 3)) >> (i & 7)) & 1;
}

// @ts-ignore: decorator
@inline
export function align8(bytes: u32): u32 {
  return (bytes + 7) & ~7;
}

/** The key group of a hash: its top bits, for `numKeyGroups` a power of two. */
// @ts-ignore: decorator
@inline
export function keyGroupOf(hash: u32, numKeyGroups: u32): u32 {
  return <u32>((<u64>hash * numKeyGroups) >> 32);
}
