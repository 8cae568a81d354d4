// Finding, adding and removing entries of a state table, and filling its indexes. Layout: state-entry.ts.
import { sameVector, loadPadded, copyLoose, align8, keyGroupOf } from './group-bytes';
import { VARIABLE, REMOVED, ARENA_HEADER, keyAt, entryBytes, tagOf, matches } from './state-entry';

/** The entry of a key, or 0. */
export function stateFind(table: usize, key: usize, length: u32, hash: u32): usize {
  const numKeyGroups = load<u32>(table, 8);
  const group = keyGroupOf(hash, numKeyGroups) - load<u32>(table, 12);
  if (group >= load<u32>(table, 16) - load<u32>(table, 12)) return 0;
  const arena: usize = load<u32>(table + (<usize>group << 3), 64);
  if (arena == 0) return 0;
  const index: usize = load<u32>(table + (<usize>group << 3), 68);
  const mask = load<u32>(index, 4);
  const offsets = load<u32>(index, 8);
  const variable = load<u32>(table, 20) == VARIABLE;
  const tag = tagOf(hash, numKeyGroups);
  let at = hash & mask;
  let slot = load<u32>(index + (<usize>at << 2), 16);
  while (slot != 0) {
    if (((slot ^ tag) & ~offsets) == 0 && slot != 1) {
      const entry = arena + ((slot & offsets) << 3);
      if (matches(entry, variable, key, length, hash)) return entry;
    }
    at = (at + 1) & mask;
    slot = load<u32>(index + (<usize>at << 2), 16);
  }
  return 0;
}

/** The next entry with a hash after `after` (0: the first), in order of their slots, or 0. Keys may share a hash. */
export function stateNextOfHash(table: usize, hash: u32, after: usize): usize {
  const numKeyGroups = load<u32>(table, 8);
  const group = keyGroupOf(hash, numKeyGroups) - load<u32>(table, 12);
  if (group >= load<u32>(table, 16) - load<u32>(table, 12)) return 0;
  const arena: usize = load<u32>(table + (<usize>group << 3), 64);
  if (arena == 0) return 0;
  const index: usize = load<u32>(table + (<usize>group << 3), 68);
  const mask = load<u32>(index, 4);
  const offsets = load<u32>(index, 8);
  const tag = tagOf(hash, numKeyGroups);
  let passed = after == 0;
  let at = hash & mask;
  let slot = load<u32>(index + (<usize>at << 2), 16);
  while (slot != 0) {
    if (((slot ^ tag) & ~offsets) == 0 && slot != 1) {
      const entry = arena + ((slot & offsets) << 3);
      if (passed && load<u32>(entry) == hash) return entry;
      if (entry == after) passed = true;
    }
    at = (at + 1) & mask;
    slot = load<u32>(index + (<usize>at << 2), 16);
  }
  return 0;
}

/**
 * refs[i] = entry of key i, or 0. As in groupFind, three passes a block keep cache misses in flight: first slots, then
 * their entries, then exact probing. Rows of key groups the table does not own are absent.
 */
export function stateLookup(table: usize, values: usize, lengths: usize, hashes: usize, n: u32, refs: usize): void {
  const numKeyGroups = load<u32>(table, 8);
  const first = load<u32>(table, 12);
  const owned = load<u32>(table, 16) - first;
  const variable = load<u32>(table, 20) == VARIABLE;
  for (let from: u32 = 0; from < n; from += 256) {
    const to = min(from + 256, n);
    for (let i = from; i < to; i++) {
      const hash = load<u32>(hashes + (<usize>i << 2));
      const group = keyGroupOf(hash, numKeyGroups) - first;
      let guess: usize = 0;
      if (group < owned) {
        const arena: usize = load<u32>(table + (<usize>group << 3), 64);
        if (arena != 0) {
          const index: usize = load<u32>(table + (<usize>group << 3), 68);
          const slot = load<u32>(index + (<usize>(hash & load<u32>(index, 4)) << 2), 16);
          if (slot > 1) guess = arena + ((slot & load<u32>(index, 8)) << 3);
        }
      }
      store<u32>(refs + (<usize>i << 2), <u32>guess);
    }
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      const length = load<u32>(lengths + at);
      const hash = load<u32>(hashes + at);
      const guess: usize = load<u32>(refs + at);
      // Address 0 may be read: it is the reserved start of the memory, and never taken for an entry.
      const have = loadPadded(keyAt(guess, variable), length);
      const same =
        <u32>(load<u32>(guess) == hash) & <u32>(load<u32>(guess, 4) == length) & <u32>(length <= 16) & <u32>(guess != 0) &
        <u32>sameVector(have, loadPadded(load<u32>(values + at), length));
      store<u32>(refs + at, <u32>guess & (0 - same));
    }
    for (let i = from; i < to; i++) {
      const at = <usize>i << 2;
      if (load<u32>(refs + at) != 0) continue;
      store<u32>(refs + at, <u32>stateFind(table, load<u32>(values + at), load<u32>(lengths + at), load<u32>(hashes + at)));
    }
  }
}

/**
 * Adds an entry to an index that has room. An older entry of the same key (a value that outgrew its place) becomes a hole.
 * @returns whether there was one
 */
function indexInsert(index: usize, arena: usize, entry: usize, valueBytes: u32, numKeyGroups: u32): bool {
  const variable = valueBytes == VARIABLE;
  const mask = load<u32>(index, 4);
  const offsets = load<u32>(index, 8);
  const hash = load<u32>(entry);
  const length = load<u32>(entry, 4);
  const tag = tagOf(hash, numKeyGroups) & ~offsets;
  const wanted = tag | <u32>((entry - arena) >> 3);
  let to = index + (<usize>(hash & mask) << 2);
  let slot = load<u32>(to, 16);
  while (slot != 0) {
    if ((slot & ~offsets) == tag && slot != 1) {
      const other = arena + ((slot & offsets) << 3);
      if (matches(other, variable, keyAt(entry, variable), length, hash)) {
        store<u32>(to, wanted, 16);
        store<u32>(arena, load<u32>(arena, 12) + entryBytes(other, valueBytes), 12);
        store<u32>(other, length | REMOVED, 4);
        return true;
      }
    }
    to = index + ((to - index + 4) & ((<usize>mask << 2) | 3));
    slot = load<u32>(to, 16);
  }
  store<u32>(to, wanted, 16);
  store<u32>(index, load<u32>(index, 12) + 1, 12);
  return false;
}

/** Fills a cleared index (header set) from an arena, and counts the arena's rows and holes again. */
export function stateReindex(table: usize, arena: usize, index: usize): void {
  const valueBytes = load<u32>(table, 20);
  const numKeyGroups = load<u32>(table, 8);
  const end = arena + load<u32>(arena, 4);
  store<u32>(arena, 0, 8);
  store<u32>(arena, 0, 12);
  for (let entry = arena + ARENA_HEADER; entry < end; ) {
    const size = entryBytes(entry, valueBytes);
    if (load<u32>(entry, 4) & REMOVED) {
      store<u32>(arena, load<u32>(arena, 12) + size, 12);
    } else if (!indexInsert(index, arena, entry, valueBytes, numKeyGroups)) {
      store<u32>(arena, load<u32>(arena, 8) + 1, 8);
    }
    entry += size;
  }
}

/** How many live entries an arena has. */
export function stateCount(table: usize, arena: usize): u32 {
  const valueBytes = load<u32>(table, 20);
  const end = arena + load<u32>(arena, 4);
  let rows: u32 = 0;
  for (let entry = arena + ARENA_HEADER; entry < end; entry += entryBytes(entry, valueBytes)) {
    rows += <u32>((load<u32>(entry, 4) & REMOVED) == 0);
  }
  return rows;
}

/** Copies an arena's live entries, in order, to a fresh one that has room. */
export function stateCompact(table: usize, from: usize, to: usize): void {
  const valueBytes = load<u32>(table, 20);
  const end = from + load<u32>(from, 4);
  let at = to + ARENA_HEADER;
  for (let entry = from + ARENA_HEADER; entry < end; ) {
    const size = entryBytes(entry, valueBytes);
    if (!(load<u32>(entry, 4) & REMOVED)) {
      memory.copy(at, entry, size);
      at += size;
    }
    entry += size;
  }
  store<u32>(to, <u32>(at - to), 4);
  store<u32>(to, load<u32>(from, 8), 8);
  store<u32>(to, 0, 12);
}

/** Makes the entry a hole and its slot a tombstone. */
export function stateRemove(table: usize, group: u32, entry: usize): void {
  const arena: usize = load<u32>(table + (<usize>group << 3), 64);
  const index: usize = load<u32>(table + (<usize>group << 3), 68);
  const mask = load<u32>(index, 4);
  const offsets = load<u32>(index, 8);
  const offset = <u32>((entry - arena) >> 3);
  let at = load<u32>(entry) & mask;
  let slot = load<u32>(index + (<usize>at << 2), 16);
  while (slot != 0 && (slot == 1 || (slot & offsets) != offset)) {
    at = (at + 1) & mask;
    slot = load<u32>(index + (<usize>at << 2), 16);
  }
  if (slot != 0) store<u32>(index + (<usize>at << 2), 1, 16);
  store<u32>(arena, load<u32>(arena, 12) + entryBytes(entry, load<u32>(table, 20)), 12);
  store<u32>(arena, load<u32>(arena, 8) - 1, 8);
  store<u32>(entry, load<u32>(entry, 4) | REMOVED, 4);
}

/**
 * Appends an entry with the key and room for `valueLength` value bytes, which the caller fills before `stateCommit`.
 * @returns 0 when the key group has no room: what it wants is left in the table's header
 */
export function stateAppend(table: usize, group: u32, key: usize, length: u32, hash: u32, valueLength: u32): usize {
  const valueBytes = load<u32>(table, 20);
  const variable = valueBytes == VARIABLE;
  const capacity = align8(valueLength);
  const size = <u32>(variable ? 16 : 8) + align8(length) + capacity;
  const arena: usize = load<u32>(table + (<usize>group << 3), 64);
  const index: usize = load<u32>(table + (<usize>group << 3), 68);
  if (arena == 0 || load<u32>(arena) - load<u32>(arena, 4) < size + 16 || (load<u32>(index, 12) + 2) * 4 > (load<u32>(index, 4) + 1) * 3) {
    store<u32>(table, group, 36);
    store<u32>(table, size, 40);
    return 0;
  }
  const entry = arena + load<u32>(arena, 4);
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
  const valueBytes = load<u32>(table, 20);
  const arena: usize = load<u32>(table + (<usize>group << 3), 64);
  const index: usize = load<u32>(table + (<usize>group << 3), 68);
  store<u32>(arena, <u32>(entry - arena) + entryBytes(entry, valueBytes), 4);
  if (!indexInsert(index, arena, entry, valueBytes, load<u32>(table, 8))) store<u32>(arena, load<u32>(arena, 8) + 1, 8);
}
