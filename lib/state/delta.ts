/** Deltas: collected row by row (`DeltaBuilder`) and applied to their table (`applyDelta`). Layout: `delta-layout.ts`. */
import { EngineError } from '../core/errors.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { allocDelta, deltaBlock, readDelta, type DeltaBlock, type DeltaParts } from './delta-layout.js';
import type { StateTable } from './state-table.js';
import type { ValueBytes } from './table-layout.js';

export type { DeltaBlock } from './delta-layout.js';

/** Rows whose entries are found together before they are changed. */
const BLOCK_ROWS = 512;

/**
 * Makes the delta part of its table. Idempotent: a crash on the way is cured by applying the same delta again. Rows of
 * key groups that the table does not own are passed over. Throws `memoryLimit`; then it must be applied again too.
 */
export function applyDelta(table: StateTable, delta: Address): void {
  const parts = readDelta(table.memory, delta);
  if (parts.valueBytes !== table.valueBytes) {
    throw new EngineError(
      'internal',
      `the state's values have ${table.valueBytes} bytes each, the delta's ${parts.valueBytes}: build it with the table's own`,
    );
  }
  // What the task looked up is still there: no delta was applied, or begun, since.
  const isFresh = parts.entries !== 0 && parts.changes === table.changes;
  if (!isFresh && table.away?.hasAny === true) fetchRows(table, parts);
  table.change(() => applyRows(table, parts, isFresh));
  table.settle();
}

/** Has all rows that the delta changes in the table; those that it removes are remembered where they are away too. */
function fetchRows(table: StateTable, { numRows, keyOffsets, keys, keyBytes, hashes, removed }: DeltaParts): void {
  const { memory } = table;
  const mark = memory.scratchMark();
  const values = memory.scratch(numRows * 4);
  const lengths = memory.scratch(numRows * 4);
  kernels(memory).slicesFromOffsets(keyOffsets, numRows, keys, keyBytes, values, lengths);
  const slices = { values, lengths, hashes };
  table.fetch(slices, numRows);
  const { u8 } = memory;
  const rows: number[] = [];
  for (let row = 0; row < numRows; row++) if (((u8[removed + (row >> 3)] >> (row & 7)) & 1) !== 0) rows.push(row);
  if (rows.length > 0) table.change(() => table.away?.remove(slices, rows));
  memory.releaseScratch(mark);
}

function applyRows(
  table: StateTable,
  { address, numRows, keyOffsets, keys, keyBytes, hashes, entries }: DeltaParts,
  isFresh: boolean,
): void {
  const { changes } = table;
  const { memory } = table;
  const k = kernels(memory);
  const mark = memory.scratchMark();
  const values = memory.scratch(BLOCK_ROWS * 4);
  const lengths = memory.scratch(BLOCK_ROWS * 4);
  const refs = memory.scratch(BLOCK_ROWS * 4);
  for (let start = 0; start < numRows; start += BLOCK_ROWS) {
    const n = Math.min(BLOCK_ROWS, numRows - start);
    const from = start * 4;
    if (k.slicesFromOffsets(keyOffsets + from, n, keys, keyBytes, values, lengths) === 0) {
      throw new EngineError(
        'internal',
        `the key offsets of the state delta at ${address} do not ascend within ${keyBytes}`,
      );
    }
    for (let done = 0; done < n;) {
      const at = done * 4;
      // Entries may move when a key group grows: then the rows that are left are looked up again.
      const isKnown = isFresh && table.changes === changes;
      if (!isKnown) k.stateLookup(table.address, values + at, lengths + at, hashes + from + at, n - done, refs + at);
      const found = isKnown ? entries + from : refs;
      done = k.stateApply(table.address, address, values, lengths, start, done, n, found, +isKnown);
      if (done < n) table.makeRoom();
    }
  }
  memory.releaseScratch(mark);
}

/**
 * Collects changes of state in the heap, and leaves them as one block. A key may be put and removed again; what came
 * last counts.
 */
export class DeltaBuilder {
  readonly #memory: SlotMemory;
  readonly #valueBytes: ValueBytes;
  readonly #hashes: number[] = [];
  readonly #removedRows: number[] = [];
  readonly #keys = new ByteList();
  readonly #values = new ByteList();

  /** @param valueBytes as the table has it */
  constructor(memory: SlotMemory, valueBytes: ValueBytes = 'variable') {
    this.#memory = memory;
    this.#valueBytes = valueBytes;
  }

  /** Sets the value of a key; both are copied. @param hash `hashBytes` of the key */
  put(key: Uint8Array, hash: number, value: Uint8Array): void {
    if (this.#valueBytes !== 'variable' && value.length !== this.#valueBytes) {
      throw new EngineError(
        'internal',
        `state values of ${this.#valueBytes} bytes are wanted, got one of ${value.length}`,
      );
    }
    this.#hashes.push(hash);
    this.#keys.push(key);
    this.#values.push(value);
  }

  /** Forgets a key; one that is not there is fine. */
  remove(key: Uint8Array, hash: number): void {
    this.#removedRows.push(this.#hashes.length);
    this.#hashes.push(hash);
    this.#keys.push(key);
    this.#values.push(this.#valueBytes === 'variable' ? NOTHING : new Uint8Array(this.#valueBytes));
  }

  /** Writes the delta, empty or not. The builder is not to be used after. Throws `memoryLimit`. */
  finish(): DeltaBlock {
    const memory = this.#memory;
    const numRows = this.#hashes.length;
    const parts = allocDelta(memory, {
      numRows,
      numRemoved: this.#removedRows.length,
      valueBytes: this.#valueBytes,
      keyBytes: this.#keys.byteLength,
      dataBytes: this.#valueBytes === 'variable' ? this.#values.byteLength : 0,
    });
    const { u8, u32 } = memory;
    u32.set(this.#hashes, parts.hashes / 4);
    u32.set(this.#keys.offsets, parts.keyOffsets / 4);
    u8.set(this.#keys.bytes, parts.keys);
    for (const row of this.#removedRows) u8[parts.removed + (row >> 3)] |= 1 << (row & 7);
    if (this.#valueBytes === 'variable') {
      u32.set(this.#values.offsets, parts.values / 4);
      u8.set(this.#values.bytes, parts.data);
    } else {
      toColumns(this.#values.bytes, numRows, this.#valueBytes / 8, memory.i64.subarray(parts.values / 8));
    }
    return deltaBlock(parts);
  }
}

const NOTHING = new Uint8Array(0);

/** Rows of 8-byte fields to columns. */
function toColumns(rows: Uint8Array, numRows: number, numColumns: number, out: BigInt64Array): void {
  const from = new BigInt64Array(rows.buffer, rows.byteOffset, numRows * numColumns);
  for (let row = 0; row < numRows; row++) {
    for (let c = 0; c < numColumns; c++) out[c * numRows + row] = from[row * numColumns + c];
  }
}

/** Byte strings one after another, with Arrow's offsets. */
class ByteList {
  readonly offsets: number[] = [0];
  #bytes = new Uint8Array(1024);
  byteLength = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.byteLength);
  }

  push(bytes: Uint8Array): void {
    const end = this.byteLength + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.byteLength);
    this.byteLength = end;
    this.offsets.push(end);
  }
}
