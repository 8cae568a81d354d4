/**
 * Sorting: rows in ranges of keys, a range a partition, each sorted. Where a range ends is chosen from a sample of each
 * partition's keys, weighted by how many rows the sample stands for. Equal keys are in one partition, and rows with
 * equal keys keep their order.
 */
import { compareKeys } from '../core/compare-keys.js';
import { seededDraw } from '../core/random.js';
import type { Builder } from './operations.js';
import * as operations from './operations.js';
import type { Lineage } from './lineage.js';
import type { Partitions } from './partitioner.js';
import { gather, inOrderOfPlace, shareByPlace, type Place } from './rdd-partitions.js';

type KeyOf = (row: never) => unknown;
/** A key, and how many rows it stands for. */
type Sampled = readonly [key: unknown, weight: number];
/** Rows of one partition. */
type Placed = readonly [Place, readonly never[]];

/** Of each partition so many keys for each range: ranges come out even to some percent. */
const SAMPLES_PER_RANGE = 20;

export function sortBy(
  builder: Builder<Lineage>,
  parent: Lineage,
  keyOf: KeyOf,
  ascending: boolean,
  numPartitions: number,
): Lineage {
  if (numPartitions === 1) {
    return builder.narrow('mapPartitions', gather(builder, parent), (parts: Iterable<readonly never[]>) =>
      sorted([...parts].flat(), keyOf, ascending),
    );
  }
  const ranged = shareByPlace<readonly Sampled[], readonly unknown[]>(builder, parent, numPartitions, {
    summarize: rows => sample(rows, keyOf, numPartitions * SAMPLES_PER_RANGE),
    combine(samples) {
      const bounds = boundsOf(samples.flat(), numPartitions);
      return samples.map(() => bounds);
    },
    apply(rows, bounds, place) {
      const ranges = new Map<number, unknown[]>();
      for (const row of rows) {
        const below = rangeOf(bounds, keyOf(row));
        const range = ascending ? below : bounds.length - below;
        const list = ranges.get(range);
        if (list === undefined) ranges.set(range, [row]);
        else list.push(row);
      }
      return Array.from(ranges, ([range, list]) => [range, [place, list]]);
    },
  });
  const partitioner = { numPartitions, partitionOf: (range: number) => range };
  const inRanges = operations.partitionBy(builder, ranged, partitioner);
  return builder.narrow('mapPartitions', inRanges, (parts: Iterable<readonly [number, Placed]>) =>
    sorted(inOrderOfPlace(Array.from(parts, ([, placed]) => placed)).flat(), keyOf, ascending),
  );
}

export function repartitionAndSort(
  builder: Builder<Lineage>,
  parent: Lineage,
  partitions: Partitions,
  ascending: boolean,
): Lineage {
  const moved = operations.partitionBy(builder, parent, partitions);
  return builder.narrow('mapPartitions', moved, (rows: Iterable<readonly [unknown, unknown]>) =>
    sorted([...rows], ([key]: readonly [unknown, unknown]) => key, ascending),
  );
}

/** Rows in order of their keys, each asked for once; rows with equal keys keep their order either way. */
export function sorted<T>(rows: readonly T[], keyOf: (row: T) => unknown, ascending: boolean): T[] {
  const sign = ascending ? 1 : -1;
  return rows
    .map(row => [keyOf(row), row] as const)
    .sort(([a], [b]) => sign * compareKeys(a, b))
    .map(([, row]) => row);
}

/** One key at random of each of `wanted` runs of rows that lie together: rows in any order, sorted ones too, are sampled fairly. */
function sample(rows: readonly never[], keyOf: KeyOf, wanted: number): Sampled[] {
  const count = Math.min(wanted, rows.length);
  const draw = seededDraw(rows.length);
  const weight = rows.length / count;
  return Array.from({ length: count }, (_, i) => {
    const at = Math.min(rows.length - 1, Math.floor((i + draw()) * weight));
    return [keyOf(rows[at] as never), weight];
  });
}

/** Keys, ascending, each the last of its range but for the last range: at most `numRanges - 1`, no two equal. */
function boundsOf(samples: readonly Sampled[], numRanges: number): unknown[] {
  const ordered = samples.toSorted(([a], [b]) => compareKeys(a, b));
  const step = ordered.reduce((sum, [, weight]) => sum + weight, 0) / numRanges;
  const bounds: unknown[] = [];
  let reached = 0;
  for (const [key, weight] of ordered) {
    reached += weight;
    if (bounds.length === numRanges - 1) break;
    const isNew = bounds.length === 0 || compareKeys(bounds.at(-1), key) < 0;
    if (reached >= step * (bounds.length + 1) && isNew) bounds.push(key);
  }
  return bounds;
}

/** How many bounds are below the key. */
function rangeOf(bounds: readonly unknown[], key: unknown): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(bounds[middle], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Below 0: `a` first. */
export type Compare<T> = (a: T, b: T) => number;

export const compareBy =
  <T>(keyOf: (row: T) => unknown): Compare<T> =>
  (a, b) =>
    compareKeys(keyOf(a), keyOf(b));

/** The first `n` rows by `compare`, in order; of equal rows those that come first. Holds 2 n rows and some at the most. */
export function firstRows<T>(rows: Iterable<T>, n: number, compare: Compare<T>): T[] {
  if (n <= 0) return [];
  let best: T[] = [];
  for (const row of rows) {
    best.push(row);
    if (best.length >= 2 * n + 64) best = best.sort(compare).slice(0, n);
  }
  return best.sort(compare).slice(0, n);
}
