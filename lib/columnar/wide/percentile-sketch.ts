/**
 * Percentiles within 1 % of the value that is really there (DDSketch: Masson, Rim and Lee, VLDB 2019, sections 2 and 3).
 * Each value counts in the bucket of its magnitude; bucket i takes (g^(i-1), g^i] with g = 1.01 / 0.99, so that one
 * number in it is within 1 % of all. Of the sketches that can be put together it is the one for state and partitions:
 * t-digest and KLL give something else when the same values come in another order or other portions, here counts are
 * added and that is all, so the result is the same for every number of partitions and after every crash.
 *
 * A sketch grows with the range of magnitudes, not with the values: 115 buckets for each power of ten, 71,000 for all
 * doubles of one sign. Buckets never collapse, so the bound always holds (for subnormal numbers, below 2.3e-308, it is
 * their own rounding). Zeros, infinities and NaN have buckets of their own. The bucket number orders all of them:
 *
 *   -Infinity   - large   - small   0   small   large   Infinity   NaN
 *   -INFINITE   -(i + MIDDLE)       0   i + MIDDLE      INFINITE   NOT_A_NUMBER
 *
 *   partial   [least, greatest, bucket, count, bucket, count ...], buckets ascending
 */
import type { Scalar, WideAccumulators } from './wide-aggregate.js';

const ERROR = 0.01;
const LOG_BASE = Math.log((1 + ERROR) / (1 - ERROR));
/** Of a bucket's upper end: what is as far, relatively, from both ends. */
const CENTER = 1 - ERROR;
/** More than the number of any bucket below 1, which are negative. */
const MIDDLE = 40_000;
const INFINITE = 100_000;
const NOT_A_NUMBER = 100_001;

interface Sketch {
  /** Least and greatest of the finite numbers: a bucket's number never lies outside. */
  least: number;
  greatest: number;
  readonly counts: Map<number, number>;
}

export class Percentiles implements WideAccumulators {
  readonly #probability: number;
  readonly #sketches: (Sketch | undefined)[] = [];

  /** @param probability 0 to 1 */
  constructor(probability: number) {
    this.#probability = probability;
  }

  add(group: number, value: Scalar): void {
    const x = value as number;
    const sketch = (this.#sketches[group] ??= { least: Infinity, greatest: -Infinity, counts: new Map() });
    if (Number.isFinite(x)) {
      if (x < sketch.least) sketch.least = x;
      if (x > sketch.greatest) sketch.greatest = x;
    }
    const bucket = bucketOf(x);
    sketch.counts.set(bucket, (sketch.counts.get(bucket) ?? 0) + 1);
  }

  partial(group: number): unknown {
    const sketch = this.#sketches[group];
    // 0 for -0, which of the two came first being no matter.
    return sketch && [sketch.least + 0, sketch.greatest + 0, ...ascending(sketch.counts).flat()];
  }

  merge(group: number, partial: unknown): void {
    if (partial === undefined) return;
    const [least, greatest, ...buckets] = partial as readonly [number, number, ...number[]];
    const sketch = (this.#sketches[group] ??= { least: Infinity, greatest: -Infinity, counts: new Map() });
    sketch.least = Math.min(sketch.least, least);
    sketch.greatest = Math.max(sketch.greatest, greatest);
    for (let i = 0; i < buckets.length; i += 2)
      sketch.counts.set(buckets[i], (sketch.counts.get(buckets[i]) ?? 0) + buckets[i + 1]);
  }

  /**
   * The value before which `probability` of the others lie, the lower of two where it is between them; NaN is the
   * greatest. The least and the greatest of finite numbers are exact.
   */
  result(group: number): unknown {
    const sketch = this.#sketches[group];
    if (sketch === undefined) return null;
    const buckets = ascending(sketch.counts);
    const total = buckets.reduce((sum, [, count]) => sum + count, 0);
    const place = Math.floor(this.#probability * (total - 1));
    let passed = 0;
    const bucket = buckets.find(([, count]) => (passed += count) > place)?.[0] ?? NOT_A_NUMBER;
    if (Math.abs(bucket) < INFINITE && place === 0) return sketch.least + 0;
    if (Math.abs(bucket) < INFINITE && place === total - 1) return sketch.greatest + 0;
    return valueOf(bucket, sketch);
  }
}

function bucketOf(x: number): number {
  if (x === 0) return 0;
  if (Number.isNaN(x)) return NOT_A_NUMBER;
  if (!Number.isFinite(x)) return x > 0 ? INFINITE : -INFINITE;
  const bucket = Math.ceil(Math.log(Math.abs(x)) / LOG_BASE) + MIDDLE;
  return x > 0 ? bucket : -bucket;
}

function valueOf(bucket: number, { least, greatest }: Sketch): number {
  if (bucket === 0) return 0;
  if (bucket === NOT_A_NUMBER) return Number.NaN;
  if (Math.abs(bucket) === INFINITE) return bucket > 0 ? Infinity : -Infinity;
  const magnitude = Math.exp((Math.abs(bucket) - MIDDLE) * LOG_BASE) * CENTER;
  return Math.min(greatest, Math.max(least, bucket > 0 ? magnitude : -magnitude));
}

const ascending = (counts: ReadonlyMap<number, number>): [number, number][] => [...counts].sort(([a], [b]) => a - b);
