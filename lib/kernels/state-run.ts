// Runs: entries of one key group outside its table, in blocks, ascending by hash. An entry lies there as in the table's
// pages (state-entry.ts), so it is copied as it is. What a run is for: lib/state/run-layout.ts.
import { VARIABLE, REMOVED, keyAt, valueAt, entryBytes, matches } from './state-entry';
import { stateAppend, stateCommit } from './state-table';

/** The entry of a key among those of a block, or 0. */
export function runFind(block: usize, end: usize, valueBytes: u32, key: usize, length: u32, hash: u32): usize {
  const variable = valueBytes == VARIABLE;
  for (let entry = block; entry < end; entry += entryBytes(entry, valueBytes)) {
    const found = load<u32>(entry);
    if (found > hash) return 0;
    if (found == hash && matches(entry, variable, key, length, hash)) return entry;
  }
  return 0;
}

/** The first entry with this hash from `entry` on, or 0. */
export function runNextOfHash(entry: usize, end: usize, valueBytes: u32, hash: u32): usize {
  for (; entry < end; entry += entryBytes(entry, valueBytes)) {
    if (load<u32>(entry) == hash) return entry;
    if (load<u32>(entry) > hash) return 0;
  }
  return 0;
}

/** Where the entry behind this one begins. */
export function runNext(entry: usize, valueBytes: u32): usize {
  return entry + entryBytes(entry, valueBytes);
}

/** Entries from `entry` on: keys as slices with hashes, entries as refs. Stops after maxRows. @returns rows */
export function runScan(entry: usize, end: usize, valueBytes: u32, maxRows: u32, values: usize, lengths: usize, hashes: usize, refs: usize): u32 {
  const variable = valueBytes == VARIABLE;
  let count: u32 = 0;
  for (; entry < end && count < maxRows; entry += entryBytes(entry, valueBytes), count++) {
    const at = <usize>count << 2;
    store<u32>(values + at, <u32>keyAt(entry, variable));
    store<u32>(lengths + at, load<u32>(entry, 4));
    store<u32>(hashes + at, load<u32>(entry));
    store<u32>(refs + at, <u32>entry);
  }
  return count;
}

/**
 * How many of the entries refs[from .. n), which ascend by hash, make the next block: `wanted` bytes of them at least while there
 * are so many, and all that share a hash.
 * @param size takes their bytes
 */
export function runMeasure(refs: usize, from: u32, n: u32, valueBytes: u32, wanted: u32, size: usize): u32 {
  let bytes: u32 = 0;
  let i = from;
  let last: u32 = 0;
  for (; i < n; i++) {
    const entry: usize = load<u32>(refs + (<usize>i << 2));
    const hash = load<u32>(entry);
    if (bytes >= wanted && hash != last) break;
    bytes += entryBytes(entry, valueBytes);
    last = hash;
  }
  store<u32>(size, bytes);
  return i - from;
}

/** Copies the entries refs[from .. to) one behind another. */
export function runCopy(refs: usize, from: u32, to: u32, valueBytes: u32, out: usize): void {
  for (let i = from; i < to; i++) {
    const entry: usize = load<u32>(refs + (<usize>i << 2));
    const bytes = entryBytes(entry, valueBytes);
    memory.copy(out, entry, bytes);
    out += bytes;
  }
}

/**
 * Adds a copy of an entry, whose key the table does not have, to key group `group`, counted from the table's first.
 * @returns false when the key group wants room: what it wants is left in the table's header
 */
export function statePut(table: usize, group: u32, entry: usize): bool {
  const valueBytes = load<u32>(table, 20);
  const variable = valueBytes == VARIABLE;
  const length = load<u32>(entry, 4) & ~REMOVED;
  const valueLength = variable ? load<u32>(entry, 8) : valueBytes;
  const made = stateAppend(table, group, keyAt(entry, variable), length, load<u32>(entry), valueLength);
  if (made == 0) return false;
  memory.copy(valueAt(made, variable), valueAt(entry, variable), valueLength);
  stateCommit(table, group, made);
  return true;
}

// @ts-ignore: decorator
@inline
function mixed(lanes: v128, words: v128): v128 {
  const sum = v128.xor(lanes, words);
  return i32x4.mul(v128.or(i32x4.shl(sum, 13), i32x4.shr_u(sum, 19)), i32x4.splat(0x9e3779b1));
}

// @ts-ignore: decorator
@inline
function folded(h: u32): u32 {
  h = (h ^ (h >> 15)) * 0x85ebca77;
  h = (h ^ (h >> 13)) * 0xc2b2ae3d;
  return h ^ (h >> 16);
}

/**
 * A checksum of entries, whose bytes are a multiple of 8. Sixteen lanes of 32 bits, so that multiplications overlap: a
 * change of one word always changes it, any other but once in 2^32 times.
 */
export function runChecksum(at: usize, length: u32): u32 {
  let a = i32x4(1, 2, 3, 4);
  let b = i32x4(5, 6, 7, 8);
  let c = i32x4(9, 10, 11, 12);
  let d = i32x4(13, 14, 15, 16);
  const end = at + length;
  for (; at + 64 <= end; at += 64) {
    a = mixed(a, v128.load(at));
    b = mixed(b, v128.load(at, 16));
    c = mixed(c, v128.load(at, 32));
    d = mixed(d, v128.load(at, 48));
  }
  for (; at + 8 <= end; at += 8) {
    a = mixed(a, v128.load64_zero(at));
    // What was in one lane moves on, so that words in another order give another sum.
    a = i8x16.shuffle(a, a, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
  }
  let sum = length;
  for (let lanes: u32 = 0; lanes < 4; lanes++) {
    sum = folded(sum + <u32>i32x4.extract_lane(a, 0)) + <u32>i32x4.extract_lane(a, 1);
    sum = folded(sum) + <u32>i32x4.extract_lane(a, 2);
    sum = folded(sum) + <u32>i32x4.extract_lane(a, 3);
    a = b;
    b = c;
    c = d;
  }
  return folded(sum);
}
