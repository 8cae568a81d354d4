/**
 * One batch of a stream as `foreachRDD` sees it: its rows, partition by partition, already computed. Actions answer
 * with promises, because rows may lie elsewhere.
 */
export class Rdd<T> {
  readonly #partitions: readonly (readonly T[])[];

  constructor(partitions: readonly (readonly T[])[]) {
    this.#partitions = partitions;
  }

  get numPartitions(): number {
    return this.#partitions.length;
  }

  /** All rows, in order of partition. */
  async collect(): Promise<T[]> {
    return this.#partitions.flat();
  }

  async count(): Promise<number> {
    return this.#partitions.reduce((sum, rows) => sum + rows.length, 0);
  }

  async isEmpty(): Promise<boolean> {
    return this.#partitions.every(rows => rows.length === 0);
  }

  /** The first `n` rows, in order of partition. */
  async take(n: number): Promise<T[]> {
    const taken: T[] = [];
    for (const rows of this.#partitions) {
      if (taken.length >= n) break;
      taken.push(...rows.slice(0, n - taken.length));
    }
    return taken;
  }

  /** Calls `f` with each row, in order, in the driver. */
  async foreach(f: (row: T) => void): Promise<void> {
    for (const rows of this.#partitions) for (const row of rows) f(row);
  }
}
