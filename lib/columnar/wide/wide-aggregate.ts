/**
 * Aggregates whose accumulator is more than 8 bytes, such as a set of values: they stand beside the accumulators of the
 * group table, in the thread's heap, one list by group number for each aggregate.
 *
 *   group table entry    [ key | 8 bytes | 8 bytes ... ]  group 7
 *   wide accumulators    countDistinct[7] = Set, first[7] = value ...
 *
 * Between tasks and in state an accumulator is its partial: plain data that the value codec writes. Partials of equal
 * content are equal byte for byte, because state that did not change is told by its bytes.
 */
import type { ColumnKind } from '../../core/schema.js';
import type { Predicate } from '../predicate.js';

export type WideKind =
  | 'first'
  | 'last'
  | 'minText'
  | 'maxText'
  | 'countDistinct'
  | 'collectList'
  | 'approxCountDistinct'
  | 'approxPercentile'
  | 'variance'
  | 'stddev';

/** One wide aggregate of a plan, bound to the column it reads. */
export interface WideAggregate {
  readonly name: string;
  readonly kind: WideKind;
  /** The column it reads. Rows where it is null take no part. */
  readonly column: string;
  readonly inputKind: ColumnKind;
  /** Rows for which this is not true take no part. */
  readonly filter?: Predicate;
  /** Of approxPercentile: which part of the values is not above the result, 0 to 1. */
  readonly probability?: number;
  /** What comes out; a list is only to be had in rows. */
  readonly outputKind: ColumnKind | 'list';
  /** Whether it is null where no value took part. */
  readonly nullable: boolean;
}

/** A value of a column that is not null, as rows have it. */
export type Scalar = string | number | boolean;

/** The accumulators of one aggregate, by group number. A group is there once a value was added or merged. */
export interface WideAccumulators {
  add(group: number, value: Scalar): void;
  /** The accumulator as data, undefined where no value was added. The caller must not change it. */
  partial(group: number): unknown;
  /** Adds what `partial` gave elsewhere: its values come after those that are there. What it is given stays unchanged. */
  merge(group: number, partial: unknown): void;
  /** What comes out for the group; null, 0 or an empty list where no value was added. */
  result(group: number): unknown;
}

/** `users countDistinct of utf8`: what checkpoints compare and messages show. */
export const describeWide = ({ name, kind, inputKind, probability }: WideAggregate): string =>
  `${name} ${kind}${probability === undefined ? '' : `(${probability})`} of ${inputKind}`;
