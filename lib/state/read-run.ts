import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { unreadable } from './file-runs.js';
import type { RunRecord } from './run-layout.js';
import type { RunStore } from './run-store.js';

/** Read in one go where several blocks are wanted that lie one behind another. */
const WINDOW_BYTES = 256 * 1024;
/** Blocks that nobody wants, between wanted ones, that are read with them: cheaper than another call. */
const MAX_GAP = 4;

/** Blocks of a run in scratch memory, some at a time. Whoever makes it releases the scratch when it is done with it. */
export class RunBlocks {
  readonly #memory: SlotMemory;
  readonly #store: RunStore;
  readonly #run: RunRecord;
  readonly #buffer: Address;
  #largest: { address: Address; byteLength: number };
  #window: Address = 0;
  #from = 0;
  #to = 0;

  constructor(memory: SlotMemory, store: RunStore, run: RunRecord) {
    this.#memory = memory;
    this.#store = store;
    this.#run = run;
    this.#buffer = memory.scratch(Math.min(WINDOW_BYTES, run.dataBytes));
    this.#largest = { address: this.#buffer, byteLength: Math.min(WINDOW_BYTES, run.dataBytes) };
  }

  /** The block behind those that are there. */
  get loadedTo(): number {
    return this.#to;
  }

  /**
   * Where a block lies now: good until another is asked for. Throws `stateSpill` when it is not what was written.
   * @param wanted blocks, ascending, that will be asked for next, from place `next` on: those nearby are read with it
   */
  load(block: number, wanted: ArrayLike<number> = [], next = 0): { readonly start: Address; readonly end: Address } {
    const run = this.#run;
    if (block < this.#from || block >= this.#to) this.#read(block, wanted, next);
    const start = this.#window + run.placeOf(block) - run.placeOf(this.#from);
    return { start, end: start + run.bytesOf(block) };
  }

  #read(block: number, wanted: ArrayLike<number>, next: number): void {
    const run = this.#run;
    const start = run.placeOf(block);
    let to = block + 1;
    let end = start + run.bytesOf(block);
    const reach = (target: number): boolean => {
      let [last, bytesEnd] = [to, end];
      for (; last <= target; last++) {
        if (run.placeOf(last) !== bytesEnd || bytesEnd + run.bytesOf(last) - start > WINDOW_BYTES) return false;
        bytesEnd += run.bytesOf(last);
      }
      [to, end] = [last, bytesEnd];
      return true;
    };
    for (let i = next; i < wanted.length && wanted[i] <= to + MAX_GAP; i++) {
      if (wanted[i] >= to && !reach(wanted[i])) break;
    }
    const byteLength = end - start;
    if (byteLength > this.#largest.byteLength)
      this.#largest = { address: this.#memory.scratch(byteLength), byteLength };
    this.#window = this.#largest.address;
    this.#store.read(start, this.#memory, this.#window, byteLength);
    this.#from = block;
    this.#to = to;
    if (this.#store.isChecked) this.#check();
  }

  #check(): void {
    const run = this.#run;
    const start = run.placeOf(this.#from);
    for (let block = this.#from; block < this.#to; block++) {
      const place = run.placeOf(block);
      const found = kernels(this.#memory).runChecksum(this.#window + place - start, run.bytesOf(block)) >>> 0;
      if (found !== run.checksumOf(block)) {
        this.#to = this.#from;
        throw unreadable(this.#store.name, place, 'its checksum is another than when it was written');
      }
    }
  }
}
