// Byte slices (address, length) to and from Arrow's offsets and data, bit maps, and numbers made wider.
import { copyLoose, bitOf } from './group-bytes';

/** values[i] = where slice i starts when all lie one after another from `base`; returns their bytes in all. */
export function slicesFromLengths(lengths: usize, n: u32, base: usize, values: usize): f64 {
  let total: f64 = 0;
  let at = base;
  for (let i: u32 = 0; i < n; i++) {
    const length = load<u32>(lengths + (<usize>i << 2));
    store<u32>(values + (<usize>i << 2), at);
    at += length;
    total += <f64>length;
  }
  return total;
}

/** Slices of Arrow offsets over `byteLength` bytes at `base`; returns 0 when the offsets do not ascend within them. */
export function slicesFromOffsets(offsets: usize, n: u32, base: usize, byteLength: u32, values: usize, lengths: usize): u32 {
  let from = load<u32>(offsets);
  for (let i: u32 = 0; i < n; i++) {
    const to = load<u32>(offsets + (<usize>i << 2), 4);
    if (to < from || to > byteLength) return 0;
    store<u32>(values + (<usize>i << 2), base + from);
    store<u32>(lengths + (<usize>i << 2), to - from);
    from = to;
  }
  return 1;
}

/** Bytes of n slices in all, leaving out rows that are null (their slices may be anything). */
export function slicesBytes(lengths: usize, n: u32, validity: usize): f64 {
  let total: f64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (validity == 0 || bitOf(validity, i)) total += <f64>load<u32>(lengths + (<usize>i << 2));
  }
  return total;
}

/** Gathers n slices into Arrow offsets u32[n + 1] and data (with 16 bytes to spare). */
export function slicesGather(values: usize, lengths: usize, n: u32, validity: usize, offsets: usize, data: usize): void {
  let at: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(offsets + (<usize>i << 2), at);
    if (validity != 0 && !bitOf(validity, i)) continue;
    const length = load<u32>(lengths + (<usize>i << 2));
    copyLoose(data + at, load<u32>(values + (<usize>i << 2)), length);
    at += length;
  }
  store<u32>(offsets + (<usize>n << 2), at);
}

/** Bytes 0 / 1 to a bit map of (n + 7) / 8 bytes. */
export function packBits(bytes: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i += 8) {
    let byte: u32 = 0;
    const end = min(n - i, 8);
    for (let b: u32 = 0; b < end; b++) byte |= (<u32>load<u8>(bytes + i + b) & 1) << b;
    store<u8>(out + (i >> 3), <u8>byte);
  }
}

/** How many of the first n bits are 0. */
export function countZeroBits(bits: usize, n: u32): u32 {
  let ones: u32 = 0;
  for (let i: u32 = 0; i < n >> 3; i++) ones += <u32>popcnt(<u32>load<u8>(bits + i));
  for (let i = n & ~7; i < n; i++) ones += bitOf(bits, i);
  return n - ones;
}

/** n values of a kind (1 int32, 2 int64, 3 float64, 4 bool, 5 timestamp) as float64, or those of the integer kinds as int64. */
export function widen(kind: u32, values: usize, n: u32, toFloat: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const to = out + (<usize>i << 3);
    if (kind == 3) {
      store<f64>(to, load<f64>(values + (<usize>i << 3)));
      continue;
    }
    const value: i64 =
      kind == 1 ? <i64>load<i32>(values + (<usize>i << 2)) : kind == 4 ? <i64>load<u8>(values + i) : load<i64>(values + (<usize>i << 3));
    if (toFloat) store<f64>(to, <f64>value);
    else store<i64>(to, value);
  }
}
