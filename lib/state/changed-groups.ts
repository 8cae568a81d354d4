import type { Address } from '../columnar/slot-memory.js';
import { readDelta } from './delta-layout.js';
import type { StateTable } from './state-table.js';

/** A set of key groups, a bit each: group g is bit g % 32 of word g / 32. */
export const noGroups = (numKeyGroups: number): Uint32Array => new Uint32Array(Math.ceil(numKeyGroups / 32));

/** Adds the key groups of a delta's rows to `groups`, those included that the table does not own. O(rows), about 1 ns each. */
export function addChangedGroups(table: StateTable, delta: Address, groups: Uint32Array): void {
  const { numRows, hashes } = readDelta(table.memory, delta);
  const { u32 } = table.memory;
  const { numKeyGroups } = table;
  // A key group is the top bits of a hash; a shift by 32 would be none.
  const shift = 31 - Math.log2(numKeyGroups);
  for (let i = hashes / 4, end = i + numRows; i < end; i++) {
    const group = (u32[i] >>> 1) >>> shift;
    groups[group >>> 5] |= 1 << (group & 31);
  }
}
