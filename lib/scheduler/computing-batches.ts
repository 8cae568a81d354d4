import type { Batch, BatchFailure, BatchResult } from './batch.js';
import type { BatchComputation } from './batch-turn.js';

export interface ComputedBatch {
  readonly batch: Batch;
  readonly startedMs: number;
  /** Undefined for the moment in which it is started. */
  computation: BatchComputation | undefined;
  isCancelled: boolean;
  outcome: BatchResult | BatchFailure | undefined;
}

/** The batches that are being computed, in the order in which they end and are committed. */
export class ComputingBatches {
  readonly #batches: ComputedBatch[] = [];

  get size(): number {
    return this.#batches.length;
  }

  add(batch: Batch, startedMs: number): ComputedBatch {
    const computed = { batch, startedMs, computation: undefined, isCancelled: false, outcome: undefined };
    this.#batches.push(computed);
    return computed;
  }

  /** Whether every batch before it has ended. */
  isFirst(computed: ComputedBatch): boolean {
    return this.#batches[0] === computed;
  }

  /** Takes the first batch out when it has ended; one that ended before those before it waits for them. */
  takeEnded(): (ComputedBatch & { readonly outcome: BatchResult | BatchFailure }) | undefined {
    const [first] = this.#batches;
    if (first?.outcome === undefined) return undefined;
    this.#batches.shift();
    return { ...first, outcome: first.outcome };
  }

  cancelAll(): void {
    for (const computed of [...this.#batches]) {
      computed.isCancelled = true;
      computed.computation?.cancel();
    }
  }
}
