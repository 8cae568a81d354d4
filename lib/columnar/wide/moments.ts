/**
 * Sample variance and its root, numerically stable: the mean and the sum of squared distances from it are carried on
 * value by value (Welford 1962), and two such pairs are put together by the distance of their means (Chan, Golub and
 * LeVeque 1979). Sums of squares, which cancel where the mean is large, are never made.
 */
import type { Scalar, WideAccumulators } from './wide-aggregate.js';

interface Moments {
  count: number;
  mean: number;
  /** Sum of the squared distances from the mean. */
  squares: number;
}

export class VarianceOf implements WideAccumulators {
  readonly #finish: (variance: number) => number;
  readonly #groups: (Moments | undefined)[] = [];

  /** @param finish makes the result of the variance */
  constructor(finish: (variance: number) => number) {
    this.#finish = finish;
  }

  add(group: number, value: Scalar): void {
    const moments = (this.#groups[group] ??= { count: 0, mean: 0, squares: 0 });
    const x = value as number;
    moments.count++;
    const fromOld = x - moments.mean;
    moments.mean += fromOld / moments.count;
    moments.squares += fromOld * (x - moments.mean);
  }

  /** `[count, mean, squares]`. */
  partial(group: number): unknown {
    const moments = this.#groups[group];
    return moments === undefined ? undefined : [moments.count, moments.mean, moments.squares];
  }

  merge(group: number, partial: unknown): void {
    if (partial === undefined) return;
    const [count, mean, squares] = partial as readonly [number, number, number];
    const moments = this.#groups[group];
    if (moments === undefined) {
      this.#groups[group] = { count, mean, squares };
      return;
    }
    const all = moments.count + count;
    const distance = mean - moments.mean;
    moments.squares += squares + distance * distance * ((moments.count * count) / all);
    moments.mean += distance * (count / all);
    moments.count = all;
  }

  /** Null of fewer than two values; NaN where one of them is NaN or infinite. */
  result(group: number): unknown {
    const moments = this.#groups[group];
    if (moments === undefined || moments.count < 2) return null;
    return this.#finish(moments.squares / (moments.count - 1));
  }
}
