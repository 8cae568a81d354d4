// Columns of a chunk copied together, taken apart again, and put behind one another; and rows by partition.
import { bitOf, copyLoose, keyGroupOf } from './group-bytes';

/** Copies n texts one behind the other to `data` (with 16 bytes to spare), and their lengths, 0 for null rows. */
export function packText(values: usize, lengths: usize, n: u32, validity: usize, outLengths: usize, data: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    const length: u32 = validity == 0 || bitOf(validity, i) ? load<u32>(lengths + at) : 0;
    store<u32>(outLengths + at, length);
    if (length == 0) continue;
    copyLoose(data, load<u32>(values + at), length);
    data += length;
  }
}

/** Sets n bits of a bit map from bit `to` on: those of `from`, or with `from` 0 all to 1. The others stay as they are. */
export function bitsAppend(from: usize, n: u32, bits: usize, to: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const bit: u32 = from == 0 ? 1 : bitOf(from, i);
    const at = bits + ((to + i) >> 3);
    const place: u32 = (to + i) & 7;
    store<u8>(at, <u8>((<u32>load<u8>(at) & ~(1 << place)) | (bit << place)));
  }
}

/**
 * Row numbers by the partition that their hash goes to, in their order within each: those of partition p are
 * order[starts[p]] .. order[starts[p + 1]]. `starts` is u32[numPartitions + 1].
 */
export function rowsByPartition(hashes: usize, n: u32, numPartitions: u32, numKeyGroups: u32, starts: usize, order: usize): void {
  memory.fill(starts, 0, (<usize>numPartitions + 1) << 2);
  for (let i: u32 = 0; i < n; i++) {
    const count = starts + (<usize>partitionOf(load<u32>(hashes + (<usize>i << 2)), numPartitions, numKeyGroups) << 2);
    store<u32>(count, load<u32>(count) + 1);
  }
  let end: u32 = 0;
  for (let p: u32 = 0; p <= numPartitions; p++) {
    end += load<u32>(starts + (<usize>p << 2));
    store<u32>(starts + (<usize>p << 2), end);
  }
  // From the last row to the first: each partition's end goes back to its start.
  for (let i = n; i > 0; i--) {
    const at = starts + (<usize>partitionOf(load<u32>(hashes + (<usize>(i - 1) << 2)), numPartitions, numKeyGroups) << 2);
    const place = load<u32>(at) - 1;
    store<u32>(order + (<usize>place << 2), i - 1);
    store<u32>(at, place);
  }
}

// @ts-ignore: decorator
@inline
export function partitionOf(hash: u32, numPartitions: u32, numKeyGroups: u32): u32 {
  return numPartitions <= numKeyGroups
    ? (keyGroupOf(hash, numKeyGroups) * numPartitions) / numKeyGroups
    : <u32>((<u64>hash * numPartitions) >> 32);
}

/** Rows of n that came first with their group, where `groups` are numbered by first appearance and `known` were before. Returns how many. */
export function firstOfGroups(groups: usize, n: u32, known: u32, firstRow: u32, out: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const group = load<u32>(groups + (<usize>i << 2));
    if (group <= known) continue;
    known = group;
    store<u32>(out + (<usize>count << 2), firstRow + i);
    count++;
  }
  return count;
}
