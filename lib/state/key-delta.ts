/** A delta of keys that lie in the slot's memory already: their bytes are moved by the kernels, none comes through the heap. */
import type { KeySlices } from '../columnar/keys.js';
import { kernels } from '../columnar/kernels.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { allocDelta, deltaBlock, type DeltaBlock } from './delta-layout.js';

/** What becomes of some of the keys. */
export interface KeyChanges {
  /** Which keys, ascending. */
  readonly rows: Uint32Array;
  /** Places in `rows` of the keys that are removed. */
  readonly removed: readonly number[];
  /** `rows.length + 1`: the value of row i is `data[offsets[i] .. offsets[i + 1])`, empty where it is removed. */
  readonly offsets: Uint32Array;
  readonly data: Uint8Array;
}

/**
 * @param keys in scratch; changed here
 * @param numKeys how many those are
 * @returns a delta of a table with values of variable length: the caller's to free. Throws `memoryLimit`.
 */
export function deltaOfKeys(
  memory: SlotMemory,
  keys: KeySlices,
  numKeys: number,
  { rows, removed, offsets, data }: KeyChanges,
): DeltaBlock {
  const k = kernels(memory);
  const n = rows.length;
  if (n < numKeys) {
    const chosen = memory.scratch(n * 4);
    memory.u32.set(rows, chosen / 4);
    for (const array of [keys.values, keys.lengths, keys.hashes]) k.compact32(array, chosen, n);
  }
  const keyBytes = k.slicesBytes(keys.lengths, n, 0);
  const size = { numRows: n, numRemoved: removed.length, keyBytes, dataBytes: data.length };
  const parts = allocDelta(memory, { ...size, valueBytes: 'variable' });
  k.slicesGather(keys.values, keys.lengths, n, 0, parts.keyOffsets, parts.keys);
  const { u8, u32 } = memory;
  u8.copyWithin(parts.hashes, keys.hashes, keys.hashes + n * 4);
  for (const row of removed) u8[parts.removed + (row >> 3)] |= 1 << (row & 7);
  u32.set(offsets, parts.values / 4);
  u8.set(data, parts.data);
  return deltaBlock(parts);
}
