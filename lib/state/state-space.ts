/**
 * The memory that the state of one slot may have, and where what is beyond goes. It counts the tables of the slot and its
 * runs in further memories; every slot publishes its sum, so that each knows the sum of all.
 *
 *   tables of the slot > homeBytes     rows go to further memories while there is room, else to the file
 *   state of all slots > maxBytes      rows go to the file; without one, the next task with state is refused
 *
 * Of several slots those go on that have more than an equal share. What goes is the key group that takes most. A batch may
 * go beyond by what it touches: the limits are kept when its changes are applied, and when a task begins.
 */
import { EngineError } from '../core/errors.js';
import { formatBytes } from '../core/byte-size.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { AwayGroups } from './away-groups.js';
import { runsOf } from './run-layout.js';
import { IN_MEMORY, type RunStore, type StoreKind } from './run-store.js';

export interface StateSpaceOptions {
  readonly slot: number;
  /** f64 for each slot: bytes of its state. Shared by all threads. */
  readonly slotBytes: Float64Array;
  /** That the state of all slots may have. */
  readonly maxBytes: number;
  /** That the tables of this slot may have in the memory that tasks work in. */
  readonly homeBytes: number;
  readonly memory: RunStore | undefined;
  readonly file: RunStore | undefined;
}

interface SpaceTable {
  readonly byteLength: number;
  readonly away: AwayGroups | undefined;
}

export class StateSpace {
  readonly #options: StateSpaceOptions;
  readonly #tables = new Set<SpaceTable>();

  constructor(options: StateSpaceOptions) {
    this.#options = options;
  }

  /** Begins anew with what these tables have put away; for a thread that takes the slot over, before it attaches them. */
  adopt(memory: SlotMemory, tables: readonly Address[]): void {
    this.#tables.clear();
    const runs = tables.flatMap(table => runsOf(memory, table));
    for (const store of [this.#options.memory, this.#options.file])
      store?.adopt(runs.flatMap(run => (run.store === store.kind ? run.extents() : [])));
  }

  add(table: SpaceTable): void {
    this.#tables.add(table);
  }

  storeOf(kind: StoreKind): RunStore {
    const store = kind === IN_MEMORY ? this.#options.memory : this.#options.file;
    if (store === undefined) throw new EngineError('internal', `state was put into store ${kind}, which there is not`);
    return store;
  }

  /** Bytes of the state of all slots, as they were published last. */
  get totalBytes(): number {
    this.#options.slotBytes[this.#options.slot] = this.#homeBytes() + (this.#options.memory?.memoryBytes ?? 0);
    return this.#options.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Puts key groups away while there is more than there may be. Throws `memoryLimit`, `stateSpill`. */
  balance(): void {
    const { file } = this.#options;
    let isMemoryFull = this.#options.memory === undefined;
    for (;;) {
      const store = this.#nextStore(isMemoryFull);
      if (store === undefined) return;
      // Where all together is too much, what is in further memories goes to the file too.
      const largest = this.#largest(store === file && this.#isOver() ? IN_MEMORY : undefined);
      if (largest === undefined) return;
      if (!largest.away.putAway(largest.group, store)) isMemoryFull = true;
    }
  }

  #nextStore(isMemoryFull: boolean): RunStore | undefined {
    const { homeBytes, memory, file } = this.#options;
    if (file !== undefined && this.#isOver()) return file;
    if (this.#homeBytes() <= homeBytes) return undefined;
    return isMemoryFull ? file : memory;
  }

  /** Throws `stateLimit` when the state has more than it may, and nowhere to go. */
  requireRoom(): void {
    const { maxBytes, file } = this.#options;
    const total = this.totalBytes;
    if (file !== undefined || total <= maxBytes) return;
    throw new EngineError(
      'stateLimit',
      `the state has ${formatBytes(total)} in all slots, tables and indexes, more than the ${formatBytes(maxBytes)} of maxStateBytes: ` +
        'raise maxStateBytes where there is memory, or set stateSpill to disk',
      { detail: { stateBytes: total, maxStateBytes: maxBytes } },
    );
  }

  /** The slot has more than its share of too much. */
  #isOver(): boolean {
    const { slot, slotBytes, maxBytes } = this.#options;
    return this.totalBytes > maxBytes && slotBytes[slot] > maxBytes / slotBytes.length;
  }

  #homeBytes(): number {
    let bytes = 0;
    for (const table of this.#tables) bytes += table.byteLength;
    return bytes;
  }

  #largest(kind: StoreKind | undefined): { readonly away: AwayGroups; readonly group: number } | undefined {
    let largest: { away: AwayGroups; group: number; byteLength: number } | undefined;
    for (const { away } of this.#tables) {
      const found = away?.largest(kind);
      if (away === undefined || found === undefined || found.group < 0) continue;
      if (largest === undefined || found.byteLength > largest.byteLength) largest = { away, ...found };
    }
    return largest;
  }
}
