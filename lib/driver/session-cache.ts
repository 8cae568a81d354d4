/**
 * RDDs that a function of foreachRDD has cached: their rows, once an action has computed them, until the function ends. One
 * that is dropped, because a memory is full or a file cannot be read back, is computed again from its lineage by the next
 * action that reads it.
 */
import type { Lineage } from '../api/lineage.js';
import type { Materialized } from '../api/lower-lineage.js';
import type { BlockRef } from '../protocol/messages.js';
import { formatFailure } from '../protocol/task-failure.js';
import { blockId } from '../scheduler/batch-task.js';
import type { BatchFailure } from '../scheduler/batch.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import type { CachedRdds } from './cached-rdds.js';

export type Blocks = readonly (BlockRef | null)[];

export interface SessionCacheOptions {
  readonly pool: SlotPool;
  readonly caches: CachedRdds;
  readonly warn: (message: string) => void;
}

export class SessionCache {
  readonly #options: SessionCacheOptions;
  /** By name. */
  readonly #rows: Map<string, Blocks>;
  readonly #materialized = new Map<Lineage, Materialized>();
  /** By name, how many actions under way read it. */
  readonly #readers = new Map<string, number>();
  #unsubscribe: () => void = () => undefined;

  /** @param rows where the session finds rows by name; those of cached RDDs are put there and taken away */
  constructor(options: SessionCacheOptions, rows: Map<string, Blocks>) {
    this.#options = options;
    this.#rows = rows;
  }

  /** Those whose rows are there. */
  get materialized(): ReadonlyMap<Lineage, Materialized> {
    return this.#materialized;
  }

  /** Keeps what an action has computed of an RDD that is cached; of two at once, what the first has. */
  add(node: Lineage, name: string, blocks: Blocks): void {
    if (this.#materialized.has(node)) {
      this.#options.pool.release(blocks.filter(block => block !== null));
      return;
    }
    this.#rows.set(name, blocks);
    this.#materialized.set(node, { name, numPartitions: blocks.length });
    this.#unsubscribe();
    this.#unsubscribe = this.#options.caches.add(() => this.#evict());
  }

  /** Keeps rows of these names from being dropped. @returns what ends that, once */
  reading(names: readonly string[]): () => void {
    for (const name of names) this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
    return () => {
      for (const name of names) this.#readers.set(name, (this.#readers.get(name) ?? 0) - 1);
    };
  }

  /** From here on the RDD is computed again. */
  drop(node: Lineage, reason: string): void {
    this.#options.warn(`${node.label}: ${reason}; the cached RDD is computed again from its lineage`);
    this.#release(node);
  }

  /** An action failed. @returns whether it did for want of a block of a cached RDD that went to a file; the RDD is dropped */
  dropLost({ failure }: BatchFailure): boolean {
    if (failure.kind !== 'blockLost') return false;
    const isLost = (block: BlockRef | null): boolean => block !== null && blockId(block) === failure.blockId;
    for (const [node, { name }] of this.#materialized) {
      if (!this.#blocksOf(name).some(isLost)) continue;
      this.drop(node, formatFailure(failure));
      return true;
    }
    return false;
  }

  /** Gives all rows back. */
  close(): void {
    this.#unsubscribe();
    for (const node of [...this.#materialized.keys()]) this.#release(node);
  }

  /** Drops an RDD that has rows in memory and is not being read. @returns whether there was one */
  #evict(): boolean {
    for (const [node, { name }] of this.#materialized) {
      const isInMemory = this.#blocksOf(name).some(({ file }) => file === undefined);
      if (!isInMemory || (this.#readers.get(name) ?? 0) > 0) continue;
      this.#release(node);
      return true;
    }
    return false;
  }

  #release(node: Lineage): void {
    const name = this.#materialized.get(node)?.name ?? '';
    const blocks = this.#blocksOf(name);
    this.#materialized.delete(node);
    this.#rows.delete(name);
    this.#options.pool.release(blocks);
  }

  #blocksOf(name: string): readonly BlockRef[] {
    return (this.#rows.get(name) ?? []).filter(block => block !== null);
  }
}
