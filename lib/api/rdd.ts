/**
 * One batch of a stream: rows in partitions, computed when an action asks for them. Operations give another RDD at once
 * and compute nothing; actions give promises. RDDs live in the functions of transform and foreachRDD, for one batch.
 *
 * Closures of operations run in the workers. A worker has its own by running the same function of the job for the same
 * batch, so that function must build the same RDDs whenever it runs: what changes while the job runs comes as a
 * broadcast value or through the rows.
 */
import { numPartitionsOf, type Lineage } from './lineage.js';
import * as operations from './operations.js';
import type { NarrowKind } from './operations.js';
import { requirePartitions, type Partitions } from './partitioner.js';
import type { PartitionRows, RddRuntime } from './rdd-runtime.js';
import type { UserFunction } from './closures.js';

type Pair<K, V> = readonly [K, V];
/** An RDD of pairs, whatever else it is. */
type Pairs<K, V> = Rdd<Pair<K, V>> | Rdd<[K, V]>;

export class Rdd<T> {
  /** How it is computed. */
  readonly lineage: Lineage;
  readonly #runtime: RddRuntime;
  declare readonly __row?: T;

  constructor(lineage: Lineage, runtime: RddRuntime) {
    this.lineage = lineage;
    this.#runtime = runtime;
  }

  /** Each row becomes `f(row)`. */
  map<K, V>(f: (row: T) => readonly [K, V]): Rdd<[K, V]>;
  map<U>(f: (row: T) => U): Rdd<U>;
  map<U>(f: (row: T) => U): Rdd<U> {
    return this.#narrow('map', f);
  }

  /** Each row becomes the rows of `f(row)`, in order. */
  flatMap<K, V>(f: (row: T) => Iterable<readonly [K, V]>): Rdd<[K, V]>;
  flatMap<U>(f: (row: T) => Iterable<U>): Rdd<U>;
  flatMap<U>(f: (row: T) => Iterable<U>): Rdd<U> {
    return this.#narrow('flatMap', f);
  }

  /** Keeps the rows for which `f` is true. */
  filter<U extends T>(f: (row: T) => row is U): Rdd<U>;
  filter(f: (row: T) => boolean): Rdd<T>;
  filter(f: (row: T) => boolean): Rdd<T> {
    return this.#derive(this.#builder.narrow('filter', this.lineage, f as UserFunction, this.lineage.columns));
  }

  /** Each partition's rows, as one iterator, become the rows of `f`; an empty partition is called too. */
  mapPartitions<K, V>(f: (rows: IterableIterator<T>) => Iterable<readonly [K, V]>): Rdd<[K, V]>;
  mapPartitions<U>(f: (rows: IterableIterator<T>) => Iterable<U>): Rdd<U>;
  mapPartitions<U>(f: (rows: IterableIterator<T>) => Iterable<U>): Rdd<U> {
    return this.#narrow('mapPartitions', f);
  }

  /** Each partition becomes one row: the list of its rows. */
  glom(): Rdd<T[]> {
    return this.#narrow('glom', undefined);
  }

  /** The rows of this RDD and of the others; nothing is removed. */
  union(...others: readonly Rdd<T>[]): Rdd<T> {
    return this.#derive(this.#builder.union([this, ...others].map(({ lineage }) => lineage)));
  }

  /** The same rows, spread evenly over `numPartitions`. */
  repartition(numPartitions: number): Rdd<T> {
    return this.#derive(operations.repartition(this.#builder, this.lineage, requirePartitions(numPartitions)));
  }

  /** `[key, f(value)]`. */
  mapValues<K, V, U>(this: Pairs<K, V>, f: (value: V) => U): Rdd<[K, U]> {
    return pairsOf(this).#narrow('mapValues', f);
  }

  /** `[key, u]` for each u of `f(value)`. */
  flatMapValues<K, V, U>(this: Pairs<K, V>, f: (value: V) => Iterable<U>): Rdd<[K, U]> {
    return pairsOf(this).#narrow('flatMapValues', f);
  }

  /** `[key, all its values combined by f]`; combined before and after the shuffle. */
  reduceByKey<K, V>(this: Pairs<K, V>, f: (a: V, b: V) => V, partitions?: Partitions<K>): Rdd<[K, V]> {
    const rdd = pairsOf(this);
    return rdd.#derive(operations.reduceByKey(rdd.#builder, rdd.lineage, f, partitions));
  }

  /** `[key, [values]]`: the values of one partition in their order, partitions in theirs. */
  groupByKey<K, V>(this: Pairs<K, V>, partitions?: Partitions<K>): Rdd<[K, V[]]> {
    const rdd = pairsOf(this);
    return rdd.#derive(operations.groupByKey(rdd.#builder, rdd.lineage, partitions));
  }

  /** `[key, combined]`: `create` from the first value, `merge` with each further one, `mergeCombiners` across partitions. */
  combineByKey<C, K = unknown, V = unknown>(
    this: Pairs<K, V>,
    create: (value: V) => C,
    merge: (combined: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitions?: Partitions<K>,
  ): Rdd<[K, C]> {
    const rdd = pairsOf(this);
    const combiner = { create, merge, mergeCombiners };
    return rdd.#derive(operations.combineByKey(rdd.#builder, rdd.lineage, combiner, partitions));
  }

  /** `[key, combined]`: `merge` folds each partition's values into a copy of `zero`, `mergeCombiners` puts partitions together. */
  aggregateByKey<C, K = unknown, V = unknown>(
    this: Pairs<K, V>,
    zero: C,
    merge: (combined: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitions?: Partitions<K>,
  ): Rdd<[K, C]> {
    const rdd = pairsOf(this);
    const closures = { merge, mergeCombiners };
    return rdd.#derive(operations.aggregateByKey(rdd.#builder, rdd.lineage, zero, closures, partitions));
  }

  /** `[key, [values here, values there]]` for each key of either. */
  cogroup<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitions<K>): Rdd<[K, [V[], W[]]]> {
    const rdd = pairsOf(this);
    return rdd.#derive(operations.cogroup(rdd.#builder, [rdd.lineage, other.lineage], partitions));
  }

  /** `[key, [v, w]]` for each v here and w there under the same key. */
  join<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitions<K>): Rdd<[K, [V, W]]> {
    return pairsOf(this).#join('inner', other, partitions);
  }

  /** As `join`, and `[key, [v, null]]` for each v without a partner there. */
  leftOuterJoin<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitions<K>): Rdd<[K, [V, W | null]]> {
    return pairsOf(this).#join('leftOuter', other, partitions);
  }

  /** As `join`, and `[key, [null, w]]` for each w without a partner here. */
  rightOuterJoin<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitions<K>): Rdd<[K, [V | null, W]]> {
    return pairsOf(this).#join('rightOuter', other, partitions);
  }

  /** As `join`, and each value without a partner on the other side with null in its place. */
  fullOuterJoin<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitions<K>,
  ): Rdd<[K, [V | null, W | null]]> {
    return pairsOf(this).#join('fullOuter', other, partitions);
  }

  /** The same pairs, each in the partition of its key; in order of partition where they come from. */
  partitionBy<K, V>(this: Pairs<K, V>, partitions?: Partitions<K>): Rdd<[K, V]> {
    const rdd = pairsOf(this);
    return rdd.#derive(operations.partitionBy(rdd.#builder, rdd.lineage, partitions));
  }

  /**
   * Keeps the rows once an action has computed them, for the actions after it, until the function of foreachRDD ends.
   * Changes this RDD and gives it back. In transform it changes nothing: there every RDD is computed once a batch.
   */
  cache(): this {
    this.lineage.isCached = true;
    return this;
  }

  /** The same as `cache`: rows are kept in the memory of the executors. */
  persist(): this {
    return this.cache();
  }

  /** Computes it again from its lineage from here on. */
  unpersist(): this {
    this.lineage.isCached = false;
    return this;
  }

  /** All rows, in order of partition. */
  async collect(): Promise<T[]> {
    const partitions = await this.#run('collect', this.lineage, null);
    return partitions.flatMap(({ rows }) => rows) as T[];
  }

  /** How many rows there are. */
  async count(): Promise<number> {
    const partitions = await this.#run('count', this.lineage, 0);
    return partitions.reduce((sum, { numRows }) => sum + numRows, 0);
  }

  async isEmpty(): Promise<boolean> {
    return (await this.count()) === 0;
  }

  /** How many partitions it has. Throws `jobInvalid` in transform where that depends on the batch's input. */
  get numPartitions(): number {
    return numPartitionsOf(this.lineage);
  }

  /** The first `n` rows, in order of partition. */
  async take(n: number): Promise<T[]> {
    const partitions = await this.#run('take', this.lineage, Math.max(0, n));
    return (partitions.flatMap(({ rows }) => rows) as T[]).slice(0, Math.max(0, n));
  }

  /** `f` of each partition's rows, in a worker: one value a partition, in order of partition. */
  async runJob<U>(f: (rows: IterableIterator<T>) => U): Promise<U[]> {
    const once = (rows: IterableIterator<T>): U[] => [f(rows)];
    return this.mapPartitions<U>(once).collect();
  }

  /** All rows combined by `f`, which must be associative and commutative; undefined for no rows. */
  async reduce(f: (a: T, b: T) => T): Promise<T | undefined> {
    const parts = await this.mapPartitions<T>(rows => operations.reduceRows(rows, f)).collect();
    return operations.reduceRows(parts, f)[0];
  }

  /** Calls `f` with each row, in the workers. What it does elsewhere is done again when a task runs again. */
  async foreach(f: (row: T) => void): Promise<void> {
    await this.runJob(rows => {
      for (const row of rows) f(row);
      return null;
    });
  }

  /** Calls `f` with each partition's rows, in the workers. What it does elsewhere is done again when a task runs again. */
  async foreachPartition(f: (rows: IterableIterator<T>) => void): Promise<void> {
    await this.runJob(rows => {
      f(rows);
      return null;
    });
  }

  get #builder(): RddRuntime['builder'] {
    return this.#runtime.builder;
  }

  #run(action: string, lineage: Lineage, limit: number | null): Promise<readonly PartitionRows[]> {
    return this.#runtime.current(`${action}()`).collect(lineage, limit);
  }

  #join<U>(kind: operations.JoinKind, other: { readonly lineage: Lineage }, partitions: Partitions): Rdd<U> {
    return this.#derive(operations.join(this.#builder, kind, [this.lineage, other.lineage], partitions));
  }

  #narrow<U>(kind: NarrowKind, f: unknown): Rdd<U> {
    return this.#derive(this.#builder.narrow(kind, this.lineage, f as UserFunction | undefined));
  }

  #derive<U>(lineage: Lineage): Rdd<U> {
    return new Rdd<U>(lineage, this.#runtime);
  }
}

const pairsOf = <K, V>(rdd: Pairs<K, V>): Rdd<[K, V]> => rdd as Rdd<[K, V]>;

/** Whether a value is an RDD, whichever copy of Sluice made it. */
export const isRdd = (value: unknown): value is Rdd<unknown> =>
  typeof value === 'object' && value !== null && (value as { lineage?: unknown }).lineage instanceof Object;
