// Some rows of a column, by their numbers, and the numbers of the rows that a mask selects.
import { bitOf } from './group-bytes';

// @ts-ignore: decorator
@inline
function gather<T>(from: usize, indexes: usize, n: u32, to: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    store<T>(to + <usize>i * sizeof<T>(), load<T>(from + <usize>load<u32>(indexes + (<usize>i << 2)) * sizeof<T>()));
  }
}

/** to[i] = from[indexes[i]] for n values of 1, 4 or 8 bytes. */
export function gather8(from: usize, indexes: usize, n: u32, to: usize): void {
  gather<u8>(from, indexes, n, to);
}

export function gather32(from: usize, indexes: usize, n: u32, to: usize): void {
  gather<u32>(from, indexes, n, to);
}

export function gather64(from: usize, indexes: usize, n: u32, to: usize): void {
  gather<u64>(from, indexes, n, to);
}

/** The bits of n rows as a bit map of (n + 7) / 8 bytes. Returns how many are 1. */
export function gatherBits(bits: usize, indexes: usize, n: u32, to: usize): u32 {
  let ones: u32 = 0;
  for (let i: u32 = 0; i < n; i += 8) {
    let byte: u32 = 0;
    const end = min(n - i, 8);
    for (let b: u32 = 0; b < end; b++) byte |= bitOf(bits, load<u32>(indexes + (<usize>(i + b) << 2))) << b;
    ones += <u32>popcnt(byte);
    store<u8>(to + (i >> 3), <u8>byte);
  }
  return ones;
}

/** out[i] = a[i] & b[i] for n bits. */
export function bitsAnd(a: usize, b: usize, n: u32, out: usize): void {
  const bytes = (n + 7) >> 3;
  for (let i: u32 = 0; i < bytes; i++) store<u8>(out + i, load<u8>(a + i) & load<u8>(b + i));
}

/**
 * Numbers of the rows whose byte in the mask is not 0, ascending; `out` has room for n. The mask is scratch of a multiple
 * of 16 bytes. Returns how many.
 */
export function maskRows(mask: usize, n: u32, out: usize): u32 {
  const first = out;
  const zero = i8x16.splat(0);
  for (let i: u32 = 0; i < n; i += 16) {
    let bits: u32 = i8x16.bitmask(i8x16.ne(v128.load(mask + i), zero));
    if (n - i < 16) bits &= (1 << (n - i)) - 1;
    if (bits == 0xffff) {
      const rows = i32x4.splat(i);
      v128.store(out, i32x4.add(rows, i32x4(0, 1, 2, 3)));
      v128.store(out, i32x4.add(rows, i32x4(4, 5, 6, 7)), 16);
      v128.store(out, i32x4.add(rows, i32x4(8, 9, 10, 11)), 32);
      v128.store(out, i32x4.add(rows, i32x4(12, 13, 14, 15)), 48);
      out += 64;
      continue;
    }
    for (; bits; bits &= bits - 1) {
      store<u32>(out, i + <u32>ctz(bits));
      out += 4;
    }
  }
  return <u32>((out - first) >> 2);
}
