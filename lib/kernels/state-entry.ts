// Layout of the durable table of lib/state/state-table.ts: per key group an arena of entries and an index over it; and what
// its kernels share. Not exported from the module.
//
// table   0 magic  8 key groups in all  12 from  16 to  20 value bytes (all ones: variable)  24 applying
//        36 key group that wants room  40 bytes it wants       64 + 8 (group - from): arena u32, index u32 (0: none yet)
// arena   0 capacity, this header included  4 used, likewise  8 rows  12 bytes in holes       32 entries
// index   0 capacity, this header included  4 slot mask  8 offset mask  12 slots ever used     16 slots u32
// entry   0 hash  4 key length, top bit: removed  [variable: 8 value length  12 value capacity]  key, padded to 8  value, padded to 8
// slot    offset of the entry / 8 in the bits of the offset mask, above them the same bits of the hash moved up past its
//         key group; 0 is empty, 1 removed
import { sameVector, sameBytes, loadPadded, align8 } from './group-bytes';

export const VARIABLE: u32 = 0xffffffff;
export const REMOVED: u32 = 0x80000000;
export const ARENA_HEADER: u32 = 32;

// @ts-ignore: decorator
@inline
export function keyAt(entry: usize, variable: bool): usize {
  return entry + (variable ? 16 : 8);
}

// @ts-ignore: decorator
@inline
export function valueAt(entry: usize, variable: bool): usize {
  return keyAt(entry, variable) + align8(load<u32>(entry, 4) & ~REMOVED);
}

// @ts-ignore: decorator
@inline
export function entryBytes(entry: usize, valueBytes: u32): u32 {
  const key = align8(load<u32>(entry, 4) & ~REMOVED);
  return valueBytes == VARIABLE ? 16 + key + load<u32>(entry, 12) : 8 + key + valueBytes;
}

/** Hash bits for the tag: what lies above the index's bits, without the key group's, which all entries share. */
// @ts-ignore: decorator
@inline
export function tagOf(hash: u32, numKeyGroups: u32): u32 {
  return hash * numKeyGroups;
}

// @ts-ignore: decorator
@inline
export function matches(entry: usize, variable: bool, key: usize, length: u32, hash: u32): bool {
  if (load<u32>(entry) != hash || load<u32>(entry, 4) != length) return false;
  const have = keyAt(entry, variable);
  return length <= 16 ? sameVector(loadPadded(have, length), loadPadded(key, length)) : sameBytes(have, key, length);
}

// @ts-ignore: decorator
@inline
/** Where the value of an entry lies. */
export function stateValue(table: usize, entry: usize): usize {
  return valueAt(entry, load<u32>(table, 20) == VARIABLE);
}
