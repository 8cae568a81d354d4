/**
 * How a state table lies in a slot's memory: one header block, and for each key group that has rows its pages, which hold
 * the entries, and an index over them. The kernels (lib/kernels/state-entry.ts) work on the same layout.
 *
 *   header   0 magic  4 version  8 key groups in all  12 from  16 to  20 value bytes (0xffffffff: variable)
 *           24 applying  28 header bytes  32 offset mask  36 key group that wants room  40 bytes it wants  44 hash it is for
 *           48 changes so far  52 key group to look at next for holes
 *           56 array of runs  60 table of removed keys; 0 = none (`run-layout.ts`)
 *           64 + 8 (g - from)   u32 pages, u32 index of key group g; 0 = it never had a row
 *   pages    0 capacity, this header included  4 pages  8 rows  12 bytes in holes  16 first page of the last block
 *           20 times copied together  24 bytes of all blocks  28 bytes of all entries
 *           32 + 16 p   u32 address, u32 end of the entries, u32 capacity of the block; capacity 0: page p - 1 goes on
 *   index    0 capacity, this header included  4 depth  8 bytes of all segments
 *           16 u32[2^depth]   address of a segment, in its low 4 bits log2(slots) - 4; neighbours may be the same
 *   segment  0 capacity, this header included  4 slots ever used  8 of them removed  12 depth   16 u32 slots
 *   entry    0 hash  4 key length (top bit: removed)  [variable: 8 value length  12 value room]  key  value
 *            key and value are padded to 8 bytes each
 *
 * A key group grows by a page of 64 KiB, so that nothing is copied and little stands empty; only its first one begins
 * small and doubles. An entry that is larger has a block of several pages. The index is an extendible hash table: a
 * segment that is full is cut in two by one more bit of the hash, so a step of growing is a few thousand slots, however
 * large the state is. A slot has the offset of its entry, counted on from page to page, and a tag of the hash.
 *
 * Everything may be read by any thread at any time between two changes, and the regions even amid a change: a region is
 * written whole before the one store that others find it by.
 */
import type { Address, SlotMemory } from '../columnar/slot-memory.js';

export const TABLE_MAGIC = 0x54534c53;
export const TABLE_VERSION = 2;
export const HEADER_BYTES = 64;
export const PAGE_BYTES = 65536;
export const PAGES_HEADER_BYTES = 32;
export const PAGE_ENTRY_BYTES = 16;
/** Where the entries of the first page begin: slots 0 and 1 mean none. */
export const FIRST_ENTRY = 16;
export const INDEX_HEADER_BYTES = 16;
export const SEGMENT_HEADER_BYTES = 16;
/** In place of the bytes of a value. */
export const VARIABLE = 0xffffffff;
export const REMOVED_BIT = 0x80000000;

// u32 fields of the header.
export const T_KEY_GROUPS = 2;
export const T_FROM = 3;
export const T_TO = 4;
export const T_VALUE_BYTES = 5;
export const T_APPLYING = 6;
export const T_BYTES = 7;
export const T_OFFSETS = 8;
export const T_WANTS_GROUP = 9;
export const T_WANTS_BYTES = 10;
export const T_WANTS_HASH = 11;
export const T_CHANGES = 12;
export const T_NEXT = 13;
export const T_RUNS = 14;
export const T_REMOVED = 15;
export const T_GROUPS = 16;

// u32 fields of a key group's pages, and of the entry of one.
export const P_CAPACITY = 0;
export const P_PAGES = 1;
export const P_ROWS = 2;
export const P_HOLES = 3;
export const P_LAST = 4;
export const P_MOVES = 5;
export const P_BYTES = 6;
export const P_USED = 7;
export const E_ADDRESS = 0;
export const E_END = 1;
export const E_CAPACITY = 2;

// u32 fields of an index and of a segment.
export const I_CAPACITY = 0;
export const I_DEPTH = 1;
export const I_BYTES = 2;
export const I_SEGMENTS = 4;
export const S_CAPACITY = 0;
export const S_USED = 1;
export const S_REMOVED = 2;
export const S_DEPTH = 3;

/** Bytes of the values of a table: one number for all, or each its own. */
export type ValueBytes = number | 'variable';

export interface Region {
  readonly address: Address;
  readonly byteLength: number;
}

/**
 * The bits of a slot that are an offset / 8: as many as key groups leave of 32, so that one may have eight times its
 * share of a full memory, within bounds that leave 3 to 8 bits for the tag.
 */
export const offsetMask = (numKeyGroups: number): number =>
  2 ** Math.min(29, Math.max(24, 32 - Math.log2(numKeyGroups))) - 1;

/** u32 index of the entry of a page. */
export const pageEntry = (pages: Address, page: number): number =>
  (pages + PAGES_HEADER_BYTES + page * PAGE_ENTRY_BYTES) / 4;

/** Every block that the table at `address` owns, its header first: what a thread that takes the slot over must adopt. */
export function tableRegions(memory: SlotMemory, address: Address): Region[] {
  // Taken anew: the thread that owns the memory may have grown it.
  const u32 = new Uint32Array(memory.memory.buffer);
  const regions: Region[] = [{ address, byteLength: u32[address / 4 + T_BYTES] }];
  const owned = u32[address / 4 + T_TO] - u32[address / 4 + T_FROM];
  for (let group = 0; group < owned; group++) {
    const pages = u32[address / 4 + T_GROUPS + group * 2];
    const index = u32[address / 4 + T_GROUPS + group * 2 + 1];
    if (pages !== 0) regions.push({ address: pages, byteLength: u32[pages / 4] }, ...blocksOf(u32, pages));
    if (index === 0) continue;
    regions.push({ address: index, byteLength: u32[index / 4] });
    for (const segment of segmentsOf(u32, index)) {
      regions.push({ address: segment, byteLength: u32[segment / 4 + S_CAPACITY] });
    }
  }
  const runs = u32[address / 4 + T_RUNS];
  if (runs !== 0) regions.push({ address: runs, byteLength: owned * 4 });
  for (let group = 0; runs !== 0 && group < owned; group++) {
    const run = u32[runs / 4 + group];
    if (run !== 0) regions.push({ address: run, byteLength: u32[run / 4] });
  }
  const removed = u32[address / 4 + T_REMOVED];
  return removed === 0 ? regions : [...regions, ...tableRegions(memory, removed)];
}

/** The blocks of a key group's pages, in order. */
export function blocksOf(u32: Uint32Array, pages: Address): Region[] {
  const blocks: Region[] = [];
  for (let page = 0; page < u32[pages / 4 + P_PAGES]; page++) {
    const at = pageEntry(pages, page);
    const byteLength = u32[at + E_CAPACITY];
    if (byteLength !== 0) blocks.push({ address: u32[at + E_ADDRESS], byteLength });
  }
  return blocks;
}

/** The segments of an index, each once. */
export function segmentsOf(u32: Uint32Array, index: Address): Set<Address> {
  const count = 2 ** u32[index / 4 + I_DEPTH];
  const segments = new Set<Address>();
  for (let i = 0; i < count; i++) segments.add((u32[index / 4 + I_SEGMENTS + i] & ~15) >>> 0);
  return segments;
}
