// Filling indexes of a state table and copying its entries together. Layout: state-entry.ts.
import { REMOVED, PAGE_SHIFT, FIRST_ENTRY, entryBytes, entryOf, tagOf, segmentOf, slotsAt, slotMask } from './state-entry';
import { indexInsert, hasSlot } from './state-table';

/** Puts a key that no other has into a segment. */
// @ts-ignore: decorator
@inline
function place(segment: u32, hash: u32, slot: u32): void {
  const slots = slotsAt(segment);
  const mask = slotMask(segment);
  let at = hash & mask;
  while (load<u32>(slots + (<usize>at << 2)) != 0) at = (at + 1) & mask;
  store<u32>(slots + (<usize>at << 2), slot);
  store<u32>(slots - 12, load<u32>(slots - 12) + 1);
}

/**
 * Puts the keys of a segment of key group `group` into cleared ones: those whose tag has `bit` into `high`, the others
 * into `low`. Segments are given as in the index, with their size.
 * @returns keys
 */
export function stateSpread(table: usize, group: u32, from: u32, low: u32, high: u32, bit: u32): u32 {
  const pages: usize = load<u32>(table + (<usize>group << 3), 64);
  const offsets = load<u32>(table, 32);
  const numKeyGroups = load<u32>(table, 8);
  const slots = slotsAt(from);
  const end = slots + (<usize>(slotMask(from) + 1) << 2);
  let keys: u32 = 0;
  for (let at = slots; at < end; at += 4) {
    const slot = load<u32>(at);
    if (slot <= 1) continue;
    const hash = load<u32>(entryOf(pages, slot, offsets));
    place((tagOf(hash, numKeyGroups) & bit) != 0 ? high : low, hash, slot);
    keys++;
  }
  return keys;
}

/**
 * Adds the entries of a key group to its index, from a cursor { page, offset } on, which moves, and counts its rows,
 * holes and entries on from where they stand.
 * @returns 1 at the end; 0 where a segment wants room first, for the key whose hash is left in the table's header
 */
export function stateReindex(table: usize, group: u32, cursor: usize): u32 {
  const pages: usize = load<u32>(table + (<usize>group << 3), 64);
  const index: usize = load<u32>(table + (<usize>group << 3), 68);
  const valueBytes = load<u32>(table, 20);
  const numKeyGroups = load<u32>(table, 8);
  const count = load<u32>(pages, 4);
  for (let page = load<u32>(cursor); page < count; page++, store<u32>(cursor, page), store<u32>(cursor, 0, 4)) {
    const block = pages + 32 + (<usize>page << 4);
    if (load<u32>(block, 8) == 0) continue;
    const address: usize = load<u32>(block);
    const end = load<u32>(block, 4);
    let offset = max(load<u32>(cursor, 4), page == 0 ? FIRST_ENTRY : 0);
    while (offset < end) {
      const entry = address + offset;
      const size = entryBytes(entry, valueBytes);
      const removed = (load<u32>(entry, 4) & REMOVED) != 0;
      if (!removed && !hasSlot(segmentOf(index, tagOf(load<u32>(entry), numKeyGroups)))) {
        store<u32>(table, load<u32>(entry), 44);
        store<u32>(cursor, page);
        store<u32>(cursor, offset, 4);
        return 0;
      }
      store<u32>(pages, load<u32>(pages, 28) + size, 28);
      if (removed) store<u32>(pages, load<u32>(pages, 12) + size, 12);
      else if (!indexInsert(table, group, entry, (page << PAGE_SHIFT) + offset)) store<u32>(pages, load<u32>(pages, 8) + 1, 8);
      offset += size;
    }
  }
  return 1;
}

/**
 * Copies live entries of some pages, in order, to a block of `capacity` bytes, from a cursor { page, offset } on, which
 * moves to the first that did not fit.
 * @returns bytes written; the cursor's third word is what the next entry wants, 0 at the end
 */
export function stateCopyLive(table: usize, pages: usize, cursor: usize, to: usize, capacity: u32): u32 {
  const valueBytes = load<u32>(table, 20);
  const count = load<u32>(pages, 4);
  let written: u32 = 0;
  store<u32>(cursor, 0, 8);
  for (let page = load<u32>(cursor); page < count; page++, store<u32>(cursor, page), store<u32>(cursor, 0, 4)) {
    const block = pages + 32 + (<usize>page << 4);
    if (load<u32>(block, 8) == 0) continue;
    const address: usize = load<u32>(block);
    const end = load<u32>(block, 4);
    let offset = max(load<u32>(cursor, 4), page == 0 ? FIRST_ENTRY : 0);
    while (offset < end) {
      const entry = address + offset;
      const size = entryBytes(entry, valueBytes);
      if (!(load<u32>(entry, 4) & REMOVED)) {
        if (written + size > capacity) {
          store<u32>(cursor, page);
          store<u32>(cursor, offset, 4);
          store<u32>(cursor, size, 8);
          return written;
        }
        memory.copy(to + written, entry, size);
        written += size;
      }
      offset += size;
    }
  }
  return written;
}
