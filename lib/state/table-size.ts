/** A state table by its address: made, and measured. */
import { checkKeyGroups } from '../core/hash.js';
import { EngineError } from '../core/errors.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import * as layout from './table-layout.js';
import type { ValueBytes } from './table-layout.js';

export interface StateTableOptions {
  /** A power of two, the same for all partitions of the job. */
  readonly numKeyGroups: number;
  /** The key groups `from <= g < to` that this partition owns (`keyGroupRange`). */
  readonly from: number;
  readonly to: number;
  /** Bytes of every value, a multiple of 8; or each value has its own length. */
  readonly valueBytes: ValueBytes;
}

/** The header of an empty table, in a block of its own that outlives tasks. */
export function createTable(memory: SlotMemory, options: StateTableOptions): Address {
  const { numKeyGroups, from, to, valueBytes } = options;
  checkKeyGroups(numKeyGroups);
  if (valueBytes !== 'variable' && (valueBytes < 0 || valueBytes % 8 !== 0)) {
    throw new EngineError('internal', `state values want a multiple of 8 bytes, got ${valueBytes}`);
  }
  if (!(from >= 0 && from <= to && to <= numKeyGroups)) {
    throw new EngineError('internal', `state wants key groups within 0 to ${numKeyGroups}, got ${from} to ${to}`);
  }
  const byteLength = layout.HEADER_BYTES + (to - from) * 8;
  const address = memory.alloc(byteLength, 'lasting');
  memory.u8.fill(0, address, address + byteLength);
  const fields = [layout.TABLE_MAGIC, layout.TABLE_VERSION, numKeyGroups, from, to];
  const bytes = valueBytes === 'variable' ? layout.VARIABLE : valueBytes;
  memory.u32.set([...fields, bytes, 0, byteLength, layout.offsetMask(numKeyGroups)], address / 4);
  return address;
}

/** Rows of a key group, counted from the table's first. */
export function groupRows(memory: SlotMemory, table: Address, group: number): number {
  const pages = memory.u32[table / 4 + layout.T_GROUPS + group * 2];
  return pages === 0 ? 0 : memory.u32[pages / 4 + layout.P_ROWS];
}

/** Bytes of a key group's regions, room to grow included. */
export function groupBytes({ u32 }: SlotMemory, table: Address, group: number): number {
  const pages = u32[table / 4 + layout.T_GROUPS + group * 2];
  if (pages === 0) return 0;
  const index = u32[table / 4 + layout.T_GROUPS + group * 2 + 1];
  const directories = u32[pages / 4 + layout.P_CAPACITY] + u32[index / 4 + layout.I_CAPACITY];
  return directories + u32[pages / 4 + layout.P_BYTES] + u32[index / 4 + layout.I_BYTES];
}

/** Bytes of all regions, those of what is put away not counted. */
export function tableBytes(memory: SlotMemory, table: Address): number {
  const count = memory.u32[table / 4 + layout.T_TO] - memory.u32[table / 4 + layout.T_FROM];
  let bytes = memory.u32[table / 4 + layout.T_BYTES];
  for (let group = 0; group < count; group++) bytes += groupBytes(memory, table, group);
  return bytes;
}
