/** Statistics of numbers: of each partition in one pass, then put together, so that the mean of many rows stays exact enough. */

/** What is known of some numbers. Of none: mean and sum 0, min Infinity, max -Infinity, variances NaN. */
export interface RddStats {
  readonly count: number;
  readonly mean: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Mean squared distance from the mean. */
  readonly variance: number;
  /** The same over count - 1: estimates the variance of what the numbers were drawn from. NaN for less than two. */
  readonly sampleVariance: number;
  /** Square root of `variance`. */
  readonly stdev: number;
  /** Square root of `sampleVariance`. */
  readonly sampleStdev: number;
}

/** Statistics that can be put together. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Sum of squared distances from the mean. */
  readonly m2: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

const NONE: Moments = {
  count: 0,
  mean: 0,
  m2: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
};

/** Welford's recurrence, one number at a time. */
export function momentsOf(rows: Iterable<number>): Moments {
  let { count, mean, m2, sum, min, max } = NONE;
  for (const x of rows) {
    const delta = x - mean;
    count++;
    mean += delta / count;
    m2 += delta * (x - mean);
    sum += x;
    min = Math.min(min, x);
    max = Math.max(max, x);
  }
  return { count, mean, m2, sum, min, max };
}

export const mergeMoments = (parts: readonly Moments[]): Moments => parts.reduce(merge, NONE);

/** Chan, Golub and LeVeque's formulas; of two sides that differ much in size the larger one's mean is moved a little. */
function merge(a: Moments, b: Moments): Moments {
  if (b.count === 0) return a;
  if (a.count === 0) return b;
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  return {
    count,
    mean: meanOf(a, b, delta, count),
    m2: a.m2 + b.m2 + (delta * delta * a.count * b.count) / count,
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  };
}

function meanOf(a: Moments, b: Moments, delta: number, count: number): number {
  if (b.count * 10 < a.count) return a.mean + (delta * b.count) / count;
  if (a.count * 10 < b.count) return b.mean - (delta * a.count) / count;
  return (a.mean * a.count + b.mean * b.count) / count;
}

export function statsOf({ count, mean, m2, sum, min, max }: Moments): RddStats {
  const variance = count === 0 ? Number.NaN : m2 / count;
  const sampleVariance = count < 2 ? Number.NaN : m2 / (count - 1);
  const stdev = Math.sqrt(variance);
  return { count, mean, sum, min, max, variance, sampleVariance, stdev, sampleStdev: Math.sqrt(sampleVariance) };
}
