// Finding, adding and removing entries of a state table. Layout: state-entry.ts.
import { sameVector, loadPadded, copyLoose, align8 } from './group-bytes';
import {
  VARIABLE,
  REMOVED,
  PAGE_SHIFT,
  keyAt,
  entryBytes,
  entryOf,
  groupSlot,
  tagOf,
  segmentOf,
  slotsAt,
  slotMask,
  matches,
} from './state-entry';

/** The entry of a key, or 0. */
export function stateFind(table: usize, key: usize, length: u32, hash: u32): usize {
  const group = groupSlot(table, hash);
  if (group == 0) return 0;
  const pages: usize = load<u32>(group);
  if (pages == 0) return 0;
  const offsets = load<u32>(table, 32);
  const variable = load<u32>(table, 20) == VARIABLE;
  const tag = tagOf(hash, load<u32>(table, 8));
  const segment = segmentOf(load<u32>(group, 4), tag);
  const slots = slotsAt(segment);
  const mask = slotMask(segment);
  let at = hash & mask;
  let slot = load<u32>(slots + (<usize>at << 2));
  while (slot != 0) {
    if (((slot ^ tag) & ~offsets) == 0 && slot != 1) {
      const entry = entryOf(pages, slot, offsets);
      if (matches(entry, variable, key, length, hash)) return entry;
    }
    at = (at + 1) & mask;
    slot = load<u32>(slots + (<usize>at << 2));
  }
  return 0;
}

/** The next entry with a hash after `after` (0: the first), in order of their slots, or 0. Keys may share a hash. */
export function stateNextOfHash(table: usize, hash: u32, after: usize): usize {
  const group = groupSlot(table, hash);
  if (group == 0) return 0;
  const pages: usize = load<u32>(group);
  if (pages == 0) return 0;
  const offsets = load<u32>(table, 32);
  const tag = tagOf(hash, load<u32>(table, 8));
  const segment = segmentOf(load<u32>(group, 4), tag);
  const slots = slotsAt(segment);
  const mask = slotMask(segment);
  let passed = after == 0;
  let at = hash & mask;
  let slot = load<u32>(slots + (<usize>at << 2));
  while (slot != 0) {
    if (((slot ^ tag) & ~offsets) == 0 && slot != 1) {
      const entry = entryOf(pages, slot, offsets);
      if (passed && load<u32>(entry) == hash) return entry;
      if (entry == after) passed = true;
    }
    at = (at + 1) & mask;
    slot = load<u32>(slots + (<usize>at << 2));
  }
  return 0;
}

/**
 * refs[i] = entry of key i, or 0. Passes over a block keep cache misses in flight: first the slots, up to the first whose
 * tag is the key's (a key without such a slot is absent, and no entry is touched for it), then their entries, then exact
 * probing where another key had the tag. Rows of key groups that the table does not own are absent.
 */
export function stateLookup(table: usize, values: usize, lengths: usize, hashes: usize, n: u32, refs: usize): void {
  const numKeyGroups = load<u32>(table, 8);
  const offsets = load<u32>(table, 32);
  const variable = load<u32>(table, 20) == VARIABLE;
  for (let from: u32 = 0; from < n; from += 256) {
    const to = min(from + 256, n);
    // Where each key's probing begins.
    for (let i = from; i < to; i++) {
      const hash = load<u32>(hashes + (<usize>i << 2));
      const group = groupSlot(table, hash);
      let start: usize = 0;
      if (group != 0 && load<u32>(group) != 0) {
        const segment = segmentOf(load<u32>(group, 4), tagOf(hash, numKeyGroups));
        start = slotsAt(segment) + (<usize>(hash & slotMask(segment)) << 2);
        // Brings the slot in; 0 stays 0, and no address is that of a slot 0.
        if (load<u32>(start) == 0) start = 0;
      }
      store<u32>(refs + (<usize>i << 2), <u32>start);
    }
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      const start: usize = load<u32>(refs + at);
      if (start == 0) continue;
      const hash = load<u32>(hashes + at);
      const group = groupSlot(table, hash);
      const tag = tagOf(hash, numKeyGroups);
      let slot = load<u32>(start);
      if (slot == 1 || ((slot ^ tag) & ~offsets) != 0) {
        const segment = segmentOf(load<u32>(group, 4), tag);
        const slots = slotsAt(segment);
        const mask = slotMask(segment);
        let probe = hash & mask;
        do {
          probe = (probe + 1) & mask;
          slot = load<u32>(slots + (<usize>probe << 2));
        } while (slot != 0 && (slot == 1 || ((slot ^ tag) & ~offsets) != 0));
      }
      store<u32>(refs + at, slot == 0 ? 0 : <u32>entryOf(load<u32>(group), slot, offsets));
    }
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      const guess: usize = load<u32>(refs + at);
      if (guess == 0) continue;
      const length = load<u32>(lengths + at);
      const hash = load<u32>(hashes + at);
      const have = loadPadded(keyAt(guess, variable), length);
      const same =
        <u32>(load<u32>(guess) == hash) & <u32>(load<u32>(guess, 4) == length) & <u32>(length <= 16) &
        <u32>sameVector(have, loadPadded(load<u32>(values + at), length));
      if (same == 0) store<u32>(refs + at, <u32>stateFind(table, load<u32>(values + at), length, hash));
    }
  }
}

/**
 * Adds an entry at an offset of its pages to the index, whose segment has room. An older entry of the same key (a value
 * that outgrew its place) becomes a hole.
 * @returns whether there was one
 */
export function indexInsert(table: usize, group: u32, entry: usize, offset: u32): bool {
  const pages: usize = load<u32>(table + (<usize>group << 3), 64);
  const valueBytes = load<u32>(table, 20);
  const variable = valueBytes == VARIABLE;
  const offsets = load<u32>(table, 32);
  const hash = load<u32>(entry);
  const length = load<u32>(entry, 4);
  const tag = tagOf(hash, load<u32>(table, 8));
  const segment = segmentOf(load<u32>(table + (<usize>group << 3), 68), tag);
  const slots = slotsAt(segment);
  const mask = slotMask(segment);
  const wanted = (tag & ~offsets) | (offset >> 3);
  let at = hash & mask;
  let slot = load<u32>(slots + (<usize>at << 2));
  while (slot != 0) {
    if (((slot ^ tag) & ~offsets) == 0 && slot != 1) {
      const other = entryOf(pages, slot, offsets);
      if (matches(other, variable, keyAt(entry, variable), length, hash)) {
        store<u32>(slots + (<usize>at << 2), wanted);
        store<u32>(pages, load<u32>(pages, 12) + entryBytes(other, valueBytes), 12);
        store<u32>(other, length | REMOVED, 4);
        return true;
      }
    }
    at = (at + 1) & mask;
    slot = load<u32>(slots + (<usize>at << 2));
  }
  store<u32>(slots + (<usize>at << 2), wanted);
  const used = slots - 12;
  store<u32>(used, load<u32>(used) + 1);
  return false;
}

/** Whether a segment takes one more key: three quarters of its slots at the most were ever used. */
// @ts-ignore: decorator
@inline
export function hasSlot(segment: u32): bool {
  return (load<u32>(slotsAt(segment) - 12) + 2) * 4 <= (slotMask(segment) + 1) * 3;
}

/** Makes the entry a hole and its slot a tombstone. */
export function stateRemove(table: usize, entry: usize): void {
  const hash = load<u32>(entry);
  const group = groupSlot(table, hash);
  const pages: usize = load<u32>(group);
  const offsets = load<u32>(table, 32);
  const segment = segmentOf(load<u32>(group, 4), tagOf(hash, load<u32>(table, 8)));
  const slots = slotsAt(segment);
  const mask = slotMask(segment);
  let at = hash & mask;
  let slot = load<u32>(slots + (<usize>at << 2));
  while (slot != 0 && (slot == 1 || entryOf(pages, slot, offsets) != entry)) {
    at = (at + 1) & mask;
    slot = load<u32>(slots + (<usize>at << 2));
  }
  if (slot != 0) {
    store<u32>(slots + (<usize>at << 2), 1);
    store<u32>(slots - 8, load<u32>(slots - 8) + 1);
  }
  store<u32>(pages, load<u32>(pages, 12) + entryBytes(entry, load<u32>(table, 20)), 12);
  store<u32>(pages, load<u32>(pages, 8) - 1, 8);
  store<u32>(entry, load<u32>(entry, 4) | REMOVED, 4);
}

/**
 * Appends an entry with the key and room for `valueLength` value bytes, which the caller fills before `stateCommit`.
 * @returns 0 when the key group has no room: what it wants is left in the table's header
 */
export function stateAppend(table: usize, group: u32, key: usize, length: u32, hash: u32, valueLength: u32): usize {
  const variable = load<u32>(table, 20) == VARIABLE;
  const capacity = align8(valueLength);
  const size = <u32>(variable ? 16 : 8) + align8(length) + capacity;
  const pages: usize = load<u32>(table + (<usize>group << 3), 64);
  let block: usize = 0;
  let fits = false;
  if (pages != 0) {
    block = pages + 32 + (<usize>load<u32>(pages, 16) << 4);
    fits =
      load<u32>(block, 8) - load<u32>(block, 4) >= size + 16 &&
      hasSlot(segmentOf(load<u32>(table + (<usize>group << 3), 68), tagOf(hash, load<u32>(table, 8))));
  }
  if (!fits) {
    store<u32>(table, group, 36);
    store<u32>(table, size, 40);
    store<u32>(table, hash, 44);
    return 0;
  }
  const entry = <usize>load<u32>(block) + load<u32>(block, 4);
  copyLoose(keyAt(entry, variable), key, length);
  store<u32>(entry, hash);
  store<u32>(entry, length, 4);
  if (variable) {
    store<u32>(entry, valueLength, 8);
    store<u32>(entry, capacity, 12);
  }
  return entry;
}

/**
 * Makes an appended entry part of the table: one store counts it in, then the index learns it, and an older entry of
 * the key becomes a hole. A crash between leaves both; when the index is made again, the later one counts.
 */
export function stateCommit(table: usize, group: u32, entry: usize): void {
  const pages: usize = load<u32>(table + (<usize>group << 3), 64);
  const last = load<u32>(pages, 16);
  const block = pages + 32 + (<usize>last << 4);
  const end = load<u32>(block, 4);
  const size = entryBytes(entry, load<u32>(table, 20));
  store<u32>(block, end + size, 4);
  store<u32>(pages, load<u32>(pages, 28) + size, 28);
  if (!indexInsert(table, group, entry, (last << PAGE_SHIFT) + end)) store<u32>(pages, load<u32>(pages, 8) + 1, 8);
}
