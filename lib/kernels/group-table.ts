// The hash table of lib/columnar/group-table.ts: row -> group, then one tight pass per aggregate.
//
// header  0 index address   4 index mask     8 entries address   12 entry stride   16 next group
//        20 entry capacity 24 key store at  28 key store end     32 aggregates     36 groups the index may hold
//        40 key bytes wanted (set when the key store is full)   64 the aggregates' first values, 8 bytes each
// entry   0 key, zero-filled (16), or of a longer key: 12 first bytes, address u32   16 hash   20 length   24 accumulators
// slot    u32: group in the bits of the mask, above them the same bits of the hash; 0 is empty. Entry 0 stands for no
//         group: it matches no key, and rows that an aggregate leaves out are sent there instead of being branched on.
import { loadPadded, sameVector, sameBytes, copyLoose, keyGroupOf } from './group-bytes';

// @ts-ignore: decorator
@inline
function longKeyMatches(entry: usize, key: usize, length: u32): bool {
  return sameBytes(load<u32>(entry, 12), key, length);
}

/**
 * Finds or makes the groups of rows [start, n). Three passes a block: load the first slot of each row; compare its
 * entry, without a branch; probe on only for rows that did not match. The first two keep many cache misses in flight.
 *
 * @param groups u32 out, from `start`; @param rest u32[1024] for the rows of the third pass
 * @returns rows done: less than n when entries, index or key store want to grow first
 */
export function groupFind(header: usize, values: usize, lengths: usize, hashes: usize, start: u32, n: u32, groups: usize, rest: usize): u32 {
  const index: usize = load<u32>(header);
  const mask = load<u32>(header, 4);
  const entries: usize = load<u32>(header, 8);
  const stride = load<u32>(header, 12);
  for (let from = start; from < n; from += 1024) {
    const to = min(from + 1024, n);
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      store<u32>(groups + at, load<u32>(index + (<usize>(load<u32>(hashes + at) & mask) << 2)));
    }
    let numRest: u32 = 0;
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      const group = load<u32>(groups + at) & mask;
      const entry = entries + group * stride;
      const length = load<u32>(lengths + at);
      const value: usize = load<u32>(values + at);
      let same = <u32>(length == load<u32>(entry, 20));
      if (length <= 16) same &= <u32>sameVector(loadPadded(value, length), v128.load(entry));
      else if (same) same = <u32>(load<u32>(hashes + at) == load<u32>(entry, 16) && longKeyMatches(entry, value, length));
      store<u32>(groups + at, group);
      store<u32>(rest + (<usize>numRest << 2), i);
      numRest += 1 - same;
    }
    for (let r: u32 = 0; r < numRest; r++) {
      const i = load<u32>(rest + (<usize>r << 2));
      const at = <usize>i << 2;
      const group = findOne(header, index, mask, entries, stride, load<u32>(values + at), load<u32>(lengths + at), load<u32>(hashes + at));
      if (group == 0) return i;
      store<u32>(groups + at, group);
    }
  }
  return n;
}

function findOne(header: usize, index: usize, mask: u32, entries: usize, stride: u32, value: usize, length: u32, hash: u32): u32 {
  const key = loadPadded(value, min(length, 16));
  let at = hash & mask;
  for (;;) {
    const slot = load<u32>(index + (<usize>at << 2));
    if (slot == 0) break;
    if (((slot ^ hash) & ~mask) == 0) {
      const entry = entries + (slot & mask) * stride;
      if (load<u32>(entry, 20) == length && load<u32>(entry, 16) == hash) {
        if (length <= 16 ? sameVector(key, v128.load(entry)) : longKeyMatches(entry, value, length)) return slot & mask;
      }
    }
    at = (at + 1) & mask;
  }
  const group = load<u32>(header, 16);
  if (group >= load<u32>(header, 20) || group > load<u32>(header, 36)) return 0;
  const entry = entries + group * stride;
  if (length <= 16) {
    v128.store(entry, key);
  } else {
    const to = load<u32>(header, 24);
    if (load<u32>(header, 28) - to < length + 16) {
      store<u32>(header, length + 16, 40);
      return 0;
    }
    copyLoose(to, value, length);
    v128.store(entry, key);
    store<u32>(entry, to, 12);
    store<u32>(header, to + length, 24);
  }
  store<u32>(entry, hash, 16);
  store<u32>(entry, length, 20);
  const accumulators = load<u32>(header, 32) << 3;
  for (let a: u32 = 0; a < accumulators; a += 8) store<u64>(entry + a, load<u64>(header + a, 64), 24);
  store<u32>(index + (<usize>at << 2), (hash & ~mask) | group);
  store<u32>(header, group + 1, 16);
  return group;
}

/** Fills a cleared index from the entries. */
export function groupReindex(header: usize): void {
  const index: usize = load<u32>(header);
  const mask = load<u32>(header, 4);
  const stride = load<u32>(header, 12);
  const numEntries = load<u32>(header, 16);
  let entry: usize = load<u32>(header, 8) + stride;
  for (let group: u32 = 1; group < numEntries; group++, entry += stride) {
    const hash = load<u32>(entry, 16);
    let at = hash & mask;
    while (load<u32>(index + (<usize>at << 2)) != 0) at = (at + 1) & mask;
    store<u32>(index + (<usize>at << 2), (hash & ~mask) | group);
  }
}

/** out[i] = groups[i], or 0 where the u8 mask is 0 or the bit of the validity bitmap (from bit `bit`) is; either may be absent (0). */
export function groupSelect(groups: usize, n: u32, mask: usize, validity: usize, bit: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    let keep: u32 = mask == 0 ? 1 : <u32>load<u8>(mask + i) & 1;
    if (validity != 0) keep &= <u32>load<u8>(validity + ((bit + i) >> 3)) >> ((bit + i) & 7);
    store<u32>(out + (<usize>i << 2), load<u32>(groups + (<usize>i << 2)) & (0 - keep));
  }
}

/**
 * Adds n rows to accumulator number `which`. Kinds: 0 sumInt64, 1 sumFloat64, 2 minInt64, 3 maxInt64, 4 minFloat64,
 * 5 maxFloat64. `values` 0 stands for the constant 1.
 */
export function groupAccumulate(header: usize, which: u32, kind: u32, groups: usize, n: u32, values: usize): void {
  const base: usize = load<u32>(header, 8) + 24 + (which << 3);
  const stride = load<u32>(header, 12);
  if (values == 0 && kind == 0) {
    for (let i: u32 = 0; i < n; i++) {
      const to = base + load<u32>(groups + (<usize>i << 2)) * stride;
      store<i64>(to, load<i64>(to) + 1);
    }
    return;
  }
  const one: i64 = (kind == 0 || kind == 2 || kind == 3) ? 1 : reinterpret<i64>(<f64>1);
  switch (kind) {
    case 0:
      for (let i: u32 = 0; i < n; i++) {
        const to = base + load<u32>(groups + (<usize>i << 2)) * stride;
        store<i64>(to, load<i64>(to) + load<i64>(values + (<usize>i << 3)));
      }
      break;
    case 1:
      for (let i: u32 = 0; i < n; i++) {
        const to = base + load<u32>(groups + (<usize>i << 2)) * stride;
        store<f64>(to, load<f64>(to) + (values == 0 ? 1 : load<f64>(values + (<usize>i << 3))));
      }
      break;
    default:
      for (let i: u32 = 0; i < n; i++) {
        const to = base + load<u32>(groups + (<usize>i << 2)) * stride;
        store<i64>(to, combine(kind, load<i64>(to), values == 0 ? one : load<i64>(values + (<usize>i << 3))));
      }
  }
}

/** What a float64 minimum or maximum is before its first value: a NaN that no arithmetic gives. */
const NO_FLOAT: i64 = 0x7ff8_51d1_ce00_0001;

/** Two accumulators of one kind made one; float64 kinds pass as their bits. NaN wins over every number. */
// @ts-ignore: decorator
@inline
export function combine(kind: u32, a: i64, b: i64): i64 {
  switch (kind) {
    case 0: return a + b;
    case 1: return reinterpret<i64>(reinterpret<f64>(a) + reinterpret<f64>(b));
    case 2: return a < b ? a : b;
    case 3: return a > b ? a : b;
    default:
      if (a == NO_FLOAT) return b;
      if (b == NO_FLOAT) return a;
      return kind == 4
        ? reinterpret<i64>(min(reinterpret<f64>(a), reinterpret<f64>(b)))
        : reinterpret<i64>(max(reinterpret<f64>(a), reinterpret<f64>(b)));
  }
}

/** Validity bits of minima and maxima: 0 where no value was taken in. Returns how many those are. */
export function groupNone(kind: u32, values: usize, n: u32, out: usize): u32 {
  const none: i64 = kind == 2 ? i64.MAX_VALUE : kind == 3 ? i64.MIN_VALUE : NO_FLOAT;
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i += 8) {
    let byte: u32 = 0;
    const end = min(n - i, 8);
    for (let b: u32 = 0; b < end; b++) byte |= <u32>(load<i64>(values + (<usize>(i + b) << 3)) != none) << b;
    count += end - <u32>popcnt(byte);
    store<u8>(out + (i >> 3), <u8>byte);
  }
  return count;
}

/** The groups' keys in order, as slices; returns their bytes in all. */
export function groupKeys(header: usize, values: usize, lengths: usize, hashes: usize): f64 {
  const stride = load<u32>(header, 12);
  const numGroups = load<u32>(header, 16) - 1;
  let entry: usize = load<u32>(header, 8) + stride;
  let bytes: f64 = 0;
  for (let i: u32 = 0; i < numGroups; i++, entry += stride) {
    const at = <usize>i << 2;
    const length = load<u32>(entry, 20);
    store<u32>(values + at, length <= 16 ? <u32>entry : load<u32>(entry, 12));
    store<u32>(lengths + at, length);
    store<u32>(hashes + at, load<u32>(entry, 16));
    bytes += <f64>length;
  }
  return bytes;
}

/** Accumulator number `which` of every group in order, 8 bytes each. */
export function groupColumn(header: usize, which: u32, out: usize): void {
  const stride = load<u32>(header, 12);
  const numGroups = load<u32>(header, 16) - 1;
  let from: usize = load<u32>(header, 8) + stride + 24 + (which << 3);
  for (let i: u32 = 0; i < numGroups; i++, from += stride) store<u64>(out + (<usize>i << 3), load<u64>(from));
}

// @ts-ignore: decorator
@inline
function partitionOf(hash: u32, numPartitions: u32, numKeyGroups: u32): u32 {
  return numPartitions <= numKeyGroups
    ? (keyGroupOf(hash, numKeyGroups) * numPartitions) / numKeyGroups
    : <u32>((<u64>hash * numPartitions) >> 32);
}

/** Counting pass of the shuffle: partitions[i] of each group, and per partition u32 rows, u32 key bytes (cleared by the caller). */
export function groupPartition(header: usize, numPartitions: u32, numKeyGroups: u32, partitions: usize, counts: usize): void {
  const stride = load<u32>(header, 12);
  const numGroups = load<u32>(header, 16) - 1;
  let entry: usize = load<u32>(header, 8) + stride;
  for (let i: u32 = 0; i < numGroups; i++, entry += stride) {
    const partition = partitionOf(load<u32>(entry, 16), numPartitions, numKeyGroups);
    store<u32>(partitions + (<usize>i << 2), partition);
    const count = counts + (<usize>partition << 3);
    store<u32>(count, load<u32>(count) + 1);
    store<u32>(count, load<u32>(count, 4) + load<u32>(entry, 20), 4);
  }
}

/**
 * Placing pass: targets[partition] = { hashes at, lengths at, accumulators at, keys at, rows } (u32 each, 32 bytes
 * apart); the first two, the third and the fourth move on with what is written. Accumulators lie by column, `rows` apart.
 */
export function groupScatter(header: usize, partitions: usize, targets: usize): void {
  const stride = load<u32>(header, 12);
  const numGroups = load<u32>(header, 16) - 1;
  const numAggregates = load<u32>(header, 32);
  let entry: usize = load<u32>(header, 8) + stride;
  for (let i: u32 = 0; i < numGroups; i++, entry += stride) {
    const target = targets + (<usize>load<u32>(partitions + (<usize>i << 2)) << 5);
    const hashAt = load<u32>(target);
    const lengthAt = load<u32>(target, 4);
    const valueAt = load<u32>(target, 8);
    const keyAt = load<u32>(target, 12);
    const apart = load<u32>(target, 16) << 3;
    const length = load<u32>(entry, 20);
    store<u32>(hashAt, load<u32>(entry, 16));
    store<u32>(lengthAt, length);
    for (let a: u32 = 0; a < numAggregates; a++) store<u64>(valueAt + a * apart, load<u64>(entry + (a << 3), 24));
    copyLoose(keyAt, length <= 16 ? <u32>entry : load<u32>(entry, 12), length);
    store<u32>(target, hashAt + 4);
    store<u32>(target, lengthAt + 4, 4);
    store<u32>(target, valueAt + 8, 8);
    store<u32>(target, keyAt + length, 12);
  }
}
