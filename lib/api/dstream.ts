/**
 * DStream<T>: a stream cut into batches; in each batch an RDD of rows of type T. Immutable: each operation adds a node
 * to the job's plan and gives the stream of its rows. Closures run in the workers, which load the same job module, so
 * they may use what the module declares, but nothing that changes while the job runs. They must not change the rows they
 * are given: another operation on the same stream may be given the same row.
 *
 * Pair operations are there when T is a pair `[K, V]`. Keys are compared by content: any JSON-like value, also Date,
 * bigint and bytes (rules in `core/value-key.ts`).
 *
 * Operations on columns (`where`, `select`, `groupBy` ...) take expressions, are data of the plan and make no rows. They
 * want a stream whose columns are declared; after a closure, `toColumns` declares them again.
 *
 * One file because streams give streams: grouped ones and those with state too, and imports must not run in a circle.
 */
import { EngineError } from '../core/errors.js';
import type { Column, Schema } from '../core/schema.js';
import { StorageLevel } from '../core/storage-level.js';
import { parseDuration, type Duration } from '../core/time.js';
import type { AggExpr, AggOutput } from '../expr/aggregate.js';
import type { ConditionExpr } from '../expr/expr.js';
import type { SplitText } from '../expr/functions.js';
import type { NamesOf } from '../expr/names.js';
import type { NodeId, Shuffle } from '../plan/node.js';
import * as columnOperations from './column-operations.js';
import type {
  Dropped,
  Exploded,
  ExprOver,
  Picked,
  Renamed,
  Selected,
  SelectionOver,
  WithColumn,
} from './column-rows.js';
import { addGroupNode, type GroupRequest } from './group-node.js';
import * as operations from './operations.js';
import { asc, checkedOrder, orderedRows, type OrderKey } from './ordered-rows.js';
import type { Partitions } from './partitioner.js';
import { Rdd } from './rdd.js';
import { StreamBuilder } from './stream-builder.js';
import { addMapWithStateNode, addStateSnapshotsNode } from './map-with-state-node.js';
import type { StateSpec } from './state-spec.js';
import { StaticTable } from './static-table.js';
import type { StreamGraph, UserFunction } from './stream-graph.js';
import type { RunningAggOptions, UpdateStateOptions } from './stream-options.js';
import { declaredUpgrade } from './state-upgrade.js';
import { StreamOutputs } from './stream-outputs.js';
import { joinTable, type JoinHow, type Joined, type JoinOn, type LeftJoined } from './table-join.js';
import { addTransformNode } from './transform-node.js';
import { addUpdateStateNode } from './update-state-node.js';
import {
  addWindowNode,
  inOnePartition,
  listCombiner,
  pairFunctions,
  reduceWindowArgs,
  type ReduceWindowArgs,
  type WindowOptions,
  type WindowRequest,
  type WindowSpan,
  type WindowTotalsOptions,
} from './window-node.js';

type Pair<K, V> = readonly [K, V];
/** A stream of pairs, whatever else it is. */
type Pairs<K, V> = DStream<Pair<K, V>> | DStream<[K, V]>;

export class DStream<T> extends StreamOutputs<T> {
  readonly #graph: StreamGraph;
  declare readonly __row?: T;

  constructor(graph: StreamGraph, node: NodeId | (() => NodeId)) {
    super(graph, node);
    this.#graph = graph;
  }

  get #id(): NodeId {
    return this.nodeId();
  }

  /** Each row becomes `f(row)`. */
  map<K, V>(f: (row: T) => readonly [K, V]): DStream<[K, V]>;
  map<U>(f: (row: T) => U): DStream<U>;
  map<U>(f: (row: T) => U): DStream<U> {
    return this.#narrow('map', f);
  }

  /** Each row becomes the rows of `f(row)`, in order. */
  flatMap<K, V>(f: (row: T) => Iterable<readonly [K, V]>): DStream<[K, V]>;
  flatMap<U>(f: (row: T) => Iterable<U>): DStream<U>;
  flatMap<U>(f: (row: T) => Iterable<U>): DStream<U> {
    return this.#narrow('flatMap', f);
  }

  /** Keeps the rows for which `f` is true. */
  filter<U extends T>(f: (row: T) => row is U): DStream<U>;
  filter(f: (row: T) => boolean): DStream<T>;
  filter(f: (row: T) => boolean): DStream<T> {
    return this.#narrow('filter', f, this.#columns);
  }

  /** Each partition's rows, as one iterator, become the rows of `f`; an empty partition is called too. */
  mapPartitions<K, V>(f: (rows: IterableIterator<T>) => Iterable<readonly [K, V]>): DStream<[K, V]>;
  mapPartitions<U>(f: (rows: IterableIterator<T>) => Iterable<U>): DStream<U>;
  mapPartitions<U>(f: (rows: IterableIterator<T>) => Iterable<U>): DStream<U> {
    return this.#narrow('mapPartitions', f);
  }

  /** Each partition becomes one row: the list of its rows. */
  glom(): DStream<T[]> {
    return this.#narrow('glom', undefined);
  }

  /** The rows of this stream and of the others; nothing is removed. */
  union(...others: readonly DStream<T>[]): DStream<T> {
    return this.#derive(this.#builder.union([this.#id, ...others.map(other => this.#sameGraph(other))]));
  }

  /** The same rows, spread evenly over `numPartitions`. */
  repartition(numPartitions: number): DStream<T> {
    return this.#derive(operations.repartition(this.#builder, this.#id, numPartitions));
  }

  /** One row a batch: how many rows it has, 0 for an empty batch. */
  count(): DStream<number> {
    return this.#derive(operations.count(this.#builder, this.#id));
  }

  /** One row a batch: all its rows combined by `f`, which must be associative and commutative; none for an empty batch. */
  reduce(f: (a: T, b: T) => T): DStream<T> {
    return this.#derive(operations.reduce(this.#builder, this.#id, f));
  }

  /** `[row, how often]` for each distinct row of a batch. */
  countByValue(partitions?: Partitions<T>): DStream<[T, number]> {
    return this.#derive(operations.countByValue(this.#builder, this.#id, partitions));
  }

  /** `[key, f(value)]`. */
  mapValues<K, V, U>(this: Pairs<K, V>, f: (value: V) => U): DStream<[K, U]> {
    return pairsOf(this).#narrow('mapValues', f);
  }

  /** `[key, u]` for each u of `f(value)`. */
  flatMapValues<K, V, U>(this: Pairs<K, V>, f: (value: V) => Iterable<U>): DStream<[K, U]> {
    return pairsOf(this).#narrow('flatMapValues', f);
  }

  /** `[key, all its values combined by f]`; combined before and after the shuffle. */
  reduceByKey<K, V>(this: Pairs<K, V>, f: (a: V, b: V) => V, partitions?: Partitions<K>): DStream<[K, V]> {
    const stream = pairsOf(this);
    return stream.#derive(operations.reduceByKey(stream.#builder, stream.#id, f, partitions));
  }

  /** `[key, [values]]`: the values of one partition in their order, partitions in theirs. */
  groupByKey<K, V>(this: Pairs<K, V>, partitions?: Partitions<K>): DStream<[K, V[]]> {
    const stream = pairsOf(this);
    return stream.#derive(operations.groupByKey(stream.#builder, stream.#id, partitions));
  }

  /** `[key, combined]`: `create` from the first value, `merge` with each further one, `mergeCombiners` across partitions. */
  combineByKey<C, K = unknown, V = unknown>(
    this: Pairs<K, V>,
    create: (value: V) => C,
    merge: (combined: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitions?: Partitions<K>,
  ): DStream<[K, C]> {
    const stream = pairsOf(this);
    const combiner = { create, merge, mergeCombiners };
    return stream.#derive(operations.combineByKey(stream.#builder, stream.#id, combiner, partitions));
  }

  /**
   * `[key, combined]`: `merge` folds each partition's values into a copy of `zero`, `mergeCombiners` puts partitions
   * together. Give a zero that is made of JSON-like values: each key gets a copy of its own.
   */
  aggregateByKey<C, K = unknown, V = unknown>(
    this: Pairs<K, V>,
    zero: C,
    merge: (combined: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitions?: Partitions<K>,
  ): DStream<[K, C]> {
    const stream = pairsOf(this);
    const closures = { merge, mergeCombiners };
    return stream.#derive(operations.aggregateByKey(stream.#builder, stream.#id, zero, closures, partitions));
  }

  /** `[key, [values here, values there]]` for each key of either stream. */
  cogroup<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitions<K>): DStream<[K, [V[], W[]]]> {
    const stream = pairsOf(this);
    return stream.#derive(operations.cogroup(stream.#builder, [stream.#id, stream.#sameGraph(other)], partitions));
  }

  /**
   * With a static table, by columns: the rows beside those of the table that agree in the columns `on`, with the table's
   * other columns behind the stream's. As in SQL a null agrees with nothing, and several rows of the table give several
   * rows; NaN agrees with NaN. `left` keeps rows that find nothing, with nulls; `semi` keeps rows that find something, each
   * once, and `anti` those that don't, both with the stream's columns alone. Rows stay in the partitions where they are.
   */
  join<S, R, const On extends JoinOn<S, R>>(
    this: DStream<S>,
    table: StaticTable<R>,
    on: On,
    options?: { readonly how?: 'inner' },
  ): DStream<Joined<S, R, On>>;
  join<S, R, const On extends JoinOn<S, R>>(
    this: DStream<S>,
    table: StaticTable<R>,
    on: On,
    options: { readonly how: 'left' },
  ): DStream<LeftJoined<S, R, On>>;
  join<S, R>(
    this: DStream<S>,
    table: StaticTable<R>,
    on: JoinOn<S, R>,
    options: { readonly how: 'semi' | 'anti' },
  ): DStream<S>;
  /** `[key, [v, w]]` for each v here and w there under the same key of the same batch. */
  join<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitions<K>): DStream<[K, [V, W]]>;
  join<R, U>(
    this: { readonly constructor: unknown },
    other: StaticTable<R> | { readonly constructor: unknown },
    on?: unknown,
    options?: { readonly how?: JoinHow },
  ): DStream<U> {
    const stream = this as DStream<unknown>;
    return other instanceof StaticTable
      ? stream.#derive(joinTable(stream.#graph, stream.#id, other, on, options?.how))
      : stream.#join('inner', other, on as Partitions);
  }

  /** As `join`, and `[key, [v, null]]` for each v without a partner there. */
  leftOuterJoin<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitions<K>,
  ): DStream<[K, [V, W | null]]> {
    return pairsOf(this).#join('leftOuter', other, partitions);
  }

  /** As `join`, and `[key, [null, w]]` for each w without a partner here. */
  rightOuterJoin<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitions<K>,
  ): DStream<[K, [V | null, W]]> {
    return pairsOf(this).#join('rightOuter', other, partitions);
  }

  /** As `join`, and each value without a partner on the other side with null in its place. */
  fullOuterJoin<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitions<K>,
  ): DStream<[K, [V | null, W | null]]> {
    return pairsOf(this).#join('fullOuter', other, partitions);
  }

  /** The same pairs, each in the partition of its key; in order of partition where they come from. */
  partitionBy<K, V>(this: Pairs<K, V>, partitions?: Partitions<K>): DStream<[K, V]> {
    const stream = pairsOf(this);
    return stream.#derive(operations.partitionBy(stream.#builder, stream.#id, partitions));
  }

  /**
   * `f` of the batch's RDD gives the RDD of the new stream: whatever an RDD can do, for one batch. `f` runs in the driver
   * and in the workers and must build the same RDD for the same batch time wherever it runs; it can return at once only.
   */
  transform<K, V>(f: (rdd: Rdd<T>, time: number) => Rdd<readonly [K, V]>): DStream<[K, V]>;
  transform<U>(f: (rdd: Rdd<T>, time: number) => Rdd<U>): DStream<U>;
  transform<U>(f: (rdd: Rdd<T>, time: number) => Rdd<U>): DStream<U> {
    const id = addTransformNode(this.#graph, [this.#id], ([rdd], time) => f(rdd as Rdd<T>, time));
    return this.#derive(id);
  }

  /** As `transform`, of the RDDs that this stream and another have in the batch. */
  transformWith<U, V>(other: DStream<U>, f: (rdd: Rdd<T>, other: Rdd<U>, time: number) => Rdd<V>): DStream<V> {
    const id = addTransformNode(this.#graph, [this.#id, this.#sameGraph(other)], ([rdd, there], time) =>
      f(rdd as Rdd<T>, there as Rdd<U>, time),
    );
    return this.#derive(id);
  }

  /** As `transform`, of the RDDs of this stream and the others, in that order. */
  transformAll<U>(others: readonly DStream<T>[], f: (rdds: readonly Rdd<T>[], time: number) => Rdd<U>): DStream<U> {
    const parents = [this.#id, ...others.map(other => this.#sameGraph(other))];
    return this.#derive(addTransformNode(this.#graph, parents, (rdds, time) => f(rdds as readonly Rdd<T>[], time)));
  }

  /**
   * Keeps the rows of each batch for as long as the job remembers (`ssc.remember`), for `slice`. Nothing needs it for
   * speed: whatever is made from a stream in a batch is computed in one pass. When memory is short the batches that were
   * not read for longest go to files. Under MEMORY_ONLY, and when no file can be written, the oldest are forgotten
   * instead, and `slice` leaves them out: what they were made from may be gone.
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_AND_DISK): this {
    this.#graph.persist(this.#id, level);
    return this;
  }

  /** The same as `persist`. */
  cache(): this {
    return this.persist();
  }

  /**
   * How often a snapshot of the job's state is taken, a multiple of the time between this stream's batches; of several the
   * smallest counts. The same as the option `checkpointInterval`, which wins where it is given. Batches in between are in
   * the log, so nothing is lost with a long interval: a restart reads more of the log, that is all.
   */
  checkpoint(interval: Duration): this {
    const intervalMs = parseDuration(interval, 'the interval of checkpoint');
    this.#graph.checkpoints.push({ stream: this.#id, intervalMs });
    return this;
  }

  /**
   * The RDDs of the remembered batches from `from` to `to`, batch times in epoch ms, both included; the stream must be
   * persisted. In foreachRDD and, to read rows without closures, anywhere in the driver while the job runs.
   */
  slice(from: number, to: number): readonly Rdd<T>[] {
    const runtime = this.#graph.rdds;
    const output = this.#graph.persistedAs(this.#id);
    if (output === undefined) {
      throw new EngineError(
        'jobInvalid',
        `slice wants a stream that is persisted: call persist() where ${this.#graph.node(this.#id).label} is declared`,
      );
    }
    if (from > to) throw new EngineError('optionInvalid', `slice wants from <= to, got ${from} and ${to}`);
    const session = runtime.reader('slice');
    if (session === undefined) {
      throw new EngineError(
        'jobInvalid',
        `slice: ${this.#graph.node(this.#id).label} has not been initialized, it has batches when the job runs`,
      );
    }
    return session.slice(output, from, to).map(lineage => new Rdd<T>(lineage, runtime));
  }

  /**
   * The rows of the last `window`, which ends with this batch, each time `slide` has passed (default: in every batch).
   * In between the stream has no batch: nothing that is made from it runs, outputs included. Both are multiples of the
   * time between this stream's batches. What a window holds is state, kept in checkpoints.
   */
  window(...span: WindowSpan<WindowOptions>): DStream<T> {
    return this.#window<T>('window', span, { columns: this.#columns });
  }

  /**
   * One row each time the window slides: all its rows combined by `f`; none for an empty window. With the inverse of
   * `f` a total is kept instead, and stays when the window is empty.
   */
  reduceByWindow(f: (a: T, b: T) => T, ...span: WindowSpan<WindowOptions>): DStream<T>;
  reduceByWindow(
    f: (a: T, b: T) => T,
    inverse: (total: T, leaving: T) => T,
    ...span: WindowSpan<WindowOptions>
  ): DStream<T>;
  reduceByWindow(f: (a: T, b: T) => T, ...window: ReduceWindowArgs): DStream<T> {
    const pairs = this.map((row): [null, T] => [null, row]);
    const { span, totals } = reduceWindowArgs(window);
    return pairs
      .#window<[null, T]>('reduceByWindow', inOnePartition(span), pairFunctions(f, totals))
      .map<T>(([, row]) => row);
  }

  /** One row each time the window slides: how many rows it has, 0 for an empty one. */
  countByWindow(...span: WindowSpan<WindowOptions>): DStream<number> {
    const counts = this.count().map((n): [null, number] => [null, n]);
    const functions = pairFunctions(add, { inverse: subtract, filter: undefined });
    return counts
      .#window<[null, number]>('countByWindow', inOnePartition(span), functions)
      .map<number>(([, count]) => count);
  }

  /** `[row, how often]` for each distinct row of a window. */
  countByValueAndWindow(...span: WindowSpan<WindowOptions>): DStream<[T, number]> {
    const isThere = ([, count]: readonly [T, number]): boolean => count !== 0;
    const functions = pairFunctions(add, { inverse: subtract, filter: isThere });
    return this.map((row): [T, number] => [row, 1]).#window('countByValueAndWindow', span, functions);
  }

  /** `[key, [values]]` of a window, values in order of its batches. */
  groupByKeyAndWindow<K, V>(this: Pairs<K, V>, ...span: WindowSpan<WindowOptions>): DStream<[K, V[]]> {
    return pairsOf(this).#window('groupByKeyAndWindow', span, { combiner: listCombiner as never });
  }

  /**
   * `[key, all its values in a window combined by f]`. With an inverse function, `inverse(f(a, b), b)` = a, the totals
   * are kept: a batch then costs the keys that enter and leave, however long the window is, and the stream has every
   * key that the filter lets through, those without values in the window too.
   */
  reduceByKeyAndWindow<K, V>(
    this: Pairs<K, V>,
    f: (a: V, b: V) => V,
    ...span: WindowSpan<WindowOptions>
  ): DStream<[K, V]>;
  reduceByKeyAndWindow<K, V>(
    this: Pairs<K, V>,
    f: (a: V, b: V) => V,
    inverse: (total: V, leaving: V) => V,
    ...span: WindowSpan<WindowTotalsOptions<K, V>>
  ): DStream<[K, V]>;
  reduceByKeyAndWindow<K, V>(this: Pairs<K, V>, f: (a: V, b: V) => V, ...window: ReduceWindowArgs): DStream<[K, V]> {
    const { span, totals } = reduceWindowArgs(window);
    return pairsOf(this).#window('reduceByKeyAndWindow', span, pairFunctions(f, totals));
  }

  /**
   * Keeps a state for each key: in every batch `f(new values, state, key, batch time)` is called for each key that has a
   * state or new values and gives the new state, or undefined to forget the key. The stream is `[key, state]` of ALL
   * keys, in every batch: its cost grows with the keys there are. `groupBy(...).runningAgg(...)` costs only the keys
   * that changed.
   */
  updateStateByKey<S, K = unknown, V = unknown>(
    this: Pairs<K, V>,
    f: (values: V[], state: S | undefined, key: K, time: number) => S | undefined,
    options: UpdateStateOptions<S, K> = {},
  ): DStream<[K, S]> {
    return pairsOf(this).#updateState<K, S>(f, false, options);
  }

  /**
   * As `updateStateByKey`, for all keys of a partition in one call: `f([key, new values, state] of each, batch time)` gives
   * `[key, new state]`, at most once for each key that it was given; a key that it does not give back, or gives back with
   * undefined, is forgotten.
   */
  updateStateByPartition<S, K = unknown, V = unknown>(
    this: Pairs<K, V>,
    f: (
      entries: IterableIterator<[key: K, values: V[], state: S | undefined]>,
      time: number,
    ) => Iterable<Pair<K, S | undefined>>,
    options: UpdateStateOptions<S, K> = {},
  ): DStream<[K, S]> {
    return pairsOf(this).#updateState<K, S>(f, true, options);
  }

  /**
   * Calls a function for each record with the state of its key, which it may read, set and remove; the stream is what the
   * function gives. A batch costs its records and the keys whose timeout is over, however many keys there are.
   */
  mapWithState<K, V, S, M>(this: Pairs<K, V>, spec: StateSpec<K, V, S, M>): MapWithStateStream<K, S, M> {
    const stream = pairsOf(this);
    const shuffle = (numPartitions: number | undefined): Shuffle =>
      stream.#shuffle({ kind: 'pairs', combine: false }, numPartitions);
    const id = addMapWithStateNode(stream.#graph, { parent: stream.#id, spec, shuffle });
    return new MapWithStateStream<K, S, M>(stream.#graph, id);
  }

  /** Keeps the rows for which the condition is true; where it is null they are left out, as in SQL. */
  where(condition: ConditionExpr<T>): DStream<T> {
    return this.#derive(columnOperations.where(this.#graph, this.#id, condition));
  }

  /** Rows of these columns: names, or an expression for each name, `select({ user: col('user'), kb: col('size').div(1024) })`. */
  select<N extends NamesOf<T>>(...names: readonly [N, ...N[]]): DStream<Picked<T, N>>;
  select<S extends SelectionOver<T>>(columns: S): DStream<Selected<T, S>>;
  select<U>(...columns: readonly (string | SelectionOver<T>)[]): DStream<U> {
    const [first] = columns;
    return this.#derive(
      typeof first === 'object'
        ? columnOperations.select(this.#graph, this.#id, first)
        : columnOperations.selectNames(this.#graph, this.#id, columns as readonly string[]),
    );
  }

  /** The same rows with one more column, or with another in its place. */
  withColumn<const N extends string, E extends ExprOver<T>>(name: N, expr: E): DStream<WithColumn<T, N, E>> {
    return this.#derive(columnOperations.withColumn(this.#graph, this.#id, name, expr));
  }

  /** The same rows without these columns. */
  drop<N extends NamesOf<T>>(...names: readonly [N, ...N[]]): DStream<Dropped<T, N>> {
    return this.#derive(columnOperations.drop(this.#graph, this.#id, names));
  }

  /** The same rows with columns under other names, `rename({ old: 'new' })`. */
  rename<const M extends { readonly [N in NamesOf<T>]?: string }>(names: M): DStream<Renamed<T, M>> {
    return this.#derive(columnOperations.rename(this.#graph, this.#id, names as Record<string, string>));
  }

  /** Each row once for each piece of a text, `explode('word', split(col('line'), ' '))`; none where the text is null. */
  explode<const N extends string>(name: N, pieces: SplitText<T>): DStream<Exploded<T, N>> {
    return this.#derive(columnOperations.explode(this.#graph, this.#id, name, pieces));
  }

  /** Declares the columns of rows that are objects. A row that does not fit them fails the batch, naming row and column. */
  toColumns<R>(schema: Schema<R> & ([T] extends [R] ? unknown : never)): DStream<R> {
    return this.#derive(columnOperations.toColumns(this.#graph, this.#id, schema.columns));
  }

  /**
   * The rows as objects, made once for all closures that hang on this stream; without it each of them makes its own. Columns
   * are not declared any more: it is the inverse of `toColumns`.
   */
  toRows(): DStream<T> {
    return this.#derive(columnOperations.toRows(this.#graph, this.#id));
  }

  /** Each different row of a batch once. */
  distinct(numPartitions: number = this.#graph.numPartitions): DStream<T> {
    return this.#derive(columnOperations.distinct(this.#graph, this.#id, numPartitions));
  }

  /** The first row of a batch for each different combination of these columns. */
  dropDuplicates(
    names: readonly [NamesOf<T>, ...NamesOf<T>[]],
    numPartitions: number = this.#graph.numPartitions,
  ): DStream<T> {
    return this.#derive(columnOperations.dropDuplicates(this.#graph, this.#id, names, numPartitions));
  }

  /**
   * The rows of each batch by these columns, in order, in one partition: `orderBy(desc('n'), 'user')`. With
   * `.limit(10)` behind it the first of them, for which nothing is sorted that is not among them.
   */
  orderBy(
    ...keys: readonly [NamesOf<T> | OrderKey<NamesOf<T>>, ...(NamesOf<T> | OrderKey<NamesOf<T>>)[]]
  ): OrderedStream<T> {
    const order = keys.map(key => (typeof key === 'string' ? asc(key) : key));
    checkedOrder(this.#graph, this.#id, order);
    return new OrderedStream<T>(this.#graph, limit => orderedRows(this.#graph, this.#id, order, limit));
  }

  /** Groups rows by columns, for aggregates that are computed without making rows. The stream's columns must be declared. */
  groupBy<N extends NamesOf<T>>(...names: readonly [N, ...N[]]): GroupedStream<T, N> {
    return new GroupedStream<T, N>(this.#graph, this.#id, names);
  }

  get #columns(): readonly Column[] | undefined {
    return this.#graph.node(this.#id).columns;
  }

  get #builder(): StreamBuilder {
    return new StreamBuilder(this.#graph);
  }

  #narrow<U>(kind: operations.NarrowKind, f: unknown, columns?: readonly Column[]): DStream<U> {
    return this.#derive(this.#builder.narrow(kind, this.#id, f as UserFunction | undefined, columns));
  }

  #join<U>(kind: operations.JoinKind, other: { readonly constructor: unknown }, partitions: Partitions): DStream<U> {
    return this.#derive(operations.join(this.#builder, kind, [this.#id, this.#sameGraph(other)], partitions));
  }

  #window<U>(
    name: string,
    span: WindowSpan<WindowOptions>,
    parts: Partial<Pick<WindowRequest, 'columns' | 'combiner' | 'totals'>>,
  ): DStream<U> {
    const shuffle: WindowRequest['shuffle'] = (mode, numPartitions) => this.#shuffle(mode, numPartitions);
    const request = { parent: this.#id, name, span, shuffle, columns: undefined, ...parts };
    return this.#derive(addWindowNode(this.#graph, request));
  }

  #updateState<K, S>(f: unknown, wholePartition: boolean, options: UpdateStateOptions<S, K>): DStream<[K, S]> {
    const shuffle = (numPartitions: number | undefined): Shuffle =>
      this.#shuffle({ kind: 'pairs', combine: false }, numPartitions);
    const request = { parent: this.#id, f: f as UserFunction, wholePartition, options, shuffle };
    return this.#derive(addUpdateStateNode<K, S>(this.#graph, request));
  }

  #shuffle(mode: Shuffle['mode'], numPartitions: number | undefined): Shuffle {
    return this.#builder.shuffle(mode, numPartitions);
  }

  #derive<U>(id: NodeId): DStream<U> {
    return new DStream<U>(this.#graph, id);
  }

  #sameGraph(other: { readonly constructor: unknown }): NodeId {
    const stream = other as DStream<unknown>;
    if (stream.#graph !== this.#graph)
      throw new EngineError(
        'jobInvalid',
        'streams of two jobs cannot be combined: use the context that the build function was given',
      );
    return stream.#id;
  }
}

/** A stream whose batches are in order; all of a batch is sorted only where it is used without a limit. */
export class OrderedStream<T> extends DStream<T> {
  readonly #limited: (limit: number) => DStream<T>;

  /** @param nodeOf adds the node of the first rows, or with null of all */
  constructor(graph: StreamGraph, nodeOf: (limit: number | null) => NodeId) {
    super(graph, () => nodeOf(null));
    this.#limited = limit => new DStream<T>(graph, nodeOf(limit));
  }

  /** The first `numRows` rows of each batch, in order. */
  limit(numRows: number): DStream<T> {
    return this.#limited(numRows);
  }
}

/** What mapWithState gives: the mapped rows, and on request all states. */
export class MapWithStateStream<K, S, M> extends DStream<M> {
  readonly #snapshots: () => DStream<[K, S]>;

  constructor(graph: StreamGraph, id: NodeId) {
    super(graph, id);
    let snapshots: DStream<[K, S]> | undefined;
    this.#snapshots = () => (snapshots ??= new DStream<[K, S]>(graph, addStateSnapshotsNode(graph, id)));
  }

  /** `[key, state]` of all keys after each batch: its cost grows with the keys there are. */
  stateSnapshots(): DStream<[K, S]> {
    return this.#snapshots();
  }
}

type GroupRow<T, N, A> = { readonly [K in N & keyof T & string]: T[K] } & AggOutput<A, T>;

/** Rows grouped by the columns `N`: aggregates over them, computed by columns without making rows. */
export class GroupedStream<T, N extends string> {
  readonly #graph: StreamGraph;
  readonly #parent: NodeId;
  readonly #names: readonly string[];

  constructor(graph: StreamGraph, parent: NodeId, names: readonly string[]) {
    this.#graph = graph;
    this.#parent = parent;
    this.#names = names;
  }

  /** One row for each group of a batch: the key columns and the aggregates over the batch. */
  agg<A extends Record<string, AggExpr<T>>>(
    aggregates: A,
    options: { readonly numPartitions?: number } = {},
  ): DStream<GroupRow<T, N, A>> {
    return this.#add(aggregates, options.numPartitions, (keys, bound, wide) => ({
      kind: 'aggregate',
      keys,
      aggregates: bound,
      ...wide,
    }));
  }

  /**
   * The aggregates over everything so far, kept as state: one row, with its new totals, for each group whose totals
   * changed in the batch. Costs what changed, not what is kept.
   */
  runningAgg<A extends Record<string, AggExpr<T>>>(
    aggregates: A,
    options: RunningAggOptions = {},
  ): DStream<GroupRow<T, N, A>> {
    const name = `runningAgg(${this.#names.join(',')})`;
    const operatorId = this.#graph.operatorId(options.id, 'runningAgg', name, this.#parent);
    if (options.upgrade !== undefined)
      this.#graph.upgrades.set(operatorId, declaredUpgrade(options.upgrade, operatorId));
    return this.#add(aggregates, options.numPartitions, (keys, bound, wide) => ({
      kind: 'runningAggregate',
      operatorId,
      keys,
      aggregates: bound,
      ...wide,
    }));
  }

  #add<U>(
    aggregates: Record<string, AggExpr>,
    numPartitions: number | undefined,
    operation: GroupRequest['operation'],
  ): DStream<U> {
    const id = addGroupNode(this.#graph, {
      parent: this.#parent,
      names: this.#names,
      aggregates,
      numPartitions,
      operation,
    });
    return new DStream<U>(this.#graph, id);
  }
}

const pairsOf = <K, V>(stream: Pairs<K, V>): DStream<[K, V]> => stream as DStream<[K, V]>;

const add = (a: number, b: number): number => a + b;
const subtract = (a: number, b: number): number => a - b;
