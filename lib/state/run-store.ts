/**
 * Where runs lie (`run-layout.ts`): in further memories of the slot, or in a file. Both give out extents, which are
 * written once, whole, and read in parts. Their books are the owning thread's and hold nothing that cannot be found again:
 * a new thread adopts the extents that the tables name, and what lies between them is free.
 */
import type { Address, SlotMemory } from '../columnar/slot-memory.js';

/** Where an extent, or a part of it, begins: a number that only its store understands; sums of it with bytes are places too. */
export type Place = number;

export interface Extent {
  readonly place: Place;
  readonly byteLength: number;
}

export interface RunStore {
  /** What a run's record says of where it lies. */
  readonly kind: StoreKind;
  /** Bytes of all extents that count as memory. */
  readonly memoryBytes: number;
  /** Whether what is read is to be compared with its checksum. */
  readonly isChecked: boolean;
  /** @returns undefined when there is no room */
  alloc(byteLength: number): Place | undefined;
  free(extent: Extent): void;
  /** Copies bytes of the slot's own memory to a part of an extent. Throws `stateSpill`. */
  write(place: Place, from: SlotMemory, address: Address, byteLength: number): void;
  /** Copies a part of an extent to the slot's own memory. Throws `stateSpill`. */
  read(place: Place, to: SlotMemory, address: Address, byteLength: number): void;
  /** Makes the books say that exactly these extents are in use; for a thread that takes the slot over. */
  adopt(extents: readonly Extent[]): void;
  /** What is read of here in messages. */
  readonly name: string;
}

export const IN_MEMORY = 1;
export const IN_FILE = 2;
export type StoreKind = typeof IN_MEMORY | typeof IN_FILE;
