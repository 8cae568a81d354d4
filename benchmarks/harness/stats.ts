/** What benchmarks do with many figures. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return {
    median: round(median ?? Number.NaN),
    min: round(sorted[0] ?? Number.NaN),
    max: round(sorted.at(-1) ?? Number.NaN),
  };
}

/** The value below which the fraction `p` of the values lies. */
export function percentile(values: readonly number[], p: number): number {
  return percentileOfSorted(
    values.toSorted((a, b) => a - b),
    p,
  );
}

/** The same of values that ascend already. */
export const percentileOfSorted = (sorted: ArrayLike<number>, p: number): number =>
  round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN);

/** Four digits: the fifth of no measurement on a shared machine means anything. */
export const round = (value: number): number => Number(value.toPrecision(4));
