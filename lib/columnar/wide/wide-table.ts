import { assertNever } from '../../core/assert-never.js';
import { compareText } from '../../core/compare-text.js';
import { EngineError } from '../../core/errors.js';
import type { ColumnValues } from '../row-objects.js';
import { DistinctEstimates } from './hyper-log-log.js';
import { AllValues, DistinctValues, OneValue } from './kept-values.js';
import { VarianceOf } from './moments.js';
import { Percentiles } from './percentile-sketch.js';
import type { Scalar, WideAccumulators, WideAggregate } from './wide-aggregate.js';

/** What one wide aggregate adds for the rows of a chunk. */
export interface WideInput {
  /** One value a row; those that are null are left out. */
  readonly values: ColumnValues;
  /** One byte a row: rows with 0 are left out; undefined = all count. */
  readonly mask: Uint8Array | undefined;
}

/** The wide accumulators of one group table, by its group numbers, which begin with 1. Nothing of it is in the slot's memory. */
export class WideTable {
  readonly aggregates: readonly WideAggregate[];
  readonly #columns: readonly WideAccumulators[];

  constructor(aggregates: readonly WideAggregate[]) {
    this.aggregates = aggregates;
    this.#columns = aggregates.map(makeAccumulators);
  }

  /** Adds rows `from, from + 1, ...` of the inputs, one input for each aggregate. @param groups of each of these rows */
  add(groups: Uint32Array, from: number, inputs: readonly WideInput[]): void {
    inputs.forEach(({ values, mask }, a) => {
      const column = this.#columns[a];
      for (let i = 0; i < groups.length; i++) {
        if (mask !== undefined && mask[from + i] === 0) continue;
        const value = values[from + i];
        if (value !== null) column.add(groups[i], value as Scalar);
      }
    });
  }

  /** The partials of a group, one for each aggregate. They are the table's own: to be read at once, not changed. */
  partials(group: number): unknown[] {
    return this.#columns.map(column => column.partial(group));
  }

  /** Adds partials of another table that has the same aggregates; their values come after those that are there. */
  merge(group: number, partials: readonly unknown[]): void {
    this.#columns.forEach((column, a) => column.merge(group, partials[a]));
  }

  /** What comes out of one aggregate for some groups. */
  results(which: number, groups: readonly number[]): unknown[] {
    const column = this.#columns[which];
    if (column === undefined) throw new EngineError('internal', `no wide aggregate ${which}`);
    return groups.map(group => column.result(group));
  }
}

function makeAccumulators({ kind, probability }: WideAggregate): WideAccumulators {
  switch (kind) {
    case 'first':
      return new OneValue(() => false);
    case 'last':
      return new OneValue(() => true);
    case 'minText':
      return new OneValue((value, old) => compareText(value as string, old as string) < 0);
    case 'maxText':
      return new OneValue((value, old) => compareText(value as string, old as string) > 0);
    case 'countDistinct':
      return new DistinctValues();
    case 'collectList':
      return new AllValues();
    case 'approxCountDistinct':
      return new DistinctEstimates();
    case 'approxPercentile':
      return new Percentiles(probability ?? 0);
    case 'variance':
      return new VarianceOf(variance => variance);
    case 'stddev':
      return new VarianceOf(Math.sqrt);
    default:
      return assertNever(kind);
  }
}
