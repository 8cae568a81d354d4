/**
 * The durable keyed state of one operator's partition, in the slot's memory, so that it survives its thread. Only deltas
 * change it (`applyDelta`): a task reads it as it was before its batch.
 *
 * It is one small hash table per key group (`table-layout.ts`), so that growth never pauses for long and a partition is
 * cut along key groups. Entries stand in the order in which their keys came; a removed one, or one whose value outgrew
 * its place, leaves a hole, and a key group of which half is holes is copied together.
 *
 * A thread may die at any instruction: while a delta is applied a flag in the header says so. Entries are complete before
 * they are counted in, so `attach` can make the indexes again from them; applying the same delta again then gives the
 * table that an undisturbed run has.
 */
import { EngineError } from '../core/errors.js';
import { checkKeyGroups } from '../core/hash.js';
import type { KeySlices } from '../columnar/keys.js';
import { kernels, type Kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { attachGroups, compactGroups, makeRoom } from './table-growth.js';
import * as layout from './table-layout.js';
import type { Region, ValueBytes } from './table-layout.js';

export { tableRegions } from './table-layout.js';

export interface StateTableOptions {
  /** A power of two, the same for all partitions of the job. */
  readonly numKeyGroups: number;
  /** The key groups `from <= g < to` that this partition owns (`keyGroupRange`). */
  readonly from: number;
  readonly to: number;
  /** Bytes of every value, a multiple of 8; or each value has its own length. */
  readonly valueBytes: ValueBytes;
}

export interface StateEntry {
  /** Views into the table, good until the next change. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class StateTable {
  readonly memory: SlotMemory;
  readonly address: Address;
  readonly valueBytes: ValueBytes;
  readonly #kernels: Kernels;

  private constructor(memory: SlotMemory, address: Address) {
    this.memory = memory;
    this.address = address;
    this.#kernels = kernels(memory);
    const valueBytes = this.#field(layout.T_VALUE_BYTES);
    this.valueBytes = valueBytes === layout.VARIABLE ? 'variable' : valueBytes;
  }

  /** An empty table in a block of its own. */
  static create(memory: SlotMemory, options: StateTableOptions): StateTable {
    const { numKeyGroups, from, to, valueBytes } = options;
    checkKeyGroups(numKeyGroups);
    if (valueBytes !== 'variable' && (valueBytes < 0 || valueBytes % 8 !== 0)) {
      throw new EngineError('internal', `state values want a multiple of 8 bytes, got ${valueBytes}`);
    }
    if (!(from >= 0 && from <= to && to <= numKeyGroups)) {
      throw new EngineError('internal', `state wants key groups within 0 to ${numKeyGroups}, got ${from} to ${to}`);
    }
    const byteLength = layout.HEADER_BYTES + (to - from) * 8;
    const address = memory.alloc(byteLength);
    memory.u8.fill(0, address, address + byteLength);
    const fields = [layout.TABLE_MAGIC, layout.TABLE_VERSION, numKeyGroups, from, to];
    memory.u32.set([...fields, valueBytes === 'variable' ? layout.VARIABLE : valueBytes, 0, byteLength], address / 4);
    return new StateTable(memory, address);
  }

  /**
   * The table at `address`, whose regions the memory has adopted. After a crash amid a delta its indexes are made again
   * (about 10 M rows a second); `applying` then stays true until a delta was applied to its end.
   */
  static attach(memory: SlotMemory, address: Address): StateTable {
    const [magic, version] = memory.u32.subarray(address / 4, address / 4 + 2);
    if (magic !== layout.TABLE_MAGIC || version !== layout.TABLE_VERSION) {
      throw new EngineError(
        'internal',
        `no state table at ${address} of slot ${memory.slot}: found ${magic}, version ${version}`,
      );
    }
    const table = new StateTable(memory, address);
    if (table.applying) attachGroups(memory, address);
    return table;
  }

  get numKeyGroups(): number {
    return this.#field(layout.T_KEY_GROUPS);
  }
  get from(): number {
    return this.#field(layout.T_FROM);
  }
  get to(): number {
    return this.#field(layout.T_TO);
  }

  /** True while a delta is being applied, and after a crash amid it. */
  get applying(): boolean {
    return this.#field(layout.T_APPLYING) !== 0;
  }

  get numRows(): number {
    const { u32 } = this.memory;
    let rows = 0;
    for (const arena of this.#arenas()) rows += u32[arena / 4 + layout.A_ROWS];
    return rows;
  }

  /** Bytes of all regions, room to grow included. */
  get byteLength(): number {
    return this.regions().reduce((sum, region) => sum + region.byteLength, 0);
  }

  regions(): Region[] {
    return layout.tableRegions(this.memory, this.address);
  }

  /**
   * u32[n] in scratch: where the entry of each key lies, 0 = absent; good until the next change. Keys of other
   * partitions' key groups are absent.
   */
  lookup(keys: KeySlices, n: number): Address {
    const refs = this.memory.scratch(n * 4);
    this.#kernels.stateLookup(this.address, keys.values, keys.lengths, keys.hashes, n, refs);
    return refs;
  }

  /** The value of one key (a view, good until the next change), or undefined. */
  get(key: Uint8Array, hash: number): Uint8Array | undefined {
    const { memory } = this;
    const mark = memory.scratchMark();
    const at = memory.scratch(key.length);
    memory.u8.set(key, at);
    const entry = this.#kernels.stateFind(this.address, at, key.length, hash) >>> 0;
    memory.releaseScratch(mark);
    return entry === 0 ? undefined : this.#entryAt(entry).value;
  }

  /** Where the value of an entry that `lookup` found begins, and its bytes. */
  valueAddress(entry: Address): Address {
    const keyBytes = this.memory.u32[entry / 4 + 1];
    return entry + (this.valueBytes === 'variable' ? 16 : 8) + Math.ceil(keyBytes / 8) * 8;
  }
  valueLength(entry: Address): number {
    return this.valueBytes === 'variable' ? this.memory.u32[entry / 4 + 2] : this.valueBytes;
  }

  /** The rows whose keys have this hash; the views are good until the next change. */
  withHash(hash: number): StateEntry[] {
    const entries: StateEntry[] = [];
    const next = (after: Address): Address => this.#kernels.stateNextOfHash(this.address, hash, after) >>> 0;
    for (let entry = next(0); entry !== 0; entry = next(entry)) entries.push(this.#entryAt(entry));
    return entries;
  }

  /** All rows, key group by key group, within one in order of arrival. Not to be changed on the way. */
  *entries(): IterableIterator<StateEntry> {
    const { u32 } = this.memory;
    for (const arena of this.#arenas()) {
      const end = arena + u32[arena / 4 + layout.A_USED];
      for (let entry = arena + layout.ARENA_HEADER_BYTES; entry < end;) {
        const removed = (u32[entry / 4 + 1] & layout.REMOVED_BIT) !== 0;
        const { key, value, byteLength } = this.#entryAt(entry);
        if (!removed) yield { key, value };
        entry += byteLength;
      }
    }
  }

  /** Runs one change of the table under the flag that says so. */
  change(apply: () => void): void {
    const flag = this.address / 4 + layout.T_APPLYING;
    Atomics.store(this.memory.u32, flag, 1);
    apply();
    compactGroups(this.memory, this.address);
    Atomics.store(this.memory.u32, flag, 0);
  }

  /** Gives room to the key group that the kernel just asked it for. */
  makeRoom(): void {
    makeRoom(this.memory, this.address, this.#field(layout.T_WANTS_GROUP), this.#field(layout.T_WANTS_BYTES));
  }

  /** Frees all regions. */
  dispose(): void {
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

  #arenas(): Address[] {
    const { u32 } = this.memory;
    const arenas: Address[] = [];
    for (let g = 0; g < this.to - this.from; g++) {
      const arena = u32[this.address / 4 + layout.T_GROUPS + g * 2];
      if (arena !== 0) arenas.push(arena);
    }
    return arenas;
  }

  #field(field: number): number {
    return this.memory.u32[this.address / 4 + field];
  }
}
