/**
 * One batch of a stream: rows in partitions, computed when an action asks for them. Operations give another RDD at once
 * and compute nothing; actions give promises. RDDs live in the functions of transform and foreachRDD, for one batch.
 *
 * Closures of operations run in the workers. A worker has its own by running the same function of the job for the same
 * batch, so that function must build the same RDDs whenever it runs: what changes while the job runs comes as a
 * broadcast value or through the rows.
 *
 * One file because it is one class, whose methods are TypeScript's way to offer operations: each says what it does and
 * hands over to the file that does it, `operations.ts` or the `rdd-*.ts` of its subject.
 */
import { StorageLevel } from '../core/storage-level.js';
import { keyOf } from '../core/value-key.js';
import { seededDraw } from '../core/random.js';
import { textLines } from '../sinks/line-rows.js';
import { lineageText } from './lineage-text.js';
import { numPartitionsOf, type Lineage } from './lineage.js';
import * as operations from './operations.js';
import type { NarrowKind } from './operations.js';
import {
  countBuckets,
  evenEdges,
  requireBuckets,
  requireEdges,
  requireRange,
  type Histogram,
} from './rdd-histogram.js';
import * as parting from './rdd-partitions.js';
import { combinePairs, copiesOf, foldRows, requireFirst } from './rdd-reduce.js';
import * as samples from './rdd-sample.js';
import * as sets from './rdd-sets.js';
import * as sorting from './rdd-sort.js';
import { mergeMoments, momentsOf, statsOf, type RddStats } from './rdd-stats.js';
import { requirePartitions, type Partitions } from './partitioner.js';
import type { PartitionRows, RddRuntime } from './rdd-runtime.js';
import { eachInTurn } from './task-waits.js';
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

  /** As `mapPartitions`; `f` is told the partition's number, counted over the whole RDD. */
  mapPartitionsWithIndex<K, V>(f: (index: number, rows: IterableIterator<T>) => Iterable<readonly [K, V]>): Rdd<[K, V]>;
  mapPartitionsWithIndex<U>(f: (index: number, rows: IterableIterator<T>) => Iterable<U>): Rdd<U>;
  mapPartitionsWithIndex<U>(f: (index: number, rows: IterableIterator<T>) => Iterable<U>): Rdd<U> {
    return this.#derive(parting.mapPartitionsWithIndex(this.#builder, this.lineage, f as never));
  }

  /**
   * At most `numPartitions` partitions, each of some that lay side by side, rows in their order. With `shuffle` it is
   * `repartition`, which also makes more. In transform, without `shuffle`, one partition.
   */
  coalesce(numPartitions: number, shuffle = false): Rdd<T> {
    if (shuffle) return this.repartition(numPartitions);
    return this.#derive(parting.coalesce(this.#builder, this.lineage, requirePartitions(numPartitions)));
  }

  /** `[f(row), row]`. */
  keyBy<K>(f: (row: T) => K): Rdd<[K, T]> {
    return this.#narrow('map', (row: T) => [f(row), row]);
  }

  /** `[key, [rows whose f(row) it is]]`. */
  groupBy<K>(f: (row: T) => K, partitions?: Partitions<K>): Rdd<[K, T[]]> {
    return this.keyBy(f).groupByKey(partitions);
  }

  /** Each row once: the first of those that are the same by content. */
  distinct(partitions?: Partitions<T>): Rdd<T> {
    return this.#derive(sets.distinct(this.#builder, this.lineage, partitions));
  }

  /** The rows that are not in `other`, each as often as it is here. */
  subtract(other: Rdd<T>, partitions?: Partitions<T>): Rdd<T> {
    return this.#derive(sets.subtract(this.#builder, this.lineage, other.lineage, partitions));
  }

  /** The rows that are here and in `other`, each once. */
  intersection(other: Rdd<T>, partitions?: Partitions<T>): Rdd<T> {
    return this.#derive(sets.intersection(this.#builder, this.lineage, other.lineage, partitions));
  }

  /** `[row, u]` for each row here and u there. Partition i here and j of m there make partition i * m + j. */
  cartesian<U>(other: Rdd<U>): Rdd<[T, U]> {
    return this.#derive(parting.cartesian(this.#builder, this.lineage, other.lineage));
  }

  /**
   * `[row, u]` of rows at the same place. Throws `jobInvalid` for other numbers of partitions; the action throws it for
   * other numbers of rows in a partition. In transform the result has one partition, and only all rows together count.
   */
  zip<U>(other: Rdd<U>): Rdd<[T, U]> {
    return this.#derive(parting.zip(this.#builder, this.lineage, other.lineage));
  }

  /** `[row, index]`, counted from 0 in order of partition. Spark runs a job for it, this needs none. */
  zipWithIndex(): Rdd<[T, number]> {
    return this.#derive(parting.zipWithIndex(this.#builder, this.lineage));
  }

  /** `[row, id]`: row i of partition p of n has the id i * n + p. */
  zipWithUniqueId(): Rdd<[T, number]> {
    return this.#derive(parting.zipWithUniqueId(this.#builder, this.lineage));
  }

  /**
   * Each row with probability `fraction`; with replacement each as often as a Poisson draw of that mean says. The same
   * rows for the same seed: give each batch its own, such as its time. Throws `optionInvalid` for a fraction that is none.
   */
  sample(withReplacement: boolean, fraction: number, seed: number): Rdd<T> {
    return this.#derive(samples.sample(this.#builder, this.lineage, withReplacement, fraction, seed));
  }

  /** Each row in one of several RDDs, by chance in proportion to their weights. Throws `optionInvalid` for weights that are none. */
  randomSplit(weights: readonly number[], seed: number): Rdd<T>[] {
    return samples.randomSplit(this.#builder, this.lineage, weights, seed).map(lineage => this.#derive<T>(lineage));
  }

  /**
   * Sorted by `f(row)`, in the order of `core/compare-keys.ts`: partitions are in order and each is sorted, equal keys
   * are in one partition, rows with equal keys keep their order.
   *
   * @param numPartitions at the most so many have rows; default: as many as there are workers
   */
  sortBy(f: (row: T) => unknown, ascending = true, numPartitions = this.#runtime.numPartitions): Rdd<T> {
    const count = requirePartitions(numPartitions);
    return this.#derive(sorting.sortBy(this.#builder, this.lineage, f, ascending, count));
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

  /** Sorted by key: see `sortBy`. */
  sortByKey<K, V>(this: Pairs<K, V>, ascending = true, numPartitions?: number): Rdd<[K, V]> {
    return pairsOf(this).sortBy(([key]) => key, ascending, numPartitions);
  }

  /** As `partitionBy`, and each partition sorted by key: see `sortBy`. */
  repartitionAndSortWithinPartitions<K, V>(
    this: Pairs<K, V>,
    partitions?: Partitions<K>,
    ascending = true,
  ): Rdd<[K, V]> {
    const rdd = pairsOf(this);
    return rdd.#derive(sorting.repartitionAndSort(rdd.#builder, rdd.lineage, partitions, ascending));
  }

  /** The keys, as often as they are there. */
  keys<K, V>(this: Pairs<K, V>): Rdd<K> {
    return pairsOf(this).#narrow('map', ([key]: Pair<K, V>) => key);
  }

  /** The values. */
  values<K, V>(this: Pairs<K, V>): Rdd<V> {
    return pairsOf(this).#narrow('map', ([, value]: Pair<K, V>) => value);
  }

  /** `[key, all its values combined by f]`, begun with a copy of `zero` for each key in each partition. */
  foldByKey<K, V>(this: Pairs<K, V>, zero: V, f: (a: V, b: V) => V, partitions?: Partitions<K>): Rdd<[K, V]> {
    return pairsOf(this).aggregateByKey<V, K, V>(zero, f, f, partitions);
  }

  /** The pairs whose key is not in `other`. */
  subtractByKey<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitions<K>): Rdd<[K, V]> {
    const rdd = pairsOf(this);
    return rdd.#derive(sets.subtractByKey(rdd.#builder, rdd.lineage, other.lineage, partitions));
  }

  /** As `cogroup`, with up to three others. */
  groupWith<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>): Rdd<[K, [V[], W[]]]>;
  groupWith<K, V, W, X>(this: Pairs<K, V>, a: Pairs<K, W>, b: Pairs<K, X>): Rdd<[K, [V[], W[], X[]]]>;
  groupWith<K, V, W, X, Y>(
    this: Pairs<K, V>,
    a: Pairs<K, W>,
    b: Pairs<K, X>,
    c: Pairs<K, Y>,
  ): Rdd<[K, [V[], W[], X[], Y[]]]>;
  groupWith<K>(this: Pairs<K, unknown>, ...others: readonly Pairs<K, unknown>[]): Rdd<[K, unknown[][]]> {
    const rdd = pairsOf(this);
    const parents = [rdd, ...others].map(({ lineage }) => lineage);
    return rdd.#derive(operations.cogroup(rdd.#builder, parents, undefined));
  }

  /** The same as `persist`, in memory alone. */
  cache(): this {
    return this.persist();
  }

  /**
   * Keeps the rows once an action has computed them, for the actions after it, until the function of foreachRDD ends.
   * When memory is short they are dropped, and computed again when they are read; under MEMORY_AND_DISK they go to files.
   * Changes this RDD and gives it back. In transform it changes nothing: there every RDD is computed once a batch.
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY): this {
    this.lineage.isCached = true;
    this.lineage.storageLevel = level;
    return this;
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

  /**
   * Calls `f` with each row, in the workers, one row of a partition after another; it may be async. What it does elsewhere
   * is done again when a task runs again.
   */
  async foreach(f: (row: T) => unknown): Promise<void> {
    await this.foreachPartition(rows => eachInTurn(rows, f));
  }

  /**
   * Calls `f` with each partition's rows, in the workers; it may be async: the task is over when its promise has settled,
   * and fails when that is rejected. What it does elsewhere is done again when a task runs again.
   */
  async foreachPartition(f: (rows: IterableIterator<T>) => unknown): Promise<void> {
    const { waits } = this.#runtime;
    await this.runJob(rows => {
      waits.add(f(rows));
      return null;
    });
  }

  /** The first row. Throws `emptyRdd` when there is none. */
  async first(): Promise<T> {
    return requireFirst(await this.take(1), this.lineage.label);
  }

  /** The `n` greatest rows by `by(row)`, the greatest first; of equal ones those that come first. */
  async top(n: number, by: (row: T) => unknown = itself): Promise<T[]> {
    const compare = sorting.compareBy(by);
    return this.#firstRows(n, (a, b) => compare(b, a));
  }

  /** The `n` smallest rows by `by(row)`, the smallest first; of equal ones those that come first. */
  async takeOrdered(n: number, by: (row: T) => unknown = itself): Promise<T[]> {
    return this.#firstRows(n, sorting.compareBy(by));
  }

  /** `n` rows at random, all there are if there are fewer; with replacement always `n`, unless there is none. The same for the same seed. */
  async takeSample(withReplacement: boolean, n: number, seed: number): Promise<T[]> {
    const size = samples.requireSize(n);
    const parts = await this.mapPartitionsWithIndex<samples.Candidates<T>>((index, rows) => [
      samples.candidates([...rows], withReplacement, size, seededDraw(seed, index)),
    ]).collect();
    return samples.choose(parts, withReplacement, size, seededDraw(seed));
  }

  /** The greatest row by `by(row)`, of equal ones the first; undefined for no rows. */
  async max(by: (row: T) => unknown = itself): Promise<T | undefined> {
    return (await this.top(1, by))[0];
  }

  /** The smallest row by `by(row)`, of equal ones the first; undefined for no rows. */
  async min(by: (row: T) => unknown = itself): Promise<T | undefined> {
    return (await this.takeOrdered(1, by))[0];
  }

  /** Rows folded into a copy of `zero` in each partition, then these into one more: `zero` counts once more than there are partitions. */
  async fold(zero: T, f: (a: T, b: T) => T): Promise<T> {
    return this.aggregate(zero, f, f);
  }

  /** As `fold`, with results of another type than the rows: `merge` within a partition, `mergeResults` across. */
  async aggregate<U>(zero: U, merge: (result: U, row: T) => U, mergeResults: (a: U, b: U) => U): Promise<U> {
    const fresh = copiesOf(zero);
    const parts = await this.runJob(rows => foldRows(rows, fresh(), merge));
    return foldRows(parts, fresh(), mergeResults);
  }

  /** The same as `reduce`: on one machine there is nothing to gain from a tree. */
  async treeReduce(f: (a: T, b: T) => T): Promise<T | undefined> {
    return this.reduce(f);
  }

  /** The same as `aggregate`: on one machine there is nothing to gain from a tree. */
  async treeAggregate<U>(zero: U, merge: (result: U, row: T) => U, mergeResults: (a: U, b: U) => U): Promise<U> {
    return this.aggregate(zero, merge, mergeResults);
  }

  /** How often each row is there. A Map finds rows that are objects only by the very object: go over its entries. */
  async countByValue(): Promise<Map<T, number>> {
    return this.#narrow<[T, number]>('map', (row: T) => [row, 1]).reduceByKeyLocally(plus);
  }

  /** The sum of the numbers, 0 for none. */
  async sum(this: Rdd<number>): Promise<number> {
    return (await this.runJob(rows => foldRows(rows, 0, plus))).reduce(plus, 0);
  }

  /** Count, sum, mean, extremes and variances in one pass. Of no numbers: see `RddStats`. */
  async stats(this: Rdd<number>): Promise<RddStats> {
    return statsOf(mergeMoments(await this.runJob(momentsOf)));
  }

  /** The mean of the numbers, 0 for none, as in Spark. */
  async mean(this: Rdd<number>): Promise<number> {
    return (await this.stats()).mean;
  }

  /** Mean squared distance from the mean, NaN for no numbers. `stats()` has the sample's too. */
  async variance(this: Rdd<number>): Promise<number> {
    return (await this.stats()).variance;
  }

  /** Square root of `variance`. */
  async stdev(this: Rdd<number>): Promise<number> {
    return (await this.stats()).stdev;
  }

  /**
   * How many numbers are in each bucket; the last one holds its upper border too. Numbers outside and NaN don't count.
   *
   * @param buckets their borders, ascending, or how many of the same width from the smallest number to the greatest: one
   *   if these are equal; throws `emptyRdd` for no numbers, `typeMismatch` for NaN and infinities among them
   */
  async histogram(this: Rdd<number>, buckets: number | readonly number[]): Promise<Histogram> {
    const edges = typeof buckets === 'number' ? await evenEdgesOf(this, buckets) : requireEdges(buckets);
    const counts = await this.runJob(rows => countBuckets(rows, edges));
    return { edges, counts: edges.slice(1).map((_, i) => counts.reduce((sum, part) => sum + (part[i] ?? 0), 0)) };
  }

  /** `[key, all its values combined by f]` as a Map. It finds keys that are objects only by the very object: go over its entries. */
  async reduceByKeyLocally<K, V>(this: Pairs<K, V>, f: (a: V, b: V) => V): Promise<Map<K, V>> {
    const parts = await pairsOf(this)
      .mapPartitions<Pair<K, V>>(rows => combinePairs(rows, f))
      .collect();
    return new Map(combinePairs(parts, f));
  }

  /** How many pairs each key has. About the Map: see `reduceByKeyLocally`. */
  async countByKey<K, V>(this: Pairs<K, V>): Promise<Map<K, number>> {
    return pairsOf(this)
      .mapValues(() => 1)
      .reduceByKeyLocally(plus);
  }

  /** The last value of each key. About the Map: see `reduceByKeyLocally`. */
  async collectAsMap<K, V>(this: Pairs<K, V>): Promise<Map<K, V>> {
    return pairsOf(this).reduceByKeyLocally((_, last) => last);
  }

  /** All values of a key, in order. */
  async lookup<K, V>(this: Pairs<K, V>, key: K): Promise<V[]> {
    const wanted = keyOf(key);
    return pairsOf(this)
      .filter(([candidate]) => keyOf(candidate) === wanted)
      .values()
      .collect();
  }

  /**
   * Makes a folder with a text file for each partition, a row a line: text as it is, anything else as JSON. It is there
   * whole or not at all, and a batch that runs again after a crash leaves what it had written: exactly once, where each
   * batch has a path of its own. Throws `outputUnwritable` where there is something of that name already.
   */
  async saveAsTextFile(path: string): Promise<void> {
    const texts = this.mapPartitions<string>(rows => {
      const list = [...rows];
      return [list.length === 0 ? '' : textLines(list, 0, list.length)];
    });
    await this.#runtime.current('saveAsTextFile()').writeFolder(path, texts.lineage);
  }

  /** The lineage as text, the result first, shuffles indented: see `lineage-text.ts`. */
  toDebugString(): string {
    return lineageText(this.lineage);
  }

  get #builder(): RddRuntime['builder'] {
    return this.#runtime.builder;
  }

  #run(action: string, lineage: Lineage, limit: number | null): Promise<readonly PartitionRows[]> {
    return this.#runtime.current(`${action}()`).collect(lineage, limit);
  }

  async #firstRows(n: number, compare: sorting.Compare<T>): Promise<T[]> {
    const parts = await this.mapPartitions<T>(rows => sorting.firstRows(rows, n, compare)).collect();
    return sorting.firstRows(parts, n, compare);
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

const itself = (row: unknown): unknown => row;
const plus = (a: number, b: number): number => a + b;

async function evenEdgesOf(rdd: Rdd<number>, numBuckets: number): Promise<number[]> {
  const wanted = requireBuckets(numBuckets);
  const stats = await rdd.stats();
  requireRange(stats);
  return evenEdges(wanted, stats.min, stats.max);
}

/** Whether a value is an RDD, whichever copy of Sluice made it. */
export const isRdd = (value: unknown): value is Rdd<unknown> =>
  typeof value === 'object' && value !== null && (value as { lineage?: unknown }).lineage instanceof Object;
