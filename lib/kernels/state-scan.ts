// Reading a state table's rows in order, for snapshots. Layout: state-entry.ts.
import { VARIABLE, REMOVED, ARENA_HEADER, keyAt, valueAt, entryBytes } from './state-entry';

/**
 * Live entries from a cursor { group, offset in its arena (0: start) } on, which moves: keys as slices, entries as refs;
 * stops after maxRows rows or maxBytes key and value bytes (one row at least).
 * @returns rows; 0 at the end
 */
export function stateScan(table: usize, cursor: usize, maxRows: u32, maxBytes: u32, values: usize, lengths: usize, refs: usize): u32 {
  const valueBytes = load<u32>(table, 20);
  const variable = valueBytes == VARIABLE;
  const owned = load<u32>(table, 16) - load<u32>(table, 12);
  let group = load<u32>(cursor);
  let offset = load<u32>(cursor, 4);
  let count: u32 = 0;
  let bytes: u32 = 0;
  for (; group < owned; group++, offset = 0) {
    const arena: usize = load<u32>(table + (<usize>group << 3), 64);
    if (arena == 0) continue;
    const used = load<u32>(arena, 4);
    if (offset == 0) offset = ARENA_HEADER;
    while (offset < used) {
      const entry = arena + offset;
      const size = entryBytes(entry, valueBytes);
      if (!(load<u32>(entry, 4) & REMOVED)) {
        if (count == maxRows || (count > 0 && bytes + size > maxBytes)) {
          store<u32>(cursor, group);
          store<u32>(cursor, offset, 4);
          return count;
        }
        const at = <usize>count << 2;
        store<u32>(values + at, <u32>keyAt(entry, variable));
        store<u32>(lengths + at, load<u32>(entry, 4));
        store<u32>(refs + at, <u32>entry);
        count++;
        bytes += size;
      }
      offset += size;
    }
  }
  store<u32>(cursor, group);
  store<u32>(cursor, 0, 4);
  return count;
}

/** Column `which` (8 bytes each) of the fixed values of n entries. */
export function stateColumn(refs: usize, n: u32, which: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    store<u64>(out + (<usize>i << 3), load<u64>(valueAt(load<u32>(refs + (<usize>i << 2)), false) + (which << 3)));
  }
}

/** The variable values of n entries as slices. */
export function stateValues(refs: usize, n: u32, values: usize, lengths: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    const entry: usize = load<u32>(refs + at);
    store<u32>(values + at, <u32>valueAt(entry, true));
    store<u32>(lengths + at, load<u32>(entry, 8));
  }
}
