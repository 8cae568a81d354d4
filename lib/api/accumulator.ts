/**
 * Values that tasks add to and the driver reads: counts and sums beside the rows. What a task adds counts once, when the
 * batch is put out, however often the task was tried: additions of attempts that failed or lost are dropped. Totals begin
 * anew with each start of the job.
 */
import { EngineError } from '../core/errors.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';

/** How values of type V become a total of type R. */
export interface AccumulatorRules<V, R> {
  /** Total of nothing; plain data, each task gets a copy of its own. */
  readonly zero: R;
  readonly add: (total: R, value: V) => R;
  /** Puts totals of two tasks together; associative and commutative. */
  readonly merge: (a: R, b: R) => R;
}

export class Accumulator<V, R = V> {
  readonly name: string;
  readonly #rules: AccumulatorRules<V, R>;
  readonly #zero: Uint8Array;
  #total: R;
  #place: 'driver' | 'worker' | 'task' = 'driver';
  #isUsed = false;

  constructor(name: string, rules: AccumulatorRules<V, R>) {
    this.name = name;
    this.#rules = rules;
    this.#zero = encodeValue(rules.zero);
    this.#total = decodeValue(this.#zero) as R;
  }

  /** Adds a value: in a closure that runs in a task, or in a function of foreachRDD. */
  add(value: V): void {
    // A function of foreachRDD that runs in a worker, to make closures there, has added in the driver already.
    if (this.#place === 'worker') return;
    this.#total = this.#rules.add(this.#total, value);
    this.#isUsed = true;
  }

  /**
   * The total of all tasks of the batches put out so far. Throws `jobInvalid` in a worker: only the driver knows it.
   */
  get value(): R {
    if (this.#place === 'driver') return this.#total;
    throw new EngineError(
      'jobInvalid',
      `the value of accumulator '${this.name}' is known in the driver only: read it in foreachRDD after its last action, or outside of the job`,
    );
  }

  /** @internal Has it count for one task at a time. */
  enterWorker(): void {
    this.#place = 'worker';
  }

  /** @internal */
  beginTask(): void {
    this.#place = 'task';
    this.#isUsed = false;
    this.#total = decodeValue(this.#zero) as R;
  }

  /** @internal @returns what the task added, encoded; undefined when it added nothing */
  endTask(): Uint8Array | undefined {
    this.#place = 'worker';
    return this.#isUsed ? encodeValue(this.#total) : undefined;
  }

  /** @internal Takes what a task added into the total. */
  merge(bytes: Uint8Array): void {
    this.#total = this.#rules.merge(this.#total, decodeValue(bytes) as R);
  }
}

export const sumRules: AccumulatorRules<number, number> = {
  zero: 0,
  add: (total, value) => total + value,
  merge: (a, b) => a + b,
};

export const listRules = <T>(): AccumulatorRules<T, T[]> => ({
  zero: [],
  add: (list, value) => {
    list.push(value);
    return list;
  },
  merge: (a, b) => [...a, ...b],
});
