import type { Batch } from './batch.js';
import type { BatchComputation } from './batch-turn.js';

export interface ComputedBatch {
  readonly batch: Batch;
  readonly startedMs: number;
  /** Undefined for the moment in which it is started. */
  computation: BatchComputation | undefined;
  isCancelled: boolean;
}

/** The batches that are being computed, in the order in which they end and are committed. */
export class ComputingBatches {
  readonly #batches: ComputedBatch[] = [];

  get size(): number {
    return this.#batches.length;
  }

  add(batch: Batch, startedMs: number): ComputedBatch {
    const computed = { batch, startedMs, computation: undefined, isCancelled: false };
    this.#batches.push(computed);
    return computed;
  }

  /** Whether every batch before it has ended. */
  isFirst(computed: ComputedBatch): boolean {
    return this.#batches[0] === computed;
  }

  remove(computed: ComputedBatch): void {
    const index = this.#batches.indexOf(computed);
    if (index >= 0) this.#batches.splice(index, 1);
  }

  cancelAll(): void {
    for (const computed of [...this.#batches]) {
      computed.isCancelled = true;
      computed.computation?.cancel();
    }
  }
}
