/** Accumulators that keep values as they are: one of them, each different one, or all. */
import type { Scalar, WideAccumulators } from './wide-aggregate.js';

/** One value; `replaces(new, old)` says whether a value that comes later takes the place of the one that is there. */
export class OneValue implements WideAccumulators {
  readonly #replaces: (value: Scalar, old: Scalar) => boolean;
  readonly #values: (Scalar | undefined)[] = [];

  constructor(replaces: (value: Scalar, old: Scalar) => boolean) {
    this.#replaces = replaces;
  }

  add(group: number, value: Scalar): void {
    const old = this.#values[group];
    if (old === undefined || this.#replaces(value, old)) this.#values[group] = value;
  }

  partial(group: number): unknown {
    return this.#values[group];
  }

  merge(group: number, partial: unknown): void {
    if (partial !== undefined) this.add(group, partial as Scalar);
  }

  result(group: number): unknown {
    return this.#values[group] ?? null;
  }
}

/** All values in their order. */
export class AllValues implements WideAccumulators {
  readonly #lists: (Scalar[] | undefined)[] = [];

  add(group: number, value: Scalar): void {
    const list = this.#lists[group];
    if (list === undefined) this.#lists[group] = [value];
    else list.push(value);
  }

  partial(group: number): unknown {
    return this.#lists[group];
  }

  merge(group: number, partial: unknown): void {
    if (partial === undefined) return;
    const added = partial as readonly Scalar[];
    const list = this.#lists[group];
    if (list === undefined) this.#lists[group] = [...added];
    else for (const value of added) list.push(value);
  }

  result(group: number): unknown {
    return this.#lists[group] ?? [];
  }
}

/**
 * The number of different values, exact: all of them are kept, in the order in which they first came. NaN is one value,
 * and -0 is 0, as in the keys of groups.
 */
export class DistinctValues implements WideAccumulators {
  readonly #sets: (Set<Scalar> | undefined)[] = [];

  add(group: number, value: Scalar): void {
    const set = this.#sets[group];
    if (set === undefined) this.#sets[group] = new Set([value]);
    else set.add(value);
  }

  partial(group: number): unknown {
    const set = this.#sets[group];
    return set === undefined ? undefined : [...set];
  }

  merge(group: number, partial: unknown): void {
    if (partial === undefined) return;
    const added = partial as readonly Scalar[];
    const set = this.#sets[group];
    if (set === undefined) this.#sets[group] = new Set(added);
    else for (const value of added) set.add(value);
  }

  result(group: number): unknown {
    return this.#sets[group]?.size ?? 0;
  }
}
