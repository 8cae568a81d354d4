/**
 * The batches of a queueStream, pushed by the program that runs the job; each batch of the job takes one. For specs
 * and experiments: what is in the queue lives in the driver's memory until it is planned.
 */
import { EngineError } from '../core/errors.js';

export class BatchQueue<T> {
  readonly #batches: (readonly T[] | null)[] = [];

  /**
   * @param batches an empty array is a batch without rows, in as many partitions as any other; null is no batch at all:
   *   what is made from it has none either and its outputs do not run, keyed state goes on without new values, and a
   *   union or a join with it fails. Throws `optionInvalid` for anything else
   */
  push(...batches: readonly (readonly T[] | null)[]): this {
    const odd = batches.find(batch => batch !== null && !Array.isArray(batch));
    if (odd !== undefined) {
      throw new EngineError('optionInvalid', `push wants batches, each an array of rows or null, got ${typeof odd}`);
    }
    this.#batches.push(...batches);
    return this;
  }

  /** Takes the oldest batch, or undefined when there is none. */
  shift(): readonly T[] | null | undefined {
    return this.#batches.shift();
  }

  get length(): number {
    return this.#batches.length;
  }
}
