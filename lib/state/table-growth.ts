/**
 * How one key group of a state table grows, shrinks and is put right after a crash. New regions are written whole, then
 * put into the table's header by one store each, then the old ones are freed; a crash on the way loses only regions that
 * nothing refers to. Between the stores of arena and index the two may not fit together: the table's flag covers that.
 */
import { EngineError } from '../core/errors.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import * as layout from './table-layout.js';

const FIRST_ARENA_BYTES = 512;
/** Arenas double while they are small; a large one grows by half, so that little stands empty. */
const DOUBLE_UP_TO_BYTES = 64 * 1024;
const MAX_ARENA_BYTES = 2 ** 31;
/** Bytes a kernel may write beyond an entry. */
const SPARE_BYTES = 16;

/** Makes room for one more entry of `bytes` bytes in key group `group` (counted from the table's first). */
export function makeRoom(memory: SlotMemory, table: Address, group: number, bytes: number): void {
  const { arena } = regionsOf(memory, table, group);
  if (arena === 0) {
    const capacity = Math.max(FIRST_ARENA_BYTES, layout.ARENA_HEADER_BYTES + bytes + SPARE_BYTES);
    const fresh = newArena(memory, capacity);
    memory.u32[fresh / 4 + layout.A_USED] = layout.ARENA_HEADER_BYTES;
    replace(memory, table, group, fresh, newIndex(memory, table, fresh, layout.FIRST_SLOTS));
    return;
  }
  const { u32 } = memory;
  const used = u32[arena / 4 + layout.A_USED];
  const holes = u32[arena / 4 + layout.A_HOLES];
  const needed = bytes + SPARE_BYTES;
  if (u32[arena / 4 + layout.A_CAPACITY] - used >= needed) reindex(memory, table, group);
  else if (holes * 2 >= used) rebuild(memory, table, group, grown(used - holes, needed), true);
  else rebuild(memory, table, group, grown(used, needed), false);
}

/** Copies together each key group of which more than half is holes. */
export function compactGroups(memory: SlotMemory, table: Address): void {
  for (let group = 0; group < numGroups(memory, table); group++) {
    const { arena } = regionsOf(memory, table, group);
    if (arena === 0) continue;
    const used = memory.u32[arena / 4 + layout.A_USED];
    const holes = memory.u32[arena / 4 + layout.A_HOLES];
    if (holes * 2 > used && used > FIRST_ARENA_BYTES)
      rebuild(memory, table, group, grown(used - holes, SPARE_BYTES), true);
  }
}

/** After a crash amid a delta: makes every index again from its arena. */
export function attachGroups(memory: SlotMemory, table: Address): void {
  for (let group = 0; group < numGroups(memory, table); group++) {
    if (regionsOf(memory, table, group).arena !== 0) reindex(memory, table, group);
  }
}

function numGroups(memory: SlotMemory, table: Address): number {
  return memory.u32[table / 4 + layout.T_TO] - memory.u32[table / 4 + layout.T_FROM];
}

function regionsOf(memory: SlotMemory, table: Address, group: number): { arena: Address; index: Address } {
  const at = table / 4 + layout.T_GROUPS + group * 2;
  return { arena: memory.u32[at], index: memory.u32[at + 1] };
}

function grown(bytes: number, needed: number): number {
  const factor = bytes < DOUBLE_UP_TO_BYTES ? 2 : 1.5;
  const capacity = Math.max(
    FIRST_ARENA_BYTES,
    Math.ceil((bytes * factor) / 16) * 16,
    Math.ceil((bytes + needed) / 16) * 16,
  );
  if (capacity <= MAX_ARENA_BYTES) return capacity;
  throw new EngineError(
    'memoryLimit',
    `a key group of the state wants ${capacity} bytes, more than the ${MAX_ARENA_BYTES} it may have: ` +
      'start with more key groups in a new checkpoint directory',
  );
}

function newArena(memory: SlotMemory, capacity: number): Address {
  const arena = memory.alloc(capacity);
  memory.u8.fill(0, arena, arena + layout.ARENA_HEADER_BYTES);
  memory.u32[arena / 4 + layout.A_CAPACITY] = capacity;
  return arena;
}

/** An index of at least `slots` slots over an arena, filled from it. */
function newIndex(memory: SlotMemory, table: Address, arena: Address, slots: number): Address {
  const capacity = layout.INDEX_HEADER_BYTES + slots * 4;
  const index = memory.alloc(capacity);
  memory.u8.fill(0, index, index + capacity);
  const offsets = 2 ** (32 - Math.clz32(memory.u32[arena / 4 + layout.A_CAPACITY] / 8)) - 1;
  memory.u32.set([capacity, slots - 1, offsets, 0], index / 4);
  kernels(memory).stateReindex(table, arena, index);
  return index;
}

/** A power of two that `rows` rows fill to two thirds at the most. */
function slotsFor(rows: number): number {
  return Math.max(layout.FIRST_SLOTS, 2 ** Math.ceil(Math.log2(rows * 1.5 + 1)));
}

function reindex(memory: SlotMemory, table: Address, group: number): void {
  const { arena, index } = regionsOf(memory, table, group);
  // Counted, not read: a crash while an index was filled leaves half a count.
  const rows = kernels(memory).stateCount(table, arena);
  Atomics.store(
    memory.u32,
    table / 4 + layout.T_GROUPS + group * 2 + 1,
    newIndex(memory, table, arena, slotsFor(rows)),
  );
  if (index !== 0) memory.free(index);
}

/** Copies a key group to an arena of `capacity` bytes, all of it or its live entries only. */
function rebuild(memory: SlotMemory, table: Address, group: number, capacity: number, compact: boolean): void {
  const { arena } = regionsOf(memory, table, group);
  const fresh = newArena(memory, capacity);
  if (compact) {
    kernels(memory).stateCompact(table, arena, fresh);
  } else {
    const used = memory.u32[arena / 4 + layout.A_USED];
    memory.u8.copyWithin(fresh + 4, arena + 4, arena + used);
  }
  const rows = memory.u32[fresh / 4 + layout.A_ROWS];
  replace(memory, table, group, fresh, newIndex(memory, table, fresh, slotsFor(rows)));
}

function replace(memory: SlotMemory, table: Address, group: number, arena: Address, index: Address): void {
  const old = regionsOf(memory, table, group);
  const at = table / 4 + layout.T_GROUPS + group * 2;
  Atomics.store(memory.u32, at, arena);
  Atomics.store(memory.u32, at + 1, index);
  if (old.arena !== 0) memory.free(old.arena);
  if (old.index !== 0) memory.free(old.index);
}
