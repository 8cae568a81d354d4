import type { EngineError } from '../core/errors.js';
import type { Batch } from './batch.js';

interface Waiter {
  readonly batches: Set<Batch>;
  readonly resolve: () => void;
  readonly reject: (error: EngineError) => void;
}

/** Batches that may have changed the state and are neither committed nor left out, and who waits for their end. */
export class OpenBatches {
  readonly #open = new Set<Batch>();
  #waiters: Waiter[] = [];
  #error: EngineError | undefined;

  opened(batch: Batch): void {
    this.#open.add(batch);
  }

  ended(batch: Batch): void {
    this.#open.delete(batch);
    for (const { batches } of this.#waiters) batches.delete(batch);
    const done = this.#waiters.filter(({ batches }) => batches.size === 0);
    this.#waiters = this.#waiters.filter(({ batches }) => batches.size > 0);
    for (const { resolve } of done) resolve();
  }

  /** None that is open is committed any more for sure. */
  fail(error: EngineError): void {
    this.#error ??= error;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(error);
  }

  /** Resolves when all that are open now have ended; rejects when one of them may never. */
  all(): Promise<void> {
    if (this.#error !== undefined && this.#open.size > 0) return Promise.reject(this.#error);
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ batches: new Set(this.#open), resolve, reject });
    });
  }
}
