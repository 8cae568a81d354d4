/**
 * Pairs of shuffle blocks, a thousand at a time: enough that one call of a kernel looks up the keys of all of them, few
 * enough that what is made of them dies young.
 */
import type { KeySlices } from '../columnar/keys.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { PairReader } from '../blocks/row-block.js';
import type { BlockRef } from '../protocol/messages.js';
import { readBlock } from './read-block.js';
import type { TaskContext } from './task-context.js';

const BATCH_PAIRS = 1024;

export class PairBatch {
  readonly #memory: SlotMemory;
  readonly #starts = new Uint32Array(BATCH_PAIRS);
  readonly #lengths = new Uint32Array(BATCH_PAIRS);
  readonly #hashes = new Uint32Array(BATCH_PAIRS);
  /** The block, and where in it the first key begins and the last one ends. */
  #bytes: Uint8Array = new Uint8Array(0);
  #keysStart = 0;
  #keysEnd = 0;
  numPairs = 0;
  /** The first `numPairs` of each are those of the batch. */
  readonly keys: unknown[] = [];
  readonly values: unknown[] = [];

  constructor(memory: SlotMemory) {
    this.#memory = memory;
  }

  /** Takes the next pairs of a block. @returns false when there are none */
  fill(bytes: Uint8Array, pairs: PairReader): boolean {
    this.#bytes = bytes;
    let n = 0;
    while (n < BATCH_PAIRS && pairs.next()) {
      if (n === 0) this.#keysStart = pairs.keyStart;
      this.#starts[n] = pairs.keyStart;
      this.#lengths[n] = pairs.keyEnd - pairs.keyStart;
      this.#hashes[n] = pairs.hash;
      this.keys[n] = pairs.key;
      this.values[n] = pairs.value;
      n++;
    }
    this.#keysEnd = pairs.keyEnd;
    this.numPairs = n;
    return n > 0;
  }

  /** Calls `use` with the canonical bytes of the keys and their hashes, in scratch that is given back after. */
  withKeys<T>(use: (keys: KeySlices) => T): T {
    const memory = this.#memory;
    const n = this.numPairs;
    const mark = memory.scratchMark();
    const base = this.#reachable();
    const keys = { values: memory.scratch(n * 4), lengths: memory.scratch(n * 4), hashes: memory.scratch(n * 4) };
    const { u32 } = memory;
    for (let i = 0, at = keys.values / 4; i < n; i++, at++) u32[at] = base + this.#starts[i];
    u32.set(this.#lengths.subarray(0, n), keys.lengths / 4);
    u32.set(this.#hashes.subarray(0, n), keys.hashes / 4);
    const result = use(keys);
    memory.releaseScratch(mark);
    return result;
  }

  /** What to add to an offset in the block for an address of this slot: keys in another slot's memory are copied. */
  #reachable(): number {
    const memory = this.#memory;
    const bytes = this.#bytes;
    if (bytes.buffer === memory.u8.buffer) return bytes.byteOffset;
    const address = memory.scratch(this.#keysEnd - this.#keysStart);
    memory.u8.set(bytes.subarray(this.#keysStart, this.#keysEnd), address);
    return address - this.#keysStart;
  }
}

/** Calls `visit` for the pairs of all blocks, in order; the batch is used again for the next. */
export function forEachPairBatch(
  ctx: TaskContext,
  blocks: readonly BlockRef[],
  visit: (batch: PairBatch) => void,
): void {
  const batch = new PairBatch(ctx.memory);
  for (const block of blocks) {
    readBlock(ctx, block, bytes => {
      const pairs = new PairReader(bytes);
      while (batch.fill(bytes, pairs)) visit(batch);
    });
  }
}
