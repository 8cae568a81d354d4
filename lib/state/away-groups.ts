/**
 * The key groups of a table that are put away (`run-layout.ts`): how rows of theirs come back into the table when a batch
 * wants them, and how they go.
 *
 * Whatever it does to the table it does as a change of it, so a thread that dies amid it leaves what `recount` and
 * `attachGroups` put right: rows are copied into the table before they count as fetched, and a run takes the place of rows
 * by the one store that its record is found by.
 */
import { keyGroupOf } from '../core/hash.js';
import type { KeySlices } from '../columnar/keys.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { mergeRun } from './merge-run.js';
import { RunBlocks } from './read-run.js';
import { RemovedKeys } from './removed-keys.js';
import { RunRecord } from './run-layout.js';
import { RunScan, type OverRun } from './run-scan.js';
import type { RunStore, StoreKind } from './run-store.js';
import { dropGroup } from './table-growth.js';
import * as layout from './table-layout.js';
import type { ValueBytes } from './table-layout.js';
import { groupBytes, groupRows } from './table-size.js';
import { valueCode } from './write-run.js';

/** The table, as far as it is needed here. */
export interface OverTable {
  readonly memory: SlotMemory;
  readonly address: Address;
  readonly valueBytes: ValueBytes;
  readonly numKeyGroups: number;
  readonly from: number;
  readonly to: number;
  /** Runs one change of the table. */
  change(apply: () => void): void;
  /** Gives room to the key group that a kernel just asked it for. */
  makeRoom(): void;
}

export class AwayGroups {
  readonly #table: OverTable;
  readonly #storeOf: (kind: StoreKind) => RunStore;
  readonly #removed: RemovedKeys;
  readonly #runs = new Map<number, RunRecord>();
  #nextNumber = 1;

  constructor(table: OverTable, storeOf: (kind: StoreKind) => RunStore) {
    this.#table = table;
    this.#storeOf = storeOf;
    this.#removed = new RemovedKeys(table);
    for (let group = 0; group < this.#numGroups; group++) {
      const address = this.#recordOf(group);
      if (address === 0) continue;
      const run = new RunRecord(table.memory, address);
      this.#runs.set(group, run);
      this.#nextNumber = Math.max(this.#nextNumber, run.number + 1);
    }
  }

  /** Whether any key group is away. */
  get hasAny(): boolean {
    return this.#runs.size > 0;
  }

  /** The run of a key group, counted from the table's first, where it is away. */
  runOf(group: number): RunRecord | undefined {
    return this.#runs.get(group);
  }

  /** Rows that are away and not in the table. */
  get numRows(): number {
    let rows = 0;
    for (const run of this.#runs.values()) rows += run.numRows - run.numFetched;
    return rows;
  }

  /** Bytes in the slot's memory that it takes to know what is where. */
  get byteLength(): number {
    if (this.#array === 0) return 0;
    let bytes = this.#numGroups * 4 + this.#removed.byteLength;
    for (const run of this.#runs.values()) bytes += run.byteLength;
    return bytes;
  }

  /** The key group that has most bytes in the slot's memories: in the table, and of its run where `kind` says so too. */
  largest(kind?: StoreKind): { readonly group: number; readonly byteLength: number } {
    let largest = { group: -1, byteLength: 0 };
    for (let group = 0; group < this.#numGroups; group++) {
      const run = this.#runs.get(group);
      const inRun = run !== undefined && run.store === kind ? run.dataBytes : 0;
      const byteLength = groupBytes(this.#table.memory, this.#table.address, group) + inRun;
      if (byteLength > largest.byteLength) largest = { group, byteLength };
    }
    return largest;
  }

  /**
   * Brings the rows of these keys into the table, as far as they are away: what was looked up before has moved then. Throws
   * `memoryLimit`, `stateSpill`.
   */
  fetch({ values, lengths, hashes }: KeySlices, n: number): void {
    if (!this.hasAny || n === 0) return;
    const { memory, address, valueBytes } = this.#table;
    const k = kernels(memory);
    const mark = memory.scratchMark();
    const wanted = this.#missing({ values, lengths, hashes }, n);
    const code = valueCode(valueBytes);
    let lastHash = -1;
    this.#bring(wanted, (start, end, row, hash, insert) => {
      const [key, length] = [memory.u32[values / 4 + row], memory.u32[lengths / 4 + row]];
      const entry = k.runFind(start, end, code, key, length, hash) >>> 0;
      // A key may come twice.
      if (entry === 0 || (hash === lastHash && k.stateFind(address, key, length, hash) !== 0)) return;
      lastHash = hash;
      insert(entry);
    });
    memory.releaseScratch(mark);
  }

  /** Brings all rows whose keys have one of these hashes, which ascend, into the table. Throws as `fetch`. */
  fetchHashes(hashes: Uint32Array): void {
    if (!this.hasAny || hashes.length === 0) return;
    const { memory, address, valueBytes } = this.#table;
    const k = kernels(memory);
    const pairs = new Uint32Array(hashes.length * 2);
    let n = 0;
    for (const hash of hashes) if (this.#runs.has(this.#groupOf(hash))) pairs[n++ * 2 + 1] = hash;
    const [code, variable] = [valueCode(valueBytes), valueBytes === 'variable'];
    this.#bring(pairs.subarray(0, n * 2), (start, end, _row, hash, insert) => {
      for (let entry = k.runNextOfHash(start, end, code, hash) >>> 0; entry !== 0;) {
        const [key, length] = [entry + (variable ? 16 : 8), memory.u32[entry / 4 + 1]];
        const isOverridden = k.stateFind(address, key, length, hash) !== 0 || this.#removed.has(key, length, hash);
        if (!isOverridden) insert(entry);
        entry = k.runNextOfHash(k.runNext(entry, code), end, code, hash) >>> 0;
      }
    });
  }

  /** A copy of the value of a key that the table does not have. Throws `stateSpill`. */
  find(key: Uint8Array, hash: number): Uint8Array | undefined {
    const run = this.#runs.get(this.#groupOf(hash));
    const block = run?.blockOf(hash) ?? -1;
    if (run === undefined || block < 0) return undefined;
    const { memory, valueBytes } = this.#table;
    const mark = memory.scratchMark();
    try {
      const at = memory.scratch(key.length);
      memory.u8.set(key, at);
      if (this.#removed.has(at, key.length, hash)) return undefined;
      const { start, end } = new RunBlocks(memory, this.#storeOf(run.store), run).load(block);
      const entry = kernels(memory).runFind(start, end, valueCode(valueBytes), at, key.length, hash) >>> 0;
      return entry === 0 ? undefined : this.#entryAt(entry).value;
    } finally {
      memory.releaseScratch(mark);
    }
  }

  /** Copies of the rows of a key group that are away and not in the table, by hash. The table must not change on the way. Throws `stateSpill`. */
  *entries(group: number): IterableIterator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const { memory } = this.#table;
    const numBlocks = this.#runs.get(group)?.numBlocks ?? 0;
    for (let block = 0; block < numBlocks;) {
      // Copied before anyone else takes scratch.
      const mark = memory.scratchMark();
      const rows = [];
      try {
        const scan = this.scan(group, block);
        const n = scan?.next() ?? 0;
        block = scan?.block ?? numBlocks;
        for (let i = 0; i < n; i++) rows.push(this.#entryAt(memory.u32[(scan?.refs ?? 0) / 4 + i]));
      } finally {
        memory.releaseScratch(mark);
      }
      yield* rows;
    }
  }

  /** Reads a run from a block on; undefined where the key group is not away. Takes scratch. */
  scan(group: number, block: number): RunScan | undefined {
    const base = this.#baseOf(group);
    return base && new RunScan({ ...this.#over(), ...base }, block);
  }

  /** Remembers keys of which the table has the rows that are about to be removed. @param rows which of the keys. Throws `memoryLimit` */
  remove({ values, lengths, hashes }: KeySlices, rows: readonly number[]): void {
    const { memory, address } = this.#table;
    const k = kernels(memory);
    for (const row of rows) {
      const [key, length, hash] = [values, lengths, hashes].map(array => memory.u32[array / 4 + row]);
      if (!this.#runs.has(this.#groupOf(hash)) || k.stateFind(address, key, length, hash) === 0) continue;
      this.#removed.add(this.#groupOf(hash), key, length, hash);
    }
  }

  /**
   * Puts a key group away: all its rows, those that are away already too. What was looked up before is gone then. Throws
   * `memoryLimit`, `stateSpill`; the rows are where they were.
   * @returns false when the store has no room
   */
  putAway(group: number, store: RunStore): boolean {
    const table = this.#table;
    const { memory } = table;
    const base = this.#baseOf(group);
    const written = mergeRun({ ...this.#over(), group, base }, store);
    if (written === undefined) return false;
    let isPublished = false;
    try {
      memory.untracked(() => {
        const array = this.#array === 0 ? this.#newArray() : this.#array;
        const run = RunRecord.write(memory, this.#nextNumber++, written);
        table.change(() => {
          Atomics.store(memory.u32, array / 4 + group, run.address);
          isPublished = true;
          this.#runs.set(group, run);
          dropGroup(memory, table.address, group);
          this.#removed.drop(group);
        });
        if (base !== undefined) this.#free(base.run, base.store);
      });
    } catch (error) {
      if (!isPublished) for (const extent of written.extents) store.free(extent);
      throw error;
    }
    return true;
  }

  /** After a crash amid a change: counts again what was fetched. Throws `stateSpill`. */
  recount(): void {
    const { memory, address } = this.#table;
    this.#removed.attach();
    for (const [group, run] of this.#runs) {
      run.numFetched = 0;
      if (groupRows(memory, address, group) === 0 && this.#removed.isEmpty(group)) continue;
      const mark = memory.scratchMark();
      const scan = this.scan(group, 0);
      let left = 0;
      while (scan !== undefined && !scan.isAtEnd) left += scan.next();
      run.numFetched = run.numRows - left;
      memory.releaseScratch(mark);
    }
  }

  /** Gives all extents back; records are regions of the table. */
  dispose(): void {
    for (const run of this.#runs.values()) for (const extent of run.extents()) this.#storeOf(run.store).free(extent);
    this.#runs.clear();
  }

  /** Keys that are not in the table and may be in a run, as pairs of row and hash, ascending by hash. */
  #missing({ values, lengths, hashes }: KeySlices, n: number): Uint32Array {
    const { memory, address } = this.#table;
    const refs = memory.scratch(n * 4);
    kernels(memory).stateLookup(address, values, lengths, hashes, n, refs);
    const { u32 } = memory;
    const pairs = new Uint32Array(n * 2);
    let m = 0;
    for (let row = 0; row < n; row++) {
      const hash = u32[hashes / 4 + row];
      if (u32[refs / 4 + row] !== 0 || !this.#runs.has(this.#groupOf(hash))) continue;
      if (this.#removed.has(u32[values / 4 + row], u32[lengths / 4 + row], hash)) continue;
      pairs[m * 2] = row;
      pairs[m * 2 + 1] = hash;
      m++;
    }
    const wanted = pairs.subarray(0, m * 2);
    // As 64-bit numbers the hash comes first; sorted as such without making one of them an object.
    new BigUint64Array(wanted.buffer, 0, m).sort();
    return wanted;
  }

  /** Has `visit` look at the block that each hash of the pairs may be in, in order of their places. */
  #bring(
    pairs: Uint32Array,
    visit: (start: Address, end: Address, row: number, hash: number, insert: (entry: Address) => void) => void,
  ): void {
    if (pairs.length === 0) return;
    const { memory } = this.#table;
    const bringGroup = (first: number, to: number, group: number): void => {
      const base = this.#baseOf(group);
      if (base === undefined) return;
      const { run } = base;
      const wanted = new Int32Array(to - first);
      for (let i = first, block = 0; i < to; i++)
        wanted[i - first] = block = run.blockOf(pairs[i * 2 + 1], Math.max(0, block));
      const mark = memory.scratchMark();
      const blocks = new RunBlocks(memory, base.store, run);
      const insert = (entry: Address): void => this.#insert(group, run, entry);
      for (let i = first; i < to; i++) {
        const block = wanted[i - first];
        if (block < 0) continue;
        const { start, end } = blocks.load(block, wanted, i - first);
        visit(start, end, pairs[i * 2], pairs[i * 2 + 1], insert);
      }
      memory.releaseScratch(mark);
    };
    const count = pairs.length / 2;
    memory.untracked(() =>
      this.#table.change(() => {
        for (let first = 0, to = 0; first < count; first = to) {
          const group = this.#groupOf(pairs[first * 2 + 1]);
          while (to < count && this.#groupOf(pairs[to * 2 + 1]) === group) to++;
          bringGroup(first, to, group);
        }
      }),
    );
  }

  /** Copies an entry of a run into the table, which does not have its key. */
  #insert(group: number, run: RunRecord, entry: Address): void {
    const { memory, address } = this.#table;
    while (kernels(memory).statePut(address, group, entry) === 0) this.#table.makeRoom();
    run.numFetched++;
  }

  #entryAt(entry: Address): { key: Uint8Array; value: Uint8Array } {
    const { memory, valueBytes } = this.#table;
    const keyBytes = memory.u32[entry / 4 + 1];
    const keyAt = entry + (valueBytes === 'variable' ? 16 : 8);
    const valueAt = keyAt + Math.ceil(keyBytes / 8) * 8;
    const length = valueBytes === 'variable' ? memory.u32[entry / 4 + 2] : valueBytes;
    return { key: memory.bytes(keyAt, keyBytes).slice(), value: memory.bytes(valueAt, length).slice() };
  }

  #over(): Omit<OverRun, 'run' | 'store'> {
    const { memory, address, valueBytes } = this.#table;
    return { memory, table: address, removed: this.#removed.address, valueBytes };
  }

  #baseOf(group: number): { readonly run: RunRecord; readonly store: RunStore } | undefined {
    const run = this.#runs.get(group);
    return run && { run, store: this.#storeOf(run.store) };
  }

  #free(run: RunRecord, store: RunStore): void {
    for (const extent of run.extents()) store.free(extent);
    this.#table.memory.free(run.address);
  }

  #newArray(): Address {
    const { memory, address } = this.#table;
    const byteLength = this.#numGroups * 4;
    const array = memory.alloc(byteLength, 'lasting');
    memory.u8.fill(0, array, array + byteLength);
    Atomics.store(memory.u32, address / 4 + layout.T_RUNS, array);
    return array;
  }

  #groupOf(hash: number): number {
    return keyGroupOf(hash, this.#table.numKeyGroups) - this.#table.from;
  }

  #recordOf(group: number): Address {
    return this.#array === 0 ? 0 : this.#table.memory.u32[this.#array / 4 + group];
  }

  get #array(): Address {
    return this.#table.memory.u32[this.#table.address / 4 + layout.T_RUNS];
  }

  get #numGroups(): number {
    return this.#table.to - this.#table.from;
  }
}
