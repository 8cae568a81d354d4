/**
 * Batches of persisted streams: their rows stay in blocks for as long as the stream remembers them. When a slot's memory
 * is full the oldest give way.
 */
import type { BlockRef, KeptPart } from '../protocol/messages.js';
import type { SlotPool } from '../scheduler/slot-pool.js';

type Blocks = readonly (BlockRef | null)[];

export class KeptBatches {
  /** By output id of the stream and batch time, oldest first. */
  readonly #batches = new Map<string, Map<number, Blocks>>();
  readonly #pool: SlotPool;
  readonly #rememberMs: number;

  /** @param rememberMs batches up to so long before the last one are kept */
  constructor(pool: SlotPool, rememberMs: number) {
    this.#pool = pool;
    this.#rememberMs = rememberMs;
  }

  /** Keeps the rows of a batch that is put out now, and forgets what is older than is remembered. */
  add(output: string, time: number, parts: readonly KeptPart[]): void {
    const ofOutput = this.#batches.get(output) ?? new Map<number, Blocks>();
    this.#batches.set(output, ofOutput);
    ofOutput.set(
      time,
      parts.map(({ block }) => block),
    );
    for (const [kept, blocks] of ofOutput) {
      if (kept > time - this.#rememberMs || kept === time) break;
      this.#release(blocks);
      ofOutput.delete(kept);
    }
  }

  /** Times of the batches from `from` to `to`, both included, that are still there. */
  timesOf(output: string, from: number, to: number): readonly number[] {
    return [...(this.#batches.get(output)?.keys() ?? [])].filter(time => time >= from && time <= to);
  }

  /** One entry a partition; undefined for a batch that is not there. */
  blocksOf(output: string, time: number): Blocks | undefined {
    return this.#batches.get(output)?.get(time);
  }

  /** Gives up the oldest batch. @returns false when there is none */
  evictOldest(): boolean {
    let oldest: { readonly output: string; readonly time: number } | undefined;
    for (const [output, batches] of this.#batches) {
      const [time] = batches.keys();
      if (time !== undefined && (oldest === undefined || time < oldest.time)) oldest = { output, time };
    }
    if (oldest === undefined) return false;
    const batches = this.#batches.get(oldest.output);
    this.#release(batches?.get(oldest.time) ?? []);
    batches?.delete(oldest.time);
    return true;
  }

  /** Gives everything back. */
  clear(): void {
    while (this.evictOldest());
  }

  #release(blocks: Blocks): void {
    this.#pool.release(blocks.filter(block => block !== null));
  }
}
