/**
 * A delta: what one batch changes in one state table, as a block of its own in the slot's memory. Applying it is
 * `state(t) = apply(state(t-1), delta(t))`; as an Arrow stream (`state-ipc.ts`) it is the checkpoint's record.
 *
 *   offset  field (n rows; "at" counts from the block's start)
 *        0  u32 magic, "SLSD"      4  u32 n         8  u32 bytes of a value (0xffffffff: variable)
 *       12  u32 removed rows      16  u32 bytes of all keys   20  u32 bytes of all variable values
 *       24  u32 at hashes         u32[n]
 *       28  u32 at key offsets    u32[n + 1]
 *       32  u32 at removed        bit map, 1 = the key is removed
 *       36  u32 at values         fixed: columns of 8 bytes x n; variable: offsets u32[n + 1]
 *       40  u32 at key bytes
 *       44  u32 at value bytes    variable only
 *       48  u32 bytes of the block
 *       52  u32 at entries        u32[n] or 0: addresses of the keys' entries, 0 where the table has none
 *       56  u32 changes           of the table when they were looked up, see `StateTable.changes`
 *
 * All but the hashes are what Arrow calls the buffers of the columns, so the stream is made without copying rows. The
 * values of removed rows are 0 or empty. A key may come twice; the later row wins.
 */
import { EngineError } from '../core/errors.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { VARIABLE, type ValueBytes } from './table-layout.js';

const MAGIC = 0x44534c53;
const HEADER_BYTES = 64;
/** Kernels may write this far beyond the last key or value. */
const SPARE_BYTES = 16;

/** A delta block, allocated in the slot's memory: the caller's to free. */
export interface DeltaBlock {
  readonly address: Address;
  readonly byteLength: number;
  /** Rows that set a value, and rows that remove a key. */
  readonly numChanged: number;
  readonly numRemoved: number;
}

/** Where the parts of a delta lie, as addresses. */
export interface DeltaParts {
  readonly address: Address;
  readonly byteLength: number;
  readonly numRows: number;
  readonly numRemoved: number;
  readonly valueBytes: ValueBytes;
  readonly keyBytes: number;
  readonly dataBytes: number;
  readonly hashes: Address;
  readonly keyOffsets: Address;
  readonly removed: Address;
  readonly values: Address;
  readonly keys: Address;
  readonly data: Address;
  /** u32[n], or 0; good while the table has had this many changes. No key comes twice then. */
  readonly entries: Address;
  readonly changes: number;
}

export interface DeltaSize {
  readonly numRows: number;
  readonly numRemoved: number;
  readonly valueBytes: ValueBytes;
  readonly keyBytes: number;
  /** Bytes of all variable values. */
  readonly dataBytes: number;
  /** Leaves room for the entries, which the caller fills in: the changes of the table that they were looked up in. */
  readonly lookedUp?: number;
}

/** Allocates a delta and writes its header; all rows count as not removed, the rest is the caller's to fill. Throws `memoryLimit`. */
export function allocDelta(memory: SlotMemory, size: DeltaSize): DeltaParts {
  const { numRows, keyBytes, dataBytes } = size;
  const align8 = (bytes: number): number => Math.ceil(bytes / 8) * 8;
  const hashes = HEADER_BYTES;
  const keyOffsets = align8(hashes + numRows * 4);
  const removed = align8(keyOffsets + (numRows + 1) * 4);
  const values = align8(removed + ((numRows + 7) >> 3));
  const keys = align8(values + (size.valueBytes === 'variable' ? (numRows + 1) * 4 : numRows * size.valueBytes));
  const data = align8(keys + keyBytes + SPARE_BYTES);
  const entries = size.lookedUp === undefined ? 0 : align8(data + dataBytes + SPARE_BYTES);
  const byteLength = entries === 0 ? data + dataBytes + SPARE_BYTES : entries + numRows * 4;
  const address = memory.alloc(byteLength);
  const valueBytes = size.valueBytes === 'variable' ? VARIABLE : size.valueBytes;
  memory.u32.set([MAGIC, numRows, valueBytes, size.numRemoved, keyBytes, dataBytes], address / 4);
  memory.u32.set(
    [hashes, keyOffsets, removed, values, keys, data, byteLength, entries, size.lookedUp ?? 0, 0],
    address / 4 + 6,
  );
  memory.u8.fill(0, address + removed, address + values);
  return readDelta(memory, address);
}

/** Reads a delta's header. Throws `internal` when there is none. */
export function readDelta(memory: SlotMemory, address: Address): DeltaParts {
  const [magic, numRows, valueBytes, numRemoved, keyBytes, dataBytes, ...at] = memory.u32.subarray(
    address / 4,
    address / 4 + 15,
  );
  if (magic !== MAGIC) {
    throw new EngineError(
      'internal',
      `slot ${memory.slot} has no state delta at ${address}: found 0x${magic.toString(16)}`,
    );
  }
  const [hashes, keyOffsets, removed, values, keys, data, byteLength, entries, changes] = at;
  return {
    address,
    byteLength,
    numRows,
    numRemoved,
    valueBytes: valueBytes === VARIABLE ? 'variable' : valueBytes,
    keyBytes,
    dataBytes,
    hashes: address + hashes,
    keyOffsets: address + keyOffsets,
    removed: address + removed,
    values: address + values,
    keys: address + keys,
    data: address + data,
    entries: entries === 0 ? 0 : address + entries,
    changes,
  };
}

export const deltaBlock = ({ address, byteLength, numRows, numRemoved }: DeltaParts): DeltaBlock => ({
  address,
  byteLength,
  numChanged: numRows - numRemoved,
  numRemoved,
});
