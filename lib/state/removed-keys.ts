/**
 * Keys that were removed from a table since their key group was put away, so that what the run has of them does not come
 * back: a table of its own, without values, made with the first of them.
 */
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { attachGroups, dropGroup, makeRoom } from './table-growth.js';
import * as layout from './table-layout.js';
import { createTable, groupRows, tableBytes } from './table-size.js';

/** The table whose keys they were. */
interface Owner {
  readonly memory: SlotMemory;
  readonly address: Address;
  readonly numKeyGroups: number;
  readonly from: number;
  readonly to: number;
}

export class RemovedKeys {
  readonly #owner: Owner;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  /** 0 for none. */
  get address(): Address {
    return this.#owner.memory.u32[this.#owner.address / 4 + layout.T_REMOVED];
  }

  get byteLength(): number {
    return this.address === 0 ? 0 : tableBytes(this.#owner.memory, this.address);
  }

  isEmpty(group: number): boolean {
    return this.address === 0 || groupRows(this.#owner.memory, this.address, group) === 0;
  }

  has(key: Address, length: number, hash: number): boolean {
    const { address } = this;
    return address !== 0 && kernels(this.#owner.memory).stateFind(address, key, length, hash) !== 0;
  }

  /** Throws `memoryLimit`. */
  add(group: number, key: Address, length: number, hash: number): void {
    const { memory } = this.#owner;
    memory.untracked(() => {
      const address = this.address === 0 ? this.#make() : this.address;
      const k = kernels(memory);
      if (k.stateFind(address, key, length, hash) !== 0) return;
      let entry = 0;
      while ((entry = k.stateAppend(address, group, key, length, hash, 0) >>> 0) === 0) {
        const wants = [layout.T_WANTS_GROUP, layout.T_WANTS_BYTES, layout.T_WANTS_HASH] as const;
        const [wanting, bytes, hashOf] = wants.map(field => memory.u32[address / 4 + field]);
        makeRoom(memory, address, wanting, bytes, hashOf);
      }
      k.stateCommit(address, group, entry);
    });
  }

  /** Forgets those of a key group. */
  drop(group: number): void {
    if (this.address !== 0) dropGroup(this.#owner.memory, this.address, group);
  }

  /** After a crash: puts the table right. */
  attach(): void {
    if (this.address !== 0) attachGroups(this.#owner.memory, this.address);
  }

  #make(): Address {
    const { memory, numKeyGroups, from, to } = this.#owner;
    const address = createTable(memory, { numKeyGroups, from, to, valueBytes: 0 });
    Atomics.store(memory.u32, this.#owner.address / 4 + layout.T_REMOVED, address);
    return address;
  }
}
