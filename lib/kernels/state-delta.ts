// Changes of a state table: made from a group table, and applied. Layout of a delta: lib/state/delta-layout.ts.
//
// delta   0 magic  4 rows  8 value bytes (all ones: variable)  12 removed rows  16 key bytes  20 value bytes in all
//        24 at hashes u32  28 at key offsets u32[rows + 1]  32 at removed bits  36 at values: columns of 8 bytes, or
//        offsets u32[rows + 1]  40 at key bytes  44 at the bytes of variable values           (`at`: from the delta's start)
import { combine } from './group-table';
import { VARIABLE, stateValue } from './state-entry';
import { stateFind, stateRemove, stateAppend, stateCommit } from './state-table';
import { bitOf, keyGroupOf } from './group-bytes';

/**
 * Rows [from, to) of a batch's groups, whose entries were just looked up: adds the state's values to theirs, and lists
 * the rows whose values differ from the state's then, or from `firsts` where there is no entry. Row by row, so that an
 * entry is taken from memory once for all its columns.
 *
 * @param kinds u32 for each column: how it is combined; `firsts` holds one value for each column
 * @param values columns of n 8-byte values, one after another
 * @param rows takes the numbers of those rows, ascending, behind the `count` that it has
 * @returns how many it has then
 */
export function stateMerge(
  table: usize, refs: usize, from: u32, to: u32, n: u32, columns: u32, kinds: usize, firsts: usize, values: usize, rows: usize, count: u32
): u32 {
  const step = <usize>n << 3;
  for (let i = from; i < to; i++) {
    const entry: usize = load<u32>(refs + (<usize>i << 2));
    let at = values + (<usize>i << 3);
    let differs = false;
    if (entry == 0) {
      for (let c: u32 = 0; c < columns; c++, at += step) {
        if (load<i64>(at) != load<i64>(firsts + (<usize>c << 3))) differs = true;
      }
    } else {
      const old = stateValue(table, entry);
      for (let c: u32 = 0; c < columns; c++, at += step) {
        const had = load<i64>(old + (<usize>c << 3));
        const has = combine(load<u32>(kinds + (<usize>c << 2)), had, load<i64>(at));
        store<i64>(at, has);
        if (has != had) differs = true;
      }
    }
    store<u32>(rows + (<usize>count << 2), i);
    count += u32(differs);
  }
  return count;
}

/** Keeps the given rows (ascending) of an array of 4-byte elements, at its start. */
export function compact32(array: usize, rows: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(array + (<usize>i << 2), load<u32>(array + (<usize>load<u32>(rows + (<usize>i << 2)) << 2)));
  }
}

/** The same for 8-byte elements. */
export function compact64(array: usize, rows: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(array + (<usize>i << 3), load<u64>(array + (<usize>load<u32>(rows + (<usize>i << 2)) << 3)));
  }
}

/**
 * Applies rows [done, n) of a block of a delta's rows, which begins with its row `start`: keys, lengths and refs are those
 * of the block's rows, their entries looked up just before. Rows of key groups that the table does not own are passed
 * over. A key may come twice: the later row wins.
 * @param distinct 1 when no key comes twice, so that a row without an entry needs no second look
 * @returns rows of the block done: less than n when a key group wants room; the table's header says which
 */
export function stateApply(
  table: usize, delta: usize, keys: usize, lengths: usize, start: u32, done: u32, n: u32, refs: usize, distinct: u32
): u32 {
  const numKeyGroups = load<u32>(table, 8);
  const first = load<u32>(table, 12);
  const owned = load<u32>(table, 16) - first;
  const valueBytes = load<u32>(table, 20);
  const variable = valueBytes == VARIABLE;
  const rows = load<u32>(delta, 4);
  const hashes = delta + load<u32>(delta, 24) + (<usize>start << 2);
  const removed = delta + load<u32>(delta, 32);
  const values = delta + load<u32>(delta, 36);
  const data = delta + load<u32>(delta, 44);
  for (let i = done; i < n; i++) {
    const row = start + i;
    const hash = load<u32>(hashes + (<usize>i << 2));
    const group = keyGroupOf(hash, numKeyGroups) - first;
    if (group >= owned) continue;
    const key: usize = load<u32>(keys + (<usize>i << 2));
    const length = load<u32>(lengths + (<usize>i << 2));
    let entry: usize = load<u32>(refs + (<usize>i << 2));
    // Rows before this one may have added the key or made its entry a hole.
    if (distinct == 0 && (entry == 0 || load<u32>(entry, 4) != length)) entry = stateFind(table, key, length, hash);
    if (bitOf(removed, row)) {
      if (entry != 0) stateRemove(table, entry);
      continue;
    }
    if (!variable) {
      const fresh = entry == 0;
      if (fresh) {
        entry = stateAppend(table, group, key, length, hash, valueBytes);
        if (entry == 0) return i;
      }
      const value = stateValue(table, entry);
      for (let v: u32 = 0; v < valueBytes; v += 8) {
        store<u64>(value + v, load<u64>(values + <usize>(v >> 3) * (<usize>rows << 3) + (<usize>row << 3)));
      }
      if (fresh) stateCommit(table, group, entry);
      continue;
    }
    const from = load<u32>(values + (<usize>row << 2));
    const valueLength = load<u32>(values + (<usize>row << 2), 4) - from;
    if (entry != 0 && valueLength <= load<u32>(entry, 12)) {
      store<u32>(entry, valueLength, 8);
      memory.copy(stateValue(table, entry), data + from, valueLength);
      continue;
    }
    const moved = stateAppend(table, group, key, length, hash, valueLength);
    if (moved == 0) return i;
    memory.copy(stateValue(table, moved), data + from, valueLength);
    stateCommit(table, group, moved);
  }
  return n;
}
