/**
 * Keys of any value, each known by a number: 0, 1, 2 ... in order of first appearance. Two keys have one number exactly
 * when their canonical bytes (`core/value-key.ts`) are equal.
 *
 * What is looked up and kept are those bytes, in the slot's memory, by the kernels that group columns. Against a Map of
 * strings that is less than half the time (benchmarks/wordcount.bench.ts): strings just cut from a line are hashed one
 * by one there and compared by pointers into cold memory. And no key stays in the heap, where the garbage collector
 * would copy it and the text it was cut from would stay with it.
 */
import { ValueWriter } from '../core/value-encode.js';
import { writeKey } from '../core/value-key.js';
import { GROUP_BLOCK_ROWS, GroupTable } from './group-table.js';
import { kernels } from './kernels.js';
import type { KeySlices } from './keys.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** Keys that are numbered by one call, at the most. */
export const KEYS_AT_ONCE = GROUP_BLOCK_ROWS;

export class KeyTable {
  readonly #memory: SlotMemory;
  readonly #groups: GroupTable;
  readonly #numbers = new Uint32Array(KEYS_AT_ONCE);
  readonly #lengths = new Uint32Array(KEYS_AT_ONCE);
  readonly #writer = new ValueWriter();

  /** Owns blocks of `memory` until `dispose`. */
  constructor(memory: SlotMemory) {
    this.#memory = memory;
    this.#groups = new GroupTable(memory, []);
  }

  /** How many keys it has met. */
  get size(): number {
    return this.#groups.numGroups;
  }

  /**
   * The numbers of the first `n` keys, n <= `KEYS_AT_ONCE`: that which is `size` before the call is the first new key.
   * Good until the next call. Throws `typeMismatch` naming what cannot be a key.
   */
  numbersOf(keys: readonly unknown[], n: number): Uint32Array {
    const writer = this.#writer;
    const lengths = this.#lengths;
    writer.reset();
    let end = 0;
    for (let i = 0; i < n; i++) {
      const key = keys[i];
      if (typeof key === 'string') writer.write(key);
      else writeKey(writer, key);
      const start = end;
      end = writer.length;
      lengths[i] = end - start;
    }
    const memory = this.#memory;
    const mark = memory.scratchMark();
    const data = memory.scratch(end);
    const slices = this.#slices(n);
    memory.u8.set(writer.bytes(), data);
    memory.u32.set(n === KEYS_AT_ONCE ? lengths : lengths.subarray(0, n), slices.lengths / 4);
    const k = kernels(memory);
    k.slicesFromLengths(slices.lengths, n, data, slices.values);
    k.hashSlices(slices.values, slices.lengths, n, slices.hashes);
    const numbers = this.numbersOfSlices(slices, n);
    memory.releaseScratch(mark);
    return numbers;
  }

  /** The same for canonical bytes with their hashes, which lie in the slot's memory. */
  numbersOfSlices(keys: KeySlices, n: number): Uint32Array {
    const groups = this.#groups.find(keys, 0, n);
    const numbers = this.#numbers;
    const { u32 } = this.#memory;
    // Groups count from 1.
    for (let i = 0, at = groups / 4; i < n; i++, at++) numbers[i] = u32[at] - 1;
    return numbers;
  }

  /** All keys in order of their numbers, in scratch: good until the next call that may add one. */
  keys(): KeySlices & { readonly byteLength: number } {
    return this.#groups.keys();
  }

  /** Frees what the table holds. */
  dispose(): void {
    this.#groups.dispose();
  }

  #slices(n: number): { values: Address; lengths: Address; hashes: Address } {
    const memory = this.#memory;
    return { values: memory.scratch(n * 4), lengths: memory.scratch(n * 4), hashes: memory.scratch(n * 4) };
  }
}
