/** Histograms of numbers. Bucket i holds `edges[i] <= x < edges[i + 1]`; the last one holds its upper edge too. */
import { EngineError } from '../core/errors.js';

export interface Histogram {
  /** Borders of the buckets, ascending: one more than buckets. */
  readonly edges: readonly number[];
  /** How many numbers are in each bucket. */
  readonly counts: readonly number[];
}

/** `numBuckets` of the same width from `min` to `max`; a single one where they are equal. */
export function evenEdges(numBuckets: number, min: number, max: number): number[] {
  if (min === max) return [min, max];
  const edges = Array.from({ length: numBuckets }, (_, i) => min + (i * (max - min)) / numBuckets);
  return [...edges, max];
}

/** Throws `optionInvalid` unless it is an integer of at least 1. */
export function requireBuckets(numBuckets: number): number {
  if (Number.isInteger(numBuckets) && numBuckets >= 1) return numBuckets;
  throw new EngineError('optionInvalid', `histogram wants an integer of at least 1 bucket, got ${numBuckets}`);
}

/** Throws `optionInvalid` unless there are two at least, each above the one before. */
export function requireEdges(edges: readonly number[]): readonly number[] {
  if (edges.length >= 2 && edges.every((edge, i) => i === 0 || edge > (edges[i - 1] ?? Number.NaN))) return [...edges];
  throw new EngineError(
    'optionInvalid',
    `histogram wants borders of buckets, two at least, each above the one before, got [${edges.join(', ')}]`,
  );
}

/** What lies outside, and NaN, does not count. @param edges sorted; equal only where there is one bucket */
export function countBuckets(rows: Iterable<number>, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  const first = edges[0] ?? Number.NaN;
  const last = edges.at(-1) ?? Number.NaN;
  for (const x of rows) {
    if (!(x >= first && x <= last)) continue;
    const bucket = Math.min(counts.length - 1, lastAtMost(edges, x));
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

/** Position of the last edge that is not above `x`; the first one is not. */
function lastAtMost(edges: readonly number[], x: number): number {
  let low = 0;
  let high = edges.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((edges[middle] ?? Number.NaN) <= x) low = middle;
    else high = middle;
  }
  return low;
}

/** Throws `emptyRdd` for no numbers, `typeMismatch` for NaN and infinities: there are no even buckets for these. */
export function requireRange({
  count,
  min,
  max,
}: {
  readonly count: number;
  readonly min: number;
  readonly max: number;
}): void {
  if (count === 0) {
    throw new EngineError(
      'emptyRdd',
      'histogram(n) wants to cut the range of the numbers into buckets, and there are none: give the borders of the buckets instead',
    );
  }
  if (Number.isFinite(min) && Number.isFinite(max)) return;
  throw new EngineError(
    'typeMismatch',
    `histogram(n) wants to cut the range of the numbers into buckets, which are from ${min} to ${max}: ` +
      'filter out NaN and infinities, or give the borders of the buckets instead',
  );
}
