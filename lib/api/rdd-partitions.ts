/**
 * Operations that look at an RDD partition by partition, in order: indexes, zip, coalesce.
 *
 * How many partitions an RDD has is known in foreachRDD. In transform, where it depends on the batch's input, all rows
 * are gathered in one partition first, in order, and the result has one.
 */
import { EngineError } from '../core/errors.js';
import type { Builder } from './operations.js';
import * as operations from './operations.js';
import { numPartitionsOf, type Lineage } from './lineage.js';
import type { Partitioner } from './partitioner.js';

/** Which partition of an RDD: the way to it through unions, the last of them first, and its number in what they unite. */
export type Place = readonly number[];

type Part = readonly [index: number, rows: readonly unknown[]];
type Rows = Iterable<unknown>;

/** Partitions by number. */
interface Numbered {
  /** For each partition the row `[index, rows]`. */
  readonly parts: Lineage;
  readonly numPartitions: number;
}

/** Whether it is known before the batch how many partitions there are. */
export const isCounted = ({ leaf, dependencies }: Lineage): boolean =>
  leaf === undefined
    ? dependencies.some(({ shuffle }) => shuffle !== undefined) || dependencies.every(({ node }) => isCounted(node))
    : leaf.kind !== 'stream';

/** The number of a partition, counted over the whole RDD. Rows that were kept have no way through the unions before. */
export function partitionIndexOf(lineage: Lineage, place: Place): number {
  const [first = 0, ...rest] = place;
  if (rest.length === 0) return first;
  const { operation, dependencies } = lineage;
  const parent = dependencies[operation?.kind === 'union' ? first : 0]?.node;
  if (parent === undefined) throw new EngineError('internal', `${lineage.label} has no partition at [${place.join()}]`);
  if (operation?.kind !== 'union') return partitionIndexOf(parent, place);
  const before = dependencies.slice(0, first).reduce((sum, { node }) => sum + numPartitionsOf(node), 0);
  return before + partitionIndexOf(parent, rest);
}

/**
 * Numbers that tell a partition from the others, for what needs no more than that: its index, or in transform, where
 * each RDD is computed once, its place.
 */
export const partitionKey = (lineage: Lineage, place: Place): readonly number[] =>
  isCounted(lineage) ? [partitionIndexOf(lineage, place)] : place;

function comparePlaces(a: Place, b: Place): number {
  const at = a.findIndex((number, i) => number !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** Puts pairs where their key says. */
const byNumber = (numPartitions: number): Partitioner<number> => ({ numPartitions, partitionOf: number => number });

/** For each partition the row `[place, rows]`. */
const placeParts = (builder: Builder<Lineage>, parent: Lineage): Lineage =>
  builder.narrow('mapPartitionsWithPlace', parent, (place: Place, rows: Rows) => [[place, [...rows]]]);

/** One partition, whose rows are the lists of rows of the parent's partitions, in order. */
export const gather = (builder: Builder<Lineage>, parent: Lineage): Lineage =>
  builder.narrow('mapPartitions', operations.repartition(builder, placeParts(builder, parent), 1), inOrderOfPlace);

/** Lists of rows, in order of the partitions they come from. */
export const inOrderOfPlace = <T>(placed: Iterable<readonly [Place, readonly T[]]>): (readonly T[])[] =>
  [...placed].toSorted(([a], [b]) => comparePlaces(a, b)).map(([, rows]) => rows);

function numberParts(builder: Builder<Lineage>, parent: Lineage): Numbered {
  if (!isCounted(parent)) {
    const all = (parts: Iterable<readonly unknown[]>): Part[] => [[0, [...parts].flat()]];
    return { parts: builder.narrow('mapPartitions', gather(builder, parent), all), numPartitions: 1 };
  }
  const one = (place: Place, rows: Rows): Part[] => [[partitionIndexOf(parent, place), [...rows]]];
  return { parts: builder.narrow('mapPartitionsWithPlace', parent, one), numPartitions: numPartitionsOf(parent) };
}

/** The rows of parts that were put into one partition, in order of the parts. */
const rowsInOrder = (parts: Iterable<Part>): unknown[] =>
  [...parts].toSorted(([a], [b]) => a - b).flatMap(([, rows]) => rows);

export function mapPartitionsWithIndex(
  builder: Builder<Lineage>,
  parent: Lineage,
  f: (index: number, rows: IterableIterator<never>) => Iterable<unknown>,
): Lineage {
  if (!isCounted(parent)) {
    return builder.narrow('mapPartitions', gather(builder, parent), (parts: Iterable<readonly never[]>) =>
      [...parts].flatMap((rows, index) => [...f(index, rows[Symbol.iterator]())]),
    );
  }
  const one = (place: Place, rows: IterableIterator<never>): Iterable<unknown> =>
    f(partitionIndexOf(parent, place), rows);
  return builder.narrow('mapPartitionsWithPlace', parent, one);
}

/** What each partition is told of all of them. S: summary of a partition; C: what it is told. */
export interface Sharing<S, C> {
  /** What the others need to know of a partition. */
  readonly summarize: (rows: readonly never[]) => S;
  /** From the summaries, in order of partition: what each is told. */
  readonly combine: (summaries: readonly S[]) => readonly C[];
  readonly apply: (rows: readonly never[], told: C, place: Place) => Iterable<unknown>;
}

/** Two steps over the partitions, the second of which knows what the first found in all of them. Partitions stay as they are. */
function share<S, C>(builder: Builder<Lineage>, parent: Lineage, sharing: Sharing<S, C>): Lineage {
  const { parts, numPartitions } = numberParts(builder, parent);
  const placed = builder.narrow('map', parts, ([index, rows]: Part) => [[index], rows]);
  return tell(builder, placed, Math.max(1, numPartitions), sharing);
}

/** The same for what comes in an order of its own: partitions are spread over `numPartitions`, whatever theirs are. */
export const shareByPlace = <S, C>(
  builder: Builder<Lineage>,
  parent: Lineage,
  numPartitions: number,
  sharing: Sharing<S, C>,
): Lineage => tell(builder, placeParts(builder, parent), numPartitions, sharing);

function tell<S, C>(
  builder: Builder<Lineage>,
  placed: Lineage,
  numPartitions: number,
  { summarize, combine, apply }: Sharing<S, C>,
): Lineage {
  const summaries = builder.narrow('mapValues', placed, summarize);
  const combineAll = (found: Iterable<readonly [Place, S]>): (readonly [Place, C | undefined])[] => {
    const ordered = [...found].toSorted(([a], [b]) => comparePlaces(a, b));
    const told = combine(ordered.map(([, summary]) => summary));
    return ordered.map(([place], i) => [place, told[i]]);
  };
  const told = builder.narrow('mapPartitions', operations.repartition(builder, summaries, 1), combineAll);
  // Places that are neighbours go to partitions that are: a place that is one number alone to the one of that number.
  const partitionOf = (place: Place): number => place.reduce((sum, number) => sum + number, 0) % numPartitions;
  const both = operations.cogroup(builder, [placed, told], { numPartitions, partitionOf });
  return builder.narrow('flatMap', both, ([place, [lists, shares]]: [Place, [(readonly never[])[], C[]]]) =>
    lists.flatMap(rows => [...apply(rows, shares[0] as C, place)]),
  );
}

export function zipWithIndex(builder: Builder<Lineage>, parent: Lineage): Lineage {
  return share<number, number>(builder, parent, {
    summarize: rows => rows.length,
    combine(sizes) {
      let start = 0;
      return sizes.map(size => (start += size) - size);
    },
    apply: (rows, start) => rows.map((row, i) => [row, start + i]),
  });
}

export function zipWithUniqueId(builder: Builder<Lineage>, parent: Lineage): Lineage {
  const { parts, numPartitions } = numberParts(builder, parent);
  const numberRows = ([index, rows]: Part): unknown[] => rows.map((row, i) => [row, i * numPartitions + index]);
  return builder.narrow('flatMap', parts, numberRows);
}

/** Throws `jobInvalid` for other numbers of partitions, and when it is computed for other numbers of rows in one of them. */
export function zip(builder: Builder<Lineage>, left: Lineage, right: Lineage): Lineage {
  const isKnown = isCounted(left) && isCounted(right);
  const sides = [left, right].map(side => numberParts(builder, isKnown ? side : flat(builder, side)));
  const [here, there] = sides as [Numbered, Numbered];
  if (here.numPartitions !== there.numPartitions) {
    throw new EngineError(
      'jobInvalid',
      `zip wants two RDDs with the same number of partitions, got ${here.numPartitions} and ${there.numPartitions}: ` +
        'use zipWithIndex on both and join by the index',
    );
  }
  const partitioner = byNumber(Math.max(1, here.numPartitions));
  const both = operations.cogroup(builder, [here.parts, there.parts], partitioner);
  return builder.narrow('flatMap', both, zipRows);
}

/** The rows in one partition, in order. */
const flat = (builder: Builder<Lineage>, parent: Lineage): Lineage =>
  builder.narrow('flatMap', gather(builder, parent), (rows: readonly unknown[]) => rows);

/** What lies under one number on two sides. */
type Sides = readonly [number, readonly [readonly (readonly unknown[])[], readonly (readonly unknown[])[]]];

function zipRows([index, [[left = []], [right = []]]]: Sides): unknown[] {
  if (left.length !== right.length) {
    throw new EngineError(
      'jobInvalid',
      `zip wants as many rows on both sides in each partition, got ${left.length} and ${right.length} in partition ${index}: ` +
        'use zipWithIndex on both and join by the index',
    );
  }
  return left.map((row, i) => [row, right[i]]);
}

/** Partitions that lie side by side become one. */
export function coalesce(builder: Builder<Lineage>, parent: Lineage, numPartitions: number): Lineage {
  if (!isCounted(parent)) return flat(builder, parent);
  const { parts, numPartitions: numBefore } = numberParts(builder, parent);
  // A node of its own, so that to cache it is not to cache the parent.
  if (numBefore <= numPartitions) return builder.union([parent]);
  const partitionOf = (index: number): number => Math.floor((index * numPartitions) / numBefore);
  const moved = operations.partitionBy(builder, parts, { numPartitions, partitionOf });
  return builder.narrow('mapPartitions', moved, rowsInOrder);
}

/** Every row here with every row there: partition i of n here and j of m there make partition i * m + j. */
export function cartesian(builder: Builder<Lineage>, left: Lineage, right: Lineage): Lineage {
  const here = numberParts(builder, left);
  const there = numberParts(builder, right);
  const m = there.numPartitions;
  const copies = (count: number, f: (copy: number) => number, rows: readonly unknown[]): Part[] =>
    Array.from({ length: count }, (_, copy) => [f(copy), rows]);
  const columns = builder.narrow('flatMap', here.parts, ([i, rows]: Part) => copies(m, j => i * m + j, rows));
  const lines = builder.narrow('flatMap', there.parts, ([j, rows]: Part) =>
    copies(here.numPartitions, i => i * m + j, rows),
  );
  const partitioner = byNumber(Math.max(1, here.numPartitions * m));
  const both = operations.cogroup(builder, [columns, lines], partitioner);
  return builder.narrow('flatMap', both, ([, [as, bs]]: Sides) => as.flat().flatMap(a => bs.flat().map(b => [a, b])));
}
