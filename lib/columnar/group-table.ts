/**
 * Hash aggregation of one task: keys with a row of accumulators each, in order of first appearance.
 *
 * A chunk is taken in blocks of rows: one pass finds each row's group, then one tight pass per aggregate adds its
 * values, while groups and entries are still in the cache. Keys of up to 16 bytes are compared as one vector inside
 * the entry, longer ones by reference to bytes copied into the table's own store, because a chunk's bytes are
 * overwritten by the next. Accumulators stand in the entry behind the key, so that a pass finds them in the cache lines
 * that the search has just brought in. Rows a second: benchmarks/kernels-group.bench.ts.
 *
 *   index  u32[2^k] -> entries [ none | group 1 | group 2 ... ] -> key store (keys over 16 bytes)
 *
 * All of it lies in blocks of its own, so that scratch can be given back between chunks: the owner calls `dispose`.
 */
import { EngineError } from '../core/errors.js';
import { AGGREGATE_CODE, NO_VALUE, type AggregateColumn } from './aggregate.js';
import type { KeySlices } from './keys.js';
import { kernels, type Kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** What one aggregate adds for the rows of an update; all addresses are of arrays with one element a row. */
export interface AggregateInput {
  /** u8: rows with 0 are left out; absent = all count. */
  readonly mask?: Address | undefined;
  /** int64 or float64 values, as the aggregate has it (`accumulatorValues`); absent = the constant 1. */
  readonly values?: Address | undefined;
  /** Arrow bit map: rows with 0 are left out; absent or 0 = all count. */
  readonly validity?: Address | undefined;
}

/**
 * Sees the rows of an update while their groups are at hand: for what is kept beside the table.
 *
 * @param groups one group number (from 1) a row, good until it returns
 * @param from the first of these rows
 */
export type GroupVisitor = (groups: Uint32Array, from: number) => void;

/** Rows whose groups are found together. */
export const GROUP_BLOCK_ROWS = 4096;
const BLOCK_ROWS = GROUP_BLOCK_ROWS;
/** Rows of a block of groupFind. */
const REST_ROWS = 1024;
const LINE_BYTES = 64;
const FIRST_SLOTS = 1024;
const FIRST_ENTRIES = 256;
/** So much of what was expected has to be there before it is believed. */
const EXPECTED_PART = 16;
const FIRST_KEY_BYTES = 4096;
const MAX_KEY_CHUNK_BYTES = 4 * 1024 * 1024;
const MAX_SLOTS = 2 ** 29;

// u32 fields of the header the kernels work on; layout in lib/kernels/group-table.ts.
const H_INDEX = 0;
const H_MASK = 1;
const H_ENTRIES = 2;
const H_STRIDE = 3;
const H_NEXT = 4;
const H_CAPACITY = 5;
const H_KEYS_AT = 6;
const H_KEYS_END = 7;
const H_AGGREGATES = 8;
const H_INDEX_LIMIT = 9;
const H_KEYS_WANTED = 10;
const HEADER_BYTES = 64;

export class GroupTable {
  readonly memory: SlotMemory;
  readonly aggregates: readonly AggregateColumn[];
  /** Address of the header, for the kernels. */
  readonly header: Address;
  readonly #kernels: Kernels;
  readonly #stride: number;
  readonly #expected: number;
  readonly #groups: Address;
  readonly #selected: Address;
  readonly #rest: Address;
  #entriesBlock: Address = 0;
  #keyChunks: Address[] = [];

  /** @param expected how many groups there may be: a table that comes near grows to that at once */
  constructor(memory: SlotMemory, aggregates: readonly AggregateColumn[], expected = 0) {
    this.memory = memory;
    this.aggregates = aggregates;
    this.#expected = Math.min(Math.ceil(expected), MAX_SLOTS / 2);
    this.#kernels = kernels(memory);
    this.#stride = 24 + 8 * aggregates.length;
    const firstValues = HEADER_BYTES + 8 * aggregates.length;
    this.header = memory.alloc(firstValues + 16 + 8 * BLOCK_ROWS + 4 * REST_ROWS);
    this.#groups = this.header + Math.ceil(firstValues / 16) * 16;
    this.#selected = this.#groups + 4 * BLOCK_ROWS;
    this.#rest = this.#selected + 4 * BLOCK_ROWS;
    memory.u8.fill(0, this.header, this.header + HEADER_BYTES);
    const entries = this.#allocEntries(FIRST_ENTRIES);
    memory.u8.fill(0, entries, entries + this.#stride);
    // No key has this length, so nothing is ever found in the entry that stands for no group.
    memory.u32[(entries + 20) >>> 2] = 0xffffffff;
    this.#set(H_ENTRIES, entries);
    this.#set(H_STRIDE, this.#stride);
    this.#set(H_NEXT, 1);
    this.#set(H_CAPACITY, FIRST_ENTRIES);
    this.#set(H_AGGREGATES, aggregates.length);
    aggregates.forEach((aggregate, i) => {
      memory.i64[(this.header + HEADER_BYTES) / 8 + i] = NO_VALUE[aggregate.kind];
    });
    this.#makeIndex(FIRST_SLOTS);
  }

  get numGroups(): number {
    return this.#get(H_NEXT) - 1;
  }

  /** Adds rows: finds or makes the group of each key, then adds each aggregate's input (one per aggregate, same order). */
  update(keys: KeySlices, numRows: number, inputs: readonly AggregateInput[], visit?: GroupVisitor): void {
    for (let from = 0; from < numRows; from += BLOCK_ROWS) {
      const n = Math.min(BLOCK_ROWS, numRows - from);
      this.find(keys, from, n);
      for (let a = 0; a < this.aggregates.length; a++) this.#accumulate(a, inputs[a] ?? {}, from, n);
      visit?.(this.memory.u32.subarray(this.#groups / 4, this.#groups / 4 + n), from);
    }
  }

  /** Finds or makes the group of each key and tells it: groups count from 1. @param groups u32[numRows] out */
  assign(keys: KeySlices, numRows: number, groups: Address): void {
    const { values, lengths, hashes } = keys;
    let done = 0;
    while (done < numRows) {
      done = this.#kernels.groupFind(this.header, values, lengths, hashes, done, numRows, groups, this.#rest);
      if (done < numRows) this.#grow();
    }
  }

  /** The group of each key, 0 for a key that the table has not; nothing is added. @param groups u32[numRows] out */
  probe(keys: KeySlices, numRows: number, groups: Address): void {
    const { values, lengths, hashes } = keys;
    this.#kernels.joinProbe(this.header, values, lengths, hashes, numRows, groups, this.#rest);
  }

  /**
   * Makes the groups of the keys that have none, in a table without aggregates.
   *
   * @returns u32[count] in scratch: the rows that are the first of their group
   */
  addKeys(keys: KeySlices, numRows: number): { readonly indexes: Address; readonly count: number } {
    const indexes = this.memory.scratch(numRows * 4);
    let count = 0;
    for (let from = 0; from < numRows; from += BLOCK_ROWS) {
      const n = Math.min(BLOCK_ROWS, numRows - from);
      const known = this.numGroups;
      this.find(keys, from, n);
      count += this.#kernels.firstOfGroups(this.#groups, n, known, from, indexes + count * 4);
    }
    return { indexes, count };
  }

  /**
   * Finds or makes the groups of the keys [from, from + n), n <= `GROUP_BLOCK_ROWS`.
   *
   * @returns u32[n]: the group of each, 1 for the first that the table met; good until the next call
   */
  find(keys: KeySlices, from: number, n: number): Address {
    const k = this.#kernels;
    const at = from * 4;
    let done = 0;
    while (done < n) {
      done = k.groupFind(
        this.header,
        keys.values + at,
        keys.lengths + at,
        keys.hashes + at,
        done,
        n,
        this.#groups,
        this.#rest,
      );
      if (done < n) this.#grow();
    }
    return this.#groups;
  }

  /** The groups' keys in order, in scratch; short keys lie in the table and move when it grows. `byteLength`: of all keys. */
  keys(): KeySlices & { readonly byteLength: number } {
    const { memory, numGroups } = this;
    const values = memory.scratch(numGroups * 4);
    const lengths = memory.scratch(numGroups * 4);
    const hashes = memory.scratch(numGroups * 4);
    const byteLength = this.#kernels.groupKeys(this.header, values, lengths, hashes);
    return { values, lengths, hashes, byteLength };
  }

  /** Accumulator `which` of each group in order, 8 bytes each, in scratch. A group none of whose rows counted has 0 for a sum, the type's extreme for min and max. */
  accumulators(which: number): Address {
    const out = this.memory.scratch(this.numGroups * 8);
    this.#kernels.groupColumn(this.header, which, out);
    return out;
  }

  /** Frees what the table holds before its task ends. */
  dispose(): void {
    for (const address of [...this.#keyChunks, this.#get(H_INDEX), this.#entriesBlock, this.header])
      this.memory.free(address);
  }

  /** Adds rows [from, from + n) of the input to accumulator `a`; their groups were just found. */
  #accumulate(a: number, input: AggregateInput, from: number, n: number): void {
    const k = this.#kernels;
    const { kind } = this.aggregates[a];
    let groups = this.#groups;
    if (input.mask || input.validity) {
      groups = this.#selected;
      k.groupSelect(this.#groups, n, input.mask ? input.mask + from : 0, input.validity ?? 0, from, groups);
    }
    const values = input.values ? input.values + from * 8 : 0;
    k.groupAccumulate(this.header, a, AGGREGATE_CODE[kind], groups, n, values);
  }

  /** Gives room to whatever stopped groupFind. */
  #grow(): void {
    const next = this.#get(H_NEXT);
    if (next > this.#get(H_INDEX_LIMIT)) {
      const slots = this.#get(H_MASK) + 1;
      this.memory.free(this.#get(H_INDEX));
      this.#makeIndex(
        Math.max(slots * (slots < 65536 ? 4 : 2), 2 ** Math.ceil(Math.log2(2 * this.#nearlyExpected + 2))),
      );
    } else if (next >= this.#get(H_CAPACITY)) {
      this.#growEntries();
    } else {
      const chunkBytes = Math.min(MAX_KEY_CHUNK_BYTES, FIRST_KEY_BYTES * 2 ** Math.min(20, this.#keyChunks.length));
      const byteLength = Math.max(chunkBytes, this.#get(H_KEYS_WANTED));
      const chunk = this.memory.alloc(byteLength);
      this.#keyChunks.push(chunk);
      this.#set(H_KEYS_AT, chunk);
      this.#set(H_KEYS_END, chunk + byteLength);
    }
  }

  /** The number of groups that was expected, once there is a part of them; before, it may be wrong. */
  get #nearlyExpected(): number {
    return this.numGroups >= this.#expected / EXPECTED_PART ? this.#expected : 0;
  }

  /** Entries of 32 bytes, the usual ones, then never lie across two cache lines: a lookup takes half the time. */
  #allocEntries(capacity: number): Address {
    this.#entriesBlock = this.memory.alloc(capacity * this.#stride + LINE_BYTES);
    return Math.ceil(this.#entriesBlock / LINE_BYTES) * LINE_BYTES;
  }

  #growEntries(): void {
    const { memory } = this;
    const old = this.#get(H_ENTRIES);
    const usedBytes = this.#get(H_NEXT) * this.#stride;
    const capacity = Math.max(this.#get(H_CAPACITY) * 2, this.#nearlyExpected + 1);
    const oldBlock = this.#entriesBlock;
    const entries = this.#allocEntries(capacity);
    memory.u8.copyWithin(entries, old, old + usedBytes);
    memory.free(oldBlock);
    this.#set(H_ENTRIES, entries);
    this.#set(H_CAPACITY, capacity);
  }

  #makeIndex(slots: number): void {
    if (slots > MAX_SLOTS) {
      throw new EngineError('memoryLimit', `a group table holds at most ${MAX_SLOTS / 2} groups: use more partitions`);
    }
    const index = this.memory.alloc(slots * 4);
    this.memory.u8.fill(0, index, index + slots * 4);
    this.#set(H_INDEX, index);
    this.#set(H_MASK, slots - 1);
    this.#set(H_INDEX_LIMIT, slots / 2);
    this.#kernels.groupReindex(this.header);
  }

  #get(field: number): number {
    return this.memory.u32[(this.header >>> 2) + field];
  }

  #set(field: number, value: number): void {
    this.memory.u32[(this.header >>> 2) + field] = value;
  }
}
