/**
 * The operations that streams and RDDs have in common, each said once: which nodes of the plan it is made of. A builder
 * adds the nodes: to the graph of a job's streams, or to the lineage of one batch's RDD.
 */
import { EngineError } from '../core/errors.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import type { Column } from '../core/schema.js';
import type { Operation, Shuffle } from '../plan/node.js';
import { fullOuter, inner, leftOuter, rightOuter } from './join-values.js';
import type { Partitions } from './partitioner.js';
import type { Combiner, UserFunction } from './closures.js';

export type NarrowKind =
  'map' | 'flatMap' | 'filter' | 'mapPartitions' | 'mapPartitionsWithPlace' | 'mapValues' | 'flatMapValues' | 'glom';

/** Throws `jobInvalid` where a job in JavaScript gave something else than a function. */
export function requireFunction(operation: string, f: unknown): void {
  if (typeof f === 'function') return;
  throw new EngineError('jobInvalid', `${operation} wants a function, got ${f === null ? 'null' : typeof f}`);
}

/** What an operation behind a shuffle is made of. */
export interface Wide<N> {
  readonly operation: Operation;
  readonly parents: readonly N[];
  readonly mode: Shuffle['mode'];
  readonly partitions: Partitions;
  readonly combiner?: Combiner;
  readonly columns?: readonly Column[] | undefined;
}

/** Where nodes are added. N: what stands for a node. */
export interface Builder<N> {
  narrow(kind: NarrowKind, parent: N, f: UserFunction | undefined, columns?: readonly Column[]): N;
  union(parents: readonly N[]): N;
  wide(request: Wide<N>): N;
  columnsOf(node: N): readonly Column[] | undefined;
}

const PAIRS: Shuffle['mode'] = { kind: 'pairs', combine: false };
const COMBINED_PAIRS: Shuffle['mode'] = { kind: 'pairs', combine: true };

export const repartition = <N>(builder: Builder<N>, parent: N, numPartitions: number): N =>
  builder.wide({
    operation: { kind: 'repartition' },
    parents: [parent],
    mode: { kind: 'roundRobin' },
    partitions: numPartitions,
    columns: builder.columnsOf(parent),
  });

export const groupByKey = <N>(builder: Builder<N>, parent: N, partitions: Partitions): N =>
  builder.wide({ operation: { kind: 'groupByKey' }, parents: [parent], mode: PAIRS, partitions });

export const partitionBy = <N>(builder: Builder<N>, parent: N, partitions: Partitions): N =>
  builder.wide({ operation: { kind: 'partitionBy' }, parents: [parent], mode: PAIRS, partitions });

export const cogroup = <N>(builder: Builder<N>, parents: readonly N[], partitions: Partitions): N =>
  builder.wide({ operation: { kind: 'cogroup' }, parents, mode: PAIRS, partitions });

export const combineByKey = <N>(builder: Builder<N>, parent: N, combiner: Combiner, partitions: Partitions): N =>
  builder.wide({
    operation: { kind: 'combineByKey' },
    parents: [parent],
    mode: COMBINED_PAIRS,
    partitions,
    combiner,
  });

export const reduceByKey = <N>(builder: Builder<N>, parent: N, f: UserFunction, partitions: Partitions): N =>
  combineByKey(builder, parent, { create: (value: unknown) => value, merge: f, mergeCombiners: f }, partitions);

/** @param zero what each key begins with: each gets a copy of its own */
export function aggregateByKey<N>(
  builder: Builder<N>,
  parent: N,
  zero: unknown,
  closures: Pick<Combiner, 'merge' | 'mergeCombiners'>,
  partitions: Partitions,
): N {
  const bytes = encodeValue(zero);
  const merge = closures.merge as (combined: unknown, value: unknown) => unknown;
  const create = (value: unknown): unknown => merge(decodeValue(bytes), value);
  return combineByKey(builder, parent, { create, ...closures }, partitions);
}

export type JoinKind = 'inner' | 'leftOuter' | 'rightOuter' | 'fullOuter';

const JOIN_VALUES: { readonly [kind in JoinKind]: UserFunction } = { inner, leftOuter, rightOuter, fullOuter };

export const join = <N>(builder: Builder<N>, kind: JoinKind, parents: readonly [N, N], partitions: Partitions): N =>
  builder.narrow('flatMapValues', cogroup(builder, parents, partitions), JOIN_VALUES[kind]);

/** One row, 0 for no rows. */
export const count = <N>(builder: Builder<N>, parent: N): N =>
  builder.narrow('mapPartitions', repartition(builder, builder.narrow('mapPartitions', parent, countRows), 1), sumRows);

/** One row, none for no rows. */
export function reduce<N>(builder: Builder<N>, parent: N, f: (a: never, b: never) => unknown): N {
  const once = (rows: IterableIterator<unknown>): unknown[] => reduceRows(rows, f as never);
  return builder.narrow('mapPartitions', repartition(builder, builder.narrow('mapPartitions', parent, once), 1), once);
}

export function countByValue<N>(builder: Builder<N>, parent: N, partitions: Partitions): N {
  const ones = builder.narrow('map', parent, (row: unknown) => [row, 1]);
  return reduceByKey(builder, ones, (a: number, b: number) => a + b, partitions);
}

/** A list of the one result, or of none where there are no rows. */
export function reduceRows<T>(rows: Iterable<T>, f: (a: T, b: T) => T): T[] {
  let result: T | undefined;
  let isFirst = true;
  for (const row of rows) {
    result = isFirst ? row : f(result as T, row);
    isFirst = false;
  }
  return isFirst ? [] : [result as T];
}

function* countRows(rows: Iterable<unknown>): Iterable<number> {
  let count = 0;
  for (const _ of rows) count++;
  yield count;
}

function* sumRows(rows: Iterable<number>): Iterable<number> {
  let sum = 0;
  for (const row of rows) sum += row;
  yield sum;
}
