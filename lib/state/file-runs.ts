/**
 * Runs in a file of the slot, under the checkpoint's folder: state that is larger than the memory it may have. The file is
 * made when it is first written to, and lives as long as the run of the job; a new thread of the slot goes on with it. It is
 * never the truth: what cannot be read back is a failure, after which the next run restores the state from the checkpoint.
 *
 * The two other ways were a log of single values with an index of all keys in memory, and a database such as LevelDB.
 * For values of 16 bytes the index would be as large as a quarter of the state, which is all the memory there may be;
 * and LevelDB is a native add-on of some MB that keeps a log, and caches, for a durability that nobody needs here. What
 * lies here is written once by merging and read by hash, as a level of an LSM tree is, with one place in memory for each
 * 2 KiB of it.
 */
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { FreeRegions } from '../columnar/free-regions.js';
import { EngineError, messageOf } from '../core/errors.js';
import type { OpenSpillFile, SpillFile } from '../core/spill-file.js';
import { IN_FILE, type Extent, type Place, type RunStore } from './run-store.js';

/** Extents begin and end at multiples of this, so that gaps are of use to others. */
const PAGE_BYTES = 4096;

const roundUp = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

export class FileRuns implements RunStore {
  readonly kind = IN_FILE;
  readonly memoryBytes = 0;
  readonly isChecked = true;
  readonly name: string;
  readonly #open: OpenSpillFile;
  readonly #free = new FreeRegions();
  #file: SpillFile | undefined;
  #isMade = false;
  #end = 0;

  constructor(path: string, open: OpenSpillFile) {
    this.name = path;
    this.#open = open;
  }

  alloc(byteLength: number): Place {
    const size = roundUp(byteLength);
    const gap = this.#free.take(size);
    if (gap !== undefined) return gap;
    const start = this.#free.startOfGapBefore(this.#end);
    if (start !== this.#end) this.#free.dropLast();
    this.#end = start + size;
    return start;
  }

  free({ place, byteLength }: Extent): void {
    this.#free.add(place, roundUp(byteLength));
  }

  write(place: Place, from: SlotMemory, address: Address, byteLength: number): void {
    try {
      this.#opened().write(from.bytes(address, byteLength), place);
    } catch (cause) {
      throw new EngineError(
        'stateSpill',
        `state of ${byteLength} bytes wants to be written to ${this.name}: ${messageOf(cause)}. ` +
          'Free space there or raise maxStateBytes; the next run restores the state from the checkpoint',
        { cause },
      );
    }
  }

  read(place: Place, to: SlotMemory, address: Address, byteLength: number): void {
    let found: number;
    try {
      found = this.#opened().read(to.bytes(address, byteLength), place);
    } catch (cause) {
      throw unreadable(this.name, place, messageOf(cause), cause);
    }
    if (found !== byteLength) throw unreadable(this.name, place, `it has ${found} of ${byteLength} bytes there`);
  }

  adopt(extents: readonly Extent[]): void {
    this.#free.clear();
    this.#end = 0;
    this.#isMade = extents.length > 0;
    for (const { place, byteLength } of extents.toSorted((a, b) => a.place - b.place)) {
      if (place > this.#end) this.#free.add(this.#end, place - this.#end);
      this.#end = place + roundUp(byteLength);
    }
  }

  #opened(): SpillFile {
    this.#file ??= this.#open(this.name, this.#isMade ? 'r+' : 'w+');
    this.#isMade = true;
    return this.#file;
  }
}

/** State that was put away is not what it was. */
export const unreadable = (name: string, place: Place, problem: string, cause?: unknown): EngineError =>
  new EngineError(
    'stateSpill',
    `state at byte ${place} of ${name} cannot be read back: ${problem}. ` +
      'Start again: the next run restores the state from the checkpoint',
    { cause },
  );
