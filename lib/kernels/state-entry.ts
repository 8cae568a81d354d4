// Layout of a state table and its entries, for the other state kernels; inlined into them. What it all means:
// lib/state/table-layout.ts.
//
// table   0 magic  8 key groups in all  12 from  16 to  20 value bytes (all ones: variable)  24 applying  32 offset mask
//        36 key group that wants room  40 bytes it wants  44 hash of the key it is for
//        64 + 8 (group - from): pages u32, index u32 (0: none yet)
// pages   0 capacity  4 pages  8 rows  12 bytes in holes  16 first page of the last block  20 times compacted
//        24 bytes of the blocks  28 bytes of entries      32 + 16 page: address u32, end u32, capacity u32 (0: goes on)
// index   0 capacity  4 depth  8 bytes of the segments    16 segments u32: address, its low 4 bits log2(slots) - 4
// segment 0 capacity  4 slots ever used  8 of them removed  12 depth       16 slots u32
// entry   0 hash  4 key length, top bit: removed  [variable: 8 value length  12 value capacity]  key, padded to 8  value, padded to 8
// slot    offset of the entry / 8 in the bits of the offset mask, above them the same bits of the hash moved up past its
//         key group; 0 is empty, 1 removed. Offsets count on from page to page.
import { sameVector, sameBytes, loadPadded, align8, keyGroupOf } from './group-bytes';

export const VARIABLE: u32 = 0xffffffff;
export const REMOVED: u32 = 0x80000000;
export const PAGE_SHIFT: u32 = 16;
/** Where the entries of the first page begin, so that no slot of theirs is 0 or 1. */
export const FIRST_ENTRY: u32 = 16;

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

/** Where the header has the pages and the index of a hash's key group; 0 where that is another partition's. */
// @ts-ignore: decorator
@inline
export function groupSlot(table: usize, hash: u32): usize {
  const group = keyGroupOf(hash, load<u32>(table, 8)) - load<u32>(table, 12);
  return group < load<u32>(table, 16) - load<u32>(table, 12) ? table + 64 + (<usize>group << 3) : 0;
}

/** The entry that a slot stands for. */
// @ts-ignore: decorator
@inline
export function entryOf(pages: usize, slot: u32, offsets: u32): usize {
  const at = slot & offsets;
  return load<u32>(pages + (<usize>(at >> (PAGE_SHIFT - 3)) << 4), 32) + ((at << 3) & ((1 << PAGE_SHIFT) - 1));
}

/** Hash bits for the segment and the tag: all but those of the key group, which its entries share, moved to the top. */
// @ts-ignore: decorator
@inline
export function tagOf(hash: u32, numKeyGroups: u32): u32 {
  return hash * numKeyGroups;
}

/** The segment of an index that a key is in, with its size. */
// @ts-ignore: decorator
@inline
export function segmentOf(index: usize, tag: u32): u32 {
  // Shifted twice: a shift by 32 would be one by 0.
  return load<u32>(index + (<usize>((tag >> 1) >> (31 - load<u32>(index, 4))) << 2), 16);
}

// @ts-ignore: decorator
@inline
export function slotsAt(segment: u32): usize {
  return <usize>(segment & ~15) + 16;
}

// @ts-ignore: decorator
@inline
export function slotMask(segment: u32): u32 {
  return (16 << (segment & 15)) - 1;
}

// @ts-ignore: decorator
@inline
export function matches(entry: usize, variable: bool, key: usize, length: u32, hash: u32): bool {
  if (load<u32>(entry) != hash || load<u32>(entry, 4) != length) return false;
  const have = keyAt(entry, variable);
  return length <= 16 ? sameVector(loadPadded(have, length), loadPadded(key, length)) : sameBytes(have, key, length);
}

/** Where the value of an entry lies. */
// @ts-ignore: decorator
@inline
export function stateValue(table: usize, entry: usize): usize {
  return valueAt(entry, load<u32>(table, 20) == VARIABLE);
}
