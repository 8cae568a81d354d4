/**
 * The batches of a queueStream, pushed by the program that runs the job; each batch of the job takes one. For specs
 * and experiments: what is in the queue lives in the driver's memory until it is planned.
 */
export class BatchQueue<T> {
  readonly #batches: (readonly T[])[] = [];

  push(...batches: readonly (readonly T[])[]): this {
    this.#batches.push(...batches);
    return this;
  }

  /** Takes the oldest batch, or undefined when there is none. */
  shift(): readonly T[] | undefined {
    return this.#batches.shift();
  }

  get length(): number {
    return this.#batches.length;
  }
}
