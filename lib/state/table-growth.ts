/**
 * How one key group of a state table grows, shrinks and is put right after a crash. Every step is small, whatever the
 * size of the state: a page more, a segment of the index made larger or cut in two (`index-growth.ts`), or, when half of
 * a key group is holes, its entries copied together, some key groups a change.
 *
 * New regions are written whole, then found by one store each, then the old ones are freed; a crash on the way loses only
 * regions that nothing refers to. Between the stores of pages and index the two may not fit together: the table's flag
 * covers that.
 */
import { EngineError } from '../core/errors.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { freeIndex, hasSlotFor, makeSlots, newIndex } from './index-growth.js';
import * as layout from './table-layout.js';

const FIRST_BLOCK_BYTES = 512;
const FIRST_PAGES = 4;
/** Bytes a kernel may write beyond an entry. */
const SPARE_BYTES = 16;
/** Bytes of entries that one change copies together at the most, but one key group at least. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/**
 * Makes room for one more entry of `bytes` bytes, whose key has this hash, in key group `group` (counted from the table's
 * first). Throws `memoryLimit`.
 * @returns rows that were moved for it, in the pages or the index
 */
export function makeRoom(memory: SlotMemory, table: Address, group: number, bytes: number, hash: number): number {
  const { pages, index } = regionsOf(memory, table, group);
  if (pages === 0) {
    const fresh = pagesWithBlock(memory, blockBytes(0, layout.FIRST_ENTRY + bytes + SPARE_BYTES));
    try {
      replace(memory, table, group, fresh, newIndex(memory, 0));
    } catch (error) {
      freePages(memory, fresh);
      throw error;
    }
    return 0;
  }
  const { u32 } = memory;
  const last = layout.pageEntry(pages, u32[pages / 4 + layout.P_LAST]);
  if (u32[last + layout.E_CAPACITY] - u32[last + layout.E_END] >= bytes + SPARE_BYTES)
    return hasSlotFor(memory, table, index, hash) ? 0 : makeSlots(memory, table, group, hash);
  if (u32[pages / 4 + layout.P_HOLES] * 2 >= u32[pages / 4 + layout.P_USED] && u32[pages / 4 + layout.P_USED] > 0)
    return compact(memory, table, group);
  return morePages(memory, table, group, bytes + SPARE_BYTES);
}

/**
 * Copies key groups together of which more than half is holes, as many as one change may; the next change goes on.
 * @returns rows that were moved
 */
export function compactGroups(memory: SlotMemory, table: Address): number {
  const count = numGroups(memory, table);
  const start = memory.u32[table / 4 + layout.T_NEXT];
  let bytes = 0;
  let rows = 0;
  for (let i = 0; i < count; i++) {
    const group = (start + i) % count;
    const { pages } = regionsOf(memory, table, group);
    if (pages === 0) continue;
    const { u32 } = memory;
    const used = u32[pages / 4 + layout.P_USED];
    const holes = u32[pages / 4 + layout.P_HOLES];
    if (holes * 2 <= used || used <= FIRST_BLOCK_BYTES) continue;
    u32[table / 4 + layout.T_NEXT] = group;
    if (bytes >= COMPACT_BYTES) break;
    bytes += used - holes;
    rows += compact(memory, table, group);
  }
  return rows;
}

/** After a crash amid a delta: counts all rows again and makes every index from its pages. */
export function attachGroups(memory: SlotMemory, table: Address): void {
  for (let group = 0; group < numGroups(memory, table); group++) {
    const { pages } = regionsOf(memory, table, group);
    if (pages === 0) continue;
    const { u32 } = memory;
    // A block may have been added without being made the last one.
    let last = 0;
    for (let page = 0; page < u32[pages / 4 + layout.P_PAGES]; page++) {
      if (u32[layout.pageEntry(pages, page) + layout.E_CAPACITY] !== 0) last = page;
    }
    u32[pages / 4 + layout.P_LAST] = last;
    u32[pages / 4 + layout.P_BYTES] = layout.blocksOf(u32, pages).reduce((sum, block) => sum + block.byteLength, 0);
    reindex(memory, table, group);
  }
}

/** Leaves a key group without rows, as one that never had any. */
export function dropGroup(memory: SlotMemory, table: Address, group: number): void {
  replace(memory, table, group, 0, 0);
}

export function numGroups(memory: SlotMemory, table: Address): number {
  return memory.u32[table / 4 + layout.T_TO] - memory.u32[table / 4 + layout.T_FROM];
}

function regionsOf(memory: SlotMemory, table: Address, group: number): { pages: Address; index: Address } {
  const at = table / 4 + layout.T_GROUPS + group * 2;
  return { pages: memory.u32[at], index: memory.u32[at + 1] };
}

/** Of the next block, in a key group whose blocks have `have` bytes: the first page doubles, later ones are whole. */
function blockBytes(have: number, needed: number): number {
  const wanted = Math.max(FIRST_BLOCK_BYTES, have * 2, Math.ceil(needed / 16) * 16);
  return wanted <= layout.PAGE_BYTES && have < layout.PAGE_BYTES
    ? wanted
    : Math.max(1, Math.ceil(needed / layout.PAGE_BYTES)) * layout.PAGE_BYTES;
}

/** No block yet; room to name `capacity` pages. */
function newPages(memory: SlotMemory, capacity: number): Address {
  const byteLength = layout.PAGES_HEADER_BYTES + capacity * layout.PAGE_ENTRY_BYTES;
  const pages = memory.alloc(byteLength, 'lasting');
  memory.u8.fill(0, pages, pages + byteLength);
  memory.u32[pages / 4 + layout.P_CAPACITY] = byteLength;
  return pages;
}

function pagesWithBlock(memory: SlotMemory, byteLength: number): Address {
  const pages = newPages(memory, FIRST_PAGES);
  try {
    addBlock(memory, pages, byteLength);
  } catch (error) {
    memory.free(pages);
    throw error;
  }
  return pages;
}

const capacityOf = (u32: Uint32Array, pages: Address): number =>
  (u32[pages / 4 + layout.P_CAPACITY] - layout.PAGES_HEADER_BYTES) / layout.PAGE_ENTRY_BYTES;

const pagesFor = (byteLength: number): number => Math.ceil(byteLength / layout.PAGE_BYTES);

/** Adds an empty block to pages that have room to name it. */
function addBlock(memory: SlotMemory, pages: Address, byteLength: number): void {
  const address = memory.alloc(byteLength, 'lasting');
  const { u32 } = memory;
  const first = u32[pages / 4 + layout.P_PAGES];
  const count = pagesFor(byteLength);
  for (let i = 0; i < count; i++) {
    const at = layout.pageEntry(pages, first + i);
    const end = first + i === 0 ? layout.FIRST_ENTRY : 0;
    u32.set([address + i * layout.PAGE_BYTES, end, i === 0 ? byteLength : 0, 0], at);
  }
  u32[pages / 4 + layout.P_BYTES] += byteLength;
  Atomics.store(u32, pages / 4 + layout.P_PAGES, first + count);
  u32[pages / 4 + layout.P_LAST] = first;
}

/** A block more, or a larger first one. @returns rows that were copied */
function morePages(memory: SlotMemory, table: Address, group: number, needed: number): number {
  const { pages } = regionsOf(memory, table, group);
  const { u32 } = memory;
  const count = u32[pages / 4 + layout.P_PAGES];
  const first = layout.pageEntry(pages, 0);
  const have = u32[first + layout.E_CAPACITY];
  const used = u32[first + layout.E_END];
  if (count === 1 && have < layout.PAGE_BYTES && used + needed <= layout.PAGE_BYTES)
    return growFirst(memory, table, group, blockBytes(have, used + needed));
  const byteLength = blockBytes(layout.PAGE_BYTES, needed);
  requireOffsets(memory, table, count + pagesFor(byteLength));
  if (count + pagesFor(byteLength) > capacityOf(u32, pages)) {
    const fresh = newPages(memory, (count + pagesFor(byteLength)) * 2);
    const wholeBytes = memory.u32[fresh / 4];
    memory.u8.copyWithin(fresh, pages, pages + layout.PAGES_HEADER_BYTES + count * layout.PAGE_ENTRY_BYTES);
    memory.u32[fresh / 4] = wholeBytes;
    Atomics.store(memory.u32, table / 4 + layout.T_GROUPS + group * 2, fresh);
    memory.free(pages);
  }
  addBlock(memory, regionsOf(memory, table, group).pages, byteLength);
  return 0;
}

function growFirst(memory: SlotMemory, table: Address, group: number, byteLength: number): number {
  const { pages } = regionsOf(memory, table, group);
  const old = memory.u32[layout.pageEntry(pages, 0) + layout.E_ADDRESS];
  const used = memory.u32[layout.pageEntry(pages, 0) + layout.E_END];
  const fresh = pagesWithBlock(memory, byteLength);
  const { u8, u32 } = memory;
  const block = u32[layout.pageEntry(fresh, 0) + layout.E_ADDRESS];
  u8.copyWithin(block, old, old + used);
  u32[layout.pageEntry(fresh, 0) + layout.E_END] = used;
  for (const field of [layout.P_ROWS, layout.P_HOLES, layout.P_MOVES, layout.P_USED])
    u32[fresh / 4 + field] = u32[pages / 4 + field];
  u32[table / 4 + layout.T_CHANGES]++;
  Atomics.store(u32, table / 4 + layout.T_GROUPS + group * 2, fresh);
  memory.free(pages);
  memory.free(old);
  return memory.u32[fresh / 4 + layout.P_ROWS];
}

function requireOffsets(memory: SlotMemory, table: Address, numPages: number): void {
  const most = (memory.u32[table / 4 + layout.T_OFFSETS] + 1) * 8;
  if (numPages * layout.PAGE_BYTES <= most) return;
  throw new EngineError(
    'memoryLimit',
    `a key group of the state wants ${numPages * layout.PAGE_BYTES} bytes, more than the ${most} it may have: ` +
      'start with more key groups in a new checkpoint directory',
  );
}

/** Copies the live entries of a key group to pages of their own. @returns rows */
function compact(memory: SlotMemory, table: Address, group: number): number {
  const { pages } = regionsOf(memory, table, group);
  const { u32 } = memory;
  const live = u32[pages / 4 + layout.P_USED] - u32[pages / 4 + layout.P_HOLES];
  // Entries that are put one behind another fill their pages by half at least, however the holes lay. Of the pages that
  // are there: room for twice those that could be would double with each time.
  const fresh = newPages(memory, FIRST_PAGES + u32[pages / 4 + layout.P_PAGES] * 2);
  try {
    copyLive(memory, table, pages, fresh, live);
    requireOffsets(memory, table, memory.u32[fresh / 4 + layout.P_PAGES]);
    const index = newIndex(memory, memory.u32[pages / 4 + layout.P_ROWS]);
    memory.u32[fresh / 4 + layout.P_MOVES] = memory.u32[pages / 4 + layout.P_MOVES] + 1;
    memory.u32[table / 4 + layout.T_CHANGES]++;
    replace(memory, table, group, fresh, index);
  } catch (error) {
    freePages(memory, fresh);
    throw error;
  }
  fillIndex(memory, table, group);
  return memory.u32[fresh / 4 + layout.P_ROWS];
}

function copyLive(memory: SlotMemory, table: Address, pages: Address, fresh: Address, live: number): void {
  const mark = memory.scratchMark();
  const cursor = memory.scratch(16);
  memory.u32.set([0, 0, 0, 0], cursor / 4);
  let left = live;
  for (let wanted = live === 0 ? 0 : 1; wanted !== 0; wanted = memory.u32[cursor / 4 + 2]) {
    const isFirst = memory.u32[fresh / 4 + layout.P_PAGES] === 0;
    const start = isFirst ? layout.FIRST_ENTRY : 0;
    const most = layout.PAGE_BYTES - start - SPARE_BYTES;
    const needed = start + Math.max(wanted, Math.min(left, most)) + SPARE_BYTES;
    addBlock(memory, fresh, blockBytes(isFirst ? 0 : layout.PAGE_BYTES, needed));
    const block = layout.pageEntry(fresh, memory.u32[fresh / 4 + layout.P_LAST]);
    const room = memory.u32[block + layout.E_CAPACITY] - start - SPARE_BYTES;
    const to = memory.u32[block + layout.E_ADDRESS] + start;
    const written = kernels(memory).stateCopyLive(table, pages, cursor, to, room);
    memory.u32[block + layout.E_END] = start + written;
    left -= written;
  }
  if (live === 0) addBlock(memory, fresh, FIRST_BLOCK_BYTES);
  memory.releaseScratch(mark);
}

function reindex(memory: SlotMemory, table: Address, group: number): void {
  const { index } = regionsOf(memory, table, group);
  const fresh = newIndex(memory, 0);
  Atomics.store(memory.u32, table / 4 + layout.T_GROUPS + group * 2 + 1, fresh);
  if (index !== 0) freeIndex(memory, index);
  fillIndex(memory, table, group);
}

/** Fills a cleared index from the pages, and counts rows, holes and bytes on the way. */
function fillIndex(memory: SlotMemory, table: Address, group: number): void {
  const { pages } = regionsOf(memory, table, group);
  for (const field of [layout.P_ROWS, layout.P_HOLES, layout.P_USED]) memory.u32[pages / 4 + field] = 0;
  const mark = memory.scratchMark();
  const cursor = memory.scratch(16);
  memory.u32.set([0, 0], cursor / 4);
  while (kernels(memory).stateReindex(table, group, cursor) === 0)
    makeSlots(memory, table, group, memory.u32[table / 4 + layout.T_WANTS_HASH]);
  memory.releaseScratch(mark);
}

function replace(memory: SlotMemory, table: Address, group: number, pages: Address, index: Address): void {
  const old = regionsOf(memory, table, group);
  const at = table / 4 + layout.T_GROUPS + group * 2;
  Atomics.store(memory.u32, at, pages);
  Atomics.store(memory.u32, at + 1, index);
  if (old.pages !== 0) freePages(memory, old.pages);
  if (old.index !== 0) freeIndex(memory, old.index);
}

function freePages(memory: SlotMemory, pages: Address): void {
  for (const { address } of layout.blocksOf(memory.u32, pages)) memory.free(address);
  memory.free(pages);
}
