// Joins to the hash table of group-table.ts: keys are looked up and never added, then rows are paired with table rows.
// Group 0 is no group: what is not found. Layout of header, entries and index: group-table.ts; use: lib/columnar/join-index.ts.
import { bitOf, loadPadded, sameBytes, sameVector } from './group-bytes';

/**
 * groups[i] = the group of key i, 0 where the table has none. The passes of groupFind: load the first slots, compare
 * their entries without a branch, probe on for what did not match; a first slot that is empty has its answer at once.
 *
 * @param rest u32[1024] for the rows of the third pass
 */
export function joinProbe(header: usize, values: usize, lengths: usize, hashes: usize, n: u32, groups: usize, rest: usize): void {
  const index: usize = load<u32>(header);
  const mask = load<u32>(header, 4);
  const entries: usize = load<u32>(header, 8);
  const stride = load<u32>(header, 12);
  for (let from: u32 = 0; from < n; from += 1024) {
    const to = min(from + 1024, n);
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      store<u32>(groups + at, load<u32>(index + (<usize>(load<u32>(hashes + at) & mask) << 2)));
    }
    let numRest: u32 = 0;
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      const slot = load<u32>(groups + at);
      const group = slot & mask;
      const entry = entries + group * stride;
      const length = load<u32>(lengths + at);
      const value: usize = load<u32>(values + at);
      let same = <u32>(length == load<u32>(entry, 20));
      if (length <= 16) same &= <u32>sameVector(loadPadded(value, length), v128.load(entry));
      else if (same) same = <u32>(load<u32>(hashes + at) == load<u32>(entry, 16) && sameBytes(load<u32>(entry, 12), value, length));
      store<u32>(groups + at, group);
      store<u32>(rest + (<usize>numRest << 2), i);
      numRest += (1 - same) & <u32>(slot != 0);
    }
    for (let r: u32 = 0; r < numRest; r++) {
      const at = <usize>load<u32>(rest + (<usize>r << 2)) << 2;
      const group = lookUp(index, mask, entries, stride, load<u32>(values + at), load<u32>(lengths + at), load<u32>(hashes + at));
      store<u32>(groups + at, group);
    }
  }
}

function lookUp(index: usize, mask: u32, entries: usize, stride: u32, value: usize, length: u32, hash: u32): u32 {
  const key = loadPadded(value, min(length, 16));
  let at = hash & mask;
  let slot = load<u32>(index + (<usize>at << 2));
  while (slot != 0) {
    if (((slot ^ hash) & ~mask) == 0) {
      const entry = entries + (slot & mask) * stride;
      if (load<u32>(entry, 20) == length && load<u32>(entry, 16) == hash) {
        if (length <= 16 ? sameVector(key, v128.load(entry)) : sameBytes(load<u32>(entry, 12), value, length)) break;
      }
    }
    at = (at + 1) & mask;
    slot = load<u32>(index + (<usize>at << 2));
  }
  return slot & mask;
}

/** Numbers of the rows that have a group (`found` 1) or have none (0), ascending; `out` has room for n. Returns how many. */
export function joinSelect(groups: usize, n: u32, found: u32, out: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(out + (<usize>count << 2), i);
    count += <u32>(<u32>(load<u32>(groups + (<usize>i << 2)) != 0) == found);
  }
  return count;
}

/**
 * Pairs of a row and a table row, rows in order, for groups of any size: group g has the table rows
 * [starts[g], starts[g + 1]). Goes on at cursor = { row, how many of its pairs were given } and leaves where to go on.
 *
 * @param keepAll 1: a row without a group is paired with table row 0
 * @returns pairs, less than `room` only when all rows are done
 */
export function joinExpand(groups: usize, starts: usize, n: u32, keepAll: u32, cursor: usize, room: u32, rows: usize, tableRows: usize): u32 {
  let row = load<u32>(cursor);
  let given = load<u32>(cursor, 4);
  let count: u32 = 0;
  while (row < n && count < room) {
    const group = load<u32>(groups + (<usize>row << 2));
    if (group == 0 && !keepAll) {
      row++;
      continue;
    }
    const from = load<u32>(starts + (<usize>group << 2)) + given;
    const left = load<u32>(starts + (<usize>group << 2), 4) - from;
    const take = min(left, room - count);
    for (let j: u32 = 0; j < take; j++) {
      store<u32>(rows + (<usize>(count + j) << 2), row);
      store<u32>(tableRows + (<usize>(count + j) << 2), from + j);
    }
    count += take;
    given += take;
    if (take == left) {
      row++;
      given = 0;
    }
  }
  store<u32>(cursor, row);
  store<u32>(cursor, given, 4);
  return count;
}

/** Bit map of (n + 7) / 8 bytes: 1 where numbers[i] is not 0. Returns how many those are. */
export function bitsOfNumbers(numbers: usize, n: u32, out: usize): u32 {
  let ones: u32 = 0;
  for (let i: u32 = 0; i < n; i += 8) {
    let byte: u32 = 0;
    const end = min(n - i, 8);
    for (let b: u32 = 0; b < end; b++) byte |= <u32>(load<u32>(numbers + (<usize>(i + b) << 2)) != 0) << b;
    ones += <u32>popcnt(byte);
    store<u8>(out + (i >> 3), <u8>byte);
  }
  return ones;
}

/** out[i] = lengths[i], or 0 for a null, whose slice may be anything. */
export function presentLengths(lengths: usize, validity: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    store<u32>(out + at, load<u32>(lengths + at) & (0 - bitOf(validity, i)));
  }
}
