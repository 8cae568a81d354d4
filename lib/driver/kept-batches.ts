/**
 * Batches of persisted streams: their rows stay in blocks for as long as the stream remembers them. When a slot's memory
 * is full, and none of its blocks can go to a file, the oldest give way.
 */
import type { BlockRef, KeptPart } from '../protocol/messages.js';
import type { BatchResult } from '../scheduler/batch.js';
import type { SlotPool } from '../scheduler/slot-pool.js';

type Blocks = readonly (BlockRef | null)[];

export class KeptBatches {
  /** By output id of the stream and batch time, oldest first. */
  readonly #batches = new Map<string, Map<number, Blocks>>();
  /** Results whose rows of persisted streams are kept here, or were. */
  readonly #taken = new WeakSet<BatchResult>();
  readonly #pool: SlotPool;
  readonly #rememberMs: number;
  readonly #outputs: readonly string[];

  /**
   * @param rememberMs batches up to so long before the last one are kept
   * @param outputs ids of the outputs that keep rows
   */
  constructor(pool: SlotPool, rememberMs: number, outputs: readonly string[]) {
    this.#pool = pool;
    this.#rememberMs = rememberMs;
    this.#outputs = outputs;
  }

  /** Keeps the rows of a batch that is put out now, and forgets what is older than is remembered. */
  take(time: number, result: BatchResult): void {
    this.#taken.add(result);
    for (const id of this.#outputs) {
      const rows = result.kept.get(id);
      if (rows !== undefined) this.#add(id, time, rows);
      this.#forget(id, time);
    }
  }

  /** Gives back a batch's blocks but for those kept here: all, when the batch ended before it was put out. */
  releaseOthers(result: BatchResult): void {
    const rows = this.#taken.has(result) ? this.#outputs.flatMap(id => result.kept.get(id) ?? []) : [];
    const held = new Set(rows.map(({ block }) => block));
    this.#pool.release(result.blocks.filter(block => !held.has(block)));
  }

  #add(output: string, time: number, parts: readonly KeptPart[]): void {
    const ofOutput = this.#batches.get(output) ?? new Map<number, Blocks>();
    this.#batches.set(output, ofOutput);
    ofOutput.set(
      time,
      parts.map(({ block }) => block),
    );
  }

  /** The last one stays: a stream that slides has no batch in between. */
  #forget(output: string, time: number): void {
    const ofOutput = this.#batches.get(output) ?? new Map<number, Blocks>();
    for (const [kept, blocks] of ofOutput) {
      if (kept > time - this.#rememberMs || ofOutput.size === 1) break;
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

  /** Gives up the oldest batch that has blocks in memory. @returns false when there is none */
  evictOldest(): boolean {
    let oldest: { readonly output: string; readonly time: number } | undefined;
    for (const [output, batches] of this.#batches) {
      const [time] = [...batches].find(([, blocks]) => blocks.some(isInMemory)) ?? [];
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
    for (const batches of this.#batches.values()) for (const blocks of batches.values()) this.#release(blocks);
    this.#batches.clear();
  }

  #release(blocks: Blocks): void {
    this.#pool.release(blocks.filter(block => block !== null));
  }
}

const isInMemory = (block: BlockRef | null): boolean => block !== null && block.file === undefined;
