/**
 * The durable keyed state of one operator's partition, in the slot's memory, so that it survives its thread. Only deltas
 * change it (`applyDelta`): a task reads it as it was before its batch.
 *
 * It is one hash table per key group (`table-layout.ts`), so that a partition is cut along key groups, and each grows in
 * steps of bounded work, so that no batch pauses for the size of the state. Entries stand in the order in which their
 * keys came; a removed one, or one whose value outgrew its place, leaves a hole, and a key group of which half is holes is
 * copied together.
 *
 * A thread may die at any instruction: while a delta is applied a flag in the header says so. Entries are complete before
 * they are counted in, so `attach` can make the indexes again from them; applying the same delta again then gives the
 * table that an undisturbed run has.
 *
 * Key groups for which the slot's memory has no room are put away, and rows of theirs fetched when they are wanted
 * (`run-layout.ts`): only in a table that was given a `StateSpace`.
 */
import { EngineError } from '../core/errors.js';
import type { KeySlices } from '../columnar/keys.js';
import { kernels, type Kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { AwayGroups } from './away-groups.js';
import type { StateSpace } from './state-space.js';
import { attachGroups, compactGroups, makeRoom } from './table-growth.js';
import * as layout from './table-layout.js';
import type { Region, ValueBytes } from './table-layout.js';
import { createTable, tableBytes, type StateTableOptions } from './table-size.js';

export { tableRegions } from './table-layout.js';
export type { StateTableOptions } from './table-size.js';

export interface StateEntry {
  /** Views into the table, good until the next change; copies of what is away. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class StateTable {
  readonly memory: SlotMemory;
  readonly address: Address;
  readonly valueBytes: ValueBytes;
  readonly numKeyGroups: number;
  readonly from: number;
  readonly to: number;
  /** What is put away of it; undefined without a space. */
  readonly away: AwayGroups | undefined;
  readonly #space: StateSpace | undefined;
  readonly #kernels: Kernels;
  /** False while it is changed, and after a change that ended for want of memory: its indexes may lack keys then. */
  #isSound = true;
  readonly #moved = { rows: 0, largestStep: 0 };

  private constructor(memory: SlotMemory, address: Address, space: StateSpace | undefined) {
    this.memory = memory;
    this.address = address;
    this.#kernels = kernels(memory);
    const valueBytes = this.#field(layout.T_VALUE_BYTES);
    this.valueBytes = valueBytes === layout.VARIABLE ? 'variable' : valueBytes;
    this.numKeyGroups = this.#field(layout.T_KEY_GROUPS);
    this.from = this.#field(layout.T_FROM);
    this.to = this.#field(layout.T_TO);
    this.#space = space;
    this.away = space && new AwayGroups(this, kind => space.storeOf(kind));
  }

  /** An empty table in a block of its own. */
  static create(memory: SlotMemory, options: StateTableOptions, space?: StateSpace): StateTable {
    const table = new StateTable(memory, createTable(memory, options), space);
    space?.add(table);
    return table;
  }

  /**
   * The table at `address`, whose regions the memory has adopted. After a crash amid a delta its indexes are made again
   * (about 10 M rows a second); `applying` then stays true until a delta was applied to its end.
   */
  static attach(memory: SlotMemory, address: Address, space?: StateSpace): StateTable {
    const [magic, version] = memory.u32.subarray(address / 4, address / 4 + 2);
    if (magic !== layout.TABLE_MAGIC || version !== layout.TABLE_VERSION) {
      throw new EngineError(
        'internal',
        `no state table at ${address} of slot ${memory.slot}: found ${magic}, version ${version}`,
      );
    }
    const table = new StateTable(memory, address, space);
    if (table.applying) attachGroups(memory, address);
    if (table.applying) table.away?.recount();
    space?.add(table);
    return table;
  }

  /** True while a delta is being applied, and after a crash amid it. */
  get applying(): boolean {
    return this.#field(layout.T_APPLYING) !== 0;
  }

  get numRows(): number {
    let rows = this.away?.numRows ?? 0;
    for (const { pages } of this.#groups()) rows += this.memory.u32[pages / 4 + layout.P_ROWS];
    return rows;
  }

  /** Bytes of all regions, room to grow included. */
  get byteLength(): number {
    return tableBytes(this.memory, this.address) + (this.away?.byteLength ?? 0);
  }

  /** How often a change began or entries moved: what was looked up is good while this stays. */
  get changes(): number {
    return this.#field(layout.T_CHANGES);
  }

  /** Rows that were moved by growing and shrinking since this thread has the table, and by the largest step of it. */
  get moved(): { readonly rows: number; readonly largestStep: number } {
    return { ...this.#moved };
  }

  regions(): Region[] {
    return layout.tableRegions(this.memory, this.address);
  }

  /**
   * Has the rows of these keys in the table itself, for kernels that look them up there: a change of it, where some were
   * away. Throws `memoryLimit`, `stateSpill`.
   */
  fetch(keys: KeySlices, n: number): void {
    this.away?.fetch(keys, n);
  }

  /**
   * u32[n] in scratch: where the entry of each key lies, 0 = absent; good until the next change. Keys of other
   * partitions' key groups are absent. Fetches, and throws, as `fetch` does.
   */
  lookup(keys: KeySlices, n: number): Address {
    this.fetch(keys, n);
    const refs = this.memory.scratch(n * 4);
    this.#kernels.stateLookup(this.address, keys.values, keys.lengths, keys.hashes, n, refs);
    return refs;
  }

  /** The value of one key (a view, good until the next change, or a copy), or undefined. */
  get(key: Uint8Array, hash: number): Uint8Array | undefined {
    const { memory } = this;
    const mark = memory.scratchMark();
    const at = memory.scratch(key.length);
    memory.u8.set(key, at);
    const entry = this.#kernels.stateFind(this.address, at, key.length, hash) >>> 0;
    memory.releaseScratch(mark);
    return entry === 0 ? this.away?.find(key, hash) : this.#entryAt(entry).value;
  }

  /** Where the value of an entry that `lookup` found begins, and its bytes. */
  valueAddress(entry: Address): Address {
    const keyBytes = this.memory.u32[entry / 4 + 1];
    return entry + (this.valueBytes === 'variable' ? 16 : 8) + Math.ceil(keyBytes / 8) * 8;
  }
  valueLength(entry: Address): number {
    return this.valueBytes === 'variable' ? this.memory.u32[entry / 4 + 2] : this.valueBytes;
  }

  /** Fetches the rows whose keys have these hashes, which ascend, for `withHash`. Throws as `fetch`. */
  fetchHashes(hashes: Uint32Array): void {
    this.away?.fetchHashes(hashes);
  }

  /** The rows whose keys have this hash, of those that are not away; the views are good until the next change. */
  withHash(hash: number): StateEntry[] {
    const entries: StateEntry[] = [];
    const next = (after: Address): Address => this.#kernels.stateNextOfHash(this.address, hash, after) >>> 0;
    for (let entry = next(0); entry !== 0; entry = next(entry)) entries.push(this.#entryAt(entry));
    return entries;
  }

  /**
   * All rows, key group by key group, within one those that are away and then the others in order of arrival. Not to be
   * changed on the way. Throws `stateSpill`.
   */
  *entries(): IterableIterator<StateEntry> {
    for (let group = 0; group < this.to - this.from; group++) {
      if (this.away?.runOf(group) !== undefined) yield* this.away.entries(group);
      const pages = this.memory.u32[this.address / 4 + layout.T_GROUPS + group * 2];
      if (pages === 0) continue;
      const { u32 } = this.memory;
      for (let page = 0; page < u32[pages / 4 + layout.P_PAGES]; page++) {
        const block = layout.pageEntry(pages, page);
        const start = u32[block + layout.E_ADDRESS];
        const end = start + u32[block + layout.E_END];
        for (let entry = page === 0 ? start + layout.FIRST_ENTRY : start; entry < end;) {
          const removed = (u32[entry / 4 + 1] & layout.REMOVED_BIT) !== 0;
          const { key, value, byteLength } = this.#entryAt(entry);
          if (!removed) yield { key, value };
          entry += byteLength;
        }
      }
    }
  }

  /** Runs one change of the table under the flag that says so. */
  change(apply: () => void): void {
    const { address, memory } = this;
    if (!this.#isSound) attachGroups(memory, address);
    this.#isSound = false;
    Atomics.store(memory.u32, address / 4 + layout.T_APPLYING, 1);
    memory.u32[address / 4 + layout.T_CHANGES]++;
    apply();
    this.#noteMoved(compactGroups(memory, address));
    Atomics.store(memory.u32, address / 4 + layout.T_APPLYING, 0);
    this.#isSound = true;
  }

  /** After a change: puts key groups away while the state has more memory than it may. Throws `memoryLimit`, `stateSpill`. */
  settle(): void {
    this.#space?.balance();
  }

  /** Gives room to the key group that the kernel just asked it for. */
  makeRoom(): void {
    const wants = [layout.T_WANTS_GROUP, layout.T_WANTS_BYTES, layout.T_WANTS_HASH] as const;
    const [group, bytes, hash] = wants.map(field => this.#field(field));
    this.#noteMoved(makeRoom(this.memory, this.address, group, bytes, hash));
  }

  /** Frees all regions. */
  dispose(): void {
    this.away?.dispose();
    for (const region of this.regions()) this.memory.free(region.address);
  }

  #entryAt(entry: Address): StateEntry & { byteLength: number } {
    const { u32, u8 } = this.memory;
    const keyBytes = u32[entry / 4 + 1] & ~layout.REMOVED_BIT;
    const variable = this.valueBytes === 'variable';
    const keyAt = entry + (variable ? 16 : 8);
    const valueAt = keyAt + Math.ceil(keyBytes / 8) * 8;
    const valueBytes = this.valueBytes === 'variable' ? u32[entry / 4 + 2] : this.valueBytes;
    const room = this.valueBytes === 'variable' ? u32[entry / 4 + 3] : this.valueBytes;
    return {
      key: u8.subarray(keyAt, keyAt + keyBytes),
      value: u8.subarray(valueAt, valueAt + valueBytes),
      byteLength: valueAt + room - entry,
    };
  }

  *#groups(): IterableIterator<{ pages: Address }> {
    for (let g = 0; g < this.to - this.from; g++) {
      const pages = this.memory.u32[this.address / 4 + layout.T_GROUPS + g * 2];
      if (pages !== 0) yield { pages };
    }
  }

  #noteMoved(rows: number): void {
    this.#moved.rows += rows;
    this.#moved.largestStep = Math.max(this.#moved.largestStep, rows);
  }

  #field(field: number): number {
    return this.memory.u32[this.address / 4 + field];
  }
}
