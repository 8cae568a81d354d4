/**
 * How a state table lies in a slot's memory: one header block, and for each key group that has rows an arena of entries
 * and an index over it. The kernels (lib/kernels/state-entry.ts) work on the same layout.
 *
 *   header   0 magic  4 version  8 key groups in all  12 from  16 to  20 value bytes (0xffffffff: variable)
 *           24 applying  28 header bytes  36 key group that wants room  40 bytes it wants
 *           64 + 8 (g - from)   u32 arena, u32 index of key group g; 0 = it never had a row
 *   arena    0 capacity, this header included  4 used, likewise  8 rows  12 bytes in holes  32 entries, in order
 *   index    0 capacity, this header included  4 slot mask  8 offset mask  12 slots ever used  16 u32 slots
 *   entry    0 hash  4 key length (top bit: removed)  [variable: 8 value length  12 value room]  key  value
 *            key and value are padded to 8 bytes each
 *
 * Everything may be read by any thread at any time between two changes, and the regions even amid a change: an arena or
 * index is written whole before the one store that puts it into the header.
 */
import type { Address, SlotMemory } from '../columnar/slot-memory.js';

export const TABLE_MAGIC = 0x54534c53;
export const TABLE_VERSION = 1;
export const HEADER_BYTES = 64;
export const ARENA_HEADER_BYTES = 32;
export const INDEX_HEADER_BYTES = 16;
/** In place of the bytes of a value. */
export const VARIABLE = 0xffffffff;
export const REMOVED_BIT = 0x80000000;
/** Slots of an index start at this many; it is rebuilt when three quarters were ever used. */
export const FIRST_SLOTS = 16;

// u32 fields of the header.
export const T_MAGIC = 0;
export const T_VERSION = 1;
export const T_KEY_GROUPS = 2;
export const T_FROM = 3;
export const T_TO = 4;
export const T_VALUE_BYTES = 5;
export const T_APPLYING = 6;
export const T_BYTES = 7;
export const T_WANTS_GROUP = 9;
export const T_WANTS_BYTES = 10;
export const T_GROUPS = 16;

// u32 fields of an arena and of an index.
export const A_CAPACITY = 0;
export const A_USED = 1;
export const A_ROWS = 2;
export const A_HOLES = 3;
export const I_CAPACITY = 0;
export const I_MASK = 1;
export const I_OFFSETS = 2;
export const I_USED = 3;

/** Bytes of the values of a table: one number for all, or each its own. */
export type ValueBytes = number | 'variable';

export interface Region {
  readonly address: Address;
  readonly byteLength: number;
}

/** Every block that the table at `address` owns, its header first: what a thread that takes the slot over must adopt. */
export function tableRegions(memory: SlotMemory, address: Address): Region[] {
  // Taken anew: the thread that owns the memory may have grown it.
  const u32 = new Uint32Array(memory.memory.buffer);
  const field = (at: Address, i: number): number => u32[at / 4 + i];
  const regions: Region[] = [{ address, byteLength: field(address, T_BYTES) }];
  const owned = field(address, T_TO) - field(address, T_FROM);
  for (let i = 0; i < owned * 2; i++) {
    const region = field(address, T_GROUPS + i);
    if (region !== 0) regions.push({ address: region, byteLength: field(region, A_CAPACITY) });
  }
  return regions;
}
