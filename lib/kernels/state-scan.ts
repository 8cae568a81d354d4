// Reading a state table's rows in order, for snapshots. Layout: state-entry.ts.
import { VARIABLE, REMOVED, FIRST_ENTRY, keyAt, valueAt, entryBytes } from './state-entry';

/**
 * Live entries from a cursor { key group, page, offset, times it was compacted } on, which moves, of key groups before
 * `to` (counted from the table's first, as the cursor's): keys as slices, entries as refs; stops after maxRows rows or maxBytes key and value bytes (one row at least). The table may change between two
 * calls: a key group whose entries were copied together meanwhile is begun again.
 * @returns rows; 0 at the end
 */
export function stateScan(table: usize, cursor: usize, to: u32, maxRows: u32, maxBytes: u32, values: usize, lengths: usize, refs: usize): u32 {
  const valueBytes = load<u32>(table, 20);
  const variable = valueBytes == VARIABLE;
  const owned = min(to, load<u32>(table, 16) - load<u32>(table, 12));
  let page = load<u32>(cursor, 4);
  let offset = load<u32>(cursor, 8);
  let count: u32 = 0;
  let bytes: u32 = 0;
  for (let group = load<u32>(cursor); group < owned; group++, page = 0, offset = 0) {
    const pages: usize = load<u32>(table + (<usize>group << 3), 64);
    if (pages == 0) continue;
    const moves = load<u32>(pages, 20);
    if ((page | offset) != 0 && moves != load<u32>(cursor, 12)) {
      page = 0;
      offset = 0;
    }
    const numPages = load<u32>(pages, 4);
    for (; page < numPages; page++, offset = 0) {
      const block = pages + 32 + (<usize>page << 4);
      if (load<u32>(block, 8) == 0) continue;
      const address: usize = load<u32>(block);
      const end = load<u32>(block, 4);
      if (page == 0) offset = max(offset, FIRST_ENTRY);
      while (offset < end) {
        const entry = address + offset;
        const size = entryBytes(entry, valueBytes);
        if (!(load<u32>(entry, 4) & REMOVED)) {
          if (count == maxRows || (count > 0 && bytes + size > maxBytes)) {
            store<u32>(cursor, group);
            store<u32>(cursor, page, 4);
            store<u32>(cursor, offset, 8);
            store<u32>(cursor, moves, 12);
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
  }
  store<u32>(cursor, owned);
  store<u32>(cursor, 0, 4);
  store<u32>(cursor, 0, 8);
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
