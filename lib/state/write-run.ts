/**
 * Writes a run: entries of a key group, ascending by hash, in blocks of about 2 KiB, which lie in extents of about 1 MiB.
 * Larger blocks would make a key dearer to find, smaller ones the record larger.
 */
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { WrittenRun } from './run-layout.js';
import type { Extent, Place, RunStore } from './run-store.js';
import { VARIABLE, type ValueBytes } from './table-layout.js';

const BLOCK_BYTES = 2048;
const EXTENT_BYTES = 1024 * 1024;

/** What the kernels take for the bytes of a value. */
export const valueCode = (valueBytes: ValueBytes): number => (valueBytes === 'variable' ? VARIABLE : valueBytes);

/** A run on its way to a store. Holds scratch of the slot's memory. */
export class RunWriter {
  readonly #memory: SlotMemory;
  readonly #store: RunStore;
  readonly #valueBytes: number;
  readonly #size: Address;
  #buffer: { address: Address; byteLength: number };
  /** Bytes in the buffer, and the blocks among those below that are there. */
  #used = 0;
  #firstInBuffer = 0;
  #numRows = 0;
  readonly #extents: Extent[] = [];
  /** Of blocks in the buffer: where they begin in it. */
  readonly #places: Place[] = [];
  readonly #firstHashes: number[] = [];
  readonly #lengths: number[] = [];
  readonly #checksums: number[] = [];

  /** @param mostBytes that all entries together may have */
  constructor(memory: SlotMemory, store: RunStore, valueBytes: ValueBytes, mostBytes: number) {
    this.#memory = memory;
    this.#store = store;
    this.#valueBytes = valueCode(valueBytes);
    this.#size = memory.scratch(16);
    const byteLength = Math.max(16, Math.min(EXTENT_BYTES, mostBytes));
    this.#buffer = { address: memory.scratch(byteLength), byteLength };
  }

  /**
   * Adds n entries, whose addresses ascend by hash and whose hashes are larger than those before.
   * @returns false when the store has no room; then `discard` gives back what was taken
   */
  add(refs: Address, n: number): boolean {
    const k = kernels(this.#memory);
    for (let i = 0; i < n;) {
      const count = k.runMeasure(refs, i, n, this.#valueBytes, BLOCK_BYTES, this.#size);
      const byteLength = this.#memory.u32[this.#size / 4];
      if (this.#used + byteLength > this.#buffer.byteLength && !this.#flush()) return false;
      if (byteLength > this.#buffer.byteLength)
        this.#buffer = { address: this.#memory.scratch(byteLength), byteLength };
      const at = this.#buffer.address + this.#used;
      k.runCopy(refs, i, i + count, this.#valueBytes, at);
      this.#places.push(this.#used);
      this.#firstHashes.push(this.#memory.u32[at / 4]);
      this.#lengths.push(byteLength);
      this.#checksums.push(this.#store.isChecked ? k.runChecksum(at, byteLength) : 0);
      this.#used += byteLength;
      i += count;
    }
    this.#numRows += n;
    return true;
  }

  /** Writes what is left. @returns undefined when the store has no room */
  finish(): WrittenRun | undefined {
    if (!this.#flush()) return undefined;
    return {
      store: this.#store.kind,
      numRows: this.#numRows,
      extents: this.#extents,
      places: this.#places,
      firstHashes: this.#firstHashes,
      lengths: this.#lengths,
      checksums: this.#checksums,
    };
  }

  /** Gives back all that was written. */
  discard(): void {
    for (const extent of this.#extents) this.#store.free(extent);
    this.#extents.length = 0;
  }

  #flush(): boolean {
    if (this.#used === 0) return true;
    const place = this.#store.alloc(this.#used);
    if (place === undefined) return false;
    this.#extents.push({ place, byteLength: this.#used });
    this.#store.write(place, this.#memory, this.#buffer.address, this.#used);
    for (let block = this.#firstInBuffer; block < this.#places.length; block++) this.#places[block] += place;
    this.#firstInBuffer = this.#places.length;
    this.#used = 0;
    return true;
  }
}
