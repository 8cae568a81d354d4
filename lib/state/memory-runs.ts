/**
 * Runs in further memories of a slot, beside the one in which its tasks work and that no state larger than 4 GiB fits
 * into. A new extent goes to the first memory that has room; those behind it stay as small as they were made.
 */
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { EngineError } from '../core/errors.js';
import { IN_MEMORY, type Extent, type Place, type RunStore } from './run-store.js';

/** A place is the number of the memory times this, and the address in it. */
const MEMORY_PLACES = 2 ** 32;

export class MemoryRuns implements RunStore {
  readonly kind = IN_MEMORY;
  readonly isChecked = false;
  readonly name = 'the memories of the state';
  readonly #memories: readonly SlotMemory[];

  constructor(memories: readonly SlotMemory[]) {
    this.#memories = memories;
  }

  get memoryBytes(): number {
    return this.#memories.reduce((sum, memory) => sum + memory.liveBytes, 0);
  }

  alloc(byteLength: number): Place | undefined {
    for (const [i, memory] of this.#memories.entries()) {
      try {
        return i * MEMORY_PLACES + memory.alloc(byteLength);
      } catch (error) {
        if (!(error instanceof EngineError && error.code === 'memoryLimit')) throw error;
      }
    }
    return undefined;
  }

  free({ place }: Extent): void {
    const { memory, address } = this.#at(place);
    memory.free(address);
  }

  write(place: Place, from: SlotMemory, address: Address, byteLength: number): void {
    const to = this.#at(place);
    to.memory.bytes(to.address, byteLength).set(from.bytes(address, byteLength));
  }

  read(place: Place, to: SlotMemory, address: Address, byteLength: number): void {
    const from = this.#at(place);
    to.bytes(address, byteLength).set(from.memory.bytes(from.address, byteLength));
  }

  adopt(extents: readonly Extent[]): void {
    for (const [i, memory] of this.#memories.entries()) {
      const own = extents.filter(({ place }) => Math.floor(place / MEMORY_PLACES) === i);
      memory.adopt(own.map(({ place, byteLength }) => ({ address: place % MEMORY_PLACES, byteLength })));
    }
  }

  #at(place: Place): { readonly memory: SlotMemory; readonly address: Address } {
    const memory = this.#memories[Math.floor(place / MEMORY_PLACES)];
    if (memory === undefined) throw new EngineError('internal', `no memory of the state has place ${place}`);
    return { memory, address: place % MEMORY_PLACES };
  }
}
